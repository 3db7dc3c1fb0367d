"""The destination shelf: a result is put into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
from bourn.plugin import Artifact, Context, DeliveryError, Destination, Example, Receipt, Transient, option


def _fault(folder: str) -> str | None:
    """What no limit says: it is asked of each value, and answers what is wrong with it."""
    if not folder.isprintable():
        return "expected a path of printable characters"
    # Another process, in another folder, may carry a delivery on.
    return None if Path(folder).is_absolute() else "expected an absolute path"


@attrs.frozen
class Options:
    """What a request may say; the schema, the messages and the documentation are made of this."""

    folder: str = option(help="The folder that results are put into.", min_length=1, max_length=1000, check=_fault)


class Shelf(Destination[Options]):
    """Put a result into a folder."""

    plugin_api = 1  # the version of bourn.plugin that this is written for
    examples = (Example("JSON into a folder", destination={"type": "shelf", "folder": "/tmp/results"}, format="json"),)

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Copy the artifact: under a name of the delivery's own, so that doing it twice does it once."""
        target = Path(options.folder, f"{context.delivery_id}{artifact.suffix}")
        part = target.with_name(f".{context.delivery_id}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with artifact.open() as source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
            part.replace(target)  # whole or not at all
        except OSError as error:
            raise Transient(f"{options.folder} can't be written to: {error.strerror}") from error
        return Receipt(url=target.absolute().as_uri(), detail={"path": str(target.absolute())})

    def retract(self, options: Options, context: Context) -> None:
        """Take back what a cancelled or failed delivery may have left, this process's or another's; often nothing."""
        folder = Path(options.folder)
        try:
            for pattern in (f"{context.delivery_id}.*", f".{context.delivery_id}.part"):
                for path in folder.glob(pattern):
                    path.unlink(missing_ok=True)
        except OSError as error:  # nobody knows what is left: the job has failed, and is not CANCELLED
            raise DeliveryError(f"{options.folder} may hold the result still: {error.strerror}") from error
