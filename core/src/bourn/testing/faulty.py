"""A destination that fails on request, for tests of the code around destinations."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, ClassVar

import attrs

from bourn.plugin import ANY, DeliveryError, Destination, Receipt, Transient, option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.plugin import Artifact, Context

__all__ = ["Faulty"]

PIECE_BYTES = 1 << 16


@attrs.frozen
class Options:
    """What is to go wrong."""

    fail_times: int = option(default=0, ge=0, help="How many tries of each delivery fail, to be tried again.")
    fail_after_bytes: int | None = option(
        default=None, ge=0, unit="bytes", help="After how many bytes a delivery breaks off for good."
    )
    delay_seconds: float = option(default=0.0, ge=0, le=3600, unit="seconds", help="How long each delivery takes.")


class Faulty(Destination[Options]):
    """Keep results in memory, after failing on request.

    Attributes
    ----------
    delivered : mapping of str to bytes
        What arrived, by delivery id: shared by all objects of the class, as an outside world would be.

    Examples
    --------
    >>> from bourn.testing import session_with
    >>> with session_with(destinations={"faulty": Faulty}) as session:
    ...     job = session.compute(2, destination={"type": "faulty", "fail_times": 1}, format="json", block=False)
    ...     job.wait().receipt.detail["tries"]
    2
    """

    formats = ANY
    delivered: ClassVar[dict[str, bytes]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Take the artifact, or fail."""
        ends = time.monotonic() + options.delay_seconds
        while time.monotonic() < ends and not context.cancelled():
            time.sleep(min(0.01, options.delay_seconds))
        if context.attempt <= options.fail_times:
            msg = f"failure {context.attempt} of {options.fail_times}, as requested"
            raise Transient(msg, retry_after=0)
        received = bytearray()
        with artifact.open() as file:
            while piece := file.read(PIECE_BYTES):
                received += piece
                if options.fail_after_bytes is not None and len(received) > options.fail_after_bytes:
                    msg = f"broken off after {options.fail_after_bytes} bytes, as requested"
                    raise DeliveryError(msg)
        with self._guard:
            self.delivered.setdefault(str(context.delivery_id), bytes(received))
        return Receipt(detail={"tries": context.attempt, "delivery": context.delivery_id})

    def retract(self, options: Options, context: Context) -> None:
        """Forget what arrived."""
        with self._guard:
            self.delivered.pop(str(context.delivery_id), None)

    @classmethod
    def seen(cls) -> Mapping[str, bytes]:
        """What has arrived so far, as a copy."""
        with cls._guard:
            return dict(cls.delivered)
