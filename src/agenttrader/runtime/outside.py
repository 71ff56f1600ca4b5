"""What was done at the broker beside the gateway, folded: the side journals' lines, and what kill closed."""

from agenttrader.model.identifiers import BrokerOrderId
from agenttrader.model.outside import ActedOutside, OrderAdopted
from agenttrader.model.reports import StatedOrder

CLOSE = "close"
"""What kill calls the act of closing a position by the broker's own call."""


class Outside:
    """How far each side journal is on record, and the closing calls whose order is not ours yet."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        """How many lines of each side journal are on record."""
        self.answered: dict[BrokerOrderId, ActedOutside] = {}
        """Closing calls by the order that the broker made of each, until that is adopted."""
        self.unanswered: tuple[ActedOutside, ...] = ()
        """Closing calls, as they were asked, of which nobody knows what came."""

    def note(self, acted: ActedOutside) -> None:
        """A line of a side journal is on record."""
        self.lines[acted.journal] = acted.line
        if acted.act != CLOSE:
            return
        if acted.stage == "asked":
            self.unanswered += (acted,)
        elif acted.stage == "answered":
            asked = next((each for each in reversed(self.unanswered) if each.subject == acted.subject), None)
            self.unanswered = tuple(each for each in self.unanswered if each is not asked)
        if acted.order is not None:
            self.answered[acted.order.broker_order_id] = acted

    def adopt(self, adopted: OrderAdopted) -> None:
        """An order is ours; every call that asked for just that has its answer."""
        made = adopted.order
        self.answered.pop(made.broker_order_id, None)
        self.unanswered = tuple(each for each in self.unanswered if not asks_for(each, made))

    def compare(self) -> None:
        """The books were compared: what the broker's history did not show until now never arrived."""
        self.unanswered = ()


def asks_for(asked: ActedOutside, made: StatedOrder) -> bool:
    """Whether the closing call would make such an order: in its symbol, against all that was held."""
    return (
        asked.held is not None
        and _plain(made.symbol) == _plain(asked.subject)
        and made.side.sign * made.quantity == -asked.held
    )


def _plain(symbol: str) -> str:
    """The symbol as positions have it: Alpaca leaves out the slash of a pair there."""
    return symbol.replace("/", "")
