from decimal import Decimal

import pytest
from msgspec.structs import replace

from agenttrader.app.marketdata import history
from agenttrader.app.marketdata.history import History
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import (
    BandKind,
    Bar,
    DailyBar,
    Luld,
    Quote,
    StatusChange,
    Trade,
    TradingStatus,
    UpdatedBar,
    Watermark,
)
from agenttrader.model.times import MINUTE, Instant

ALFA = Symbol("ALFA")
PRICE = Decimal(10)
BAR = Bar(
    symbol=ALFA,
    start=Instant(0),
    interval=MINUTE,
    open=PRICE,
    high=PRICE,
    low=PRICE,
    close=PRICE,
    volume=Decimal(1),
)
TRADE = Trade(symbol=ALFA, time=Instant(7), price=PRICE, size=Decimal(1), trade_id=1, conditions=())
QUOTE = Quote(symbol=ALFA, time=Instant(8), bid_price=PRICE, bid_size=PRICE, ask_price=PRICE, ask_size=PRICE)
UPDATED = UpdatedBar(bar=replace(BAR, volume=Decimal(2)), time=Instant(MINUTE + 30))


def mark(time: int) -> Watermark:
    return Watermark(time=Instant(time))


def test_nothing_is_known_before_a_watermark_covers_it() -> None:
    found = History()
    for told in (BAR, TRADE, QUOTE):
        found.take(told)
    assert (found.watermark, found.bars(ALFA).latest, found.trades(ALFA).latest) == (None, None, None)
    found.take(mark(7))
    assert (found.trades(ALFA).latest, found.quotes(ALFA).latest) == (TRADE, None)
    found.take(mark(MINUTE - 1))
    assert (found.quotes(ALFA).latest, found.bars(ALFA).latest) == (QUOTE, None)
    found.take(mark(MINUTE))
    assert found.watermark == Instant(MINUTE)
    assert found.bars(ALFA).latest == BAR


def test_a_correction_takes_the_bars_place_when_it_is_known() -> None:
    found = History()
    for told in (BAR, mark(MINUTE), UPDATED):
        found.take(told)
    assert found.bars(ALFA).all() == [BAR]
    found.take(mark(MINUTE + 30))
    assert found.bars(ALFA).all() == [UPDATED.bar]


def test_an_earlier_watermark_changes_nothing() -> None:
    found = History()
    for told in (mark(MINUTE), BAR, mark(5)):
        found.take(told)
    assert found.watermark == Instant(MINUTE)
    assert found.bars(ALFA).latest is None


def test_what_nobody_asks_for_later_is_not_kept() -> None:
    found = History()
    found.take(StatusChange(symbol=ALFA, time=Instant(1), status=TradingStatus.HALTED, reason=""))
    found.take(DailyBar(bar=BAR, time=Instant(1)))
    found.take(
        Luld(symbol=ALFA, time=Instant(1), limit_up=PRICE, limit_down=Decimal(9), kind=BandKind.OPENING)
    )
    found.take(mark(MINUTE))
    assert found.bars(ALFA).all() == []


def test_a_source_without_watermarks_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "WAITING_MAX", 2)
    found = History()
    found.take(TRADE)
    found.take(TRADE)
    with pytest.raises(AssertionError, match="a source tells watermarks"):
        found.take(TRADE)
