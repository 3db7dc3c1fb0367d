"""The column with the bounding box of each geometry: the covering of GeoParquet 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pyarrow as pa
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn_tables.rows import Rows

__all__ = ["with_bounding_boxes"]

SIDES = ("xmin", "ymin", "xmax", "ymax")
BOX = pa.struct([(side, pa.float64()) for side in SIDES])


def with_bounding_boxes(rows: Rows) -> tuple[Rows, str]:
    """Add the bounding boxes of the main geometry as the last column; return the column's name, too.

    It is called ``bbox``, or, where a column has that name, after the geometry, such as ``geometry_bbox``.
    """
    geometry = next(iter(rows.geometries))
    name = "bbox"
    while name in rows.schema.names:
        name = f"{geometry}_{name}"
    schema = rows.schema.append(pa.field(name, BOX))

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows.batches:
            boxes = _boxes(batch.column(geometry))
            yield pa.RecordBatch.from_arrays([*batch.columns, boxes], schema=schema)

    return attrs.evolve(rows, schema=schema, batches=batches()), name


def _boxes(wkb: pa.Array) -> pa.Array:
    """Return the boxes; null for null and for empty geometries."""
    bounds = shapely.bounds(shapely.from_wkb(np.asarray(wkb.to_numpy(zero_copy_only=False), dtype=object)))
    none = pa.array(np.isnan(bounds).any(axis=1))
    sides = [pa.array(np.ascontiguousarray(bounds[:, side])) for side in range(4)]
    return pa.StructArray.from_arrays(sides, fields=list(BOX), mask=none)
