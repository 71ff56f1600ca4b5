"""Brackets, bar by bar: when legs are armed, which leg a bar fills, what becomes of the other."""

from decimal import Decimal

import pytest

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    Session,
    Settings,
    Update,
    WatermarkSeen,
)
from agenttrader.simulation.listings import DOLLAR, Listing
from agenttrader.simulation.orders import (
    OrderClass,
    OrderType,
    Reason,
    Side,
    StopLoss,
    Submission,
    TimeInForce,
)

CLOSE = 390
SETTINGS = Settings(
    start=Instant(0),
    listings=(Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="a", cash=Decimal(10_000), shorting=True),),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(CLOSE * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
    market_reserve_percent=0,
)


class Stage:
    """A bracket at an exchange that has traded one bar at 100; changes are told as order, status, price."""

    def __init__(
        self,
        side: Side = Side.BUY,
        *,
        limit: int | None = None,
        stop: int | None = None,
        until: TimeInForce = TimeInForce.DAY,
    ) -> None:
        self.exchange = Exchange(SETTINGS)
        self.minute = 0
        self.names: dict[str, str] = {}
        self.bar(100)
        away = 10 * side.sign
        self.outcome = self.exchange.handle(
            OrderSubmitted(
                account="a",
                submission=Submission(
                    client_order_id="mine",
                    symbol="ABC",
                    side=side,
                    type=OrderType.LIMIT if limit else OrderType.STOP if stop else OrderType.MARKET,
                    time_in_force=until,
                    quantity=Decimal(10),
                    limit_price=Decimal(limit) if limit else None,
                    stop_price=Decimal(stop) if stop else None,
                    order_class=OrderClass.BRACKET,
                    target=Decimal(100 + away),
                    stop_loss=StopLoss(stop=Decimal(100 - away)),
                ),
            )
        )
        assert self.outcome.order is not None, self.outcome.refusal
        self.entry, self.target, self.stop = (self.outcome.order.id, *self.outcome.order.legs)
        self.names = {self.entry: "entry", self.target: "target", self.stop: "stop"}

    def bar(self, *prices: int) -> list[str]:
        values = [Decimal(price) for price in (prices * 4 if len(prices) == 1 else prices)]
        self.minute += 1
        times = {"start": Instant((self.minute - 1) * MINUTE), "end": Instant(self.minute * MINUTE)}
        names = ("open", "high", "low", "close")
        bar = BarSeen(symbol="ABC", volume=Decimal(1_000), **times, **dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
        told = self.told(self.exchange.handle(bar).updates)
        self.exchange.handle(WatermarkSeen(time=times["end"]))
        return told

    def told(self, updates: tuple[Update, ...]) -> list[str]:
        lines = []
        for update in updates:
            if isinstance(update, OrderChanged):
                order = update.order
                price = f" {order.execution.price // 10**6}" if order.execution else ""
                lines.append(f"{self.names.get(order.id, order.id)} {order.status.value}{price}")
        return lines

    def status(self, order_id: str) -> str:
        return self.exchange.books.orders[order_id].status.value

    def holding(self) -> int:
        return self.exchange.books.ledger.lots("a", "ABC")

    def cancel(self, order_id: str) -> list[str]:
        return self.told(self.exchange.handle(CancelAsked(account="a", order_id=order_id)).updates)

    def sell(self, quantity: int) -> Outcome:
        submission = Submission(
            client_order_id=None,
            symbol="ABC",
            side=Side.SELL,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            quantity=Decimal(quantity),
        )
        return self.exchange.handle(OrderSubmitted(account="a", submission=submission))


def test_the_legs_are_orders_of_their_own_and_held_until_the_entry_fills() -> None:
    stage = Stage(limit=95)
    (update,) = stage.outcome.updates
    assert isinstance(update, OrderChanged)
    assert [leg.status.value for leg in update.legs] == ["held", "held"]
    assert [leg.entry for leg in update.legs] == [stage.entry, stage.entry]
    assert stage.bar(100, 150, 96, 100) == []
    assert stage.bar(100, 100, 94, 96) == ["entry filled 95", "target new", "stop new"]


def test_an_entry_at_the_open_arms_its_legs_for_the_rest_of_that_bar() -> None:
    stage = Stage()
    assert stage.bar(100, 111, 99, 105) == [
        *("entry filled 100", "target new", "stop new", "target filled 110", "stop canceled"),
    ]
    assert stage.holding() == 0


def test_a_bar_that_touches_both_fills_the_stop() -> None:
    stage = Stage()
    assert stage.bar(100, 111, 89, 105)[3:] == ["stop filled 90", "target canceled"]


def test_a_gap_at_the_open_is_known_to_come_first() -> None:
    stage = Stage()
    stage.bar(100)
    assert stage.bar(112, 113, 80, 90) == ["target filled 112", "stop canceled"]


def test_a_stop_that_the_price_gaps_through_fills_at_the_open() -> None:
    stage = Stage()
    stage.bar(100)
    assert stage.bar(85, 120, 80, 90) == ["stop filled 85", "target canceled"]


@pytest.mark.parametrize("levels", ({"limit": 95}, {"stop": 105}))
def test_an_entry_inside_a_bar_arms_its_legs_for_the_next(levels: dict[str, int]) -> None:
    stage = Stage(**levels)  # type: ignore[arg-type]
    price = next(iter(levels.values()))
    assert stage.bar(100, 120, 80, 100) == [f"entry filled {price}", "target new", "stop new"]
    assert stage.bar(100) == []
    assert stage.bar(100, 100, 89, 95) == ["stop filled 90", "target canceled"]


def test_a_short_bracket_is_the_mirror_of_a_long_one() -> None:
    stage = Stage(Side.SELL)
    assert stage.bar(100, 111, 89, 100)[3:] == ["stop filled 110", "target canceled"]
    assert stage.holding() == 0


def test_a_canceled_entry_takes_its_legs_with_it() -> None:
    stage = Stage(limit=95)
    assert stage.cancel(stage.entry) == ["entry canceled", "target canceled", "stop canceled"]
    assert stage.bar(95) == []


def test_a_canceled_leg_takes_what_is_still_open_with_it() -> None:
    stage = Stage()
    stage.bar(100)
    assert stage.cancel(stage.stop) == ["target canceled", "stop canceled"]
    assert stage.bar(150) == []
    assert stage.holding() == 10


def test_a_days_bracket_expires_whole() -> None:
    stage = Stage(limit=95)
    stage.minute = CLOSE - 1
    stage.bar(100)
    assert [stage.status(each) for each in (stage.entry, stage.target, stage.stop)] == ["expired"] * 3


def test_legs_good_till_canceled_outlive_the_day() -> None:
    stage = Stage(until=TimeInForce.GTC)
    stage.bar(100)
    stage.minute = CLOSE - 1
    stage.bar(100)
    assert (stage.status(stage.target), stage.status(stage.stop)) == ("new", "new")


def test_two_legs_hold_the_shares_once() -> None:
    stage = Stage()
    stage.bar(100)
    outcome = stage.sell(1)
    assert outcome.refusal is not None
    assert outcome.refusal.shortage is not None
    assert outcome.refusal.shortage.held == 10
    stage.cancel(stage.stop)
    assert stage.sell(10).applied


def test_only_the_entry_sets_cash_aside() -> None:
    stage = Stage(limit=95)
    assert stage.exchange.books.buying_power("a") == (10_000 - 950) * DOLLAR
    stage.bar(95)
    assert stage.exchange.books.buying_power("a") == (10_000 - 950) * DOLLAR


@pytest.mark.parametrize(
    ("side", "limit", "target", "stop"),
    (
        (Side.BUY, None, 90, 110),
        (Side.BUY, None, 100, 100),
        (Side.BUY, 100, 100, 90),
        (Side.BUY, 100, 110, 100),
        (Side.BUY, 80, 110, 90),
        (Side.SELL, None, 110, 90),
        (Side.SELL, 100, 110, 90),
    ),
)
def test_a_bracket_that_does_not_enclose_its_entry_is_refused(
    side: Side, limit: int | None, target: int, stop: int
) -> None:
    exchange = Exchange(SETTINGS)
    submission = Submission(
        client_order_id=None,
        symbol="ABC",
        side=side,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        limit_price=None if limit is None else Decimal(limit),
        order_class=OrderClass.BRACKET,
        target=Decimal(target),
        stop_loss=StopLoss(stop=Decimal(stop)),
    )
    refusal = exchange.handle(OrderSubmitted(account="a", submission=submission)).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.message[:2]) == (Reason.UNPROCESSABLE, "a ")


def test_a_bracket_does_not_close_a_position() -> None:
    stage = Stage(Side.SELL)
    stage.bar(100)
    submission = Submission(
        client_order_id=None,
        symbol="ABC",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        order_class=OrderClass.BRACKET,
        target=Decimal(110),
        stop_loss=StopLoss(stop=Decimal(90)),
    )
    refusal = stage.exchange.handle(OrderSubmitted(account="a", submission=submission)).refusal
    assert refusal is not None
    assert refusal.message == "bracket orders must be entry orders"
