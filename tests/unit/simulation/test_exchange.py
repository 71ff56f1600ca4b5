"""The exchange, by hand-made bars and numbers: acceptance, fills, cancels, sessions, halts."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import (
    AccountOpening,
    BarSeen,
    CancelAsked,
    FeePosted,
    FillPosted,
    Habits,
    HaltSeen,
    OrderChanged,
    OrderSubmitted,
    Outcome,
    Session,
    Settings,
    WatermarkSeen,
)
from agenttrader.simulation.listings import CENT, DOLLAR, Listing
from agenttrader.simulation.orders import OrderType, Reason, Side, Status, Submission, TimeInForce, VenueOrder

OPEN = 1_000 * MINUTE
MINUTES = 10
NEXT_OPEN = OPEN + 100 * MINUTE


def at(minute: int) -> Instant:
    return Instant(OPEN + minute * MINUTE)


SETTINGS = Settings(
    start=at(-5),
    listings=tuple(Listing(symbol=symbol, tick=Decimal("0.01"), lot=Decimal(1)) for symbol in ("ABC", "XYZ")),
    accounts=(
        AccountOpening(name="cash", cash=Decimal(10_000), shorting=False),
        AccountOpening(name="short", cash=Decimal(10_000), shorting=True),
    ),
    sessions=(
        Session(date="2026-11-20", open=at(0), close=at(MINUTES)),
        Session(date="2026-11-21", open=Instant(NEXT_OPEN), close=Instant(NEXT_OPEN + MINUTES * MINUTE)),
    ),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")),
    market_reserve_percent=3,
)


class Stage:
    """An exchange in mid-session, with both symbols marked at 100, and short ways to play on it."""

    def __init__(self, *, opened: bool = True) -> None:
        self.exchange = Exchange(SETTINGS)
        if opened:
            self.watermark(0)
            for symbol in ("ABC", "XYZ"):
                self.bar(1, 100, symbol=symbol)
            self.watermark(1)

    def watermark(self, minute: int) -> Outcome:
        return self.exchange.handle(WatermarkSeen(time=at(minute)))

    def bar(
        self, minute: int, *prices: int | str, symbol: str = "ABC", start: int | None = None
    ) -> list[tuple[str, Status]]:
        """The bar that ends at `minute`; one price stands for all four. The changes as (what, status)."""
        values = [Decimal(price) for price in (prices * 4 if len(prices) == 1 else prices)]
        outcome = self.exchange.handle(
            BarSeen(
                symbol=symbol,
                start=at(minute - 1 if start is None else start),
                end=at(minute),
                open=values[0],
                high=values[1],
                low=values[2],
                close=values[3],
                volume=Decimal(1_000),
            )
        )
        return [
            (update.order.type.value, update.order.status)
            for update in outcome.updates
            if isinstance(update, OrderChanged)
        ]

    def ask(self, account: str = "cash", **changes: Any) -> Outcome:
        fields: dict[str, Any] = {
            "client_order_id": None,
            "symbol": "ABC",
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "time_in_force": TimeInForce.DAY,
            "quantity": Decimal(10),
        } | changes
        return self.exchange.handle(OrderSubmitted(account=account, submission=Submission(**fields)))

    def order(self, account: str = "cash", **changes: Any) -> str:
        """The id of an order that is accepted."""
        outcome = self.ask(account, **changes)
        assert outcome.order is not None, outcome.refusal
        return outcome.order.id

    def refusal(self, account: str = "cash", **changes: Any) -> tuple[Reason, str]:
        outcome = self.ask(account, **changes)
        assert outcome.refusal is not None
        assert not outcome.applied
        return outcome.refusal.reason, outcome.refusal.message

    def cancel(self, order_id: str, account: str = "cash") -> Outcome:
        return self.exchange.handle(CancelAsked(account=account, order_id=order_id))

    def __getitem__(self, order_id: str) -> VenueOrder:
        return self.exchange.books.orders[order_id]

    def price(self, order_id: str) -> Decimal | None:
        execution = self[order_id].execution
        return None if execution is None else self.exchange.books.listings["ABC"].price(execution.price)

    def holding(self, account: str = "cash", symbol: str = "ABC") -> int:
        return self.exchange.books.ledger.lots(account, symbol)

    def cash(self, account: str = "cash") -> int:
        return self.exchange.books.ledger.cash(account)


def test_a_market_order_fills_at_the_open_of_the_bar_that_starts_at_its_time() -> None:
    stage = Stage()
    order = stage.order()
    assert stage[order].status is Status.NEW
    assert stage[order].accepted_at == at(1)
    assert stage.bar(2, "101.5", 103, 99, 102) == [("market", Status.FILLED)]
    assert stage.price(order) == Decimal("101.50")
    execution = stage[order].execution
    assert execution is not None
    assert execution.time == at(2)
    assert stage.holding() == 10
    assert stage.cash() == (10_000 - 1_015) * DOLLAR


def test_a_bar_that_began_before_the_order_does_not_fill_it() -> None:
    stage = Stage()
    stage.bar(2, 100)
    order = stage.order(symbol="XYZ")
    assert stage[order].accepted_at == at(2)
    assert stage.bar(2, 100, symbol="XYZ") == []
    assert stage.bar(3, 100, symbol="XYZ") == [("market", Status.FILLED)]


def test_bars_told_twice_late_or_of_unknown_symbols_change_nothing() -> None:
    stage = Stage()
    order = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))
    stage.bar(2, 95)
    assert stage.bar(2, 80) == []
    stage.watermark(3)
    assert stage.bar(3, 80) == []
    assert stage.bar(4, 80, symbol="NEW") == []
    assert not stage.watermark(3).applied
    assert not stage.watermark(2).applied
    assert stage[order].status is Status.NEW
    assert stage.bar(4, 80) == [("limit", Status.FILLED)]


def test_limit_orders_rest_until_traded_through_and_stop_orders_until_touched() -> None:
    stage = Stage()
    buy = stage.order(type=OrderType.LIMIT, limit_price=Decimal("99.50"))
    chase = stage.order(type=OrderType.STOP, stop_price=Decimal("100.50"), symbol="XYZ")
    assert stage.bar(2, 100, "100.4", "99.6", 100) == []
    assert stage.bar(2, 100, "100.4", "99.6", 100, symbol="XYZ") == []
    assert stage.bar(3, 100, "100.4", "99.5", 100) == []
    assert stage.bar(4, 100, "100.4", "99.49", 100) == [("limit", Status.FILLED)]
    assert stage.bar(4, 101, 102, 100, 102, symbol="XYZ") == [("stop", Status.FILLED)]
    assert (stage.price(buy), stage.price(chase)) == (Decimal("99.50"), Decimal("101.00"))


def test_an_observed_price_between_ticks_is_filled_as_it_was() -> None:
    stage = Stage()
    order = stage.order()
    stage.bar(2, "100.0125")
    assert stage.price(order) == Decimal("100.0125")


def test_a_used_client_order_id_is_refused_for_ever() -> None:
    stage = Stage()
    order = stage.order(client_order_id="mine")
    stage.cancel(order)
    assert stage.refusal(client_order_id="mine") == (Reason.INVALID, "client_order_id must be unique")
    assert stage[stage.order("short", client_order_id="mine")].status is Status.NEW


def test_a_refused_order_does_not_use_its_id_up() -> None:
    stage = Stage()
    stage.refusal(client_order_id="mine", quantity=Decimal(0))
    stage.order(client_order_id="mine")


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    (
        ({"symbol": "NONE"}, Reason.INVALID, "asset 'NONE' not found; listed are ABC, XYZ"),
        ({"quantity": Decimal("0.5")}, Reason.INVALID, "qty: expected a multiple of 1"),
        ({"quantity": Decimal(-1)}, Reason.INVALID, "qty: expected above 0"),
        ({"type": OrderType.LIMIT}, Reason.INVALID, "limit_price: a limit order needs a limit_price"),
        ({"limit_price": Decimal(1)}, Reason.INVALID, "limit_price: a market order has no limit_price"),
        ({"type": OrderType.STOP}, Reason.INVALID, "stop_price: a stop order needs a stop_price"),
        (
            {"type": OrderType.LIMIT, "limit_price": Decimal("99.995")},
            Reason.INVALID,
            "limit_price: expected a multiple of 0.01",
        ),
        ({"side": Side.SELL}, Reason.FORBIDDEN, "account is not allowed to short"),
        (
            {"quantity": Decimal(98)},
            Reason.FORBIDDEN,
            "insufficient buying power (required: 10094.00, available: 10000.00)",
        ),
    ),
)
def test_an_order_that_cannot_be_is_refused(changes: dict[str, Any], reason: Reason, message: str) -> None:
    found, text = Stage().refusal(**changes)
    assert found is reason
    assert text.startswith(message)


def test_open_orders_set_buying_power_aside_and_give_it_back() -> None:
    stage = Stage()
    limit = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90), quantity=Decimal(100))
    assert stage.exchange.books.buying_power("cash") == 1_000 * DOLLAR
    assert stage.refusal(quantity=Decimal(10))[0] is Reason.FORBIDDEN
    stage.cancel(limit)
    assert stage.exchange.books.buying_power("cash") == 10_000 * DOLLAR
    stage.order(quantity=Decimal(10))
    assert stage.exchange.books.buying_power("cash") == 8_970 * DOLLAR


def test_before_the_first_bar_only_an_order_with_a_price_can_be_afforded() -> None:
    stage = Stage(opened=False)
    reason, message = stage.refusal()
    assert (reason, message.startswith("ABC has no price yet")) == (Reason.UNPROCESSABLE, True)
    stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))


def test_what_another_order_holds_cannot_be_sold_again() -> None:
    stage = Stage()
    stage.order()
    stage.bar(2, 100)
    first = stage.order(side=Side.SELL, type=OrderType.LIMIT, limit_price=Decimal(120), quantity=Decimal(8))
    outcome = stage.ask(side=Side.SELL, quantity=Decimal(3))
    assert outcome.refusal is not None
    shortage = outcome.refusal.shortage
    assert shortage is not None
    assert (shortage.existing, shortage.held, shortage.available) == (Decimal(10), Decimal(8), Decimal(2))
    assert shortage.orders == (first,)
    assert outcome.refusal.message == "insufficient qty available for order (requested: 3, available: 2)"
    stage.order(side=Side.SELL, quantity=Decimal(2))


def test_one_order_does_not_turn_a_long_position_short() -> None:
    stage = Stage()
    stage.order("short")
    stage.bar(2, 100)
    assert stage.refusal("short", side=Side.SELL, quantity=Decimal(11))[0] is Reason.FORBIDDEN


def test_a_short_sale_needs_buying_power_twice_over_while_it_stands() -> None:
    stage = Stage()
    stage.order("short", side=Side.SELL, quantity=Decimal(20))
    assert stage.exchange.books.buying_power("short") == (10_000 - 2_060) * DOLLAR
    stage.bar(2, 100)
    fees = 6 * CENT + 1 * CENT  # 2,000 × 0.0000278 = 0.0556; 20 × 0.000166 = 0.00332
    assert stage.holding("short") == -20
    assert stage.cash("short") == 12_000 * DOLLAR - fees
    assert stage.exchange.books.equity("short") == 10_000 * DOLLAR - fees
    assert stage.exchange.books.buying_power("short") == 8_000 * DOLLAR - fees
    stage.order("short", quantity=Decimal(20))
    assert stage.refusal("short", quantity=Decimal(1))[0] is Reason.FORBIDDEN
    stage.bar(3, 90)
    assert stage.holding("short") == 0
    assert stage.cash("short") == 10_200 * DOLLAR - fees


def test_a_sale_is_charged_at_once_as_activities() -> None:
    stage = Stage()
    stage.order()
    stage.bar(2, 100)
    stage.order(side=Side.SELL)
    stage.bar(3, 110)
    activities = stage.exchange.activities["cash"]
    assert [type(activity) for activity in activities] == [FillPosted, FillPosted, FeePosted, FeePosted]
    fees = [(each.name, each.femtos) for each in activities if isinstance(each, FeePosted)]
    assert fees == [("REG", 4 * CENT), ("TAF", CENT)]  # 1,100 × 0.0000278 = 0.03058; 10 × 0.000166 = 0.00166
    assert stage.cash() == 10_100 * DOLLAR - 5 * CENT
    assert len({activity.id for activity in activities}) == 4


def test_a_cancel_ends_an_order_once() -> None:
    stage = Stage()
    order = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))
    outcome = stage.cancel(order)
    assert outcome.order is not None
    assert outcome.order.status is Status.CANCELED
    again = stage.cancel(order)
    assert again.refusal is not None
    assert again.refusal.message == "order is not cancelable: it is canceled"
    assert stage.bar(2, 80) == []


def test_an_account_cannot_cancel_what_is_not_its_own() -> None:
    stage = Stage()
    order = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))
    outcome = stage.cancel(order, "short")
    assert outcome.refusal is not None
    assert outcome.refusal.reason is Reason.NOT_FOUND
    assert stage[order].status is Status.NEW


def test_day_orders_expire_at_the_close_and_others_rest() -> None:
    stage = Stage()
    day = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))
    gtc = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90), time_in_force=TimeInForce.GTC)
    stage.bar(MINUTES, 100)
    assert stage[day].status is Status.NEW
    stage.watermark(MINUTES)
    assert (stage[day].status, stage[day].updated_at) == (Status.EXPIRED, at(MINUTES))
    assert stage[gtc].status is Status.NEW


def test_an_order_outside_the_session_waits_for_the_next() -> None:
    stage = Stage(opened=False)
    early = stage.order(type=OrderType.LIMIT, limit_price=Decimal(90))
    assert stage[early].status is Status.ACCEPTED
    assert stage.bar(0, 80) == []
    stage.watermark(0)
    assert stage[early].status is Status.NEW
    assert stage.bar(1, 80) == [("limit", Status.FILLED)]
    stage.watermark(MINUTES)
    late = stage.order(type=OrderType.LIMIT, limit_price=Decimal(70))
    assert (stage[late].status, stage[late].expires_at) == (Status.ACCEPTED, NEXT_OPEN + MINUTES * MINUTE)
    assert stage.bar(MINUTES + 1, 60) == []
    assert stage.bar(101, 60) == [("limit", Status.NEW), ("limit", Status.FILLED)]


def test_after_the_last_known_session_a_day_order_is_refused() -> None:
    stage = Stage()
    stage.watermark(110)
    reason, message = stage.refusal()
    assert (reason, message.startswith("no session is known")) == (Reason.UNPROCESSABLE, True)


def test_a_halted_symbol_matches_nothing_and_takes_orders() -> None:
    stage = Stage()
    assert stage.exchange.handle(HaltSeen(symbol="ABC", time=at(2), halted=True)).applied
    before = stage.order()
    assert stage.bar(2, 100) == [("market", Status.FILLED)]  # it traded until the halt
    stage.watermark(2)
    order = stage.order()
    assert stage[before].status is Status.FILLED
    assert stage[order].status is Status.NEW
    assert stage.bar(3, 100) == []
    assert not stage.exchange.handle(HaltSeen(symbol="ABC", time=at(2), halted=True)).applied
    stage.exchange.handle(HaltSeen(symbol="ABC", time=at(3), halted=False))
    assert stage.bar(4, 90) == [("market", Status.FILLED)]
    assert stage.price(order) == Decimal("90.00")


def test_a_price_too_fine_to_hold_is_an_error_and_changes_nothing() -> None:
    stage = Stage()
    order = stage.order()
    with pytest.raises(ValueError, match="at most 6 decimals"):
        stage.bar(2, "100.0000001")
    assert stage[order].status is Status.NEW
    assert stage.bar(2, 100) == [("market", Status.FILLED)]


@pytest.mark.parametrize(
    ("changes", "found"),
    (
        ({"listings": ()}, "listings: expected one or more different names"),
        ({"accounts": SETTINGS.accounts * 2}, "accounts: expected one or more different names"),
        (
            {"accounts": (AccountOpening(name="=cash", cash=Decimal(1), shorting=False),)},
            "accounts: expected",
        ),
        (
            {"accounts": (AccountOpening(name="a", cash=Decimal(-1), shorting=False),)},
            "a.cash: expected at least 0",
        ),
        ({"sessions": SETTINGS.sessions[::-1]}, "sessions: expected one or more in order"),
        ({"sessions": ()}, "sessions: expected one or more in order"),
        ({"sessions": SETTINGS.sessions * 2}, "sessions: expected a date of its own for each"),
        (
            {"sessions": (replace(SETTINGS.sessions[0], late_close=at(MINUTES)),)},
            "sessions: expected one or more in order",
        ),
        ({"market_reserve_percent": -1}, "market_reserve_percent: expected at least 0"),
        ({"volume_percent": 101}, "volume_percent: expected at most 100"),
        ({"habits": Habits(pending_seconds=-1)}, "habits.pending_seconds: expected at least 0"),
    ),
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], found: str) -> None:
    fields = {name: getattr(SETTINGS, name) for name in SETTINGS.__struct_fields__}
    with pytest.raises(ValueError, match=found):
        Settings(**(fields | changes))
