"""Of a real market: time goes on by itself, a bar that is late or ahead is no price, no halt is missed."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.marketdata.live import AHEAD_MAX, BEHIND, SEEN, LiveMarket
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, Told, TradingStatus, Watermark, known_at
from agenttrader.model.times import MINUTE, SECOND, Duration, Instant, from_rfc3339

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
SPY = Symbol("SPY")


def at(seconds: float) -> Instant:
    return Instant(OPEN + int(seconds * SECOND))


def bar(start_seconds: float = 0, symbol: Symbol = SPY) -> Bar:
    prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(100))
    return Bar(symbol=symbol, start=at(start_seconds), interval=MINUTE, volume=Decimal(5), **prices)


def status(seconds: float, word: TradingStatus = TradingStatus.HALTED) -> StatusChange:
    return StatusChange(symbol=SPY, time=at(seconds), status=word, reason="news")


class Market(LiveMarket):
    """With what it told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        super().__init__(self.told.append)

    @property
    def statuses(self) -> list[tuple[str, Instant]]:
        return [(each.status.value, each.time) for each in self.told if isinstance(each, StatusChange)]

    @property
    def bars(self) -> list[Bar]:
        return [each for each in self.told if isinstance(each, Bar)]


def test_a_symbol_trades_once_a_whole_minute_of_it_was_heard() -> None:
    """The minute in which the stream came says nothing: a halt may have been told before."""
    market = Market()
    market.link(up=True, now=at(10))
    market.receive(bar(0), at(60.3))
    assert (market.statuses, market.bars) == ([], [bar(0)])
    market.receive(bar(60), at(120.3))
    market.receive(bar(120), at(180.3))
    assert market.statuses == [("trading", at(120))]
    assert market.told[1] == StatusChange(
        symbol=SPY, time=at(120), status=TradingStatus.TRADING, reason=SEEN
    ), "it is told before the bar"


def test_a_halt_that_was_told_is_not_lifted_by_a_bar() -> None:
    market = Market()
    market.link(up=True, now=at(0))
    market.receive(status(30), at(30.1))
    market.receive(bar(0), at(60.3))
    assert market.statuses == [("halted", at(30))]
    market.receive(status(300, TradingStatus.TRADING), at(300.1))
    assert market.statuses[1:] == [("trading", at(300))]


def test_what_was_known_of_halts_is_not_known_after_a_break() -> None:
    market = Market()
    market.link(up=True, now=at(0))
    market.receive(status(30), at(30.1))
    market.link(up=False, now=at(60))
    assert not market.is_connected
    market.receive(bar(60), at(120.3))
    market.link(up=True, now=at(121))
    market.receive(bar(120), at(180.3))
    assert market.statuses == [("halted", at(30))]
    market.receive(bar(180), at(240.3))
    assert market.statuses[1:] == [("trading", at(240))]


def test_time_goes_on_without_data_and_never_back() -> None:
    market = Market()
    for seconds in (10, 11, 9, 11, 12):
        market.tick(at(seconds))
    behind = [Watermark(time=Instant(at(seconds) - BEHIND)) for seconds in (10, 11, 12)]
    assert market.told == behind


def test_a_bar_that_is_late_or_from_the_future_is_no_price_of_now() -> None:
    market = Market()
    market.link(up=True, now=at(-60))
    market.tick(at(63))
    market.receive(bar(0), at(63))
    market.receive(bar(60), Instant(at(120) - AHEAD_MAX - 1))
    assert market.bars == []
    assert (market.passed_over.late, market.passed_over.ahead) == (1, 1)
    market.receive(bar(60), Instant(at(120) - AHEAD_MAX))
    assert market.bars == [bar(60)]


def test_a_status_is_told_however_late_or_early_its_own_time_is() -> None:
    market = Market()
    market.link(up=True, now=at(0))
    market.tick(at(100))
    market.receive(status(50), at(100.1))
    market.receive(status(500), at(100.2))
    assert [time for _, time in market.statuses] == [Instant(at(100) - BEHIND + 1), at(100.2)]


EVENTS = st.one_of(
    st.tuples(st.just("tick"), st.integers(-5, 5)),
    st.tuples(st.just("link"), st.booleans()),
    st.tuples(st.just("bar"), st.integers(-200, 200)),
    st.tuples(st.just("status"), st.integers(-200, 200)),
)


@given(st.lists(EVENTS, max_size=60))
def test_whatever_comes_the_watermark_holds(events: list[tuple[str, int]]) -> None:
    """What is told after a watermark lies behind it in time, and no status is ever passed over."""
    market, now, wanted = Market(), 1_000.0, 0
    for kind, value in events:
        now += 0.7
        match kind:
            case "tick":
                market.tick(at(now + value))
            case "link":
                market.link(up=bool(value), now=at(now))
            case "bar":
                market.receive(bar(now + value), at(now))
            case _:
                market.receive(status(now + value), at(now))
                wanted += 1
    reached = Instant(0)
    for told in market.told:
        if isinstance(told, Watermark):
            assert told.time > reached
            reached = told.time
        else:
            assert known_at(told) > reached
    halts = [word for word, _ in market.statuses if word == "halted"]
    assert len(halts) == wanted
    assert Duration(0) < BEHIND
