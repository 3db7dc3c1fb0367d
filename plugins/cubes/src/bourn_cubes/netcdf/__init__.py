"""Arrays and images as netCDF-4."""

from bourn_cubes.netcdf.options import Options
from bourn_cubes.netcdf.plugin import NetCDF

__all__ = ["NetCDF", "Options"]
