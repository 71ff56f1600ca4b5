"""The venue's identifiers: UUIDs computed from facts, so that the same inputs give the same ones."""

import hashlib
from uuid import UUID


def derive_uuid(kind: str, *facts: str | int) -> str:
    """The UUID of these facts. Length-prefixed, so no two lists of facts can run together."""
    state = hashlib.blake2b(digest_size=16, person=b"agenttrader.sim")
    for fact in (kind, *facts):
        text = str(fact).encode()
        state.update(len(text).to_bytes(4, "big"))
        state.update(text)
    return str(UUID(bytes=state.digest()))
