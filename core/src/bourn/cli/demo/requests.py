"""What the demo asks for: every pair of the matrix, with what it takes, and what plugins want to be shown besides."""

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
    """Something to send."""

    name: str
    obj: Any
    kinds: tuple[str, ...]


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
    """Every pair of destination and format, once for every subject that it takes."""
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
        asked = _half(to)[0] or to.name
        yield Request(what="", **pair, obj=subjects[0].obj, to=asked, written=written.name, refused=cell.reason)
        return
    halves = []
    for spec in (to, written):
        half, missing = _half(spec)
        if missing:
            yield Request(what="", **pair, skipped=missing)
            return
        halves.append(half)
    fitting = [subject for subject in subjects if any(kind in cell.kinds for kind in subject.kinds)]
    if not fitting:
        yield Request(what="", **pair, skipped=f"takes {' or '.join(cell.kinds)}, and the demo has none")
    for subject in fitting:
        yield Request(what=subject.name, **pair, obj=subject.obj, to=halves[0], written=halves[1])


def _broken(*specs: Spec) -> str:
    for spec in specs:
        try:
            spec.load()
        except PluginError as error:
            return error.message
    return ""


def _half(spec: Spec) -> tuple[Any, str]:
    """A plugin as a request names it: by its name, or, where options must be given, as its author's example does."""
    required = spec.schema.get("required", ())
    if not required:
        return spec.name, ""
    for example in spec.examples:
        half = example.destination if spec.role == "destination" else example.format
        if isinstance(half, Mapping) and all(key in half for key in required) and not _leads_away(half):
            return half, ""
    return None, f"{spec.name} must be given {', '.join(required)}; `bourn show {spec.name}` tells more"


_AWAY = re.compile(r"://(?!(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$))|@(?!localhost$)")


def _leads_away(value: Any) -> bool:
    """Whether an address is in it that is not this machine's: a demo sends nothing into the world."""
    if isinstance(value, str):
        return _AWAY.search(value) is not None
    if isinstance(value, Mapping):
        return any(map(_leads_away, value.values()))
    return isinstance(value, list | tuple) and any(map(_leads_away, value))


def hooked(session: Session, subjects: Sequence[Subject]) -> Iterator[Request]:
    """What plugins want to be shown: what ``bourn_demo`` yields.

    Without a result of its own it is shown with the last of the demo's that its destination takes.
    """
    registry, default = session.registry, session.settings.default_destination
    for distribution, answer in registry.hooks.call("bourn_demo", session=session):
        for item in answer if isinstance(answer, list | tuple) else [answer]:
            told = attrs.asdict(item, recurse=False) if isinstance(item, Example) else item
            if not isinstance(told, Mapping):
                broken = f"its bourn_demo yields {type(item).__name__}, not an Example or a mapping"
                yield Request(what=distribution, destination="", format="", broken=broken)
                continue
            to, written = told.get("destination"), told.get("format")
            obj = told["result"] if "result" in told else _fitting(to or default, written, registry, subjects).obj
            yield Request(
                what=str(told.get("title") or distribution), destination=_name(to or default), format=_name(written),
                obj=obj, to=to, written=written, tell=told.get("tell"),
            )  # fmt: skip


def without_doubles(pairs: Sequence[Request], own: Sequence[Request]) -> list[Request]:
    """The pairs but for those that are shown by their plugin itself: an example alone lacks what it needs."""
    shown = {(request.destination, request.format) for request in own}
    return [each for each in pairs if isinstance(each.to, str | None) or (each.destination, each.format) not in shown]


def _fitting(to: Any, written: Any, registry: Registry, subjects: Sequence[Subject]) -> Subject:
    """The last subject that the pair takes: the scene, where images pass."""
    pair = _name(to), _name(written)
    spec = registry.destinations.get(pair[0])
    kinds = registry.matrix()[pair].kinds if pair in registry.matrix() else spec.load().kinds if spec else ("*",)
    return next((each for each in reversed(subjects) if kinds == ("*",) or set(each.kinds) & set(kinds)), subjects[0])


def _name(half: Any) -> str:
    """How the table calls a half of a request."""
    if half is None or isinstance(half, str):
        return half or ""
    return str(half.get("type")) if isinstance(half, Mapping) else type(half).__name__
