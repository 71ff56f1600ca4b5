"""The exam: what the gateway relies on at a broker, tried with orders that no market comes near.

It is the same for every broker: our own venue, a double that speaks by the book, an account of a person's
own. Each order buys one share at most, for the day, at one or two dollars, in a symbol that must cost far
more; each is canceled. A case that finds no answer is UNKNOWN, and only PASS everywhere is a pass.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from msgspec import Struct, structs

from agenttrader.app.brokers.bench import ENDS, Bench, UnmetError
from agenttrader.app.conformance import Finding, Sitting, Standing
from agenttrader.model.errors import Unreachable
from agenttrader.model.identifiers import AccountName, BrokerOrderId, ClientOrderId, Symbol
from agenttrader.model.instructions import Instruction, Replacing
from agenttrader.model.orders import Changes, Leg, OrderType, Side, TimeInForce
from agenttrader.model.reports import BrokerStatement, ReportKind
from agenttrader.model.times import MINUTE, Instant

PRICE, HIGHER, BETWEEN_TICKS = Decimal("1.00"), Decimal("1.01"), Decimal("1.005")
ENTRY, STOP, TARGET = Decimal("2.00"), Decimal("1.50"), Decimal("3.00")
CASH_MIN = Decimal(10)
"""What the account must be able to pay: more than all orders of the exam together."""


class Case(Struct, frozen=True):
    """What must hold, and how it is tried: a sentence of what was found, or UnmetError."""

    name: str
    promise: str
    run: Callable[[Bench, Symbol], Awaitable[str]]


async def sit(bench: Bench, account: AccountName, symbol: Symbol) -> Sitting:
    """Try every case, and leave the account as it was found.

    Raises Unreachable where it cannot even be said how it was found: nothing was sent then.
    """
    before = await bench.broker.statement(bench.since)
    bench.since = Instant(before.time - MINUTE)
    first = _judge_account(before, account)
    is_open = first.standing is Standing.PASS
    others = [await _try(case, bench, symbol) if is_open else _untried(case) for case in CASES]
    return Sitting(findings=(first, *others), left=await _left(bench, before))


def _judge_account(before: BrokerStatement, account: AccountName) -> Finding:
    permits = before.permits
    holds = before.account == account and not permits.is_blocked and before.buying_power >= CASH_MIN
    return Finding(
        case="account",
        promise=f"The broker says that it is account {account}, that may trade and pay {CASH_MIN}.",
        standing=Standing.PASS if holds else Standing.FAIL,
        found=f"account {before.account}, {permits.status}, blocked: {', '.join(permits.blocks) or 'nothing'}"
        f", buying power {before.buying_power}",
    )


def _untried(case: Case) -> Finding:
    return Finding(
        case=case.name,
        promise=case.promise,
        standing=Standing.UNKNOWN,
        found="not tried: nothing is sent to an account that is not the expected one, free and able to pay",
    )


async def _try(case: Case, bench: Bench, symbol: Symbol) -> Finding:
    try:
        standing, found = Standing.PASS, await case.run(bench, symbol)
    except UnmetError as error:
        standing, found = Standing.FAIL, str(error)
    except Unreachable as error:
        standing, found = Standing.UNKNOWN, str(error)
    await bench.clear_told()
    return Finding(case=case.name, promise=case.promise, standing=standing, found=found)


async def _left(bench: Bench, before: BrokerStatement) -> tuple[str, ...]:
    """What of the account is otherwise than before; what cannot be learned is, too."""
    try:
        working = await bench.clear()
        after = await bench.broker.statement(bench.since)
    except Unreachable as error:
        return (
            f"nobody knows what is left at the broker: {error}; look there, and cancel what is not yours",
        )
    left = [
        f"order {order.broker_order_id} works: {order.side.value} {order.quantity} {order.symbol}, "
        f"{order.status}; cancel it at the broker"
        for order in working
    ]
    if after.positions != before.positions:
        left.append(f"positions were {_held(before)}, and are {_held(after)}; close what came")
    if after.cash != before.cash:
        left.append(f"cash was {before.cash}, and is {after.cash}")
    return tuple(left)


def _held(statement: BrokerStatement) -> str:
    return ", ".join(f"{each.quantity} {each.symbol}" for each in statement.positions) or "none"


def _buy(symbol: Symbol, price: Decimal, **changes: Decimal) -> Instruction:
    protection = {"stop": None, "target": None} | changes
    return Instruction(
        legs=(Leg(symbol),),
        side=Side.BUY,
        quantity=Decimal(1),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=price,
        stop_price=None,
        stop=protection["stop"],
        target=protection["target"],
    )


async def _accepts(bench: Bench, symbol: Symbol) -> str:
    accepted = await bench.place(_buy(symbol, PRICE))
    (found, *more) = await bench.broker.find(accepted.client_order_id)
    if more or (found.kind, found.broker_order_id) != (ReportKind.ACCEPTED, accepted.broker_order_id):
        raise UnmetError(f"expected it accepted as {accepted.broker_order_id} when asked for, found {found}")
    stated = await bench.open_orders()
    said = [(order.broker_order_id, order.client_order_id, order.quantity) for order in stated]
    if said != [(accepted.broker_order_id, accepted.client_order_id, Decimal(1))]:
        raise UnmetError(f"expected one open order, {accepted.broker_order_id}, of 1, found {said}")
    return f"{accepted.client_order_id} is {accepted.broker_order_id}"


async def _cancels(bench: Bench, symbol: Symbol) -> str:
    accepted = await bench.place(_buy(symbol, PRICE))
    ended = await _cancel(bench, accepted.client_order_id, accepted.broker_order_id)
    bench.cancel(accepted.broker_order_id)
    await bench.until(
        "the second cancel to be refused",
        lambda: next(
            (
                each
                for each in bench.told
                if each.kind is ReportKind.CANCEL_REFUSED and each.broker_order_id == accepted.broker_order_id
            ),
            None,
        ),
    )
    return ended


async def _cancel(bench: Bench, order: ClientOrderId, broker_order_id: BrokerOrderId | None) -> str:
    bench.cancel(broker_order_id)
    await bench.until(
        f"order {order} to be told as canceled", lambda: bench.report(order, ReportKind.CANCELED)
    )
    told = [each.kind for each in await bench.broker.find(order)]
    if told[-1] is not ReportKind.CANCELED or ReportKind.FILLED in told:
        raise UnmetError(f"expected it canceled and not filled when asked for, found {told}")
    return f"{order} is canceled, by the stream and by asking"


async def _replaces(bench: Bench, symbol: Symbol) -> str:
    first = await bench.place(_buy(symbol, PRICE))
    assert first.broker_order_id is not None, "an accepted order has one"
    replacing = Replacing(broker_order_id=first.broker_order_id, changes=Changes(limit_price=HIGHER))
    second = await bench.place(structs.replace(_buy(symbol, HIGHER), replacing=replacing))
    if second.broker_order_id == first.broker_order_id:
        raise UnmetError(f"expected an order of its own in the place of another, found the same id: {second}")
    await bench.until(
        "the first to be told as replaced", lambda: bench.report(first.client_order_id, ReportKind.REPLACED)
    )
    return await _cancel(bench, second.client_order_id, second.broker_order_id)


async def _protects(bench: Bench, symbol: Symbol) -> str:
    accepted = await bench.place(_buy(symbol, ENTRY, stop=STOP, target=TARGET))
    prices = sorted((leg.stop_price or leg.limit_price or 0, leg.broker_order_id) for leg in accepted.legs)
    if [price for price, _ in prices] != [STOP, TARGET]:
        raise UnmetError(f"expected legs at {STOP} and {TARGET} with the accept, found {prices}")
    family = {accepted.broker_order_id, *(leg for _, leg in prices)}
    stated = {order.broker_order_id for order in await bench.open_orders()}
    if stated != family:
        raise UnmetError(f"expected the entry and its two legs to be open, found {sorted(stated)}")
    return await _cancel(bench, accepted.client_order_id, accepted.broker_order_id)


async def _rejects(bench: Bench, symbol: Symbol) -> str:
    order = bench.leave(_buy(symbol, BETWEEN_TICKS))
    refused = await bench.until(
        f"order {order} at {BETWEEN_TICKS} to be rejected",
        lambda: bench.report(order, ReportKind.REJECTED, ReportKind.ACCEPTED),
    )
    if refused.kind is not ReportKind.REJECTED or not refused.reason:
        raise UnmetError(f"expected a rejection with a reason, found {refused.kind.value}")
    return refused.reason


async def _takes_an_id_once(bench: Bench, symbol: Symbol) -> str:
    first = await bench.place(_buy(symbol, PRICE))
    await _cancel(bench, first.client_order_id, first.broker_order_id)
    await bench.repeat()
    found = await bench.broker.find(first.client_order_id)
    others = {each.broker_order_id for each in found} - {first.broker_order_id}
    stated = [order.client_order_id for order in await bench.open_orders()]
    if others or stated or found[-1].kind is not ReportKind.CANCELED:
        raise UnmetError(
            f"expected {first.client_order_id} to stay the one order {first.broker_order_id}, canceled, when "
            f"its id came a second time, found {[each.kind.value for each in found]} of "
            f"{sorted(map(str, others)) or 'it alone'}, open: {stated or 'none'}"
        )
    return f"{first.client_order_id} came twice, and is one order"


async def _knows_no_stranger(bench: Bench, symbol: Symbol) -> str:  # noqa: ARG001 - a case's shape
    found = [each.kind for each in await bench.broker.find(ClientOrderId("at-0-0000000000000000"))]
    if found != [ReportKind.NOT_FOUND]:
        raise UnmetError(f"expected an id that nobody used not to be found, found {found}")
    return "not found, in the broker's own words"


async def _tells_again(bench: Bench, symbol: Symbol) -> str:  # noqa: ARG001 - a case's shape
    history = await bench.broker.history(bench.since)
    for order in bench.sent:
        ours = [each.kind for each in bench.told if each.client_order_id == order and each.kind in ENDS]
        again = [each.kind for each in history if each.client_order_id == order]
        if (ours and again[-1:] != ours[-1:]) or ReportKind.FILLED in again:
            raise UnmetError(f"expected order {order} to end as {ours} in the history, found {again}")
    return f"{len({each.client_order_id for each in history} & set(bench.sent))} orders, each with its end"


async def _stays_connected(bench: Bench, symbol: Symbol) -> str:  # noqa: ARG001 - a case's shape
    if [up for up, _ in bench.links] != [True]:
        raise UnmetError(f"expected the stream to stand from beginning to end, found {bench.links}")
    unread = [each.reason for each in bench.told if each.kind is ReportKind.UNRECOGNISED]
    if unread:
        raise UnmetError(f"expected to understand all that was told, found: {'; '.join(unread)}")
    return f"{len(bench.told)} reports, all understood"


CASES = (
    Case("accept", "An order is taken under our own id, and found by it, open once.", _accepts),
    Case("cancel", "A cancel ends an order, which is told; a second one is refused.", _cancels),
    Case(
        "replace",
        "A replacement is another order under another id; the first is told as replaced.",
        _replaces,
    ),
    Case(
        "bracket",
        "An entry with a stop and a target has both from the start, and they end with it.",
        _protects,
    ),
    Case("reject", "A price between two ticks is refused with a reason.", _rejects),
    Case("twice", "An id that was used is no new order, even after a cancel.", _takes_an_id_once),
    Case("unknown", "An id that nobody used is said not to be found.", _knows_no_stranger),
    Case("history", "What happened is told again, to the same ends.", _tells_again),
    Case(
        "stream",
        "The stream stands all the while, and says nothing that we do not understand.",
        _stays_connected,
    ),
)
"""In this order: the last two are about all before."""
