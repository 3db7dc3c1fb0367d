"""The settings of an installation as one checked object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from bourn.contract.option import OPTION, OptionFacts, Secret, option
from bourn.errors import Problem, SettingsError
from bourn.settings.ownership import ownership_problems
from bourn.settings.sources import Sources, default_home, merged, variables_of
from bourn.wording import hide_credentials, listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Settings"]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _login() -> str:
    import getpass  # needed once, if at all

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _keys_only(values: Mapping[str, Any]) -> str:
    """Return a repr without values: options of a store and settings of a plugin may be passwords."""
    return repr(dict.fromkeys(values, "***"))


def _masked_url(url: object) -> str:
    return repr(hide_credentials(url)) if isinstance(url, str) else shown(url)


def _mapping(help: str) -> Any:
    return attrs.field(factory=dict, repr=_keys_only, metadata={OPTION: OptionFacts(help=help)})


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of an installation; each has a default that works on one machine.

    ``Settings()`` takes its arguments only; `Settings.load` reads the file and the environment first.

    Raises
    ------
    SettingsError
        For every argument of a wrong type or out of range, all in one error.
    """

    home: str = option(factory=default_home, min_length=1, help="The folder of the ledger, the store and the outbox.")
    store_url: str = attrs.field(
        default="",
        repr=_masked_url,
        metadata={
            OPTION: OptionFacts(
                help="Where artifacts are kept: a folder or the URL of an object store; by default the folder `store` "
                "in `home`.",
                examples=("s3://bucket/prefix",),
            )
        },
    )
    store_options: dict[str, Any] = _mapping(
        "What the client of the object store needs in addition to the URL, such as `endpoint` and `region`."
    )
    database_url: Secret = option(
        default=Secret(""),
        help="The database of the ledger as an SQLAlchemy URL; by default SQLite in `home`.",
    )
    public_url: str = attrs.field(
        default="http://127.0.0.1:8622",
        repr=_masked_url,
        metadata={
            OPTION: OptionFacts(
                help="The address at which clients reach `bourn serve`; links begin with it.", pattern="^https?://"
            )
        },
    )
    cors_origins: list[str] = option(
        factory=lambda: ["*"],
        help="Origins of web pages that may read links from a browser (CORS), such as `https://map.example`; `*` is "
        "any origin, an empty list is none.",
    )
    link_days: float = option(
        default=10.0, gt=0, le=3650, unit="days", help="How long a link works after its job's completion."
    )
    max_link_days: float = option(
        default=30.0, gt=0, le=3650, unit="days", help="How long a link may work that is asked for or extended."
    )
    principal: str = option(
        factory=_login, min_length=1, max_length=255, help="Who makes the requests; plugins decide on access by it."
    )
    shared_ledger: bool = option(
        default=False,
        help="Whether a team shares the ledger: each principal then sees, cancels, revokes and resubmits all jobs.",
    )
    default_destination: str = option(default="download", help="The destination of a request that does not name one.")
    default_format: str = option(default="pyarrow", help="The format of a request that does not name one.")
    workers: int = option(factory=_cores, ge=1, le=1024, help="How many jobs run at a time; the others wait.")
    largest_input_bytes: int = option(
        default=1 << 30,
        ge=0,
        unit="bytes",
        help="What a file that `bourn send` reads may unpack to; 100 times its own size is allowed in any case.",
    )
    prefer: dict[str, str] = option(
        factory=dict, help="Which distribution provides a name that two of them claim: `{name: distribution}`."
    )
    plugins: dict[str, dict[str, Any]] = _mapping("The settings of each plugin, by its name: `[plugins.email]`.")
    sources: Sources = attrs.field(factory=Sources, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        fields = [field for field in attrs.fields(Settings) if field.init]
        if all(_is_default(field, getattr(self, field.name)) for field in fields):
            return
        from bourn.options.serialization import normalize  # 70 ms, not needed where nothing is set

        problems = normalize(self)
        if problems:
            raise _settings_error(
                [Problem(f"settings.{problem.path}", problem.message) for problem in problems],
                without=attrs.fields_dict(Settings),
            )

    @property
    def folder(self) -> Path:
        """The home as a path."""
        return Path(self.home)

    @property
    def store(self) -> str:
        """The URL of the store, with the default filled in."""
        return self.store_url or str(self.folder / "store")

    @property
    def database(self) -> str:
        """The URL of the database, with the default filled in; it may hold a password."""
        return self.database_url.reveal() or f"sqlite:///{self.folder / 'ledger.db'}"

    @property
    def all_at_home(self) -> bool:
        """Whether both ledger and store are those of the home, so that the store holds no other ledger's objects."""
        return not self.store_url and not self.database_url.reveal()

    @property
    def links_are_local(self) -> bool:
        """Whether links lead to this machine and work on no other."""
        host = urlsplit(self.public_url).hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")

    @property
    def standing_note(self) -> str:
        """The note on every plan of this installation; empty where there is none."""
        if not self.links_are_local:
            return ""
        return f"links begin with {hide_credentials(self.public_url)}: they work on this machine only"

    def unused_sections(self, names: Iterable[str]) -> list[str]:
        """Return a message for each section of a plugin that is not among the installed `names`."""
        known = set(names)
        return [_unused(name, known) for name in self.plugins if name not in known]

    def warn_of_unused_sections(self, names: Iterable[str]) -> None:
        """Log what `unused_sections` returns."""
        if self.plugins:
            import logging  # 4 ms, only where plugins have settings

            for message in self.unused_sections(names):
                logging.getLogger("bourn").warning("%s", message)

    def check_owners(self) -> None:
        """Refuse a home, ledger or store that another user owns or may change.

        Raises
        ------
        SettingsError
            Each path with the command that mends it.
        """
        problems = ownership_problems(self.folder, self.database, self.store, shared=self.shared_ledger)
        if problems:
            raise SettingsError("\n".join(problems))

    @classmethod
    def load(cls, file: str | os.PathLike[str] | None = None, /, **arguments: Any) -> Settings:
        """Return the settings of this process: those of a file, then of the environment, then `arguments`.

        Parameters
        ----------
        file : path, optional
            The file to read. By default the one that ``BOURN_SETTINGS`` names; else ``bourn.toml`` in the current
            folder, if the user has trusted it; else ``bourn.toml`` in the user's home of bourn.
        **arguments
            Settings by their names.

        Raises
        ------
        SettingsError
            Every unknown key and every invalid value, with the place it was given at; a file that can't be read or
            that other users may change; a credential of the environment beside an address of a project's file.
        """
        sources = Sources.read(cls, None if file is None else Path(file))
        given = merged(sources.joined, arguments)
        if not given.keys() - {"home"}:
            return cls(**given)
        from bourn.options.serialization import read  # 70 ms, not needed where nothing is set

        settings, problems = read(cls, given, at="settings")
        if not isinstance(settings, cls):
            raise _settings_error(problems, sources.file, without=arguments)
        object.__setattr__(settings, "sources", sources)
        return settings

    def replace(self, **arguments: Any) -> Settings:
        """Return these settings with some of them given anew.

        Raises
        ------
        SettingsError
            Every unknown name and every invalid value.

        Examples
        --------
        >>> Settings(principal="ann").replace(link_days=2).link_days
        2.0
        """
        from bourn.options.serialization import read  # see above

        given = {field.name: getattr(self, field.name) for field in attrs.fields(Settings) if field.init}
        settings, problems = read(Settings, {**given, **arguments}, at="settings")
        if not isinstance(settings, Settings):
            raise _settings_error(problems, without=arguments)
        object.__setattr__(settings, "sources", self.sources)
        return settings

    def of_plugin(self, name: str, settings_class: type) -> Any:
        """Return the settings of the plugin `name` as an object of its attrs class `settings_class`.

        Raises
        ------
        SettingsError
            Every unknown key and every invalid value; a secret of the environment beside an address of a project's
            file.
        """
        from bourn.options.serialization import read, secrets_of  # see above

        settings, problems = read(settings_class, self.plugins.get(name, {}), at=f"plugins.{name}")
        if settings is None:
            raise _settings_error(problems, self.sources.file)
        refusal = self.sources.plugin_refusal(name, secrets_of(settings))
        if refusal:
            raise SettingsError(refusal)
        return settings


def _is_default(field: attrs.Attribute[Any], value: Any) -> bool:
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        default = default.factory()
    return type(value) is type(default) and bool(value == default)


def _unused(name: str, known: Iterable[str]) -> str:
    suggestion = nearest(name, known)
    hint = f"; did you mean {suggestion!r}?" if suggestion else f". Installed: {listed(known)}"
    return f"the settings of plugin {shown(name)} are not used: no installed plugin has this name{hint}"


def _settings_error(
    problems: list[Problem], file: Path | None = None, *, without: Mapping[str, Any] | None = None
) -> SettingsError:
    """Return one error for all problems, each with the variable or the place in the file that it comes from."""
    variables = variables_of(Settings, without or {})
    places = [(_variable_of(problem.path, variables) or problem.path, problem.message) for problem in problems]
    of_file = any(place not in variables.values() for place, _ in places)
    where = f"the settings ({file})" if file and of_file else "the settings"
    count = "1 problem" if len(places) == 1 else f"{len(places)} problems"
    return SettingsError("\n".join([f"{count} in {where}:", *(f"  {place}  {message}" for place, message in places)]))


def _variable_of(path: str, variables: Mapping[str, str]) -> str | None:
    """Return the variable that a problem comes from: the one that sets the place, or one of its parents."""
    at = path.removeprefix("settings.")
    return next(
        (name for place, name in variables.items() if at == place or at.startswith((f"{place}.", f"{place}["))), None
    )
