"""The venue's identifiers: UUIDs computed from facts, so that the same inputs give the same ones."""

import hashlib
from uuid import UUID

_NUMBER_DIGITS = 12
"""The last group of a UUID."""


def derive_uuid(kind: str, *facts: str | int) -> str:
    """The UUID of these facts. Length-prefixed, so no two lists of facts can run together."""
    state = hashlib.blake2b(digest_size=16, person=b"agenttrader.sim")
    for fact in (kind, *facts):
        text = str(fact).encode()
        state.update(len(text).to_bytes(4, "big"))
        state.update(text)
    return str(UUID(bytes=state.digest()))


class Numbering:
    """What one account's orders, executions and fees are called: their numbers in one sequence, as UUIDs.

    A UUID begins with a hash of the account, and ends in the number, to be read as it is.
    """

    def __init__(self, account: str) -> None:
        self._prefix = derive_uuid("numbered", account)[:-_NUMBER_DIGITS]
        self._last = 0

    def next(self) -> tuple[int, str]:
        """A number that was never used before, and its UUID."""
        self._last += 1
        return self._last, self._prefix + str(self._last).zfill(_NUMBER_DIGITS)
