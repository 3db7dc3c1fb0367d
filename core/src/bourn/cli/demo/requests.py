"""The requests of the demo: every pair of the matrix with a result that it takes, and those that plugins add."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from bourn.contract.destination import Example
from bourn.errors import PluginError

if TYPE_CHECKING:
    from bourn.plugins.matrix import Cell
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec
    from bourn.session import Session

__all__ = ["Request", "Subject", "hooked", "requests", "without_doubles"]


@attrs.frozen(kw_only=True)
class Subject:
    """A result of the demo.

    Attributes
    ----------
    name : str
    obj : object
    kinds : tuple of str
    spare : bool
        Whether it is sent only where no other result fits.
    """

    name: str
    obj: Any
    kinds: tuple[str, ...]
    spare: bool = False


@attrs.frozen(kw_only=True)
class Request:
    """One request of the demo, or why it is not made.

    Attributes
    ----------
    what, destination, format : str
        As the table names them.
    obj, to, written : object
        As `Session.compute` takes them.
    refused : str
        Why the matrix forbids it; the demo makes sure that the request is refused.
    skipped, broken : str
        Why it is not made: something is missing, or does not work.
    tell : callable, optional
        Of a job that has delivered: what is shown of it at the end of the demo.
    """

    what: str
    destination: str
    format: str
    obj: Any = None
    to: Any = None
    written: Any = None
    refused: str = ""
    skipped: str = ""
    broken: str = ""
    tell: Callable[[Any], str] | None = None


def requests(registry: Registry, subjects: Sequence[Subject]) -> Iterator[Request]:
    """Yield every pair of destination and format, once for every subject that it takes."""
    for (destination, written), cell in registry.matrix().items():
        specs = registry.destinations[destination], registry.formats[written]
        broken = _broken(*specs)
        if broken:
            yield Request(what="", destination=destination, format=written, broken=broken)
        else:
            yield from _of_pair(*specs, cell, subjects)


def _of_pair(to: Spec, written: Spec, cell: Cell, subjects: Sequence[Subject]) -> Iterator[Request]:
    pair: dict[str, Any] = {"destination": to.name, "format": written.name}
    if not cell.kinds:
        # As its example has it, so that nothing but the pair is wrong.
        asked = _plugin_reference(to)[0] or to.name
        yield Request(what="", **pair, obj=subjects[0].obj, to=asked, written=written.name, refused=cell.reason)
        return
    references = []
    for spec in (to, written):
        reference, missing = _plugin_reference(spec)
        if missing:
            yield Request(what="", **pair, skipped=missing)
            return
        references.append(reference)
    fitting = [subject for subject in subjects if any(kind in cell.kinds for kind in subject.kinds)]
    fitting = [subject for subject in fitting if not subject.spare] or fitting
    if not fitting:
        yield Request(what="", **pair, skipped=f"takes {' or '.join(cell.kinds)}, and the demo has none")
    for subject in fitting:
        yield Request(what=subject.name, **pair, obj=subject.obj, to=references[0], written=references[1])


def _broken(*specs: Spec) -> str:
    for spec in specs:
        try:
            spec.load()
        except PluginError as error:
            return error.message
    return ""


def _plugin_reference(spec: Spec) -> tuple[Any, str]:
    """Return a plugin as a request names it: its name, or, where options are required, its first example."""
    required = spec.schema.get("required", ())
    if not required:
        return spec.name, ""
    for example in spec.examples:
        reference = example.destination if spec.role == "destination" else example.format
        if isinstance(reference, Mapping) and all(key in reference for key in required) and not _leads_away(reference):
            return reference, ""
    return None, f"{spec.name} must be given {', '.join(required)}; `bourn show {spec.name}` tells more"


_AWAY = re.compile(r"://(?!(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$))|@(?!localhost$)")


def _leads_away(value: Any) -> bool:
    """Return whether there is an address of another machine in it: a demo sends nothing there."""
    if isinstance(value, str):
        return _AWAY.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(_leads_away, value.values()))
    return isinstance(value, list | tuple) and any(map(_leads_away, value))


def hooked(session: Session, subjects: Sequence[Subject]) -> Iterator[Request]:
    """Yield the requests that plugins add by the hook ``bourn_demo``.

    Without a result of its own it is shown with the last of the demo's that its destination takes.
    """
    registry, default = session.registry, session.settings.default_destination
    for distribution, answer in registry.hooks.call("bourn_demo", session=session):
        for item in answer if isinstance(answer, list | tuple) else [answer]:
            given = attrs.asdict(item, recurse=False) if isinstance(item, Example) else item
            if not isinstance(given, Mapping):
                broken = f"its bourn_demo yields {type(item).__name__}, not an Example or a mapping"
                yield Request(what=distribution, destination="", format="", broken=broken)
                continue
            to, written = given.get("destination"), given.get("format")
            obj = given["result"] if "result" in given else _fitting(to or default, written, registry, subjects).obj
            yield Request(
                what=str(given.get("title") or distribution), destination=_name(to or default), format=_name(written),
                obj=obj, to=to, written=written, tell=given.get("tell"),
            )  # fmt: skip


def without_doubles(pairs: Sequence[Request], own: Sequence[Request]) -> list[Request]:
    """Yield the pairs without those that a plugin adds itself, whose example alone lacks what it needs."""
    shown = {(request.destination, request.format) for request in own}
    return [each for each in pairs if isinstance(each.to, str | None) or (each.destination, each.format) not in shown]


def _fitting(to: Any, written: Any, registry: Registry, subjects: Sequence[Subject]) -> Subject:
    """Return the last subject that the pair takes: the scene, where images are allowed."""
    pair = _name(to), _name(written)
    spec = registry.destinations.get(pair[0])
    kinds = registry.matrix()[pair].kinds if pair in registry.matrix() else spec.load().kinds if spec else ("*",)
    return next((each for each in reversed(subjects) if kinds == ("*",) or set(each.kinds) & set(kinds)), subjects[0])


def _name(reference: Any) -> str:
    """Return the name of a destination or format for the table."""
    if reference is None or isinstance(reference, str):
        return reference or ""
    return str(reference.get("type")) if isinstance(reference, Mapping) else type(reference).__name__
