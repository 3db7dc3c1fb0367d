"""Arrow values that are valid for no reader, and dictionaries of views, in each format and at each place."""

import decimal
import io

import pyarrow as pa
import pytest
from bourn.plugin import EncodeError, NoOptions
from bourn_formats.json import JSON
from bourn_formats.json import Options as JSONOptions
from bourn_formats.msgpack import MsgPack
from bourn_formats.pyarrow import Options, PyArrow

FORMATS = {"pyarrow": (PyArrow, Options), "json": (JSON, JSONOptions), "msgpack": (MsgPack, NoOptions)}


def encoded(name, obj):
    sink = io.BytesIO()
    plugin, options = FORMATS[name]
    plugin().encode(obj, options(), sink)
    return sink.getvalue()


def not_utf8():
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])


def too_long():
    """One digit more than its type has, as duckdb gives a hugeint."""
    digits = (10**38).to_bytes(16, "little")
    return pa.Array.from_buffers(pa.decimal128(38, 0), 1, [None, pa.py_buffer(digits)])


@pytest.mark.parametrize("make", [not_utf8, too_long])
@pytest.mark.parametrize(
    "nest",
    [
        lambda array: array,
        lambda array: pa.ListArray.from_arrays([0, 1], array),
        lambda array: pa.StructArray.from_arrays([array], ["k"]),
    ],
)
def test_what_could_not_be_read_again_is_not_written(make, nest):
    table = pa.table({"bad": nest(make())})
    with pytest.raises(EncodeError, match=r"^result: a column 'bad' with values that its type .* does not have"):
        encoded("pyarrow", table)
    with pytest.raises(EncodeError, match=r'^result\["a"\]\[1\]: a column .bad. with values that its type'):
        encoded("pyarrow", {"a": [1, table]})


@pytest.mark.parametrize("name", ["json", "msgpack"])
def test_a_column_that_is_refused_has_the_path_of_its_table(name):
    with pytest.raises(EncodeError, match=r'^result\["a"\]\[1\]\["bad"\]: a column'):
        encoded(name, {"a": [1, pa.table({"bad": not_utf8()})]})
    with pytest.raises(EncodeError, match=r'^result\["a"\]\[1\]: a column'):
        encoded(name, {"a": [1, not_utf8()]})
    with pytest.raises(EncodeError, match=r'^result\["bad"\]: a column'):
        encoded(name, pa.table({"bad": not_utf8()}))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("index", [pa.uint8(), pa.int64()])
def test_dictionaries_of_any_texts(kind, index):
    """polars gives categories as dictionaries of views."""
    texts = pa.array(["a", "b" * 40], pa.string()).cast(kind)
    array = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], index), texts)
    long = "b" * 40
    assert encoded("json", array) == f'["{long}",null,"a"]'.encode()
    nested = pa.table({"s": pa.StructArray.from_arrays([array, pa.array([decimal.Decimal(1)] * 3)], ["k", "d"])})
    text = f'[{{"s":{{"k":"{long}","d":"1"}}}},{{"s":{{"k":null,"d":"1"}}}},{{"s":{{"k":"a","d":"1"}}}}]'
    assert encoded("json", nested) == text.encode()
    assert encoded("msgpack", array) == b"\x93\xd9(" + long.encode() + b"\xc0\xa1a"
