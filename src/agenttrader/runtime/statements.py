"""Whether a person's statement holds here and now.

Its signature was verified before; this judges what it says.
"""

from collections.abc import Mapping

from msgspec import Struct

from agenttrader.model.authority import (
    EVERYTHING,
    MAY_MAKE_SMALLER,
    MAY_SIGN,
    Act,
    Mode,
    PersonRole,
    SignedStatement,
    Statement,
)
from agenttrader.model.events import Event, Resumed, WindowExtended, WindowOpened, WindowResumed
from agenttrader.model.identifiers import AccountName, AgentName, Digest, PersonName
from agenttrader.model.ruling import RulingChange
from agenttrader.model.sessions import Calendar
from agenttrader.model.times import Instant, rfc3339
from agenttrader.runtime import acceptance, loosening, waiting
from agenttrader.runtime.halts import NEEDED_LINKS
from agenttrader.runtime.ruling import checks_gone
from agenttrader.runtime.standing import words_of
from agenttrader.runtime.state import State

_WITH_SUBJECT = frozenset({Act.ACCEPT_BREAK, Act.APPROVE_ORDER, Act.DENY_ORDER, Act.LOOSEN_LIMITS})


class Authority(Struct, frozen=True, kw_only=True):
    """What a statement is held against: this account, this configuration, these persons."""

    account: AccountName
    is_simulated: bool
    """Whether the account is one of the loopback venue's, where no money stands behind an order."""
    examined_until: Instant | None = None
    """Until when the exam of a paper account may be relied on that had passed when this process started."""
    configuration: Digest
    ceiling: Mode
    people: dict[PersonName, PersonRole]
    keys: Mapping[PersonName, str] = {}
    """Each person's public key: with another key it is another person, who must be let in."""
    persons: int = 2
    """How many different persons there are to sign for what needs two: 2, or 1 by a declared profile."""
    requesters: Mapping[AgentName, PersonName] = {}
    """Who stands behind an agent's proposals, and so approves none of them."""

    def may_act(self, person: PersonName | None) -> bool:
        """Whether the person may cancel, close and tighten: a viewer only looks, compares and halts."""
        return person is not None and self.people.get(person) in MAY_MAKE_SMALLER


def judge(
    signed: SignedStatement,
    authority: Authority,
    state: State,
    calendar: Calendar,
    now: Instant,
    looser: tuple[RulingChange, ...] = (),
) -> Event | str:
    """The event that the statement brings about, or the sentence with which it is refused.

    Nothing is loosened in doubt. `looser` is what of the configuration waits to be signed for.
    """
    statement = signed.statement
    refusal = _binding(statement, authority, state) or _subject(statement, authority, state, calendar, now)
    if refusal:
        return refusal
    match statement.act:
        case Act.OPEN_WINDOW:
            return WindowOpened(signed=signed)
        case Act.EXTEND_WINDOW:
            return WindowExtended(signed=signed)
        case Act.RESUME_WINDOW:
            return WindowResumed(signed=signed)
        case Act.RESUME:
            return Resumed(scope=statement.scope, signed=signed)
        case Act.ACCEPT_BREAK:
            return acceptance.judged(signed, state)
        case Act.APPROVE_ORDER | Act.DENY_ORDER:
            held = state.approvals.waiting.values()
            return waiting.judged(signed, held, authority.people, authority.requesters)
        case Act.LOOSEN_LIMITS:
            return loosening.judged(signed, state, looser, authority.people, authority.persons)


def _binding(statement: Statement, authority: Authority, state: State) -> str:
    """Whether the statement was made for this account, store and configuration, and who made it may.

    It must give a reason, and not have been used before.
    """
    epoch = state.segment.epoch if state.segment is not None else None
    role, permitted = authority.people.get(statement.person), MAY_SIGN[statement.act]
    if role not in permitted:
        *others, last = [each.value for each in PersonRole if each in permitted]
        return (
            f"{statement.person} has the role {role.value if role else 'none'}; "
            f"this needs an {', '.join(others)} or {last}"
        )
    for name, said, is_so in (
        ("account", statement.account, authority.account),
        ("epoch", statement.epoch, epoch),
        ("configuration", statement.configuration, authority.configuration),
    ):
        if said != is_so:
            return (
                f"the statement was made for {name} {said}; this gateway runs {name} {is_so}; sign a new one"
            )
    if statement.nonce in state.standing.nonces:
        return f"the statement with nonce {statement.nonce} was used before; sign a new one"
    if not statement.reason.strip():
        return "the statement gives no reason; say why"
    if bool(statement.about) is not (statement.act in _WITH_SUBJECT):
        return f"a statement to {statement.act.value} is about {statement.about or 'nothing'}; sign a new one"
    return ""


def _subject(
    statement: Statement, authority: Authority, state: State, calendar: Calendar, now: Instant
) -> str:
    match statement.act:
        case Act.OPEN_WINDOW:
            if state.standing.window is not None:
                return "a window is open; close it before opening another"
            return _lease(statement, authority, calendar, now) or _fit_to_trade(state)
        case Act.EXTEND_WINDOW:
            refusal = _lasts_longer(statement, state)
            return refusal or _lease(statement, authority, calendar, now) or _fit_to_trade(state)
        case Act.RESUME_WINDOW:
            refusal = _goes_on(statement, state)
            return refusal or _lease(statement, authority, calendar, now) or _fit_to_trade(state)
        case Act.RESUME:
            return _lifts(statement, state, now)
        case Act.ACCEPT_BREAK | Act.APPROVE_ORDER | Act.DENY_ORDER | Act.LOOSEN_LIMITS:
            return _in_time(statement, now)


def _lifts(statement: Statement, state: State, now: Instant) -> str:
    """A resume lifts what was latched before its start: one that was signed earlier lifts no later halt."""
    standing = state.standing
    scopes = list(standing.latches) if statement.scope == EVERYTHING else [statement.scope]
    if not scopes or not all(scope in standing.latches for scope in scopes):
        return f"nothing is latched on {words_of(statement.scope)}"
    if refusal := _in_time(statement, now):
        return refusal
    latest = max(standing.latched_at[scope] for scope in scopes)
    if statement.start <= latest:
        return (
            f"the halt of {rfc3339(latest)} is not older than the statement, which is for a time from "
            f"{rfc3339(statement.start)}; look at it, and sign a new one"
        )
    return ""


def _in_time(statement: Statement, now: Instant) -> str:
    """A statement to be used at once is not kept for later, nor made beforehand.

    Where time stands still, a resume is for the instant after that of the halt, which is the next one.
    """
    if statement.start <= now + 1 and statement.start < statement.end and now < statement.end:
        return ""
    return (
        f"expected start < end, a start not after {rfc3339(now)} and an end after it, found "
        f"{rfc3339(statement.start)} to {rfc3339(statement.end)}; sign a new one"
    )


def _goes_on(statement: Statement, state: State) -> str:
    """Resuming lets the suspended lease go on: in its mode and scope, and no longer than it was to last."""
    window = state.standing.window
    if window is None or not window.suspended:
        return "no window is suspended; open one"
    lease = window.statement
    if (statement.mode, statement.scope) == (lease.mode, lease.scope) and statement.end <= lease.end:
        return ""
    return (
        f"expected no more than the suspended window, {_words_of_lease(lease)}; found "
        f"{_words_of_lease(statement)}; close it and open another for that"
    )


def _lasts_longer(statement: Statement, state: State) -> str:
    """Extending moves the end of the lease that runs, and nothing else of it."""
    window = state.standing.window
    if window is None or window.suspended:
        return "no window runs that could be extended; open or resume one"
    lease = window.statement
    if (statement.mode, statement.scope) == (lease.mode, lease.scope) and statement.end > lease.end:
        return ""
    return (
        f"expected the open window with a later end, {_words_of_lease(lease)}; found "
        f"{_words_of_lease(statement)}; for another mode or scope close it and open another"
    )


def _words_of_lease(lease: Statement) -> str:
    return f"{lease.mode.value} on {words_of(lease.scope)} until {rfc3339(lease.end)}"


def _lease(statement: Statement, authority: Authority, calendar: Calendar, now: Instant) -> str:
    """Whether anybody may lease that: a time with trading to come, in a mode that is permitted and proved."""
    if not statement.start < statement.end or now >= statement.end:
        return (
            f"expected start < end and an end after {rfc3339(now)}, "
            f"found {rfc3339(statement.start)} to {rfc3339(statement.end)}"
        )
    first = max(now, statement.start)
    if not any(session.open < statement.end and first < session.close for session in calendar.sessions):
        # It would answer `active`, and yet no order could ever leave in it.
        return (
            f"expected a window with trading to come in it, found {rfc3339(statement.start)} to "
            f"{rfc3339(statement.end)}, in which no session of {calendar.name} is left after "
            f"{rfc3339(first)}; name the time of a session that is not over"
        )
    if statement.mode.rank > authority.ceiling.rank:
        return f"mode {statement.mode.value} is above the configured ceiling {authority.ceiling.value}"
    examined = authority.examined_until
    if statement.mode is Mode.PAPER and examined is not None and now > examined:
        return (
            f"the exam of this account was good until {rfc3339(examined)}: stop the gateway, sit another "
            "(`agenttrader brokers conformance`), and start it again"
        )
    if statement.mode is not Mode.PAPER or not (authority.is_simulated or examined is not None):
        # In the table of evidence by mode and broker one row is empty, paper at the venue, and one asks for
        # an exam; every other needs what this version cannot produce.
        return (
            f"a window in mode {statement.mode.value} needs evidence that this version cannot judge; "
            "only paper needs none, at the simulated venue or where the broker was examined"
        )
    return ""


def _fit_to_trade(state: State) -> str:
    """Whether anything halts: a latch, a book not compared with the broker, a break, a connection down."""
    latches = state.standing.latches.values()
    if latches:
        return "; ".join(
            f"{words_of(latch.scope)} is latched {latch.state.value}: {latch.reason}" for latch in latches
        )
    if state.reconciled is None or state.reconciled.failure:
        failure = f": {state.reconciled.failure}" if state.reconciled else ""
        return f"the book has not been compared with the broker since this start{failure}"
    if state.breaks:
        return "the book differs from the broker: " + "; ".join(found.sentence for found in state.breaks)
    if gone := checks_gone(state.ruling):
        return (
            f"checks that ruled before are not in this program: {', '.join(gone)}; run the version that has "
            "them, or sign for the loosening (`agenttrader limits loosen ID`)"
        )
    links = {name: state.links.get(name) for name in NEEDED_LINKS}
    down = [
        f"{name}: {'not seen up since this start' if link is None else link.reason}"
        for name, link in links.items()
        if link is None or not link.up
    ]
    return f"a connection is down: {'; '.join(down)}" if down else ""
