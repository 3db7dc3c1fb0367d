"""Features as rows: their properties are columns, their geometries WKB."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import shapely
from bourn.plugin import EncodeError
from shapely.geometry import shape

from bourn_tables.geometry import Geometries
from bourn_tables.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["rows_of_features"]

GEOMETRY = "geometry"
CHUNK = 4096
"""Features whose properties are inspected together to find the types of the columns."""


def rows_of_features(result: Any, most: int) -> Rows:
    """Return the rows of an object with ``__geo_interface__``: features, a feature or a geometry.

    Raises
    ------
    EncodeError
        With the path of the feature or property that a table can't hold.
    """
    features = _features(result.__geo_interface__)
    schema, report = _schema_of(features)
    crs = getattr(result, "crs", None)
    geometries = Geometries() if crs is None else Geometries.of(getattr(crs, "proj", crs))
    batches = _batches(features, schema, report.get("id_column"), most, geometries)
    return Rows(schema=schema, batches=batches, geometries={GEOMETRY: geometries}, report=report)


def _features(geojson: Any) -> list[dict[str, Any]]:
    kind = geojson.get("type")
    if kind == "FeatureCollection":
        return list(geojson["features"])
    return [geojson] if kind == "Feature" else [{"type": "Feature", "geometry": geojson, "properties": {}}]


def _schema_of(features: list[dict[str, Any]]) -> tuple[pa.Schema, dict[str, Any]]:
    """Return the columns of all features; a property that some features lack is null there."""
    schema, ids = pa.schema([]), False
    for start in range(0, len(features), CHUNK):
        part = features[start : start + CHUNK]
        ids = ids or any(feature.get("id") is not None for feature in part)
        names = dict.fromkeys(name for feature in part for name in feature.get("properties") or ())
        for name in names:
            place = f"result.features[{start}:].properties[{name!r}]"
            if not isinstance(name, str) or name == GEOMETRY:
                raise EncodeError(f"{place}: a property can't be called {GEOMETRY!r}: the column of geometries is")
            values = [(feature.get("properties") or {}).get(name) for feature in part]
            try:
                schema = pa.unify_schemas(
                    [schema, pa.schema([(name, pa.infer_type(values))])], promote_options="permissive"
                )
            except (pa.ArrowException, OverflowError) as error:
                raise EncodeError(f"{place}: {str(error).splitlines()[0]}; a column has one type") from error
    report: dict[str, Any] = {}
    if ids:
        # A property may be called "id", too.
        report["id_column"] = "id" if "id" not in schema.names else "feature_id"
        if report["id_column"] in schema.names:
            raise EncodeError("result.features: both 'id' and 'feature_id' are properties; there is no column for ids")
        schema = schema.append(pa.field(report["id_column"], pa.string()))
    return schema.append(pa.field(GEOMETRY, pa.binary())), report


def _batches(
    features: list[dict[str, Any]], schema: pa.Schema, id_column: str | None, most: int, geometries: Geometries
) -> Iterator[pa.RecordBatch]:
    given, start = iter(features), 0
    while part := list(islice(given, most)):
        shapes = [_shape(feature.get("geometry"), number) for number, feature in enumerate(part, start)]
        geometries.add(shapes)
        columns = []
        for field in schema:
            if field.name == GEOMETRY:
                columns.append(pa.array(shapely.to_wkb(shapes, flavor="iso"), field.type))
            elif field.name == id_column:
                ids = [feature.get("id") for feature in part]
                columns.append(pa.array([None if each is None else str(each) for each in ids], field.type))
            else:
                columns.append(_column(part, field, start))
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        start += len(part)


def _column(part: list[dict[str, Any]], field: pa.Field, start: int) -> pa.Array:
    values = [(feature.get("properties") or {}).get(field.name) for feature in part]
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError):
        for number, value in enumerate(values, start):
            try:
                pa.array([value], field.type)
            except (pa.ArrowException, OverflowError, TypeError) as error:
                place = f"result.features[{number}].properties[{field.name!r}]"
                raise EncodeError(f"{place}: {str(error).splitlines()[0]}; a column has one type") from error
        raise  # each value fits alone, and not all together


def _shape(geometry: Any, number: int) -> Any:
    if geometry is None:
        return None
    try:
        return shape(geometry)
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise EncodeError(f"result.features[{number}].geometry: {type(error).__name__}: {error}") from error
