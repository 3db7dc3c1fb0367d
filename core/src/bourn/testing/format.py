"""The contract of a format, as tests that its author inherits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bourn.contract.destination import ANY
from bourn.errors import EncodeError, IncompatiblePair, JobFailed, PluginError, RequestError, ResultRefused
from bourn.options.serialization import read
from bourn.results.info import KINDS
from bourn.testing.equality import equal
from bourn.testing.faulty import Faulty
from bourn.testing.faulty_store import FaultyStore
from bourn.testing.memory import Held
from bourn.testing.payloads import payloads
from bourn.testing.plugin import PluginContract
from bourn.testing.samples import GeoObject, sample
from bourn.testing.scenario import FOLDER, Scenario, scenarios
from bourn.testing.session import session_with
from bourn.testing.trial import Trial

if TYPE_CHECKING:
    from bourn.store.store import Store
    from bourn.testing.clock import FakeClock

__all__ = ["FormatContract"]

FILES = {"value": "values", "array": "arrays", "image": "images", "table": "tables", "features": "features"}
"""The file of scenarios of each kind."""

CUTS = (0, 1, 0.1, 0.5, 0.9)
"""Where bytes that are to be decoded are cut off: a number of bytes, or a share of all."""


class Pieces:
    """A sink as a format may expect it: forward only, bytes-like pieces, nothing to seek, read or close."""

    def __init__(self, fails_after_bytes: int | None = None, *, keeps: bool = True) -> None:
        self.size_bytes = 0
        self._pieces: list[bytes] = []
        self._limit, self._keeps = fails_after_bytes, keeps
        self.look: Callable[[], None] = lambda: None

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take a piece."""
        assert isinstance(data, bytes | bytearray | memoryview), f"sink.write takes bytes, not {type(data).__name__}"
        size = memoryview(data).nbytes
        self.size_bytes += size
        self.look()
        if self._limit is not None and self.size_bytes > self._limit:
            msg = "the disk is full"
            raise OSError(msg)
        if self._keeps:
            self._pieces.append(bytes(data))
        return size

    def whole(self) -> bytes:
        """All that was written."""
        return b"".join(self._pieces)


class FormatContract(PluginContract):
    """Inherit this, say what to test and how to read it back, and run pytest.

    Attributes
    ----------
    format : type or object, optional
        The format, where it is not installed by `name`.
    unstreamed : str
        Why it holds a result as a whole while it writes it; empty if it does not.
    big_bytes : int
        A size that is many times that of the blocks which it reads: it may hold half of that.
    changes : mapping of str to str, optional
        Scenarios of which others read something else than what the result was, and why: ``{"value-nan": "null"}``.
        Given, though it be empty, the read_back reads every other scenario, too.
    scenarios : path, optional
        A folder with scenarios of the author's own (`values.json`, ...), tried beside those of the kit.

    Examples
    --------
    >>> import json
    >>> from bourn.testing import FormatContract
    >>> class TestJSON(FormatContract):
    ...     name = "json"
    ...
    ...     def read_back(self, data, kind, result):
    ...         if kind == "array":
    ...             assert json.loads(data) == result.tolist()
    """

    role = "format"
    format: ClassVar[Any] = None
    unstreamed: ClassVar[str] = ""
    big_bytes: ClassVar[int] = 16_000_000
    changes: ClassVar[Mapping[str, str] | None] = None
    scenarios: ClassVar[Path | None] = None

    # -- what the author says ---------------------------------------------------------------------------------------

    def read_back(self, data: bytes, kind: str, result: Any) -> None:
        """Read `data` without the format's own code, and assert that it says what `result` does."""
        pytest.skip("read_back(self, data, kind, result) is not given: how other software reads the bytes")

    def result(self, kind: str, number: int = 0, size_bytes: int = 0) -> Any:
        """A result of that kind to write, another one for each number."""
        try:
            return sample(kind, number, size_bytes)
        except LookupError as error:
            pytest.skip(str(error))

    def same(self, given: Any, returned: Any) -> bool:
        """Whether what was decoded is what was encoded; features come back as plain GeoJSON."""
        return equal(given, returned)

    # -- what the kit works with ----------------------------------------------------------------------------------

    @classmethod
    def given(cls) -> Any:
        """The author's class or object."""
        return cls.format

    def asked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """A request for this format, to a destination that keeps what it gets."""
        return {**super().asked(options), "destination": "kept"}

    @pytest.fixture
    def trial_of(self, clock: FakeClock, tmp_path: Path, options: Mapping[str, Any]) -> Iterator[Callable[..., Trial]]:
        """Makes a session with the format: ``trial_of(store=)``."""
        sessions = []

        def make(store: Callable[[Store], Store] | None = None) -> Trial:
            context = session_with(
                destinations={"kept": Faulty}, formats={self.named(): self.plugin()}, home=tmp_path / "bourn-home",
                clock=clock, store=store,
            )  # fmt: skip
            sessions.append(context)
            return Trial(session=context.__enter__(), clock=clock, asking=lambda: self.asked(options))

        yield make
        for context in sessions:
            context.__exit__(None, None, None)

    @pytest.fixture
    def trial(self, trial_of: Callable[..., Trial]) -> Trial:
        """A session with the format."""
        return trial_of()

    @pytest.fixture
    def typed_options(self, options: Mapping[str, Any]) -> Any:
        """The author's options as the format takes them."""
        options, problems = read(self.plugin().Options, options, at="format")
        assert not problems
        return options

    @pytest.fixture
    def encode(self, typed_options: Any) -> Callable[..., Pieces]:
        """Encodes a result with the author's options: ``encode(result, sink)``."""
        plugin = self.plugin()

        def encode(result: Any, sink: Pieces | None = None) -> Pieces:
            sink = sink or Pieces()
            report = plugin.encode(result, typed_options, sink)
            assert isinstance(report, Mapping), f"encode gives its report, a mapping, not {type(report).__name__}"
            json.dumps(dict(report), allow_nan=False)
            return sink

        return encode

    @pytest.fixture
    def decode(self, typed_options: Any) -> Callable[[bytes], Any]:
        """Decodes bytes, where the format does."""
        plugin = self.plugin()
        if not plugin.decodes:
            pytest.skip("it does not decode: Job.result() gives the bytes")
        return lambda data: plugin.decode(io.BytesIO(data), typed_options)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each kind that it writes, and for each scenario of these."""
        try:
            kinds = self._kinds()
        except (PluginError, RequestError):  # test_it_loads_and_keeps_the_contract says so
            kinds = ()
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", kinds)
        if "scenario" in metafunc.fixturenames:
            folders = [FOLDER] if self.scenarios is None else [FOLDER, Path(self.scenarios)]
            cases = [
                Scenario(kind, data["name"], data)
                for folder in folders
                for kind in kinds
                for data in scenarios(FILES[kind], folder)
            ]
            metafunc.parametrize("scenario", cases, ids=str)

    def _kinds(self) -> tuple[str, ...]:
        kinds: tuple[str, ...] = self.plugin().kinds
        return KINDS if kinds == ANY else kinds

    # -- tests ----------------------------------------------------------------------------------------------------

    def test_it_writes(self, trial: Trial, kind: str) -> None:
        """Each kind that it says it writes passes a whole job, and arrives as it is stored."""
        job = trial.send(self.result(kind))
        if job.error is not None:
            raise job.error
        assert job.receipt is not None
        assert Faulty.delivered[job.receipt.detail["delivery"]] == trial.artifact(job).read()

    def test_others_can_read_it(self, encode: Callable[..., Pieces], kind: str) -> None:
        """What is written says to others what the result did."""
        result = self.result(kind)
        self.read_back(encode(result).whole(), kind, result)

    def test_it_gives_back_what_went_in(
        self, encode: Callable[..., Pieces], decode: Callable[[bytes], Any], kind: str
    ) -> None:
        """A format that decodes gives back an equal object."""
        result = self.result(kind)
        returned = decode(encode(result).whole())
        assert self.same(result, returned), f"{returned!r} is not {result!r}"

    def test_a_scenario(
        self, trial: Trial, encode: Callable[..., Pieces], typed_options: Any, scenario: Scenario
    ) -> None:
        """Whatever it is, the result comes back as it was, or is refused with its place; and it is left as it was."""
        try:
            result = scenario.result()
        except LookupError as error:
            pytest.skip(str(error))
        try:
            trial.plan(result)
            data = encode(result).whole()
        except (RequestError, ResultRefused, EncodeError) as error:
            if isinstance(error, EncodeError) and "result" not in error.message:
                pytest.fail(f"an EncodeError says where: result.x[3], not {error.message!r}")
            return
        except Exception as error:
            msg = f"encode raised {type(error).__name__}, where an EncodeError says what can't be written: {error}"
            raise AssertionError(msg) from error
        before, after = scenario.result(), result
        if isinstance(before, GeoObject):
            before, after = before.__geo_interface__, result.__geo_interface__
        assert equal(before, after), "encode has changed the caller's own object"
        if self.plugin().decodes:
            returned = self.plugin().decode(io.BytesIO(data), typed_options)
            assert self.same(result, returned), f"{returned!r} is not {result!r}"
        if self.changes is not None and str(scenario) in self.changes:
            pytest.skip(self.changes[str(scenario)])
        if self.changes is not None:
            self.read_back(data, scenario.kind, result)

    def test_decoding_runs_no_code(self, decode: Callable[[bytes], Any], tmp_path: Path) -> None:
        """Bytes that would run code if they were unpickled do not."""
        made = tmp_path / "made"
        for payload in payloads(made):
            with suppress(Exception):  # whatever it raises: it refused
                decode(payload)
            assert not made.exists(), "decode has run code that stood in the bytes: never unpickle"

    def test_cut_off_bytes_are_refused(
        self, encode: Callable[..., Pieces], decode: Callable[[bytes], Any], kind: str
    ) -> None:
        """What is not whole raises; it is never taken for something smaller."""
        data = encode(self.result(kind)).whole()
        for cut in CUTS:
            short = data[: cut if isinstance(cut, int) else int(len(data) * cut)]
            try:
                decode(short)
            except Exception:  # noqa: BLE001, S112  # whatever it raises: it refused
                continue
            pytest.fail(f"{len(short)} of {len(data)} bytes were decoded as if they were all")

    def test_twice_is_the_same(self, encode: Callable[..., Pieces], kind: str) -> None:
        """Writing changes nothing: the same result is written as the same bytes, by many threads at once, too."""
        result = self.result(kind)
        with ThreadPoolExecutor(4) as pool:
            written = {sink.whole() for sink in pool.map(encode, [result] * 8)}
        assert len(written) == 1, "the same result was written in different ways"

    def test_it_streams(self, encode: Callable[..., Pieces], kind: str) -> None:
        """It writes while it reads: the memory it uses beyond the result is less than half of it."""
        if self.unstreamed:
            pytest.skip(self.unstreamed)
        if kind not in {"array", "image", "table"}:
            pytest.skip("it is arrays, images and tables that are big")
        size_bytes = self.big_bytes // 2 if kind == "table" else self.big_bytes
        result = self.result(kind, size_bytes=size_bytes)
        encode(self.result(kind), Pieces())  # what is imported on first use is no memory of this result
        sink = Pieces(keeps=False)
        # A table's rows are Arrow's; tracing each Python object takes minutes.
        with Held(traced=kind != "table") as held:
            sink.look = held.look
            encode(result, sink)
        peak, size = held.peak_bytes / 1e6, size_bytes / 1e6
        assert peak < size / 2, f"{peak:.1f} MB were held to write {size:.0f} MB"

    def test_a_full_disk_comes_out(self, encode: Callable[..., Pieces], kind: str) -> None:
        """The sink's failure is not swallowed."""
        with pytest.raises((OSError, JobFailed)):
            encode(self.result(kind), Pieces(fails_after_bytes=8))

    def test_a_full_disk_fails_the_job(self, trial_of: Callable[..., Trial]) -> None:
        """The job fails, and its space is given back."""
        trial = trial_of(lambda store: FaultyStore(store, write_fails_after_bytes=8))
        assert isinstance(trial.send(self.result(self._kinds()[0])).error, JobFailed)
        assert list(trial.session.store.keys()) == []

    def test_other_kinds_are_refused(self, trial: Trial) -> None:
        """A result of a kind that it does not write is refused before anything happens."""
        others = [kind for kind in KINDS if kind not in self._kinds()]
        if not others:
            pytest.skip("it writes every kind of result")
        with pytest.raises(IncompatiblePair):
            trial.submit(sample(others[0]))
