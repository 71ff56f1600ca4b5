"""The trading days of a calendar in Alpaca's words, for whoever answers `GET /v2/calendar`."""

from collections.abc import Sequence
from typing import Protocol

from agenttrader.app.new_york import wall_time
from agenttrader.model.times import Instant
from agenttrader.protocols.alpaca_market import CalendarDay


class TradingDay(Protocol):
    """One day on which an exchange trades."""

    @property
    def date(self) -> str:
        """The exchange's own, YYYY-MM-DD."""
        ...

    @property
    def open(self) -> Instant:
        """When its session begins."""
        ...

    @property
    def close(self) -> Instant:
        """When its session ends."""
        ...

    @property
    def early_open(self) -> Instant | None:
        """When its early hours begin, where it has such."""
        ...

    @property
    def late_close(self) -> Instant | None:
        """When its late hours end, where it has such."""
        ...


def calendar_days(
    days: Sequence[TradingDay], start: str | None, end: str | None, *, by_settlement: bool
) -> list[CalendarDay]:
    """Those of `days` from `start` to `end`, both included, by their own date or by that of settlement."""
    settlements = [*(day.date for day in days[1:]), None]
    found = [_calendar_day(day, settled) for day, settled in zip(days, settlements, strict=True)]
    return [
        day for day in found if _lies_within(day.settlement_date if by_settlement else day.date, start, end)
    ]


def _lies_within(day: str | None, start: str | None, end: str | None) -> bool:
    return day is not None and (start is None or day >= start) and (end is None or day <= end)


def _calendar_day(day: TradingDay, settlement: str | None) -> CalendarDay:
    early = day.open if day.early_open is None else day.early_open
    late = day.close if day.late_close is None else day.late_close
    return CalendarDay(
        date=day.date,
        open=_hands(day.open, ":"),
        close=_hands(day.close, ":"),
        session_open=_hands(early, ""),
        session_close=_hands(late, ""),
        settlement_date=settlement,
    )


def _hands(instant: Instant, between: str) -> str:
    return wall_time(instant).strftime(f"%H{between}%M")
