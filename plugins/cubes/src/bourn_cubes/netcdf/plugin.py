"""The format netcdf: an array or image as netCDF-4, by the conventions of CF 1.11.

An xarray object keeps names, dimensions, coordinates and attributes. A numpy or dask array becomes the variable
``data``. An image becomes one variable for each band: its unit, description, scale and offset are ``units``,
``long_name``, ``scale_factor`` and ``add_offset``. Masked pixels become NaN or the nodata value (``_FillValue``);
of a band of integers without a nodata value the variable ``<band>_mask`` says which are masked.

A CRS becomes a grid mapping (CF 1.11, section 5.6) with WKT and GDAL's GeoTransform; the axes get their standard names.
Values are written as they are: packing that an xarray object's ``encoding`` remembers from the file it came from is not
repeated. The report names under ``encoding`` the variables where it was left out, under ``attributes`` how many
attributes became JSON, since netCDF holds texts, numbers and lists of these only; under ``bool`` and ``float16``
variables that became int8 and float32; under ``nodata_clash`` valid pixels equal to nodata, by band.

HDF5 writes to a file, not to a stream: the file is made in the folder for temporary files and then copied. Of a lazy
array chunks are written as they are computed, in that order; the values are the same, the bytes need not be. Refused
with their place are complex numbers, arrays with fields, arrays of objects other than texts, and names with ``/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import Example, Format, Problem, ResultInfo, Sink

from bourn_cubes.netcdf.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bourn.plugin import Note

__all__ = ["NetCDF"]


class NetCDF(Format[Options]):
    """Labelled arrays as netCDF-4 with CF conventions.

    Read by xarray, GDAL, Panoply, R and climate tools. Dimensions, coordinates, attributes and CRS are kept.
    """

    media_type = "application/x-netcdf"
    suffix = ".nc"
    kinds = ("array", "image")
    lazy = True
    examples = (
        Example("An array with its labels.", format="netcdf"),
        Example("Small chunks, for time series.", format={"type": "netcdf", "chunks": [24, 64, 64]}),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:
        """Check what is known of dtype and shape."""
        if "complex" in (info.dtype or ""):
            yield Problem("", f"netCDF does not have {info.dtype}; write real and imaginary parts")
        if info.shape is not None and len(options.chunks) > len(info.shape):
            yield Problem(
                "chunks", f"expected at most {len(info.shape)}, one for each dimension, got {len(options.chunks)}"
            )

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write a temporary file chunk by chunk, and copy it."""
        from bourn_cubes.datasets import dataset_of  # xarray: 0.7 s
        from bourn_cubes.netcdf.writer import write  # h5netcdf: 0.2 s

        dataset, report = dataset_of(result)
        return write(dataset, report, options, sink)
