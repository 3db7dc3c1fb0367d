"""Whether two results are the same: in type and value, NaN being equal to NaN, in containers and arrays too."""

from __future__ import annotations

import struct
import sys
from typing import Any

__all__ = ["equal"]


def equal(one: Any, other: Any) -> bool:  # noqa: PLR0911  # one return a type
    """Whether `other` is what `one` is.

    Of an array the byte order may have become this machine's; features may have become plain GeoJSON.

    Examples
    --------
    >>> equal([float("nan"), {"a": (1,)}], [float("nan"), {"a": (1,)}])
    True
    >>> equal(1, True), equal(0.0, -0.0), equal((1,), [1])
    (False, False, False)
    """
    if not isinstance(one, dict) and "__geo_interface__" in dir(type(one)) and isinstance(other, dict):
        return bool(one.__geo_interface__ == other)
    if hasattr(type(one), "identical"):  # images, xarray
        return type(one) is type(other) and bool(one.identical(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and type(one) is float:
        return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)  # noqa: PLR0124  # NaN
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict):
        return equal(list(one.items()), list(other.items()))  # in their order
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(one, numpy.ndarray | numpy.generic):
        return _equal_arrays(numpy, one, other)
    if hasattr(type(one), "equals"):  # tables of pyarrow and pandas
        return bool(one.equals(other))
    return bool(one == other)


def _equal_arrays(numpy: Any, one: Any, other: Any) -> bool:
    if one.dtype.newbyteorder("=") != other.dtype.newbyteorder("=") or one.shape != other.shape:
        return False
    if isinstance(one, numpy.ma.MaskedArray):
        masks = numpy.ma.getmaskarray(one), numpy.ma.getmaskarray(other)
        return bool((masks[0] == masks[1]).all()) and _equal_arrays(numpy, one.filled(0), other.filled(0))
    if one.dtype.kind in "fcmM":
        return bool(numpy.array_equal(one, other, equal_nan=True))
    return bool(equal(one.tolist(), other.tolist()) if one.dtype.hasobject else (one == other).all())
