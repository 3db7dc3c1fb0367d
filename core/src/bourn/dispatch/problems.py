"""All that is wrong with one request, collected so that it can be said at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.errors import Problem, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ProblemCollector"]


class ProblemCollector:
    """Problems in the order in which they were found, each with the error it would be alone."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._types: list[type[RequestError]] = []

    def add(self, error_type: type[RequestError], problems: Iterable[Problem]) -> None:
        """Take down problems; the same one twice (a fan-out shares its format) is one."""
        for problem in problems:
            if problem not in self.problems:
                self.problems.append(problem)
                self._types.append(error_type)

    def raise_if_any(self) -> None:
        """Raise the one error that says it all: of its own class if all are of one kind, else a `RequestError`."""
        if not self.problems:
            return
        first = self._types[0]
        error_type = first if all(each is first for each in self._types) else RequestError
        raise error_type(self.problems)
