"""Names of images and ids of products: validation without rewriting."""

from __future__ import annotations

import re

from bourn.plugin import Problem, RequestError

__all__ = ["checked_id", "image_id", "image_name_fault", "product_id_fault", "split_image_id"]

LONGEST = 200

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9_])?")
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,198}[A-Za-z0-9_])?")


def image_name_fault(text: str) -> str | None:
    """Return what is wrong with the name of an image; None if it is valid.

    Examples
    --------
    >>> image_name_fault("1024_0_10.0_13_-9_385")
    >>> image_name_fault("13:-9")
    "expected letters, digits, '.', '_' and '-' only, got '13:-9'; instead of it '13_-9' would do"
    """
    return _fault(text, _NAME, "'.', '_' and '-'")


def product_id_fault(text: str) -> str | None:
    """Return what is wrong with the id of a product; None if it is valid.

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
    quoted = repr(text if len(text) <= 60 else text[:59] + "…")  # noqa: PLR2004  # fits a line
    if not text:
        return "expected a name, got an empty text"
    if len(text) > LONGEST:
        return f"expected at most {LONGEST} characters, got {len(text):,}"
    if not re.fullmatch(r"[A-Za-z0-9._-]+" if "':'" not in signs else r"[A-Za-z0-9._:-]+", text):
        # Keys of tiles have colons.
        near = re.sub(r"[^A-Za-z0-9._-]+", "_", text)
        hint = f"; instead of it {near!r} would do" if near != text and allowed.fullmatch(near) else ""
        return f"expected letters, digits, {signs} only, got {quoted}{hint}"
    if not text[0].isalnum():
        return f"expected a letter or a digit at the beginning, got {quoted}"
    return f"expected a letter, a digit or '_' at the end, got {quoted}"


def checked_id(value: object, path: str = "id") -> str:
    """Return `value` if it is a str.

    Raises
    ------
    RequestError
        It is not.
    """
    if isinstance(value, str):
        return value
    raise RequestError([Problem(path, f"expected a str, got {type(value).__name__}")])


def image_id(product_id: str, name: str) -> str:
    """Return the id of an image."""
    return f"{product_id}:{name}"


def split_image_id(id: str) -> tuple[str, str]:
    """Split an image id into product id and image name; a name has no colon.

    Examples
    --------
    >>> split_image_id("org:ndvi:t1")
    ('org:ndvi', 't1')
    """
    product_id, _, name = id.rpartition(":")
    return product_id, name
