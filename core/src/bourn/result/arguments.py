"""The keywords for a callable: checked before it is called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from bourn.errors import Problem
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["argument_problems"]

OWN = ("geobox", "format", "destination", "file", "timeout", "block", "progress_bar")
"""The keywords that `compute` takes itself."""

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def argument_problems(function: Any, arguments: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with `arguments` as keywords of `function`; None for a result that is not called.

    A callable whose signature can't be had is called with whatever it is given.
    """
    if function is None:
        return [Problem(str(name), _unknown(name, OWN, "the result is no callable")) for name in arguments]
    try:
        parameters = inspect.signature(function).parameters
    except Exception:  # noqa: BLE001  # strangers' code: builtins have no signature, others may raise anything
        return []
    kinds = {parameter.kind for parameter in parameters.values()}
    names = [name for name, parameter in parameters.items() if parameter.kind in _NAMED]
    problems = []
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        where = f"it takes {listed(names)}" if names else "it takes no arguments"
        problems += [
            Problem(str(name), _unknown(name, (*names, *OWN), where)) for name in arguments if name not in names
        ]
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind in _NAMED and name not in arguments:
            problems.append(Problem(name, "the callable needs this argument, and it was not given"))
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            problems.append(Problem(name, "the callable takes this by position only: wrap it in a function without it"))
    return problems


def _unknown(name: object, choices: tuple[str, ...], otherwise: str) -> str:
    near = nearest(name, choices) if isinstance(name, str) else None
    return f"unknown argument {shown(name)}; " + (f"did you mean {near!r}?" if near else otherwise)
