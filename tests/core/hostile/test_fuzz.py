"""Whatever comes in from outside, no exception gets out but bourn's own; with BOURN_DEEP=1 five times as often."""

import asyncio
import email
import io
import os
import re
import string
import unicodedata

import httpx
import numpy as np
import pandas as pd
import pytest
from bourn import Image, errors
from bourn.errors import LinkInvalid
from bourn.serve import application
from bourn.serve.download import _disposition
from bourn.serve.ranges import ranges_of
from bourn.store.filename import safe_filename
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytestmark = pytest.mark.deep

DEEP = 5 if os.environ.get("BOURN_DEEP") else 1


def fuzzed(count):
    return settings(max_examples=count * DEEP, deadline=None, suppress_health_check=list(HealthCheck))


class Telling:
    """Asked for its repr, it tells what nobody should read."""

    def __repr__(self):
        return "secret"


class Classless:
    @property
    def __class__(self):
        raise RuntimeError("secret")


NAMES = [
    "download", "json", "pyarrow", "geotiff", "msgpack", "DOWNLOAD", "jsno", "", "type", "nan", "compression", "level", "lz4",
    "null", "error", "DEFLATE", "__class__", "d\u043ewnload", "\ud800", "a\n\x1b[2J\u202e", "x" * 5000,
]  # fmt: skip
KEYS = ["type", "nan", "compression", "level", "overviews", "tiled", "blocksize", "overview_resampler", "format"]

odd = st.sampled_from([object, len, os, Telling(), range(3), ..., re.compile("x"), np.ma.masked, np.int8])
scalars = st.one_of(

    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.binary(max_size=9), st.text(max_size=9),
    st.sampled_from(NAMES), st.dates(), st.timedeltas(), st.fractions(), st.decimals(), st.uuids(), odd,
    st.builds(lambda number: iter([number]), st.integers()),
    hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=2, min_side=0, max_side=3)),
    hnp.scalar_dtypes().flatmap(hnp.from_dtype),
)  # fmt: skip
hashable = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(NAMES), st.binary(max_size=3)
)


def nested(inner):
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(hashable | st.tuples(hashable), inner, max_size=4),
        st.sets(hashable, max_size=3),
        st.frozensets(hashable, max_size=3),
    )


anything = st.recursive(scalars, nested, max_leaves=12)
worse = st.recursive(scalars | st.builds(Classless), nested, max_leaves=12)
requests = st.one_of(
    worse,
    st.sampled_from(NAMES),
    st.builds(
        lambda name, rest: {"type": name, **rest},
        st.sampled_from(NAMES) | anything,
        st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), worse, max_size=5),
    ),
)
IMAGE = Image(np.zeros((2, 3, 4), "u1"))


def said(error):
    """What an error of bourn says: short, and safe to print."""
    message = str(error)
    assert len(message) <= 2000
    assert not {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} & {
        unicodedata.category(letter) for letter in message.replace("\n", "")
    }
    assert "secret" not in message


@fuzzed(300)
@given(
    st.sampled_from([2, IMAGE]),
    st.just("download") | requests | st.lists(requests, max_size=3),
    st.just("json") | requests,
)
def test_requests(session, home, examples, obj, destination, written):
    examples.append(1)
    try:
        session.plan(obj, destination=destination, format=written)
    except errors.BournError as error:
        said(error)
    assert not home.exists()


@fuzzed(200)
@given(anything)
def test_results(session, examples, obj):
    """Planned, and whatever the plan says of it, handed to each format."""
    examples.append(1)
    try:
        session.plan(obj)
    except errors.BournError as error:
        said(error)
    for name in ("json", "msgpack", "pyarrow"):
        plugin = session.registry.formats[name].load()
        try:
            plugin.encode(obj, plugin.Options(), io.BytesIO())
        except errors.EncodeError as error:
            said(error)


def series_of(values):
    """Of dtype object, whatever the values are."""
    array = np.empty(len(values), object)
    for place, value in enumerate(values):
        array[place] = value
    return pd.Series(array, dtype=object)


@fuzzed(200)
@given(st.data())
def test_tables(session, examples, data):
    """Of odd values under odd labels, with odd attributes: each format writes it, or says what is in the way."""
    rows = data.draw(st.integers(0, 4))
    columns = data.draw(st.lists(st.lists(anything, min_size=rows, max_size=rows).map(series_of), max_size=3))
    table = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(rows))
    labels = data.draw(
        st.lists(hashable | st.dates() | st.binary(max_size=2), min_size=len(columns), max_size=len(columns))
    )
    table.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    if data.draw(st.booleans()):
        index = data.draw(st.lists(hashable, min_size=rows, max_size=rows))
        table.index = pd.Index(index, dtype=object, tupleize_cols=False)
    table.attrs = data.draw(st.dictionaries(hashable, anything, max_size=2))
    examples.append(1)
    for obj in (table, {"in": [table]}, *columns):
        for name in ("json", "msgpack", "pyarrow"):
            plugin = session.registry.formats[name].load()
            sink = io.BytesIO()
            try:
                plugin.encode(obj, plugin.Options(), sink)
            except errors.EncodeError as error:
                said(error)
            else:
                if plugin.decodes:
                    plugin.decode(io.BytesIO(sink.getvalue()), plugin.Options())


@fuzzed(100)
@given(
    st.dictionaries(
        st.text(max_size=9) | st.sampled_from(["fromat", "geobox", "file", "timeout", "obj"]), anything, max_size=3
    )
)
def test_arguments(session, examples, arguments):
    arguments = {name: value for name, value in arguments.items() if name not in {"obj", "geobox", "self"}}
    examples.append(1)
    try:
        session.plan(2, **arguments)
    except errors.BournError as error:
        said(error)


TOKEN_LETTERS = string.ascii_letters + string.digits + "-_."


@fuzzed(500)
@given(st.data())
def test_link_tokens(session, examples, data):
    """Texts of every kind, and a real token with letters put in, left out, changed, moved."""
    if not hasattr(test_link_tokens, "token") or test_link_tokens.session is not session:
        job = session.compute(2, format="json", block=False)
        job.wait()
        test_link_tokens.token, test_link_tokens.session = job.url.split("/")[-2], session
    token = test_link_tokens.token
    kind = data.draw(st.sampled_from(["text", "letters", "changed", "bytes", "parts"]))
    if kind == "text":
        altered = data.draw(st.text(max_size=600))
    elif kind == "letters":
        altered = data.draw(st.text(TOKEN_LETTERS, max_size=600))
    elif kind == "bytes":
        altered = data.draw(st.binary(max_size=99))
    elif kind == "parts":
        altered = ".".join(
            data.draw(st.lists(st.sampled_from([*token.split("."), "", "IjEi", "bnVsbA", "e30"]), max_size=4))
        )
    else:
        letters = list(token)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(letters) - 1))
            letters[place : place + data.draw(st.integers(0, 2))] = data.draw(st.text(TOKEN_LETTERS, max_size=2))
        altered = "".join(letters)
    examples.append(1)
    if altered == token:
        return
    with pytest.raises(LinkInvalid) as caught:
        session.links.resolve(altered)
    assert str(caught.value) == "There is no such link."


digits = st.text("0123456789", max_size=22)
specs = st.one_of(
    st.builds("{}-{}".format, digits, digits), st.text("0123456789- ,\t=bytes\u0661", max_size=12), st.text(max_size=8)
)
headers = st.one_of(
    st.builds(lambda unit, parts: f"{unit}={','.join(parts)}", st.sampled_from(["bytes", "BYTES ", "", "lines"]), st.lists(specs, max_size=40)),
    st.text(max_size=1200),
)  # fmt: skip


@fuzzed(500)
@given(headers, st.integers(0, 2**63))
def test_range_headers(examples, header, size):
    """Parts that lie in the object, and together are no more than it."""
    examples.append(1)
    found = ranges_of(header, size)
    assert found is None or all(0 <= start < end <= size for start, end in found)
    assert found is None or sum(end - start for start, end in found) <= size


hostile_names = st.one_of(
    st.text(max_size=300),
    st.text(st.sampled_from('";\\\r\n\0%=*./ ab\u202e\ud800é-'), max_size=40),
    st.sampled_from(
        ["a\"; filename*=UTF-8''b.exe", "..", "con.tif", ".htaccess", "a\r\nSet-Cookie: x=1", "=?utf-8?q?x?="]
    ),
)


@fuzzed(500)
@given(hostile_names, hostile_names)
def test_content_disposition_names(examples, name, suffix):
    """One header line, in which every parser finds one and the same name of safe letters."""
    examples.append(1)
    for given_name in (name, safe_filename(name, suffix)):
        header = _disposition(given_name)
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_-][A-Za-z0-9_.-]*"', header)
        parsed = email.message_from_string(f"Content-Disposition: {header}\n\n")
        assert parsed.get_content_disposition() == "attachment"
        assert f'"{parsed.get_filename()}"' == header.partition("=")[2]
        assert len(parsed.get_params(header="Content-Disposition")) == 2


latin = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60)


@fuzzed(50)
@given(st.data())
def test_the_server(session, examples, data):
    """Paths, methods and headers of every kind: an answer of those that are promised, and never an exception."""
    job = session.compute(2, format="json", block=False)
    job.wait()
    real = job.url.partition("/d/")[2].split("/")[0]
    token = data.draw(st.just(real) | st.text(TOKEN_LETTERS + "/%?", max_size=50))
    path = f"/d/{token}/{data.draw(st.text(TOKEN_LETTERS + '%/', max_size=20))}"
    names = [
        "Range",
        "If-Range",
        "If-None-Match",
        "If-Modified-Since",
        "Accept",
        "Accept-Encoding",
        "Host",
        "X-Forwarded-For",
    ]
    values = st.one_of(
        latin, st.sampled_from(["bytes=0-0", "Mon, 99 Xyz 99999 99:99:99 +9999999999", "Sun, 01 Nov 2026 12:00:00 -2400", "*", 'W/"x"']),
        headers.map(lambda text: text.encode("latin-1", "replace").decode("latin-1").replace("\r", "").replace("\n", "").replace("\0", "")),
    )  # fmt: skip
    given_headers = {
        name.encode(): value.strip().encode("latin-1")
        for name, value in data.draw(st.dictionaries(st.sampled_from(names), values, max_size=4)).items()
    }
    method = data.draw(st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]))

    async def ask():
        transport = httpx.ASGITransport(application(session))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=given_headers)

    examples.append(1)
    answer = asyncio.run(ask())
    assert answer.status_code in {200, 204, 206, 304, 400, 404, 405, 410, 416}
