import asyncio
import io
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console

from agenttrader.app.happenings import DayBegun, DayEnded, GatewayTold, MarketMoved, Said, Starting
from agenttrader.cli.board import CLOSES_KEPT, Board, Line
from agenttrader.cli.show import REFRESH_SECONDS, clock, draw, notice, show_day
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import Bar, StatusChange, TradingStatus, Watermark
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.protocols.native import AccountBody, PositionBody, Snapshot, TradingBody

NEW_YORK = ZoneInfo("America/New_York")
OPEN = from_rfc3339("2026-11-20T14:30:00Z")
ALFA = Symbol("ALFA")
DAY = DayBegun(
    folder=Path("var/demo/run"),
    session=Session(date="2026-11-20", open=OPEN, close=Instant(OPEN + 390 * MINUTE)),
    symbols=(ALFA, Symbol("BRVO")),
    source="2 generated symbols, seed 7",
    speed="8",
    inbox="watermark",
)
BAR = Bar(
    symbol=ALFA,
    start=OPEN,
    interval=MINUTE,
    open=Decimal(40),
    high=Decimal(42),
    low=Decimal(40),
    close=Decimal(42),
    volume=Decimal(1),
)
POSITION = PositionBody(
    symbol=ALFA,
    quantity=Decimal(100),
    average_price=Decimal("40.5"),
    mark=Decimal(42),
    unrealised=Decimal(150),
    protected_quantity=Decimal(60),
    stop=Decimal("39.75"),
    target=Decimal(44),
)
SNAPSHOT = Snapshot(
    watermark=None,
    orders=(),
    positions=(POSITION,),
    account=AccountBody(
        equity=Decimal(250_150),
        cash=Decimal(246_000),
        realised=Decimal("-12.5"),
        unrealised=Decimal(150),
        fees=Decimal("0.35"),
        gross_exposure=Decimal(4200),
        dead_machine_loss=Decimal("1234.56"),
    ),
    trading=TradingBody(state="active", reasons=(), mode="paper"),
)
NOTICE = "GENERATED DATA · SIMULATED VENUE · throw-away demo person"
DENIED = Said("denied", "visitor: buy 10 ALFA at market: trading is halted")
HAPPENINGS = (
    Starting(("venue", "gateway"), "generated"),
    DENIED,
    DAY,
    GatewayTold(SNAPSHOT),
    MarketMoved(BAR),
    MarketMoved(StatusChange(symbol=ALFA, time=OPEN, status=TradingStatus.HALTED, reason="too fast")),
    MarketMoved(Watermark(time=BAR.end)),
)


def drawn(width: int, lines: list[Line]) -> list[str]:
    board = Board()
    for happening in HAPPENINGS:
        board.take(happening)
    return drawn_of(board, width, lines)


def drawn_of(board: Board, width: int, lines: list[Line]) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(draw(board, lines, 5, width, NEW_YORK))
    return capture.get().splitlines()


def test_the_board_fits_a_terminal_of_100_by_35_and_says_what_it_is_not() -> None:
    rows = drawn(100, [Line(OPEN, "fill", "x" * 200)])
    assert len(rows) <= 35
    assert max(map(len, rows)) == 100
    text = "\n".join(rows)
    assert NOTICE in text


def test_the_newest_prices_show_however_narrow_the_board_is() -> None:
    """The line was cut at its end: what had just happened could not be seen."""
    board = Board()
    board.take(DAY)
    for minute in range(CLOSES_KEPT):
        price = Decimal(1000 + (minute == CLOSES_KEPT - 1))
        start = Instant(OPEN + minute * MINUTE)
        changes = {"start": start, "open": price, "high": price, "low": price, "close": price}
        board.take(MarketMoved(msgspec.structs.replace(BAR, **changes)))
    board.take(MarketMoved(StatusChange(symbol=ALFA, time=OPEN, status=TradingStatus.HALTED, reason="fast")))
    for width in (88, 98, 110):
        rows = drawn_of(board, width, [])
        (row,) = (row for row in rows if "ALFA" in row)
        assert "▁▁▁█" in row
        assert "…" not in row
        assert " HALTED " in row


def test_a_denial_shows_whole_and_rows_without_positions_show_what_happens() -> None:
    board = Board()
    for happening in (DAY, Said("denied", "word " * 80 + "the end")):
        board.take(happening)
    lines = [Line(OPEN, "fill", f"number {number:02}") for number in range(20)]
    flat = drawn_of(board, 98, lines)
    assert "the end" in "\n".join(flat)
    assert sum("number" in row for row in flat) > 5
    assert "number 19" in flat[-2]
    board.take(GatewayTold(SNAPSHOT))
    holding = drawn_of(board, 98, lines)
    assert "number 19" in holding[-2]
    assert len(flat) == len(holding)


def test_the_notice_says_which_prices_are_shown() -> None:
    board = Board()
    board.take(Starting(("venue",), "recorded"))
    assert notice(board) == "RECORDED DATA · SIMULATED VENUE · throw-away demo person"


def test_the_board_shows_clock_prices_protection_profit_and_the_loss_in_large_digits() -> None:
    rows = drawn(100, [Line(OPEN, "fill", "bought")])
    text = "\n".join(rows)
    assert "--:--:--  denied  visitor: buy 10 ALFA at market: trading is halted" in text
    for expected in (
        "09:31:00 New York",
        "1/390 min",
        "lost if all of ours stopped now",
        "ACTIVE",
        "42.00",
        "+5.00 %",
        "HALTED",
    ):
        assert expected in text
    for expected in (
        "39.75",
        "○ 60 of 100",
        "+150.00",
        "−12.50",
        "250,150.00",
        "09:30:00  fill      bought",
    ):
        assert expected in text
    assert "▀█    ▀▀█ ▀▀█ █ █   █▀▀ █▀▀" in text


def test_without_a_terminal_the_first_line_is_the_first_that_is_told_and_the_notice_is_next() -> None:
    output = io.StringIO()

    async def play() -> None:
        async with show_day(Console(file=output, width=80), NEW_YORK) as tell:
            for happening in (*HAPPENINGS, DayEnded(fills=3), Said("report", "r" * 100)):
                tell(happening)

    asyncio.run(play())
    lines = output.getvalue().splitlines()
    assert lines[0] == "--:--:--  denied    visitor: buy 10 ALFA at market: trading is halted"
    assert lines[1].endswith(f"{NOTICE} · times are New York")
    assert lines[-1].startswith("09:31:00  report    rrr")
    summary = lines[-2]
    assert summary.startswith(f"{'':10}day       active; orders: none")
    assert "orders: none; fills: 3; held: 100 ALFA; realised −12.50" in summary
    assert "dead-machine loss 1,234.56" in summary
    assert "\x1b" not in output.getvalue()


def test_on_a_terminal_nothing_stands_above_the_board_and_the_last_lines_stand_under_it() -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, height=36, force_terminal=True, _environ={"TERM": "xterm"})

    async def play() -> None:
        async with show_day(console, NEW_YORK) as tell:
            for happening in HAPPENINGS:
                tell(happening)
            await asyncio.sleep(REFRESH_SECONDS * 2)
            tell(DayEnded(fills=3))
            tell(Said("report", "it lies there"))

    asyncio.run(play())
    text = output.getvalue()
    assert text.index("starting venue, gateway") < text.index("prices") < text.index("visitor: buy 10 ALFA")
    assert text.index("prices") < text.rindex("it lies there")


def test_what_is_told_before_a_board_that_never_comes_is_printed() -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, height=36, force_terminal=True, _environ={"TERM": "xterm"})

    async def play() -> None:
        async with show_day(console, NEW_YORK) as tell:
            tell(Starting(("venue",), "generated"))
            tell(Said("died", "venue exited", alarming=True))

    asyncio.run(play())
    assert output.getvalue().count("venue exited") == 1


def test_a_terminal_that_is_too_small_gets_plain_lines() -> None:
    output = io.StringIO()
    console = Console(file=output, width=60, height=20, force_terminal=True, _environ={"TERM": "xterm"})

    async def play() -> None:
        async with show_day(console, UTC) as tell:
            for happening in HAPPENINGS:
                tell(happening)

    asyncio.run(play())
    assert "prices" not in output.getvalue()
    said = "plain lines, because this terminal is small; one of 90×34 shows a board"
    assert output.getvalue().count(said) == 1


def test_the_clock_names_its_place() -> None:
    assert clock(OPEN, NEW_YORK) == "09:30:00 New York"
    assert clock(OPEN, UTC) == "14:30:00 UTC"
    assert clock(None, UTC) == "--:--:--"
