"""What to install for a plugin is what the distributions of this repository say themselves."""

import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_plugin_of_this_repository_is_known():
    expected = {"destination": {}, "format": {}}
    for file in ROOT.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        for role, names in expected.items():
            for name in project.get("entry-points", {}).get(f"bourn.{role}s", {}):
                names[name] = project["name"]
    known = (ROOT / "core/src/bourn/plugins/distributions.json").read_text(encoding="utf-8")
    assert json.loads(known) == expected
