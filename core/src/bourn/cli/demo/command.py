"""``bourn demo``: a number and a scene through every installed destination and format, with a report."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bourn.cli.commands import pass_session
from bourn.cli.input import read_input
from bourn.cli.plan_text import result_in_words
from bourn.cli.terminal import console, print_lines
from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.cli.demo.report import Outcome
    from bourn.cli.demo.requests import Request, Subject
    from bourn.results.info import ResultInfo
    from bourn.session import Session

__all__ = ["demo_command"]

FIGURES = 9
"""Columns of sizes and times, which are not known beforehand."""


@click.command("demo")
@click.option("--input", "given", metavar="INPUT", help="Send this instead of the made-up scene; as for `bourn send`.")
@click.option("--keep", is_flag=True, help="Use your own settings and home, and leave everything there.")
@pass_session
def demo_command(session: Session, *, given: str | None, keep: bool) -> None:
    """Show everything at work, in under a minute.

    Sends a number and a satellite scene (made up, of four bands), or, where neither fits, some places, through every
    destination and format that is installed, fetches the links, and shows how bad requests are answered. All of it
    happens in a temporary folder unless --keep is given; then also what is configured is used, mail servers among it.
    """
    started = time.monotonic()
    with _home(session, keep=keep) as (own, served):
        subjects = _subjects(given)
        print_lines([*_opening(own, subjects), ""])
        outcomes = []
        reports: list[tuple[str, str]] = []
        for request, widths in _requests(own, subjects):
            outcomes.append(_shown(own, request, widths, served=served))
            reports += [(request.what, outcomes[-1].details)] if outcomes[-1].details else []
        well = _show_wrong_requests(own)
        _print_reports(reports, keep=keep)
    taken = time.monotonic() - started
    print_lines(["", _summary(outcomes, taken, well=well), "", *_next(session, keep=keep)])
    if not well or any(shown.outcome == "failed" for shown in outcomes) or not outcomes:
        click.get_current_context().exit(1)


@contextlib.contextmanager
def _home(session: Session, *, keep: bool) -> Iterator[tuple[Session, bool]]:
    """Give a session and whether its server runs: of the user, or one with default settings in a temporary home."""
    from bourn.cli.demo.server import environment_for, free_port, served

    if keep:
        with served(session.settings.public_url, environment=os.environ) as serving:
            yield session, serving
        return
    from bourn.session import Session as OwnSession
    from bourn.settings import Settings

    with tempfile.TemporaryDirectory(prefix="bourn-demo-") as folder:
        url = f"http://127.0.0.1:{free_port()}"
        own = OwnSession(Settings(home=folder, public_url=url), session.registry)
        environment = environment_for(Path(folder), url)
        with served(url, environment=environment, folder=Path(folder)) as serving, contextlib.closing(own):
            yield own, serving


def _subjects(given: str | None) -> list[Subject]:
    from bourn.cli.demo.requests import Subject

    number = Subject(name="number", obj=2, kinds=("value",))
    if given is None:
        from bourn.cli.demo.places import Places
        from bourn.cli.demo.scene import scene

        places = Subject(name="places", obj=Places(), kinds=("features",), spare=True)
        return [number, Subject(name="scene", obj=scene(), kinds=("image",)), places]
    obj = read_input(given)
    # Of a callable the kind is not known before it ran: any pair may be tried with it.
    kinds = _info(obj).kinds or ("value", "array", "image", "table", "features")
    return [number, Subject(name="input", obj=obj, kinds=kinds)]


def _info(obj: Any) -> ResultInfo:
    """Return what is known of a result without computing it."""
    from bourn.results.inspect import inspect

    return inspect(obj).info


def _opening(session: Session, subjects: Sequence[Subject]) -> list[str]:
    page = console()
    rows = [(subject.name, result_in_words(_info(subject.obj))) for subject in subjects]
    rows += [("home", session.settings.home), ("server", session.settings.public_url)]
    return page.table(rows, indent=0, wrap=(1,))


def _requests(session: Session, subjects: Sequence[Subject]) -> Iterator[tuple[Request, list[int]]]:
    """Yield all requests, each with the widths of the columns; print the head of the table before the first."""
    from bourn.cli.demo.requests import Request, hooked, requests, without_doubles

    registry = session.registry
    known = set(map(id, registry.hooks.problems))
    own = list(hooked(session, subjects))
    every = [
        *without_doubles(list(requests(registry, subjects)), own),
        *own,
        *(
            Request(what=problem.distribution, destination="", format="", broken=problem.reason)
            for problem in registry.hooks.problems
            if id(problem) not in known
        ),
    ]
    head = ("what", "destination", "format", "size", "time", "")
    names = [(request.what, request.destination, request.format) for request in every]
    widths = [max(len(row[column]) for row in [*names, head]) for column in range(3)] + [FIGURES, FIGURES]
    if every:
        print_lines(console().table([], head=head, indent=0, right=(3, 4), least=widths))
    for request in every:
        yield request, widths


def _shown(session: Session, request: Request, widths: Sequence[int], *, served: bool) -> Outcome:
    from bourn.cli.demo.report import show

    shown = show(session, request, served=served)
    page = console()
    said = page.bad(shown.said) if shown.outcome == "failed" and not page.colours else shown.said
    row = (request.what or "-", request.destination, request.format, shown.size, shown.time, said)
    print_lines(page.table([row], indent=0, right=(3, 4), least=widths))
    return shown


def _show_wrong_requests(session: Session) -> bool:
    """Print the answers to wrong requests; return whether each names the right spelling."""
    from bourn.cli.demo.report import wrong_requests

    page, well = console(), True
    print_lines(["", page.strong("Slips of the pen")])
    for call, message, right in wrong_requests(session):
        # Of several problems each stands on a line, its place and its words in two columns.
        parts = [re.sub(r"(?<=\S)\s{2,}", ": ", part) for part in message.splitlines()]
        indents = [6 + len(part) - len(part.lstrip()) for part in parts]
        lines = (line for part, indent in zip(parts, indents, strict=True) for line in page.wrapped(part, indent))
        print_lines([f"  {call}", *lines])
        well = well and right
    return well


def _print_reports(reports: Sequence[tuple[str, str]], *, keep: bool) -> None:
    """Print what plugins report about their deliveries."""
    page = console()
    for title, text in reports:
        gone = "" if keep else page.faint(" (gone with the demo's folder, unless you --keep it)")
        lines = (f"  {clean(line)}".rstrip() for line in text.splitlines())
        print_lines(["", page.strong(title) + gone, *lines])


def _summary(outcomes: Sequence[Outcome], taken: float, *, well: bool) -> str:
    counted = {name: sum(shown.outcome == name for shown in outcomes) for name in ("delivered", "refused", "skipped")}
    failed = sum(shown.outcome == "failed" for shown in outcomes)
    counts = ", ".join(f"{number} {name}" for name, number in counted.items() if number or name == "delivered")
    wrong = f"{failed} failed" if failed else "nothing unexpected" if well else "a slip was not understood"
    return f"{len(outcomes)} requests: {counts}; {wrong}. {taken:.1f} s."


def _next(session: Session, *, keep: bool) -> list[str]:
    page = console()
    home = f"ledger, store and all results: {session.settings.home}" if keep else "do it in your own home, and keep it"
    rows = [
        ("bourn demo --keep" if not keep else "bourn jobs", home),
        ("bourn list", "what is installed; `bourn show NAME` has the options, `bourn matrix` what goes together"),
        ("bourn send FILE --plan", "what would be done with a file of yours"),
        ("bourn serve", f"the server that links lead to, with {session.settings.public_url}/registry"),
        ("README.md", "the same from Python: bourn.compute(result, destination=..., format=...)"),
    ]
    return [page.strong("Where to look next"), *page.table(rows, wrap=(1,))]
