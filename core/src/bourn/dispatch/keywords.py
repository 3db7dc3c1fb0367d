"""The keywords of `compute` and `jobs` that are neither destination nor format: what is wrong with them.

Types are asked with ``type``, never the object: even ``__class__`` and ``__bool__`` may be somebody's own code.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import attrs

from bourn.dispatch.lifetime import lifetime_problems
from bourn.errors import Problem
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bourn.dispatch.plan import Plan

__all__ = ["as_options", "listing_problems", "waiting_problems"]

_ID = re.compile(r"[0-9a-zA-Z_-]{1,100}")

LONGEST_SECONDS = 10 * 366 * 86_400
"""Of a timeout: ten years."""

LONGEST_NAME = 200
"""Characters of a file name."""

LONGEST_KEY = 255

MOST_JOBS = 2**31
"""Of a list of jobs: what every database counts to."""


def waiting_problems(  # one argument a keyword
    *,
    name: Any = None,
    timeout: Any,
    block: Any,
    progress_bar: Any,
    expires_after: Any = None,
    key: Any = None,
    most_days: float = LONGEST_SECONDS / 86_400,
) -> Iterator[Problem]:
    """What is wrong with how the caller wants to wait, name and keep the result."""
    if expires_after is not None:
        yield from lifetime_problems(expires_after, most_days)
    if key is not None and not (type(key) is str and 0 < len(key) <= LONGEST_KEY and key.isprintable()):
        yield Problem("key", f"expected a text of 1 to {LONGEST_KEY} printable characters, got {shown(key)}")
    if name is not None and not (type(name) is str and 0 < len(name) <= LONGEST_NAME and name.isprintable()):
        yield Problem("name", f"expected a file name of 1 to {LONGEST_NAME} printable characters, got {shown(name)}")
    if timeout is not None and not (type(timeout) in {int, float} and 0 < timeout <= LONGEST_SECONDS):
        yield Problem("timeout", f"expected a number of seconds above 0, got {shown(timeout)}")
    if not _is_bool(block):
        yield Problem("block", f"expected true or false, got {shown(block)}")
    if progress_bar is not None and not _is_bool(progress_bar):
        yield Problem("progress_bar", f"expected true, false or None, got {shown(progress_bar)}")


def _is_bool(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return type(value) is bool or (numpy is not None and type(value) is numpy.bool_)


def listing_problems(stages: Sequence[str], *, stage: Any, group: Any, limit: Any) -> Iterator[Problem]:
    """What is wrong with a choice of jobs."""
    if stage is not None:
        text = str.__str__(stage) if issubclass(type(stage), str) else None
        if text is None or text.upper() not in stages:
            near = None if text is None else nearest(text, [name.lower() for name in stages])
            hint = f"; did you mean {near.upper()!r}?" if near else ""
            yield Problem("stage", f"expected one of {listed(stages)}, got {shown(stage)}{hint}")
    if group is not None and not (type(group) is str and _ID.fullmatch(group)):
        yield Problem("group", f"expected the id of a group, got {shown(group)}")
    if limit is not None and not (type(limit) is int and 0 <= limit < MOST_JOBS):
        yield Problem("limit", f"expected a number of jobs, 0 or more, got {shown(limit)}")


def as_options(problems: Iterable[Problem], unknown: Iterable[str], plans: Sequence[Plan]) -> Iterator[Problem]:
    """The problems, those of `unknown` keywords with how an option of the format or destination is given."""
    names = set(unknown)
    for problem in problems:
        place = _place_of(problem.path, plans) if problem.path in names else None
        if place is None:
            yield problem
        else:
            role, plugin = place
            way = f"{role}={{'type': {plugin!r}, {problem.path!r}: ...}}"
            yield Problem(problem.path, f"is an option of the {role} {plugin!r}, and is given there: {way}")


def _place_of(name: str, plans: Sequence[Plan]) -> tuple[str, str] | None:
    for plan in plans:
        for role, chosen in (("format", plan.chosen_format), ("destination", plan.chosen_destination)):
            if name in {field.name for field in attrs.fields(chosen.plugin.Options)}:
                return role, chosen.name
    return None
