"""The structures that our book holds, as reconciliation judges them: spreads by their entries, brackets."""

from collections.abc import Iterator

from agenttrader.model.breaks import Break
from agenttrader.model.identifiers import Symbol
from agenttrader.model.times import Instant
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.reconciliation.structure import (
    Grace,
    HeldBracket,
    HeldLeg,
    HeldSpread,
    broken_bracket,
    broken_spread,
)


def broken_structures(book: Book, grace: Grace, now: Instant) -> tuple[Break, ...]:
    """Every structure of the book that is not whole, and has not been for longer than is permitted."""
    found: list[Break] = []
    for spread in _spreads(book):
        found += broken_spread(spread, grace, now)
    for bracket in _brackets(book):
        found += broken_bracket(bracket, grace, now)
    return tuple(found)


def _spreads(book: Book) -> Iterator[HeldSpread]:
    """Each entry of several legs of which something is held, and that is out of shape.

    Where another entry came into one of its legs since, that says nothing of this one, and none is judged.
    """
    entries = {tenure.entry for symbol in book.positions() if (tenure := book.tenure(symbol)) is not None}
    for name in sorted(entry for entry in entries if entry is not None):
        order = book.orders.by_id[name]
        if len(order.legs) == 1 or not all(_is_of(book, leg.symbol, order) for leg in order.legs):
            continue
        legs = tuple(
            HeldLeg(symbol=leg.symbol, ratio=leg.ratio * order.side.sign, held=book.position(leg.symbol))
            for leg in order.legs
        )
        if len({leg.wholes for leg in legs}) > 1:
            changed, is_opening = _fills_in(book, frozenset(leg.symbol for leg in legs), order)
            yield HeldSpread(entry=order.id, legs=legs, changed=changed, is_opening=is_opening)


def _brackets(book: Book) -> Iterator[HeldBracket]:
    """Each symbol in which what protects may trade more than is held."""
    for symbol in sorted(book.orders.open_by_symbol):
        held, protecting = book.position(symbol), book.working(symbol).protecting
        if protecting > abs(held):
            tenure = book.tenure(symbol)
            name = None if tenure is None else tenure.entry
            entry = None if name is None else book.orders.by_id[name]
            changed, is_opening = _fills_in(book, frozenset({symbol}), entry)
            yield HeldBracket(
                symbol=symbol, held=held, protecting=protecting, changed=changed, is_opening=is_opening
            )


def _is_of(book: Book, symbol: Symbol, entry: Order) -> bool:
    tenure = book.tenure(symbol)
    return tenure is None or tenure.entry == entry.id


def _fills_in(book: Book, symbols: frozenset[Symbol], entry: Order | None) -> tuple[Instant, bool]:
    """When something last filled in them, and whether all that did since it is held was of the entry."""
    tenures = [tenure for symbol in symbols if (tenure := book.tenure(symbol)) is not None]
    since = min((tenure.since for tenure in tenures), default=Instant(0))
    fills = [fill for fill in book.executions.values() if fill.symbol in symbols]
    last = max((fill.time for fill in fills), default=since)
    of_entry = entry is not None and all(fill.order_id == entry.id for fill in fills if fill.time >= since)
    return last, of_entry
