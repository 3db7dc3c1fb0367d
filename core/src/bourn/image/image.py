"""An image: bands of pixels with a mask, a grid and what is known of them; in memory, lazy, or in a file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from bourn.errors import Problem, RequestError
from bourn.image.array_input import pixels_of
from bourn.image.date import utc
from bourn.image.equality import same, same_strip
from bourn.image.nodata import missing_of
from bourn.image.pixels import ArrayPixels, Pixels
from bourn.image.strips import Strip, read_strips
from bourn.image.validation import (
    checked_bandinfo,
    checked_bands,
    checked_geobox,
    checked_properties,
)
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from bourn.image.components import ImageParts

__all__ = ["Image", "Strip"]


class Image:
    """Bands of pixels on one grid; checked at birth, and not changed afterwards.

    Parameters
    ----------
    array : (band, y, x) or (y, x) numpy or dask array, or sequence of (y, x) arrays
        Bool, integer, float or complex. A (y, x) array is one band; in a sequence each band keeps its own dtype. The
        mask of a masked array is taken over.
    bands : sequence of str, optional
        Their names; without them ``band_1``, ``band_2``, ...
    mask : (band, y, x) or (y, x) bool array, optional
        True where masked, as in `numpy.ma`.
    geobox : odc.geo.geobox.GeoBox, optional
        The grid on which the pixels lie; its transform leads to pixel corners.
    properties : mapping, optional
        Plain values by name. ``date``: a datetime, datetime64 or ISO 8601 string, see `date`. ``colormap``: of one
        band of classes the colours [red, green, blue], 0 to 255, of its values 0, 1, 2, ...
    bandinfo : mapping, optional
        By the band's name a mapping with any of ``kind`` (``"data"``, ``"class"`` or ``"mask"``; a bool band is a
        mask unless said otherwise), ``nodata``, ``scale``, ``offset``, ``unit``, ``description``, ``color`` (``"red"``,
        ``"green"`` or ``"blue"``); ``opaque`` makes it the alpha band, and is the value that means fully opaque, 0
        meaning transparent.

    Raises
    ------
    RequestError
        With every problem at once, each with its path (``image.bands[1]``).

    Examples
    --------
    >>> image = Image(np.zeros((2, 3, 4), "uint8"), bands=["red", "nir"], bandinfo={"nir": {"nodata": 0}})
    >>> image.shape, image.nodata
    ((2, 3, 4), (None, 0))
    """

    __slots__ = ("__weakref__", "_bandinfo", "_bands", "_geobox", "_pixels", "_progress", "_properties", "_report")

    _pixels: Pixels
    _bands: tuple[str, ...]
    _geobox: GeoBox | None
    _properties: Mapping[str, Any]
    _bandinfo: Mapping[str, Mapping[str, Any]]

    def __getstate__(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in self.__slots__ if name[:2] != "__" and hasattr(self, name)}
        state["_properties"] = dict(self._properties)
        state["_bandinfo"] = {name: dict(facts) for name, facts in self._bandinfo.items()}
        state["_progress"] = None  # the reader's, in its own process
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._properties = MappingProxyType(state["_properties"])
        self._bandinfo = MappingProxyType({name: MappingProxyType(facts) for name, facts in state["_bandinfo"].items()})

    def __init__(
        self,
        array: Any,
        bands: Sequence[str] | None = None,
        mask: Any = None,
        geobox: GeoBox | None = None,
        properties: Mapping[str, Any] | None = None,
        bandinfo: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        problems: list[Problem] = []
        pixels = pixels_of(array, mask, problems)
        if pixels is None:
            raise RequestError(problems, about="the image")
        self._fill(pixels, bands, geobox, properties, bandinfo, problems)

    def _fill(
        self, pixels: Pixels, bands: Any, geobox: Any, properties: Any, bandinfo: Any, problems: list[Problem]
    ) -> None:
        count, height, width = pixels.shape
        self._pixels = pixels
        self._progress: Callable[[int, int], None] | None = None
        self._report: Mapping[str, Any] | None = None
        self._bands = checked_bands(bands, count, problems)
        self._geobox = checked_geobox(geobox, (height, width), problems)
        self._properties = MappingProxyType(checked_properties(properties, problems))
        full = checked_bandinfo(bandinfo, self._bands, pixels.dtypes, problems)
        self._bandinfo = MappingProxyType({name: MappingProxyType(facts) for name, facts in full.items()})
        if problems:
            raise RequestError(problems, about="the image")

    @classmethod
    def _on(
        cls, pixels: Pixels, bands: Any = None, geobox: Any = None, properties: Any = None, bandinfo: Any = None
    ) -> Image:
        """An image on pixels that are checked already: a file's, or those of another image."""
        image = cls.__new__(cls)
        image._fill(pixels, bands, geobox, properties, bandinfo, [])  # noqa: SLF001  # its own
        return image

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        # Read-only mappings can't be pickled; pixels that are checked already are not checked again.
        bandinfo = {name: dict(facts) for name, facts in self._bandinfo.items()}
        return Image._on, (self._pixels, self._bands, self._geobox, dict(self._properties), bandinfo)

    @classmethod
    def _of(cls, parts: ImageParts) -> Image:
        """An image of what was found in a file or an xarray object."""
        image = cls._on(parts.pixels, parts.bands, parts.geobox, parts.properties, parts.bandinfo)
        if parts.by_nodata and isinstance(image._pixels, ArrayPixels):  # noqa: SLF001  # its own
            image._pixels = attrs.evolve(image._pixels, missing=missing_of(image.dtypes, image.nodata))  # noqa: SLF001
        return image

    @staticmethod
    def from_xarray(obj: xr.DataArray | xr.Dataset) -> Image:
        """The image that an xarray object with spatial dimensions is; lazy if it is.

        Raises
        ------
        RequestError
            It has dimensions besides band, y and x (select along them), or is placed by ground control points.
        """
        from bourn.image.from_xarray import parts_of_xarray  # xarray and odc.geo.xr: 2 s

        return Image._of(parts_of_xarray(obj))

    @staticmethod
    def open(path: str | os.PathLike[str], *, keep_alpha: bool = False) -> Image:
        """The image in a raster file, by path or URL; its pixels are read when they are asked for.

        A band that is the file's alpha becomes the mask; with `keep_alpha` it stays a band besides. The file's metadata
        items become properties, as texts but where the format geotiff wrote something else; an item ``date`` the date.

        Raises
        ------
        RequestError
            There is no such file, or it is no raster of a format that may be read.
        """
        from bourn.image.open_raster import parts_of_file  # rasterio: 0.3 s

        return Image._of(parts_of_file(path, keep_alpha=keep_alpha))

    @property
    def array(self) -> Any:
        """(band, y, x): the array that was given, or a dask array of a file; unlike dtypes become their common one."""
        return self._pixels.array()

    @property
    def mask(self) -> Any:
        """(band, y, x) or (y, x) bool, True where masked; dask if lazy; None without a mask."""
        return self._pixels.mask()

    @property
    def masked(self) -> bool:
        """Whether there is a mask, which is known without making it."""
        return self._pixels.masked

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands' names."""
        return self._bands

    @property
    def geobox(self) -> GeoBox | None:
        """The grid."""
        return self._geobox

    @property
    def properties(self) -> Mapping[str, Any]:
        """What was said of the image; read-only."""
        return self._properties

    @property
    def bandinfo(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of every band, its ``kind`` always; read-only."""
        return self._bandinfo

    @property
    def date(self) -> dt.datetime | None:
        """``properties["date"]`` as an aware datetime in UTC (a naive one is UTC), or None."""
        given = self._properties.get("date")
        return None if given is None else utc(given)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        return self._pixels.shape

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """One a band."""
        return self._pixels.dtypes

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of all bands; of unlike bands the one that numpy would promote them to."""
        return np.result_type(*set(self.dtypes)) if len(set(self.dtypes)) > 1 else self.dtypes[0]

    @property
    def lazy(self) -> bool:
        """Whether pixels or mask are still to be computed, or read from a file."""
        return self._pixels.lazy

    @property
    def nbytes(self) -> int:
        """Of the pixels in memory, without the mask."""
        _, height, width = self.shape
        return height * width * sum(dtype.itemsize for dtype in self.dtypes)

    @property
    def nodata(self) -> tuple[int | float | complex | None, ...]:
        """One a band."""
        return tuple(self._bandinfo[name].get("nodata") for name in self._bands)

    def _index(self, name: str, path: str) -> int:
        if name in self._bands:
            return self._bands.index(name)
        near = nearest(str(name), self._bands)
        hint = f"did you mean {near!r}?" if near else f"the bands are {listed(self._bands)}"
        raise RequestError([Problem(path, f"no band is called {shown(name)}; {hint}")])

    def band(self, name: str) -> Any:
        """(y, x) of one band, in its own dtype; dask if lazy."""
        return self._pixels.layer(self._index(name, "band"))

    def select(self, bands: Sequence[str]) -> Image:
        """The image of these bands only, in this order."""
        indices = [self._index(name, f"bands[{index}]") for index, name in enumerate(bands)]
        if not indices:
            raise RequestError([Problem("bands", "an image has one band at least")])
        chosen = {name: self._bandinfo[name] for name in bands}
        return Image._on(self._pixels.select(indices), tuple(bands), self._geobox, self._properties, chosen)

    def strips(self, rows: int = 512, *, progress: Callable[[int, int], None] | None = None) -> Iterator[Strip]:
        """The pixels from the top to the bottom, each chunk or block of the source being computed or read once.

        Memory stays at about one strip and one row of chunks, whatever the image's height.

        Parameters
        ----------
        rows : int
            The height of a strip; the last one may be lower.
        progress : callable, optional
            ``progress(done, total)``, in strips, called after each. What it raises ends the reading.
        """
        if rows < 1:
            raise RequestError([Problem("rows", f"expected 1 or more, got {shown(rows)}")])
        return read_strips(self._pixels, rows, progress or self._progress)

    def preview(self, height: int, width: int) -> Image:
        """This image at fewer pixels, in memory, each the nearest one of the image.

        Of a file only these are read, from the smallest overview that has enough of them; of dask arrays only the
        chunks are computed that have one of them.

        Examples
        --------
        >>> image = Image(np.arange(16).reshape(1, 4, 4), bands=["x"])
        >>> image.preview(2, 2).array.tolist()
        [[[5, 7], [13, 15]]]
        """
        sizes = {"height": (height, self.shape[1]), "width": (width, self.shape[2])}
        problems = [
            Problem(name, f"expected 1 to {most}, got {shown(given)}")
            for name, (given, most) in sizes.items()
            if not 1 <= given <= most
        ]
        if problems:
            raise RequestError(problems)
        from bourn.image.preview import decimate  # only pictures need it

        pixels = decimate(self._pixels, (height, width), self._progress)
        geobox = None if self._geobox is None else self._geobox.zoom_to((height, width))
        return Image._on(pixels, self._bands, geobox, self._properties, self._bandinfo).compute()

    def watched(self, progress: Callable[[int, int], None]) -> Image:
        """The same image, that calls ``progress(done, total)`` after each of its strips, for every reader."""
        image = Image._on(self._pixels, self._bands, self._geobox, self._properties, self._bandinfo)
        image._progress = progress  # noqa: SLF001  # its own
        return image

    @property
    def report(self) -> Mapping[str, Any] | None:
        """What is said of the pixels while they are read, see `changed`; None of an image that nobody changes."""
        return self._report

    def changed(
        self,
        change: Callable[[Any, Any], tuple[Any, Any]],
        *,
        dtypes: Sequence[np.dtype[Any]],
        mask_ndim: Literal[0, 2, 3],
        bands: Sequence[str],
        bandinfo: Mapping[str, Mapping[str, Any]] | None = None,
        properties: Mapping[str, Any] | None = None,
        reading: Callable[[], Callable[[Strip], tuple[Any, Any]]] | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> Image:
        """An image whose pixels are made of this one's while they are read; lazy, and on the same grid.

        Parameters
        ----------
        change : callable
            ``change(pixels, mask)`` gives (pixels, mask) of a block, as they stand in a `Strip`, and writes to
            neither. Each pixel is changed by itself: a block may be of any height and width.
        dtypes, bands, bandinfo
            Of the image that is made.
        mask_ndim : 0, 2 or 3
            Whether it has no mask, one (y, x) for all bands, or one a band.
        properties : mapping, optional
            In the place of this image's.
        reading : callable, optional
            ``reading()`` is called whenever the image is read from the top to the bottom, as formats do; what it gives
            is called with each `Strip` in turn, in the place of `change`: so that something can be counted.
        report : mapping, optional
            Filled by `reading`; see `report`.

        Examples
        --------
        >>> image = Image(np.array([[[1, 2]]]), bands=["x"])
        >>> double = image.changed(
        ...     lambda pixels, mask: (pixels * 2, mask), dtypes=image.dtypes, mask_ndim=0, bands=image.bands
        ... )
        >>> double.lazy, double.compute().array.tolist()
        (True, [[[2, 4]]])
        """
        from bourn.image.map_blocks import ChangedPixels  # only destinations that change pixels need it

        pixels = ChangedPixels(
            source=self._pixels, change=change, reading=reading, dtypes=tuple(dtypes), mask_ndim=mask_ndim
        )
        kept = self._properties if properties is None else properties
        image = Image._on(pixels, tuple(bands), self._geobox, kept, bandinfo)
        image._report = report  # noqa: SLF001  # its own
        return image

    def dask_parts(self) -> list[Any] | None:
        """The arrays that the image is made of, dask arrays among them, to be computed together with others.

        None if the pixels are in a file: then `compute` reads them.
        """
        pixels = self._pixels
        return list(pixels.parts()) if isinstance(pixels, ArrayPixels) else None

    def with_parts(self, parts: Sequence[Any]) -> Image:
        """The same image on arrays that take the place of `dask_parts`, in their order: the same ones, computed."""
        pixels = self._pixels
        if isinstance(pixels, ArrayPixels):
            pixels = pixels.with_parts(parts)
        return Image._on(pixels, self._bands, self._geobox, self._properties, self._bandinfo)

    def compute(self, *, progress: Callable[[int, int], None] | None = None) -> Image:
        """The same image with its pixels in memory; itself if they are."""
        if not self.lazy:
            return self
        from bourn.image.load import loaded  # only what is lazy needs it

        return Image._on(loaded(self._pixels, progress), self._bands, self._geobox, self._properties, self._bandinfo)

    def identical(self, other: object) -> bool:
        """Whether `other` is an image with the same pixels (those beneath the mask too), mask and facts.

        NaN is equal to NaN; the byte order of a dtype does not matter, nor whether pixels are lazy.
        """
        if not isinstance(other, Image) or self.bands != other.bands or self.shape != other.shape:
            return False
        if [dtype.newbyteorder("=") for dtype in self.dtypes] != [dtype.newbyteorder("=") for dtype in other.dtypes]:
            return False
        if self.geobox != other.geobox or self.date != other.date:
            return False
        mine, theirs = ({**image.properties, "date": None} for image in (self, other))
        if not same(mine, theirs):
            return False
        if not same(self.bandinfo, other.bandinfo):
            return False
        return all(same_strip(one, two) for one, two in zip(self.strips(), other.strips(), strict=True))

    def to_xarray(self) -> Any:
        """The DataArray that `from_xarray` makes this image of; a Dataset where bands are of unlike dtypes."""
        from bourn.image.to_xarray import xarray_from_image  # xarray and odc.geo.xr: 2 s

        return xarray_from_image(self)

    def __repr__(self) -> str:
        count, height, width = self.shape
        dtypes = self.dtype.name if len(set(self.dtypes)) == 1 else ", ".join(dtype.name for dtype in self.dtypes)
        names = ", ".join(self._bands[:8]) + (f", ... ({count} in all)" if count > 8 else "")  # noqa: PLR2004  # fits a line
        lines = [
            f"<bourn.Image {count} x {height} x {width}, {dtypes}{', lazy' if self.lazy else ''}>",
            f"bands: {names}",
        ]
        if self._geobox is not None:
            crs = self._geobox.crs
            name = "none" if crs is None else f"EPSG:{crs.epsg}" if crs.epsg else "custom"
            corners = ", ".join(f"{number:g}" for number in tuple(self._geobox.affine)[:6])
            lines.append(f"grid:  CRS {name}, transform {corners}")
        if self.date is not None:
            lines.append(f"date:  {self.date.isoformat()}")
        if self.masked:
            lines.append("mask:  yes")
        return "\n".join(lines)
