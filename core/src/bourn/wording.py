"""How values and choices are worded in messages: safe to print, short, with the nearest right spelling."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clean", "escape_controls", "hide_credentials", "listed", "nearest", "reason_of", "shown"]

LONGEST_MESSAGE = 2_000
"""Characters; a message is for a person (PROMISES 12)."""

LONGEST_VALUE = 80
"""Characters of a value that is quoted in a message."""

LONGEST_INT = 256
"""Bits of a number that is quoted in a message."""

# Control, format (bidi overrides among them), surrogate, private-use and unassigned characters.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


_URL = re.compile(
    r"""(?P<scheme>\b[a-z][a-z0-9+.-]*://)
        (?P<userinfo>[^\s/?#'"<>@]*@|[^\s/?#'"<>:@]*:[^\s'"<>]*@)?
        (?P<rest>[^\s?#'"<>]*)
        (?P<query>\?[^\s#'"<>]*(?<![:;,.)]))?""",
    re.IGNORECASE | re.VERBOSE,
)


def hide_credentials(text: str) -> str:
    """Return `text` without the user information and the query of each URL in it: both may hold a credential.

    Examples
    --------
    >>> hide_credentials("smtp://ann:hunter2@mail.example:25")
    'smtp://***@mail.example:25'
    >>> hide_credentials("can't read https://host/a.tif?sig=abc: 403")
    "can't read https://host/a.tif?***: 403"
    """
    if "://" not in text:
        return text
    return _URL.sub(
        lambda found: "".join(
            (
                found["scheme"],
                "***@" if found["userinfo"] else "",
                found["rest"],
                "?***" if found["query"] else "",
            )
        ),
        text,
    )


def _escaped(character: str) -> str:
    if character.isascii():
        hidden = not (character.isprintable() or character == "\n")
    else:
        hidden = unicodedata.category(character) in _HIDDEN
    return character.encode("unicode_escape").decode("ascii") if hidden else character


def escape_controls(text: str) -> str:
    r"""Return `text` with control and bidi characters escaped; line ends stay.

    Examples
    --------
    >>> escape_controls("a\x1b[2J")
    'a\\x1b[2J'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_escaped, text))


def clean(text: str) -> str:
    """`text` without raw control or bidi characters, cut to the length of a message; line ends stay."""
    if len(text) > LONGEST_MESSAGE:
        text = text[: LONGEST_MESSAGE - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    cleaned = "".join(map(_escaped, text))
    return cleaned if len(cleaned) <= LONGEST_MESSAGE else cleaned[: LONGEST_MESSAGE - 1] + "…"


def _name_of(cls: type) -> str:
    # As type itself says it: a metaclass may say something else, or raise.
    module = type.__dict__["__module__"].__get__(cls)
    return f"{module}.{type.__dict__['__qualname__'].__get__(cls)}"


def shown(value: Any) -> str:
    """`value` as it may stand in a message: its repr if that is to be trusted, else its type.

    Only the builtin scalars and containers are asked for their repr: a third party's repr may raise, run for
    hours or give a secret away.
    """
    # The type is asked, never the object: even ``__class__`` may be somebody's own code.
    kind = type(value)
    if issubclass(kind, str):
        text = str.__repr__(str.__getitem__(value, slice(LONGEST_VALUE + 1)))
    elif kind is int and value.bit_length() > LONGEST_INT:
        # One of more than 4300 digits refuses to become text (sys.set_int_max_str_digits).
        text = f"an int of {value.bit_length()} bits"
    elif kind is bytes:
        text = repr(value[: LONGEST_VALUE + 1])
    elif kind in {int, float, complex, bool, type(None)}:
        text = repr(value)
    elif issubclass(kind, type):
        text = f"the class {_name_of(value)}"
    elif kind in {list, tuple, dict, set, frozenset}:
        text = f"a {kind.__name__} of {len(value)}"
    else:
        text = f"an object of type {_name_of(kind)}"
    text = clean(text)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was most likely meant to be, or None."""
    import difflib  # 5 ms, and needed for messages only

    found = difflib.get_close_matches(word[:LONGEST_VALUE].casefold(), list(choices), n=1, cutoff=0.6)
    return found[0] if found else None


def listed(names: Iterable[str]) -> str:
    """Names in alphabetical order, separated by commas; 'none' when there are none."""
    return ", ".join(sorted(names)) or "none"


def reason_of(error: BaseException) -> str:
    """A third party's exception as text: safe to print, and never raising."""
    try:
        text = str(error).strip()
    except BaseException:  # noqa: BLE001  # its own __str__ may raise anything
        text = ""
    name = type(error).__name__
    if not text:
        return name
    # An ImportError says what is missing by itself; of a KeyError('x') the text alone would be 'x'.
    return clean(text if isinstance(error, ImportError) else f"{name}: {text}")
