"""The contract of a destination, as tests that its author inherits."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bourn.errors import IncompatiblePair, JobFailed, PluginError, RequestError
from bourn.plugin import Format, NoOptions
from bourn.results.info import KINDS
from bourn.testing.fault_injection import FaultTests
from bourn.testing.plugin import PluginContract
from bourn.testing.samples import sample
from bourn.testing.scenario import scenarios
from bourn.testing.session import installed, session_with
from bourn.testing.trial import Trial
from bourn.testing.wrapper import Around, wrap_deliver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from bourn.dispatch.plan import Plan
    from bourn.job.job import Job
    from bourn.plugin import Receipt
    from bourn.store.store import Store
    from bourn.testing.clock import FakeClock

__all__ = ["DestinationContract"]

OTHER_FORMAT = "third-party"
"""The name of a format that no destination has heard of: one that takes any takes it, the others refuse it."""


class OtherFormat(Format[NoOptions]):
    """A format of a third party."""

    media_type, suffix = "application/x-third-party", ".other"

    def encode(self, result: Any, options: Any, sink: Any) -> Mapping[str, Any]:
        """Write its type's name, which is all that is needed to see it arrive."""
        sink.write(type(result).__qualname__.encode() * 100)
        return {}


class DestinationContract(FaultTests, PluginContract):
    """Inherit this, say what to test and how to read it back, and run pytest.

    What a destination can't do is not tested: each such test is skipped, and says why. A test of the author's own
    may ask for the fixtures `trial` and `clock`.

    Attributes
    ----------
    destination : type or object, optional
        The destination, where it is not installed by `name`.
    settings : mapping
        The plugin's own part of the settings.
    unretractable : str
        Why something delivered can't be taken back when its job is cancelled; empty if it can.
    unreachable : str
        Why another process can't deliver there, such as one whose other end is this process; empty if it can.
    unknowable : str
        Why a delivery may be seen twice whose process died before the answer was written down; empty if it is one
        even then.

    Examples
    --------
    >>> from bourn.testing import DestinationContract, Faulty
    >>> class TestFaulty(DestinationContract):
    ...     destination = Faulty
    ...     unreachable = "it keeps results in the memory of this process"
    ...
    ...     def read_back(self, receipt, job):
    ...         return Faulty.delivered[receipt.detail["delivery"]]
    ...
    ...     def visible(self):
    ...         return Faulty.seen()
    """

    role = "destination"
    destination: ClassVar[Any] = None
    settings: ClassVar[Mapping[str, Any]] = {}

    # -- what the author says ---------------------------------------------------------------------------------------

    def read_back(self, receipt: Receipt, job: Job) -> bytes:
        """The bytes that were delivered, read back from the other end without the plugin's own code."""
        pytest.fail("write read_back(self, receipt, job): the bytes that arrived, read without the plugin's own code")

    def visible(self) -> Collection[Any]:
        """All that anybody can see at the other end now, one item a delivery: names, keys, rows."""
        pytest.skip("visible() is not given: what can be seen at the other end")

    def outage(self) -> AbstractContextManager[object]:
        """A context in which the other end does not work: it is down, full, or answers with errors that pass."""
        pytest.skip("outage() is not given: a context in which the other end is down")

    def another(self, options: Mapping[str, Any], number: int) -> Mapping[str, Any]:
        """The options of the `number`-th request, where two with the same would get in each other's way."""
        return options

    def began(self, trial: Trial) -> None:
        """What a test does with each session that it makes, before anything is sent; here nothing."""

    def result(self, kind: str, number: int = 0, size_bytes: int = 0) -> Any:
        """A result of that kind to deliver, another one for each number; where a destination asks for more of it."""
        try:
            return sample(kind, number, size_bytes)
        except LookupError as error:
            pytest.skip(str(error))

    # -- what the kit works with ----------------------------------------------------------------------------------

    @classmethod
    def given(cls) -> Any:
        """The author's class or object."""
        return cls.destination

    @pytest.fixture
    def trial_of(self, clock: FakeClock, tmp_path: Path, options: Mapping[str, Any]) -> Iterator[Callable[..., Trial]]:
        """Makes sessions with the plugin: ``trial_of(around=, store=, home=)``."""
        numbers, homes = count(), count()
        with ExitStack() as stack:

            def make(
                around: Around | None = None, store: Callable[[Store], Store] | None = None, home: Path | None = None
            ) -> Trial:
                plugin = self.plugin()
                session = session_with(
                    destinations={self.named(): plugin if around is None else wrap_deliver(plugin, around)},
                    formats={OTHER_FORMAT: OtherFormat},
                    home=home or tmp_path / f"bourn-home-{next(homes)}",
                    clock=clock,
                    settings={"plugins": {self.named(): dict(self.settings)}, "workers": 8},
                    store=store,
                )
                trial = Trial(
                    session=stack.enter_context(session),
                    clock=clock,
                    asking=lambda: self.asked(self.another(options, next(numbers))),
                )
                self.began(trial)
                return trial

            yield make

    @pytest.fixture
    def trial(self, trial_of: Callable[..., Trial]) -> Trial:
        """A session with the plugin as it is."""
        return trial_of()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each cell of the matrix, and for each scenario of faults."""
        names = set(metafunc.fixturenames)
        if "faults" in names:
            metafunc.parametrize("faults", scenarios("faults"), ids=[each["name"] for each in scenarios("faults")])
        if not names & {"accepted", "refused"}:
            return
        try:
            matrix = self._matrix()
        except (PluginError, RequestError):  # test_it_loads_and_keeps_the_contract says so
            matrix = {}
        if "accepted" in names:
            cells = [(name, kind) for name, kinds in matrix.items() for kind in kinds]
            metafunc.parametrize("accepted", cells, ids=[f"{name}-{kind}" for name, kind in cells])
        if "refused" in names:
            refused: list[Any] = [name for name, kinds in matrix.items() if not kinds]
            every = pytest.mark.skip(reason=f"{self.named()!r} takes every format that is installed")
            metafunc.parametrize("refused", refused or [pytest.param("", marks=every)])

    def _matrix(self) -> Mapping[str, tuple[str, ...]]:
        """The kinds that may pass, by format."""
        with session_with(destinations={self.named(): self.plugin()}, formats={OTHER_FORMAT: OtherFormat}) as session:
            matrix, found = session.registry.matrix(), installed().formats
            cells = {name: matrix.cell(self.named(), name).kinds for name in session.registry.formats}
        return {name: kinds for name, kinds in cells.items() if name in found or name == OTHER_FORMAT}

    def first_accepted(self) -> tuple[str, str]:
        """A format and a kind that the destination takes; one of which a test can make large results."""
        cells = [(name, kinds[0]) for name, kinds in self._matrix().items() if kinds and name != OTHER_FORMAT]
        if not cells:
            pytest.skip(f"no format that is installed fits {self.named()!r}")
        return min(cells, key=lambda cell: KINDS.index(cell[1]))  # a plain value, where it takes one

    def check_arrived(self, job: Job, trial: Trial) -> None:
        """The job has succeeded, and the read_back reads the artifact, byte for byte."""
        if job.error is not None:
            raise job.error
        assert job.stage == "SUCCEEDED"
        assert job.receipt is not None
        read = self.read_back(job.receipt, job)
        artifact = trial.artifact(job)
        assert len(read) == artifact.size_bytes, "what arrived is not as long as the artifact"
        assert hashlib.sha256(read).hexdigest() == artifact.sha256, "what arrived is not the artifact"

    # -- tests: a request on its way --------------------------------------------------------------------------------

    def test_it_delivers(self, trial: Trial, accepted: tuple[str, str]) -> None:
        """Every pair that the matrix accepts is delivered, for every kind, and read back byte for byte."""
        format_name, kind = accepted
        self.check_arrived(trial.send(self.result(kind), format=format_name), trial)

    def test_it_refuses_before_computing(self, trial: Trial, refused: str) -> None:
        """A format that the matrix refuses is refused before anything is computed."""
        calls: list[int] = []
        with pytest.raises(IncompatiblePair):
            trial.submit(lambda: calls.append(1), format=refused)
        assert not calls

    def test_other_kinds_are_refused(self, trial: Trial) -> None:
        """A result of a kind that no format brings here is refused; of a callable once it is known."""
        format_name, _ = self.first_accepted()
        accepted = self._matrix()[format_name]
        others = [kind for kind in KINDS if kind not in accepted and kind != "table"]
        if not others:
            pytest.skip(f"{self.named()!r} takes every kind of result as {format_name!r}")
        result = sample(others[0])
        with pytest.raises(IncompatiblePair):
            trial.submit(result, format=format_name)
        assert isinstance(trial.send(lambda: result, format=format_name).error, JobFailed)

    def test_a_plan_touches_nothing(self, trial: Trial) -> None:
        """Planning computes nothing, and leaves home, ledger and the other end as they are."""
        format_name, kind = self.first_accepted()
        before, calls = self._looked_at(trial), []
        trial.plan(lambda: calls.append(1), format=format_name)
        trial.plan(self.result(kind), format=format_name)
        assert self._looked_at(trial) == before, "preflight looks, and never touches"
        assert not calls, "planning has computed the result"

    def test_a_plan_survives_its_json_form(self, trial: Trial) -> None:
        """Another process makes the same plan of it."""
        format_name, kind = self.first_accepted()
        plan = trial.plan(self.result(kind), format=format_name)
        written = json.loads(json.dumps(plan.as_json(), allow_nan=False))
        again: Plan = trial.session.dispatcher.restore(written, plan.secrets())
        assert again.chosen_destination.options == plan.chosen_destination.options
        assert again.as_json()["destination"] == written["destination"]

    def test_its_result_is_had_from_another_session(self, trial_of: Callable[..., Trial]) -> None:
        """What the job gives can be had wherever the same ledger and store are seen."""
        trial = trial_of()
        format_name, kind = self.first_accepted()
        job = trial.send(self.result(kind), format=format_name)
        other = trial_of(home=trial.session.settings.folder).session.job(job.id)
        assert type(other.result()) is type(job.result())

    def _looked_at(self, trial: Trial) -> Any:
        rows = trial.rows()
        home = trial.session.settings.folder
        # A database's own files change when it is read.
        files = sorted(str(path) for path in home.rglob("*") if not path.name.startswith("ledger.db"))
        try:
            return rows, files, sorted(map(repr, self.visible()))
        except pytest.skip.Exception:
            return rows, files
