"""The hooks of all plugins: loaded when the first is called, each called alone, none able to hurt anybody."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pluggy

from bourn.fork import ForkSafeLock
from bourn.plugins import hookspecs
from bourn.plugins.entry_points import PluginProblem
from bourn.plugins.spec import imported
from bourn.wording import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.plugins.entry_points import Entry

__all__ = ["Hooks"]

log = logging.getLogger("bourn.hooks")


class Hooks:
    """Calls what plugins have registered for a hook.

    Every plugin has a `pluggy.PluginManager` of its own. In a shared one, one raising implementation loses the
    answers of all others, and one that is refused half-way stays registered by half.
    """

    def __init__(self, entries: Sequence[Entry], given: Sequence[tuple[Entry, Any]] = ()) -> None:
        self._entries = tuple(entries)
        self._given = tuple(given)
        self._managers: list[tuple[Entry, pluggy.PluginManager]] | None = None
        self._problems: dict[tuple[str, str, str], PluginProblem] = {}
        self._lock = ForkSafeLock()

    def call(self, name: str, /, **arguments: Any) -> list[tuple[str, Any]]:
        """What every plugin answers, with its distribution; one that fails is logged and left out, as is None."""
        answers = []
        for entry, manager in self._load():
            try:
                found = [_consumed(answer) for answer in getattr(manager.hook, name)(**arguments)]
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
                self._failed(entry, name, error)
            else:
                answers += [(entry.distribution, answer) for answer in found]
        return answers

    def any(self, name: str) -> bool:
        """Whether any plugin implements that hook."""
        return any(getattr(manager.hook, name).get_hookimpls() for _, manager in self._load())

    def load(self) -> None:
        """Load every plugin's hooks now; what fails stands in `problems`."""
        self._load()

    @property
    def problems(self) -> list[PluginProblem]:
        """What is known to be wrong so far."""
        return list(self._problems.values())

    def _load(self) -> list[tuple[Entry, pluggy.PluginManager]]:
        if self._managers is None:
            with self._lock:
                if self._managers is None:
                    self._managers = list(self._registered())
        return self._managers

    def _registered(self) -> Iterator[tuple[Entry, pluggy.PluginManager]]:
        waiting: list[tuple[Entry, Any]] = [*((entry, None) for entry in self._entries), *self._given]
        for entry, given in waiting:
            manager = pluggy.PluginManager(hookspecs.PROJECT)
            manager.add_hookspecs(hookspecs)
            try:
                plugin = imported(entry.module, entry.attribute) if given is None else given
                manager.register(plugin, name=entry.name)
                manager.check_pending()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
                self._failed(entry, "", error)
            else:
                yield entry, manager

    def _failed(self, entry: Entry, hook: str, error: BaseException) -> None:
        what = f"{hook} fails" if hook else "can't be loaded"
        log.warning("hooks of %s %s: %s: %s", entry.distribution, entry.version, what, reason_of(error), exc_info=error)
        reason = f"{hook} fails: {reason_of(error)}" if hook else reason_of(error)
        # One a hook: an observer that fails at every job must not fill the memory.
        self._problems[entry.distribution, entry.name, hook] = PluginProblem(
            entry.name, "hook", entry.distribution, entry.version, reason, error, fatal=not hook
        )


def _consumed(answer: Any) -> Any:
    """A generator's items as a list: its body runs here, where a failure is caught."""
    return list(answer) if hasattr(type(answer), "__next__") else answer
