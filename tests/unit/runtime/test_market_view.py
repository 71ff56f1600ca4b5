"""The market's last word: a bar's close, known at its end, and the exchange's status."""

from decimal import Decimal

from agenttrader.model.market import Mark, StatusChange, TradingStatus
from agenttrader.runtime.market_view import MarketView
from agenttrader.testing.builders import ALFA, BRAVO, at, bar


def status(word: TradingStatus) -> StatusChange:
    return StatusChange(symbol=ALFA, time=at(2), status=word, reason="news")


def test_a_bar_is_the_mark_from_its_end_on() -> None:
    view = MarketView("feed")
    view.see(bar(1, 100))
    assert view.marks == {ALFA: Mark(price=Decimal(100), time=at(1), source="feed")}
    assert view.prices == {ALFA: Decimal(100)}
    view.see(bar(2, 101))
    assert view.marks[ALFA].time == at(2)
    assert view.prices[ALFA] == 101
    assert BRAVO not in view.marks


def test_an_older_bar_and_one_told_again_change_nothing() -> None:
    view = MarketView("feed")
    view.see(bar(2, 101))
    view.see(bar(1, 100))
    view.see(bar(2, 99))
    assert view.prices[ALFA] == 101
    assert view.marks[ALFA].price == 101


def test_what_prints_trades_unless_the_exchange_said_otherwise() -> None:
    view = MarketView("feed")
    assert view.statuses == {}
    view.see(bar(1))
    assert view.statuses == {ALFA: TradingStatus.TRADING}
    view.see(status(TradingStatus.HALTED))
    view.see(bar(3))
    assert view.statuses == {ALFA: TradingStatus.HALTED}
    view.see(status(TradingStatus.TRADING))
    assert view.statuses == {ALFA: TradingStatus.TRADING}


def test_a_day_begins_at_the_last_price_before_it_and_else_at_the_first_that_was_seen() -> None:
    view = MarketView("feed")
    view.see(bar(1, 100))
    view.see(bar(2, 101))
    assert view.began == {ALFA: 100}
    view.begin_day()
    view.see(bar(3, 95))
    view.see(bar(3, 50, BRAVO))
    assert view.began == {ALFA: 101, BRAVO: 50}
    view.forget(ALFA)
    view.see(bar(4, 48))
    assert view.began == {ALFA: 48, BRAVO: 50}, "of another share another price"
