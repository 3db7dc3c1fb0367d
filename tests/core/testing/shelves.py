"""A destination that keeps the contract, and many that break it, each in one way."""

import logging
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

import attrs
from bourn.plugin import DeliveryError, Destination, Example, Receipt, Secret, Transient, option


def _fault(folder):
    return None if folder.isprintable() else "expected a path of printable characters"


@attrs.frozen
class Options:
    folder: str = option(help="Where the shelf stands.", max_length=1000, check=_fault)
    password: Secret | None = option(default=None, help="Opens it.", max_length=100, pattern="^[ -~]*$")


class Shelf(Destination[Options]):
    """Put a result on a shelf."""

    formats = ("json",)
    kinds = ("value",)

    def name(self, artifact, context):
        return f"{context.delivery_id}{artifact.suffix}"

    def copy(self, artifact, target):
        with artifact.open() as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 16)

    def write(self, artifact, target, context):
        part = target.with_name(f".{context.delivery_id}.part")
        try:
            self.copy(artifact, part)
            part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def deliver(self, artifact, options, context):
        target = Path(options.folder, self.name(artifact, context))
        try:
            target.parent.mkdir(exist_ok=True)
            self.write(artifact, target, context)
        except OSError as error:
            raise self.failure(error, options) from error
        return self.receipt(target, options)

    def failure(self, error, options):
        return Transient(f"the shelf can't be reached: {error}")

    def receipt(self, target, options):
        return Receipt(detail={"path": str(target)})

    def retract(self, options, context):
        for path in Path(options.folder).glob(f"{context.delivery_id}*"):
            path.unlink()


class HasNoHelp(Shelf):
    """One option is not explained."""

    @attrs.frozen
    class Options(Options):
        height: int = option(default=1, help=" ")


class HasNoDocstring(Shelf):
    __doc__ = ""


class NamesFormatsWrongly(Shelf):
    """A text where a tuple belongs."""

    formats = "json"


class ShowsWhatItRefuses(Shelf):
    """Its example has a misspelt option."""

    examples = (Example("On the top shelf.", destination={"type": "shelf", "hight": 3}),)


class ChangesItsOptions(Shelf):
    """Its options are other ones each time they are made."""

    @attrs.frozen
    class Options(Options):
        label: str = option(default="", help="What is written on it.", max_length=100, check=_fault)

        def __attrs_post_init__(self):
            object.__setattr__(self, "label", f"{self.label}!")


class TakesAnyText(Shelf):
    """Its folder may be a megabyte of control characters."""

    @attrs.frozen
    class Options(Options):
        folder: str = option(help="Where the shelf stands.")


class CutsTheLastByte(Shelf):
    """What arrives is one byte short."""

    def copy(self, artifact, target):
        target.write_bytes(artifact.read()[:-1])


class AnswersWithNoJSON(Shelf):
    """Its receipt holds a Path."""

    def receipt(self, target, options):
        return Receipt(detail={"path": target})


class NamesByChance(Shelf):
    """A second try puts a second copy on the shelf."""

    def name(self, artifact, context):
        return f"{uuid.uuid4()}{artifact.suffix}"


class RemembersInItself(Shelf):
    """It would be idempotent, if no other process ever carried on."""

    def __init__(self):
        self.names = {}

    def name(self, artifact, context):
        return self.names.setdefault(context.delivery_id, f"{context.delivery_id}-{uuid.uuid4()}{artifact.suffix}")


class NamesByContent(Shelf):
    """Two results that are equal share one place."""

    def name(self, artifact, context):
        return f"{artifact.sha256}{artifact.suffix}"

    def retract(self, options, context):
        shutil.rmtree(options.folder, ignore_errors=True)


class TakesNothingBack(Shelf):
    """What a cancelled job has delivered stays."""

    retract = Destination.retract


class IsSeenTooEarly(Shelf):
    """What is half written is there for all to see."""

    def write(self, artifact, target, context):
        self.copy(artifact, target)

    retract = Destination.retract


class SwallowsFailures(Shelf):
    """Where the artifact can't be read, the half of it will do."""

    def copy(self, artifact, target):
        with suppress(OSError):
            super().copy(artifact, target)


class NeedsALocalFile(Shelf):
    """It never heard of a store that is elsewhere."""

    def copy(self, artifact, target):
        shutil.copyfile(artifact.local_path, target)


class LetsForeignErrorsOut(Shelf):
    """An OSError comes out as it is."""

    def failure(self, error, options):
        return error


class GivesUpAtOnce(Shelf):
    """A shelf that is away for a second is away for good."""

    def failure(self, error, options):
        return DeliveryError("the shelf can't be reached")


class TellsItsSecretInTheReceipt(Shelf):
    """The password stands in the receipt."""

    def receipt(self, target, options):
        return Receipt(detail={"path": str(target), "login": options.password and options.password.reveal()})


class TellsItsSecretWhenItFails(Shelf):
    """The password stands in the message."""

    def failure(self, error, options):
        return Transient(f"no answer to {options.password and options.password.reveal()}")


class LogsItsSecret(Shelf):
    """The password stands in the log."""

    def receipt(self, target, options):
        logging.getLogger("shelf").debug("opened with %s", options.password and options.password.reveal())
        return super().receipt(target, options)


class ReservesAPlace(Shelf):
    """It touches while it should look."""

    def preflight(self, options, info, context):
        Path(options.folder).mkdir(exist_ok=True)
        Path(options.folder, "reserved").touch()
        return ()


class SharesItsState(Shelf):
    """Threads take each other's artifact."""

    def name(self, artifact, context):
        self.artifact = artifact
        return super().name(artifact, context)

    def copy(self, artifact, target):
        time.sleep(0.01)
        super().copy(self.artifact, target)


class LoadsFromItself(Shelf):
    """Only the process that delivered knows where it is."""

    def __init__(self):
        self.paths = {}

    def receipt(self, target, options):
        self.paths[target.stem] = target
        return super().receipt(target, options)

    def load(self, receipt, artifact, context):
        return self.paths[context.delivery_id].read_bytes()


_KNOWN = {}


class RemembersInItsModule(Shelf):
    """It would be idempotent, if its process never died."""

    def name(self, artifact, context):
        return _KNOWN.setdefault(context.delivery_id, f"{context.delivery_id}-{uuid.uuid4()}{artifact.suffix}")


class LocksForGood(Shelf):
    """A process that dies leaves its lock behind, and nobody gets by."""

    def write(self, artifact, target, context):
        lock = target.with_name(f".{context.delivery_id}.lock")
        lock.touch(exist_ok=False)
        try:
            super().write(artifact, target, context)
        finally:
            lock.unlink()


class TakesBackWhatItKnowsOf(Shelf):
    """What another process has delivered is none of its business."""

    def receipt(self, target, options):
        _KNOWN[target.stem] = target
        return super().receipt(target, options)

    def retract(self, options, context):
        _KNOWN.pop(context.delivery_id, Path("/nowhere")).unlink(missing_ok=True)


class CanNotTakeBackWhatIsAway(Shelf):
    """Taken back while the shelf is away, an OSError comes out as it is."""

    def retract(self, options, context):
        for path in Path(options.folder).iterdir():
            if path.name.startswith(context.delivery_id):
                path.unlink()
