"""What the contracts of destinations and formats share: options, schema, examples, a light import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import pytest
from jsonschema import Draft202012Validator

from bourn.contract.option import facts_of
from bourn.errors import RequestError
from bourn.options.schema import schema_of
from bourn.options.serialization import read, secrets_of, with_secrets, write
from bourn.testing.clock import FakeClock
from bourn.testing.hostile import hostile_values
from bourn.testing.import_cost import heavy_imports
from bourn.testing.session import installed

if TYPE_CHECKING:
    from bourn.testing.trial import Trial

__all__ = ["PluginContract"]


class PluginContract:
    """What every plugin must keep; a destination or a format inherits more.

    Attributes
    ----------
    name : str
        By which a request asks for the plugin; that of an installed one suffices.
    options : mapping, or a fixture that gives one
        Options that a request needs, or the ones to test with.
    free_text : tuple of str
        Options that take long texts, line ends and control characters: a body, a note.
    """

    role: ClassVar[str]
    name: ClassVar[str] = ""
    free_text: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:
        options: Any
    else:

        @pytest.fixture
        def options(self) -> dict[str, Any]:
            """None are needed."""
            return {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.__dict__.get("options"), Mapping):  # as short as it can be for the author
            cls.options = _fixture_of(cls.__dict__["options"])

    # -- what the kit works with ----------------------------------------------------------------------------------

    @classmethod
    def given(cls) -> Any:
        """The plugin's class or object where the author names it; None where it is looked up by its name."""
        raise NotImplementedError

    @classmethod
    def named(cls) -> str:
        """The plugin's name in requests."""
        given = cls.given()
        return cls.name or getattr(given, "__name__", type(given).__name__).lower()

    @classmethod
    def plugin(cls) -> Any:
        """The plugin as the registry loads it.

        Raises
        ------
        PluginError
            It can't be loaded, or breaks the contract.
        """
        found, role = installed(), cls.role
        if cls.given() is not None:
            named: dict[str, Any] = {f"{role}s": {cls.named(): cls.given()}}
            found = found.of(**named)
        return found.find(role, cls.named()).load()

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The session's clock."""
        return FakeClock()

    @pytest.fixture
    def trial(self) -> Iterator[Trial]:
        """A session with the plugin."""
        raise NotImplementedError

    def asked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """A request's keyword for this plugin with these options."""
        return {self.role: {"type": self.named(), **options}}

    # -- tests ----------------------------------------------------------------------------------------------------

    def test_it_loads_and_keeps_the_contract(self) -> None:
        """The registry can load it, and finds nothing wrong."""
        assert self.plugin() is not None

    def test_it_says_what_it_is(self) -> None:
        """Its docstring begins with a sentence, and each option has its help: documentation is made of them."""
        plugin = self.plugin()
        assert (type(plugin).__doc__ or "").strip(), (
            f"{type(plugin).__name__} needs a docstring: it is its documentation"
        )
        for cls in (plugin.Options, plugin.Settings):
            silent = [field.name for field in attrs.fields(cls) if not facts_of(field).help.strip()]
            assert not silent, f"these options of {cls.__name__} have no help: {silent}"

    def test_its_schema_is_valid(self, options: Mapping[str, Any]) -> None:
        """The JSON Schema of its options is one, and takes the options that are tested with."""
        schema = schema_of(self.plugin().Options)
        Draft202012Validator.check_schema(schema)
        faults = [error.message for error in Draft202012Validator(schema).iter_errors(dict(options))]
        assert not faults, f"the options to test with do not fit the schema: {faults}"

    def test_options_survive_their_json_form(self, options: Mapping[str, Any]) -> None:
        """Options with their defaults are the same again after they were written down, as a plan is."""
        cls = self.plugin().Options
        typed, problems = read(cls, options, at=self.role)
        assert not problems, f"the options to test with are refused: {problems}"
        again, problems = read(cls, with_secrets(write(typed), secrets_of(typed)), at=self.role)
        assert not problems, f"options that were written down can't be read again: {problems}"
        assert again == typed

    def test_its_examples_are_right(self) -> None:
        """Each of its examples is a request that its own options take."""
        plugin = self.plugin()
        for example in plugin.examples:
            asked = getattr(example, self.role)
            if isinstance(asked, Mapping):
                own = {name: value for name, value in asked.items() if name != "type"}
                assert read(plugin.Options, own, at=self.role)[1] == [], f"the example {example.title!r} is refused"

    def test_import_is_light(self) -> None:
        """Importing its module loads no heavy library: listing the installed plugins would wait for it."""
        module = type(self.plugin()).__module__
        heavy = heavy_imports(module)
        if heavy is None:
            pytest.skip(f"{module} is no module that another process can import")
        assert not heavy, f"importing {module} loads {', '.join(heavy)}: import them on first use"

    def test_unknown_options_are_refused(self, trial: Trial, options: Mapping[str, Any]) -> None:
        """An option that it does not have is an error, before anything is computed."""
        self._is_refused(trial, {**options, "no_such_option": 1}, "no_such_option")

    def test_hostile_options_are_refused(self, trial: Trial, options: Mapping[str, Any]) -> None:
        """Wrong types, huge texts and control characters are refused, typed, before anything is computed."""
        schema = schema_of(self.plugin().Options)
        for name, said in schema["properties"].items():
            valid = options.get(name, said.get("default"))
            for value in hostile_values(said, valid, is_free_text=name in self.free_text):
                self._is_refused(trial, {**options, name: value}, name)

    def _is_refused(self, trial: Trial, options: Mapping[str, Any], name: str) -> None:
        calls: list[int] = []
        # A failure's message would be as long as the value, and its repr may raise.
        value = options[name]
        description = f"{type(value).__name__} {value[-20:] if isinstance(value, str | bytes) else ''!r}"
        try:
            job = trial.submit(lambda: calls.append(1), **self.asked(options))
        except RequestError:
            pass
        except Exception as error:
            raised = type(error).__name__
            msg = f"option {name!r} with a hostile value ({description}) raised {raised}, not a RequestError"
            raise AssertionError(msg) from error
        else:
            trial.settle(job)
            pytest.fail(
                f"option {name!r} accepts a hostile value ({description}): give it limits (max_length=, pattern=, "
                "check=) or name it in free_text if it is a text for people to read"
            )
        assert not calls, f"the result was computed before option {name!r} was refused"


def _fixture_of(mapping: Mapping[str, Any]) -> Any:
    @pytest.fixture
    def options(self: PluginContract) -> dict[str, Any]:  # noqa: ARG001  # it becomes a method
        return dict(mapping)

    return options


def secrets_in(options_class: type) -> list[str]:
    """The names of the options that are secrets."""
    properties = schema_of(options_class)["properties"]
    return [name for name, said in properties.items() if said.get("writeOnly")]
