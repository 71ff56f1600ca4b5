"""What a recorded file holds, row by row, and the named rules by which it is refused or repaired.

A rule's name is published (docs/recorded-days.md): it stands in every refusal, and beside the count of every
repair. Nothing is guessed: what could be two things is refused.
"""

from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import Generic, NamedTuple, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import Digest, Symbol
from agenttrader.model.market import Bar, Quote
from agenttrader.model.times import Instant, to_datetime
from agenttrader.model.words import Word


class Rule(Word):
    """Why a file or a day is refused, or what is done to its rows."""

    ABSENT = "absent"
    """There is no such folder, file, symbol or day."""
    GZIP = "gzip"
    """The file is not gzip, or is cut, or its checksum does not hold."""
    SIZE = "size"
    """The file, or its text, is larger than any recording that we read."""
    TEXT = "text"
    """The text is not ASCII, or its last line has no end: it was cut before it was packed."""
    HEADER = "header"
    """The first line does not name exactly the columns that are read."""
    COLUMNS = "columns"
    """A row has more or fewer fields than the header."""
    TIME = "time"
    """A row's time is not the beginning of a minute as YYYY-MM-DDTHH:MM:00."""
    NUMBER = "number"
    """A field is no plain decimal number, or finer or larger than any price or size."""
    PRICE = "price"
    """A traded price is not above 0 or above 1,000,000; or an offer, a size or a volume is below 0."""
    RANGE = "range"
    """A bar's open or close lies outside its low and high."""
    CHANGED = "changed"
    """The files are not those that the run was made with."""
    CONFLICT = "conflict"
    """Two rows of one minute say different things."""
    GAP = "gap"
    """A session misses more minutes in a row than any pause that an exchange makes by itself."""
    SPIKE = "spike"
    """A price lies farther from the last close than a minute can move it."""
    ORDER = "order"
    """Rows that stand before an earlier one are put into order."""
    DOUBLED = "doubled"
    """A row that says the same as the one before is left out."""
    NO_VOLUME = "no_volume"
    """A row in which nothing was traded is left out: its minute had no trade."""


class RecordingRefused(BadValue):
    """A file or a day that cannot be played; `rule` says why."""

    def __init__(self, rule: Rule, place: str, sentence: str) -> None:
        super().__init__(f"{place}: refused by rule {rule.value}: {sentence}")
        self.rule = rule


def refuse(rule: Rule, place: str, sentence: str) -> NoReturn:
    """Raise RecordingRefused."""
    raise RecordingRefused(rule, place, sentence)


def at_exchange(instant: Instant) -> str:
    """The time of day that the files write: New York's, `09:30`."""
    return f"{to_datetime(instant).astimezone(_EXCHANGE):%H:%M}"


T = TypeVar("T", Bar, Quote)
_EXCHANGE = ZoneInfo("America/New_York")


class Row(NamedTuple, Generic[T]):
    """One row: its line in the file, the exchange's date, when its minute begins, and what it says."""

    line: int
    date: str
    start: Instant
    said: T


class Recording(Struct, frozen=True, kw_only=True):
    """The files of one symbol as they lie there: every row can be, but none is judged beside another."""

    symbol: Symbol
    file: str
    """The trades', from the folder on."""
    quotes_file: str | None
    digest: Digest
    """SHA-256 over the SHA-256 of each file."""
    trades: tuple[Row[Bar], ...]
    quotes: tuple[Row[Quote], ...]

    @property
    def dates(self) -> tuple[str, ...]:
        """The exchange's dates that have trades, in order."""
        return tuple(sorted({row.date for row in self.trades}))


class Ordered(NamedTuple, Generic[T]):
    """Rows in order, one a minute, and how many needed which repair."""

    rows: tuple[Row[T], ...]
    repaired: dict[str, int]


def in_order(rows: Iterable[Row[T]], file: str) -> Ordered[T]:
    """The rows of one day by their minutes. Raises RecordingRefused for two that contradict each other."""
    found = list(rows)
    misplaced = sum(later.start < earlier.start for earlier, later in pairwise(found))
    kept = []
    for _, same in groupby(sorted(found, key=lambda row: row.start), key=lambda row: row.start):
        first, *others = same
        for other in others:
            if other.said != first.said:
                refuse(
                    Rule.CONFLICT,
                    file,
                    f"expected one row of {first.date} {at_exchange(first.start)}, found lines {first.line} "
                    f"and {other.line} that differ; find out which of them is true",
                )
        kept.append(first)
    repaired = {Rule.ORDER.value: misplaced, Rule.DOUBLED.value: len(found) - len(kept)}
    return Ordered(tuple(kept), {rule: count for rule, count in repaired.items() if count})
