"""One installed plugin: known by name from its metadata, imported when it is first used.

Neither attrs nor the contract is imported here before a plugin is: listing what is installed must not cost more than
reading the names. So a `Spec` is a plain class with slots.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bourn.errors import PluginError
from bourn.fork import ForkSafeLock
from bourn.plugins.entry_points import PluginProblem
from bourn.wording import reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.contract.destination import Example
    from bourn.plugins.entry_points import Entry

__all__ = ["SLOW_SECONDS", "Spec", "imported"]

SLOW_SECONDS = 2.0
"""An import that takes longer is logged."""


class Spec:
    """One installed plugin.

    Attributes
    ----------
    name : str
    role : str
        ``"destination"`` or ``"format"``.
    distribution, version : str
        Who ships it.
    entry : str
        Where it is: ``module:attribute``.
    """

    __slots__ = (
        "_claimed", "_failure", "_given", "_loading", "_lock", "_plugin", "_slow", "_target",
        "distribution", "entry", "name", "role", "version",
    )  # fmt: skip

    def __init__(self, entry: Entry, *, given: Any = None, claimed: str = "") -> None:
        self.name = entry.name
        self.role = entry.role
        self.distribution = entry.distribution
        self.version = entry.version
        self.entry = entry.value
        self._target = (entry.module, entry.attribute)
        self._given = given
        self._claimed = claimed  # why it can't be loaded although nothing is broken: two claim its name
        self._plugin: Any = None
        self._failure: tuple[str, BaseException | None] | None = (claimed, None) if claimed else None
        self._slow = 0.0
        self._loading = False
        self._lock = ForkSafeLock()

    def __repr__(self) -> str:
        return f"<Spec {self.role} {self.name!r} ({self.distribution} {self.version})>"

    def load(self) -> Any:
        """The plugin: a `Destination` or a `Format`, imported and made once, checked against the contract.

        Raises
        ------
        PluginError
            It can't be imported or breaks the contract; says why, and who ships it. Every call says so again.
        """
        if self._plugin is None:
            with self._lock:
                if not (self.loaded or self._failure):
                    self._load()
        if self._failure is not None:
            reason, cause = self._failure
            raise PluginError(
                self._text(reason), name=self.name, distribution=self.distribution, version=self.version or None
            ) from cause
        return self._plugin

    def _load(self) -> None:
        if self._loading:
            raise PluginError(self._text("it asks for itself while it is imported"), name=self.name)
        self._loading = True
        started = time.perf_counter()
        try:
            found = imported(*self._target) if self._given is None else self._given
            self._slow = time.perf_counter() - started

            from bourn.plugins.validation import validate_plugin  # attrs and the contract cost 50 ms

            self._plugin = validate_plugin(found, self.role)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # third-party code may raise anything, SystemExit too
            self._failure = (reason_of(error), error)
        finally:
            self._loading = False

    def _text(self, reason: str) -> str:
        if self._claimed:
            return reason
        return f"{self.name!r} is installed ({self.distribution} {self.version}) but could not be loaded: {reason}."

    @property
    def loaded(self) -> bool:
        """Whether the plugin was imported, and could be used."""
        return self._plugin is not None

    @property
    def problems(self) -> list[PluginProblem]:
        """What is known to be wrong with it so far; imports nothing."""
        found = []
        if self._failure is not None:
            reason, cause = self._failure
            found.append(PluginProblem(self.name, self.role, self.distribution, self.version, reason, cause))
        if self._slow > SLOW_SECONDS:
            reason = f"takes {self._slow:.1f} s to import"
            found.append(
                PluginProblem(self.name, self.role, self.distribution, self.version, reason, None, fatal=False)
            )
        return found

    @property
    def options(self) -> type:
        """The attrs class of its options."""
        return self.load().Options  # type: ignore[no-any-return]

    @property
    def settings_class(self) -> type:
        """The attrs class of its own part of the settings."""
        return self.load().Settings  # type: ignore[no-any-return]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its options."""
        from bourn.options.schema import schema_of  # attrs and the contract cost 50 ms

        return schema_of(self.options)

    @property
    def examples(self) -> Sequence[Example]:
        """Titled requests, as its author wrote them."""
        return tuple(self.load().examples)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        doc = type(self.load()).__doc__
        return doc.strip().partition("\n")[0].strip() if isinstance(doc, str) else ""


def imported(module: str, attribute: str) -> Any:
    """What ``module:attribute`` names, imported now."""
    if not module:
        msg = "its entry point is malformed"
        raise ImportError(msg)
    import_module(module)
    found: Any = sys.modules[module]
    for step in attribute.split(".") if attribute else ():
        found = getattr(found, step)
    return found
