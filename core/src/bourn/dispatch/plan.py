"""A checked request: one destination, one format, options complete and typed, and what was decided about them."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from bourn.contract.destination import Destination
from bourn.contract.format import Format
from bourn.errors import RequestError
from bourn.options.serialization import read, secrets_of, with_blanks, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.contract.receipt import Note
    from bourn.results.info import ResultInfo

__all__ = ["Chosen", "Plan"]

P = TypeVar("P", Destination[Any], Format[Any])

FORM = 1
"""The version of a plan's JSON form."""


@attrs.frozen(kw_only=True)
class Chosen(Generic[P]):
    """A plugin that was chosen, with its typed options."""

    name: str
    distribution: str
    version: str
    plugin: P
    options: Any

    def as_mapping(self) -> dict[str, Any]:
        """As a request would say it, defaults filled in, without secrets."""
        return {"type": self.name, **write(self.options)}


@attrs.frozen(kw_only=True, slots=False)
class Plan:
    """A checked request; nothing has been computed, and nothing was touched.

    Attributes
    ----------
    chosen_destination : Chosen
        The destination with its typed options.
    chosen_format : Chosen
        The format with its typed options.
    kinds : tuple of str
        The kinds of result that may pass.
    info : ResultInfo
        What is known of the result without computing it.
    notes : sequence of Note
        What was decided, and why.
    expires_after : timedelta or None
        How long the link works; None where the settings say it.
    """

    chosen_destination: Chosen[Destination[Any]]
    chosen_format: Chosen[Format[Any]]
    kinds: tuple[str, ...]
    info: ResultInfo
    notes: Sequence[Note] = ()
    expires_after: timedelta | None = None

    @cached_property
    def destination(self) -> Mapping[str, Any]:
        """The destination as a mapping, defaults filled in."""
        return MappingProxyType(self.chosen_destination.as_mapping())

    @cached_property
    def format(self) -> Mapping[str, Any]:
        """The format as a mapping, defaults filled in."""
        return MappingProxyType(self.chosen_format.as_mapping())

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON, without its secrets; `Dispatcher.restore` makes a plan of it in any process."""
        # What is kept apart from it, and erased when the job ends.
        withheld = [
            f"{role}.{name}"
            for role, withheld_options in (self.secrets() or {}).items()
            for name, text in withheld_options.items()
            if text
        ]
        return {
            "form": FORM,
            **({"withheld": withheld} if withheld else {}),
            **({"expires_after": self.expires_after.total_seconds()} if self.expires_after else {}),
            "destination": dict(self.destination),
            "format": dict(self.format),
            "kinds": list(self.kinds),
            "result": self.info.as_mapping(),
            "notes": [note._asdict() for note in self.notes],
            "by": {
                "destination": [self.chosen_destination.distribution, self.chosen_destination.version],
                "format": [self.chosen_format.distribution, self.chosen_format.version],
            },
        }

    def secrets(self) -> dict[str, Any] | None:
        """The options that are kept apart from the plan; None where there are none."""
        secrets = {
            "destination": secrets_of(self.chosen_destination.options),
            "format": secrets_of(self.chosen_format.options),
        }
        return secrets if any(secrets.values()) else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the plan without its secrets: they are blank in another process."""
        return _unpickle, (
            _reduced(self.chosen_destination),
            _reduced(self.chosen_format),
            self.kinds,
            self.info,
            tuple(self.notes),
            self.expires_after,
        )

    def shares_encoding_with(self, other: Plan) -> bool:
        """Whether one artifact serves both: neither destination changes the result, and the format is the same."""
        return (
            not self.chosen_destination.plugin.encodes_alone()
            and not other.chosen_destination.plugin.encodes_alone()
            and self.chosen_format.name == other.chosen_format.name
            and bool(self.chosen_format.options == other.chosen_format.options)
        )

    def __str__(self) -> str:
        lines = [f"destination  {_on_one_line(self.destination)}", f"format       {_on_one_line(self.format)}"]
        known = self.info.as_mapping()
        kinds = known.pop("kinds") or ["not known before it is computed"]
        result = ", ".join(
            [" or ".join(kinds), *(f"{name} {value}" for name, value in known.items() if name != "lazy")]
        )
        lines.append(f"result       {result}")
        if self.expires_after:
            lines.append(f"link         works for {self.expires_after / timedelta(days=1):g} days")
        lines += [f"note         {f'{note.path}: ' if note.path else ''}{note.message}" for note in self.notes]
        return "\n".join(lines)


def _reduced(chosen: Chosen[Any]) -> tuple[str, str, str, Any, dict[str, Any]]:
    return chosen.name, chosen.distribution, chosen.version, chosen.plugin, write(chosen.options)


def _unpickle(
    destination: tuple[Any, ...],
    format: tuple[Any, ...],
    kinds: Any,
    info: ResultInfo,
    notes: Any,
    expires_after: timedelta | None,
) -> Plan:
    chosen = []
    for name, distribution, version, plugin, mapping in (destination, format):
        options, problems = read(plugin.Options, with_blanks(plugin.Options, mapping))
        if problems:
            raise RequestError(problems)
        chosen.append(Chosen(name=name, distribution=distribution, version=version, plugin=plugin, options=options))
    return Plan(
        chosen_destination=chosen[0],
        chosen_format=chosen[1],
        kinds=kinds,
        info=info,
        notes=notes,
        expires_after=expires_after,
    )


def _on_one_line(mapping: Mapping[str, Any]) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in mapping.items() if name != "type")
    return f"{mapping['type']} ({options})" if options else str(mapping["type"])
