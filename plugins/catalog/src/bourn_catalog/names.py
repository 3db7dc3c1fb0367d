"""How images, products and bands may be called; nothing is rewritten, what does not fit is refused."""

from __future__ import annotations

import re

__all__ = ["image_id", "image_name_fault", "product_id_fault", "split_image_id"]

LONGEST = 200

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9_])?")
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,198}[A-Za-z0-9_])?")


def image_name_fault(text: str) -> str | None:
    """What is wrong with the name of an image; None if nothing is.

    Examples
    --------
    >>> image_name_fault("1024_0_10.0_13_-9_385")
    >>> image_name_fault("13:-9")
    "expected letters, digits, '.', '_' and '-' only, got '13:-9'; instead of it '13_-9' would do"
    """
    return _fault(text, _NAME, "'.', '_' and '-'")


def product_id_fault(text: str) -> str | None:
    """What is wrong with the id of a product; None if nothing is.

    Examples
    --------
    >>> product_id_fault("org:ndvi")
    >>> product_id_fault("org:")
    "expected a letter, a digit or '_' at the end, got 'org:'"
    """
    return _fault(text, _ID, "'.', '_', '-' and ':'")


def _fault(text: str, allowed: re.Pattern[str], signs: str) -> str | None:
    if allowed.fullmatch(text):
        return None
    quoted = repr(text if len(text) <= 60 else text[:59] + "…")  # noqa: PLR2004  # what fits a line
    if not text:
        return "expected a name, got an empty text"
    if len(text) > LONGEST:
        return f"expected at most {LONGEST} characters, got {len(text):,}"
    if not re.fullmatch(r"[A-Za-z0-9._-]+" if "':'" not in signs else r"[A-Za-z0-9._:-]+", text):
        # A colon is what people have in hand: the key of a tile.
        near = re.sub(r"[^A-Za-z0-9._-]+", "_", text)
        hint = f"; instead of it {near!r} would do" if near != text and allowed.fullmatch(near) else ""
        return f"expected letters, digits, {signs} only, got {quoted}{hint}"
    if not text[0].isalnum():
        return f"expected a letter or a digit at the beginning, got {quoted}"
    return f"expected a letter, a digit or '_' at the end, got {quoted}"


def image_id(product_id: str, name: str) -> str:
    """The id of an image of that product and name."""
    return f"{product_id}:{name}"


def split_image_id(id: str) -> tuple[str, str]:
    """The product's id and the image's name; a name has no colon.

    Examples
    --------
    >>> split_image_id("org:ndvi:t1")
    ('org:ndvi', 't1')
    """
    product_id, _, name = id.rpartition(":")
    return product_id, name
