"""An upload's pixels: a lazy image of four float32 bands through the catalog's rules into a GeoTIFF of bytes or uint16.

``python benchmarks/catalog.py [SIDE]`` says what it took beside writing the same pixels without the rules: seconds of
CPU and wall, the peak of memory above the start. 20000 is a row of 6.4 GB; the file goes nowhere.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import warnings


class Nowhere:
    """Counts what is written."""

    size_bytes = 0

    def write(self, data) -> int:
        self.size_bytes += len(data)
        return len(data)


def lazy(side: int, chunk: int):
    """Reflectance from 0 to 1 with a corner of NaN: (4, side, side) float32, made chunk by chunk."""
    import dask.array as da
    import numpy as np

    def block(block_info=None):
        facts = block_info[None]
        (_, _), (top, bottom), (left, right) = facts["array-location"]
        rng = np.random.default_rng(top * 7 + left)
        noise = (rng.integers(-40, 40, (64, right - left)) / 10000).astype("f4")
        wave = (0.3 + 0.1 * np.sin(np.arange(left, right) / 300)).astype("f4")
        found = np.empty(facts["chunk-shape"], "f4")
        for band in range(found.shape[0]):
            for row in range(0, bottom - top, 64):
                np.add(wave, np.roll(noise, row + band, 1)[: bottom - top - row], out=found[band, row : row + 64])
        if top == left == 0:
            found[:, :100, :100] = np.nan
        return found

    sides = da.core.normalize_chunks((chunk,), (side,))[0]
    return da.map_blocks(block, chunks=((4,), sides, sides), dtype="f4", meta=np.empty((0, 0, 0), "f4"))


def upload(side: int, how: str) -> None:
    import numpy as np
    from affine import Affine
    from bourn.plugin import Image
    from bourn_catalog.pixels import BandSpec, prepare
    from bourn_formats.geotiff import GeoTIFF, Options
    from odc.geo.geobox import GeoBox

    warnings.simplefilter("ignore", RuntimeWarning)  # of NaN, which has no integer, without the rules
    names = ["blue", "green", "red", "nir"]
    box = GeoBox((side, side), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")
    small = Image(lazy(256, 256), names, geobox=GeoBox((256, 256), box.affine, box.crs))
    facts = {"dtype": np.dtype("u2"), "nodata": 0, "data_range": (0, 10000), "physical_range": (0, 1)}
    specs = [BandSpec(name=name, **facts) for name in names]
    image = Image(lazy(side, 1024), names, geobox=box)

    def stored(given):
        if how == "rules":
            return prepare(given, specs, rescale=True, change_dtype=True)
        return Image((given.array * 10000).astype("u2"), names, geobox=given.geobox, bandinfo={"red": {"nodata": 0}})

    GeoTIFF().encode(stored(small), Options(), Nowhere())  # what is loaded on first use is no part of it
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = time.process_time(), time.perf_counter()
    made, sink = stored(image), Nowhere()
    GeoTIFF().encode(made, Options(), sink)
    print(
        json.dumps(
            {
                "cpu_seconds": round(time.process_time() - cpu, 2),
                "wall_seconds": round(time.perf_counter() - wall, 2),
                "above_start_mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
                "start_mib": before // 1024,
                "file_mib": sink.size_bytes >> 20,
                "report": {key: dict(made.report)[key] for key in ("lost", "counted")} if made.report else None,
            }
        )
    )


def main() -> None:
    if len(sys.argv) == 3:
        upload(int(sys.argv[1]), sys.argv[2])
        return
    side = sys.argv[1] if len(sys.argv) > 1 else "20000"
    for how in ("plain", "rules"):
        print(f"{how:>6}", end=" ", flush=True)
        subprocess.run([sys.executable, __file__, side, how], check=True)


if __name__ == "__main__":
    main()
