"""What a gateway tells the exits unit and what the market does, for tests to change one fact at a time."""

from decimal import Decimal
from typing import Any

from agenttrader.exits.acts import Patience
from agenttrader.model.identifiers import AgentName, OrderId, StrategyName, Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.orders import Effect, OrderType, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    ExitPlanBody,
    OrderBody,
    PositionBody,
    Snapshot,
    TradingBody,
)
from agenttrader.runtime.exits_host import ExitsHost

ALFA = Symbol("ALFA")
EXITS = AgentName("exits")
SESSION = Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE))
PATIENCE = Patience(partial_fill_seconds=60, retry_seconds_max=300)
PLAN = ExitPlanBody(stop=Decimal(95), target=Decimal(110), trail=Decimal(4))


def minute(number: int) -> Instant:
    """So many minutes after the open."""
    return Instant(number * MINUTE)


def bar(number: int, close: int, high: int | None = None, low: int | None = None) -> Bar:
    """ALFA's minute that ends with this number."""
    prices = (close, close if high is None else high, close if low is None else low)
    return Bar(
        symbol=ALFA,
        start=minute(number - 1),
        interval=MINUTE,
        open=Decimal(close),
        high=Decimal(max(prices)),
        low=Decimal(min(prices)),
        close=Decimal(close),
        volume=Decimal(1_000),
    )


def watermark(number: int) -> Watermark:
    """The market has told all up to this minute."""
    return Watermark(time=minute(number))


def position(**changes: Any) -> PositionBody:
    """10 ALFA since minute 1 at 100, which no stop faces."""
    fields: dict[str, Any] = {
        "symbol": ALFA,
        "quantity": Decimal(10),
        "average_price": Decimal(100),
        "mark": Decimal(100),
        "unrealised": Decimal(0),
        "protected_quantity": Decimal(0),
        "sequence": 7,
        "since": rfc3339(minute(1)),
        "agent": AgentName("momentum"),
        "strategy": StrategyName("momentum"),
        "exit_plan": PLAN,
        "unprotected_since": rfc3339(minute(1)),
        "stated_quantity": Decimal(10),
    }
    return PositionBody(**(fields | changes))


def protected(**changes: Any) -> PositionBody:
    """The position with a stop that faces the whole of it."""
    return position(**({"protected_quantity": Decimal(10), "unprotected_since": None} | changes))


def order(name: str, **changes: Any) -> OrderBody:
    """An order of the exits unit in ALFA, on its way."""
    fields: dict[str, Any] = {
        "id": OrderId(name),
        "agent": EXITS,
        "strategy": StrategyName("momentum"),
        "symbol": ALFA,
        "side": Side.SELL,
        "type": OrderType.STOP,
        "effect": Effect.REDUCE,
        "role": "stop",
        "quantity": Decimal(10),
        "filled_quantity": Decimal(0),
        "state": "accepted",
        "reason": "a test",
        "time": rfc3339(minute(1)),
        "proposal_id": name,
    }
    return OrderBody(**(fields | changes))


def snapshot(
    *positions: PositionBody, at: int | None = 1, orders: tuple[OrderBody, ...] = (), state: str = "active"
) -> Snapshot:
    """The first message of a connection, when the gateway is at a minute."""
    nothing = dict.fromkeys(AccountBody.__struct_fields__, Decimal(0))
    return Snapshot(
        watermark=None if at is None else rfc3339(minute(at)),
        orders=orders,
        positions=positions,
        account=AccountBody(**nothing),
        trading=TradingBody(state=state, reasons=(), mode="paper"),
    )


def host(*, by_watermark: bool = False, **changes: Any) -> ExitsHost:
    """A unit that has heard nothing yet."""
    fields: dict[str, Any] = {
        "agent": EXITS,
        "session": SESSION,
        "patience": PATIENCE,
        "at_once": (),
        "bests": {},
    }
    return ExitsHost(**(fields | changes), by_watermark=by_watermark)
