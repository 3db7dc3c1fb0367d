"""``bourn doctor``: checks of everything that bourn needs, each on its own."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from bourn import __version__
from bourn.cli.commands import pass_session
from bourn.cli.terminal import as_json_option, console, print_json, print_lines
from bourn.describe.console import one_line
from bourn.errors import BournError, PluginError, SettingsError
from bourn.plugins.validation import missing_modules
from bourn.settings.sources import PREFIX
from bourn.wording import hide_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.describe.console import Console
    from bourn.session import Session

__all__ = ["doctor_command"]

Rows = list[dict[str, Any]]


@click.command("doctor")
@as_json_option
@pass_session
def doctor_command(session: Session, *, as_json: bool) -> None:
    """Check that everything works.

    Looks at the ledger, the store, the links and every plugin. The exit status is 1 if something does not work.
    """
    # What a warning would say stands in the report.
    for handler in logging.getLogger("bourn").handlers:
        handler.setLevel(logging.ERROR)
    parts = _parts(session)
    plugins = _plugins(session)
    problems = [_problem(part["part"], part["problem"], fatal=True) for part in parts if part["problem"]]
    if not any(part["part"] == "settings" and part["problem"] for part in parts):
        problems += _settings_of_plugins(session)
    problems += [
        {
            "what": f"{problem.role} {problem.name}".strip(),
            "distribution": problem.distribution,
            "version": problem.version,
            "reason": problem.reason,
            "fatal": problem.fatal,
        }
        for problem in session.registry.check()
    ]
    if as_json:
        print_json({"parts": parts, "plugins": plugins, "problems": problems})
    else:
        print_lines(_report(parts, plugins, problems, console()))
    if any(problem["fatal"] for problem in problems):
        click.get_current_context().exit(1)


def _parts(session: Session) -> Rows:
    looks: dict[str, Callable[[], str]] = {
        "bourn": lambda: __version__,
        "python": lambda: f"{platform.python_version()}, {sys.executable}",
        "settings": lambda: _settings(session),
        "home": lambda: _home(session),
        "ledger": lambda: _ledger(session),
        "store": lambda: _store(session),
        "links": lambda: _links(session),
    }
    parts = []
    for part, look in looks.items():
        parts.append(_looked(part, look))
        if part == "settings" and parts[-1]["problem"]:
            break  # everything below stands on them
    return parts


def _looked(part: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"part": part, "found": look(), "problem": ""}
    except Exception as error:  # noqa: BLE001  # a database's or a disk's own errors; what is wrong is what we are here for
        message = one_line(error.message if isinstance(error, BournError) else f"{type(error).__name__}: {error}")
        return {"part": part, "found": "", "problem": message}


def _settings(session: Session) -> str:
    """Return the file and the names of the variables, never their values: among them are passwords."""
    file = session.settings.sources.file
    files = [] if file is None else [str(file)]
    return ", ".join([*files, *sorted(name for name in os.environ if name.startswith(PREFIX))]) or "the defaults"


def _home(session: Session) -> str:
    session.settings.check_owners()
    return str(session.settings.home)


def _ledger(session: Session) -> str:
    import sqlalchemy as sa  # on first use

    database = session.services.ledger.database
    url = database.url.render_as_string(hide_password=True)
    with database.read() as connection:
        revision = connection.scalar(sa.text("select version_num from bourn_core_version"))
    return f"{url}, revision {revision}"


def _store(session: Session) -> str:
    """Write, read and remove a small object."""
    store, key = session.store, f"doctor/{secrets.token_hex(8)}"
    with store.create(key) as sink:
        sink.write(b"bourn")
    try:
        with store.open(key) as file:
            if file.read() != b"bourn":
                msg = f"{hide_credentials(session.settings.store)} does not give back what was written"
                raise OSError(msg)
    finally:
        store.delete(key)
    return f"{hide_credentials(session.settings.store)}, can be written"


def _links(session: Session) -> str:
    url = session.settings.public_url
    state = "a server answers" if _answers(url) else "no server answers: `bourn serve` starts one"
    return f"{hide_credentials(url)}, {state}"


def _answers(url: str) -> bool:
    from urllib.error import URLError  # this command alone asks
    from urllib.request import urlopen

    try:
        with urlopen(f"{url.rstrip('/')}/healthz", timeout=2) as answer:  # noqa: S310  # settings hold it to http(s)
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except (URLError, OSError, ValueError):
        return False


def _settings_of_plugins(session: Session) -> Rows:
    """Return what is wrong with the settings of each plugin, and sections that belong to none."""
    problems: Rows = []
    for spec in (*session.registry.destinations.values(), *session.registry.formats.values()):
        with contextlib.suppress(PluginError):  # it is reported as broken
            try:
                session.settings.of_plugin(spec.name, spec.settings_class)
            except SettingsError as error:
                problems.append(_problem(f"settings of {spec.name}", error.message, fatal=True))
            missing = missing_modules(spec.name, spec.load())
            problems += [_problem(f"{spec.role} {spec.name}", said, fatal=True) for said in missing]
    unused = session.settings.unused_sections(session.registry.names)
    return problems + [_problem("settings", stray, fatal=False) for stray in unused]


def _problem(what: str, reason: str, *, fatal: bool) -> dict[str, Any]:
    return {"what": what, "distribution": "", "version": "", "reason": reason, "fatal": fatal}


def _plugins(session: Session) -> Rows:
    registry = session.registry
    rows = []
    for spec in (*registry.destinations.values(), *registry.formats.values()):
        started, problem = time.perf_counter(), ""
        try:
            spec.load()
        except PluginError as error:
            problem = error.message
        rows.append({
            "role": spec.role, "name": spec.name, "distribution": spec.distribution, "version": spec.version,
            "loaded_in_seconds": round(time.perf_counter() - started, 3), "problem": problem,
        })  # fmt: skip
    return rows


def _report(parts: Rows, plugins: Rows, problems: Rows, console: Console) -> list[str]:
    lines = console.table(
        [(part["part"], part["found"] or "does not work; see below") for part in parts], indent=0, wrap=(1,)
    )
    lines += ["", console.strong("Plugins")]
    lines += console.table(
        [
            (row["role"], row["name"], f"{row['distribution']} {row['version']}".strip(),
             "broken" if row["problem"] else f"loads in {row['loaded_in_seconds'] * 1000:.0f} ms")
            for row in plugins
        ],
        wrap=(),
    ) or ["  none"]  # fmt: skip
    lines += ["", console.strong("Problems") if problems else "No problems."]
    for problem in problems:
        who = f"{problem['distribution']} {problem['version']}".strip()
        name = problem["what"] + (f" ({who})" if who else "")
        lines += [f"  {console.bad(name) if problem['fatal'] else name}", *console.wrapped(problem["reason"], 6)]
    return lines
