"""The venue's use cases over a real log: what is told was written, and what was written comes back."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from agenttrader.adapters.venue_log import VenueLog
from agenttrader.app.trade_listener import TradeListener
from agenttrader.app.venue.answers import Refused
from agenttrader.app.venue.desk import Desk
from agenttrader.app.venue.questions import Parameters
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_trading import NewOrder, decode_new_order
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing
from agenttrader.testing.option_stage import OptionStage, call
from agenttrader.testing.venue_calls import MemoryLog

SETTINGS = Settings(
    start=Instant(0),
    listings=(Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=(AccountOpening(name="a", cash=Decimal(100_000), shorting=False),),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal(8)),
    market_reserve_percent=3,
)


class FullLog:
    """Takes so many entries, and then no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def read(self) -> Iterator[bytes]:
        return iter(())

    def append(self, entry: bytes) -> None:
        if self.room == 0:
            raise StoreError(f"no room for {len(entry)} bytes")
        self.room -= 1


def bar(minute: int, price: int = 100) -> Bar:
    value = Decimal(price)
    return Bar(
        symbol=Symbol("ABC"),
        start=Instant((minute - 1) * MINUTE),
        interval=MINUTE,
        open=value,
        high=value,
        low=value,
        close=value,
        volume=Decimal(1),
    )


def order(**changes: object) -> NewOrder:
    fields = {"symbol": "ABC", "qty": 10, "side": "buy", "type": "market", "time_in_force": "day"}
    return decode_new_order(msgspec.json.encode(fields | changes))


def play(desk: Desk) -> None:
    """A bracket that is stopped out, one that rests, a cancel, a halt."""
    legs = {"take_profit": {"limit_price": 110}, "stop_loss": {"stop_price": 95}}
    desk.hear(bar(1))
    desk.hear(Watermark(time=Instant(MINUTE)))
    desk.submit("a", order(client_order_id="first", order_class="bracket", **legs))
    desk.hear(bar(2))
    desk.hear(bar(3, 90))
    legs = {"take_profit": {"limit_price": 110}, "stop_loss": {"stop_price": 85}}
    desk.submit("a", order(order_class="bracket", type="limit", limit_price=99, time_in_force="gtc", **legs))
    canceled = desk.submit("a", order(type="limit", limit_price=50))
    desk.cancel("a", canceled.id)
    desk.hear(
        StatusChange(
            symbol=Symbol("ABC"), time=Instant(3 * MINUTE), status=TradingStatus.HALTED, reason="news"
        )
    )
    desk.hear(Watermark(time=Instant(3 * MINUTE)))


def test_a_venue_that_is_opened_again_is_the_same(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    play(desk)
    log.close()
    log = VenueLog(tmp_path / "venue.log")
    again = Desk(SETTINGS, log)
    assert again.exchange.books.orders == desk.exchange.books.orders
    assert again.exchange.activities == desk.exchange.activities
    assert again.account("a") == desk.account("a")
    assert again.exchange.watermark == 3 * MINUTE
    with pytest.raises(Refused, match="client_order_id must be unique"):
        again.submit("a", order(client_order_id="first"))
    fresh = order(type="limit", limit_price=50)
    assert again.submit("a", fresh) == desk.submit("a", fresh)
    log.close()


def test_what_changes_nothing_is_not_written(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    desk.hear(bar(1))
    desk.hear(bar(1))
    desk.hear(Watermark(time=Instant(MINUTE)))
    desk.hear(Watermark(time=Instant(MINUTE)))
    with pytest.raises(Refused):
        desk.submit("a", order(qty=10_000))
    assert len(list(log.read())) == 3
    log.close()


def test_a_log_of_another_venue_is_refused(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    Desk(SETTINGS, log)
    other = msgspec.structs.replace(SETTINGS, market_reserve_percent=4)
    with pytest.raises(ConfigurationError, match=r"name another `log` in \[venue\]"):
        Desk(other, log)
    log.close()


@pytest.mark.parametrize(
    "entry", (b"{}", b"nonsense", b'{"type":"cancel","account":"nobody","order_id":"x"}')
)
def test_a_log_that_was_altered_is_refused_by_entry(tmp_path: Path, entry: bytes) -> None:
    log = VenueLog(tmp_path / "venue.log")
    Desk(SETTINGS, log)
    log.append(entry)
    with pytest.raises(StoreError, match="venue's log, entry 2"):
        Desk(SETTINGS, log)
    log.close()


async def test_after_a_log_that_is_full_nothing_is_answered_or_told() -> None:
    desk = Desk(SETTINGS, FullLog(room=2))
    listener = TradeListener()
    listener.enter(lambda: "a")
    desk.updates.add(listener)
    desk.updates.listen(listener, ("trade_updates",))
    desk.hear(bar(1))
    told = listener.queue.qsize()
    for _ in range(2):
        with pytest.raises(StoreError, match="no room"):
            desk.submit("a", order())
    with pytest.raises(StoreError, match="no room"):
        desk.hear(bar(2))
    assert listener.queue.qsize() == told
    with pytest.raises(StoreError, match="no room"):
        await desk.until_failed()


def test_a_holding_is_closed_in_part_or_whole_unless_it_is_held(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    desk.hear(bar(1))
    with pytest.raises(Refused, match="position does not exist: ABC"):
        desk.close("a", "ABC", None)
    desk.submit("a", order())
    desk.hear(bar(2))
    assert desk.close("a", "ABC", Decimal(4)).qty == 4
    with pytest.raises(Refused) as held:
        desk.close("a", "ABC", None)
    assert held.value.status == 403
    assert (held.value.error.available, held.value.error.held_for_orders) == (Decimal(6), Decimal(4))
    with pytest.raises(Refused, match="qty: expected a multiple of 1"):
        desk.close("a", "ABC", Decimal("0.5"))
    assert [line.status for line in desk.close_all("a", cancel_orders=False)] == [403]
    assert [line.body["qty"] for line in desk.close_all("a", cancel_orders=True)] == [Decimal(10)]
    log.close()


def test_canceling_all_cancels_each_bracket_once(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    play(desk)
    lines = desk.cancel_all("a")
    assert [line.status for line in lines] == [200, 200, 200]
    assert desk.cancel_all("a") == []
    log.close()


def test_a_price_that_no_listing_holds_is_an_error(tmp_path: Path) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    fine = msgspec.structs.replace(bar(1), open=Decimal("100.0000001"), high=Decimal(101))
    with pytest.raises(BadValue, match="at most 6 decimals"):
        desk.hear(fine)
    assert len(list(log.read())) == 1
    log.close()


async def test_a_fault_in_mid_input_ends_the_venue_and_the_log_does_not_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = VenueLog(tmp_path / "venue.log")
    desk = Desk(SETTINGS, log)
    desk.hear(bar(1))
    desk.submit("a", order())
    monkeypatch.setattr(desk.exchange.books.ledger, "trade", None)
    with pytest.raises(TypeError):
        desk.hear(bar(2))
    with pytest.raises(StoreError, match="broke off half applied"):
        desk.submit("a", order())
    with pytest.raises(StoreError, match="broke off half applied"):
        await desk.until_failed()
    again = Desk(SETTINGS, log)
    again.hear(bar(2))
    assert again.position("a", "ABC").qty == 10
    log.close()


def test_a_venue_that_traded_options_comes_back_from_its_log() -> None:
    stage = OptionStage()
    log = MemoryLog()
    desk = Desk(stage.exchange.settings, log)
    legs = ((1, call(100), "buy_to_open"), (1, call(105), "sell_to_open"))
    body = {
        "order_class": "mleg",
        "type": "limit",
        "time_in_force": "day",
        "qty": 2,
        "limit_price": "1.50",
        "legs": [
            {"symbol": symbol, "ratio_qty": ratio, "position_intent": intent}
            for ratio, symbol, intent in legs
        ],
    }
    for told in stage.told:
        assert desk.apply(told).applied
    desk.submit("a", decode_new_order(msgspec.json.encode(body)))
    for symbol, bid, ask in ((call(100), "1.90", "2.00"), (call(105), "0.60", "0.70")):
        stage.quote(symbol, bid, ask)
        assert desk.apply(stage.told[-1]).applied
    again = Desk(stage.exchange.settings, log)
    parameters = [("status", "all"), ("nested", "true")]
    (order,) = again.orders("a", Parameters(parameters))
    assert (order.status, len(order.legs or ())) == ("filled", 2)
    assert [order] == desk.orders("a", Parameters(parameters))
    assert again.positions("a") == desk.positions("a")
    assert again.account("a") == desk.account("a")
