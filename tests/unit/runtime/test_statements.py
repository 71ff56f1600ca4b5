"""What a person's statement brings about, and every sentence with which it is refused."""

from typing import Any

import pytest

from agenttrader.model.authority import EVERYTHING, MAY_SIGN, Act, Mode, PersonRole, Scope, ScopeKind
from agenttrader.model.breaks import Break, BreakKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.events import (
    BreakFound,
    Event,
    Halted,
    LinkChanged,
    Reconciled,
    Resumed,
    WindowClosed,
    WindowExtended,
    WindowOpened,
    WindowResumed,
    WindowSuspended,
)
from agenttrader.model.identifiers import Digest
from agenttrader.model.records import Chain
from agenttrader.model.times import Instant
from agenttrader.runtime.state import State
from agenttrader.runtime.statements import judge
from agenttrader.testing.builders import (
    ALFA,
    CLOSE,
    MULTIPLIERS,
    OPEN,
    PERSON,
    at,
    authority,
    calendar,
    segment,
    signed,
)

OF_ALFA = Scope(ScopeKind.SYMBOL, ALFA)


def reconciled(*breaks: Break, failure: str = "") -> Reconciled:
    return Reconciled(
        run="1", statement_time=OPEN, orders=0, positions=0, executions=0, breaks=breaks, failure=failure
    )


def link(name: str, *, up: bool = True, reason: str = "connected") -> LinkChanged:
    return LinkChanged(link=name, up=up, reason=reason)


BROKEN = Break(kind=BreakKind.CASH, ours="1", theirs="2", sentence="cash differs by 1")
LATCHED = Halted(scope=OF_ALFA, state=TradingState.FROZEN, by="ada", reason="news")
OPENED = WindowOpened(signed=signed(nonce="opened before"))
SUSPENDED = (OPENED, WindowSuspended(reason="a restart"))
READY: tuple[Event, ...] = (segment(), link("broker"), link("marketdata"), reconciled())


def judged(
    act: Act,
    *events: Event,
    ready: tuple[Event, ...] = READY,
    given: dict[str, Any] | None = None,
    now: Instant = at(1),  # noqa: B008 - a constant
    **says: Any,
) -> Event | str:
    state, chain = State(MULTIPLIERS), Chain()
    for event in (*ready, *events):
        state.apply(chain.seal(event, OPEN))
    return judge(signed(act, **says), authority(**(given or {})), state, calendar(), now)


# What is brought about.


def test_a_statement_that_holds_opens_resumes_and_lifts() -> None:
    assert judged(Act.OPEN_WINDOW) == WindowOpened(signed=signed(Act.OPEN_WINDOW))
    assert judged(Act.RESUME_WINDOW, *SUSPENDED) == WindowResumed(signed=signed(Act.RESUME_WINDOW))
    assert judged(Act.RESUME, LATCHED, scope=OF_ALFA) == Resumed(
        scope=OF_ALFA, signed=signed(Act.RESUME, scope=OF_ALFA)
    )
    assert isinstance(judged(Act.RESUME, LATCHED, scope=EVERYTHING), Resumed)


@pytest.mark.parametrize("role", (PersonRole.OPERATOR, PersonRole.APPROVER, PersonRole.ADMIN))
def test_an_operator_and_who_stands_above_may(role: PersonRole) -> None:
    assert isinstance(judged(Act.OPEN_WINDOW, given={"people": {PERSON: role}}), WindowOpened)


def test_another_window_may_follow_one_that_was_closed() -> None:
    closed = WindowClosed(by="ada", reason="lunch")
    assert isinstance(judged(Act.OPEN_WINDOW, OPENED, closed), WindowOpened)


def test_a_resume_lifts_no_halt_that_came_after_it_was_made() -> None:
    """Kept, and posted after a later kill, it would undo what its person never saw."""
    for start in (OPEN, Instant(OPEN - 1)):
        refusal = judged(Act.RESUME, LATCHED, scope=OF_ALFA, start=start)
        assert isinstance(refusal, str)
        assert "is not older than the statement" in refusal
    assert isinstance(judged(Act.RESUME, LATCHED, scope=OF_ALFA, start=Instant(OPEN + 1)), Resumed)
    ended = judged(Act.RESUME, LATCHED, scope=OF_ALFA, start=Instant(OPEN - 2), end=Instant(OPEN - 1))
    assert isinstance(ended, str)
    assert "and an end after it" in ended


@pytest.mark.parametrize("act", (Act.RESUME, Act.ACCEPT_BREAK, Act.APPROVE_ORDER, Act.LOOSEN_LIMITS))
def test_a_statement_for_later_is_none_for_now(act: Act) -> None:
    """Kept until then, it would do what its person had no eyes on: lift a halt that came meanwhile."""
    about = "" if act is Act.RESUME else "what was shown"
    scope = OF_ALFA if act is Act.RESUME else EVERYTHING
    admin = {"people": {PERSON: PersonRole.ADMIN}}
    now = at(1)
    says: dict[str, Any] = {"about": about, "scope": scope}
    assert judged(act, LATCHED, given=admin, start=Instant(now + 2), **says) == (
        "expected start < end, a start not after 2026-11-20T14:31:00Z and an end after it, found "
        "2026-11-20T14:31:00.000000002Z to 2026-11-20T21:00:00Z; sign a new one"
    )
    in_a_moment = judged(act, LATCHED, given=admin, start=Instant(now + 1), **says)
    assert "expected a start" not in str(in_a_moment)


# What no statement may be.


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize(
    ("given", "says", "sentence"),
    (
        (
            {"people": {PERSON: PersonRole.VIEWER}},
            {},
            "ada has the role viewer; this needs an ",
        ),
        ({"people": {}}, {}, "ada has the role none; this needs an "),
        (
            {},
            {"account": "LIVE-9"},
            "the statement was made for account LIVE-9; this gateway runs account SIM-1; sign a new one",
        ),
        (
            {},
            {"epoch": 2},
            "the statement was made for epoch 2; this gateway runs epoch 1; sign a new one",
        ),
        (
            {"configuration": Digest("new")},
            {"configuration": Digest("old")},
            (
                "the statement was made for configuration old; this gateway runs configuration new; "
                "sign a new one"
            ),
        ),
        (
            {},
            {"nonce": "opened before"},
            "the statement with nonce opened before was used before; sign a new one",
        ),
        ({}, {"reason": " "}, "the statement gives no reason; say why"),
    ),
)
def test_a_statement_is_bound_to_person_account_epoch_and_configuration_and_used_once(
    act: Act, given: dict[str, Any], says: dict[str, Any], sentence: str
) -> None:
    who = {"people": {PERSON: PersonRole.ADMIN}} | given
    refusal = judged(act, *SUSPENDED, LATCHED, given=who, **says)
    assert isinstance(refusal, str)
    assert refusal.startswith(sentence)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("role", PersonRole)
def test_only_who_is_permitted_signs(act: Act, role: PersonRole) -> None:
    judgement = judged(act, given={"people": {PERSON: role}}, about="something")
    is_refused = isinstance(judgement, str) and f"ada has the role {role.value}; this needs an" in judgement
    assert is_refused is (role not in MAY_SIGN[act])


def test_before_a_segment_is_open_no_epoch_fits() -> None:
    assert judged(Act.OPEN_WINDOW, ready=READY[1:]) == (
        "the statement was made for epoch 1; this gateway runs epoch None; sign a new one"
    )


# What a window needs.


FIT = (
    (LATCHED, "symbol ALFA is latched frozen: news"),
    (
        reconciled(failure="no answer"),
        "the book has not been compared with the broker since this start: no answer",
    ),
    (reconciled(BROKEN), "the book differs from the broker: cash differs by 1"),
    (BreakFound(found=BROKEN), "the book differs from the broker: cash differs by 1"),
    (link("broker", up=False, reason="reset"), "a connection is down: broker: reset"),
    (link("marketdata", up=False, reason="silent"), "a connection is down: marketdata: silent"),
)


@pytest.mark.parametrize(("act", "before"), ((Act.OPEN_WINDOW, ()), (Act.RESUME_WINDOW, SUSPENDED)))
@pytest.mark.parametrize(("event", "sentence"), FIT)
def test_a_window_needs_a_store_that_is_fit_to_trade(
    act: Act, before: tuple[Event, ...], event: Event, sentence: str
) -> None:
    assert judged(act, *before, event) == sentence


@pytest.mark.parametrize(
    ("missing", "sentence"),
    (
        (1, "a connection is down: broker: not seen up since this start"),
        (2, "a connection is down: marketdata: not seen up since this start"),
        (3, "the book has not been compared with the broker since this start"),
    ),
)
def test_what_was_not_seen_since_the_start_is_missing(missing: int, sentence: str) -> None:
    ready = (*READY[:missing], *READY[missing + 1 :])
    assert judged(Act.OPEN_WINDOW, ready=ready) == sentence
    assert judged(Act.OPEN_WINDOW, segment(epoch=2), epoch=2) == (
        "the book has not been compared with the broker since this start"
    )


@pytest.mark.parametrize(("act", "before"), ((Act.OPEN_WINDOW, ()), (Act.RESUME_WINDOW, SUSPENDED)))
def test_a_window_in_which_nothing_is_left_to_trade_is_refused(act: Act, before: tuple[Event, ...]) -> None:
    """It would answer `active` after the close, and no order could ever leave in it."""
    lasting = (segment(), *READY[1:], WindowOpened(signed=signed(nonce="opened before", end=at(405))))
    events = (*lasting, *before[1:]) if before else ()
    says: dict[str, Any] = {"start": at(0), "end": at(405)}
    refusal = judged(act, *events, now=CLOSE, **says)
    assert isinstance(refusal, str)
    assert refusal.startswith(
        "expected a window with trading to come in it, found 2026-11-20T14:30:00Z to 2026-11-20T21:15:00Z, "
        "in which no session of "
    )
    assert refusal.endswith("is left after 2026-11-20T21:00:00Z; name the time of a session that is not over")
    assert not isinstance(judged(act, *events, now=Instant(CLOSE - 1), **says), str)


def test_a_window_may_be_opened_in_the_evening_for_the_next_session() -> None:
    assert isinstance(
        judged(Act.OPEN_WINDOW, now=CLOSE, end=Instant(CLOSE + 3 * 24 * 60 * 60 * 1_000_000_000)),
        WindowOpened,
    )


def test_there_is_one_window_at_a_time() -> None:
    assert judged(Act.OPEN_WINDOW, OPENED) == "a window is open; close it before opening another"
    assert judged(Act.OPEN_WINDOW, *SUSPENDED) == "a window is open; close it before opening another"


@pytest.mark.parametrize(("act", "before"), ((Act.OPEN_WINDOW, ()), (Act.RESUME_WINDOW, SUSPENDED)))
@pytest.mark.parametrize(("start", "end"), ((at(5), at(5)), (at(5), at(4)), (OPEN, at(1))))
def test_a_lease_must_begin_before_it_ends_and_not_be_over(
    act: Act, before: tuple[Event, ...], start: int, end: int
) -> None:
    refusal = judged(act, *before, start=start, end=end)
    assert isinstance(refusal, str)
    assert refusal.startswith("expected start < end and an end after 2026-11-20T14:31:00Z, found ")


def test_a_lease_that_ends_in_a_moment_still_holds() -> None:
    assert isinstance(judged(Act.OPEN_WINDOW, end=at(1, 1)), WindowOpened)


def needs_evidence(mode: str) -> str:
    return (
        f"a window in mode {mode} needs evidence that this version cannot judge; "
        "only paper needs none, at the simulated venue or where the broker was examined"
    )


@pytest.mark.parametrize(
    ("mode", "given", "sentence"),
    (
        (Mode.LIVE, {}, "mode live is above the configured ceiling paper"),
        (Mode.PAPER, {"ceiling": Mode.OBSERVE}, "mode paper is above the configured ceiling observe"),
        (
            Mode.LIVE,
            {"ceiling": Mode.LIVE},
            needs_evidence("live"),
        ),
        (
            Mode.PAPER,
            {"is_simulated": False},
            needs_evidence("paper"),
        ),
        (
            Mode.DRY_RUN,
            {},
            needs_evidence("dry_run"),
        ),
    ),
)
def test_only_paper_at_the_simulated_venue_needs_no_evidence(
    mode: Mode, given: dict[str, Any], sentence: str
) -> None:
    assert judged(Act.OPEN_WINDOW, given=given, mode=mode) == sentence


def test_paper_at_a_broker_that_was_examined_needs_no_more_and_nothing_else_does_with_it() -> None:
    examined: dict[str, Any] = {"is_simulated": False, "examined_until": CLOSE}
    assert isinstance(judged(Act.OPEN_WINDOW, given=examined, mode=Mode.PAPER), WindowOpened)
    for mode in (Mode.LIVE, Mode.DRY_RUN, Mode.OBSERVE):
        refused = judged(Act.OPEN_WINDOW, given=examined | {"ceiling": Mode.LIVE}, mode=mode)
        assert refused == needs_evidence(mode.value)


def test_an_exam_that_is_too_old_by_now_opens_no_window() -> None:
    past: dict[str, Any] = {"is_simulated": False, "examined_until": Instant(0)}
    refused = judged(Act.OPEN_WINDOW, given=past, mode=Mode.PAPER)
    assert isinstance(refused, str)
    assert "was good until 1970-01-01T00:00:00Z: stop the gateway, sit another" in refused
    assert judged(Act.OPEN_WINDOW, given={"is_simulated": False}, mode=Mode.PAPER) == needs_evidence("paper")


# Resuming a window.


def test_only_a_suspended_window_can_be_resumed() -> None:
    assert judged(Act.RESUME_WINDOW) == "no window is suspended; open one"
    assert judged(Act.RESUME_WINDOW, OPENED) == "no window is suspended; open one"


@pytest.mark.parametrize(
    ("says", "found"),
    (
        ({"mode": Mode.LIVE}, "live on everything until 2026-11-20T21:00:00Z"),
        ({"scope": OF_ALFA}, "paper on symbol ALFA until 2026-11-20T21:00:00Z"),
        ({"end": CLOSE + 1}, "paper on everything until 2026-11-20T21:00:00.000000001Z"),
    ),
)
def test_resuming_leases_nothing_more_than_was_suspended(says: dict[str, Any], found: str) -> None:
    assert judged(Act.RESUME_WINDOW, *SUSPENDED, given={"ceiling": Mode.LIVE}, **says) == (
        "expected no more than the suspended window, paper on everything until 2026-11-20T21:00:00Z; "
        f"found {found}; close it and open another for that"
    )


def test_a_window_may_be_resumed_for_less_time() -> None:
    assert isinstance(judged(Act.RESUME_WINDOW, *SUSPENDED, end=at(60)), WindowResumed)


# Extending.


def test_a_window_that_runs_may_last_longer() -> None:
    later = Instant(CLOSE + 1)
    extended = judged(Act.EXTEND_WINDOW, OPENED, end=later)
    assert extended == WindowExtended(signed=signed(Act.EXTEND_WINDOW, end=later))


@pytest.mark.parametrize("before", ((), SUSPENDED))
def test_what_does_not_run_is_not_extended(before: tuple[Event, ...]) -> None:
    refusal = judged(Act.EXTEND_WINDOW, *before, end=CLOSE + 1)
    assert refusal == "no window runs that could be extended; open or resume one"


@pytest.mark.parametrize(
    "says", ({}, {"mode": Mode.LIVE}, {"scope": OF_ALFA}, {"end": Instant(CLOSE - 1)}), ids=str
)
def test_extending_changes_nothing_but_the_end_and_that_to_later(says: dict[str, Any]) -> None:
    refusal = judged(
        Act.EXTEND_WINDOW, OPENED, given={"ceiling": Mode.LIVE}, **{"end": CLOSE + 1, **says} if says else {}
    )
    assert isinstance(refusal, str)
    assert "expected the open window with a later end, paper on everything until" in refusal


def test_a_window_is_not_extended_while_anything_halts() -> None:
    refusal = judged(Act.EXTEND_WINDOW, OPENED, LATCHED, end=CLOSE + 1)
    assert refusal == "symbol ALFA is latched frozen: news"


# Lifting latches.


def test_a_latch_that_is_not_there_cannot_be_lifted() -> None:
    assert (
        judged(Act.RESUME, LATCHED, scope=Scope(ScopeKind.AGENT, "bot")) == "nothing is latched on agent bot"
    )
    assert judged(Act.RESUME, scope=OF_ALFA) == "nothing is latched on symbol ALFA"
