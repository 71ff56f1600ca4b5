"""From when and until when orders trade, and which come at the wrong time."""

from typing import Any

import pytest

from agenttrader.simulation.inputs import Session
from agenttrader.simulation.orders import OrderType, Side, Status, TimeInForce
from agenttrader.testing.venue_stage import CLOSE, DAY, VenueStage, at

EVENING = 9 * 60 + 30
"""19:00, where the open is at 09:30."""
EARLY_CLOSE, WHOLE_CLOSE = 210, 390
DAY_, GTC, IOC, OPG, CLS = (TimeInForce(word) for word in ("day", "gtc", "ioc", "opg", "cls"))


@pytest.mark.parametrize(
    ("minute", "time_in_force", "hours", "status", "expires_at"),
    (
        (5, DAY_, "regular", Status.NEW, at(CLOSE)),
        (5, DAY_, "extended", Status.NEW, at(CLOSE + 30)),
        (5, GTC, "regular", Status.NEW, at(5, day=90)),
        (5, IOC, "regular", Status.NEW, at(7)),
        (5, CLS, "regular", Status.NEW, at(CLOSE)),
        (CLOSE, DAY_, "regular", Status.ACCEPTED, at(CLOSE, day=1)),
        (CLOSE, DAY_, "extended", Status.NEW, at(CLOSE + 30)),
        (CLOSE + 30, DAY_, "extended", Status.ACCEPTED, at(CLOSE + 30, day=1)),
        (EVENING, OPG, "regular", Status.ACCEPTED, at(CLOSE, day=1)),
        (EVENING, CLS, "regular", Status.ACCEPTED, at(CLOSE, day=1)),
        (DAY - 3, OPG, "regular", Status.ACCEPTED, at(CLOSE, day=1)),
    ),
)
def test_an_order_trades_from_and_until(
    minute: int, time_in_force: TimeInForce, hours: str, status: Status, expires_at: int
) -> None:
    stage = VenueStage()
    stage.watermark(minute)
    order = stage.order(
        type=OrderType.LIMIT, limit_price=90, time_in_force=time_in_force, extended_hours=hours == "extended"
    )
    assert (stage[order].status, stage[order].expires_at) == (status, expires_at)


@pytest.mark.parametrize(
    ("minute", "time_in_force", "found"),
    (
        (5, OPG, "opg orders are not accepted"),
        (DAY - 2, OPG, "opg orders are not accepted"),
        (EVENING - 1, OPG, "opg orders are not accepted"),
        (CLOSE - 10, CLS, "cls orders are not accepted"),
        (EVENING - 1, CLS, "cls orders are not accepted"),
        (CLOSE, IOC, "ioc orders are accepted only while the market is open"),
        (3 * DAY, DAY_, "no session is known"),
        (3 * DAY, OPG, "no session is known"),
    ),
)
def test_an_order_that_comes_at_the_wrong_time_is_refused(
    minute: int, time_in_force: TimeInForce, found: str
) -> None:
    stage = VenueStage()
    stage.watermark(minute)
    assert stage.refusal(time_in_force=time_in_force).startswith(found)


@pytest.mark.parametrize(
    ("minute", "time_in_force", "hours", "expires_at"),
    (
        (5, DAY_, "regular", at(EARLY_CLOSE)),
        (5, DAY_, "extended", at(EARLY_CLOSE + 240)),
        (EARLY_CLOSE - 11, CLS, "regular", at(EARLY_CLOSE)),
        (EARLY_CLOSE - 10, CLS, "regular", None),
        (EARLY_CLOSE, DAY_, "regular", at(WHOLE_CLOSE, day=1)),
        (EARLY_CLOSE, IOC, "regular", None),
        (EARLY_CLOSE + 239, DAY_, "extended", at(EARLY_CLOSE + 240)),
        (EARLY_CLOSE + 240, DAY_, "extended", at(WHOLE_CLOSE, day=1)),
        (EARLY_CLOSE + 180, OPG, "regular", None),
        (EVENING - 1, CLS, "regular", None),
        (EVENING, OPG, "regular", at(WHOLE_CLOSE, day=1)),
        (EVENING, CLS, "regular", at(WHOLE_CLOSE, day=1)),
    ),
)
def test_a_half_day_ends_early_and_its_evening_does_not(
    minute: int, time_in_force: TimeInForce, hours: str, expires_at: int | None
) -> None:
    """From 09:30 to 13:00, with more hours to 17:00; auctions' orders are taken from 19:00 on."""
    half = Session(date="2026-11-27", open=at(0), close=at(EARLY_CLOSE), late_close=at(EARLY_CLOSE + 240))
    whole = Session(date="2026-11-30", open=at(0, day=1), close=at(WHOLE_CLOSE, day=1))
    stage = VenueStage(sessions=(half, whole))
    stage.watermark(minute)
    asked: dict[str, Any] = {"time_in_force": time_in_force, "extended_hours": hours == "extended"}
    order = stage.ask(type=OrderType.LIMIT, limit_price=90, **asked).order
    assert (order and order.expires_at) == expires_at


def test_what_is_good_till_canceled_ends_at_the_first_bell_after_ninety_days() -> None:
    stage = VenueStage()
    order = stage.order(type=OrderType.LIMIT, limit_price=90, time_in_force=GTC)
    aged: dict[str, Any] = {"expires_at": at(10, day=1)}
    stage.exchange.books.amend(stage[order].become(Status.PARTIALLY_FILLED, at(2), **aged))
    assert stage.watermark(CLOSE, day=1) == ["order canceled"]


def test_a_session_without_more_hours_has_none() -> None:
    stage = VenueStage()
    sessions = stage.exchange.sessions
    assert [sessions.is_extended(at(minute)) for minute in (-31, -30, 0, CLOSE, CLOSE + 30)] == [
        *(False, True, False, True, False),
    ]
    assert [sessions.is_open(at(minute)) for minute in (-1, 0, CLOSE - 1, CLOSE)] == [
        *(False, True, True, False),
    ]
    assert sessions.next_open(at(0)) == at(0, day=1)


def test_an_extended_sale_ends_with_the_late_hours() -> None:
    stage = VenueStage()
    stage.order("entry")
    stage.bar(2, 100)
    stage.order(side=Side.SELL, type=OrderType.LIMIT, limit_price=120, extended_hours=True)
    assert stage.watermark(CLOSE + 29) == []
    assert stage.watermark(CLOSE + 30) == ["order expired"]
