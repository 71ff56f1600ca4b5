from decimal import Decimal
from pathlib import Path

import msgspec

from agenttrader.app.happenings import DayBegun, DayEnded, GatewayTold, MarketMoved, Said, Starting
from agenttrader.cli.board import Board
from agenttrader.model.identifiers import AgentName, ExecutionId, OrderId, StrategyName, Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.orders import Effect, OrderType, Side
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339, rfc3339
from agenttrader.protocols.native import (
    AccountBody,
    AccountMarked,
    FillMade,
    OrderBody,
    OrderChanged,
    PositionsChanged,
    Snapshot,
    TradingBody,
    TradingChanged,
    WatermarkReached,
)

OPEN = from_rfc3339("2026-11-20T14:30:00Z")
ALFA = Symbol("ALFA")
SESSION = Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE))
DAY = DayBegun(
    folder=Path("var/demo/run"),
    session=SESSION,
    symbols=(ALFA,),
    source="1 generated symbols, seed 7",
    speed="8",
    inbox="watermark",
)
ORDER = OrderBody(
    id=OrderId("1"),
    agent=AgentName("momentum"),
    strategy=StrategyName("momentum"),
    symbol=ALFA,
    side=Side.BUY,
    type=OrderType.MARKET,
    effect=Effect.OPEN,
    role="entry",
    quantity=Decimal(100),
    filled_quantity=Decimal(0),
    state="accepted",
    reason="fast over slow",
    time=rfc3339(OPEN),
)
ACCOUNT = AccountBody(
    equity=Decimal(100),
    cash=Decimal(100),
    realised=Decimal(5),
    unrealised=Decimal(0),
    fees=Decimal(1),
    gross_exposure=Decimal(0),
    dead_machine_loss=Decimal(3),
)
ACTIVE = TradingBody(state="active", reasons=(), mode="paper")


def bar(minute: int, close: str) -> Bar:
    price = Decimal(close)
    return Bar(
        symbol=ALFA,
        start=Instant(OPEN + minute * MINUTE),
        interval=MINUTE,
        open=Decimal(10),
        high=max(price, Decimal(10)),
        low=min(price, Decimal(10)),
        close=price,
        volume=Decimal(1),
    )


def order(**changes: object) -> GatewayTold:
    return GatewayTold(OrderChanged(order=msgspec.structs.replace(ORDER, **changes)))


def told(board: Board, happening: object) -> list[tuple[str, str]]:
    return [(line.word, line.sentence) for line in board.take(happening)]  # type: ignore[arg-type]


def test_prices_and_the_clock_move_with_the_market() -> None:
    board = Board()
    board.take(DAY)
    for minute, close in enumerate(("10.5", "9.75")):
        assert told(board, MarketMoved(bar(minute, close))) == []
        board.take(MarketMoved(Watermark(time=bar(minute, close).end)))
    quote = board.quotes[ALFA]
    assert (quote.open, quote.last, list(quote.closes)) == (
        Decimal(10),
        Decimal("9.75"),
        [Decimal("10.5"), Decimal("9.75")],
    )
    assert board.minutes() == (2, 390)


def test_a_pause_of_the_exchange_is_told_once_and_its_end_too() -> None:
    board = Board()
    board.take(DAY)

    def status(value: TradingStatus) -> MarketMoved:
        return MarketMoved(StatusChange(symbol=ALFA, time=OPEN, status=value, reason="too fast"))

    assert told(board, status(TradingStatus.TRADING)) == []
    assert told(board, status(TradingStatus.HALTED)) == [("pause", "the exchange halts ALFA: too fast")]
    assert board.quotes[ALFA].is_halted
    assert told(board, status(TradingStatus.HALTED)) == []
    assert told(board, status(TradingStatus.TRADING)) == [
        ("resume", "the exchange lets ALFA trade again: too fast")
    ]


def test_orders_are_counted_by_state_and_what_went_wrong_is_told_once() -> None:
    board = Board()
    assert told(board, order()) == []
    denied = order(id=OrderId("2"), state="denied", sentence="the order is too large")
    assert told(board, denied) == [("denied", "momentum: buy 100 ALFA at market: the order is too large")]
    assert told(board, denied) == []
    assert board.denial is not None
    assert board.denial.sentence.endswith("the order is too large")
    limit = {"type": OrderType.LIMIT, "limit_price": Decimal("9.50")}
    rejected = order(id=OrderId("3"), state="rejected", **limit)
    assert told(board, rejected) == [("rejected", "the broker refused momentum: buy 100 ALFA at limit 9.50")]
    ((word, sentence),) = told(board, order(id=OrderId("4"), state="unknown"))
    assert word == "unknown"
    assert sentence.endswith("counts as if it may fill")
    assert board.counts() == [("denied", 1), ("unknown", 1), ("accepted", 1), ("rejected", 1)]


def test_a_fill_is_told_with_why_the_order_was_made() -> None:
    board = Board()
    board.take(order())
    leg = {"parent": OrderId("1"), "role": "stop", "side": Side.SELL}
    board.take(order(id=OrderId("1-stop"), **leg))
    fill = FillMade(
        order_id=OrderId("1"),
        symbol=ALFA,
        side=Side.BUY,
        quantity=Decimal(100),
        price=Decimal("10.01"),
        fee=Decimal(0),
        time=rfc3339(OPEN),
        execution_id=ExecutionId("1"),
    )
    assert told(board, GatewayTold(fill)) == [("fill", "bought 100 ALFA at 10.01 · momentum: fast over slow")]
    out = msgspec.structs.replace(fill, order_id=OrderId("1-stop"), side=Side.SELL, fee=Decimal("0.35"))
    assert told(board, GatewayTold(out)) == [("fill", "sold 100 ALFA at 10.01, fee 0.35 · stop of momentum")]
    assert board.fills == 2


def test_what_the_exits_unit_does_is_told_when_the_broker_has_it() -> None:
    board = Board()
    pair = {"agent": AgentName("exits"), "role": "target", "side": Side.SELL, "effect": Effect.REDUCE}
    target = {**pair, "type": OrderType.LIMIT, "limit_price": Decimal("48.50"), "quantity": Decimal(63)}
    stop = {**pair, "role": "stop", "id": OrderId("1/stop"), "parent": OrderId("1")}
    assert told(board, order(**target, state="sending")) == []
    assert told(board, order(**stop, stop_price=Decimal("47.25"), state="sending")) == []
    assert told(board, order(**target, reason="no stop faces 63", state="accepted")) == [
        ("exits", "protects 63 ALFA by a stop at 47.25 and a target at 48.50: no stop faces 63")
    ]
    assert told(board, order(**stop, stop_price=Decimal("47.25"), state="accepted")) == []
    alone = {**pair, "id": OrderId("2"), "type": OrderType.STOP, "stop_price": Decimal("47.25")}
    assert told(board, order(**alone)) == [("exits", "protects 100 ALFA by a stop at 47.25: fast over slow")]
    close = {
        **pair,
        "id": OrderId("3"),
        "role": "exit",
        "effect": Effect.CLOSE,
        "reason": "time: it has come",
    }
    assert told(board, order(**close)) == [("exits", "closes 100 ALFA: time: it has come")]


def test_the_rest_of_an_entry_that_ends_filled_in_part_is_told() -> None:
    board = Board()
    assert told(board, order(state="partially_filled", filled_quantity=Decimal(63))) == []
    assert told(board, order(state="canceled", filled_quantity=Decimal(63))) == [
        ("canceled", "momentum: buy 100 ALFA at market: the rest, 37")
    ]
    assert told(board, order(id=OrderId("2"), state="canceled")) == []


def test_a_snapshot_replaces_what_was_known() -> None:
    board = Board()
    board.take(order())
    snapshot = Snapshot(watermark=None, orders=(), positions=(), account=ACCOUNT, trading=ACTIVE)
    assert told(board, GatewayTold(snapshot)) == [("active", "a window in mode paper is open")]
    assert board.counts() == []
    assert board.account == ACCOUNT
    assert told(board, GatewayTold(snapshot)) == []


def test_a_halt_is_told_with_its_reasons() -> None:
    board = Board()
    board.take(GatewayTold(TradingChanged(trading=ACTIVE)))
    halted = TradingBody(state="halted", reasons=("switch file: 1", "no window is open"), mode="off")
    assert told(board, GatewayTold(TradingChanged(trading=halted))) == [
        ("halted", "switch file: 1; no window is open")
    ]


def test_positions_account_and_watermarks_change_the_board_without_a_line() -> None:
    board = Board()
    for message in (
        PositionsChanged(positions=()),
        AccountMarked(account=ACCOUNT),
        WatermarkReached(time=rfc3339(OPEN)),
    ):
        assert told(board, GatewayTold(message)) == []
    assert board.account == ACCOUNT


def test_the_day_and_what_is_said_are_lines_with_the_datas_time() -> None:
    board = Board()
    assert told(board, Starting(("venue",), "generated")) == []
    assert told(board, DayEnded(fills=3)) == []
    assert board.fills == 3
    ((word, sentence),) = told(board, DAY)
    assert word == "day"
    assert "session 2026-11-20 of 1 generated symbols, seed 7" in sentence
    board.take(MarketMoved(Watermark(time=OPEN)))
    (line,) = board.take(Said("break", "a position differs", alarming=True))
    assert (line.time, line.word, line.sentence, line.alarming) == (OPEN, "break", "a position differs", True)


def test_each_of_several_days_counts_its_own_orders_and_fills() -> None:
    board = Board()
    board.take(DAY)
    board.take(order(state="filled"))
    board.take(DayEnded(fills=1))
    assert (board.counts(), board.fills) == ([("filled", 1)], 1)
    board.take(Starting(("venue",), "recorded"))
    assert board.clock is None
    board.take(DAY)
    assert (board.counts(), board.fills) == ([], 0)
    board.take(order(id=OrderId("2"), state="denied"))
    assert board.counts() == [("denied", 1)]


def test_an_entry_that_waits_for_a_person_alarms() -> None:
    waiting = msgspec.structs.replace(ORDER, state="pending_approval")
    (line,) = Board().take(GatewayTold(message=OrderChanged(order=waiting)))
    assert (line.word, line.alarming) == ("waits", True)
    assert line.sentence == ("for a person: momentum: buy 100 ALFA at market; see agenttrader approvals list")
