"""Words that the code, the documentation and the messages do not use, with the words that they use instead.

``python tests/architecture/vocabulary.py [FILE ...]`` lists where they stand; exit status 1 if there are any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WORDS = {
    "caretaker": "maintenance",
    "complaints?": "problem",
    "fares": "status",
    "himself": "itself",
    "is to be had": "is available",
    "lent": "given",
    "misfits?": "problem",
    "of its own accord": "by itself",
    "owed": "deferred",
    "strangers?": "third party",
    "told": "reported, shown, a note",
    "untold": "not reported",
    "verdict": "problem",
    "whoever": "who, the caller",
}

PATTERN = re.compile(rf"(?<![A-Za-z])({'|'.join(WORDS)})(?![A-Za-z])", re.IGNORECASE)
"""An underscore parts words, so that names are looked at too."""

SUFFIXES = {".css", ".html", ".j2", ".jinja", ".json", ".md", ".py", ".rst", ".toml", ".txt"}
EXEMPT = {"CHANGELOG.md", "tests/architecture/test_vocabulary.py", "tests/architecture/vocabulary.py"}


def found(paths: list[str]) -> list[str]:
    """Each place of a word, as ``path:line: word (what to write)``."""
    places = []
    for name in paths:
        path = ROOT / name
        if name in EXEMPT or path.suffix not in SUFFIXES or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in PATTERN.finditer(line):
                instead = next(
                    word for pattern, word in WORDS.items() if re.fullmatch(pattern, match[1], re.IGNORECASE)
                )
                places.append(f"{name}:{number}: {match[1]!r} ({instead})")
    return places


def tracked() -> list[str]:
    """Files of the repository."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


if __name__ == "__main__":
    places = found(sys.argv[1:] or tracked())
    print(*places, sep="\n")  # noqa: T201  # a command
    sys.exit(bool(places))
