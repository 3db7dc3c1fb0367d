"""A composite over an area, one catalog image a tile; run again, it does only what is missing.

    python examples/composite_by_tiles.py --tilesize 512

The composite here is made up, lazily, by dask; put yours in the place of `composite`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import bourn
import bourn_catalog as catalog
import dask.array as da
import numpy as np
import xarray as xr
from bourn.errors import BournError
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SANTA_FE = {
    "type": "Polygon",
    "coordinates": [[[-106.05, 35.6], [-105.88, 35.58], [-105.85, 35.72], [-106.02, 35.75], [-106.05, 35.6]]],
}

PRODUCT = catalog.Product(
    id="example:backscatter",
    name="Mean backscatter",
    bands=[
        catalog.MicrowaveBand(
            name=name, data_type="UInt16", nodata=0, data_range=(1, 10_001), physical_range=(-40, 10), unit="dB",
            frequency=5.405, polarization=name.upper(),
        )
        for name in ("vv", "vh")
    ],
)  # fmt: skip


def composite(area: dict) -> xr.DataArray:
    """Mean backscatter of a season in decibels, (band, y, x), lazy, with the edge of a swath missing."""
    lons, lats = zip(*area["coordinates"][0], strict=True)
    box = GeoBox.from_bbox((min(lons) - 0.1, min(lats) - 0.1, max(lons) + 0.1, max(lats) + 0.1), "EPSG:4326",
                           resolution=0.0002)  # fmt: skip

    def waves(block_info=None):
        (_, (y0, y1), (x0, x1)) = block_info[None]["array-location"]
        y, x = np.mgrid[y0:y1, x0:x1] / 200
        vv = -12 + 6 * np.sin(x) * np.cos(y)
        both = np.stack([vv, vv - 7])
        return np.where(x + y > 0.4, both, np.nan)

    chunks = ((2,), *da.core.normalize_chunks(512, box.shape))
    pixels = da.map_blocks(waves, chunks=chunks, dtype="float64", meta=np.empty((0, 0, 0)))
    coords = {**xr_coords(box), "band": ["vv", "vh"], "time": np.datetime64("2020-05-01", "ns")}
    return xr.DataArray(pixels, dims=("band", *box.dimensions), coords=coords)


def follow(jobs: dict[str, bourn.Job]) -> dict[str, BournError]:
    """Wait for all of them, one bar for all; gives what went wrong, by name."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("uploading", total=len(jobs))
        live = dict(jobs)
        while live:
            live = {name: job for name, job in live.items() if not job.done}
            stages = Counter(job.stage.lower() for job in live.values())
            line = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
            progress.update(bar, completed=len(jobs) - len(live), description=line or "done")
            time.sleep(0.1)
    failures = {}
    for name, job in jobs.items():
        try:
            job.result()
        except BournError as error:
            failures[name] = error
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", type=Path, help="a polygon as GeoJSON; by default around Santa Fe")
    parser.add_argument("--resolution", type=float, default=10.0, help="metres a pixel")
    parser.add_argument("--tilesize", type=int, default=1024, help="pixels a side")
    asked = parser.parse_args()
    area = SANTA_FE if asked.area is None else json.loads(asked.area.read_text())

    product = PRODUCT.save()
    tiles = bourn.tiles.from_shape(area, asked.resolution, asked.tilesize, 0)
    there = {image.name for image in product.images()}
    missing = {name: tile for tile in tiles if (name := tile.key.replace(":", "_")) not in there}
    print(f"{len(tiles)} tiles, {len(tiles) - len(missing)} of them there already")

    backscatter = composite(area)
    jobs = {}
    for name, tile in missing.items():
        image = catalog.Image(name=name, product_id=product.id, properties={"tile": tile.key})
        destination = {"type": "catalog", "image": image, "rescale": True, "change_dtype": True}
        jobs[name] = bourn.compute(backscatter, tile, destination=destination, block=False)
    failures = follow(jobs) if jobs else {}
    for name, error in failures.items():
        print(f"{name}: {error}", file=sys.stderr)
    print(
        f"{len(jobs) - len(failures)} uploaded, {len(failures)} failed; {product.id} has {len(product.images())} images"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
