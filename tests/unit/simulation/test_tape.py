from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Quote, Trade
from agenttrader.model.sessions import Session
from agenttrader.model.times import MILLISECOND, MINUTE, SECOND, Instant, from_rfc3339
from agenttrader.simulation.market import generate_day
from agenttrader.simulation.tape import LATE, REGULAR, Minute, tell_minute

OPEN = from_rfc3339("2026-11-20T14:30:00Z")


@st.composite
def bars(draw: st.DrawFn, volume_min: int = 1, volume_max: int = 10**7) -> Bar:
    low, *inner, high = sorted(draw(st.tuples(*[st.integers(1, 50_000)] * 4)))
    first, last = draw(st.permutations(inner))
    return Bar(
        symbol=Symbol(draw(st.sampled_from(["ALFA", "BRVO"]))),
        start=Instant(OPEN + draw(st.integers(0, 389)) * MINUTE),
        interval=MINUTE,
        open=first * Decimal("0.01"),
        high=high * Decimal("0.01"),
        low=low * Decimal("0.01"),
        close=last * Decimal("0.01"),
        volume=Decimal(draw(st.integers(volume_min, volume_max))),
    )


def trades_of(minute: Minute) -> list[Trade]:
    return [tick for tick in minute.ticks if isinstance(tick, Trade)]


@given(bar=bars(), seed=st.integers(0, 2**32))
def test_the_trades_of_a_bar_make_that_bar(bar: Bar, seed: int) -> None:
    trades = trades_of(tell_minute(bar, seed))
    prices = [trade.price for trade in trades]
    assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert sum(trade.size for trade in trades) == bar.volume
    assert len({trade.trade_id for trade in trades}) == len(trades) == 4
    assert {trade.conditions for trade in trades} == {(REGULAR,)}


@given(bar=bars(), seed=st.integers(0, 2**32))
def test_ticks_lie_in_the_bar_in_their_order_each_trade_at_its_quote(bar: Bar, seed: int) -> None:
    ticks = tell_minute(bar, seed).ticks
    times = [tick.time for tick in ticks]
    assert times == sorted(set(times))
    assert bar.start < times[0]
    assert times[-1] < bar.end
    before = bar.open
    for quote, trade in zip(ticks[::2], ticks[1::2], strict=True):
        assert isinstance(quote, Quote)
        assert isinstance(trade, Trade)
        assert trade.time - quote.time == MILLISECOND
        assert Decimal("0.01") <= quote.ask_price - quote.bid_price <= Decimal("0.03")
        assert trade.price == (quote.ask_price if trade.price >= before else quote.bid_price)
        assert bool(quote.bid_price) == bool(quote.bid_size)
        before = trade.price


@given(bar=bars(), seed=st.integers(0, 2**32))
def test_equal_bars_and_seeds_give_equal_stories_and_another_seed_another(bar: Bar, seed: int) -> None:
    assert tell_minute(bar, seed) == tell_minute(bar, seed)
    assert tell_minute(bar, seed).ticks != tell_minute(bar, seed + 1).ticks


@given(bar=bars(volume_min=0, volume_max=0))
def test_nothing_is_told_of_a_bar_in_which_nothing_was_traded(bar: Bar) -> None:
    assert tell_minute(bar, 7) == Minute(ticks=(), late=None)


def test_parts_of_a_share_are_no_generated_volume() -> None:
    bar = Bar(
        symbol=Symbol("ALFA"),
        start=OPEN,
        interval=MINUTE,
        open=Decimal(1),
        high=Decimal(1),
        low=Decimal(1),
        close=Decimal(1),
        volume=Decimal("0.5"),
    )
    with pytest.raises(AssertionError, match="whole shares"):
        tell_minute(bar, 7)


def test_one_bar_in_two_hundred_is_corrected_by_a_late_trade() -> None:
    session = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))
    closes = {Symbol(f"S{number}"): Decimal(20 + number) for number in range(10)}
    day = generate_day(closes, session, 7)
    told = [(bar, tell_minute(bar, 7).late) for moment in day.moments for bar in moment.bars]
    late = [(bar, *found) for bar, found in told if found is not None]
    assert len(told) / 300 < len(late) < len(told) / 130
    for bar, trade, update in late:
        assert trade.time == update.time == bar.end + 30 * SECOND
        assert trade.conditions == (LATE,)
        assert bar.low - Decimal("0.01") <= trade.price <= bar.high + Decimal("0.01")
        found = update.bar
        assert (found.open, found.close, found.volume) == (bar.open, bar.close, bar.volume + trade.size)
        assert (found.high, found.low) == (max(bar.high, trade.price), min(bar.low, trade.price))
    assert any(update.bar.high > bar.high or update.bar.low < bar.low for bar, _, update in late)
