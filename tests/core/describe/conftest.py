"""A distribution in its own folder, as third parties ship them: a plugin that works, one that is broken, bad texts."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

EVIL = "<script>alert(1)</script> [a](javascript:b) | *c* $d$ {e} &lt; _f_ # g"
"""A text in which every character means something to somebody."""

PLUGIN = """
    import attrs
    from bourn.plugin import Destination, Example, Format, option

    @attrs.frozen
    class Item:
        name: str = option(help="What it is called.")
        weight: float = option(default=1.0, gt=0, unit="kg", help="How heavy it is.")

    @attrs.frozen
    class Options:
        street: str = option(help={help!r}, pattern="^[a-z]+$")
        number: int = option(default=1, ge=1, help="The house.")
        items: list[Item] = option(factory=list, max_length=5, help="What is in it.")
        back: Item | None = option(default=None, help="What comes back.")

    @attrs.frozen
    class Settings:
        post_url: str = option(default="", help="Where the post office is.")

    class Parcel(Destination[Options]):
        '''Send it as a parcel.

        It takes `three` days:

        - one to pack,
        - two on the way.

        Parameters
        ----------
        none : of use here
        '''

        Settings = Settings
        formats = ("text",)

        def deliver(self, artifact, options, context):
            raise NotImplementedError

    class Text(Format):
        '''As text.'''

        media_type, suffix = "text/plain", ".txt"

        def encode(self, result, options, sink):
            raise NotImplementedError

    class Picture(Text):
        '''As a picture.'''

        kinds = ("image",)
        media_type, suffix = "image/png", ".png"

    class Label:
        '''Stands for a parcel.'''
"""

ENTRY_POINTS = """[bourn.destinations]
parcel = parcels:Parcel
broken = parcels.not_there:Broken
[bourn.formats]
text = parcels:Text
picture = parcels:Picture
[bourn.shorthands]
parcel = parcels:Label
"""


class Shop:
    """A folder with one distribution, `parcels 2.5`, whose texts and entry points can be changed."""

    evil = EVIL

    def __init__(self, folder):
        self.folder = folder
        info = folder / "parcels-2.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels\nVersion: 2.5\n")
        self.entry_points = info / "entry_points.txt"
        self.entry_points.write_text(ENTRY_POINTS)
        self.write(f"Where it goes; {EVIL}")

    def write(self, help):
        (self.folder / "parcels.py").write_text(textwrap.dedent(PLUGIN).replace("{help!r}", repr(help)))

    def run(self, *arguments, alone=True):
        """A process that sees this distribution, and no other if `alone`."""
        code = (
            "import sys; from bourn.plugins.registry import Registry as R\nfrom bourn.plugins.installed import scan\n"
        )
        if alone:
            code += (
                f"R.installed = classmethod(lambda cls, prefer=None, paths=None: cls(*scan([{str(self.folder)!r}])))\n"
            )
        code += arguments[0]
        return subprocess.run(
            [sys.executable, "-c", code, *arguments[1:]],
            env={**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture
def shop(tmp_path, home):
    return Shop(tmp_path / "site")
