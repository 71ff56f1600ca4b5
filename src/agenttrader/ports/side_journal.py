"""The side journal: what was done without the gateway, a line before and after each act.

The journal has one writer, which may be dead or wedged when kill or the sentinel acts. They write beside it,
and the gateway's next start takes their lines into the journal.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

from agenttrader.model.times import Instant

if TYPE_CHECKING:
    # Nothing is loaded for it before the fence stands.
    from agenttrader.model.reports import StatedOrder

Stage = Literal["asked", "answered", "lost"]
"""Before the act; after it, with what came of it; after it, where nobody knows that."""


class SideLog(Protocol):
    """Where lines are written."""

    def write(
        self,
        act: str,
        subject: str,
        stage: Stage,
        outcome: str = "",
        *,
        held: Decimal | None = None,
        broker_time: Instant | None = None,
        order: "StatedOrder | None" = None,
    ) -> None:
        """Add a line, durably. Never raises: what must be done is done although it cannot be written.

        Of a close that is asked for, `held` is what it is to close, signed, and `broker_time` the broker's
        time before it; of one that was answered, `order` is what the broker made of it.
        """
        ...

    @property
    def failure(self) -> str:
        """Why some line could not be written; empty where all could."""
        ...
