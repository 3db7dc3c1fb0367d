"""A delivery that another process takes up, and that may die of it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

from bourn.testing.clock import FakeClock
from bourn.testing.faulty_store import FaultyStore
from bourn.testing.session import session_with
from bourn.testing.wrapper import Around, wrap_deliver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bourn.plugin import Receipt
    from bourn.testing.trial import Trial

__all__ = ["DEATHS", "deliver_in_subprocess", "why_no_subprocess"]

DEATHS = ("not at all", "in the middle", "at its end")
"""When the other process dies: never; half of the artifact read; delivered, and the receipt not yet written down."""

DIED, NOT_IMPORTABLE = 77, 78
"""Exit statuses that no Python has by itself."""

PATIENCE_SECONDS = 120

_START = "from bourn.testing.subprocess_delivery import carry; carry()"


def why_no_subprocess(plugin: object) -> str:
    """Why the plugin can't be had in another process; empty if it can."""
    cls = type(plugin)
    if "<" in cls.__qualname__ or cls.__module__ == "__main__":
        return f"{cls.__qualname__} is made within a function or a script, where no other process finds it"
    return ""


def deliver_in_subprocess(
    trial: Trial, plugin: object, name: str, settings: Mapping[str, Any], dies: str
) -> bool | None:
    """Have another process take up what is due next in the trial's ledger.

    Parameters
    ----------
    trial : Trial
    plugin : Destination
    name : str
        By which requests ask for it.
    settings : mapping
        The plugin's own part of the settings.
    dies : str
        One of `DEATHS`.

    Returns
    -------
    bool or None
        Whether it died of it; None where the plugin's module can't be imported there.

    Raises
    ------
    RuntimeError
        It failed; with what it said.
    """
    due = trial.session.services.ledger.next_due()
    assert due is not None, "a delivery is waiting"
    call = {
        "module": type(plugin).__module__, "class": type(plugin).__qualname__, "name": name,
        "settings": dict(settings), "home": str(trial.session.settings.folder), "now": due.isoformat(), "dies": dies,
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603  # this Python, and our own line
        [sys.executable, "-c", _START],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        input=json.dumps(call), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode == NOT_IMPORTABLE:
        return None
    if done.returncode not in {0, DIED}:
        msg = f"the other process failed: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return done.returncode == DIED


def carry() -> None:
    """What the other process does: a session over the same home, and whatever is due in it."""
    call = json.load(sys.stdin)
    try:
        module = importlib.import_module(call["module"])
    except ModuleNotFoundError as error:
        if error.name == call["module"].partition(".")[0]:
            sys.exit(NOT_IMPORTABLE)
        raise
    plugin = attrgetter(call["class"])(module)()
    around: dict[str, Around] = {"in the middle": _dying_in_the_middle, "at its end": _dying_at_its_end}
    with session_with(
        destinations={call["name"]: wrap_deliver(plugin, around.get(call["dies"], _living))},
        home=call["home"],
        clock=FakeClock(datetime.fromisoformat(call["now"])),
        settings={"plugins": {call["name"]: call["settings"]}, "workers": 1},
    ) as session:
        session.engine.carry_due()
        session.engine.drain()


_die: Callable[[], None] = partial(os._exit, DIED)
"""As SIGKILL does it: no `finally`, no closing of connections."""


def _living(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
    receipt: Receipt = deliver(artifact, options, context)
    return receipt


def _dying_in_the_middle(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
    mortal = FaultyStore(artifact.source, read_fails_after_bytes=lambda size: size // 2, fail=_die)
    return _living(deliver, attrs.evolve(artifact, source=mortal), options, context)


def _dying_at_its_end(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
    receipt = _living(deliver, artifact, options, context)
    _die()
    return receipt
