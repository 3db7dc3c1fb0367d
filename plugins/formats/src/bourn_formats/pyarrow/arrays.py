"""numpy's scalars and arrays as tokens and bytes, without a copy where the array is contiguous."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bourn_formats.foreign import plain_form_hint
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from bourn_formats.pyarrow.blobs import Blobs, BlobSource

__all__ = ["DECODERS", "decode_dtype", "encode_array", "encode_dtype", "encode_scalar", "is_native", "iter_bytes"]

DEEPEST = 16
"""Levels of structured dtypes."""

# bool, integers, floats, complex, timedelta, datetime, bytes, str, raw; with a unit for times. No objects.
_PLAIN = re.compile(r"[|<>=]?([biufcSUV][0-9]{1,10}|[mM]8(\[[0-9]{0,10}[A-Za-zµ]{1,7}(/[0-9]{1,10})?\])?)")


def encode_dtype(dtype: np.dtype[Any], level: int = 0) -> Any:
    """`dtype`, in its own byte order, as JSON: a text such as ``<f8``, or a mapping for one with fields.

    Raises
    ------
    ValueError
        It holds Python objects, or is of a kind that only numpy knows how to store.
    """
    if dtype.hasobject or level > DEEPEST:
        msg = f"dtype {dtype}"
        raise ValueError(msg)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": encode_dtype(base, level + 1), "shape": list(shape)}
    if dtype.fields is not None and dtype.names is not None:
        if dtype.type is not np.void:
            msg = f"a structured dtype of type {dtype.type.__name__}"
            raise ValueError(msg)
        fields = []
        for name in dtype.names:
            inner, offset, *title = dtype.fields[name]
            if title and type(title[0]) is not str:
                msg = f"a field {name!r} whose title is not text"
                raise ValueError(msg)
            fields.append([name, encode_dtype(inner, level + 1), offset, *title])
        return {"fields": fields, "itemsize": dtype.itemsize, "aligned": dtype.isalignedstruct}
    text = dtype.str
    # Somebody's own dtype, such as bfloat16, says of itself no more than its size.
    if not _PLAIN.fullmatch(text) or np.dtype(text) != dtype:
        msg = f"dtype {dtype}"
        raise ValueError(msg)
    return text


def decode_dtype(written: Any, level: int = 0) -> np.dtype[Any]:
    """The dtype that was written.

    Raises
    ------
    ValueError
        This is no description of a dtype.
    """
    if isinstance(written, str) and _PLAIN.fullmatch(written):
        return np.dtype(written)
    if level > DEEPEST or not isinstance(written, dict):
        msg = "no dtype"
        raise ValueError(msg)
    if "base" in written:
        return np.dtype((decode_dtype(written["base"], level + 1), tuple(written["shape"])))
    fields = [(name, decode_dtype(inner, level + 1), *rest) for name, inner, *rest in written["fields"]]
    facts: dict[str, Any] = {
        "names": [name for name, *_ in fields],
        "formats": [inner for _, inner, *_ in fields],
        "offsets": [offset for _, _, offset, *_ in fields],
        "itemsize": written["itemsize"],
    }
    if any(len(title) for _, _, _, *title in fields):
        facts["titles"] = [title[0] if title else None for _, _, _, *title in fields]
    return np.dtype(facts, align=bool(written["aligned"]))  # type: ignore[call-overload, no-any-return]


def is_native(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype`, with all its fields, is in this machine's byte order."""
    if dtype.subdtype is not None:
        return is_native(dtype.subdtype[0])
    if dtype.names is not None:
        return all(is_native(dtype[name]) for name in dtype.names)
    return dtype.isnative


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if is_native(dtype) else dtype.newbyteorder("=")


def encode_scalar(value: np.generic, blobs: Blobs) -> Any:
    """The token of a numpy scalar: its dtype and its bytes.

    Raises
    ------
    ValueError
        It holds Python objects, or is of a class derived from numpy's, which would be lost.
    """
    if type(value) is not value.dtype.type:
        msg = f"an object of type {type_path(value)}{plain_form_hint(type(value))}"
        raise ValueError(msg)
    if isinstance(value, np.str_):
        return ["numpy.str", *blobs.add(value.encode("utf-8", "surrogatepass"))]
    if isinstance(value, np.bytes_):
        return ["numpy.bytes", *blobs.add(bytes(value))]
    dtype = _native(value.dtype)
    return ["scalar", encode_dtype(dtype), np.asarray(value).astype(dtype).tobytes().hex()]


def encode_array(array: np.ndarray[Any, Any], blobs: Blobs, report: Counter[str], hidden: Any = None) -> Any:
    """The token of an array without objects, with zeros where a mask of its shape says `hidden`.

    Raises
    ------
    ValueError
        Its dtype is one that can't be written.
    """
    if array.dtype.kind == "T":
        return _encode_texts(array, blobs)
    dtype = _native(array.dtype)
    described = encode_dtype(dtype)
    if dtype is not array.dtype:
        report["byte_order"] += 1
    if dtype.metadata:
        report["metadata"] += 1
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    rows = array.T if order == "F" else array
    if rows.flags.c_contiguous and dtype is array.dtype and array.nbytes and hidden is None:
        # As uint8: datetimes have no buffer protocol. A view; nothing is copied.
        place = blobs.add(rows.reshape(-1).view(np.uint8))
    else:
        mask = hidden.T if hidden is not None and order == "F" else hidden
        place = blobs.add_made(array.nbytes, iter_bytes(rows, dtype, mask))
    return ["array", described, list(array.shape), order, *place]


def iter_bytes(
    array: np.ndarray[Any, Any], dtype: np.dtype[Any], hidden: np.ndarray[Any, Any] | None = None
) -> Callable[[int], Iterator[Any]]:
    """The bytes of an array, as `dtype` and in the order C, in pieces of about a size; zeros where it is `hidden`."""

    def pieces(size: int) -> Iterator[Any]:
        # A quarter: numpy holds such a piece several times over.
        count = max(1, size // 4 // max(1, dtype.itemsize))
        mask = np.zeros((), bool) if hidden is None else hidden
        with np.nditer(
            [array, np.broadcast_to(mask, array.shape)],
            flags=["external_loop", "buffered", "zerosize_ok"],
            op_flags=[["readonly"], ["readonly"]],
            op_dtypes=[dtype, bool],
            order="C",
            casting="equiv",
            buffersize=count,
        ) as chunks:
            for chunk, covered in chunks:
                whole = np.ascontiguousarray(chunk)
                if hidden is not None:
                    whole = whole.copy()
                    whole[covered] = np.zeros((), dtype)
                for start in range(0, whole.size, count):
                    yield whole[start : start + count].view(np.uint8)

    return pieces


def _encode_texts(array: np.ndarray[Any, Any], blobs: Blobs) -> Any:
    dtype: Any = array.dtype
    texts: list[Any] = array.reshape(-1).tolist()
    missing = []
    if hasattr(dtype, "na_object"):
        value = dtype.na_object
        if value is not None and not isinstance(value, float):
            msg = f"dtype {dtype} (StringDType(na_object=numpy.nan) has another missing value)"
            raise ValueError(msg)
        missing = ["none" if value is None else "nan"]
        texts = [text if isinstance(text, str) else None for text in texts]
    return ["texts", bool(dtype.coerce), list(array.shape), *blobs.add(orjson.dumps(texts)), *missing]


def _decode_scalar(parts: list[Any], _source: BlobSource) -> Any:
    written, digits = parts
    dtype = decode_dtype(written)
    if not dtype.itemsize:
        return np.void(b"")
    return np.frombuffer(bytes.fromhex(digits), dtype, count=1)[0]


def _decode_array(parts: list[Any], source: BlobSource) -> np.ndarray[Any, Any]:
    written, shape, order, start, length = parts
    dtype = decode_dtype(written)
    # Before anything is allocated; Python's integers do not overflow.
    if order not in ("C", "F") or any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != length:
        msg = "an array's bytes do not fit its shape"
        raise ValueError(msg)
    held = source.take(start, length, keep=True)
    return np.ndarray(tuple(shape), dtype, held, order=order)


def _decode_texts(parts: list[Any], source: BlobSource) -> np.ndarray[Any, Any]:
    coerce, shape, start, length, *missing = parts
    texts = orjson.loads(bytes(source.take(start, length, keep=False)))
    if not missing:
        return np.array(texts, dtype=np.dtypes.StringDType(coerce=coerce)).reshape(shape)
    value = {"none": None, "nan": np.nan}[missing[0]]
    dtype = np.dtypes.StringDType(coerce=coerce, na_object=value)
    return np.array([value if text is None else text for text in texts], dtype=dtype).reshape(shape)


def _decode_blob(parts: list[Any], source: BlobSource) -> bytes:
    start, length = parts
    return bytes(source.take(start, length, keep=False))


DECODERS: dict[str, Callable[[list[Any], BlobSource], Any]] = {
    "scalar": _decode_scalar,
    "array": _decode_array,
    "texts": _decode_texts,
    "numpy.str": lambda parts, source: np.str_(_decode_blob(parts, source).decode("utf-8", "surrogatepass")),
    "numpy.bytes": lambda parts, source: np.bytes_(_decode_blob(parts, source)),
    "dtype": lambda parts, _source: decode_dtype(parts[0]),
    "masked": lambda _parts, _source: np.ma.masked,
}
"""By tag: the value of a token's other parts."""
