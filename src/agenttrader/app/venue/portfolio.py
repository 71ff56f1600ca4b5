"""What an account was worth, as clients ask for it: by day, or by windows of minutes.

Alpaca documents the parameters, their defaults and bounds ("Get Account Portfolio History"). Where its page
is not clear, the rules are our own: a period of n days ends with the day of its end and begins n - 1 days
before; a day's point has the time 20:00 in New York, as in the page's examples; gains by day are told against
`base_value`, as its text says, though its examples tell them against the day before.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from agenttrader.app.new_york import at, day_of
from agenttrader.app.venue.activities import activity_answer
from agenttrader.app.venue.questions import Parameters
from agenttrader.app.venue.spans import DAY, Span, span_asked
from agenttrader.app.venue.valuations import Valuations
from agenttrader.model.errors import BadValue
from agenttrader.model.times import SECOND, Instant
from agenttrader.protocols.alpaca_account import PortfolioHistory
from agenttrader.protocols.alpaca_trading import ACTIVITY_TYPES
from agenttrader.simulation.exchange import Exchange
from agenttrader.simulation.inputs import Session
from agenttrader.simulation.listings import money

REPORTING = ("market_hours", "extended_hours", "continuous")
_CENT, _PART = Decimal("0.01"), Decimal("0.000001")
_DAYS_POINT_HOUR = 20


class _Point(NamedTuple):
    """A window's label, the day it counts to, and what the account was worth at its end, in femtos."""

    label: Instant
    day: str
    equity: int


def history_asked(
    exchange: Exchange, valuations: Valuations, account: str, parameters: Parameters
) -> PortfolioHistory:
    """The history that is asked for. Raises BadValue for parameters that cannot be."""
    span = span_asked(parameters, exchange.clock)
    reporting = parameters.word("intraday_reporting", REPORTING, "market_hours")
    if parameters.flag("extended_hours"):
        reporting = "extended_hours"
    resets = parameters.word("pnl_reset", ("per_day", "no_reset"), "per_day") == "per_day"
    types = _cashflow_types(parameters)
    parameters.finish()
    by_day = span.step == DAY
    if by_day:
        points = list(_days(exchange, valuations, account, span))
    else:
        points = list(_windows(exchange, valuations, account, span, reporting))
    base_day = points[0].day if points else day_of(span.start).isoformat()
    close = valuations.close_before(account, base_day)
    base = valuations.first[account] if close is None else close.equity
    if close is None and by_day and points:
        base = points[0].equity  # the first point is what the others are held against
    bases = [
        _base_of(valuations, account, point.day, base) if resets and not by_day else base for point in points
    ]
    return PortfolioHistory(
        timestamp=tuple(point.label // SECOND for point in points),
        equity=tuple(_dollars(point.equity) for point in points),
        profit_loss=tuple(_dollars(point.equity - of) for point, of in zip(points, bases, strict=True)),
        profit_loss_pct=tuple(_part(point.equity - of, of) for point, of in zip(points, bases, strict=True)),
        base_value=_dollars(base),
        base_value_asof=None if close is None else close.date,
        timeframe=span.timeframe,
        cashflow=_cashflow(exchange, account, points, types, by_day=by_day) if types is not None else None,
    )


def _days(exchange: Exchange, valuations: Valuations, account: str, span: Span) -> Iterator[_Point]:
    """A point for each trading day that has opened; today's at what the account is worth now."""
    closes = {close.date: close.equity for close in valuations.closes[account]}
    for session in exchange.settings.sessions:
        if day_of(span.start).isoformat() <= session.date <= day_of(span.end).isoformat():
            if session.open > exchange.clock:
                return
            equity = closes.get(session.date, exchange.books.equity(account))
            day = date.fromisoformat(session.date)
            yield _Point(at(day, _DAYS_POINT_HOUR), session.date, equity)


def _windows(
    exchange: Exchange, valuations: Valuations, account: str, span: Span, reporting: str
) -> Iterator[_Point]:
    """A point for each window that has begun, its worth as of its end, or as of now."""
    last = min(span.end, exchange.clock)
    for day, first, end in _ranges(exchange.settings.sessions, span, reporting):
        label = first
        while label <= min(end, last):
            yield _Point(label, day, valuations.equity_at(account, Instant(label + span.step)))
            label = Instant(label + span.step)


def _ranges(
    sessions: Sequence[Session], span: Span, reporting: str
) -> Iterator[tuple[str, Instant, Instant]]:
    """The stretches of time that are told of, each with its day: sessions, or all the time by days."""
    if reporting == "continuous":
        day, label = day_of(span.start), Instant(span.start - span.start % span.step)
        while label <= span.end:
            end = Instant(at(day + timedelta(days=1), 0) - span.step)
            yield day.isoformat(), label, min(end, span.end)
            day, label = day + timedelta(days=1), Instant(max(end + span.step, label + span.step))
        return
    for session in sessions:
        if day_of(span.start).isoformat() <= session.date <= day_of(span.end).isoformat():
            early, late = session.open, session.close
            if reporting == "extended_hours":
                early = session.early_open if session.early_open is not None else early
                late = session.late_close if session.late_close is not None else late
            yield session.date, early, late


def _base_of(valuations: Valuations, account: str, day: str, otherwise: int) -> int:
    close = valuations.close_before(account, day)
    return otherwise if close is None else close.equity


def _cashflow_types(parameters: Parameters) -> frozenset[str] | None:
    """The types of activities whose sums are told beside; None for none."""
    found = parameters.listed("cashflow_types")
    if found is None or found == {"NONE"}:
        return None
    if found == {"ALL"}:
        return ACTIVITY_TYPES
    for wrong in sorted(found - ACTIVITY_TYPES):
        raise BadValue(f"cashflow_types: expected ALL, NONE or types of Alpaca's, found {wrong!r}")
    return found


def _cashflow(
    exchange: Exchange, account: str, points: Sequence[_Point], types: frozenset[str], *, by_day: bool
) -> dict[str, tuple[Decimal, ...]]:
    """The net amounts of each type that there was, summed by the window in which they were posted."""
    labels = [point.label for point in points]
    days = {point.day: place for place, point in enumerate(points)}
    sums: dict[str, list[Decimal]] = {}
    for activity in exchange.activities[account]:
        told = activity_answer(activity, account, exchange.books.listings)
        if told.activity_type not in types or told.net_amount is None:
            continue
        place = days.get(day_of(activity.time).isoformat()) if by_day else None
        if not by_day and labels and activity.time >= labels[0]:
            place = bisect_right(labels, activity.time) - 1
        if place is not None:
            sums.setdefault(told.activity_type, [Decimal(0)] * len(points))[place] += told.net_amount
    return {name: tuple(column) for name, column in sorted(sums.items())}


def _dollars(femtos: int) -> Decimal:
    return money(femtos).quantize(_CENT)


def _part(change: int, of: int) -> Decimal:
    return (Decimal(change) / of).quantize(_PART) if of else Decimal(0)
