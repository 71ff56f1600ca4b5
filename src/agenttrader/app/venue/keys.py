"""Which key opens which account at the venue. Only hashes of secrets are known here."""

import hashlib
import hmac
from collections.abc import Mapping

from msgspec import Struct


class VenueKey(Struct, frozen=True, kw_only=True):
    """The SHA-256 of a key's secret in hexadecimal, and the account that it opens."""

    secret_sha256: str
    account: str


class Keys(Struct, frozen=True):
    """Every key, by its id."""

    by_id: Mapping[str, VenueKey]

    def identify(self, key_id: str, secret: str) -> str | None:
        """The account that a key opens; None where the key is not known or the secret is not its own."""
        key = self.by_id.get(key_id)
        found = hashlib.sha256(secret.encode()).hexdigest()
        return key.account if key is not None and hmac.compare_digest(found, key.secret_sha256) else None
