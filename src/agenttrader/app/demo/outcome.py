"""What a day came to, computed from its journal's records alone: nobody's word is taken for it.

Profit is before fees. Everything here depends on the data's times only, so the same day played twice, however
fast, has the same digest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.app.gateway.views import sentence_of_decision
from agenttrader.model.events import EquitySampled, Filled
from agenttrader.model.identifiers import Digest, OrderId, StrategyName, Symbol, digest_of
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Sealed
from agenttrader.model.times import rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order


class Profit(Struct, frozen=True, kw_only=True):
    """What was made, in the account's currency: realised and unrealised before fees."""

    realised: Decimal
    unrealised: Decimal
    fees: Decimal


class Made(Struct, frozen=True, kw_only=True):
    """What one strategy made in one symbol, before fees, and the fees."""

    strategy: StrategyName
    symbol: Symbol
    realised: Decimal
    fees: Decimal


class Denial(Struct, frozen=True, kw_only=True):
    """An order that was not permitted, and why in words."""

    time: str
    agent: str
    symbol: Symbol
    code: str
    sentence: str


class Day(Struct, frozen=True, kw_only=True):
    """What the journal says of a day."""

    orders: dict[str, int]
    """How many orders ended in each state, protective legs among them."""
    fills: tuple[Filled, ...]
    denials: tuple[Denial, ...]
    profit: Profit
    made: tuple[Made, ...]
    digest: Digest
    """Over what every order was and became, with its data times; without keys and wall times."""

    @property
    def denial_codes(self) -> dict[str, int]:
        """How many orders each check denied."""
        return dict(Counter(denial.code for denial in self.denials))


def read_day(records: Iterable[Sealed[Any]], multipliers: Mapping[Symbol, Decimal]) -> Day:
    """Fold the records of one day. `multipliers` names every instrument that may be held."""
    book = Book(multipliers)
    fills: list[Filled] = []
    unrealised = ZERO
    for sealed in records:
        book.apply(sealed)
        match sealed.event:
            case Filled():
                fills.append(sealed.event)
            case EquitySampled():
                unrealised = sealed.event.unrealised
            case _:
                pass
    orders = list(book.orders.by_id.values())
    states = Counter(order.state for order in orders)
    denied = sorted((order for order in orders if order.state is OrderState.DENIED), key=_place)
    return Day(
        orders={state.value: states[state] for state in OrderState if states[state]},
        fills=tuple(fills),
        denials=tuple(_denial(order) for order in denied),
        profit=Profit(
            realised=book.realised,
            unrealised=unrealised if book.positions() else ZERO,
            fees=book.fees,
        ),
        made=tuple(
            Made(strategy=strategy, symbol=symbol, realised=holding.realised, fees=holding.fees)
            for (strategy, symbol), holding in sorted(book.by_strategy.items())
        ),
        digest=_digest(orders, fills),
    )


def _denial(order: Order) -> Denial:
    assert order.decision is not None, "a denied order has its decision"
    return Denial(
        time=rfc3339(order.updated),
        agent=order.agent,
        symbol=order.proposal.symbol,
        code=order.decision.denied_by or "",
        sentence=sentence_of_decision(order.decision),
    )


def _digest(orders: Iterable[Order], fills: Iterable[Filled]) -> Digest:
    by_order: dict[OrderId, list[Filled]] = {}
    for fill in fills:
        by_order.setdefault(fill.order_id, []).append(fill)
    facts = [_facts(order, by_order.get(order.id, [])) for order in sorted(orders, key=_place)]
    return digest_of(msgspec.json.encode(facts, order="deterministic"))


def _place(order: Order) -> tuple[int, str, str]:
    return order.updated, order.agent, order.id


def _facts(order: Order, fills: Iterable[Filled]) -> dict[str, Any]:
    return {
        "id": order.id,
        "agent": order.agent,
        "symbols": [[leg.symbol, leg.ratio] for leg in order.legs],
        "side": order.side,
        "type": order.type,
        "quantity": order.quantity,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "state": order.state,
        "denied_by": order.denied_by,
        "time": order.updated,
        "fills": [
            [fill.time, fill.symbol, fill.side, fill.quantity, fill.price, fill.fee]
            for fill in sorted(fills, key=lambda fill: (fill.time, fill.symbol, fill.price, fill.quantity))
        ],
    }
