"""The keywords for a callable: checked before it is called."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from bourn.errors import Problem
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["argument_problems"]

OWN = ("geobox", "format", "destination", "file", "name", "timeout", "block", "progress_bar", "resampling")
"""The keywords that `compute` takes itself."""

MOST_UNKNOWN = 20
"""Unknown names that are listed one by one: a person reads the first few, and near ones take time to find."""

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def argument_problems(function: Any, arguments: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with `arguments` as keywords of `function`; None for a result that is not called.

    A callable whose signature can't be had is called with whatever it is given.
    """
    if function is None:
        return _unknown_problems(arguments, OWN, "the result is not a callable")
    if _is_async(function):
        said = "an async function can't be sent, since nobody awaits what it gives; wrap it: lambda: asyncio.run(f())"
        return [Problem("result", said)]
    try:
        parameters = inspect.signature(function).parameters
    except Exception:  # noqa: BLE001  # third-party code: builtins have no signature, others may raise anything
        return []
    kinds = {parameter.kind for parameter in parameters.values()}
    names = [name for name, parameter in parameters.items() if parameter.kind in _NAMED]
    problems = []
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        where = f"it takes {listed(names)}" if names else "it takes no arguments"
        problems += _unknown_problems([name for name in arguments if name not in names], (*names, *OWN), where)
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind in _NAMED and name not in arguments:
            problems.append(Problem(name, "the callable needs this argument, and it was not given"))
        elif parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            problems.append(Problem(name, "the callable takes this by position only: wrap it in a function without it"))
    return problems


def _is_async(function: Any) -> bool:
    """Whether calling it gives something to be awaited. Only classes of Python's own are asked for their parts."""
    while type(function) is functools.partial:
        function = function.func
    if type(function) is types.MethodType:
        function = function.__func__
    if type(function) is not types.FunctionType:
        function = getattr(type(function), "__call__", None)  # noqa: B004  # the function that is called is wanted
    is_function = type(function) is types.FunctionType
    return is_function and (inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function))


def _unknown_problems(unknown: Iterable[str], choices: tuple[str, ...], otherwise: str) -> list[Problem]:
    """A problem for each of the first few names, and one for all others."""
    names = [str.__str__(name) for name in unknown]
    found = [Problem(name, _unknown(name, choices, otherwise)) for name in names[:MOST_UNKNOWN]]
    if len(names) > MOST_UNKNOWN:
        found.append(Problem("", f"and {len(names) - MOST_UNKNOWN:,} more unknown arguments"))
    return found


def _unknown(name: str, choices: tuple[str, ...], otherwise: str) -> str:
    near = nearest(name, choices)
    return f"unknown argument {shown(name)}; " + (f"did you mean {near!r}?" if near else otherwise)
