"""The settings of an installation: ``bourn.toml``, then ``BOURN_*`` variables, then arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

from bourn.contract.option import OPTION, OptionFacts, Secret, option
from bourn.errors import Problem, SettingsError
from bourn.wording import listed, nearest, shown

__all__ = ["Settings"]

FILE = "bourn.toml"
PREFIX = "BOURN_"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _login() -> str:
    import getpass  # needed once, if at all

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _home() -> str:
    given = os.environ.get("BOURN_HOME")
    if given:
        return str(Path(given).absolute())
    import platformdirs  # not needed where BOURN_HOME says it

    return platformdirs.user_data_dir("bourn", appauthor=False)


def _hidden(values: Mapping[str, Any]) -> str:
    """Keys alone: a store's options and a plugin's settings may be passwords, and nobody has typed them yet."""
    return repr(dict.fromkeys(values, "***"))


def _unshown(help: str) -> Any:
    return attrs.field(factory=dict, repr=_hidden, metadata={OPTION: OptionFacts(help=help)})


@attrs.frozen(kw_only=True)
class Settings:
    """How this installation works; with none given everything does, on this machine.

    ``Settings()`` takes its arguments only; `Settings.load` reads the file and the environment first.
    """

    home: str = option(factory=_home, help="The folder of the ledger, the store and the outbox.")
    store_url: str = option(
        default="",
        help="Where artifacts wait: a folder or any URL of an object store; by default the folder `store` in `home`.",
        examples=["s3://bucket/prefix"],
    )
    store_options: dict[str, Any] = _unshown(
        "What the object store's client needs besides the URL, such as `endpoint` and `region`."
    )
    database_url: Secret = option(
        default=Secret(""),
        help="The ledger's database as SQLAlchemy has it; by default SQLite in `home`.",
    )
    public_url: str = option(
        default="http://127.0.0.1:8622",
        pattern="^https?://",
        help="Where `bourn serve` is reached; links begin with it.",
    )
    link_days: float = option(
        default=10.0, gt=0, le=3650, unit="days", help="How long a link works after its job's completion."
    )
    principal: str = option(
        factory=_login, min_length=1, max_length=255, help="Who asks; plugins decide on access by it."
    )
    default_destination: str = option(default="download", help="The destination when the request names none.")
    default_format: str = option(default="pyarrow", help="The format when the request names none.")
    workers: int = option(factory=_cores, ge=1, le=1024, help="How many jobs run at a time; the others wait.")
    prefer: dict[str, str] = option(
        factory=dict, help="Which distribution provides a name that two of them claim: `{name: distribution}`."
    )
    plugins: dict[str, dict[str, Any]] = _unshown("Each plugin's own settings, by its name: `[plugins.email]`.")

    @property
    def folder(self) -> Path:
        """The home as a path."""
        return Path(self.home)

    @property
    def store(self) -> str:
        """The store's URL, the default filled in."""
        return self.store_url or str(self.folder / "store")

    @property
    def database(self) -> str:
        """The database's URL, the default filled in; holds a password, perhaps."""
        return self.database_url.reveal() or f"sqlite:///{self.folder / 'ledger.db'}"

    @property
    def all_at_home(self) -> bool:
        """Whether both ledger and store are those of the home: then nobody else's objects are in it."""
        return not self.store_url and not self.database_url.reveal()

    @property
    def links_are_local(self) -> bool:
        """Whether links lead to this machine, and so are of no use on any other."""
        host = urlsplit(self.public_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")

    @property
    def standing_note(self) -> str:
        """What every plan of this installation says; empty where there is nothing to say."""
        return f"links begin with {self.public_url}: they work on this machine only" if self.links_are_local else ""

    def strays(self, names: Iterable[str]) -> list[str]:
        """What is wrong with sections of plugins by other names than these; the plugin may be installed elsewhere."""
        known = set(names)
        return [_stray(name, known) for name in self.plugins if name not in known]

    def warn_of_strays(self, names: Iterable[str]) -> None:
        """Write them to the log."""
        if self.plugins:
            import logging  # 4 ms, where somebody has plugins of his own to set

            for stray in self.strays(names):
                logging.getLogger("bourn").warning("%s", stray)

    @classmethod
    def load(cls, **arguments: Any) -> Settings:
        """The settings of this process: the file's, then the environment's, then `arguments`.

        Raises
        ------
        SettingsError
            Every key that is unknown and every value that can't be, with where it was given.
        """
        file = _file()
        environment = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
        given = _merged(_merged(_from_file(file), _from_environment(environment)), arguments)
        if not given.keys() - {"home"}:
            return cls(**given)
        from bourn.options.serialization import read  # 70 ms, not needed where nothing is set

        settings, problems = read(cls, given, at="settings")
        if not isinstance(settings, cls):
            raise _settings_error(problems, file, without=arguments)
        return settings

    def of_plugin(self, name: str, settings_class: type) -> Any:
        """A plugin's own part, checked; `settings_class` is an attrs class."""
        from bourn.options.serialization import read  # see above

        settings, problems = read(settings_class, self.plugins.get(name, {}), at=f"plugins.{name}")
        if settings is None:
            raise _settings_error(problems, _file())
        return settings


def _stray(name: str, known: Iterable[str]) -> str:
    meant = nearest(name, known)
    hint = f"; did you mean {meant!r}?" if meant else f". Installed: {listed(known)}"
    return f"the settings of plugin {shown(name)} are not used: nothing that is installed is called so{hint}"


def _settings_error(
    problems: list[Problem], file: Path | None, *, without: Mapping[str, Any] | None = None
) -> SettingsError:
    """All problems, each with the variable or the place in the file that it comes from."""
    variables = _variables(without or {})
    told = [(_variable_of(problem.path, variables) or problem.path, problem.message) for problem in problems]
    of_file = any(place not in variables.values() for place, _ in told)
    where = f"the settings ({file})" if file and of_file else "the settings"
    count = "1 problem" if len(told) == 1 else f"{len(told)} problems"
    return SettingsError("\n".join([f"{count} in {where}:", *(f"  {place}  {message}" for place, message in told)]))


def _variables(without: Mapping[str, Any]) -> dict[str, str]:
    """Where a variable's value stands among the settings -> the variable's name; arguments come before variables."""
    places = {}
    for name in os.environ:
        if not name.startswith(PREFIX):
            continue
        field, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        if field in without:
            continue
        is_field = not inner or field in attrs.fields_dict(Settings)
        places[f"{field}.{inner}".strip(".") if is_field else f"plugins.{field}.{inner}"] = name
    return places


def _variable_of(path: str, variables: Mapping[str, str]) -> str | None:
    """The variable that a problem comes from: the one that sets it, or what it is in."""
    at = path.removeprefix("settings.")
    return next(
        (name for place, name in variables.items() if at == place or at.startswith((f"{place}.", f"{place}["))), None
    )


def _file() -> Path | None:
    folders = [Path.cwd()]
    if os.environ.get("BOURN_HOME"):
        folders.append(Path(os.environ["BOURN_HOME"]))
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    import tomllib  # only where there is a file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        msg = f"{file} can't be read: {error}"
        raise SettingsError(msg) from error


def _from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """``BOURN_WORKERS=4`` sets a field, ``BOURN_EMAIL__URL=...`` one of a plugin's; values are TOML or plain text."""
    settings: dict[str, Any] = {}
    fields = attrs.fields_dict(Settings)
    for name, text in variables.items():
        field, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        if not inner:
            # One that is unknown is refused by whoever reads this, with the nearest name.
            told = str(fields[field].type) if field in fields else "str"
            settings[field] = text if told in {"str", "Secret"} else _value(text)
        elif field == "store_options":
            # What a service calls a key is a text, also where it reads like a number.
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


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
