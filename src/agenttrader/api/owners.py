"""Whose a web socket is: its face says so once it knows, and looks again whether the key is still accepted.

A server that is short of connections lets strangers' go first. A key that is revoked while its stream is open
ends it: nothing more is told to whoever has it.
"""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

LOOK_SECONDS = 0.5
"""How often an open stream's key is looked at."""
REVOKED = "expected a key that is accepted, found one that is not accepted any more"
_OWNER = "owner"


def belongs_to(scope: MutableMapping[str, Any], owner: str) -> None:
    """Let the server of the connection of `scope` know whose it is."""
    scope.setdefault("state", {})[_OWNER] = owner


def owner_of(scope: Mapping[str, Any]) -> str | None:
    """Whose the connection is; None while its face has not said."""
    owner: str | None = scope.get("state", {}).get(_OWNER)
    return owner


async def until_revoked(is_known: Callable[[], bool]) -> None:
    """Return when the key is not accepted any more."""
    while is_known():  # noqa: ASYNC110 - a file that says it has no event
        await asyncio.sleep(LOOK_SECONDS)
