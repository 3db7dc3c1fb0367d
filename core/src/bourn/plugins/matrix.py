"""What goes together: destination x format -> the kinds of result that may pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from bourn.errors import PluginError

if TYPE_CHECKING:
    from bourn.plugins.spec import Spec

__all__ = ["Cell", "Matrix"]


class Cell(NamedTuple):
    """Whether a destination takes a format.

    Attributes
    ----------
    kinds : tuple of str
        The kinds of result that may pass; none if the pair is refused.
    reason : str
        Why it is refused, without a full stop; empty if it is not.
    """

    kinds: tuple[str, ...]
    reason: str = ""


class Matrix(Mapping[tuple[str, str], Cell]):
    """Every pair of destination and format, derived from what the two say of themselves.

    A cell is worked out when it is asked for, so that one request loads no plugin but its own.
    """

    def __init__(self, destinations: Mapping[str, Spec], formats: Mapping[str, Spec]) -> None:
        self._destinations = destinations
        self._formats = formats
        self._cells: dict[tuple[str, str], Cell] = {}

    def __getitem__(self, pair: tuple[str, str]) -> Cell:
        found = self._cells.get(pair)
        if found is None:
            destination, written = pair
            found = _cell(self._destinations[destination], self._formats[written])
            self._cells[pair] = found
        return found

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((destination, written) for destination in self._destinations for written in self._formats)

    def __len__(self) -> int:
        return len(self._destinations) * len(self._formats)

    def cell(self, destination: str, written: str) -> Cell:
        """The cell of a destination and a format, by their exact names."""
        return self[destination, written]

    def formats_of(self, destination: str) -> list[str]:
        """The names of all formats that the destination takes, its default first."""
        fitting = [name for name in self._formats if self[destination, name].kinds]
        default = self.default_format(destination) if fitting else None
        return sorted(fitting, key=lambda name: (name != default, name))

    def default_format(self, destination: str) -> str | None:
        """The first of the destination's own formats that is installed; None if it takes any.

        Of a media type the first format by name.

        Raises
        ------
        PluginError
            The destination can't be loaded.
        """
        for wanted in self._destinations[destination].load().formats:
            for name in self._formats:
                fits = wanted == name or ("/" in wanted and wanted == _media_type(self._formats[name]))
                if fits and self[destination, name].kinds:
                    return name
        return None


def _cell(to: Spec, written: Spec) -> Cell:
    from bourn.contract.destination import ANY  # attrs costs 30 ms; both plugins need it, names don't
    from bourn.results.info import KINDS  # see above

    try:
        destination, format_ = to.load(), written.load()
        takes = destination.takes(written.name, format_)
    except PluginError as error:
        return Cell((), error.message.rstrip("."))
    except Exception as error:  # noqa: BLE001  # a third party's `takes`
        return Cell((), f"{to.name!r} could not say whether it takes {written.name!r}: {type(error).__name__}")
    if not takes:
        wanted = " or ".join(destination.formats) if destination.formats != ANY else "other formats"
        return Cell((), f"{to.name!r} takes {wanted}, not {written.name!r} ({format_.media_type})")
    kinds = _both(destination.kinds, format_.kinds, ANY, KINDS)
    if not kinds:
        ours, theirs = " or ".join(destination.kinds), " or ".join(format_.kinds)
        return Cell((), f"{to.name!r} takes results of kind {ours}, and {written.name!r} writes {theirs}")
    return Cell(kinds)


def _both(
    first: tuple[str, ...], second: tuple[str, ...], everything: tuple[str, ...], kinds: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(
        kind for kind in kinds if (first == everything or kind in first) and (second == everything or kind in second)
    )


def _media_type(spec: Spec) -> Any:
    try:
        return spec.load().media_type
    except PluginError:
        return None
