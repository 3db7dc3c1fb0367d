"""Arrays as nested lists, in chunks of rows, so that the text of an array is never whole in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bourn_formats.json.scalars import CHUNK
from bourn_formats.visitor.moments import expand_year, iso_timedelta64
from bourn_formats.visitor.output import Refusal
from bourn_formats.visitor.plain import LARGEST_EXACT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn_formats.json.scalars import JSONOutput

__all__ = ["count_long", "write_array"]

_NUMPY = orjson.OPT_SERIALIZE_NUMPY

Array = np.ndarray[Any, Any]


def write_array(array: Array, out: JSONOutput) -> None:
    """Write an array (masked ones with null where masked) of bools, numbers, texts or datetimes.

    Raises
    ------
    Refusal
        Its dtype is none of these; or it holds NaN, or a text with lone surrogates.
    """
    if not isinstance(array, np.ma.MaskedArray):
        array = np.asarray(array)  # a matrix has rows that are matrices
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind not in "biufUMmT" or (kind == "f" and width > 8):  # noqa: PLR2004  # bytes of a float64
        msg = f"an array of dtype {array.dtype}"
        raise Refusal(msg)
    # Nested lists end at the first side of length 0.
    out.count("shape", 0 in array.shape[:-1])
    if array.ndim == 0:
        whole = array.reshape(1)
        out.put(_dumped(whole, out, ())[1:-1])
    else:
        _write_rows(array, out, ())


def _write_rows(array: Array, out: JSONOutput, place: tuple[int, ...]) -> None:
    row_size = max(1, array[:1].size)
    out.put(b"[")
    if row_size > CHUNK and array.ndim > 1:
        for index in range(len(array)):
            if index:
                out.put(b",")
            _write_rows(array[index], out, (*place, index))
    else:
        for start, chunk in _chunks(array, max(1, CHUNK // row_size)):
            if start:
                out.put(b",")
            out.put_view(memoryview(_dumped(chunk, out, place, start))[1:-1])
    out.put(b"]")


def _chunks(array: Array, rows: int) -> Iterator[tuple[int, Array]]:
    for start in range(0, len(array), rows):
        yield start, array[start : start + rows]


def _dumped(chunk: Array, out: JSONOutput, place: tuple[int, ...], start: int = 0) -> bytes:
    mask = np.ma.getmaskarray(chunk) if isinstance(chunk, np.ma.MaskedArray) else None
    values = np.asarray(chunk)
    if mask is not None:
        out.count("masked", np.count_nonzero(mask))
        mask = mask if mask.any() else None
    if values.dtype.kind == "f":
        return _dumped_floats(values, mask, out, place, start)
    if values.dtype.kind == "M":
        return orjson.dumps(_dates(values, mask, out))
    if values.dtype.kind == "m":
        return orjson.dumps(_durations(values, mask, out))
    if values.dtype.kind in "UT":
        return _dumped_texts(values, mask, out, place, start)
    out.count("digits", count_long(values, mask))
    if mask is not None:
        return orjson.dumps(np.ma.MaskedArray(values, mask).tolist())
    return orjson.dumps(_plain(values), option=_NUMPY)


def count_long(values: Array, missing: Array | None) -> int:
    """How many integers that are not missing are beyond those that float64 holds exactly."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8 or not values.size:  # noqa: PLR2004  # bytes
        return 0
    if values.max() <= LARGEST_EXACT and (values.dtype.kind == "u" or values.min() >= -LARGEST_EXACT):
        return 0
    long = (values > LARGEST_EXACT) | (values < -LARGEST_EXACT) if values.dtype.kind == "i" else values > LARGEST_EXACT
    return int(np.count_nonzero(long if missing is None else long & ~missing))


def _plain(values: Array) -> Array:
    # orjson reads native, contiguous memory.
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def _dumped_floats(values: Array, mask: Array | None, out: JSONOutput, place: tuple[int, ...], start: int) -> bytes:
    finite = np.isfinite(values)
    if not finite.all():
        strange = ~finite if mask is None else ~finite & ~mask
        if out.strict and strange.any():
            first, *rest = np.argwhere(strange)[0].tolist()
            step = ", ".join(map(str, [*place, first + start, *rest]))
            raise Refusal(repr(float(values[(first, *rest)])), f"[{step}]")
        nan = np.count_nonzero(np.isnan(values) & strange)
        out.count("nan", nan)
        out.count("infinite", np.count_nonzero(strange) - nan)
    if mask is not None:
        values = np.where(mask, np.nan, values).astype(values.dtype, copy=False)
    return orjson.dumps(_plain(values), option=_NUMPY)


def _dates(values: Array, mask: Array | None, out: JSONOutput) -> Any:
    texts = np.datetime_as_string(values).astype(object)
    missing = np.isnat(values)
    if mask is not None:
        texts[mask] = None
        missing = missing & ~mask
    texts[missing] = None
    years = values.astype("M8[Y]").view("i8") + 1970
    for place in np.argwhere(((years < 0) | (years > 9999)) & (texts != None)):  # noqa: E711, PLR2004  # of each element
        texts[tuple(place)] = expand_year(texts[tuple(place)], out)
    out.count("nat", np.count_nonzero(missing))
    out.count("datetime", sum(text is not None for text in texts.flat))
    return texts.tolist()


def _durations(values: Array, mask: Array | None, out: JSONOutput) -> Any:
    texts = np.empty(values.shape, object)
    for place in np.ndindex(values.shape):
        texts[place] = None if mask is not None and mask[place] else iso_timedelta64(values[place])
    missing = np.isnat(values)
    out.count("nat", np.count_nonzero(missing if mask is None else missing & ~mask))
    out.count("duration", sum(text is not None for text in texts.flat))
    return texts.tolist()


def _dumped_texts(values: Array, mask: Array | None, out: JSONOutput, place: tuple[int, ...], start: int) -> bytes:
    texts = values.astype(object)
    if mask is not None:
        texts[mask] = None
    if hasattr(values.dtype, "na_object"):
        _without_missing(texts, mask, out, place, start)
    try:
        return orjson.dumps(texts.tolist())
    except orjson.JSONEncodeError as cause:
        msg = "an array of texts with lone surrogates"
        raise Refusal(msg) from cause


def _without_missing(texts: Array, mask: Array | None, out: JSONOutput, place: tuple[int, ...], start: int) -> None:
    """Put None where a dtype of texts has an object of its own for what is missing."""
    missing = np.array([not isinstance(text, str) for text in texts.flat], bool).reshape(texts.shape)
    if mask is not None:
        missing &= ~mask
    if not missing.any():
        return
    first, *rest = np.argwhere(missing)[0].tolist()
    nan = isinstance(texts[(first, *rest)], float)
    if nan and out.strict:
        step = ", ".join(map(str, [*place, first + start, *rest]))
        raise Refusal("nan", f"[{step}]")
    out.count("nan" if nan else "missing", np.count_nonzero(missing))
    texts[missing] = None
