"""Signed links to stored artifacts: made, resolved, revoked."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bourn.errors import BournError, LinkExpired, LinkInvalid
from bourn.fork import ForkSafeLock
from bourn.ledger.stages import Stage
from bourn.store.filename import safe_filename
from bourn.store.retention import TOMBSTONE

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bourn.ledger.clock import LedgerClock
    from bourn.ledger.links import Linked, LinkLedger
    from bourn.ledger.signing import SigningKeys

__all__ = ["Links", "safe_filename"]

KEYS_FRESH_SECONDS = 10.0
"""How long keys are used before they are read again: a key that is out of service is refused soon after."""

_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,512}")
_SALT = "bourn.link"

_log = logging.getLogger(__name__)


class Links:
    """Makes links and resolves them.

    A token is the delivery's id, signed; the ledger knows when it ends and whether it is revoked. Comparison is in
    constant time (itsdangerous), and with SHA-384 every bit of a token counts: with the digest of SHA-1, base64 has
    unused bits, and 18 of 6,370 altered tokens were accepted.

    Parameters
    ----------
    keys : SigningKeys
    ledger : LinkLedger
    public_url : str
        Where the server is reached, such as ``https://data.example.org/bourn``.
    clock : LedgerClock
    lifetime : timedelta
        How long a link works; older keys stay valid for so long after a rotation, and for the time of its tombstone.
    """

    def __init__(
        self, keys: SigningKeys, ledger: LinkLedger, public_url: str, clock: LedgerClock, *, lifetime: timedelta
    ) -> None:
        self._lifetime = lifetime
        self._keys = keys
        self._ledger = ledger
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._guard = ForkSafeLock()
        self._signer: Any = None
        self._read_at: float | None = None

    def token(self, delivery_id: str) -> str:
        """Return the token of a delivery; the same until keys are rotated."""
        return str(self._current().dumps(delivery_id))

    def url(self, delivery_id: str, filename: str) -> str:
        """Return the link of a delivery; it ends with the artifact's name, and no other name works."""
        return f"{self._public_url}/d/{self.token(delivery_id)}/{quote(filename, safe='')}"

    def resolve(self, token: str) -> Linked:
        """Return what a token leads to, now.

        Raises
        ------
        LinkInvalid
            Forged, altered, unknown, revoked, or deleted before its time: one same answer.
        LinkExpired
            Validly signed, and its time is over; the message has the date.
        """
        found = self._ledger.find(self._delivery_of(token))
        if found is None or found.artifact.revoked_at is not None or found.stage is Stage.CANCELLED:
            raise _invalid()
        now, artifact = self._clock(), found.artifact
        if artifact.expired_at is None:
            # The end itself is too late. The time of a job that is not done has not begun.
            if now < artifact.expires_at or not found.stage.done:
                if artifact.erased_at is not None:
                    raise _invalid()
                return found
            self._mark(found.delivery_id, now)
        msg = f"This link has expired: it worked until {artifact.expires_at:%Y-%m-%d %H:%M:%S} UTC."
        raise LinkExpired(msg)

    def revoke(self, delivery_id: str) -> bool:
        """End a link before its time; return False if there is none. The data go when their time comes."""
        return self._ledger.revoke(delivery_id, now=self._clock())

    def mark_damaged(self, key: str) -> None:
        """Record that the bytes of an object are not those that were stored; logs where that fails."""
        try:
            self._ledger.mark_damaged(key, now=self._clock())
        except BournError:
            _log.exception("could not record that the object %s is damaged", key)

    def rotate(self, *, grace: timedelta | None = None) -> None:
        """Sign with a new key from now on; links signed with older ones work for `grace`.

        By default that is as long as any of them works, and its tombstone is known.
        """
        self._keys.rotate(now=self._clock(), grace=self._lifetime + TOMBSTONE if grace is None else grace)
        self._read()

    def check(self) -> None:
        """Query the ledger for something small; raises what the database raises."""
        self._ledger.find("")

    def _delivery_of(self, token: object) -> str:
        from itsdangerous import BadData  # on first use

        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise _invalid()
        for signer in (self._current, self._read):  # a key that another process has just made
            try:
                delivery_id = signer().loads(token)
            except BadData:
                continue
            if isinstance(delivery_id, str):
                return delivery_id
        raise _invalid()

    def _current(self) -> Any:
        if self._read_at is None or time.monotonic() >= self._read_at + KEYS_FRESH_SECONDS:
            return self._read()
        return self._signer

    def _read(self) -> Any:
        from itsdangerous import URLSafeSerializer  # on first use

        read_at = time.monotonic()
        keys = self._keys.all(now=self._clock())  # the oldest first; the last one signs, as in itsdangerous
        signer = URLSafeSerializer(keys, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha384})
        with self._guard:
            self._signer, self._read_at = signer, read_at
        return signer

    def _mark(self, delivery_id: str, now: datetime) -> None:
        try:
            if self._clock.is_trusted(now):
                self._ledger.mark_expired(delivery_id, now=now)
        except Exception:  # noqa: BLE001  # a full disk makes no link work again; the next request marks it
            _log.exception("could not record that the link of delivery %s has expired", delivery_id)


def _invalid() -> LinkInvalid:
    return LinkInvalid("There is no such link.")
