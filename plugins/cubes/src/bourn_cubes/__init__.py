"""Formats of labelled arrays: netcdf."""
