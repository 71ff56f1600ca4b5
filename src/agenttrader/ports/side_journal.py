"""The side journal: what was done without the gateway, a line before and after each act.

The journal has one writer, which may be dead or wedged when kill or the sentinel acts. They write beside it,
and the gateway's next start takes their lines into the journal.
"""

from typing import Literal, Protocol

from msgspec import Struct

from agenttrader.model.times import Instant

Stage = Literal["asked", "answered"]


class SideLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act, before it (`asked`) or after (`answered`, with what came of it)."""

    time: Instant
    """By the wall clock."""
    by: str
    act: str
    subject: str
    """The order or the symbol; empty where it is about everything."""
    stage: Stage
    outcome: str = ""


class SideLog(Protocol):
    """Where lines are written."""

    def write(self, act: str, subject: str, stage: Stage, outcome: str = "") -> None:
        """Add a line, durably. Never raises: what must be done is done although it cannot be written."""
        ...

    @property
    def failure(self) -> str:
        """Why some line could not be written; empty where all could."""
        ...
