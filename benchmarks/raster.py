"""Images into cloud optimized GeoTIFFs, beside what people do today: `make bench-raster` prints the table.

Each side runs in a process of its own, in turn, and ratios are taken pair by pair. ``--quick`` takes small images, to
see that everything runs; ``--row NAME`` takes one row, ``--runs N`` so many pairs.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import measure

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
    from bourn_formats.raster.compress import deflated
    from bourn_formats.raster.predictor import fill_tile

    held = threading.local()

    def one(block) -> None:
        tile = held.__dict__.setdefault("tile", np.empty((512, 512, len(array)), array.dtype))
        fill_tile(tile, block, 3 if array.dtype.kind == "f" else 2)
        deflated(tile)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        while True:
            _, height, width = array.shape
            places = [(y, x) for y in range(0, height, 512) for x in range(0, width, 512)]
            wait([threads.submit(one, array[:, y : y + 512, x : x + 512]) for y, x in places])
            if max(height, width) <= 512:
                return
            array = array[:, : height // 2 * 2 : 2, : width // 2 * 2 : 2]


def upload(_side_of: str, out: Path) -> None:
    """By hand: float64 with a mask, rescaled into uint16 with a nodata value."""
    import numpy as np

    rng = np.random.default_rng(0)
    array, box = scene(4, SIDE, "f8"), geobox(SIDE)
    mask = np.zeros((SIDE, SIDE), bool)
    for top, left in rng.integers(0, SIDE, (40, 2)):
        mask[top : top + SIDE // 20, left : left + SIDE // 20] = True
    begin(lambda: None)
    stored = np.round(np.clip(array * 2 - 1000, 1, 65535))
    stored[:, mask] = 0
    by_rasterio(stored.astype("u2"), out, box, nodata=0)
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


def small(side_of: str, out: Path) -> None:
    """200 images of 4 x 1024 x 1024 in two threads; uint16, since preparing float64 is the catalog's work."""
    from concurrent.futures import ThreadPoolExecutor

    from bourn.plugin import Image

    array, box = scene(4, 1024, "u2"), geobox(1024)
    folder = out.parent

    def one(index: int) -> None:
        path = folder / f"{index % 4}.tif"
        if side_of == "bourn":
            bourn(Image(array, geobox=box), path)
        else:
            by_rasterio(array, path, box)

    begin(lambda: one(0))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(one, range(20 if QUICK else 200)))
    end(folder / "0.tif")


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
    print(f"stall {longest:.3f}", file=sys.stderr)
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
    measure.end(extra_mib=peak - _before, size_mb=size, **more)


def square(side: int):
    return lambda side_of, out: memory(side_of, out, count=4, side=side, dtype="u2")


WORK = {
    "uint16": (lambda side_of, out: memory(side_of, out, count=4, side=SIDE, dtype="u2"), "bourn", "rasterio"),
    "float32": (
        lambda side_of, out: memory(side_of, out, count=1, side=2048 if QUICK else 8192, dtype="f4"),
        "bourn",
        "rasterio",
    ),
    "upload by hand": (upload, "hand"),
    "small": (small, "bourn", "rasterio"),
    "dask": (chunks, "bourn", "odc-geo", "nothing but the chunks"),
    "limit": (lambda side_of, out: memory(side_of, out, count=4, side=SIDE, dtype="u2"), "bourn", "thrown away"),
    "stall": (stall, "bourn", "rasterio"),
    **{f"square {side}": (square(side), "bourn") for side in ((1024, 2048) if QUICK else (2048, 4096, 8192, 16384))},
}
"""By name: what runs, and the sides; ratios are those of the first side to the second."""

FIELDS = ("cpu_seconds", "wall_seconds", "peak_mib", "extra_mib", "size_mb", "stall_seconds")


def figures(name: str, side_of: str) -> dict[str, float]:
    """One run in a process of its own."""
    import json
    import subprocess

    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as folder:
        quick = ["--quick"] if QUICK else []
        done = subprocess.run(
            [sys.executable, HERE, *quick, "--run", name, side_of, str(Path(folder, "out.tif"))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(names: list[str], runs: int) -> None:
    """Each row: every side's figures, the medians of the paired ratios behind them."""
    from statistics import median

    print("| work | side | " + " | ".join(FIELDS) + " |")
    print("|---|---|" + "---|" * len(FIELDS))
    for name in names:
        _, *sides = WORK[name]
        found = {side_of: [] for side_of in sides}
        for _ in range(runs):
            for side_of in sides:
                found[side_of].append(figures(name, side_of))
        for side_of in sides:
            middle = (median(run.get(field, 0.0) for run in found[side_of]) for field in FIELDS)
            print(f"| {name} | {side_of} | " + " | ".join(f"{value:.2f}" for value in middle) + " |", flush=True)
        if len(sides) > 1:
            one, two = (found[side_of] for side_of in sides[:2])
            ratios = (
                median(
                    mine.get(field, 0.0) / max(theirs.get(field, 0.0), 1e-9)
                    for mine, theirs in zip(one, two, strict=True)
                )
                for field in FIELDS
            )
            print(f"| {name} | **ratio** | " + " | ".join(f"**{value:.2f}**" for value in ratios) + " |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--run" in sys.argv:
        name, side_of, path = sys.argv[sys.argv.index("--run") + 1 :]
        WORK[name][0](side_of, Path(path))
    else:
        asked = [sys.argv[index + 1] for index, word in enumerate(sys.argv) if word == "--row"]
        times = int(sys.argv[sys.argv.index("--runs") + 1]) if "--runs" in sys.argv else 1 if QUICK else 3
        table(asked or list(WORK), runs=times)
