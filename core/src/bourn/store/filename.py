"""Names to save results under."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["safe_filename"]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_SUFFIX = re.compile(r"(?:\.[A-Za-z0-9_-]{1,15}){1,2}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)

LONGEST_NAME = 100
"""Characters before the suffix: most file systems take 255 bytes, mail programs and archives add to that."""


def safe_filename(text: str, suffix: str) -> str:
    """A name that every file system, header and shell takes as it is, made of `text` and a suffix.

    Examples
    --------
    >>> safe_filename("Crème brûlée, 2024", ".tif")
    'Creme-brulee-2024.tif'
    >>> safe_filename("../../etc/passwd", ".json")
    'etc-passwd.json'
    >>> safe_filename("", ".json")
    'result.json'
    """
    ascii_only = unicodedata.normalize("NFKD", text[: 4 * LONGEST_NAME]).encode("ascii", "ignore").decode("ascii")
    name = re.sub(r"\.{2,}", ".", _UNSAFE.sub("-", ascii_only)).strip("-.")[:LONGEST_NAME].strip("-.")
    if not name or _DEVICES.fullmatch(name):  # names that Windows keeps for devices
        name = f"result-{name}".rstrip("-")
    return name + (suffix if _SUFFIX.fullmatch(suffix) else ".bin")
