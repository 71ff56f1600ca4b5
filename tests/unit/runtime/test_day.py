"""The day turns with the exchange's session, once, and its loss counts from the equity at that moment."""

from decimal import Decimal

from agenttrader.model.events import AccountOpened, DayOpened, EquitySampled, Event, Filled
from agenttrader.model.identifiers import ExecutionId
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.portfolio.marked_book import MarkedBook
from agenttrader.runtime.day import turn_of_day
from agenttrader.runtime.market_view import MarketView
from agenttrader.runtime.state import State
from agenttrader.testing.builders import (
    ALFA,
    CLOSE,
    DAY,
    MULTIPLIERS,
    OPEN,
    at,
    bar,
    calendar,
    decided,
    proposal,
    sending,
)

ACCOUNT = AccountOpened(cash=Decimal(5_000))
HOLDING = (
    decided(proposal()),
    sending(proposal()),
    Filled(
        order_id=proposal().id,
        execution_id=ExecutionId("e-1"),
        symbol=ALFA,
        side=proposal().side,
        quantity=Decimal(10),
        price=Decimal(100),
        fee=Decimal(0),
        time=at(1),
    ),
)


def sampled(equity: int) -> EquitySampled:
    zero = Decimal(0)
    return EquitySampled(
        equity=Decimal(equity),
        cash=zero,
        gross_exposure=zero,
        net_exposure=zero,
        realised=zero,
        unrealised=zero,
        fees=zero,
        dead_machine_loss=zero,
    )


def turned(now: Instant, *events: Event, close: int | None = None) -> DayOpened | None:
    state, chain, market = State(MULTIPLIERS), Chain(), MarketView("test")
    for event in events:
        state.apply(chain.seal(event, OPEN))
    if close is not None:
        market.see(bar(1, close))
    return turn_of_day(calendar(), state, MarkedBook(state.book, market.prices), now)


def day(session: str, equity: int = 5_000) -> DayOpened:
    offset = {"2026-11-19": -DAY, "2026-11-20": 0, "2026-11-23": 3 * DAY}[session]
    return DayOpened(
        session=session,
        open=Instant(OPEN + offset),
        close=Instant(CLOSE + offset),
        equity=Decimal(equity),
    )


def test_the_day_opens_with_its_session() -> None:
    assert turned(OPEN, ACCOUNT) == day("2026-11-20")
    assert turned(Instant(OPEN - 1), ACCOUNT) == day("2026-11-19")


def test_the_day_goes_on_until_the_next_session_opens_and_not_to_midnight() -> None:
    for now in (OPEN, at(200), CLOSE, Instant(OPEN + DAY), Instant(OPEN + 3 * DAY - 1)):
        assert turned(now, ACCOUNT, day("2026-11-20")) is None
    assert turned(Instant(OPEN + 3 * DAY), ACCOUNT, day("2026-11-20")) == day("2026-11-23")


def test_the_day_never_turns_back() -> None:
    assert turned(OPEN, ACCOUNT, day("2026-11-23")) is None


def test_nothing_turns_where_account_or_calendar_are_not_known() -> None:
    assert turned(OPEN) is None
    assert turned(Instant(OPEN - 11 * DAY), ACCOUNT) is None
    assert turned(Instant(OPEN - 5 * DAY), ACCOUNT) is None


def test_positions_count_at_their_mark() -> None:
    assert turned(OPEN, ACCOUNT, *HOLDING, close=103) == day("2026-11-20", 5_030)


def test_without_a_mark_the_last_sample_counts_and_without_one_the_day_waits() -> None:
    assert turned(OPEN, ACCOUNT, *HOLDING, sampled(4_990)) == day("2026-11-20", 4_990)
    assert turned(OPEN, ACCOUNT, *HOLDING) is None
