"""What a warning says of changes that the reader of a file can't undo, by the names that count them."""

from __future__ import annotations

__all__ = ["JSON_LOSSES", "MSGPACK_LOSSES"]

_COMMON = {
    "zone": "a time zone was left out",
    "calendar": "the calendar of a date was left out",
    "crs": "geometries were brought to longitude and latitude",
    "antimeridian": "geometries were cut at the antimeridian",
    "measure": "the M of geometries was left out",
    "dims": "the names of dimensions were left out",
    "coords": "coordinates were left out",
    "attrs": "attributes were left out",
    "name": "names were left out",
    "labels": "labels of columns became texts",
    "index": "the labels of a table's rows were left out",
    "columns": "the columns of a table without rows were left out",
    "metadata": "metadata of an Arrow schema were left out",
    "bandinfo": "what is known of bands was left out",
}

JSON_LOSSES = {
    "digits": "integers beyond 2^53 are there, which JavaScript rounds",
    "year": "years of more than four digits were written in the expanded form",
    "nan": "NaN became null",
    "infinite": "infinities became null",
    "masked": "masked elements became null",
    "shape": "sides of an array without elements were left out",
    "nat": "NaT became null",
    **_COMMON,
}

MSGPACK_LOSSES = {
    "masked_array": "the fill value of a masked array was left out",
    **_COMMON,
}
