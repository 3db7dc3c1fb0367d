"""Data types under both kinds of name, and which numbers they hold exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DATA_TYPES", "canonical", "dtype_of", "holds", "limits_of", "number_of"]

DATA_TYPES = {
    "Byte": "uint8",
    "UInt16": "uint16",
    "Int16": "int16",
    "UInt32": "uint32",
    "Int32": "int32",
    "Float32": "float32",
    "Float64": "float64",
}
"""The catalog's name (GDAL's) and numpy's; a request may give either, in any case."""

_BY_FOLDED = {alias.lower(): name for name, numpy in DATA_TYPES.items() for alias in (name, numpy)}

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
"""Numbers that JSON has no digits for, as STAC spells them."""


def canonical(given: Any) -> Any:
    """The catalog's name of a data type that is given by name, as a numpy dtype or as numpy's class; else as it is.

    Examples
    --------
    >>> canonical("uint16"), canonical("byte"), canonical("complex64")
    ('UInt16', 'Byte', 'complex64')
    """
    if not issubclass(type(given), str):
        import numpy as np  # a caller with a dtype has imported it

        if not isinstance(given, np.dtype) and not (isinstance(given, type) and issubclass(given, np.generic)):
            return given
        given = np.dtype(given).name
    return _BY_FOLDED.get(given.lower(), given)


def dtype_of(data_type: str) -> np.dtype[Any]:
    """The numpy dtype of a data type."""
    import numpy as np  # not needed to list products

    return np.dtype(DATA_TYPES[data_type])


def limits_of(data_type: str) -> tuple[float, float]:
    """The least and the greatest finite number that a data type holds."""
    import numpy as np  # see above

    dtype = dtype_of(data_type)
    facts: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return (float(facts.min), float(facts.max)) if dtype.kind == "f" else (int(facts.min), int(facts.max))


def number_of(value: float | str) -> float:
    """The number that a nodata value means: itself, or NaN and the infinities by their names."""
    return SPECIAL[value] if isinstance(value, str) else value


def holds(data_type: str, value: float) -> bool:
    """Whether a data type holds that very number.

    Examples
    --------
    >>> holds("Byte", 255), holds("Byte", 256), holds("Int16", 0.5), holds("Float32", 0.1), holds("Float32", -9999)
    (True, False, False, False, True)
    """
    dtype = dtype_of(data_type)
    if dtype.kind == "f":
        if math.isnan(value) or math.isinf(value):
            return True
        least, most = limits_of(data_type)
        return least <= value <= most and float(dtype.type(value)) == value
    least, most = limits_of(data_type)
    return math.isfinite(value) and value == int(value) and least <= value <= most
