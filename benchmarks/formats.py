"""The formats beside the libraries they stand on, writing the same bytes to a file: CPU, and memory over the input.

``make bench`` has these rows in its table; ``python benchmarks/formats.py`` prints them alone.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure

LONG = {"records", "packed", "frame", "polars", "feather", "nulls"}
"""Rows of a million records, which are written fewer times."""

HERE = Path(__file__)
FEW = 100
PAIRS = 5
TIMES, TIMES_LONG = 8, 2
"""How often a side writes in one run: once takes too little time to be measured, but of a million rows."""


def column(size: int = 12_500_000) -> Any:
    """100 MB of float64 with a few digits, as measurements have."""
    import numpy as np

    return np.round(np.random.default_rng(0).normal(size=size), 3)


def floats(size: int = 2_000_000) -> Any:
    import numpy as np

    return np.random.default_rng(0).normal(size=size)


def image(height: int = 2048) -> Any:
    """Four bands of uint16 and a mask: 72 MiB."""
    import numpy as np
    from bourn import Image

    pixels = np.random.default_rng(0).integers(0, 10_000, (4, height, 4096), "u2")
    return Image(pixels, mask=pixels[0] < 100)


def arrow_ours(array: Any, path: Path, compression: str) -> None:
    from bourn_formats.pyarrow import Options, PyArrow

    with path.open("wb") as sink:
        PyArrow().encode(array, Options(compression=compression), sink)


def arrow_theirs(array: Any, path: Path, compression: str) -> None:
    import pyarrow as pa

    codec = None if compression == "none" else compression
    table = pa.table({"values": array})
    with pa.ipc.new_stream(path, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)


def decode_ours(array: Any, path: Path, _compression: str) -> None:
    """Read what was written without compression, from memory; the array shall be a view of the bytes read."""
    import pyarrow as pa
    from bourn_formats.pyarrow import Options, PyArrow

    if not path.exists():
        arrow_ours(array, path, "none")
    data = pa.memory_map(str(path)).read_buffer()
    result = PyArrow().decode(pa.BufferReader(data), Options())
    assert len(array) < FEW or data.address <= result.ctypes.data < data.address + data.size


def decode_theirs(array: Any, path: Path, _compression: str) -> None:
    import pyarrow as pa

    if not path.exists():
        arrow_theirs(array, path, "none")
    data = pa.memory_map(str(path)).read_buffer()
    pa.ipc.open_stream(data).read_all().column(0).chunk(0).to_numpy()


def json_ours(array: Any, path: Path, _compression: str) -> None:
    from bourn_formats.json import JSON, Options

    with path.open("wb") as sink:
        JSON().encode(array, Options(), sink)


def json_theirs(array: Any, path: Path, _compression: str) -> None:
    import orjson

    path.write_bytes(orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY))


def msgpack_ours(given: Any, path: Path, _compression: str) -> None:
    from bourn.plugin import NoOptions
    from bourn_formats.msgpack import MsgPack

    with path.open("wb") as sink:
        MsgPack().encode(given, NoOptions(), sink)


def msgpack_theirs(given: Any, path: Path, _compression: str) -> None:
    import msgpack

    path.write_bytes(msgpack.packb({"ndarray": given.array.tobytes(), "mask": given.mask.tobytes()}))


def records(size: int = 1_000_000) -> Any:
    """Mappings of six plain fields."""
    return [
        {"id": n, "name": f"name {n}", "value": n / 7, "flag": n % 2 == 0, "tag": "x", "count": 3 * n}
        for n in range(size)
    ]


def frame(size: int = 1_000_000) -> Any:
    import numpy as np
    import pandas as pd

    values = np.random.default_rng(0).normal(size=size)
    return pd.DataFrame({
        "i": np.arange(size), "f": values, "s": [f"name {n}" for n in range(size)],
        "t": pd.date_range("2020", periods=size, freq="s"), "j": np.arange(size)[::-1], "g": np.round(values, 3),
    })  # fmt: skip


def records_theirs(given: Any, path: Path, _compression: str) -> None:
    import orjson

    path.write_bytes(orjson.dumps(given))


def packed_theirs(given: Any, path: Path, _compression: str) -> None:
    import msgpack

    path.write_bytes(msgpack.packb(given))


def frame_theirs(given: Any, path: Path, _compression: str) -> None:
    given.to_json(path, orient="records", date_format="iso")


def polars_frame(size: int = 1_000_000) -> Any:
    import polars as pl

    return pl.from_pandas(frame(size))


def polars_theirs(given: Any, path: Path, _compression: str) -> None:
    given.write_json(path)


def nested(size: int = 1_000) -> Any:
    """Small mappings in mappings, as answers of services are."""
    return [
        {"id": n, "where": {"name": f"place {n}", "at": [n / 7, -n / 3]}, "tags": ["a", "b"], "stats": {"ok": True}}
        for n in range(size)
    ]  # fmt: skip


def nested_ours(given: Any, path: Path, _compression: str) -> None:
    from bourn_formats.json import JSON, Options

    plugin, options = JSON(), Options()
    with path.open("wb") as sink:
        for _ in range(50):
            for each in given:
                plugin.encode(each, options, sink)


def nested_theirs(given: Any, path: Path, _compression: str) -> None:
    import orjson

    with path.open("wb") as sink:
        for _ in range(50):
            for each in given:
                sink.write(orjson.dumps(each))


def table(size: int = 1_000_000) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame(size), preserve_index=False)


def table_with_nulls(size: int = 1_000_000) -> Any:
    import pyarrow as pa

    given = table(size)
    missing = pa.array([n % 7 == 0 for n in range(size)])
    columns = [pa.compute.if_else(missing, None, column) for column in given.columns]
    return pa.table(columns, names=given.column_names)


def both_ours(given: Any, path: Path, compression: str) -> None:
    from bourn_formats.pyarrow import Options, PyArrow

    arrow_ours(given, path, compression)
    with path.open("rb") as source:
        PyArrow().decode(source, Options())


def both_theirs(given: Any, path: Path, compression: str) -> None:
    from pyarrow import feather

    feather.write_feather(given, str(path), compression=compression)
    with path.open("rb") as source:
        feather.read_table(source)


SIDES = {
    "polars": (polars_frame, json_ours, polars_theirs),
    "nested": (nested, nested_ours, nested_theirs),
    "feather": (table, both_ours, both_theirs),
    "nulls": (table_with_nulls, both_ours, both_theirs),
    "records": (records, json_ours, records_theirs),
    "packed": (records, msgpack_ours, packed_theirs),
    "frame": (frame, json_ours, frame_theirs),
    "arrow": (column, arrow_ours, arrow_theirs),
    "decode": (column, decode_ours, decode_theirs),
    "json": (floats, json_ours, json_theirs),
    "msgpack": (image, msgpack_ours, msgpack_theirs),
}

ROWS = (
    ("json of 1,000,000 records of 6 fields, CPU", "`orjson.dumps`", "1.5 x; 64 MiB", "records", "none"),
    ("msgpack of the same", "`msgpack.packb`", "1.5 x; 64 MiB", "packed", "none"),
    ("json of a DataFrame of 1,000,000 x 6, CPU", '`to_json(orient="records")`', "1.0 x; 64 MiB", "frame", "none"),
    ("json of a polars frame of the same, CPU", "`write_json`", "2 x; 64 MiB", "polars", "none"),
    ("json of 1,000 small nested mappings, one encode each, CPU", "`orjson.dumps`", "3 x", "nested", "none"),
    ("pyarrow of a table of the same, written and read, lz4, CPU", "feather", "1.1 x", "feather", "lz4"),
    ("the same with a null in every seventh row", "feather", "1.1 x", "nulls", "lz4"),
    ("pyarrow of 100 MB of float64, lz4, CPU", "pyarrow writing that column", "1.1 x; 16 MiB", "arrow", "lz4"),
    ("the same, not compressed", "pyarrow writing that column", "1.1 x; 16 MiB", "arrow", "none"),
    ("reading that, CPU", "pyarrow reading the column", "no copy: the array lies in the bytes", "decode", "none"),
    ("json of 2,000,000 floats, CPU", "orjson on the array in one piece", "1.2 x; 16 MiB", "json", "none"),
    (
        "msgpack of 64 MiB of image and mask, CPU",
        "`msgpack.packb` of the raw bytes",
        "1.1 x; no copy",
        "msgpack",
        "none",
    ),
)


def _status(key: str) -> float:
    with Path("/proc/self/status").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024


def side(name: str, who: str, compression: str, folder: Path) -> None:
    """One side of one row, in this process."""
    make, *both = SIDES[name]
    write, given = both[who == "theirs"], make()
    # What is imported on first use is no work of a format. Of a few values: memory that is given back stays warm.
    both[who == "theirs"](make(10), folder / "first", compression)
    with Path("/proc/self/clear_refs").open("w") as file:
        file.write("5")
    before = _status("VmRSS")
    measure.begin()
    for _ in range(TIMES_LONG if name in LONG else TIMES):
        write(given, folder / "out", compression)
    measure.end(over_mib=_status("VmHWM") - before)


def _run(name: str, who: str, compression: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as folder:
        done = subprocess.run(
            [sys.executable, str(HERE), "--side", name, who, compression, folder],
            capture_output=True, text=True, check=True, env={**os.environ, "BOURN_HOME": folder},
        )  # fmt: skip
    said = json.loads(done.stdout.splitlines()[-1])
    return said["cpu_seconds"], said["over_mib"]


def rows(pairs: int = PAIRS, only: frozenset[str] = frozenset()) -> list[tuple[str, str, str, str]]:
    """The rows of the table, or those of some sides: what, against what, measured, at most."""
    found = []
    for what, against, most, name, compression in ROWS:
        if only and name not in only:
            continue
        ratios, ours, theirs = [], 0.0, math.inf
        for _ in range(pairs):
            cpu, over = _run(name, "ours", compression)
            other, over_there = _run(name, "theirs", compression)
            ratios.append(cpu / other)
            ours, theirs = max(ours, over), min(theirs, over_there)
        said = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        found.append((what, against, f"{said}; {ours:.0f} MiB over the input, against {theirs:.0f}", most))
    return found


if __name__ == "__main__":
    if "--side" in sys.argv:
        side(*sys.argv[2:5], Path(sys.argv[5]))
    else:
        for row in rows(only=frozenset(sys.argv[1:])):
            print("| " + " | ".join(row) + " |", flush=True)
