"""Validation of a plugin against the plugin API, once, when it is loaded."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import attrs

from bourn.contract.destination import ANY, PLUGIN_API, Destination, Example
from bourn.contract.format import Format
from bourn.errors import PluginError
from bourn.options.converter import structure_value
from bourn.options.fields import fields_of
from bourn.options.schema import schema_of
from bourn.options.serialization import read
from bourn.results.info import KINDS
from bourn.wording import listed, shown

__all__ = ["ContractViolation", "missing_modules", "validate_plugin"]

BASES: dict[str, type] = {"destination": Destination, "format": Format}

# The steps, with how many arguments each is called with.
STEPS = {
    "destination": {
        "from_shorthand": 1, "preflight": 3, "prepare": 3, "deliver": 3, "retract": 2, "load": 3, "takes": 2,
    },
    "format": {"preflight": 2, "encode": 3, "decode": 2},
}  # fmt: skip

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.ASCII)
_SUFFIX = re.compile(r"(\.[A-Za-z0-9][A-Za-z0-9_-]*){1,3}", re.ASCII)


class ContractViolation(ImportError):  # an ImportError, since its text is shown without its type
    """A plugin violates the plugin API; the text names every violation."""


def validate_plugin(found: Any, role: str) -> Any:
    """Return the plugin that an entry point names: an instance, made here if it names a class.

    Raises
    ------
    ContractViolation
        The plugin violates the API.
    Exception
        Whatever the plugin itself raises when it is made.
    """
    base = BASES[role]
    cls = found if isinstance(found, type) else type(found)
    if not issubclass(cls, base):
        raise ContractViolation(_of_another_kind(found, role))
    version = cls.plugin_api  # type: ignore[attr-defined]
    if version != PLUGIN_API:
        raise ContractViolation(_of_another_version(version))
    violations = [*_steps(cls, role), *_options(cls), *_kinds(cls)]
    violations += _of_destination(cls) if role == "destination" else _of_format(cls)
    if violations:
        raise ContractViolation("; ".join(violations))
    return _instance(found, base)


def missing_modules(name: str, plugin: Destination[Any] | Format[Any]) -> list[str]:
    """Say of each module that a plugin requires and that is not installed what to install."""
    return [
        f"{name!r} needs {module}, which is not installed: pip install {shlex.quote(install)}"
        for module, install in plugin.requires.items()
        if not _is_installed(module)
    ]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that is not there; of one that is half imported
        return module in sys.modules


def _of_another_kind(found: Any, role: str) -> str:
    wanted = BASES[role].__name__
    cls = found if isinstance(found, type) else type(found)
    for other, base in BASES.items():
        if issubclass(cls, base):
            return f"{cls.__qualname__} is a {base.__name__}; it belongs in the entry points bourn.{other}s"
    return f"expected a subclass of bourn.plugin.{wanted}, got {shown(found)}"


def _of_another_version(version: Any) -> str:
    if not isinstance(version, int) or isinstance(version, bool):
        return f"plugin_api is {shown(version)}; this bourn-core has plugin interface {PLUGIN_API}"
    upgrade = "bourn-core" if version > PLUGIN_API else "the plugin"
    return f"it was written for plugin interface {version}, and this bourn-core has {PLUGIN_API}: upgrade {upgrade}"


def _steps(cls: Any, role: str) -> Iterator[str]:
    base, needed = BASES[role], "deliver" if role == "destination" else "encode"
    if getattr(cls, needed) is getattr(base, needed):
        yield f"{cls.__qualname__} has no {needed}"
    for step, number in STEPS[role].items():
        own = getattr(cls, step)
        if own is getattr(base, step):
            continue
        if not callable(own):
            yield f"{step} is not a method"
            continue
        try:
            static = isinstance(inspect.getattr_static(cls, step), staticmethod | classmethod)
            inspect.signature(own).bind(*range(number if static else number + 1))
        except TypeError:
            yield f"{step} must take {number} arguments by position"
        except ValueError:
            continue  # a method of C without a signature


def _options(cls: Any) -> Iterator[str]:
    for name in ("Options", "Settings"):
        try:
            schema_of(getattr(cls, name))
        except PluginError as error:
            yield f"{name}: {error.message}"
            continue
        yield from _defaults(getattr(cls, name), name)


def _defaults(options_class: type, name: str) -> Iterator[str]:
    """The defaults that the rules of their own options refuse."""
    for field in fields_of(options_class):
        default = field.known_default()
        if default is attrs.NOTHING:
            continue
        if _is_valid(field.type, default):
            continue
        # Other options may be required: their problems are left out.
        for problem in read(options_class, {field.key: default}, at="")[1]:
            if problem.path == field.key or problem.path.startswith((f"{field.key}.", f"{field.key}[")):
                yield f"{name}: the default of {field.key!r} does not fit: {problem.message}"


def _is_valid(hint: Any, value: Any) -> bool:
    try:
        structure_value(hint, value)
    except Exception:  # noqa: BLE001  # a check of the plugin may raise anything; `read` words it
        return False
    return True


def _kinds(cls: Any) -> Iterator[str]:
    if not _words(cls.kinds):
        yield f"kinds must be ANY or a tuple of {listed(KINDS)}, got {shown(cls.kinds)}"
    elif cls.kinds != ANY and (unknown := [kind for kind in cls.kinds if kind not in KINDS]):
        yield f"unknown kind {shown(unknown[0])}; kinds are {listed(KINDS)}"
    if not isinstance(cls.requires, Mapping) or (cls.requires and not _words((*cls.requires, *cls.requires.values()))):
        yield f"requires must map names of modules to what is installed for them, got {shown(cls.requires)}"
    if not isinstance(cls.examples, Sequence) or not all(isinstance(e, Example) for e in cls.examples):
        yield "examples must be a sequence of Example"


def _of_destination(cls: Any) -> Iterator[str]:
    if not _words(cls.formats):
        yield f"formats must be ANY or a tuple of names and media types, got {shown(cls.formats)}"
    if not isinstance(cls.gives_data, bool):
        yield f"gives_data must be True or False, got {shown(cls.gives_data)}"
    if not isinstance(cls.retry_for, timedelta) or cls.retry_for < timedelta(0):
        yield f"retry_for must be a timedelta of 0 or more, got {shown(cls.retry_for)}"


def _of_format(cls: Any) -> Iterator[str]:
    if not isinstance(cls.media_type, str) or not _MEDIA_TYPE.fullmatch(cls.media_type):
        yield f"media_type must be such as 'image/tiff', got {shown(cls.media_type)}"
    if not isinstance(cls.suffix, str) or not _SUFFIX.fullmatch(cls.suffix):
        yield f"suffix must be such as '.tif', got {shown(cls.suffix)}"
    for flag in ("lazy", "decodes"):
        if not isinstance(getattr(cls, flag), bool):
            yield f"{flag} must be True or False, got {shown(getattr(cls, flag))}"
    if cls.decodes is True and cls.decode is Format.decode:
        yield "decodes is True and there is no decode"
    if cls.decodes is False and cls.decode is not Format.decode:
        yield "there is a decode, and decodes is False"


def _words(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(word, str) and word for word in value)


def _instance(found: Any, base: type) -> Any:
    if not isinstance(found, type):
        return found
    try:
        instance = found()
    except TypeError as error:
        if _needs_arguments(found):
            msg = f"{found.__qualname__}() must take no arguments: {error}"
            raise ContractViolation(msg) from error
        raise
    if not isinstance(instance, base):
        msg = f"{found.__qualname__}() gives {shown(instance)}"
        raise ContractViolation(msg)
    return instance


def _needs_arguments(cls: type) -> bool:
    try:
        inspect.signature(cls).bind()
    except (TypeError, ValueError):
        return True
    return False
