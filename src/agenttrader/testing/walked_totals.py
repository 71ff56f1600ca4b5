"""What the engine keeps as totals, found again by a walk over every order and position: their oracle.

It shares no code with the totals, and is as slow as it is plain.
"""

from collections.abc import Mapping
from decimal import Decimal

from agenttrader.model.identifiers import OrderId, StrategyName, Symbol
from agenttrader.model.orders import Effect, OrderState, OrderType, Role, Side
from agenttrader.model.values import NANO, ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.holdings import Holding
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.portfolio.orders import Order
from agenttrader.portfolio.scopes import Scopes, Table, strategy_table


def differences(
    book: Book, valued: MarkedBook, marks: Mapping[Symbol, Decimal], symbols: tuple[Symbol, ...]
) -> dict[str, tuple[object, object]]:
    """Each total that is not what a walk finds: by its name, what is kept and what is found."""
    pairs: dict[str, tuple[object, object]] = {
        "working loss": (book.orders.totals.loss(), _loss_of_entries(book)),
        "dead-machine loss": (valued.dead_machine_loss(), _dead_machine_loss(book, marks)),
    }
    value, orders = valued.value(), book.orders
    pairs["value"] = (
        (value.equity, value.gross_exposure, value.net_exposure, value.unrealised),
        _valued(book, marks),
    )
    tables = {table for symbol in symbols for table in valued.scopes.of_symbol(symbol)}
    for table in (*tables, *map(strategy_table, valued.scopes.strategies)):
        kept = (valued.gross_of(table), valued.net_of(table) if table in tables else None)
        pairs[f"{table} held"] = (kept, _held(book, marks, valued.scopes, table))
        reserved = (orders.open_by_table, orders.open_longs, orders.open_shorts)
        pairs[f"{table} reserved"] = (
            tuple(each.within(table, valued.scopes) for each in reserved),
            _reserved(book, valued.scopes, table),
        )
    for symbol in symbols:
        working = book.working(symbol)
        summed = (working.buys, working.sells, working.closing, working.protecting)
        pairs[f"{symbol} working"] = (summed, _working(book, symbol))
        armed = {order.id for order in book.protection(symbol)}
        pairs[f"{symbol} protection"] = (armed, _protection(book, symbol))
        pairs[f"{symbol} covered"] = (book.covered(symbol), _covered(book, symbol, ()))
        for order in book.orders.open_in(symbol):
            without = (book.covered(symbol, without=order.pair), _covered(book, symbol, order.pair))
            pairs[f"{symbol} covered without {order.id}"] = without
        for cancels in (False, True):
            reducible = book.reducible(symbol, cancels_protection=cancels)
            pairs[f"{symbol} reducible {cancels}"] = (reducible, _reducible(book, symbol, cancels))
        for side in Side:
            opposed = book.is_opposed(symbol, Decimal(side.sign))
            pairs[f"{symbol} opposed to {side.value}"] = (opposed, _is_opposed(book, symbol, side.sign))
            facing = book.facing(symbol, Decimal(side.sign))
            pairs[f"{symbol} facing {side.value}"] = (facing, _facing(book, symbol, side.sign))
    return {name: (kept, found) for name, (kept, found) in pairs.items() if kept != found}


def _held(
    book: Book, marks: Mapping[Symbol, Decimal], scopes: Scopes, table: Table
) -> tuple[Decimal, Decimal | None]:
    """The gross and net value of what a table counts; of a strategy its parts alone, which have no net."""
    kind, name = table
    gross = net = ZERO
    for symbol, holding in book.positions().items():
        mark = marks.get(symbol)
        whole = holding.cost if mark is None else holding.value(mark)
        if table in scopes.of_symbol(symbol):
            gross, net = gross + abs(whole), net + whole
        part = book.by_strategy.get((StrategyName(name), symbol))
        if kind == "strategy" and part is not None:
            own = (
                whole
                if part.quantity == holding.quantity
                else part.cost
                if mark is None
                else part.value(mark)
            )
            gross += min(abs(whole), abs(own))
    return gross, None if kind == "strategy" else net


def _reserved(book: Book, scopes: Scopes, table: Table) -> tuple[Decimal, Decimal, Decimal]:
    """What is reserved for all entries that a table counts, for those that buy, and for those that sell."""
    kind, name = table
    counted = [
        order
        for order in book.orders.open_orders()
        if (kind == "strategy" and order.proposal.strategy == name)
        or any(table in scopes.of_symbol(leg.symbol) for leg in order.legs)
    ]
    buys = [order for order in counted if any(leg.ratio * order.side.sign > 0 for leg in order.legs)]
    sells = [order for order in counted if any(leg.ratio * order.side.sign < 0 for leg in order.legs)]
    whole, bought, sold = (sum((order.reserved for order in each), ZERO) for each in (counted, buys, sells))
    return whole, bought, sold


def _facing(book: Book, symbol: Symbol, sign: int) -> Decimal | None:
    """The lowest limit of what sells, or the highest of what buys, of one leg and not awaiting its entry."""
    prices = [
        order.limit_price
        for order in book.orders.open_in(symbol)
        if order.type is OrderType.LIMIT
        and order.limit_price is not None
        and len(order.legs) == 1
        and order.side.sign * order.ratio_in(symbol) * sign < 0
        and not (
            order.parent is not None
            and order.parent.effect is Effect.OPEN
            and order.parent.state is not OrderState.FILLED
        )
    ]
    return (min(prices) if sign > 0 else max(prices)) if prices else None


def _working(book: Book, symbol: Symbol) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    bought = sold = closing = protecting = ZERO
    pairs: dict[OrderId, Decimal] = {}
    for order in book.orders.open_in(symbol):
        ratio = order.ratio_in(symbol)
        left = (order.remaining if order.protects else order.beyond) * abs(ratio)
        if order.protects:
            owner = order.owner.id
            counted = pairs.get(owner, ZERO)
            pairs[owner] = max(left, counted)
            left = max(ZERO, left - counted)
            if order.is_armed:
                protecting += left
        elif not order.adds_risk:
            closing += left
        if (order.side is Side.BUY) is (ratio > 0):
            bought += left
        else:
            sold += left
    return bought, sold, closing, protecting


def _reducible(book: Book, symbol: Symbol, cancels_protection: bool) -> Decimal:  # noqa: FBT001  drawn both ways
    held, orders = abs(book.position(symbol)), book.orders.open_in(symbol)
    if cancels_protection:
        closes = [order for order in orders if order.effect is Effect.CLOSE]
        return max(ZERO, held - sum(close.remaining * abs(close.ratio_in(symbol)) for close in closes))
    if any(order.adds_risk and order.protection for order in orders):
        return ZERO
    _, _, closing, protecting = _working(book, symbol)
    return max(ZERO, held - closing - protecting)


def _is_opposed(book: Book, symbol: Symbol, sign: int) -> bool:
    return any(
        order.side.sign * order.ratio_in(symbol) * sign * (1 if order.adds_risk else -1) < 0
        for order in book.orders.open_in(symbol)
        if order.adds_risk or order.protects
    )


def _protection(book: Book, symbol: Symbol) -> set[OrderId]:
    held = book.position(symbol)
    return {
        order.id
        for order in book.orders.open_in(symbol)
        if order.protects and order.is_armed and order.side.sign * order.ratio_in(symbol) * held < 0
    }


def _resting_stops(book: Book, symbol: Symbol) -> list[Order]:
    """Those that face the position and can trade."""
    held = book.position(symbol)
    found = [
        order
        for order in book.orders.open_in(symbol)
        if order.role is Role.STOP
        and order.rests
        and order.is_armed
        and order.side.sign * order.ratio_in(symbol) * held < 0
    ]
    # Of more than is held those count that could trade first, and only the book knows which did.
    return sorted(found, key=book.protection(symbol).index)


def _covered(book: Book, symbol: Symbol, without: tuple[Order, ...]) -> Decimal:
    stops = [order for order in _resting_stops(book, symbol) if order not in without]
    return sum((order.surely * abs(order.ratio_in(symbol)) for order in stops), ZERO)


def _loss_of_entries(book: Book) -> Decimal:
    loss = ZERO
    for order in book.orders.open_orders():
        if order.adds_risk:
            beside = order.replaces if order.is_replacing else None
            loss += max(
                ZERO, _loss_of_entry(book, order) - (_loss_of_entry(book, beside) if beside else ZERO)
            )
    return loss


def _loss_of_entry(book: Book, order: Order) -> Decimal:
    legs = order.replaces.protection if order.is_replacing and order.replaces else order.protection
    stops = [leg for leg in legs if leg.role is Role.STOP]
    stops += [leg.replacement for leg in stops if leg.replacement is not None]
    prices = [leg.stop_price for leg in stops if leg.stop_price is not None and len(order.legs) == 1]
    multiplier = book.multiplier(order.legs[0].symbol)
    units = [abs(order.reserve_price - price * multiplier) for price in prices]
    return order.remaining * max(units, default=order.reserve_price)


def _price(holding: Holding, mark: Decimal | None) -> Decimal:
    return holding.average_price().quantize(NANO) if mark is None else mark


def _valued(book: Book, marks: Mapping[Symbol, Decimal]) -> tuple[Decimal | None, Decimal, Decimal, Decimal]:
    gross = net = unrealised = ZERO
    for symbol, holding in book.positions().items():
        mark = marks.get(symbol)
        value = holding.cost if mark is None else holding.value(mark)
        gross, net, unrealised = gross + abs(value), net + value, unrealised + value - holding.cost
    is_known = book.positions().keys() <= marks.keys()
    return book.cash + net if is_known else None, gross, net, unrealised


def _dead_machine_loss(book: Book, marks: Mapping[Symbol, Decimal]) -> Decimal:
    return sum(
        (
            _loss_of(book, symbol, holding, _price(holding, marks.get(symbol)))
            for symbol, holding in book.positions().items()
        ),
        ZERO,
    )


def _loss_of(book: Book, symbol: Symbol, holding: Holding, mark: Decimal) -> Decimal:
    left, loss = abs(holding.quantity), ZERO
    sign = 1 if holding.quantity > 0 else -1
    for leg in _resting_stops(book, symbol):
        if len(leg.legs) == 1:
            covered = min(left, leg.surely)
            distance = max(_distance(each, mark, sign) for each in (leg, leg.replacement or leg))
            loss += covered * max(ZERO, distance)
            left -= covered
    return (loss + left * mark) * holding.multiplier


def _distance(stop: Order, mark: Decimal, sign: int) -> Decimal:
    if stop.trail_price is not None:
        return stop.trail_price
    if stop.trail_percent is not None:
        return mark * stop.trail_percent / 100
    price = stop.stop_price if stop.limit_price is None else stop.limit_price
    assert price is not None, f"{stop.id}: expected a stop with a price"
    return (mark - price) * sign
