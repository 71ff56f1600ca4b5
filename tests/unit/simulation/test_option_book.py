"""The rule by which options are quoted: known values, what it never allows, and when the exchange quotes."""

import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agenttrader.model.errors import BadValue
from agenttrader.model.times import MINUTE, Instant
from agenttrader.simulation.contracts import OptionContract, Right
from agenttrader.simulation.inputs import BarSeen, OrderChanged, WatermarkSeen
from agenttrader.simulation.listings import option_listing
from agenttrader.simulation.option_book import quote_by, twice_value
from agenttrader.simulation.orders import Event
from agenttrader.simulation.quotes import QuoteRule
from agenttrader.testing.option_stage import CLOSES, OptionStage, call, option_settings, put, time_of

YEAR = 365 * 24 * 60 * MINUTE
RULE = QuoteRule(underlying="ABC", volatility=Decimal("0.3"), spread=Decimal("0.04"), size=10)


def contract(strike: int | str, right: Right = Right.CALL) -> OptionContract:
    return OptionContract(underlying="ABC", expiration="2026-11-20", strike=Decimal(strike), right=right)


def quoted(strike: int, price: int, left: int, **changes: Decimal) -> tuple[Decimal | None, ...]:
    listing = option_listing(contract(strike))
    rule = replace(RULE, **changes)
    quote = quote_by(rule, listing, contract(strike), price * 10**6, Instant(0), Instant(left))
    return tuple(None if side is None else listing.price(side.price) for side in (quote.bid, quote.ask))


def test_known_quotes() -> None:
    # A quarter of a year at the money: 0.4 × 0.3 × 100 × 0.5 = 6.00, and 2 per cent each way, on 0.05.
    assert quoted(100, 100, YEAR // 4) == (Decimal("5.85"), Decimal("6.15"))
    # 10 in the money: (10 + √(100 + 144)) / 2 = 12.810; 10 out of it: 2.810, on steps of a cent.
    assert quoted(90, 100, YEAR // 4) == (Decimal("12.55"), Decimal("13.10"))
    assert quoted(110, 100, YEAR // 4) == (Decimal("2.75"), Decimal("2.87"))
    # Nothing left: what the right is worth alone, and without a spread to the cent.
    assert quoted(98, 100, 0, spread=Decimal(0)) == (Decimal("2.00"), Decimal("2.00"))


def test_what_is_worth_nothing_has_no_bid_and_what_is_beyond_every_price_no_ask() -> None:
    assert quoted(150, 100, MINUTE) == (None, Decimal("0.01"))
    assert quoted(100, 100, 0) == (None, None)
    assert quoted(1, 1_000_000, YEAR, volatility=Decimal(10))[1] is None


PRICES = st.integers(1, 10**12)
LEFT = st.integers(0, 2 * YEAR)
RULES = st.builds(
    QuoteRule,
    underlying=st.just("ABC"),
    volatility=st.decimals("0.01", "10", places=2),
    spread=st.decimals("0", "1", places=2),
    size=st.integers(1, 100),
)


@given(rule=RULES, price=PRICES, left=LEFT, right=st.sampled_from(Right), strike=st.integers(1, 99_999))
def test_a_bid_is_never_above_its_ask_nor_an_ask_below_the_right(
    rule: QuoteRule, price: int, left: int, right: Right, strike: int
) -> None:
    listed = contract(strike, right)
    quote = quote_by(rule, option_listing(listed), listed, price, Instant(0), Instant(left))
    if quote.bid is not None and quote.ask is not None:
        assert 0 < quote.bid.price <= quote.ask.price
    if quote.ask is not None:
        assert quote.ask.price * 1_000 >= listed.intrinsic_thousandths(price // 1_000) * 10**6 * (price >= 0)


@given(rule=RULES, price=PRICES, left=LEFT, first=st.integers(1, 90_000), step=st.integers(1, 4_000))
def test_no_package_wins_for_certain(rule: QuoteRule, price: int, left: int, first: int, step: int) -> None:
    """To a millionth, which is what a root is rounded by."""
    strikes = (first, first + step, first + 2 * step)
    calls, puts = (
        [twice_value(rule, contract(strike, right), price, left) for strike in strikes] for right in Right
    )
    for strike, bought, sold in zip(strikes, calls, puts, strict=True):
        assert bought - sold == 2 * (price - strike * 10**6)
        assert min(bought, sold) >= 0
    assert all(low - high + 1 >= 0 for low, high in pairwise(calls))
    assert all(high - low + 1 >= 0 for low, high in pairwise(puts))
    assert 2 * calls[1] <= calls[0] + calls[2] + 2


@given(price=st.integers(10**6, 10**9), left=st.integers(MINUTE, YEAR))
def test_at_the_money_it_is_near_what_black_and_scholes_have(price: int, left: int) -> None:
    listed = OptionContract(
        underlying="ABC",
        expiration="2026-11-20",
        strike=Decimal(price // 1_000) / 1_000,
        right=Right.CALL,
    )
    at_the_money = price // 1_000 * 1_000
    years = left / YEAR
    theirs = at_the_money * math.erf(0.3 * math.sqrt(years) / 2 / math.sqrt(2))
    ours = twice_value(RULE, listed, at_the_money, left) / 2
    assert ours == pytest.approx(theirs, rel=0.01, abs=1)


def bar(minute: int, price: int, symbol: str = "ABC") -> BarSeen:
    only = dict.fromkeys(("open", "high", "low", "close"), Decimal(price))
    start = time_of(minute)
    return BarSeen(symbol=symbol, start=start, end=Instant(start + MINUTE), volume=Decimal(1_000), **only)


def test_the_exchange_quotes_after_each_bar_and_orders_that_were_there_fill() -> None:
    stage = OptionStage(quoting=(RULE,))
    stage.tell(WatermarkSeen(time=stage.time))
    quotes = stage.books.options.quotes
    assert {each.time for each in quotes.values()} == {stage.time}
    assert len(quotes) == 20
    order = stage.ask(1, call(100))
    stage.tell(bar(stage.minute, 101))
    assert stage.lots(call(100)) == 0  # until the market has said everything up to the bar's end
    told = stage.tell(WatermarkSeen(time=time_of(stage.minute + 1))).updates
    filled = [each for each in told if isinstance(each, OrderChanged) and each.event is Event.FILL]
    assert [each.order.id for each in filled] == [stage.now(order).id]
    offer = quotes[call(100)].ask
    assert offer is not None
    assert stage.now(order).filled_value == offer.price
    assert stage.tell(WatermarkSeen(time=time_of(stage.minute + 2))).applied
    assert quotes[call(100)].time == time_of(stage.minute + 1)  # no bar, no quote


def test_what_has_ended_is_not_quoted_any_more() -> None:
    stage = OptionStage(quoting=(RULE,))
    stage.tell(bar(CLOSES - 1, 103))
    stage.tell(WatermarkSeen(time=time_of(CLOSES)))
    quotes = stage.books.options.quotes
    assert call(100) not in quotes
    assert quotes[call(100, 1)].time == time_of(CLOSES)
    assert put(95, 1) in quotes


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"quoting": (RULE, RULE)}, "expected one rule for each share, found ABC, ABC"),
        ({"sessions": option_settings().sessions[:1]}, "expected it to expire on the day of a session"),
    ),
)
def test_rules_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue, match=message):
        option_settings(**({"quoting": (RULE,)} | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"volatility": Decimal(0)}, "volatility: expected above 0 and at most 10, found 0"),
        ({"spread": Decimal("1.1")}, "spread: expected a part of the value from 0 to 1, found 1.1"),
        ({"size": 0}, "size: expected at least one contract, found 0"),
    ),
)
def test_a_rule_has_bounds(changes: dict[str, Any], message: str) -> None:
    fields: dict[str, Any] = {"underlying": "ABC", "volatility": Decimal(1), "spread": Decimal(0), "size": 1}
    with pytest.raises(BadValue, match=message):
        QuoteRule(**(fields | changes))
