"""Distributions that are really written to a folder on the path, and forgotten afterwards."""

from __future__ import annotations

import sys
import textwrap

import pytest


class Installer:
    """Writes distributions, as an installer would, into one folder of ``sys.path``."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name, entry_points, version="1.0", metadata=None, **modules):
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        if metadata is None:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\ntext\n"
        (info / "METADATA").write_bytes(metadata if isinstance(metadata, bytes) else metadata.encode())
        if isinstance(entry_points, dict):
            lines = []
            for group, entries in entry_points.items():
                lines.append(f"[bourn.{group}]")
                lines += [f"{key} = {value}" for key, value in entries.items()]
            entry_points = "\n".join(lines) + "\n"
        text = entry_points if isinstance(entry_points, bytes) else entry_points.encode()
        (info / "entry_points.txt").write_bytes(text)
        for module, source in modules.items():
            (self.folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return info

    def registry(self, **keywords):
        from bourn.plugins.registry import Registry

        return Registry.installed(paths=[str(self.folder)], **keywords)


@pytest.fixture
def install(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield Installer(folder)
    for module in set(sys.modules) - before:
        path = getattr(sys.modules[module], "__file__", None) or ""
        if path.startswith(str(folder)):
            del sys.modules[module]
