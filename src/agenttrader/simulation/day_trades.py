"""Whether an order could make a pattern day trader of an account that has too little equity to be one.

Where an account is under the rule, had less than 25,000 at the last day's end, and could have a fourth day
trade in five days with the order filled, the order is refused. What is pending counts: an order to buy and
one to sell the same symbol may fill in any order, so such a pair counts as a day trade, and so does an entry
that brings its exits along. Coins do not count. A replacement is asked as a new order is, our own rule: what
was allowed when it was placed need not be any more.

Source: docs.alpaca.markets, "User Protection", as it stood until June 2026; since then Alpaca's accounts are
not under it (its changelog of 2026-06-03).
"""

from agenttrader.simulation.books import PATTERN_EQUITY_MIN, Books
from agenttrader.simulation.orders import OrderClass, Reason, Refusal, Submission, VenueOrder
from agenttrader.simulation.trading_days import DAY_TRADES_MAX

MESSAGE = "trade denied due to pattern day trading protection"
"""As users report it; no page of Alpaca's has the text."""


def day_trade_fault(books: Books, account: str, asked: Submission | VenueOrder) -> Refusal | None:
    """Why the order is refused under the rule, if it is."""
    if not books.accounts[account].day_trade_rule or books.days[account].last_equity >= PATTERN_EQUITY_MIN:
        return None
    if books.listings[asked.symbol].is_coin or not _may_make_one(books, account, asked):
        return None
    possible = {asked.symbol} | {symbol for symbol in books.listings if _is_pending(books, account, symbol)}
    if books.days[account].day_trades + len(possible) <= DAY_TRADES_MAX:
        return None
    return Refusal(reason=Reason.DAY_TRADE, message=MESSAGE)


def _may_make_one(books: Books, account: str, asked: Submission | VenueOrder) -> bool:
    """Whether the order, filled, could be half of a day trade, with what was traded today or is pending."""
    is_leg = isinstance(asked, VenueOrder) and asked.entry is not None
    if asked.order_class in {OrderClass.BRACKET, OrderClass.OTO} and not is_leg:
        return True
    if any(order.side is not asked.side for order in books.open_of(account, asked.symbol)):
        return True
    closes = not books.opens(account, asked.symbol, asked.side)
    return closes and books.days[account].may_close(asked.symbol)


def _is_pending(books: Books, account: str, symbol: str) -> bool:
    """Whether the orders that are open in a symbol could make a day trade."""
    sides = {order.side for order in books.open_of(account, symbol)}
    if books.listings[symbol].is_coin or not sides:
        return False
    closes = any(not books.opens(account, symbol, side) for side in sides)
    return len(sides) > 1 or (closes and books.days[account].may_close(symbol))
