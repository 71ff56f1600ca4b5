"""The events about what was done at the broker beside the gateway: by kill, by the sentinel."""

from decimal import Decimal

from agenttrader.model.facts import Fact
from agenttrader.model.identifiers import OrderId, StrategyName
from agenttrader.model.reports import StatedOrder
from agenttrader.model.times import Instant


class ActedOutside(Fact, frozen=True, tag="acted_outside.1"):
    """What kill or the sentinel noted in a side journal while this journal's writer could not be asked.

    The start after it takes it in, line by line, as it was written.
    """

    journal: str
    line: int
    """Its number in that side journal, from 1; it is taken in once."""
    time: Instant
    by: str
    act: str
    subject: str
    """The order or the symbol as the broker calls it; empty where the act is about everything."""
    stage: str
    """`asked` before the act, `answered` after it, `lost` where nobody knows what came of it."""
    outcome: str
    held: Decimal | None = None
    """Of a close that is asked for: what is held, signed."""
    broker_time: Instant | None = None
    """Of a close that is asked for: the broker's own time, shortly before."""
    order: StatedOrder | None = None
    """Of a close that was answered: the order that the broker made of it."""


class OrderAdopted(Fact, frozen=True, tag="order_adopted.1"):
    """An order that kill made at the broker, by its closing call, is taken as ours.

    A line of a side journal says so: of this order by name, or of a call whose answer was lost and that no
    other order of the broker's history can have come from. It was not decided here, and is never sent.
    """

    order_id: OrderId
    order: StatedOrder
    strategy: StrategyName
    """Whose position it closes."""
    by: str
    reason: str


OutsideEvent = ActedOutside | OrderAdopted
"""What the journal holds of what was done there."""
