"""Where settings come from: ``bourn.toml``, then ``BOURN_*`` variables, and which of the two may be joined."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from bourn.errors import SettingsError
from bourn.settings.ownership import file_problem, folder_problem
from bourn.settings.trust import is_trusted
from bourn.wording import listed

__all__ = ["FILE", "PREFIX", "Sources", "default_home", "merged", "variables_of"]

FILE = "bourn.toml"
PREFIX = "BOURN_"
CHOSEN = "BOURN_SETTINGS"
"""The variable that names the file of settings."""

_ADDRESS = re.compile(
    r"(?:ur[il]|host|hostname|server|endpoint|address|proxy|authority|domain)(?:_\w+)?$", re.IGNORECASE
)
_SECRET = re.compile(r"key|secret|token|password|passwd|credential|sas", re.IGNORECASE)
_AMBIENT = re.compile(r"(?:AWS|AZURE|GOOGLE)_")
_DATABASE_SECRETS = (("postgresql", "PGPASSWORD"), ("mysql", "MYSQL_PWD"), ("mariadb", "MYSQL_PWD"))

_log = logging.getLogger("bourn")
_ignored: set[Path] = set()
"""Files of the current folder that were warned of; once per process is enough."""


def default_home() -> str:
    """Return the home that the environment names, else the user's data folder."""
    given = os.environ.get("BOURN_HOME")
    if given:
        try:
            return str(Path(given).absolute())
        except OSError as error:  # relative, and the current folder does not exist
            msg = f"BOURN_HOME={given!r} is a relative path, and the current folder does not exist"
            raise SettingsError(msg) from error
    import platformdirs  # not needed where BOURN_HOME is set

    return platformdirs.user_data_dir("bourn", appauthor=False)


@attrs.frozen(kw_only=True)
class Sources:
    """What the file and the environment give, kept apart.

    Attributes
    ----------
    file : Path or None
        The file that was read.
    is_own : bool
        Whether it is the ``bourn.toml`` in the user's home, not a file of a project.
    of_file, of_environment : mapping
        The settings that each gives.
    """

    file: Path | None = None
    is_own: bool = True
    of_file: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    of_environment: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    @classmethod
    def read(cls, settings_class: type, file: Path | None = None) -> Sources:
        """Read the file of settings and the environment.

        Parameters
        ----------
        settings_class : type
            The attrs class of the settings; its types decide how a variable's text is read.
        file : Path, optional
            The file to read in place of the one that the environment or the folders give.

        Raises
        ------
        SettingsError
            The file does not exist, can't be read, or may be changed by other users; or a credential of the
            environment would be sent to an address that a project's file names.
        """
        home = Path(default_home())
        path = _selected(file, home)
        found = cls(
            file=path,
            is_own=path is not None and _same_file(path, home / FILE),
            of_file={} if path is None else _parsed(path),
            of_environment=_from_environment(settings_class),
        )
        refusals = list(found._refusals())
        if refusals:
            raise SettingsError("\n".join(refusals))
        return found

    @property
    def joined(self) -> dict[str, Any]:
        """The settings of the file, those of the environment over them."""
        return merged(self.of_file, self.of_environment)

    def plugin_refusal(self, name: str, secrets: Collection[str]) -> str:
        """Return why the secrets of a plugin may not be used; empty if they may.

        Parameters
        ----------
        name : str
            The plugin.
        secrets : collection of str
            The names of those of its settings that are secrets.
        """
        given = self.of_environment.get("plugins", {}).get(name, {})
        held = sorted(key for key in given if key in {secret.partition(".")[0] for secret in secrets})
        addresses = self._addresses(self.of_file.get("plugins", {}).get(name, {}), given)
        if not held or not addresses:
            return ""
        return self._refusal(
            [f"{PREFIX}{name}__{key}".upper() for key in held],
            [f"plugins.{name}.{key}" for key in addresses],
            [f"{PREFIX}{name}__{key}".upper() for key in addresses],
        )

    def _refusals(self) -> Iterator[str]:
        """Yield why credentials of the environment may not be used for the store and the database."""
        if self.is_own:
            return
        given, options = self.of_environment, self.of_file.get("store_options", {})
        own = given.get("store_options", {})
        named = [f"store_options.{key}" for key in self._addresses(options, own)]
        places = [*(["store_url"] if "store_url" in self.of_file.keys() - given.keys() else []), *named]
        held = [f"{PREFIX}STORE_OPTIONS__{key}".upper() for key in own if _SECRET.search(key)]
        if named and not any(_SECRET.search(key) for key in options):
            # What the client of an object store finds by itself.
            held += [name for name in os.environ if _AMBIENT.match(name) and _SECRET.search(name)]
        if held and places:
            yield self._refusal(held, places, [f"{PREFIX}{place.replace('.', '__')}".upper() for place in places])
        url = self.of_file.get("database_url")
        if isinstance(url, str) and "database_url" not in given:
            held = [name for scheme, name in _DATABASE_SECRETS if url.startswith(scheme) and os.environ.get(name)]
            if held:
                yield self._refusal(held, ["database_url"], [f"{PREFIX}DATABASE_URL"])

    def _addresses(self, section: object, given: Mapping[str, Any]) -> list[str]:
        """Return the keys of a project's section that say where something is sent, and that no variable replaces."""
        if self.is_own or not isinstance(section, Mapping):
            return []
        return [key for key, value in section.items() if key not in given and _is_address(key, value)]

    def _refusal(self, held: Collection[str], places: Collection[str], variables: Collection[str]) -> str:
        return (
            f"{listed(held)} of the environment would be sent to an address that {self.file} gives ({listed(places)}): "
            "a credential is used only with an address of the environment or of the user's own file. "
            f"Set {listed(variables)}, too, or move the address into {Path(default_home()) / FILE}"
        )


def _is_address(key: str, value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_is_address(str(inner), each) for inner, each in value.items())
    if isinstance(value, list):
        return any(_is_address(key, each) for each in value)
    return isinstance(value, str) and (bool(_ADDRESS.search(key)) or "://" in value)


def _selected(file: Path | None, home: Path) -> Path | None:
    """Return the one file that is read: the one asked for, a trusted one of the current folder, or the user's own."""
    chosen = str(file) if file is not None else os.environ.get(CHOSEN)
    if chosen:
        path = Path(chosen)
        if not path.is_file():
            where = f"{CHOSEN}={chosen!r}" if file is None else repr(chosen)
            msg = f"{where}: there is no such file of settings"
            raise SettingsError(msg)
        problem = file_problem(path)
        if problem:
            raise SettingsError(problem)
        return path.absolute()
    own, here = home / FILE, _in_current_folder()
    if here is not None and not _same_file(here, own):
        if is_trusted(here, home):
            return here
        if here not in _ignored:
            _ignored.add(here)
            _log.warning("%s is ignored: a file of the current folder is read once it is trusted: bourn trust", here)
    if not own.is_file():
        return None
    problem = folder_problem(home) or file_problem(own)
    if problem:
        raise SettingsError(problem)
    return own


def _in_current_folder() -> Path | None:
    try:
        path = Path.cwd() / FILE
        return path if path.is_file() else None
    except OSError:  # the current folder was removed, or may not be read
        return None


def _same_file(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def _parsed(file: Path) -> dict[str, Any]:
    import tomllib  # only where there is a file

    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        msg = f"{file} can't be read: {error}"
        raise SettingsError(msg) from error
    if isinstance(settings.get("home"), str):
        settings["home"] = str(file.parent / settings["home"])
    return settings


def _from_environment(settings_class: type) -> dict[str, Any]:
    """Return the settings of ``BOURN_WORKERS=4`` and ``BOURN_EMAIL__URL=...``; values are TOML or plain text."""
    settings: dict[str, Any] = {}
    fields = attrs.fields_dict(settings_class)
    for name, text in os.environ.items():
        if not name.startswith(PREFIX) or name == CHOSEN:
            continue
        field, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        if not inner:
            # An unknown name is refused by the class, with the nearest one.
            kind = str(fields[field].type) if field in fields else "str"
            is_text = any(word in kind for word in ("str", "Secret")) and "[" not in kind
            settings[field] = text if is_text else _value(text)
        elif field == "store_options":
            # The key of an object service is a text, also where it reads like a number.
            value = _value(text)
            settings.setdefault(field, {})[inner] = value if isinstance(value, dict | bool) else text
        elif field in fields:
            settings.setdefault(field, {})[inner] = _value(text)
        else:
            settings.setdefault("plugins", {}).setdefault(field, {})[inner] = _value(text)
    return settings


def _value(text: str) -> Any:
    import tomllib  # only where a variable is set

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with `over` laid over it, mappings key by key."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def variables_of(settings_class: type, without: Collection[str]) -> dict[str, str]:
    """Return the variable that gives each setting, by its path; those `without` come from arguments."""
    places = {}
    for name in os.environ:
        if not name.startswith(PREFIX) or name == CHOSEN:
            continue
        field, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        if field in without:
            continue
        is_field = not inner or field in attrs.fields_dict(settings_class)
        places[f"{field}.{inner}".strip(".") if is_field else f"plugins.{field}.{inner}"] = name
    return places
