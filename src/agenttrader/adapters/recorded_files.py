"""Recorded minutes from files: gzipped CSV in New York time, for each symbol one of trades, one of quotes.

`SYMBOL_trade.csv.gz` and `SYMBOL_quote.csv.gz` lie in the folder that is named, or in `equities/minute` of
it; without quotes a day has none. Here a file is taken apart and every row judged by itself; one bad row
refuses the file, for who wrote it cannot be trusted with the others. The rules: `simulation.recording`.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Symbol, digest_of
from agenttrader.model.market import Bar, Quote
from agenttrader.model.times import MINUTE, Instant, from_datetime
from agenttrader.simulation.listings import DECIMALS, PRICE_MAX
from agenttrader.simulation.recording import Recording, Row, Rule, refuse

PLACES = (".", "equities/minute")
"""Where in the folder the files are looked for; the first place that has any is taken."""
TRADES, QUOTES = "_trade.csv.gz", "_quote.csv.gz"
TRADES_HEADER = "time_new_york,open,high,low,close,volume"
QUOTES_HEADER = "time_new_york,bid,bid_size,ask,ask_size"
ZONE = "America/New_York"
FILE_BYTES_MAX = 32 * 1024 * 1024
TEXT_BYTES_MAX = 128 * 1024 * 1024
"""A year of minutes is about 12 MB of text."""
NAMES_SHOWN = 8
"""Of the files that are none of ours."""

_SYMBOL = re.compile(r"[A-Z]{1,6}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00", re.ASCII)
_NUMBER = re.compile(rf"-?\d{{1,12}}(?:\.\d{{1,{DECIMALS}}})?", re.ASCII)

T = TypeVar("T", Bar, Quote)


def recorded_symbols(folder: Path) -> tuple[Symbol, ...]:
    """The symbols that `folder` has trades of, by name. Raises RecordingRefused where it has none."""
    place = _place(folder)
    names = sorted(path.name.removesuffix(TRADES) for path in place.glob(f"*{TRADES}"))
    found = tuple(Symbol(name) for name in names if _SYMBOL.fullmatch(name))
    if not found:
        refuse(
            Rule.ABSENT,
            f"{place}",
            f"expected SYMBOL{TRADES} with a SYMBOL of one to six capital letters, found "
            f"{_listed([f'{name}{TRADES}' for name in names])}; rename them",
        )
    return found


def read_recording(folder: Path, symbol: str) -> Recording:
    """The files of `symbol`, every row of them. Raises RecordingRefused, naming file, rule and line."""
    place, there = _place(folder), recorded_symbols(folder)
    if symbol not in there:
        refuse(Rule.ABSENT, f"{folder}", f"expected one of {', '.join(there)}, found symbol {symbol!r:.40}")
    file, quotes_file = place / f"{symbol}{TRADES}", place / f"{symbol}{QUOTES}"
    has_quotes = quotes_file.is_file()
    packed = _packed(file)
    packed_quotes = _packed(quotes_file) if has_quotes else b""
    digests = [hashlib.sha256(each).hexdigest() for each in (packed, packed_quotes) if each]
    return Recording(
        symbol=Symbol(symbol),
        file=str(file.relative_to(folder)),
        quotes_file=str(quotes_file.relative_to(folder)) if has_quotes else None,
        digest=digest_of("".join(digests).encode()),
        trades=_rows(file, packed, TRADES_HEADER, lambda *words: _bar(Symbol(symbol), *words)),
        quotes=(
            _rows(quotes_file, packed_quotes, QUOTES_HEADER, lambda *words: _quote(Symbol(symbol), *words))
            if has_quotes
            else ()
        ),
    )


def _place(folder: Path) -> Path:
    places = [folder / place for place in PLACES]
    found = next((place for place in places if any(place.glob(f"*{TRADES}"))), None)
    if found is None:
        wanted = " or ".join(f"{place}/SYMBOL{TRADES}" for place in places)
        refuse(Rule.ABSENT, f"{folder}", f"expected {wanted}, found {_seen(places)}")
    return found


def _seen(places: Sequence[Path]) -> str:
    """What lies in a folder that has no file of trades, and that it is none."""
    if not places[0].is_dir():
        return "no such folder"
    names = [path.name for place in places if place.is_dir() for path in sorted(place.iterdir())]
    return f"{_listed(names)}: none is a file of trades by its name" if names else "an empty folder"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _packed(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            refuse(Rule.SIZE, path.name, f"expected at most {FILE_BYTES_MAX} bytes, found {size}")
        return path.read_bytes()
    except OSError as error:
        refuse(Rule.ABSENT, path.name, f"expected a file that can be read, found: {error.strerror}")


def _rows(
    path: Path, packed: bytes, header: str, read: Callable[[str, Instant, Sequence[str]], T]
) -> tuple[Row[T], ...]:
    """`read` makes something of a row's place, its minute and its numbers."""
    first, *lines = _text(path, packed).split("\n")
    if first != header:
        refuse(Rule.HEADER, path.name, f"expected the first line {header!r}, found {first!r:.200}")
    return tuple(_each(path.name, lines, header.count(",") + 1, read))


def _text(path: Path, packed: bytes) -> str:
    try:
        with gzip.GzipFile(fileobj=BytesIO(packed)) as file:
            found = file.read(TEXT_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        refuse(Rule.GZIP, path.name, f"expected a whole gzip file, found: {error}; copy it anew")
    if len(found) > TEXT_BYTES_MAX:
        refuse(Rule.SIZE, path.name, f"expected at most {TEXT_BYTES_MAX} bytes of text, found more")
    if b"\r" in found:
        refuse(
            Rule.TEXT,
            path.name,
            "expected lines that end in a line feed alone, found carriage returns, as Windows writes them; "
            f"take them out: gzip -dc {path.name} | tr -d '\\r' | gzip > NEW",
        )
    if not found.endswith(b"\n") or not found.isascii():
        refuse(Rule.TEXT, path.name, "expected lines of ASCII text that all end, found others; copy it anew")
    return found.decode("ascii").removesuffix("\n")


def _each(
    file: str, lines: Sequence[str], columns: int, read: Callable[[str, Instant, Sequence[str]], T]
) -> Iterator[Row[T]]:
    zone = ZoneInfo(ZONE)
    for number, line in enumerate(lines, 2):
        place = f"{file}, line {number}"
        words = line.split(",")
        if len(words) != columns:
            refuse(Rule.COLUMNS, place, f"expected {columns} fields, found {len(words)}: {line!r:.200}")
        start = _time(place, words[0], zone)
        yield Row(number, words[0][:10], start, read(place, start, words[1:]))


def _time(place: str, text: str, zone: ZoneInfo) -> Instant:
    sentence = f"expected the beginning of a minute as YYYY-MM-DDTHH:MM:00, found {text!r:.60}"
    if not _TIME.fullmatch(text):
        refuse(Rule.TIME, place, sentence)
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone))
    except ValueError:  # no date; or BadValue, which is one: none that an instant can name
        refuse(Rule.TIME, place, sentence)


def _number(place: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        refuse(
            Rule.NUMBER,
            place,
            f"expected a number of at most 12 digits before and {DECIMALS} after the point, "
            f"found {text!r:.60}",
        )
    return Decimal(text)


def _bar(symbol: Symbol, place: str, start: Instant, words: Sequence[str]) -> Bar:
    prices = [_number(place, word) for word in words]
    volume = prices.pop()
    if not all(0 < price <= PRICE_MAX for price in prices) or volume < 0:
        refuse(
            Rule.PRICE,
            place,
            f"expected prices above 0 and at most {PRICE_MAX} and a volume of 0 or more, "
            f"found {', '.join(words)}",
        )
    first, high, low, last = prices
    try:
        return Bar(
            symbol=symbol,
            start=start,
            interval=MINUTE,
            open=first,
            high=high,
            low=low,
            close=last,
            volume=volume,
        )
    except BadValue:
        refuse(Rule.RANGE, place, f"expected open and close from low to high, found {', '.join(words)}")


def _quote(symbol: Symbol, place: str, start: Instant, words: Sequence[str]) -> Quote:
    """A side that is empty is offered by nobody: 0."""
    bid, bid_size, ask, ask_size = (_number(place, word) if word else Decimal(0) for word in words)
    if min(bid, bid_size, ask, ask_size) < 0 or max(bid, ask) > PRICE_MAX:
        refuse(
            Rule.PRICE,
            place,
            f"expected offers of 0 or more and at most {PRICE_MAX}, found {', '.join(words)}",
        )
    return Quote(
        symbol=symbol,
        time=Instant(start + MINUTE),
        bid_price=bid,
        bid_size=bid_size,
        ask_price=ask,
        ask_size=ask_size,
    )
