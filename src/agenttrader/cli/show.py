"""The day as a person likes to watch it: a live board on a terminal, plain lines elsewhere; on stderr."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, tzinfo
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agenttrader.app.happenings import DayBegun, DayEnded, Happening, Starting
from agenttrader.cli.board import Board, Line, Quote
from agenttrader.cli.figures import amount, change, large, plain, signed, spark
from agenttrader.model.plain_text import harmless
from agenttrader.model.times import Instant, to_datetime
from agenttrader.protocols.native import PositionBody

DEAD_MACHINE = "lost if all of ours stopped now"
REFRESH_SECONDS = 0.125
WIDTH_MIN, WIDTH_MAX = 90, 110
ECHO_WIDTH = len("^C")
LINES_KEPT = 40
LINES_SHOWN_MIN = 3
MONEY_WIDTH = 40
MONEY_ROWS = 11
POSITION_ROWS = 8
"""What positions may take; rows that they do not need show what happens."""
ORDER_ROWS = 5
DENIAL_ROWS_MAX = 6
HALTED = " HALTED "
COLUMN_GAPS = 5
ROWS_BESIDE_LINES = 4 + MONEY_ROWS + POSITION_ROWS + ORDER_ROWS + 2 + 1
"""What the board needs besides its last lines, and the row that the cursor stands in."""

HEIGHT_MIN = ROWS_BESIDE_LINES + LINES_SHOWN_MIN
TOO_SMALL = f"plain lines, because this terminal is small; one of {WIDTH_MIN}×{HEIGHT_MIN} shows a board"

STATE_STYLES = {"active": "black on green", "reduce_only": "black on yellow"}
HALTED_STYLE = "white on red"
WORD_STYLES = {
    "denied": "yellow",
    "fill": "green",
    "window": "cyan",
    "active": "green",
    "halted": "red",
    "frozen": "red",
    "pause": "magenta",
    "resume": "magenta",
}

Tell = Callable[[Happening], None]


@asynccontextmanager
async def show_day(console: Console, zone: tzinfo) -> AsyncIterator[Tell]:
    """Give something to tell the day's happenings to; show them until the block ends."""
    fits = console.width >= WIDTH_MIN and console.height >= HEIGHT_MIN
    can_draw = console.is_terminal and not console.is_dumb_terminal
    why_plain = "" if fits or not can_draw else TOO_SMALL
    show = LiveShow(console, zone) if can_draw and fits else PlainShow(console, zone, why_plain)
    refreshing = asyncio.create_task(show.refresh())
    try:
        yield show.tell
    finally:
        refreshing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await refreshing
        show.end()


class PlainShow:
    """One line for each thing worth reading; nothing moves."""

    def __init__(self, console: Console, zone: tzinfo, why: str = "") -> None:
        self.console = console
        self.zone = zone
        self.why = why
        self.board = Board()
        self.has_begun = False

    def tell(self, happening: Happening) -> None:
        """Print what is worth reading about it."""
        lines = self.board.take(happening)
        if isinstance(happening, DayEnded):
            self.console.print(summary(self.board), soft_wrap=True)
        for line in lines:
            self.console.print(line_text(line, self.zone), soft_wrap=True)
        if lines and not self.has_begun:
            self.has_begun = True
            for told in filter(None, (f"{notice(self.board)} · times are {place_of(self.zone)}", self.why)):
                self.console.print(Text(f"{'':8}  {'notice':<9} {told}"), soft_wrap=True)

    async def refresh(self) -> None:
        """Nothing moves."""

    def end(self) -> None:
        """Nothing is open."""


class LiveShow:
    """A board that is drawn again several times a second, and the last lines under it."""

    def __init__(self, console: Console, zone: tzinfo) -> None:
        self.console = console
        self.zone = zone
        self.board = Board()
        self.lines: deque[Line] = deque(maxlen=LINES_KEPT)
        self.live: Live | None = None
        self.waiting: list[Line] = []
        """Lines from before the board, which shows them; printed where none is ever drawn."""
        self.status = console.status("")

    def tell(self, happening: Happening) -> None:
        """Fold it; the next drawing shows it. What comes after the board is printed for good."""
        lines = self.board.take(happening)
        match happening:
            case Starting(roles=roles):
                self.status.update(f"starting {', '.join(roles)} …")
                self.status.start()
            case DayBegun():
                self.status.stop()
                self.waiting.clear()
                self.live = Live(console=self.console, auto_refresh=False, vertical_overflow="crop")
                self.live.start()
            case DayEnded():
                self.end()
            case _:
                pass
        if self.board.day is None:
            self.waiting.extend(lines)
        elif self.live is None:
            self._print(lines)
        self.lines.extend(lines)

    async def refresh(self) -> None:
        """Draw the board again and again."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            if self.live is not None:
                self.live.update(self._draw(), refresh=True)

    def end(self) -> None:
        """Leave the last picture on the terminal."""
        self.status.stop()
        self._print(self.waiting)
        self.waiting.clear()
        if self.live is not None:
            self.live.update(self._draw(), refresh=True)
            self.live.stop()
            self.live = None

    def _print(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.console.print(line_text(line, self.zone), soft_wrap=True)

    def _draw(self) -> RenderableType:
        # A terminal echoes ^C behind the last row: were that full, the echo would push the board up a row.
        width = min(self.console.width - ECHO_WIDTH, WIDTH_MAX)
        shown = max(self.console.height - ROWS_BESIDE_LINES, LINES_SHOWN_MIN)
        return draw(self.board, list(self.lines), shown, width, self.zone)


def draw(board: Board, lines: list[Line], lines_shown: int, width: int, zone: tzinfo) -> RenderableType:
    """The whole board, `width` columns wide, as high with many positions and a long denial as without."""
    height = max(len(board.quotes) + 3, MONEY_ROWS)
    held = min(max(len(board.positions) + 3, 3), POSITION_ROWS)
    ordered = 3 + min(denial_rows(board, width - 4, zone), DENIAL_ROWS_MAX)
    happened = max(lines_shown + 2 + POSITION_ROWS - held + ORDER_ROWS - ordered, LINES_SHOWN_MIN)
    middle = Table.grid()
    middle.add_row(
        framed("prices", prices(board, width - MONEY_WIDTH - 4), width - MONEY_WIDTH, height),
        framed("dead-machine loss", money(board), MONEY_WIDTH, height),
    )
    return Group(
        framed("", head(board, width - 4, zone), width, 4),
        middle,
        framed("positions", positions(board), width, held),
        framed("orders", orders(board, zone), width, ordered),
        framed("what happens", last_lines(lines[2 - happened :], zone), width, happened),
    )


def framed(title: str, content: RenderableType, width: int, height: int) -> Panel:
    """`content` in a thin frame of fixed size, so that nothing jumps."""
    return Panel(
        content, title=title or None, title_align="left", border_style="dim", width=width, height=height
    )


def head(board: Board, width: int, zone: tzinfo) -> RenderableType:
    """Whose day it is, what it is not, how far it has come, and whether anything may leave."""
    date = board.day.session.date if board.day else ""
    first = Table.grid(expand=True)
    first.add_column()
    first.add_column(justify="right")
    first.add_row(
        Text(f"AgentTrader  {date}", style="bold"), Text(f" {notice(board)} ", style="black on yellow")
    )
    passed, length = board.minutes()
    state = board.trading.state
    badge = Text(f" {state.upper()} ", style=f"bold {STATE_STYLES.get(state, HALTED_STYLE)}")
    second = Table.grid(expand=True, padding=(0, 2, 0, 0))
    second.add_column()
    second.add_column(width=width - 50)
    second.add_column()
    second.add_column(justify="right")
    bar = ProgressBar(total=length, completed=passed, width=width - 50)
    second.add_row(Text(clock(board.clock, zone), style="bold"), bar, Text(f"{passed}/{length} min"), badge)
    return Group(first, second)


def notice(board: Board) -> str:
    """What the day is not."""
    return f"{board.prices.upper()} DATA · SIMULATED VENUE · throw-away demo person"


def prices(board: Board, width: int) -> RenderableType:
    """Each symbol with its last price, its change since the open and as much of the way there as has room."""
    table = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for justify in ("left", "right", "right", "left", "left"):
        table.add_column(justify=justify)
    table.add_row(*(Text(word, style="dim") for word in ("symbol", "last", "day", "", "")))
    told = {symbol: list(_price(quote)) for symbol, quote in board.quotes.items()}
    taken = [max((cell_len(cells[column].plain) for cells in told.values()), default=0) for column in (0, 1)]
    names = max(map(len, (*told, "symbol")))
    room = width - names - max(taken[0], len("last")) - max(taken[1], len("day")) - len(HALTED) - COLUMN_GAPS
    for symbol, cells in told.items():
        cells[2] = cells[2][-max(room, 1) :]
        table.add_row(Text(symbol, style="bold"), *cells)
    return table


def _price(quote: Quote) -> Iterator[Text]:
    if quote.last is None or quote.open is None:
        yield from (Text("–", style="dim"), Text(""), Text(""), Text(""))
        return
    style = _color(quote.last - quote.open)
    yield Text(amount(quote.last), style="bold")
    yield Text(change(quote.last, quote.open), style=style)
    yield Text(spark(quote.closes), style=style)
    yield Text(HALTED if quote.is_halted else "", style="bold white on magenta")


def money(board: Board) -> RenderableType:
    """What would be lost if all of ours stopped now, larger than anything else; then the profit."""
    account = board.account
    style = "bold red" if account.dead_machine_loss else "bold green"
    rows = [Text(row, style=style) for row in large(amount(account.dead_machine_loss).replace("−", "-"))]
    table = Table.grid(expand=True)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_row("realised", Text(signed(account.realised), style=_color(account.realised)))
    table.add_row("unrealised", Text(signed(account.unrealised), style=_color(account.unrealised)))
    table.add_row("fees", amount(account.fees))
    table.add_row("gross exposure", amount(account.gross_exposure))
    table.add_row("equity", Text(amount(account.equity), style="bold"))
    return Group(*rows, Text(DEAD_MACHINE, style="dim"), table)


def positions(board: Board) -> RenderableType:
    """Each position with the protection that rests at the broker."""
    if not board.positions:
        return Text("flat", style="dim")
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for number in range(8):
        table.add_column(justify="left" if number in (0, 7) else "right")
    words = ("symbol", "held", "paid", "mark", "unrealised", "stop", "target", "protected")
    table.add_row(*(Text(word, style="dim") for word in words))
    for position in board.positions:
        table.add_row(Text(position.symbol, style="bold"), *_position(position))
    return table


def _position(position: PositionBody) -> Iterator[Text]:
    yield Text(plain(position.quantity))
    yield Text(plain(position.average_price))
    yield Text("–" if position.mark is None else plain(position.mark))
    yield Text(signed(position.unrealised), style=_color(position.unrealised))
    yield Text("–" if position.stop is None else plain(position.stop))
    yield Text("–" if position.target is None else plain(position.target))
    held = abs(position.quantity)
    whole = position.protected_quantity >= held
    mark = f"{'●' if whole else '○'} {plain(position.protected_quantity)} of {plain(held)}"
    yield Text(mark, style="green" if whole else "bold red")


def orders(board: Board, zone: tzinfo) -> RenderableType:
    """How many orders are in each state, and the last denial in words."""
    text = Text()
    for state, count in board.counts():
        text.append(f"{state.replace('_', ' ')} ", style="dim")
        text.append(f"{count}   ", style="bold")
    text.append("fills ", style="dim")
    text.append(str(board.fills), style="bold")
    return text if board.denial is None else Group(text, _denial(board.denial, zone))


def _denial(denial: Line, zone: tzinfo) -> Text:
    why = Text(f"{clock(denial.time, zone)[:8]}  ", style="dim")
    why.append("denied  ", style=WORD_STYLES["denied"])
    why.append(harmless(denial.sentence), style="default")
    return why


def denial_rows(board: Board, width: int, zone: tzinfo) -> int:
    """How many rows the last denial needs to be read to its end."""
    return 0 if board.denial is None else len(_denial(board.denial, zone).wrap(Console(width=width), width))


def last_lines(lines: list[Line], zone: tzinfo) -> RenderableType:
    """The last things worth reading, each on one row."""
    texts = [line_text(line, zone) for line in lines]
    for text in texts:
        text.no_wrap, text.overflow = True, "ellipsis"
    return Group(*texts)


def line_text(line: Line, zone: tzinfo) -> Text:
    """A line with its time at the exchange and its word."""
    text = Text(f"{clock(line.time, zone)[:8]:<8}  ", style="dim")
    text.append(
        f"{line.word:<9} ", style="bold red" if line.alarming else WORD_STYLES.get(line.word, "default")
    )
    text.append(harmless(line.sentence), style="bold" if line.alarming else "default")
    return text


def summary(board: Board) -> Text:
    """Where the day stands, in one line: at its end, with what is still held."""
    account = board.account
    counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in board.counts()) or "none"
    held = ", ".join(f"{plain(each.quantity)} {each.symbol}" for each in board.positions) or "nothing"
    parts = (
        f"orders: {counts}",
        f"fills: {board.fills}",
        f"held: {held}",
        f"realised {signed(account.realised)}",
        f"unrealised {signed(account.unrealised)}",
        f"fees {amount(account.fees)}",
        f"dead-machine loss {amount(account.dead_machine_loss)}",
    )
    return Text(f"{'':8}  {'day':<9} {board.trading.state}; {'; '.join(parts)}")


def clock(instant: Instant | None, zone: tzinfo) -> str:
    """The time of day at the exchange, and where that is."""
    if instant is None:
        return "--:--:--"
    moment: datetime = to_datetime(instant).astimezone(zone)
    return f"{moment:%H:%M:%S} {place_of(zone)}"


def place_of(zone: tzinfo) -> str:
    """Whose time a zone's is: `New York`."""
    return "UTC" if zone is UTC else str(zone).rpartition("/")[2].replace("_", " ")


def _color(value: Decimal) -> str:
    return "green" if value > 0 else "red" if value < 0 else "default"
