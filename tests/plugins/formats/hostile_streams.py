"""Run by test_pyarrow_fuzz.py: decodes streams of a KIND, COUNT of them by a SEED, and says what came of it."""

import contextlib
import datetime as dt
import io
import json
import random
import sys
import zoneinfo
from pathlib import Path

import geopandas as gpd
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import shapely
import xarray as xr
from affine import Affine
from bourn.plugin import Image
from bourn_formats.pyarrow import Options, PyArrow
from odc.geo.geobox import GeoBox

rng = random.Random(0)

image = Image(
    np.arange(24, dtype="u2").reshape(2, 3, 4),
    mask=np.ones((3, 4), bool),
    geobox=GeoBox((3, 4), Affine(10, 0, 5, 0, -10, 7), "EPSG:32613"),
    properties={"date": "2020-01-02"},
)
moment = dt.datetime(2020, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
corpus = [
    {
        "a": np.arange(50),
        "b": ["x", 2**70, {1, (2,)}],
        "c": b"bytes" * 30,
        "d": moment,
        "e": np.ma.array([1, 2], mask=[0, 1]),
    },
    image,
    xr.DataArray(np.ones((2, 3)), dims=("y", "x"), coords={"x": [1, 2, 3]}, attrs={"u": "m"}),
    pa.table({"n": [1, None], "t": ["a", "b"], "l": [[1], []], "d": pa.array(["u", "u"]).dictionary_encode()}),
    [pa.table({"t": ["abc", None]})],
    pd.DataFrame({"i": [1, 2], "s": ["x", None]}, index=pd.Index(["p", "q"], name="k")),
    pd.DataFrame(
        {
            "c": pd.Categorical(["u", None, "v"], ordered=True),
            "m": pd.array([1, None, 3], dtype="Int8"),
            "z": pd.date_range("2020", periods=3, tz="Europe/Berlin"),
            "p": pd.period_range("2020", periods=3, freq="M"),
            "s": pd.array(["a", None, "b"], dtype="string"),
        },
        index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y"), (1, "z")], names=["n", None]),
    ),
    pd.DataFrame(
        {"i": pd.interval_range(0, 2), "o": [[1, 2.5], {"a": 1}], "k": pd.cut([1, 5], [0, 4, 8])},
        index=pd.date_range("2020", periods=2, freq="D"),
    ),
    pd.Series([1.5, None], pd.RangeIndex(4, 0, -2), name="s"),
    gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(1, 2)], crs="EPSG:4326"),
    ["long " * 1000] * 3,
    list(range(20_000)),
]


def encoded(obj, compression):
    sink = io.BytesIO()
    PyArrow().encode(obj, Options(compression=compression), sink)
    return sink.getvalue()


whole = [encoded(obj, compression) for obj in corpus for compression in ("lz4", "brotli", "zstd", "none")]


def random_bytes():
    start = rng.choice([b"", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\x10\x00\x00\x00", b"ARROW1\0\0", b"\x1b"])
    return start + rng.randbytes(rng.choice([0, 1, 10, 100, 5000]))


def damaged():
    data = bytearray(rng.choice(whole))
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        place = rng.randrange(len(data))
        how = rng.randrange(6)
        if how == 0:
            data[place] = rng.randrange(256)
        elif how == 1:
            data[place] ^= 1 << rng.randrange(8)
        elif how == 2:
            del data[place : place + rng.choice([1, 4, 8, 64, 1000])]
        elif how == 3:
            data[place:place] = rng.randbytes(rng.choice([1, 4, 8, 64]))
        elif how == 4:
            other = rng.choice(whole)
            data[place : place + 8] = other[place : place + 8]
        else:
            data[place : place + 8] = rng.choice([b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7, b"\xff" * 7 + b"\x7f"])
        if not data:
            break
    return bytes(data)


plain = [pa.ipc.open_stream(data) for data in whole[3::4]]
described = [(dict(reader.schema.metadata), reader.schema, reader.read_all()) for reader in plain]
strange = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**62,
    2**64,
    1.5,
    "",
    "x",
    "|O",
    "<f8",
    "/etc/passwd",
    "../../etc/passwd",
    "+init=/etc/passwd:1",
    "EPSG:4326",
    "__class__",
    "os.system",
    [],
    {},
    ["list", 1],
    ["bytes", 0, 8],
    ["crs", 1],
    ["array", "<f8", [2], "C", 0, 16],
    ["objects", 1, []],
    ["image", 1],
    ["arrow_table", 1],
    ["dataset", 1],
    ["time", 0, 0, 0, 0, 0, "Europe/Berlin"],
    ["geo_frame", 1],
    ["shape", 1],
    ["pandas_frame", 1],
    ["pandas_index", 1],
    "codes",
    "dictionary",
    "tree",
    "category",
    "period[D]",
    ["int", "0xff"],
    ["dtype", {"fields": [["a", "<f8", 0]], "itemsize": 8, "aligned": False}],
    ["dict", 1],
    ["set", 2],
]


def mixed(value, chance):
    if rng.random() < chance:
        return rng.choice(strange)
    if isinstance(value, list):
        made = [mixed(item, chance) for item in value]
        if made and rng.random() < chance:
            made.insert(rng.randrange(len(made) + 1), rng.choice(strange))
        if made and rng.random() < chance:
            del made[rng.randrange(len(made))]
        return made
    if isinstance(value, dict):
        return {
            key if rng.random() > chance else str(rng.choice(strange)): mixed(item, chance)
            for key, item in value.items()
        }
    return value


def described_anew():
    metadata, schema, table = rng.choice(described)
    facts = mixed(orjson.loads(metadata[b"bourn"]), rng.choice([0.002, 0.02, 0.2]))
    metadata = {**metadata, b"bourn": json.dumps(facts).encode()}
    sink = io.BytesIO()
    schema = schema.with_metadata(metadata)
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.replace_schema_metadata(metadata))
    return sink.getvalue()


WATCHED = {
    "exec",
    "compile",
    "open",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.remove",
    "pickle.find_class",
    "ctypes.dlopen",
    "shutil.rmtree",
    "os.mkdir",
}
# Where a time zone and a CRS are looked up by name; of a zone that is not there, tzdata is asked too.
ALLOWED = ("zoneinfo", "tzdata", "/pyproj", "proj.db")


def status(key):
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024


def main(kind, count, seed):
    """Decode streams of a kind, and say what came of it."""
    rng.seed(seed)
    make = {"random": random_bytes, "damaged": damaged, "described": described_anew}[kind]
    # What is imported on first use is no work of a stream.
    for data in whole:
        PyArrow().decode(io.BytesIO(data), Options())
    with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
        zoneinfo.ZoneInfo("Europe/Nowhere")
    events, watching = [], False

    def hook(event, arguments):
        if watching and event in WATCHED and not any(part in str(arguments) for part in ALLOWED):
            events.append([event, str(arguments)[:200]])

    sys.addaudithook(hook)
    with Path("/proc/self/clear_refs").open("w") as file:
        file.write("5")
    before = status("VmRSS")
    decoded = refused = 0
    foreign = []
    for _ in range(count):
        data = make()
        watching = True
        try:
            PyArrow().decode(io.BytesIO(data), Options())
            decoded += 1
        except ValueError:
            refused += 1
        except BaseException as error:  # noqa: BLE001  # that is what is looked for
            foreign.append(repr(error)[:200])
        watching = False
    memory = status("VmHWM") - before
    found = {"decoded": decoded, "refused": refused, "foreign": foreign[:5], "events": events[:5], "memory": memory}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
