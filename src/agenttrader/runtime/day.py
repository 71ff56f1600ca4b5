"""When the trading day turns: by the exchange's calendar, never by midnight."""

from agenttrader.model.events import DayOpened
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.state import State


def turn_of_day(calendar: Calendar, state: State, valued: MarkedBook, now: Instant) -> DayOpened | None:
    """The day that `now` opened.

    None where it goes on, where the calendar does not know, and before the account is known. The day's loss
    counts from the equity at this moment; where a position has no mark yet, from the last equity sampled.
    """
    if not state.book.is_open or not calendar.covers(now):
        return None
    session = calendar.latest(now)
    if session is None or (state.day is not None and state.day.session >= session.date):
        return None
    equity = valued.value().equity
    if equity is None and state.equity is not None:
        equity = state.equity.equity
    if equity is None:
        return None
    return DayOpened(session=session.date, open=session.open, close=session.close, equity=equity)
