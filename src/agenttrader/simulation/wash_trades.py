"""Whether an order could trade with an open one of its own account.

Where an account is under the rule, such an order is refused: always where one of the two is a market or a
stop order, by their limits where both have one. Orders of a class and trailing stops are excepted, on either
side. Coins are under it too. Source: docs.alpaca.markets, "User Protection", and its table. A replacement is
asked as a new order is: our own rule.
"""

from agenttrader.simulation.books import Books
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Reason,
    Refusal,
    Side,
    Submission,
    VenueOrder,
)

MESSAGE = "potential wash trade detected. use complex orders"
"""As users report it; no page of Alpaca's has the text."""
_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})


def wash_trade_fault(
    books: Books, account: str, asked: Submission | VenueOrder, limit: int | None
) -> Refusal | None:
    """Why an order with such a limit in units is refused under the rule, if it is."""
    is_excepted = asked.order_class is not OrderClass.SIMPLE or asked.type is OrderType.TRAILING_STOP
    if is_excepted or not books.accounts[account].wash_trade_rule:
        return None
    for order in books.open_of(account, asked.symbol):
        if order.side is not asked.side and _could_meet(order, asked, limit):
            return Refusal(reason=Reason.FORBIDDEN, message=MESSAGE)
    return None


def _could_meet(order: VenueOrder, asked: Submission | VenueOrder, limit: int | None) -> bool:
    if order.order_class is not OrderClass.SIMPLE or order.type is OrderType.TRAILING_STOP:
        return False
    if order.type not in _LIMITED or asked.type not in _LIMITED:
        return True
    assert order.limit is not None
    assert limit is not None
    bid, ask = (limit, order.limit) if asked.side is Side.BUY else (order.limit, limit)
    return bid >= ask
