"""The formats of tables, pictures and cubes beside the libraries that they use: CPU time and peak memory.

``python benchmarks/files.py [ROW ...]`` prints the rows of a table; each side runs in a process of its own, in turn.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import measure

ROWS = 10_000_000
BATCH = 65_536
SCENE = 10_980
CUBE = (8, 2048, 2048)
PAIRS = 3


class Batches:
    """A table of 10,000,000 x 6 that is made while it is read."""

    def __init__(self, rows: int) -> None:
        import numpy as np
        import pyarrow as pa

        self._rows = rows
        random = np.random.default_rng(0)
        self._batch = pa.record_batch({
            "i": np.arange(BATCH), "f": np.round(random.normal(size=BATCH), 3), "g": random.normal(size=BATCH),
            "s": [f"name {number}" for number in range(BATCH)],
            "t": np.arange(BATCH).astype("M8[s]"), "j": np.arange(BATCH, dtype="int32")[::-1].copy(),
        })  # fmt: skip
        self.schema = self._batch.schema

    def __iter__(self) -> Any:
        for start in range(0, self._rows, BATCH):
            yield self._batch.slice(0, min(BATCH, self._rows - start))

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, iter(self)).__arrow_c_stream__(requested_schema)


def encode(plugin: Any, result: Any, path: Path) -> None:
    with path.open("wb") as sink:
        plugin.encode(result, plugin.Options(), sink)


def csv_ours(given: Any, path: Path) -> None:
    from bourn_tables.csv import CSV

    encode(CSV(), given, path)


def csv_theirs(given: Any, path: Path) -> None:
    import pyarrow.csv as pc

    options = pc.WriteOptions(eol="\r\n", batch_size=8192)
    with pc.CSVWriter(path, given.schema, write_options=options) as writer:
        for batch in given:
            writer.write_batch(batch)


def parquet_ours(given: Any, path: Path) -> None:
    from bourn_tables.parquet import Parquet

    encode(Parquet(), given, path)


def parquet_theirs(given: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, given.schema, compression="zstd") as writer:
        for batch in given:
            writer.write_batch(batch)


def scene(folder: Path) -> Any:
    """Four bands of uint16 as a tiled GeoTIFF with overviews."""
    import numpy as np
    import rasterio
    from rasterio.transform import Affine

    path = folder / "scene.tif"
    form = {"driver": "GTiff", "width": SCENE, "height": SCENE, "count": 4, "dtype": "uint16", "tiled": True}
    with rasterio.open(
        path, "w", **form, blockxsize=512, blockysize=512, transform=Affine(10, 0, 0, 0, -10, 0)
    ) as file:
        for band in range(1, 5):
            rows = np.arange(SCENE, dtype="uint16")
            file.write(np.add.outer(rows, rows) // 2 + 100 * band, band)
        for band, name in enumerate(("red", "green", "blue", "nir"), 1):
            file.set_band_description(band, name)
        file.build_overviews([2, 4, 8])
    return path


def picture_ours(given: Any, path: Path) -> None:
    from bourn import Image
    from bourn_pictures.plugin import PNG

    encode(PNG(), Image.open(given), path)


def picture_theirs(given: Any, path: Path) -> None:
    """A decimated read, percentiles, and a PNG by GDAL; Pillow is not among the dependencies."""
    import numpy as np
    import rasterio
    from rasterio.transform import Affine

    with rasterio.open(given) as file:
        pixels = file.read([1, 2, 3], out_shape=(3, 1024, 1024))
    low, high = np.percentile(pixels.reshape(3, -1), (2, 98), axis=1)[..., None, None]
    drawn = np.rint(255 * np.clip((pixels - low) / (high - low), 0, 1)).astype("uint8")
    form = {
        "driver": "PNG",
        "width": 1024,
        "height": 1024,
        "count": 3,
        "dtype": "uint8",
        "transform": Affine(1, 0, 1, 0, -1, 1),
    }
    with rasterio.open(path, "w", **form, ZLEVEL=6) as file:
        file.write(drawn)


def cube(_folder: Path) -> Any:
    import dask.array as da
    import xarray as xr

    pixels = da.random.default_rng(0).normal(size=CUBE, chunks=(1, 512, 512)).astype("float32").round(2)
    return xr.Dataset({"v": (("time", "y", "x"), pixels)})


def netcdf_ours(given: Any, path: Path) -> None:
    from bourn_cubes.netcdf import NetCDF

    encode(NetCDF(), given, path)


def netcdf_theirs(given: Any, path: Path) -> None:
    codec = {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": (1, 512, 512)}
    given.to_netcdf(path, engine="h5netcdf", encoding={"v": codec})


def batches(_folder: Path) -> Any:
    return Batches(ROWS)


SIDES = {
    "csv": (batches, csv_ours, csv_theirs, f"{ROWS:,} x 6 to csv", "`pyarrow.csv`", "1.1 x"),
    "parquet": (batches, parquet_ours, parquet_theirs, f"{ROWS:,} x 6 to parquet", "`pyarrow.parquet`", "1.1 x"),
    "picture": (scene, picture_ours, picture_theirs, f"4 x {SCENE} x {SCENE} to png", "decimated read, GDAL", "1.0 x"),
    "netcdf": (cube, netcdf_ours, netcdf_theirs, f"{CUBE} float32, lazy, to netcdf", "`to_netcdf`", "1.05 x"),
}


def side(name: str, who: str, folder: Path) -> None:
    """One side of one row, in this process."""
    make, ours, theirs, *_ = SIDES[name]
    given = make(folder)
    work = ours if who == "ours" else theirs
    if name == "picture":  # it takes less time than its imports
        work(given, folder / "out")
    measure.begin()
    work(given, folder / "out")
    measure.end()


def row(name: str) -> tuple[str, ...]:
    """What, against what, measured, at most."""
    *_, what, against, most = SIDES[name]
    runs = {who: [] for who in ("ours", "theirs")}
    for _ in range(PAIRS):
        for who, found in runs.items():
            found.append(measure.run([str(Path(__file__)), "--side", name, who]))
    ratios = [a.cpu_seconds / b.cpu_seconds for a, b in zip(runs["ours"], runs["theirs"], strict=True)]
    ours, theirs = (max(figures.peak_mib for figures in runs[who]) for who in ("ours", "theirs"))
    measured = f"{statistics.median(ratios):.2f} x CPU ({min(ratios):.2f} to {max(ratios):.2f})"
    return what, against, f"{measured}; peak {ours:.0f} MiB against {theirs:.0f}", most


if __name__ == "__main__":
    if "--side" in sys.argv:
        side(*sys.argv[2:4], Path(sys.argv[4]))
    else:
        for chosen in sys.argv[1:] or SIDES:
            print("| " + " | ".join(row(chosen)) + " |", flush=True)
