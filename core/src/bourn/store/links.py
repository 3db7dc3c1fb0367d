"""Signed links to stored artifacts: given, resolved, revoked."""

from __future__ import annotations

import hashlib
import logging
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bourn.errors import LinkExpired, LinkInvalid
from bourn.fork import ForkSafeLock
from bourn.ledger.stages import Stage
from bourn.store.filename import safe_filename

if TYPE_CHECKING:
    from bourn.contract.context import Clock
    from bourn.ledger.links import Linked, LinkLedger
    from bourn.ledger.signing import SigningKeys

__all__ = ["KEY_GRACE", "Links", "safe_filename"]

KEYS_FRESH = timedelta(seconds=10)
"""How long keys are believed before they are read again: a key taken out of service is refused soon after."""

KEY_GRACE = timedelta(days=10 + 90)
"""How long older keys stay good after a rotation: a link's ten days, and its tombstone's ninety."""

_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,512}")
_SALT = "bourn.link"

_log = logging.getLogger(__name__)


class Links:
    """Gives links and says what they lead to.

    A token is the delivery's id, signed; when it ends and whether it was revoked stands in the ledger.
    Comparison is in constant time (itsdangerous), and with SHA-384 every bit of a token counts: with the
    digest of SHA-1, base64 has unused bits, and 18 of 6,370 altered tokens were accepted.

    Parameters
    ----------
    keys : SigningKeys
    ledger : LinkLedger
    public_url : str
        Where the server is reached, such as ``https://data.example.org/bourn``.
    clock : callable
    """

    def __init__(self, keys: SigningKeys, ledger: LinkLedger, public_url: str, clock: Clock) -> None:
        self._keys = keys
        self._ledger = ledger
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._guard = ForkSafeLock()
        self._signer: Any = None
        self._read_at: datetime | None = None

    def token(self, delivery_id: str) -> str:
        """The token of a delivery; the same for as long as no key is rotated."""
        return str(self._current().dumps(delivery_id))

    def url(self, delivery_id: str, filename: str) -> str:
        """The link of a delivery; it ends with the artifact's name, and no other name works."""
        return f"{self._public_url}/d/{self.token(delivery_id)}/{quote(filename, safe='')}"

    def resolve(self, token: str) -> Linked:
        """What a token leads to, now.

        Raises
        ------
        LinkInvalid
            Forged, altered, unknown, revoked, or its data were deleted before its time: one same answer.
        LinkExpired
            Rightly signed, and its time is over; the message has the date.
        """
        found = self._ledger.find(self._delivery_of(token))
        if found is None or found.artifact.revoked_at is not None or found.stage is Stage.CANCELLED:
            raise _invalid()
        now, artifact = self._clock(), found.artifact
        if artifact.expired_at is None:
            # At the very moment it is over. A job that is not done yet has its ten days before it.
            if now < artifact.expires_at or not found.stage.done:
                if artifact.erased_at is not None:
                    raise _invalid()
                return found
            self._mark(found.delivery_id, now)
        msg = f"This link has expired: it worked until {artifact.expires_at:%Y-%m-%d %H:%M:%S} UTC."
        raise LinkExpired(msg)

    def revoke(self, delivery_id: str) -> bool:
        """End a link before its time; False if there is none. The data go when their time comes."""
        return self._ledger.revoke(delivery_id, now=self._clock())

    def rotate(self, *, grace: timedelta = KEY_GRACE) -> None:
        """Sign with a new key from now on; links signed with older ones work for `grace`."""
        self._keys.rotate(now=self._clock(), grace=grace)
        self._read()

    def check(self) -> None:
        """Ask the ledger for something small; raises what the database raises."""
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
        now = self._clock()
        if self._read_at is None or not self._read_at <= now < self._read_at + KEYS_FRESH:
            return self._read()
        return self._signer

    def _read(self) -> Any:
        from itsdangerous import URLSafeSerializer  # on first use

        now = self._clock()
        keys = self._keys.all(now=now)  # the oldest first, and the last one signs: itsdangerous has it so, too
        signer = URLSafeSerializer(keys, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha384})
        with self._guard:
            self._signer, self._read_at = signer, now
        return signer

    def _mark(self, delivery_id: str, now: datetime) -> None:
        try:
            self._ledger.mark_expired(delivery_id, now=now)
        except Exception:  # noqa: BLE001  # a full disk makes no link work again; the next look marks it
            _log.exception("could not write down that the link of delivery %s has expired", delivery_id)


def _invalid() -> LinkInvalid:
    return LinkInvalid("There is no such link.")
