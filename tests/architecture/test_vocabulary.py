"""The words that the code, the documentation and the messages do not use."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SPEC = importlib.util.spec_from_file_location("vocabulary", Path(__file__).with_name("vocabulary.py"))
vocabulary = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(vocabulary)


def test_no_word_of_the_list_is_used():
    places = vocabulary.found(vocabulary.tracked())
    assert not places, "\n".join(places)


def test_words_are_found_in_names_and_prose(monkeypatch, tmp_path):
    (tmp_path / "module.py").write_text('"""Whoever asks."""\nlast_told = 1\nuntoldable = 2\n')
    monkeypatch.setattr(vocabulary, "ROOT", tmp_path)
    assert [place.partition(" (")[0] for place in vocabulary.found(["module.py"])] == [
        "module.py:1: 'Whoever'", "module.py:2: 'told'",
    ]  # fmt: skip
