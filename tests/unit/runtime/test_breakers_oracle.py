"""Whatever happens: every breaker trips exactly when it should, by an oracle written otherwise.

The oracle goes over the whole record each time, in fractions and lists; nothing is kept from before. At each
record another process is folded from what stands up to there, and wants just what comes next.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from agenttrader.model.authority import EVERYTHING, Scope
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    Accepted,
    AnswerLost,
    CashPosted,
    DayOpened,
    Decided,
    EquitySampled,
    Event,
    Filled,
    Halted,
    Reconciled,
    Rejected,
    Resumed,
    Warned,
)
from agenttrader.model.orders import Leg, Side
from agenttrader.model.records import Sealed
from agenttrader.model.reports import ReportKind
from agenttrader.model.times import MINUTE, Instant
from agenttrader.runtime.breakers import COMPARISONS, DAY, DRAWDOWN, ERRORS, LATENCY, LOSSES, REJECTIONS
from agenttrader.runtime.inputs import MarketSeen, StatementGiven, SwitchSeen
from agenttrader.testing.breakers import BREAKERS
from agenttrader.testing.builders import ACCOUNT, BRAVO, bar, compared, proposal, signed, switch
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.tripping import (
    MINE,
    WHOLE,
    folded,
    holding,
    leave,
    move_money,
    of_breakers,
    restarted,
    resume,
    ticks,
)

D = Decimal
ACTIVE, REDUCE_ONLY, HALTED, _ = TradingState
LIMITS = structs.replace(
    BREAKERS,
    soft_fraction=D("0.1"),
    medium_fraction=D("0.2"),
    hard_fraction=D("0.3"),
    day_loss_max=D(12_000),
    loss_streak_max=1,
    rejects_max=1,
    reject_minutes=5,
    broker_latency_seconds_max=60,
    broker_latency_answers=2,
    errors_max=1,
    error_minutes=5,
    breaking_comparisons_max=1,
)
DIFFERS = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="the cash differs")
NEXT_DAY = 3 * 24 * 60

Records = Sequence[Sealed[Event]]
Wanted = tuple[str, Scope, TradingState]

PRICES = st.integers(1, 220)
_WHAT = {
    "ticks": st.lists(PRICES, min_size=1, max_size=4),
    "fall": PRICES,
    "transfer": st.integers(-120_000, 200_000).filter(bool),
    "resume": st.sampled_from((WHOLE, EVERYTHING, MINE)),
    "trips": st.lists(st.integers(96, 101), min_size=2, max_size=3),
    "rejections": st.lists(st.integers(0, 3), min_size=1, max_size=3),
    "answers": st.lists(st.integers(0, 3), min_size=1, max_size=3),
    "losses": st.lists(st.integers(0, 3), min_size=1, max_size=3),
    "compare": st.sampled_from(("agrees", "differs", "fails")),
    "turn": st.none(),
}
HISTORY = st.lists(st.one_of(*(st.tuples(st.just(kind), what) for kind, what in _WHAT.items())), max_size=14)


class Day:
    """What happens, and the minute that it is."""

    def __init__(self) -> None:
        self.driver = holding(LIMITS)
        self.minute = 5
        self.entries = 0

    def do(self, number: int, kind: str, what: Any) -> None:
        """One thing more; what is denied is nothing."""
        driver = self.driver
        match kind:
            case "ticks" | "fall":
                prices = what if kind == "ticks" else [what] * 3
                ticks(driver, self.minute, *prices)
                self.minute += len(prices)
            case "turn":
                self.turn()
            case "transfer":
                move_money(driver, number, what)
            case "resume":
                resume(driver, what, number)
            case "compare":
                failure = "no answer" if what == "fails" else ""
                driver.give(compared(*[DIFFERS] * (what == "differs"), failure=failure))
            case _:
                for each in what:
                    self.enter(kind, each)

    def turn(self) -> None:
        """The next trading day, with a window of its own; there is one."""
        if self.minute < NEXT_DAY:
            ticks(self.driver, NEXT_DAY, 100)
            self.minute, now = NEXT_DAY + 1, self.driver.now
            window = signed(nonce="tomorrow", start=now, end=Instant(now + 6 * 60 * MINUTE))
            self.driver.give(compared(), StatementGiven(window), SwitchSeen(switch(ACTIVE)))

    def enter(self, kind: str, what: int) -> None:
        """An entry, and what the broker makes of it after so many minutes, or at what price it is left."""
        driver = self.driver
        self.entries += 1
        entry = proposal(1 + self.entries, legs=(Leg(BRAVO),))
        driver.give(MarketSeen(bar(self.minute - 1, 100, BRAVO)))
        driver.propose(entry)
        if driver.order(entry.id).denied_by is not None:
            return
        if kind == "trips":
            driver.accept(entry.id)
            driver.fill(entry.id, f"entry-{self.entries}", 10)
            leave(driver, 1 + self.entries, what)
            return
        driver.now = Instant(driver.now + what * MINUTE)
        if kind == "rejections":
            driver.report(ReportKind.REJECTED, entry.id)
        elif kind == "losses":
            driver.report(ReportKind.ANSWER_LOST, entry.id)
        else:
            driver.accept(entry.id)
            driver.report(ReportKind.CANCELED, entry.id)


def oracle(records: Records) -> Iterator[Wanted]:
    """What the breakers have to have said by these records, in their order."""
    said: dict[tuple[str, Scope], TradingState] = {}
    since: dict[tuple[str, Scope], int] = {}
    for end in range(1, len(records) + 1):
        told, last = records[:end], records[end - 1].event
        if isinstance(last, Resumed):
            for key in [each for each, state in said.items() if state is not ACTIVE]:
                if last.scope in (EVERYTHING, key[1]):
                    del said[key]
                    since[key] = end
        drawdown = fallen(told, since.get((DRAWDOWN, WHOLE), 0))
        if isinstance(last, EquitySampled) and drawdown == 0 and said.get((DRAWDOWN, WHOLE)) is ACTIVE:
            del said[DRAWDOWN, WHOLE]
        for by, scope, state in wanted(told, since, drawdown):
            before = said.get((by, scope))
            if before is None or before.severity < state.severity:
                said[by, scope] = state
                yield by, scope, state


def wanted(told: Records, since: dict[tuple[str, Scope], int], drawdown: Fraction | None) -> Iterator[Wanted]:
    """What each breaker asks for at the end of these records."""
    for fraction, state in (
        (LIMITS.hard_fraction, HALTED),
        (LIMITS.medium_fraction, REDUCE_ONLY),
        (LIMITS.soft_fraction, ACTIVE),
    ):
        if drawdown is not None and drawdown >= Fraction(fraction):
            yield DRAWDOWN, WHOLE, state
            break
    lost = lost_today(told, since.get((DAY, WHOLE), 0))
    if lost is not None and lost > Fraction(LIMITS.day_loss_max):
        yield DAY, WHOLE, REDUCE_ONLY
    waits = list(waited(told, since.get((LATENCY, WHOLE), 0)))[-LIMITS.broker_latency_answers :]
    if len(waits) == LIMITS.broker_latency_answers and min(waits) > MINUTE:
        yield LATENCY, WHOLE, REDUCE_ONLY
    after = told[since.get((ERRORS, WHOLE), 0) :]
    failed = [
        record.time
        for record in after
        if isinstance(record.event, AnswerLost)
        or (isinstance(record.event, Reconciled) and record.event.failure)
    ]
    if len(failed) > 1 and failed[-1] - failed[-2] < 5 * MINUTE:
        yield ERRORS, WHOLE, REDUCE_ONLY
    comparisons = [
        r.event
        for r in told[since.get((COMPARISONS, WHOLE), 0) :]
        if isinstance(r.event, Reconciled) and not r.event.failure
    ]
    if len(comparisons) > 1 and all(each.breaks for each in comparisons[-2:]):
        yield COMPARISONS, WHOLE, REDUCE_ONLY
    trips = list(nets(told, since.get((LOSSES, MINE), 0)))
    if len(trips) > 1 and max(trips[-2:]) < 0:
        yield LOSSES, MINE, REDUCE_ONLY
    rejected = [r.time for r in told[since.get((REJECTIONS, MINE), 0) :] if isinstance(r.event, Rejected)]
    if len(rejected) > 1 and rejected[-1] - rejected[-2] < 5 * MINUTE:
        yield REJECTIONS, MINE, HALTED


def fallen(told: Records, begun: int) -> Fraction | None:
    """What part of the highest is gone: with every sample kept, moved by what came and went."""
    samples: list[Fraction] = []
    high, is_emptied = Fraction(0), False
    for number, record in enumerate(told, 1):
        match record.event:
            case EquitySampled(equity=equity):
                samples.append(Fraction(equity))
                high = max(high, min(samples[-3:]) if len(samples) > 2 else Fraction(0))
            case CashPosted(activity=activity):
                middle, amount = sorted(samples[-3:])[1], Fraction(activity.amount)
                if high > 0 and middle > 0 and middle + amount > 0:
                    ratio = (middle + amount) / middle
                    high, samples = high * ratio, [each * ratio for each in samples]
                else:
                    is_emptied, samples = high > 0 or is_emptied, [each + amount for each in samples]
            case _:
                pass
        if number == begun:
            high, is_emptied = max(Fraction(0), min(samples[-3:])), False
    if high <= 0:
        return None
    return Fraction(1) if is_emptied else max(Fraction(0), high - max(samples[-3:])) / high


def lost_today(told: Records, begun: int) -> Fraction | None:
    """What the day has lost by every one of its last three samples, as if all transfers had always been."""
    flows = [
        Fraction(r.event.activity.amount) if isinstance(r.event, CashPosted) else Fraction(0) for r in told
    ]
    # The equity of each sample as if what came or went had come before the first.
    held = [
        (number, Fraction(r.event.equity) + sum(flows[number:]))
        for number, r in enumerate(told)
        if isinstance(r.event, EquitySampled)
    ]
    opens = [number for number, r in enumerate(told) if isinstance(r.event, DayOpened)]
    if not opens:
        return None
    opening = told[opens[-1]].event
    assert isinstance(opening, DayOpened)
    yesterday = opens[-2] if len(opens) > 1 else -1
    around = [each for number, each in held if yesterday < number < opens[-1]][-2:]
    at_open = Fraction(opening.equity) + sum(flows[opens[-1] :])
    start = sorted([*around, at_open])[1] if len(around) == 2 else at_open
    today = [(number, each) for number, each in held if number > opens[-1]]
    before = [each for number, each in today if number < begun][-3:]
    if len(before) == 3:
        start = min(before)
    last = [each for _, each in today][-3:]
    return start - max(last) if len(last) == 3 else None


def waited(told: Records, begun: int) -> Iterator[float]:
    """How long each order that left waited for the broker's first word."""
    left: dict[str, int] = {}
    for number, record in enumerate(told):
        match record.event:
            case Decided(decision=decision, proposal=asked, instruction=instruction):
                if decision.denied_by is None and instruction is not None:
                    left[asked.id] = record.time
            case Accepted(order_id=name) | Rejected(order_id=name) | Filled(order_id=name):
                if name in left and number >= begun:
                    yield record.time - left[name]
                left.pop(name, None)
            case AnswerLost(order_id=name):
                if name in left and number >= begun:
                    yield float("inf")
                left.pop(name, None)
            case _:
                pass


def nets(told: Records, begun: int) -> Iterator[Fraction]:
    """What each round trip in BRAVO made."""
    held = cash = Fraction(0)
    for number, record in enumerate(told):
        match record.event:
            case Filled(symbol=symbol, side=side, quantity=quantity, price=price, fee=fee) if symbol == BRAVO:
                signed = Fraction(quantity) * (1 if side is Side.BUY else -1)
                held, cash = held + signed, cash - signed * Fraction(price) - Fraction(fee)
                if held == 0:
                    if number >= begun:
                        yield cash
                    cash = Fraction(0)
            case _:
                pass


def as_wanted(event: Halted | Warned) -> Wanted:
    return event.by, event.scope, event.state if isinstance(event, Halted) else ACTIVE


@settings(max_examples=60)
@given(HISTORY)
def test_each_trips_exactly_when_it_should_and_every_restart_knows_it(
    history: list[tuple[str, Any]],
) -> None:
    day = Day()
    shadow = folded(day.driver.records)
    for number, (kind, what) in enumerate(history):
        before = len(day.driver.records)
        day.do(number, kind, what)
        events = [record.event for record in day.driver.records]
        for cut in range(before, len(events)):
            shadow.apply(day.driver.records[cut])
            due = list(shadow.breakers.due(LIMITS, ACCOUNT))
            # What else the same input brings about stands before it.
            assert due == of_breakers(events[cut + 1 :])[: len(due)]
        again = restarted(day.driver)
        assert dump_state(again.engine.state) == dump_state(day.driver.engine.state)
        day.driver = again
    said = of_breakers([record.event for record in day.driver.records])
    assert list(map(as_wanted, said)) == list(oracle(day.driver.records))
