"""The way orders leave. Only `gateway.dispatch` calls it; adapters implement it, wiring hands it over."""

from collections.abc import Callable
from typing import Protocol

from agenttrader.model.events import CancelRequested, Leaving
from agenttrader.model.records import Recorded

Look = Callable[[], str | None]
"""The last look: why the order may not leave now, or None where it may."""


class OrderRoute(Protocol):
    """Takes what is on record and returns nothing.

    Accepts, rejects, silence and fills come back as inputs to the session.
    """

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:
        """Send the order once, under the client order id derived from its record; never again by itself.

        An order may wait for its turn; `look` is asked when that comes, and what it stops is NOT_SENT. Where
        not all may leave at once, what is `urgent` goes first.
        """
        ...

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        """Ask the broker to cancel; asking twice does no harm."""
        ...
