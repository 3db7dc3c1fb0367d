"""The part of a destination's contract that is about trouble: twice, failing, cancelled, down, at once, secret."""

from __future__ import annotations

import base64
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import pytest

from bourn.errors import DeliveryError, JobError
from bourn.options.serialization import read
from bourn.plugin import Destination, Transient
from bourn.testing.faulty_store import FaultyStore
from bourn.testing.plugin import secrets_in
from bourn.testing.subprocess_delivery import DEATHS, deliver_in_subprocess, why_no_subprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    from bourn.job.job import Job
    from bourn.plugin import Receipt
    from bourn.testing.trial import Trial

__all__ = ["FaultTests"]

BIG = 3_000_000
"""Bytes: more than any sensible piece, so that half of it is in the middle of a delivery."""

RETRACTING = "taking back what "
"""How bourn words it where `retract` raises what is not a DeliveryError."""

THREADS = 8
JOBS = 5


class FaultTests:
    """Tests that `DestinationContract` inherits; they are documented there."""

    unretractable: ClassVar[str] = ""
    unreachable: ClassVar[str] = ""
    unknowable: ClassVar[str] = ""

    if TYPE_CHECKING:
        # GeoObject in DestinationContract and in PluginContract.
        plugin: Callable[[], Any]
        named: Callable[[], str]
        asked: Callable[[Mapping[str, Any]], dict[str, Any]]
        visible: Callable[[], Collection[Any]]
        outage: Callable[[], AbstractContextManager[object]]
        result: Callable[..., Any]
        first_accepted: Callable[[], tuple[str, str]]
        check_arrived: Callable[[Job, Trial], None]
        settings: ClassVar[Mapping[str, Any]]

    # -- again and again ------------------------------------------------------------------------------------------

    def test_the_same_delivery_twice_is_one(self, trial_of: Callable[..., Trial]) -> None:
        """A delivery that is done again, by a process that knows nothing of the first, is done once."""

        def twice(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
            deliver(artifact, options, context)
            afresh: Destination[Any] = type(self.plugin())()
            return afresh.deliver(artifact, options, context)

        before, trial = len(self.visible()), trial_of(twice)
        format_name, kind = self.first_accepted()
        self.check_arrived(trial.send(self.result(kind), format=format_name), trial)
        seen = len(self.visible()) - before
        assert seen == 1, f"one delivery, done twice under one context.delivery_id, is seen {seen} times"

    def test_equal_results_are_two_deliveries(self, trial: Trial) -> None:
        """Two jobs with the same bytes have nothing to do with each other."""
        before = len(self.visible())
        format_name, kind = self.first_accepted()
        for _ in range(2):
            self.check_arrived(trial.send(self.result(kind), format=format_name), trial)
        seen = len(self.visible()) - before
        assert seen == 2, f"two deliveries of equal results are seen as {seen}"  # noqa: PLR2004  # see above

    def test_it_is_tried_again(self, trial_of: Callable[..., Trial], faults: Mapping[str, Any]) -> None:
        """A delivery ends well, and once, after each fault of a scenario: not reached, broken off, its answer lost."""
        tries: list[int] = []

        def failing(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
            tries.append(context.attempt)
            fault = faults["tries"][len(tries) - 1]
            if fault == "broken off":
                broken = FaultyStore(artifact.source, read_fails_after_bytes=lambda size: size // 2)
                with suppress(Exception):  # whatever it makes of that
                    deliver(attrs.evolve(artifact, source=broken), options, context)
            elif fault != "not reached":
                receipt: Receipt = deliver(artifact, options, context)
                if fault == "well":
                    return receipt
            raise Transient(fault, retry_after=1)

        before, trial = self._seen(), trial_of(failing)
        format_name, kind = self.first_accepted()
        self.check_arrived(trial.send(self.result(kind), format=format_name), trial)
        assert tries == list(range(1, len(faults["tries"]) + 1))
        assert self._seen() == (None if before is None else before + 1), "one delivery is seen more than once"

    def _seen(self) -> int | None:
        """How many deliveries can be seen; None where the author does not say how."""
        try:
            return len(self.visible())
        except pytest.skip.Exception:
            return None

    def test_the_artifact_may_be_elsewhere(self, trial_of: Callable[..., Trial]) -> None:
        """The store may be on another machine: `local_path` is None then, and `open()` works."""
        trial = trial_of(store=FaultyStore)
        format_name, kind = self.first_accepted()
        self.check_arrived(trial.send(self.result(kind), format=format_name), trial)

    # -- by another process ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("dies", DEATHS)
    def test_another_process_carries_on(self, trial_of: Callable[..., Trial], dies: str) -> None:
        """A delivery that is taken up by another process, which may die of it, arrives, and is seen once."""
        before = self._seen()
        trial, job = self._left_to_another_process(trial_of, dies)
        if dies != "not at all":
            trial.session.engine.recover()
        self.check_arrived(trial.settle(job), trial)
        seen, most = self._seen(), 2 if self.unknowable and dies != "not at all" else 1
        if before is not None and seen is not None:
            assert 1 <= seen - before <= most, f"a delivery whose process died {dies} is seen {seen - before} times"

    def test_another_process_takes_it_back(self, trial_of: Callable[..., Trial]) -> None:
        """What a process has delivered that died before it could say so is taken back by the one that cancels."""
        if self.unretractable:
            pytest.skip(self.unretractable)
        before = len(self.visible())
        trial, job = self._left_to_another_process(trial_of, "at its end")
        trial.session.engine.cancel(job.id)
        assert trial.settle(job).stage == "CANCELLED"
        left = "what a dead process has delivered can still be seen: retract() must find it without what deliver() knew"
        assert len(self.visible()) == before, left

    def _left_to_another_process(self, trial_of: Callable[..., Trial], dies: str) -> tuple[Trial, Job]:
        """A job whose delivery this process puts off, and another one has taken up since."""
        plugin = self.plugin()
        reason = self.unreachable or why_no_subprocess(plugin)
        if reason:
            pytest.skip(reason)
        tries: list[int] = []

        def later(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
            tries.append(context.attempt)
            if len(tries) == 1:
                raise Transient("left to another process", retry_after=1)
            receipt: Receipt = deliver(artifact, options, context)
            return receipt

        trial = trial_of(later)
        format_name, kind = self.first_accepted()
        job = trial.submit(self.result(kind, size_bytes=BIG if dies == "in the middle" else 0), format=format_name)
        trial.session.engine.drain()
        assert tries, f"the job did not come to its delivery: {job.refresh().error!r}"
        died = deliver_in_subprocess(trial, plugin, self.named(), self.settings, dies)
        if died is None:
            pytest.skip(f"{type(plugin).__module__} is no module that another process can import")
        if dies == "in the middle" and not died:
            pytest.skip(f"{self.named()!r} does not read the artifact")
        assert died == (dies != "not at all"), "deliver() raised in the other process: " + str(job.refresh().error)
        return trial, job

    # -- failing --------------------------------------------------------------------------------------------------

    def test_a_failure_in_the_middle_leaves_nothing(self, trial_of: Callable[..., Trial]) -> None:
        """If reading the artifact fails, the job fails, and nothing is visible at the destination."""
        before = len(self.visible())
        stores: list[FaultyStore] = []

        def failing(store: Any) -> FaultyStore:
            stores.append(FaultyStore(store, read_fails_after_bytes=lambda size: size // 2))
            return stores[-1]

        trial = trial_of(store=failing)
        format_name, kind = self.first_accepted()
        job = trial.send(self.result(kind, size_bytes=BIG), format=format_name)
        if not stores[0].reads:
            pytest.skip(f"{self.named()!r} does not read the artifact")
        assert isinstance(job.error, DeliveryError), f"half of the artifact was delivered, and the job {job.stage}"
        assert len(self.visible()) == before, "a delivery that broke off in the middle can be seen"

    def test_an_outage_is_waited_out(self, trial_of: Callable[..., Trial]) -> None:
        """While the other end is down `deliver` raises `Transient`; once it works again the delivery is made."""
        raised, around = _recorded()
        trial = trial_of(around)
        format_name, kind = self.first_accepted()
        with self.outage():
            job = trial.submit(self.result(kind), format=format_name)
            assert _until(lambda: raised), "the delivery did not fail while the other end was down"
            assert isinstance(raised[0], Transient), f"an outage passes: raise Transient, not {raised[0]!r}"
        trial.settle(job)
        self.check_arrived(job, trial)

    def test_an_outage_that_lasts_is_a_delivery_error(self, trial_of: Callable[..., Trial]) -> None:
        """In the end the job fails; no exception of another library comes out of `deliver`; the artifact is kept."""
        raised, around = _recorded()
        trial = trial_of(around)
        format_name, kind = self.first_accepted()
        with self.outage():
            job = trial.send(self.result(kind), format=format_name)
        foreign = [error for error in raised if not isinstance(error, Transient | DeliveryError)]
        assert not foreign, f"deliver raised {foreign[0]!r}: raise Transient or DeliveryError from it"
        assert isinstance(job.error, DeliveryError)
        assert trial.session.store.size(trial.artifact(job).key) is not None

    # -- cancelled ------------------------------------------------------------------------------------------------

    def test_cancelled_before_it_leaves_nothing(self, trial: Trial) -> None:
        """A job that is cancelled while it computes ends as CANCELLED, and nothing arrives."""
        before = len(self.visible())
        format_name, kind = self.first_accepted()
        started, go_on = threading.Event(), threading.Event()

        def slowly() -> Any:
            started.set()
            go_on.wait(10)
            return self.result(kind)

        try:
            job = trial.submit(slowly, format=format_name)
            assert started.wait(10)
            job.cancel()
        finally:
            go_on.set()
        assert trial.settle(job).stage == "CANCELLED"
        assert len(self.visible()) == before, "a cancelled job has delivered"

    def test_cancelled_after_it_leaves_nothing(self, trial_of: Callable[..., Trial]) -> None:
        """A job that is cancelled when its delivery is made, but not yet answered, takes it back by `retract`."""
        if self.unretractable:
            pytest.skip(self.unretractable)
        before = len(self.visible())

        def cancelled(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
            deliver(artifact, options, context)
            trial.session.engine.cancel(context.job_id)
            raise Transient("the answer got lost")

        trial = trial_of(cancelled)
        format_name, kind = self.first_accepted()
        assert trial.send(self.result(kind), format=format_name).stage == "CANCELLED"
        left = "what a cancelled job has delivered can still be seen: write retract(), or say why not in unretractable"
        assert len(self.visible()) == before, left

    def test_cancelled_in_an_outage_it_ends(self, trial_of: Callable[..., Trial]) -> None:
        """A job that is cancelled while the other end is down ends: nothing is left, or the plugin itself says so."""
        before = len(self.visible())
        raised, around = _recorded()
        trial = trial_of(around)
        format_name, kind = self.first_accepted()
        with self.outage():
            job = trial.submit(self.result(kind), format=format_name)
            assert _until(lambda: raised), "the delivery did not fail while the other end was down"
            job.cancel()
            trial.settle(job)
        if job.stage == "CANCELLED":
            assert len(self.visible()) == before, "a cancelled job has delivered"
            return
        assert isinstance(job.error, DeliveryError)
        foreign = job.error.message.startswith(RETRACTING)
        assert not foreign, f"retract raised another error than DeliveryError; raise that from it: {job.error.message}"

    # -- at once --------------------------------------------------------------------------------------------------

    def test_threads(self, trial: Trial) -> None:
        """Many threads deliver at once, and everything arrives, each for itself."""
        format_name, kind = self.first_accepted()

        def send(thread: int) -> list[Job]:
            results = [self.result(kind, thread * JOBS + number) for number in range(JOBS)]
            return [trial.send(result, format=format_name) for result in results]

        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [job for sent in pool.map(send, range(THREADS)) for job in sent]
        for job in jobs:
            self.check_arrived(job, trial)

    # -- secret ---------------------------------------------------------------------------------------------------

    def test_secrets_appear_nowhere(
        self,
        trial_of: Callable[..., Trial],
        options: Mapping[str, Any],
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """A secret option is in no repr, plan, receipt, log, message, output, nor in the ledger after the end."""
        secret = self._secrets(options)
        if not secret:
            pytest.skip(f"{self.named()!r} has no secret options")
        format_name, kind = self.first_accepted()
        trial = trial_of()

        def send(by: Trial) -> Job:
            destination = {**by.asking()["destination"], **secret}
            return by.send(self.result(kind), destination=destination, format=format_name)

        with caplog.at_level(logging.DEBUG):
            good = send(trial)
            plan = trial.plan(self.result(kind), format=format_name, **self.asked({**options, **secret}))
            broken = trial_of(store=lambda store: FaultyStore(store, read_fails_after_bytes=lambda _: 0))
            bad = send(broken)
            failures = [good.error, bad.error, self._failure(lambda: send(trial))]
        shown = {
            "the repr of options": repr(plan.chosen_destination.options),
            "the plan": f"{plan!r} {plan} {plan.as_json()}",
            "the receipt": f"{good.receipt!r} {bad.receipt!r}", "the URL": str(good.url),
            "the job": f"{good!r} {good._repr_html_()}",  # what a notebook shows
            "a log": caplog.text, "the output": "".join(capfd.readouterr()),
            "an error's message": "\n".join(_texts_of(error) for error in failures),
            "the ledger": str(trial.rows()) + str(broken.rows()),
        }  # fmt: skip
        for name, text in secret.items():
            for form in (text, base64.b64encode(text.encode()).decode()):
                places = [place for place, said in shown.items() if form in said]
                assert not places, f"the secret option {name!r} appears in {' and in '.join(places)}"

    def _secrets(self, given: Mapping[str, Any]) -> dict[str, str]:
        """A value for each secret option: the author's, else one of ours where the option takes it."""
        cls = self.plugin().Options
        found = {}
        for name in secrets_in(cls):
            text = given.get(name, f"kit-{name}-c0ffee-5ec2e7")
            if not read(cls, {**given, name: text})[1]:
                found[name] = str(text)
        return found

    def _failure(self, send: Callable[[], Job]) -> JobError | None:
        """What a job raises while the other end is down; None where the author does not say how that is done."""
        try:
            outage = self.outage()
        except pytest.skip.Exception:
            return None
        with outage:
            return send().error


def _recorded() -> tuple[list[BaseException], Callable[..., Receipt]]:
    """A list of what `deliver` has raised, and what fills it."""
    raised: list[BaseException] = []

    def around(deliver: Any, artifact: Any, options: Any, context: Any) -> Receipt:
        try:
            return deliver(artifact, options, context)  # type: ignore[no-any-return]
        except BaseException as error:
            raised.append(error)
            raise

    return raised, around


def _until(happened: Callable[[], object]) -> bool:
    pause = threading.Event()
    for _ in range(1000):
        if happened():
            return True
        pause.wait(0.01)
    return False


def _texts_of(error: BaseException | None) -> str:
    """An error with all that it came from."""
    texts: dict[int, str] = {}
    while error is not None and id(error) not in texts:  # some come from themselves
        texts[id(error)] = f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    return "\n".join(texts.values())
