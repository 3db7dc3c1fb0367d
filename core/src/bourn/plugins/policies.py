"""Policies of this installation: may veto a plan. What fails, refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bourn.errors import Problem
from bourn.fork import ForkSafeLock
from bourn.plugins.entry_points import PluginProblem
from bourn.plugins.spec import imported
from bourn.wording import reason_of, shown

if TYPE_CHECKING:
    from bourn.plugins.entry_points import Entry

__all__ = ["Policies"]


class Policies:
    """The installed policies, loaded when the first plan asks; each is called as ``policy(plan, context)``.

    A policy yields or returns its problems with the plan as `Problem` objects; None or nothing lets it pass.
    """

    def __init__(self, entries: Sequence[Entry], given: Sequence[Any] = ()) -> None:
        self._entries = tuple(entries)
        self._given = tuple(given)
        self._loaded: list[tuple[Entry, Any, BaseException | None]] | None = None
        self._lock = ForkSafeLock()

    def __call__(self, plan: Any, context: Any) -> list[Problem]:
        """Every problem that the policies find in the plan; one that fails is a problem, too."""
        found: list[Problem] = []
        for entry, policy, failure in self.load():
            try:
                found += _problems(_answer(policy, failure, plan, context))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  # third-party code; whatever it raises, it refuses
                who = f"policy {entry.name!r} ({entry.distribution} {entry.version})"
                found.append(Problem("", f"{who} failed: {reason_of(error)}"))
        return found

    def load(self) -> list[tuple[Entry, Any, BaseException | None]]:
        """Every policy with its function, or what was raised instead."""
        with self._lock:
            if self._loaded is None:
                self._loaded = [_loaded(entry) for entry in self._entries]
                self._loaded += [(entry, given, None) for entry, given in self._given]
        return self._loaded

    @property
    def problems(self) -> list[PluginProblem]:
        """The policies that are known to be broken so far."""
        return [
            PluginProblem(entry.name, "policy", entry.distribution, entry.version, reason_of(failure), failure)
            for entry, _, failure in self._loaded or ()
            if failure is not None
        ]


def _answer(policy: Any, failure: BaseException | None, plan: Any, context: Any) -> Any:
    if failure is not None:
        raise failure
    return policy(plan, context)


def _loaded(entry: Entry) -> tuple[Entry, Any, BaseException | None]:
    try:
        policy = imported(entry.module, entry.attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
        return entry, None, error
    if not callable(policy):
        return entry, None, ImportError(f"expected a function, got {shown(policy)}")
    return entry, policy, None


def _problems(answer: Any) -> list[Problem]:
    if answer is None:
        return []
    if isinstance(answer, Problem):
        return [answer]
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        msg = f"it answers {shown(answer)}, and not with Problem objects"
        raise TypeError(msg)
    problems = list(answer)
    for problem in problems:
        if not isinstance(problem, Problem):
            msg = f"it answers {shown(problem)}, and not with Problem objects"
            raise TypeError(msg)
    return problems
