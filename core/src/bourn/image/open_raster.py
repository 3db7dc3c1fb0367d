"""An image in a raster file: what is known of it, and its pixels as `Image.open` gives them."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.errors import Problem, RequestError
from bourn.image.components import ImageParts
from bourn.image.file_metadata import properties_of
from bourn.image.file_pixels import FilePixels
from bourn.image.nodata import exact, missing_of
from bourn.image.north_up import is_south_up, north_up
from bourn.image.open_files import Datasets
from bourn.image.validation import COLORS
from bourn.wording import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["parts_of_file"]


def parts_of_file(path: str | os.PathLike[str], *, keep_alpha: bool = False) -> ImageParts:
    """The image in the raster file at `path`, its pixels read when they are asked for.

    Parameters
    ----------
    path : str or path-like
        A path or a URL. Files of a few plain raster formats are opened; a VRT, which reads other files, only where
        the name says that it is one.
    keep_alpha : bool
        Whether a band that is the file's alpha is also kept as a band; the mask is made of it either way.
    """
    given: Any = path
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise RequestError([Problem("path", f"expected a path or a URL, got {shown(path)}")])
    name = os.fspath(path)
    datasets = Datasets(name)
    try:
        with datasets.borrowed() as dataset:
            return _parts(dataset, datasets, keep_alpha=keep_alpha)
    except OSError as cause:
        raise RequestError([Problem("path", _unreadable(name, cause))]) from cause


def _unreadable(name: str, cause: OSError) -> str:
    if "://" in name or name.startswith("/vsi") or os.path.exists(name):  # noqa: PTH110  # may be no path at all
        return f"{shown(name)} can't be read as a raster: {cause}"
    folder, last = os.path.split(name)
    try:
        near = nearest(last, os.listdir(folder or "."))  # noqa: PTH208  # names only
    except OSError:
        near = None
    return f"no such file: {shown(name)}" + (f"; did you mean {near!r}?" if near else "")


def _parts(dataset: Any, datasets: Datasets, *, keep_alpha: bool) -> ImageParts:
    from rasterio.enums import ColorInterp, MaskFlags  # rasterio: 0.3 s

    alpha = [number for number, role in enumerate(dataset.colorinterp, 1) if role == ColorInterp.alpha]
    numbers = [number for number in dataset.indexes if keep_alpha or number not in alpha]
    if not numbers:  # nothing but an alpha: then it is the data
        numbers, alpha = list(dataset.indexes), []
    dtypes = [np.dtype(_numpy_name(dataset.dtypes[number - 1])) for number in numbers]
    problems: list[Problem] = []
    geobox, south_up = _grid(dataset, problems)
    if problems:
        raise RequestError(problems)
    nodata = _nodata(dataset, numbers, dtypes)
    internal = any(
        # Also by the item NODATA_VALUES, which takes all bands together.
        MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
        for flags in dataset.mask_flag_enums
    )
    by_band = not internal and any(not flags for flags in dataset.mask_flag_enums)
    if internal:  # GDAL lets a mask of the whole dataset override nodata
        nodata = [None] * len(nodata)
    pixels = FilePixels(
        datasets=datasets, numbers=tuple(numbers), size=(dataset.height, dataset.width), dtypes=tuple(dtypes),
        block=tuple(dataset.block_shapes[0]), south_up=south_up, alpha=tuple(alpha), internal_mask=internal,
        band_masks=by_band, missing=missing_of(dtypes, nodata),
    )  # fmt: skip
    colors = _colors(dataset, numbers)
    bands = _band_names([dataset.descriptions[number - 1] for number in numbers], colors)
    bandinfo = {
        band: _band_facts(dataset, band, number, value, dtype, is_alpha=number in alpha)
        for band, number, value, dtype in zip(bands, numbers, nodata, dtypes, strict=True)
    }
    items = dataset.tags()
    properties = properties_of(items)
    if "AREA_OR_POINT" in items:
        properties["AREA_OR_POINT"] = items["AREA_OR_POINT"]
    if ColorInterp.palette in dataset.colorinterp and len(bands) == 1:
        properties["colormap"] = _colormap(dataset)
    return ImageParts(pixels=pixels, bands=bands, geobox=geobox, properties=properties, bandinfo=bandinfo)


def _colormap(dataset: Any) -> list[list[int]]:
    """[red, green, blue] of 0, 1, 2, ..., up to the last value that is not black."""
    colours = [list(colour[:3]) for _, colour in sorted(dataset.colormap(1).items())]
    while len(colours) > 1 and colours[-1] == [0, 0, 0]:
        colours.pop()
    return colours


def _numpy_name(name: str) -> str:
    # GDAL's complex integers have no numpy dtype; rasterio reads them as complex64.
    return "complex64" if name == "complex_int16" else name


def _grid(dataset: Any, problems: list[Problem]) -> tuple[Any, bool]:
    """(GeoBox or None, whether the file's rows run from south to north)."""
    from odc.geo.crs import CRS  # odc.geo: 0.5 s
    from odc.geo.geobox import GeoBox  # the same

    transform = dataset.transform
    if transform.is_identity:  # what GDAL says of a file without a transform
        points, _ = dataset.gcps
        if points or dataset.rpcs is not None:
            how = "ground control points" if points else "RPCs"
            hint = "warp it onto a grid first, as gdalwarp does"
            problems.append(Problem("path", f"{shown(dataset.name)} is placed by {how}, which give no grid; {hint}"))
        return None, False
    crs = None if dataset.crs is None else CRS(dataset.crs)
    geobox = GeoBox((dataset.height, dataset.width), transform, crs)
    south_up = is_south_up(geobox)
    return (north_up(geobox) if south_up else geobox), south_up


def _colors(dataset: Any, numbers: Sequence[int]) -> list[str]:
    """GDAL's names of the bands' colors: ``red``, ``gray``, ``undefined``, ..."""
    return [dataset.colorinterp[number - 1].name for number in numbers]


def _band_names(descriptions: Sequence[str | None], colors: Sequence[str]) -> tuple[str, ...]:
    """The descriptions, else the colors where all bands have one, else ``band_1``, ..."""
    if not any(descriptions) and len(colors) > 1 and set(colors) <= {*COLORS, "gray", "alpha"}:
        descriptions = colors
    names = tuple(text or f"band_{number}" for number, text in enumerate(descriptions, 1))
    if len(set(names)) == len(names) and all(name.isprintable() for name in names):
        return names
    return tuple(f"band_{number}" for number in range(1, len(names) + 1))


def _band_facts(
    dataset: Any, band: str, number: int, nodata: complex | None, dtype: np.dtype[Any], *, is_alpha: bool
) -> dict[str, Any]:
    facts: dict[str, Any] = {"nodata": nodata}
    color = dataset.colorinterp[number - 1].name
    if color == "palette":
        facts["kind"] = "class"
    elif color in COLORS and (band != color or dataset.colorinterp[0].name != COLORS[0]):
        # Bands named red, green, blue in this order have these colors already.
        facts["color"] = color
    if is_alpha:
        facts["kind"] = "mask"
        if dtype.name in {"uint8", "uint16"}:  # of others GDAL does not say what is opaque
            facts["opaque"] = int(np.iinfo(dtype).max)
    scale, offset = dataset.scales[number - 1], dataset.offsets[number - 1]
    if scale != 1 and scale and math.isfinite(scale):
        facts["scale"] = scale
    if offset and math.isfinite(offset):
        facts["offset"] = offset
    if dataset.units[number - 1]:
        facts["unit"] = dataset.units[number - 1]
    description = dataset.tags(number).get("DESCRIPTION")
    if description:
        facts["description"] = description
    return facts


def _nodata(
    dataset: Any, numbers: Sequence[int], dtypes: Sequence[np.dtype[Any]]
) -> list[int | float | complex | None]:
    values: list[Any] = [dataset.nodatavals[number - 1] for number in numbers]
    if any(dtype.name in {"int64", "uint64"} for dtype in dtypes):
        values = _wide_nodata(dataset, numbers)
    found: list[int | float | complex | None] = []
    for value, dtype in zip(values, dtypes, strict=True):
        try:
            found.append(None if value is None else exact(_held(value, dtype), dtype))
        except ValueError:  # 0.5 in a file of bytes: GDAL tells it, and no pixel can have it
            found.append(None)
    return found


def _held(value: Any, dtype: np.dtype[Any]) -> Any:
    """The value that pixels of a float dtype hold where a file names a decimal number: the nearest finite one."""
    if dtype.kind != "f" or not math.isfinite(value):
        return value
    limits = np.finfo(dtype)
    return dtype.type(min(max(value, float(limits.min)), float(limits.max))).item()


def _wide_nodata(dataset: Any, numbers: Sequence[int]) -> list[int | None]:
    """Nodata of 64-bit integers exactly: rasterio takes it through a float, and loses 2^64 - 1 altogether.

    GDAL itself keeps it exactly, and writes it into a VRT of the file.
    """
    from rasterio.io import MemoryFile  # loaded already
    from rasterio.shutil import copy  # the same

    with MemoryFile(ext=".vrt") as memory:
        copy(dataset, memory.name, driver="VRT")
        text = memory.read().decode("utf-8", "replace")
    bands = re.findall(r"<VRTRasterBand\b.*?</VRTRasterBand>", text, re.DOTALL)
    found: list[int | None] = []
    for number in numbers:
        match = re.search(r"<NoDataValue>(-?\d+)</NoDataValue>", bands[number - 1])
        found.append(None if match is None else int(match[1]))
    return found
