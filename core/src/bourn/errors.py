"""Every error that bourn raises, as one tree.

::

    BournError
    ├── RequestError (ValueError)        your request: mend it; nothing has happened yet
    │   ├── UnknownPlugin                no destination or format of that name
    │   ├── InvalidOptions               unknown key, wrong type, out of range
    │   ├── IncompatiblePair             this destination does not take that format or kind
    │   └── Refused                      the destination's preflight, or a policy, said no
    ├── RequestTypeError (TypeError)     an object that nothing claims
    ├── PluginError                      that plugin: its distribution is named, the others go on
    ├── SettingsError (ValueError)       the settings of this installation
    ├── LedgerError                      the database of jobs: out of reach, or it can't be written
    ├── StoreError                       the store of artifacts: out of reach, or it can't be read
    │   └── DamagedError                 an object does not hold the bytes that were stored
    ├── JobError                         a job; it stands in ``.job``
    │   ├── JobFailed
    │   │   ├── ResultRefused            the result, once known, is unfit
    │   │   ├── EncodeError              the result can't be expressed in that format
    │   │   └── DeliveryError            given up after all retries; the artifact is kept
    │   │       └── DeliveryRefused      refused at the commit itself
    │   ├── JobCancelled
    │   ├── JobTimeout (TimeoutError)
    │   └── UnknownJob (LookupError)
    └── LinkError
        ├── LinkExpired
        └── LinkInvalid

`BournWarning` is not an error: a blocking `compute` warns by it, once, of what the format changed.
"""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BournError",
    "BournWarning",
    "DamagedError",
    "DeliveryError",
    "DeliveryRefused",
    "EncodeError",
    "IncompatiblePair",
    "InvalidOptions",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobTimeout",
    "LedgerError",
    "LinkError",
    "LinkExpired",
    "LinkInvalid",
    "PluginError",
    "Problem",
    "Refused",
    "RequestError",
    "RequestTypeError",
    "ResultRefused",
    "SettingsError",
    "StoreError",
    "UnknownJob",
    "UnknownPlugin",
]


class Problem(NamedTuple):
    """One thing that is wrong with a request.

    Attributes
    ----------
    path : str
        Where, such as ``destination.to[1]``. A plugin gives the path within its own options (``image.name``);
        the dispatcher puts ``destination.`` before it.
    message : str
        What was given, what is allowed, and the nearest right spelling.

    Examples
    --------
    >>> Problem("image.name", "expected a name, got ''")
    Problem(path='image.name', message="expected a name, got ''")
    """

    path: str
    message: str


class BournError(Exception):
    r"""The root of all errors that bourn raises.

    Examples
    --------
    >>> BournError("no\x1b[2J").message  # what a terminal would obey is taken out
    'no\\x1b[2J'
    """

    code: ClassVar[str] = "bourn-error"
    """A stable name of the fault, for machines."""
    cure = "Read the message: it names the place, what was given and what is allowed."

    def __init__(self, message: str = "") -> None:
        super().__init__(clean(message))

    @property
    def message(self) -> str:
        """The text for people, without raw control characters, at most 2,000 characters."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle class, text and attributes, and the cause as text: whatever a plugin keeps in it, it crosses."""
        cause = self.__cause__
        text = None if cause is None else f"{type(cause).__name__}: {cause}"
        state = {name: value for name, value in vars(self).items() if _pickles(value)}
        return _unpickle, (_importable(type(self)), self.args, state, text)


class BournWarning(UserWarning):
    """Values could not be written as they are: how many, in which way, and the path of the first of each.

    `Job.report` has the same counts. Ignore it, or make it an error, by its own name:
    ``warnings.simplefilter("ignore", bourn.BournWarning)``. A filter for all warnings does not silence it, since
    libraries set one by accident; ``python -W ignore`` does.

    Examples
    --------
    >>> import warnings
    >>> from bourn.plugin import BournWarning
    >>> warnings.simplefilter("default", BournWarning)
    """


class RemoteCause(Exception):
    """The cause of an error that was raised in another process, as text."""


def _unpickle(kind: type[BournError], args: tuple[Any, ...], state: dict[str, Any], cause: str | None) -> BournError:
    error = kind.__new__(kind, *args)
    error.args = args
    for name in ("job", "jobs"):  # those that did not pickle
        if issubclass(kind, JobError):
            state.setdefault(name, None if name == "job" else ())
    vars(error).update(state)
    if cause is not None:
        error.__cause__ = RemoteCause(cause)
    return error


def _pickles(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001  # third-party code
        return False
    return True


def _importable(kind: type[BournError]) -> type[BournError]:
    """Return the class, or its nearest base that another process can import."""
    for base in kind.__mro__:
        found: object = sys.modules.get(base.__module__)
        for name in base.__qualname__.split("."):
            found = getattr(found, name, None)
        if found is base and issubclass(base, BournError):
            return base
    return BournError


class RequestError(BournError, ValueError):
    """Something is wrong with a request; nothing has happened yet.

    Parameters
    ----------
    problems : sequence of Problem
        All that is wrong, in the order of the request; at least one.
    about : str, optional
        What the problems are in, such as ``"destination 'email'"``.

    Examples
    --------
    >>> RequestError([Problem("image.name", "expected a name")], about="the image").problems[0].path
    'image.name'
    """

    code = "request-error"
    cure = "Mend what the message names, place by place. `bourn.plan` takes the same call, and only checks it."

    def __init__(self, problems: Iterable[Problem], *, about: str = "the request") -> None:
        self.problems: Sequence[Problem] = tuple(Problem(clean(p.path), clean(p.message)) for p in problems)
        self.about = about
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            path, message = self.problems[0]
            return f"{path}: {message}" if path else message
        width = min(40, max((len(p.path) for p in self.problems), default=0))
        rows = (f"  {p.path:<{width}}  {p.message}" for p in self.problems)
        return "\n".join([f"{len(self.problems)} problems in {self.about}:", *rows])


class UnknownPlugin(RequestError):
    """No destination or format of that name is installed."""

    code = "unknown-plugin"
    cure = (
        "Use one of the names that the message lists (`bourn list`). A plugin that is missing is to be "
        "installed where bourn is."
    )


class InvalidOptions(RequestError):
    """Options that are unknown, of the wrong type or out of range; all of them in one error."""

    code = "invalid-options"
    cure = "`bourn show NAME` has the options with type, default and limits."


class IncompatiblePair(RequestError):
    """The matrix forbids it: this destination does not take that format, or neither takes this kind of result."""

    code = "incompatible-pair"
    cure = "Use a format that the message names. `bourn matrix` has what goes together, and why the rest does not."


class Refused(RequestError):
    """The destination's preflight, or a policy of this installation, said no."""

    code = "refused"
    cure = "Do what the message asks for, and send the request again: nothing was computed, and nothing written."


class RequestTypeError(BournError, TypeError):
    """``destination=``, ``format=`` or the result is of a type that nothing claims."""

    code = "request-type-error"
    cure = (
        "Give a name, a mapping with `type`, or an object that an installed plugin takes for one; a result "
        "must be of a kind that bourn knows."
    )


class PluginError(BournError):
    """A plugin can't be imported, breaks its contract, or its name is claimed twice; the others go on working.

    Attributes
    ----------
    name : str
        The name of the plugin.
    distribution, version : str or None
        Who ships it.
    """

    code = "plugin-error"
    cure = "Upgrade, mend or uninstall the distribution that the message names; `bourn doctor` looks at every plugin."

    def __init__(
        self, message: str, *, name: str = "", distribution: str | None = None, version: str | None = None
    ) -> None:
        super().__init__(message)
        self.name = name
        self.distribution = distribution
        self.version = version


class SettingsError(BournError, ValueError):
    """The settings of this installation can't be used; says which file or variable, and what is allowed."""

    code = "settings-error"
    cure = "Mend the file or the variable that the message names. `bourn doctor` says which settings are in force."


class LedgerError(BournError):
    """The ledger's database is out of reach, or can't be read or written; its own error is chained.

    What was asked for is not done; a job that runs goes on, and is written down once the database is back.
    """

    code = "ledger-error"


class StoreError(BournError):
    """The store of artifacts is out of reach, or can't be read; its own error is chained. Nothing is lost by that."""

    code = "store-error"


class DamagedError(StoreError):
    """An object in the store does not hold the bytes that were stored: its digest differs."""

    code = "damaged"
    cure = "Restore the object from a backup, or compute the result again: the bytes in the store are not the result."


class JobReference(Protocol):
    """What an error knows of its job: a `bourn.Job`."""

    @property
    def id(self) -> str:
        """48 hex digits."""

    @property
    def stage(self) -> str:
        """Where it is, such as FAILED."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""

    @property
    def url(self) -> str | None:
        """The link to the artifact, where one is stored."""

    @property
    def error(self) -> JobError | None:
        """Why it failed."""

    def cancel(self) -> bool:
        """Ask for it to be cancelled."""

    def resubmit(self) -> JobReference:
        """Do it once more, as a new job."""


class JobError(BournError):
    """Something about one job.

    Attributes
    ----------
    job : Job or None
        The job; None before an engine has taken it up.
    jobs : sequence of Job
        In a fan-out all jobs of the group.
    """

    code = "job-error"
    cure = "The job stands in `.job`; `bourn job ID` has all that is known of it."

    def __init__(self, message: str = "", *, job: JobReference | None = None) -> None:
        super().__init__(message)
        self.job = job
        self.jobs: Sequence[JobReference] = () if job is None else (job,)


class JobFailed(JobError):
    """The job has failed; the cause is chained where this process saw it."""

    code = "job-failed"
    cure = (
        "The message has the reason, and the cause is chained where this process saw it. `job.resubmit()` tries again."
    )


class ResultRefused(JobFailed):
    """The result, once it was known, is unfit for the format or the destination.

    Examples
    --------
    >>> raise ResultRefused('the image has 5 bands, and the product 4')
    Traceback (most recent call last):
    bourn.errors.ResultRefused: the image has 5 bands, and the product 4
    """

    code = "result-refused"
    cure = "Change the result so that it is what the message asks for, or choose another format or destination."


class EncodeError(JobFailed):
    """The result can't be expressed in that format; says which part (``result["a"][3]``) and why.

    Examples
    --------
    >>> raise EncodeError('result["a"][3]: a set has no place in JSON')
    Traceback (most recent call last):
    bourn.errors.EncodeError: result["a"][3]: a set has no place in JSON
    """

    code = "encode-error"
    cure = "Change the part of the result that the message points at, or choose a format that can hold it."


class DeliveryError(JobFailed):
    """The destination has failed for good, after its retries; the artifact is kept.

    Examples
    --------
    >>> raise DeliveryError('the receiver answered 410 Gone')
    Traceback (most recent call last):
    bourn.errors.DeliveryError: the receiver answered 410 Gone
    """

    code = "delivery-error"
    cure = (
        "The artifact is kept: mend what the destination complains of, then `job.resubmit()` delivers it "
        "without computing anew."
    )


class DeliveryRefused(DeliveryError):
    """Refused at the commit: exists already, access withdrawn, product changed.

    Examples
    --------
    >>> raise DeliveryRefused("'a.tif' exists already")
    Traceback (most recent call last):
    bourn.errors.DeliveryRefused: 'a.tif' exists already
    """

    code = "delivery-refused"
    cure = "Choose another name, allow overwriting, or ask for access, as the message says; then `job.resubmit()`."


class JobCancelled(JobError):
    """The job was cancelled."""

    code = "job-cancelled"
    cure = "Nothing of it is left; send the request again if that was not meant."


class JobTimeout(JobError, TimeoutError):
    """The job did not end in the time given."""

    code = "job-timeout"
    cure = "Give a longer `timeout`, or `block=False` and wait for the job later."


class UnknownJob(JobError, LookupError):
    """The ledger knows no job of that id."""

    code = "unknown-job"
    cure = (
        "Check the id, and that this process sees the same ledger: `bourn doctor` says which. Jobs are "
        "forgotten 90 days after their data."
    )


class LinkError(BournError):
    """Something about a link."""

    code = "link-error"
    cure = "Ask the sender of the link for a new one."


class LinkExpired(LinkError):
    """The link was given once, and its time is over."""

    code = "link-expired"
    cure = "The data is erased: send the request again."


class LinkInvalid(LinkError):
    """No such link was ever issued, or it was revoked."""

    code = "link-invalid"
    cure = "Copy the whole link, its file name included; one that was revoked does not work again."
