"""Images into cloud optimized GeoTIFFs, beside what people do today: `make bench-raster` prints the table.

Each side runs in a process of its own, in turn, and ratios are taken pair by pair. ``--quick`` takes small images, to
see that everything runs; ``--row NAME`` takes one row, ``--runs N`` so many pairs; ``--write`` puts the table into
docs/performance.md, the rows that were not measured staying as they are. ``--profile`` says instead what bourn's own
time goes into.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__)
QUICK = "--quick" in sys.argv
SIDE = 2048 if QUICK else 10980


def scene(count: int, side: int, dtype: str):
    """Smooth waves and noise, as satellites see: (band, y, x)."""
    import numpy as np

    rng = np.random.default_rng(0)
    noise = rng.normal(0, 25, (1024, 1024)).astype("f4")
    x = np.arange(side, dtype="f4")
    found = np.empty((count, side, side), dtype)
    for band in range(count):
        for top in range(0, side, 512):
            y = np.arange(top, min(side, top + 512), dtype="f4")[:, None]
            rough = np.tile(np.roll(noise, top // 512 * 37 + band * 11, 1)[: len(y)], (1, side // 1024 + 1))[:, :side]
            found[band, top : top + 512] = np.round(3000 + 1000 * np.sin(x / 300 + band) * np.cos(y / 200) + rough)
    return found


def geobox(side: int):
    from affine import Affine
    from odc.geo.geobox import GeoBox

    return GeoBox((side, side), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")


def lazy(side: int, chunk: int):
    """Float32, four bands, made chunk by chunk."""
    import dask.array as da
    import numpy as np

    def block(block_info=None):
        facts = block_info[None]
        (_, _), (top, bottom), (left, right) = facts["array-location"]
        rng = np.random.default_rng(top * 7 + left)
        noise = rng.integers(-40, 40, (64, right - left)).astype("f4")
        wave = np.round(1000 * np.sin(np.arange(left, right, dtype="f4") / 300))
        found = np.empty(facts["chunk-shape"], "f4")
        for band in range(found.shape[0]):
            for row in range(0, bottom - top, 64):
                np.add(wave, np.roll(noise, row + band, 1)[: bottom - top - row], out=found[band, row : row + 64])
        return found

    sides = da.core.normalize_chunks((chunk,), (side,))[0]
    return da.map_blocks(block, chunks=((4,), sides, sides), dtype="f4", meta=np.empty((0, 0, 0), "f4"))


def bourn(image, out: Path) -> None:
    from bourn_formats.geotiff import GeoTIFF, Options

    with out.open("wb") as sink:
        GeoTIFF().encode(image, Options(), sink)


def by_rasterio(array, out: Path, box, **more) -> None:
    """The COG driver, as its page recommends it for speed."""
    import rasterio

    count, height, width = array.shape
    with rasterio.open(
        out, "w", driver="COG", width=width, height=height, count=count, dtype=array.dtype, crs="EPSG:32613",
        transform=box.affine, compress="DEFLATE", predictor="YES", num_threads="ALL_CPUS",
        overview_resampling="nearest", bigtiff="IF_SAFER", **more,
    ) as file:  # fmt: skip
        file.write(array)


def memory(side_of: str, out: Path, *, count: int, side: int, dtype: str) -> None:
    """An image in memory."""
    from bourn.plugin import Image

    array, box = scene(count, side, dtype), geobox(side)
    image = Image(array, geobox=box)
    warm = Image(array[:, :64, :64].copy())
    begin(lambda: bourn(warm, out) if side_of == "bourn" else by_rasterio(array[:, :64, :64], out, box))
    if side_of == "bourn":
        bourn(image, out)
    elif side_of == "rasterio":
        by_rasterio(array, out, box)
    else:
        thrown_away(array)
    end(out)


def thrown_away(array) -> None:
    """The limit: the tiles of every resolution, made and compressed in as many threads, and dropped."""
    from concurrent.futures import ThreadPoolExecutor, wait

    import numpy as np
    from bourn_formats.geotiff.cog.tiles import deflate, fill_tile

    held = threading.local()

    def one(block) -> None:
        tile = held.__dict__.setdefault("tile", np.empty((512, 512, len(array)), array.dtype))
        fill_tile(tile, block, 3 if array.dtype.kind == "f" else 2)
        deflate(tile)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        while True:
            _, height, width = array.shape
            places = [(y, x) for y in range(0, height, 512) for x in range(0, width, 512)]
            wait([threads.submit(one, array[:, y : y + 512, x : x + 512]) for y, x in places])
            if max(height, width) <= 512:
                return
            array = array[:, : height // 2 * 2 : 2, : width // 2 * 2 : 2]


RANGES = {"data_range": (0, 10_000), "physical_range": (-1000.0, 4000.0)}
"""Of a band in the catalog: what is stored, and what it means."""


def by_hand(array, mask):
    """Float64 with a mask, rescaled into uint16 with the nodata value 0; in place where numpy can."""
    import numpy as np

    (d0, d1), (p0, p1) = RANGES["data_range"], RANGES["physical_range"]
    stored = array - p0
    stored *= d1 - d0
    stored /= p1 - p0
    stored += d0
    np.rint(stored, out=stored)
    np.clip(stored, 0, 65535, out=stored)
    stored[:, mask] = 0
    return stored.astype("u2")


def by_catalog(array, mask, box):
    """The same by the catalog's preparation, which also counts what is lost; changed while it is read."""
    import numpy as np
    from bourn.plugin import Image
    from bourn_catalog.pixels import BandSpec, prepare

    bands = ["a", "b", "c", "d"]
    specs = [BandSpec(name=name, dtype=np.dtype("u2"), nodata=0, **RANGES) for name in bands]
    return prepare(Image(array, bands, mask, box), specs, rescale=True, change_dtype=True)


def upload(side_of: str, out: Path) -> None:
    """Float64 with a mask into a product of uint16 with nodata."""
    import numpy as np

    rng = np.random.default_rng(0)
    array, box = scene(4, SIDE, "f8"), geobox(SIDE)
    mask = np.zeros((SIDE, SIDE), bool)
    for top, left in rng.integers(0, SIDE, (40, 2)):
        mask[top : top + SIDE // 20, left : left + SIDE // 20] = True
    small = array[:, :64, :64].copy(), mask[:64, :64]
    if side_of == "bourn":
        begin(lambda: bourn(by_catalog(*small, geobox(64)), out))
        bourn(by_catalog(array, mask, box), out)
    else:
        begin(lambda: by_rasterio(by_hand(*small), out, box, nodata=0))
        by_rasterio(by_hand(array, mask), out, box, nodata=0)
    end(out)


def chunks(side_of: str, out: Path) -> None:
    """A dask array that does not fit."""
    side, chunk = (4096, 1024) if QUICK else (20000, 2048)
    array, box = lazy(side, chunk), geobox(side)
    if side_of == "bourn":
        from bourn.plugin import Image

        begin(lambda: None)
        bourn(Image(array, geobox=box), out)
    elif side_of == "odc-geo":
        import xarray as xr
        from odc.geo.cog import save_cog_with_dask
        from odc.geo.xr import xr_coords

        named = xr.DataArray(array, dims=("band", "y", "x"), coords=xr_coords(box))
        begin(lambda: None)
        save_cog_with_dask(
            named, str(out), compression="DEFLATE", overview_resampling="nearest", blocksize=512
        ).compute()
    else:
        begin(lambda: None)
        for top in range(0, side, chunk):
            array[:, top : top + chunk].map_blocks(lambda block: block[:, :1, :1], dtype="f4").compute()
    end(out)


TILED = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 4, "dtype": "uint16", "tiled": True}


def source_file(path: Path) -> None:
    """A file of deflated tiles, made in another process so that its memory does not count."""
    import rasterio

    with rasterio.open(
        path, "w", crs="EPSG:32613", transform=geobox(SIDE).affine, compress="DEFLATE", blockxsize=512, blockysize=512,
        **TILED,
    ) as file:  # fmt: skip
        file.write(scene(4, SIDE, "u2"))


def reprojected(side_of: str, out: Path) -> None:
    """A file of tiles onto the grid of the next UTM zone, bilinear, written without compression."""
    import multiprocessing

    path = out.with_name("source.tif")
    maker = multiprocessing.get_context("fork").Process(target=source_file, args=(path,))
    maker.start()
    maker.join()
    # GDAL holds what is written, and odc-geo's and GDAL's sides what they read, in 5 % of the machine's memory else.
    os.environ["GDAL_CACHEMAX"] = "64"
    import numpy as np
    import rasterio
    from affine import Affine
    from bourn.image.reproject import reproject
    from bourn.plugin import Image
    from odc.geo.geobox import GeoBox

    target = GeoBox((SIDE, SIDE), Affine(10, 0, -4e4, 0, -10, 4.01e6), "EPSG:32614")
    image = Image.open(path)
    begin(reproject(image.select(["band_1"]), target[:64, :64])[0].compute)
    with rasterio.open(out, "w", crs="EPSG:32614", transform=target.affine, **TILED) as file:
        if side_of == "bourn":
            for strip in reproject(image, target)[0].strips():
                file.write(strip.pixels, window=((strip.start, strip.stop), (0, SIDE)))
        elif side_of == "odc-geo":
            from odc.geo.xr import xr_reproject

            file.write(np.asarray(xr_reproject(image.to_xarray(), target, resampling="bilinear").data))
        else:
            with rasterio.open(path) as source:
                rasterio.warp.reproject(
                    rasterio.band(source, [1, 2, 3, 4]), rasterio.band(file, [1, 2, 3, 4]), num_threads=2,
                    resampling=rasterio.enums.Resampling.bilinear,
                )  # fmt: skip
    end(out)


_shared: dict[str, object] = {}
"""What forked processes find there, so that nothing is sent to them but names."""


def one_small(side_of: str, path: Path) -> None:
    """One of many."""
    array, mask = _shared["array"], _shared["mask"]
    if side_of == "bourn":
        bourn(by_catalog(array, mask, geobox(1024)), path)
    else:
        by_rasterio(by_hand(array, mask), path, geobox(1024), nodata=0)


def small(side_of: str, out: Path) -> None:
    """200 images of 4 x 1024 x 1024 float64 into uint16, two at a time."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from functools import partial

    import numpy as np

    mask = np.zeros((1024, 1024), bool)
    mask[100:300, 500:900] = True
    _shared.update(array=scene(4, 1024, "f8"), mask=mask)
    paths = [out.with_name(f"{index % 4}.tif") for index in range(20 if QUICK else 200)]
    if side_of == "hand, two processes":
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as workers:
            list(workers.map(partial(one_small, side_of), paths[:4]))
            begin(lambda: None)
            list(workers.map(partial(one_small, side_of), paths))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        end(out.with_name("0.tif"), cpu_seconds=spent, peak_mib=2 * after.ru_maxrss / 1024, extra_mib=0)
        return
    begin(lambda: one_small(side_of, paths[0]))
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(partial(one_small, side_of), paths))
    end(out.with_name("0.tif"))


def stall(side_of: str, out: Path) -> None:
    """How long another thread waits at most while 4 x 2048 x 2048 are written."""
    from bourn.plugin import Image

    array, box = scene(4, 2048, "u2"), geobox(2048)
    image, longest, done = Image(array, geobox=box), 0.0, threading.Event()

    def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    begin(lambda: bourn(Image(array[:, :64, :64].copy()), out))
    thread = threading.Thread(target=tick)
    thread.start()
    if side_of == "bourn":
        bourn(image, out)
    else:
        by_rasterio(array, out, box)
    done.set()
    thread.join()
    end(out, stall_seconds=longest)


_before = 0.0


def begin(warm) -> None:
    """Count from here, with everything loaded; memory over what is held already."""
    global _before  # noqa: PLW0603  # one measurement a process
    warm()
    _before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measure.begin()


def end(out: Path, **more: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = out.stat().st_size / 1e6 if out.exists() else 0.0
    measure.end(**{"extra_mib": peak - _before, "size_mb": size, **more})


PARTS = {
    "DEFLATE, by ISA-L": ("tiles", "deflate"),
    "bands interleaved, predictor": ("writer", "fill_tile"),
    "statistics": ("writer", "summarize"),
    "overviews": ("writer._Writer", "_downsample"),
    "tiles into temporary files": ("spool.Spool", "append"),
    "the file itself": ("sink", "write"),
}
"""What a write is made of, and the function that does it."""


def profile() -> None:
    """The CPU seconds of each part, in all threads."""
    import importlib
    from functools import wraps

    from bourn.plugin import Image
    from bourn_formats.geotiff import GeoTIFF, Options
    from bourn_formats.geotiff.cog import tiles, writer

    spent: dict[str, float] = dict.fromkeys(PARTS, 0.0)

    def timed(name: str, call):
        @wraps(call)
        def wrapper(*args):
            started = time.thread_time()
            try:
                return call(*args)
            finally:
                spent[name] += time.thread_time() - started

        return wrapper

    for name, (room, function) in PARTS.items():
        module, _, cls = room.partition(".")
        if room != "sink":
            owner = importlib.import_module(f"bourn_formats.geotiff.cog.{module}")
            owner = getattr(owner, cls) if cls else owner
            setattr(owner, function, timed(name, getattr(owner, function)))
    writer.deflate = tiles.deflate
    array, box = scene(4, SIDE, "u2"), geobox(SIDE)
    with tempfile.NamedTemporaryFile(prefix="bourn-bench-") as sink:
        sink.write = timed("the file itself", sink.file.write)
        GeoTIFF().encode(Image(array[:, :64, :64].copy()), Options(), sink)
        spent.update(dict.fromkeys(spent, 0.0))
        sink.seek(0)
        started = time.process_time()
        GeoTIFF().encode(Image(array, geobox=box), Options(), sink)
        whole = time.process_time() - started
    print(f"uint16 4 x {SIDE} x {SIDE}: {whole:.2f} CPU s")
    for name, seconds in [*spent.items(), ("the rest", whole - sum(spent.values()))]:
        print(f"{seconds:6.2f} s {100 * seconds / whole:5.1f} % {name}")


def in_memory(count: int, side: int, dtype: str):
    return lambda side_of, out: memory(side_of, out, count=count, side=side, dtype=dtype)


class Row(NamedTuple):
    """What is compared.

    Attributes
    ----------
    name : str
        For ``--row``.
    what : str
        For readers.
    work : callable
        ``work(side, path)`` runs one of the sides, the first of which is bourn.
    sides : sequence of str
    goals : str
        What the figures should be at most.
    """

    name: str
    what: str
    work: Callable[[str, Path], None]
    sides: Sequence[str]
    goals: str


FLOAT_SIDE = 2048 if QUICK else 8192
ROWS = [
    Row("uint16", f"uint16 4 x {SIDE} x {SIDE} in memory", in_memory(4, SIDE, "u2"), ["bourn", "rasterio"],
        "CPU 0.40, wall 0.50, memory 0.20, size 1.02"),
    Row("float32", f"float32 {FLOAT_SIDE} x {FLOAT_SIDE} in memory", in_memory(1, FLOAT_SIDE, "f4"),
        ["bourn", "rasterio"], "CPU 0.6"),
    Row("upload", f"into the catalog: float64 4 x {SIDE} x {SIDE} and a mask, to uint16 and nodata", upload,
        ["bourn", "numpy and rasterio"], "CPU 0.30, wall 0.35, memory 0.10"),
    Row("small", "200 times float64 4 x 1024 x 1024 to uint16, two threads", small,
        ["bourn", "numpy and rasterio", "hand, two processes"], "wall 0.20; beside two processes 0.40"),
    Row("dask", "dask float32 4 x 20000 x 20000, chunks of 2048", chunks, ["bourn", "odc-geo", "chunks alone"],
        "CPU 0.45, peak 1024 MiB"),
    Row("reproject", f"uint16 4 x {SIDE} x {SIDE} in a file, to the next UTM zone, bilinear", reprojected,
        ["bourn", "GDAL's warper", "odc-geo"], "CPU 1.1 beside GDAL, wall 1.0 beside odc-geo, peak 512 MiB"),
    Row("limit", f"uint16 4 x {SIDE} x {SIDE}, beside its tiles compressed and thrown away", in_memory(4, SIDE, "u2"),
        ["bourn", "thrown away"], "CPU 1.3"),
    Row("stall", "the longest stall of another thread while uint16 4 x 2048 x 2048 is written", stall,
        ["bourn", "rasterio"], ""),
    *(Row(f"square {side}", f"uint16 4 x {side} x {side}", in_memory(4, side, "u2"), ["bourn"], "")
      for side in ((1024, 2048) if QUICK else (2048, 4096, 8192, 16384))),
]  # fmt: skip

FIELDS = ("cpu_seconds", "wall_seconds", "extra_mib", "peak_mib", "size_mb", "stall_seconds")

PAGE = HERE.parent.parent / "docs" / "performance.md"
MARKS = ("<!-- figures: make bench-raster -->\n", "<!-- end of figures -->")


def figures(name: str, side_of: str) -> dict[str, float]:
    """One run in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as folder:
        quick = ["--quick"] if QUICK else []
        done = subprocess.run(
            [sys.executable, HERE, *quick, "--run", name, side_of, str(Path(folder, "out.tif"))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def measured(row: Row, runs: int) -> list[list[str]]:
    """The cells of a row: one line a side, the medians of its figures and of the paired ratios of bourn's to them."""
    found = {side_of: [] for side_of in row.sides}
    for _ in range(runs):
        for side_of in row.sides:
            found[side_of].append(figures(row.name, side_of))
    lines = []
    for side_of in row.sides:
        cells = []
        for field in FIELDS:
            values = [run.get(field, 0.0) for run in found[side_of]]
            text = f"{median(values):,.2f}" if "seconds" in field else f"{median(values):,.0f}"
            ratios = [
                ours.get(field, 0.0) / value for ours, value in zip(found["bourn"], values, strict=True) if value > 0
            ]
            # What is thrown away has neither a size nor memory to speak of.
            if side_of != "bourn" and ratios and (side_of != "thrown away" or "seconds" in field):
                text += f" (**{median(ratios):.2f}**)"
            cells.append(text if any(values) else "")
        first = side_of == row.sides[0]
        lines.append([row.what if first else "", side_of, *cells, row.goals if first else ""])
    return lines


def table(rows: Sequence[Row], runs: int) -> list[str]:
    """The lines of the table, in Markdown; printed as they come."""
    head = ["work", "side", "CPU s", "wall s", "memory over input MiB", "peak MiB", "size MB", "stall s", "at most"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    print("\n".join(lines), flush=True)
    for row in rows:
        for cells in measured(row, runs):
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    return lines


def write(lines: Sequence[str]) -> None:
    """Put the table into the page, between its marks; rows that were not measured stay."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    old, _, after = rest.partition(MARKS[1])
    groups = {**_groups(old.splitlines()), **_groups(lines)}
    ordered = [line for row in ROWS for line in groups.get(row.what, ())]
    text = "\n".join([*lines[:2], *ordered])
    PAGE.write_text(f"{before}{MARKS[0]}{text}\n{MARKS[1]}{after}", encoding="utf-8")


def _groups(lines: Sequence[str]) -> dict[str, list[str]]:
    """The lines of each row, by what they say first."""
    groups: dict[str, list[str]] = {}
    name = ""
    for line in lines[2:]:
        name = line.split("|")[1].strip() or name
        groups.setdefault(name, []).append(line)
    return groups


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--run" in sys.argv:
        name, side_of, path = sys.argv[sys.argv.index("--run") + 1 :]
        next(row for row in ROWS if row.name == name).work(side_of, Path(path))
    elif "--profile" in sys.argv:
        profile()
    else:
        asked = [sys.argv[index + 1] for index, word in enumerate(sys.argv) if word == "--row"]
        times = int(sys.argv[sys.argv.index("--runs") + 1]) if "--runs" in sys.argv else 1 if QUICK else 3
        made = table([row for row in ROWS if not asked or row.name in asked], runs=times)
        if "--write" in sys.argv:
            write(made)
