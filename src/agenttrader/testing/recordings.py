"""Small recorded files, made up: what `adapters.recorded_files` reads, whole or spoilt on purpose."""

import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from agenttrader.adapters.recorded_files import QUOTES, QUOTES_HEADER, TRADES, TRADES_HEADER, ZONE
from agenttrader.model.times import to_datetime
from agenttrader.simulation.days import Day

CENT = Decimal("0.01")
MINUTES = 390
"""Of a whole session."""
_SWAY = (0, 1, 3, 6, 8, 9, 8, 6, 3, 1)
"""What a made-up price lies above its first, minute by minute, in cents."""


def trade_rows(
    day: str, first: str = "100.00", *, start: str = "09:30", minutes: int = MINUTES, volume: int = 1_000
) -> list[str]:
    """One row a minute from `start` on, New York time: a price that sways around `first`."""
    return [_trade_row(time, number, Decimal(first), volume) for number, time in _times(day, start, minutes)]


def quote_rows(day: str, first: str = "100.00", *, start: str = "09:30", minutes: int = MINUTES) -> list[str]:
    """The offers at the end of each minute: a cent to either side of the trades' close."""
    rows = []
    for number, time in _times(day, start, minutes):
        close = _price(number, Decimal(first)) + CENT
        rows.append(f"{time},{close - CENT},200,{close + CENT},300")
    return rows


def rows_of(day: Day) -> list[str]:
    """The bars of a generated day of one symbol as rows of trades."""
    zone = ZoneInfo(ZONE)
    return [
        f"{to_datetime(bar.start).astimezone(zone):%Y-%m-%dT%H:%M:%S},"
        f"{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume}"
        for moment in day.moments
        for bar in moment.bars
    ]


def write_trades(folder: Path, symbol: str, rows: Iterable[str]) -> Path:
    """The file of trades that holds these rows."""
    return pack(folder / f"{symbol}{TRADES}", (TRADES_HEADER, *rows))


def write_quotes(folder: Path, symbol: str, rows: Iterable[str]) -> Path:
    """The file of quotes that holds these rows."""
    return pack(folder / f"{symbol}{QUOTES}", (QUOTES_HEADER, *rows))


def pack(path: Path, lines: Iterable[str]) -> Path:
    """A file of these lines; equal lines make equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    return path


def _times(day: str, start: str, minutes: int) -> list[tuple[int, str]]:
    first = datetime.fromisoformat(f"{day}T{start}:00")
    return [(number, (first + timedelta(minutes=number)).isoformat()) for number in range(minutes)]


def _price(number: int, first: Decimal) -> Decimal:
    return first + _SWAY[number % len(_SWAY)] * CENT


def _trade_row(time: str, number: int, first: Decimal, volume: int) -> str:
    price = _price(number, first)
    return f"{time},{price},{price + 3 * CENT},{price - 2 * CENT},{price + CENT},{volume}"
