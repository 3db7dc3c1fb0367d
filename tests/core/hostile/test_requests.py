"""Every kind of bad request fails before anything is queued, with one typed error that says it all."""

import collections
import decimal
import enum
import pathlib
import types
import uuid
from importlib.metadata import entry_points

import numpy as np
import pytest
from bourn import Image, errors
from bourn.errors import IncompatiblePair, InvalidOptions, RequestError, RequestTypeError, UnknownPlugin


class Raises(collections.abc.Mapping):
    """A mapping that can't be read."""

    def __init__(self, error):
        self.error = error

    def __getitem__(self, key):
        raise self.error

    def __iter__(self):
        return iter(["type"])

    def __len__(self):
        return 1


class Endless(Raises):
    def __iter__(self):
        number = 0
        while True:
            yield f"k{number}"
            number += 1

    def __getitem__(self, key):
        return 1


class Changing(dict):
    """Gains an entry whenever it is read."""

    def __iter__(self):
        self["more"] = 1
        return super().__iter__()


class Unprintable:
    def __repr__(self):
        raise RuntimeError


class Pretends:
    """Has every attribute."""

    def __getattr__(self, name):
        return self


class Classless:
    @property
    def __class__(self):
        raise RuntimeError


class Text(str):
    """A text that raises whatever it is asked."""

    __slots__ = ()

    def _no(self, *_):
        raise RuntimeError

    __str__ = __repr__ = __eq__ = __len__ = __iter__ = __contains__ = casefold = lower = encode = strip = _no
    __hash__ = str.__hash__


class Colour(enum.Enum):
    RED = "download"


def holding_itself(request, key):
    request[key] = request
    return request


def deep(levels):
    request = inner = {"type": "json"}
    for _ in range(levels):
        inner["nan"] = inner = {}
    return request


FORM = "{} must be a name, a mapping with 'type', or an object that a plugin takes for one; got {}"
UNCLAIMED = "{0}=an object of type {1}: no installed {0} takes such an object; give a name, or a mapping with 'type'"


def form(got, at="destination"):
    return RequestTypeError, FORM.format(at, got)


def unclaimed(kind, at="destination"):
    return RequestTypeError, UNCLAIMED.format(at, kind)


def unknown(written, hint=" Did you mean 'download'?", *, role="destination"):
    installed = "download" if role == "destination" else ", ".join(sorted(entry_points(group="bourn.formats").names))
    return UnknownPlugin, f"{role}: no {role} is called {written}. Installed: {installed}.{hint}"


def options(message):
    return InvalidOptions, message


DESTINATIONS = {
    "int": (7, *form("7")),
    "bytes": (b"download", *form("b'download'")),
    "set": ({"download"}, *form("a set of 1")),
    "frozenset": (frozenset({"download"}), *form("a frozenset of 1")),
    "tuple": (("download",), *form("a tuple of 1")),
    "bool": (True, *form("True")),
    "float": (1.5, *form("1.5")),
    "complex": (1j, *form("1j")),
    "class": (dict, *form("the class builtins.dict")),
    "bytearray": (bytearray(b"x"), *form("an object of type builtins.bytearray")),
    "list with None": ([None], *form("None", "destination[0]")),
    "list in a list": (["download", ["download"]], *form("a list of 1", "destination[1]")),
    "list with an int": (["download", 3], *form("3", "destination[1]")),
    "empty list": ([], RequestError, "destination: the list is empty; name at least one destination"),
    "generator": ((name for name in ["download"]), *unclaimed("builtins.generator")),
    "iterator": (iter(["download"]), *unclaimed("builtins.list_iterator")),
    "range": (range(2), *unclaimed("builtins.range")),
    "function": (len, *unclaimed("builtins.builtin_function_or_method")),
    "module": (pathlib, *unclaimed("builtins.module")),
    "path": (pathlib.PurePosixPath("download"), *unclaimed("pathlib.PurePosixPath")),
    "decimal": (decimal.Decimal(1), *unclaimed("decimal.Decimal")),
    "uuid": (uuid.UUID(int=1), *unclaimed("uuid.UUID")),
    "array": (np.array(["download"]), *unclaimed("numpy.ndarray")),
    "enum": (Colour.RED, *unclaimed("{here}.Colour")),
    "object whose repr raises": (Unprintable(), *unclaimed("{here}.Unprintable")),
    "object with every attribute": (Pretends(), *unclaimed("{here}.Pretends")),
    "object whose class raises": (Classless(), *unclaimed("{here}.Classless")),
    "empty name": ("", *unknown("''", "")),
    "near miss": ("downlaod", *unknown("'downlaod'")),
    "space before": (" download", *unknown("' download'")),
    "line end": ("download\n", *unknown(r"'download\n'")),
    "nul": ("download\0", *unknown(r"'download\x00'")),
    "bidi": ("down\u202eload", *unknown(r"'down\u202eload'")),
    "surrogate": ("\ud800", *unknown(r"'\ud800'", "")),
    "Cyrillic o": ("d\u043ewnload", *unknown("'d\u043ewnload'")),
    "full width": ("ｄｏｗｎｌｏａｄ", *unknown("'ｄｏｗｎｌｏａｄ'", "")),  # noqa: RUF001  # that is the case
    "dotless i": ("download\u0131", *unknown("'download\u0131'")),
    "huge": ("x" * 1_000_000, *unknown("'" + "x" * 78 + "…", "")),
    "attribute": ("has_download", *unknown("'has_download'")),
    "class attribute": ("__class__", *unknown("'__class__'", "")),
    "path as a name": ("../download", *unknown("'../download'")),
    "url": ("https://example.com", *unknown("'https://example.com'", "")),
    "entry point": ("bourn_download:Download", *unknown("'bourn_download:Download'", "")),
    "a format": ("json", UnknownPlugin, "destination: 'json' is a format; give it as format="),
    "no type": ({}, *options("destination.type: is required: the name of the destination")),
    "Type": ({"Type": "download"}, *options("destination.type: is required: the name of the destination")),
    "type None": ({"type": None}, *options("destination.type: expected the name of a destination, got None")),
    "type int": ({"type": 3}, *options("destination.type: expected the name of a destination, got 3")),
    "type list": ({"type": ["a"]}, *options("destination.type: expected the name of a destination, got a list of 1")),
    "type bytes": ({"type": b"a"}, *options("destination.type: expected the name of a destination, got b'a'")),
    "type empty": ({"type": ""}, *unknown("''", "")),
    "extra key": ({"type": "download", "subject": "x"}, *options("destination.subject: 'download' has no option 'subject'; it has none")),
    "key of a class": ({"type": "download", "__class__": 1}, *options("destination.__class__: 'download' has no option '__class__'; it has none")),
    "empty key": ({"type": "download", "": 1}, *options("destination['']: 'download' has no option ''; it has none")),
    "key with controls": (
        {"type": "download", "a\n\x1b[2J": 1}, *options(r"destination['a\n\x1b[2J']: 'download' has no option 'a\n\x1b[2J'; it has none"),
    ),
    "key with a surrogate": (
        {"type": "download", "\ud800": 1}, *options(r"destination['\ud800']: 'download' has no option '\ud800'; it has none"),
    ),
    "huge key": (
        {"type": "download", "k" * 100_000: 1}, *options(f"destination['{'k' * 78}…]: 'download' has no option '{'k' * 78}…; it has none"),
    ),
    "key int": ({"type": "download", 5: 1}, *options("destination: expected names of options as keys, got 5")),
    "key None": ({"type": "download", None: 1}, *options("destination: expected names of options as keys, got None")),
    "key tuple": (
        {"type": "download", ("a",): 1}, *options("destination: expected names of options as keys, got a tuple of 1"),
    ),
    "key bytes": (
        {b"type": "download"},
        *options(
            "2 problems in the request:\n"
            "  destination       expected names of options as keys, got b'type'\n"
            "  destination.type  is required: the name of the destination"
        ),
    ),
    "cycle": (
        holding_itself({"type": "download"}, "x"),
        *options(
            "2 problems in the request:\n  destination.x  contains itself\n  destination.x  'download' has no option 'x'; it has none"
        ),
    ),
    "mapping that raises": (
        Raises(RuntimeError("secret")), *options("destination: the mapping can't be read: it raised RuntimeError"),
    ),
    "mapping that exits": (
        Raises(SystemExit("secret")), *options("destination: the mapping can't be read: it raised SystemExit"),
    ),
    "mapping without end": (Endless(None), *options("destination: has more than 100,000 entries")),
    "mapping that changes": (Changing(type="download"), *options("destination.more: 'download' has no option 'more'; it has none")),
    "option whose repr raises": (
        {"type": "download", "a": Unprintable()}, *options("destination.a: 'download' has no option 'a'; it has none"),
    ),
}  # fmt: skip

FORMATS = {
    "int": (7, *form("7", "format")),
    "bool": (True, *form("True", "format")),
    "bytes": (b"json", *form("b'json'", "format")),
    "list": (["json"], *form("a list of 1", "format")),
    "object": (object(), *unclaimed("builtins.object", "format")),
    "near miss": ("jsno", *unknown("'jsno'", " Did you mean 'json'?", role="format")),
    "media type": ("application/json", *unknown("'application/json'", "", role="format")),
    "suffix": (".json", *unknown("'.json'", " Did you mean 'json'?", role="format")),
    "a destination": ("download", UnknownPlugin, "format: 'download' is a destination; give it as destination="),
    "option near miss": (
        {"type": "json", "na": "null"}, *options("format.na: 'json' has no option 'na'; did you mean 'nan'? Options: nan"),
    ),
    "choice bool": ({"type": "json", "nan": True}, *options("format.nan: expected one of 'null', 'error', got True")),
    "choice None": ({"type": "json", "nan": None}, *options("format.nan: expected one of 'null', 'error', got None")),
    "choice near miss": (
        {"type": "json", "nan": "nul"},
        *options("format.nan: expected one of 'null', 'error', got 'nul'; did you mean 'null'?"),
    ),
    "choice that is None's name": (
        {"type": "pyarrow", "compression": None},
        *options("format.compression: expected one of 'lz4', 'brotli', 'zstd', 'none', got None"),
    ),
    "option where there is none": (
        {"type": "msgpack", "compression": "lz4"}, *options("format.compression: 'msgpack' has no option 'compression'; it has none"),
    ),
    "an image's": (
        "geotiff",
        IncompatiblePair,
        "result: 'download' with 'geotiff' takes image; this is value (int). Formats that fit: json, msgpack, pyarrow",
    ),
    "65 levels": (
        deep(65),
        *options(
            "2 problems in the request:\n"
            f"  format{'.nan' * 64}  is nested more than 64 deep\n"
            "  format.nan                                expected one of 'null', 'error', got a dict of 1"
        ),
    ),
}  # fmt: skip

CASTS = {
    "text for an int": ({"level": "6"}, "format.level: expected int, got '6'"),
    "bool for an int": ({"level": True}, "format.level: expected int, got True"),
    "float for an int": ({"level": 6.0}, "format.level: expected int, got 6.0"),
    "numpy's float for an int": ({"level": np.float64(6)}, "format.level: expected int, got 6.0"),
    "NaN for an int": ({"level": float("nan")}, "format.level: expected int, got nan"),
    "huge int": ({"level": 10**400}, "format.level: expected at most 22, got an int of 1329 bits"),
    "negative int": ({"level": -1}, "format.level: expected at least 1, got -1"),
    "bytes for a text": (
        {"compression": b"LZW"},
        "format.compression: expected one of 'DEFLATE', 'LZW', 'ZSTD', 'JPEG', 'WEBP', 'LERC', 'none', got b'LZW'",
    ),
    "full width for a text": (
        {"compression": "ＬＺＷ"},  # noqa: RUF001  # that is the case
        "format.compression: expected one of 'DEFLATE', 'LZW', 'ZSTD', 'JPEG', 'WEBP', 'LERC', 'none', got 'ＬＺＷ'",  # noqa: RUF001
    ),
    "int for a bool": ({"overviews": 1}, "format.overviews: expected bool, got 1"),
    "text for a bool": ({"overviews": "false"}, "format.overviews: expected bool, got 'false'"),
    "None for a bool": ({"tiled": None}, "format.tiled: expected bool, got None"),
    "no multiple": ({"blocksize": 100}, "format.blocksize: expected a multiple of 16, got 100"),
    "list for an int": ({"blocksize": [512]}, "format.blocksize: expected int, got a list of 1"),
    "object whose repr raises": (
        {"blocksize": Unprintable()}, "format.blocksize: expected int, got an object of type {here}.Unprintable",
    ),
}  # fmt: skip


def refused(session, obj, **request):
    with pytest.raises(errors.BournError) as caught:
        session.plan(obj, **request)
    message = str(caught.value)
    assert len(message) <= 2000
    assert all(character == "\n" or character.isprintable() for character in message)
    assert "secret" not in message
    return type(caught.value), message


@pytest.mark.parametrize("name", DESTINATIONS)
def test_a_bad_destination_is_refused(session, home, name):
    given, error_type, message = DESTINATIONS[name]
    assert (error_type, message.replace("{here}", __name__)) == refused(session, 2, destination=given)
    assert not home.exists()


@pytest.mark.parametrize("name", FORMATS)
def test_a_bad_format_is_refused(session, home, name):
    given, error_type, message = FORMATS[name]
    assert (error_type, message) == refused(session, 2, format=given)
    assert not home.exists()


@pytest.mark.parametrize("name", CASTS)
def test_nothing_is_cast_in_silence(session, name):
    given, message = CASTS[name]
    image = Image(np.zeros((1, 2, 2), "u1"))
    expected = (InvalidOptions, message.replace("{here}", __name__))
    assert expected == refused(session, image, format={"type": "geotiff", **given})


TAKEN = {
    "upper case": "DOWNLOAD",
    "numpy's text": np.str_("download"),
    "text that raises": Text("download"),
    "proxy": types.MappingProxyType({"type": "download"}),
    "chain of mappings": collections.ChainMap({"type": "download"}),
    "ordered": collections.OrderedDict(type="Download"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_unusual_and_right_is_taken(session, name):
    assert dict(session.plan(2, destination=TAKEN[name]).destination) == {"type": "download"}


def test_a_thousand_problems_fit_one_message(session):
    given = {"type": "download", **{f"k{number}": 1 for number in range(1000)}}
    error_type, message = refused(session, 2, destination=given)
    assert error_type is InvalidOptions
    assert message.startswith(
        "100 problems in the request:\n  destination.k0   'download' has no option 'k0'; it has none\n"
    )
