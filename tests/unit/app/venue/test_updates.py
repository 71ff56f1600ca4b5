"""Who is told what, in which order, and what becomes of one that does not keep up."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from agenttrader.app.trade_listener import TradeListener
from agenttrader.app.venue.desk import Desk
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, Watermark
from agenttrader.model.times import MINUTE, Instant
from agenttrader.protocols.alpaca_trade_updates import (
    Listening,
    StreamMessage,
    TradeUpdate,
    WatermarkReached,
    decode_stream,
)
from agenttrader.protocols.alpaca_trading import decode_new_order
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.inputs import AccountOpening, Session, Settings
from agenttrader.simulation.listings import Listing

SETTINGS = Settings(
    start=Instant(0),
    listings=(Listing(symbol="ABC", tick=Decimal("0.01"), lot=Decimal(1)),),
    accounts=tuple(AccountOpening(name=name, cash=Decimal(100_000), shorting=False) for name in "ab"),
    sessions=(Session(date="2026-11-20", open=Instant(0), close=Instant(390 * MINUTE)),),
    fees=FeeSchedule(sec_rate=Decimal(0), taf_rate=Decimal(0), taf_cap=Decimal(0)),
    market_reserve_percent=0,
)


class NoLog:
    def read(self) -> Iterator[bytes]:
        return iter(())

    def append(self, entry: bytes) -> None:
        del entry


def venue(minutes: int = 1) -> Desk:
    desk = Desk(SETTINGS, NoLog())
    for minute in range(1, minutes + 1):
        play(desk, minute)
    return desk


def play(desk: Desk, minute: int) -> None:
    value = Decimal(100)
    desk.hear(
        Bar(
            symbol=Symbol("ABC"),
            start=Instant((minute - 1) * MINUTE),
            interval=MINUTE,
            open=value,
            high=value,
            low=value,
            close=value,
            volume=Decimal(1),
        )
    )
    desk.hear(Watermark(time=Instant(minute * MINUTE)))


def listener(desk: Desk, account: str, *streams: str, queue_max: int = 100) -> TradeListener:
    found = TradeListener(queue_max)
    found.enter(lambda: account)
    desk.updates.add(found)
    desk.updates.listen(found, streams)
    return found


def buy(desk: Desk, account: str) -> None:
    fields = {"symbol": "ABC", "qty": 1, "side": "buy", "type": "market", "time_in_force": "day"}
    desk.submit(account, decode_new_order(msgspec.json.encode(fields)))


def heard(found: TradeListener) -> list[StreamMessage]:
    messages = []
    while not found.queue.empty():
        message = found.queue.get_nowait()
        assert message is not None
        messages.append(decode_stream(message))
    return messages


def words(found: TradeListener) -> list[str]:
    told = []
    for message in heard(found):
        match message:
            case TradeUpdate():
                told.append(message.event)
            case WatermarkReached():
                told.append(message.time[14:16])
            case _:
                told.append(type(message).__name__)
    return told


def test_a_listener_hears_its_own_orders_and_then_the_watermark() -> None:
    desk = venue()
    mine, both, theirs = (
        listener(desk, "a", "trade_updates"),
        listener(desk, "a", "trade_updates", "watermarks"),
        listener(desk, "b", "trade_updates"),
    )
    buy(desk, "a")
    play(desk, 2)
    assert words(mine) == ["Listening", "new", "fill"]
    assert words(both) == ["Listening", "01", "new", "fill", "02"]
    assert words(theirs) == ["Listening"]


def test_listening_is_answered_with_what_there_is_and_where_the_watermark_stands() -> None:
    desk = venue(3)
    assert heard(listener(desk, "a", "watermarks", "weather")) == [
        Listening(streams=("watermarks",)),
        WatermarkReached(time="1970-01-01T00:03:00Z"),
    ]
    silent = listener(venue(0), "a", "watermarks")
    assert heard(silent) == [Listening(streams=("watermarks",))]


def test_listening_again_replaces_what_is_heard() -> None:
    desk = venue()
    found = listener(desk, "a", "trade_updates")
    desk.updates.listen(found, ())
    buy(desk, "a")
    assert words(found) == ["Listening", "Listening"]


def test_a_listener_that_left_hears_nothing() -> None:
    desk = venue()
    found = listener(desk, "a", "trade_updates")
    desk.updates.remove(found)
    buy(desk, "a")
    assert words(found) == ["Listening"]


def test_one_that_does_not_keep_up_is_ended_and_the_others_hear_on() -> None:
    desk = venue()
    slow = listener(desk, "a", "trade_updates", queue_max=3)
    quick = listener(desk, "a", "trade_updates")
    for _ in range(5):
        buy(desk, "a")
    assert slow.has_ended
    waiting = [slow.queue.get_nowait() for _ in range(slow.queue.qsize())]
    assert [message is None for message in waiting] == [False, False, False, True]
    assert words(quick) == ["Listening"] + ["new"] * 5
