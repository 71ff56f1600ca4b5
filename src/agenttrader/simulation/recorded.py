"""A recorded session as a day that can be played: prices that a market had, and what was done to their rows.

Only rows whose minute begins in the exchange's regular session are played; all others are kept apart, counted
and not looked at. Prices finer than a tick are told as they were observed. A minute without a trade has no
bar, and nothing is invented for it. The files tell of no halts and no corporate actions: the symbol counts as
trading from open to close, and the close before is taken over only where nothing speaks against it.

A quote's row holds what was offered when its minute ended (found by comparing rows with the trades beside
them), so it is told at that minute's end, with the bar. To tell it earlier would be to know the future.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from agenttrader.model.identifiers import Digest, Symbol, digest_of
from agenttrader.model.market import Bar, Quote, StatusChange, TradingStatus
from agenttrader.model.sessions import Session
from agenttrader.model.times import MINUTE, Instant
from agenttrader.model.values import is_on_step
from agenttrader.simulation.days import Day, Moment
from agenttrader.simulation.overnight import Overnight, PreviousClose, Split, judge_close, split_between
from agenttrader.simulation.recording import Recording, Row, Rule, at_exchange, in_order, refuse

FEED = "recorded"
"""The name of the feed that serves such days; never that of a live one."""
TICK = Decimal("0.01")
GAP_MINUTES_MAX = 15
"""The longest pause that an exchange makes by itself and trades on after (a market-wide circuit breaker)."""
SPIKE_PERCENT_MAX = 10
"""Limit-up limit-down pauses the symbols that it watches closest at 5 %, and at 10 % near open and close."""

_OPEN_REASON = "recorded: the session's open; the file tells of no halts"


class Findings(Struct, frozen=True, kw_only=True):
    """What was found in the files of a day, and what was done to it; all counts are of that day."""

    file: str
    quotes_file: str | None
    sha256: Digest
    """Over the SHA-256 of each file."""
    symbol: Symbol
    day: str
    rows: int
    """Of trades, as they lie in the file."""
    bars: int
    """Played."""
    quotes: int
    """Told."""
    outside_session: int
    """Rows of trades before the open or from the close on: kept apart."""
    missing_minutes: int
    """Of the session: nothing was traded, or nothing recorded."""
    sub_penny: int
    """Bars with a price between two ticks: told as observed."""
    repaired: dict[str, int]
    """How many rows each rule of repair was applied to; empty where the file was in order."""
    previous_close: PreviousClose

    @property
    def sentence(self) -> str:
        """The counts, for a person."""
        repaired = ", ".join(f"{rule} {count}" for rule, count in self.repaired.items()) or "nothing"
        return (
            f"{self.rows} rows: {self.bars} bars played, {self.outside_session} outside the session kept "
            f"apart; {self.missing_minutes} minutes without a bar, {self.sub_penny} bars with sub-penny "
            f"prices; repaired: {repaired}"
        )


class RecordedDay(Struct, frozen=True, kw_only=True):
    """A day to play, with what was found in its files."""

    day: Day
    found: Findings
    reference: Decimal
    """A price that was known before the open, else the first: what an order is measured by before a bar."""

    @property
    def split(self) -> Split | None:
        """What the night before looks like, where it looks like a split."""
        before = self.found.previous_close
        if before.rule is not Overnight.SPLIT_BETWEEN or before.found is None:
            return None
        first = next(bar.open for moment in self.day.moments for bar in moment.bars)
        return split_between(before.found, first)


def play_back(recording: Recording, session: Session, before: Session) -> RecordedDay:
    """The recorded `session`; `before` is the exchange's session before it.

    Raises RecordingRefused, naming the rule.
    """
    trades = in_order(_of(recording.trades, session, recording), recording.file)
    in_session = [row for row in trades.rows if session.is_open_at(row.start)]
    traded = [row for row in in_session if row.said.volume]
    bars = [row.said for row in traded]
    _refuse_gaps(traded, session, recording)
    _refuse_spikes(traded, recording)
    quotes_file = recording.quotes_file or ""
    quotes = in_order((row for row in recording.quotes if row.date == session.date), quotes_file)
    told = [row.said for row in quotes.rows if session.is_open_at(row.start)]
    early = [row.said.close for row in trades.rows if row.start < session.open]
    repaired = {
        **trades.repaired,
        Rule.NO_VOLUME.value: len(in_session) - len(bars),
        **{f"quotes_{rule}": count for rule, count in quotes.repaired.items()},
    }
    return RecordedDay(
        day=_day(recording, session, bars, told),
        found=Findings(
            file=recording.file,
            quotes_file=recording.quotes_file,
            sha256=recording.digest,
            symbol=recording.symbol,
            day=session.date,
            rows=sum(row.date == session.date for row in recording.trades),
            bars=len(bars),
            quotes=len(told),
            outside_session=len(trades.rows) - len(in_session),
            missing_minutes=(session.close - session.open) // MINUTE - len(bars),
            sub_penny=sum(_is_sub_penny(bar) for bar in bars),
            repaired={rule: count for rule, count in repaired.items() if count},
            previous_close=judge_close(recording, before, bars[0].open),
        ),
        reference=early[-1] if early else bars[0].open,
    )


def _of(rows: Sequence[Row[Bar]], session: Session, recording: Recording) -> list[Row[Bar]]:
    found = [row for row in rows if row.date == session.date]
    if not found:
        there = ", ".join(recording.dates) or "none"
        refuse(Rule.ABSENT, recording.file, f"expected rows of {session.date}, found the days {there}")
    return found


def _refuse_gaps(rows: Sequence[Row[Bar]], session: Session, recording: Recording) -> None:
    edges = [session.open, *(row.said.end for row in rows)]
    starts = [*(row.start for row in rows), session.close]
    for number, (edge, start) in enumerate(zip(edges, starts, strict=True)):
        minutes = (start - edge) // MINUTE
        if minutes > GAP_MINUTES_MAX:
            before = f"line {rows[number - 1].line}" if number else "the session's open"
            after = f"line {rows[number].line}" if number < len(rows) else "the session's close"
            refuse(
                Rule.GAP,
                recording.file,
                f"expected at most {GAP_MINUTES_MAX} minutes of {session.date} in a row without a bar, found "
                f"{minutes} between {before} and {after}, from {at_exchange(edge)} to {at_exchange(start)} "
                "in New York; name another day, or put the rows that are missing into the file",
            )


def _refuse_spikes(rows: Sequence[Row[Bar]], recording: Recording) -> None:
    last = rows[0].said.open
    for row in rows:
        bar = row.said
        for price in (bar.open, bar.high, bar.low, bar.close):
            if abs(price - last) * 100 > SPIKE_PERCENT_MAX * last:
                refuse(
                    Rule.SPIKE,
                    f"{recording.file}, line {row.line}",
                    f"expected prices of {row.date} {at_exchange(row.start)} in New York within "
                    f"{SPIKE_PERCENT_MAX} % of {last:f}, found {price:f}; name another day, or mend the row "
                    "where it is an error: if that was traded, no rule here knows it",
                )
        last = bar.close


def _is_sub_penny(bar: Bar) -> bool:
    return not all(is_on_step(price, TICK) for price in (bar.open, bar.high, bar.low, bar.close))


def _day(recording: Recording, session: Session, bars: Sequence[Bar], quotes: Sequence[Quote]) -> Day:
    symbol = recording.symbol
    opened = StatusChange(symbol=symbol, time=session.open, status=TradingStatus.TRADING, reason=_OPEN_REASON)
    bar_at, quote_at = {bar.end: bar for bar in bars}, {quote.time: quote for quote in quotes}
    times = [Instant(time) for time in range(session.open, session.close + 1, MINUTE)]
    moments = tuple(
        Moment(
            time=time,
            statuses=(opened,) if time == session.open else (),
            quotes=(quote_at[time],) if time in quote_at else (),
            bars=(bar_at[time],) if time in bar_at else (),
        )
        for time in times
    )
    return Day(
        feed=FEED,
        notice=f"recorded market data: prices that {symbol} had on {session.date}, played back; not a market",
        origin=f"{symbol} from {recording.file}",
        session=session,
        symbols=(symbol,),
        moments=moments,
        digest=digest_of(msgspec.json.encode((FEED, symbol, session, moments), order="deterministic")),
    )
