"""The tiles example, as people run it: all tiles, then only what is missing, and what failed at the end."""

import os
import subprocess
import sys
from pathlib import Path

import bourn_catalog as catalog
import numpy as np
import pytest

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[3] / "examples" / "composite_by_tiles.py"


def run(*arguments):
    command = [sys.executable, str(EXAMPLE), "--tilesize", "256", "--resolution", "80", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=os.environ)
    return done.returncode, done.stdout, done.stderr


def test_the_example_uploads_every_tile_and_then_only_what_is_missing(home, session):
    status, output, failed = run()
    assert (status, "tile" in failed) == (0, False)
    product = catalog.Product.get("example:backscatter", session=session)
    images = product.images(session=session)
    assert output.splitlines()[0] == f"{len(images)} tiles, 0 of them there already"
    assert len(images) > 1
    assert {image.properties["tile"].replace(":", "_") for image in images} == {image.name for image in images}
    pixels = images[0].open(scaled=True).compute()
    assert pixels.shape == (2, 256, 256)
    valid = np.ma.array(pixels.array, mask=np.broadcast_to(pixels.mask, pixels.shape))
    assert -30 < valid.min() < valid.max() < 0

    status, output, failed = run()
    assert output.splitlines() == [
        f"{len(images)} tiles, {len(images)} of them there already",
        f"0 uploaded, 0 failed; example:backscatter has {len(images)} images",
    ]  # no bar of nothing between them

    images[0].delete()
    status, output, failed = run()
    assert output.splitlines()[0] == f"{len(images)} tiles, {len(images) - 1} of them there already"
    assert output.splitlines()[-1] == f"1 uploaded, 0 failed; example:backscatter has {len(images)} images"
