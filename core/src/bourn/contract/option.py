"""How a plugin says what one of its options is: type, default, limits and meaning, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["OPTION", "NoOptions", "OptionFacts", "Secret", "facts_of", "option"]

OPTION = "bourn"
"""The key of the facts in an attrs field's metadata."""


@attrs.frozen(kw_only=True, eq=False)
class OptionFacts:
    """What is known of an option in addition to its type and its default."""

    help: str = ""
    unit: str | None = None
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    format: str | None = None
    choices: tuple[Any, ...] | None = None
    examples: tuple[Any, ...] = ()
    check: Callable[[Any], str | None] | None = None
    unlike: tuple[str, ...] = ()


class Secret:
    """A text that is shown nowhere: not in a repr, a log, a plan, a receipt or a schema.

    Examples
    --------
    >>> Secret("hunter2")
    Secret('***')
    >>> Secret("hunter2").reveal()
    'hunter2'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; not for messages.

        Examples
        --------
        >>> Secret("hunter2").reveal()
        'hunter2'
        """
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        msg = "a Secret is never pickled"
        raise TypeError(msg)


def option(  # noqa: PLR0913  # one keyword a fact; the author writes two or three of them
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    help: str,  # the word that authors know from argparse and click
    unit: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    format: str | None = None,  # JSON Schema's own word
    choices: Sequence[Any] | None = None,
    examples: Sequence[Any] = (),
    check: Callable[[Any], str | None] | None = None,
    unlike: Sequence[str] = (),
) -> Any:
    r"""A field of an ``Options`` or ``Settings`` class; always keyword-only.

    The JSON Schema, the validation, the error messages and the documentation of the option are made from this.

    Parameters
    ----------
    default, factory
        The value when the request gives none; without either the option must be given.
    help : str
        One sentence on what it does.
    unit : str, optional
        Such as ``"seconds"`` or ``"pixels"``.
    ge, gt, le, lt : number, optional
        Limits of a number.
    min_length, max_length : int, optional
        Limits of a text (characters) or a list (items).
    pattern : str, optional
        A regular expression that a text must contain (anchor it: ``"^https://"``), as JSON Schema has it.
    format : str, optional
        A format name of JSON Schema, such as ``"uri"`` or ``"email"``; shown to editors, not checked.
    choices : sequence, optional
        The values allowed; upper and lower case of ASCII letters are taken as the same.
    examples : sequence, optional
        Values to show in documentation.
    check : callable, optional
        What no limit can say: takes the value (each item of a list), gives what is wrong with it, or None. It is
        asked of what a request gives, never of None where the type allows that, nor of the default.
    unlike : sequence of str, optional
        Names that look like this option and mean another thing: they get no "did you mean" that names it.

    Examples
    --------
    >>> @attrs.frozen
    ... class Options:
    ...     url: str = option(help="Where to POST the result.", pattern="^https://")
    ...     retries: int = option(default=3, ge=0, le=10, help="How often to try again.")
    >>> Options(url="https://example.org")
    Options(url='https://example.org', retries=3)
    """
    facts = OptionFacts(
        help=help, unit=unit, ge=ge, gt=gt, le=le, lt=lt, min_length=min_length, max_length=max_length,
        pattern=pattern, format=format, choices=None if choices is None else tuple(choices),
        examples=tuple(examples), check=check, unlike=tuple(name.casefold() for name in unlike),
    )  # fmt: skip
    metadata: Mapping[str, object] = {OPTION: facts}
    if factory is not None:
        return attrs.field(factory=factory, kw_only=True, metadata=metadata)
    return attrs.field(default=default, kw_only=True, metadata=metadata)


def facts_of(field: attrs.Attribute[Any]) -> OptionFacts:
    """The facts of an attrs field; empty ones for a field not made by `option`."""
    facts = field.metadata.get(OPTION)
    return facts if isinstance(facts, OptionFacts) else OptionFacts()


@attrs.frozen
class NoOptions:
    """The options of a plugin that has none.

    Examples
    --------
    >>> from bourn.plugin import Destination
    >>> Destination.Options.__name__
    'NoOptions'
    """
