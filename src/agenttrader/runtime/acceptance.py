"""What it means that a person accepts a break, and when it may be: the books are right, or are put right.

A position of which we hold nothing, or an order that we do not have, is somebody else's: accepted, it is left
to them, and nothing is opened in its symbol while it is there. Any other break of position or cash is put
right: our book takes over the broker's word, by a correction on record, so that no exit of ours is of the
wrong size. It counts as profit or loss: only a posted transfer is neither. What was merely said (a report
that cannot be, an execution, an activity) is explained: the books stay as they are, and it takes a comparison
after it in which they agree. An order whose answer never came ends as canceled where the broker does not know
it and the books agree without it: should it arrive after all, its fills count, and where it works it is a
break. All else is refused with what to do, for it goes on being true: a position without protection. What the
exits unit doubted is accepted as what was said, for the unit may be no more; one that runs and is still in
doubt says so again.

What was explained is not raised again when the broker tells it again; anything new or different is.
"""

import hashlib
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from agenttrader.model.activities import AccountActivity, ActivityKind
from agenttrader.model.authority import SignedStatement
from agenttrader.model.breaks import Break, BreakKind, StructureKind
from agenttrader.model.events import BreakSettled, Canceled, CashPosted, Event, PositionAdjusted
from agenttrader.model.identifiers import ActivityId
from agenttrader.model.orders import OrderState
from agenttrader.model.times import Instant, rfc3339
from agenttrader.model.values import ZERO
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.reconciliation.unknown import NOTHING
from agenttrader.runtime.foreign import is_foreign
from agenttrader.runtime.state import State

ID_CHARACTERS = 16
WORD = "ACCEPTED"
"""What a correction is called, where a posting has the broker's word."""
_EXPLAINED = frozenset(
    {
        BreakKind.EXECUTION_MISSING_HERE,
        BreakKind.EXECUTION_MISSING_AT_BROKER,
        BreakKind.EXECUTION_TERMS,
        BreakKind.ACTIVITY,
        BreakKind.STRUCTURE,
        BreakKind.IMPOSSIBLE_TRANSITION,
        BreakKind.UNRECOGNISED_REPORT,
        BreakKind.DOUBT,
    }
)
"""What was said and may be past: it is accepted without a change to the books."""
_INSTEAD = {
    BreakKind.UNPROTECTED: "{symbol} is not protected still: close it "
    "(`agenttrader positions close {symbol}`) or let the exits unit protect it",
    BreakKind.ORDER_MISSING_AT_BROKER: "the order is ours: cancel it (`agenttrader orders cancel {order}`), "
    "then run `agenttrader reconcile`",
    BreakKind.ORDER_QUANTITY: "the order is ours: cancel it (`agenttrader orders cancel {order}`), then run "
    "`agenttrader reconcile`",
    BreakKind.ORDER_UNKNOWN: "the broker shows something of it: find it there by its client order id, cancel "
    "it, then run `agenttrader reconcile`",
    BreakKind.CANCEL_UNCONFIRMED: "the order may fill until it has ended: cancel it at the broker, then run "
    "`agenttrader reconcile`",
    BreakKind.STRUCTURE: "it could open the other side: cancel what protects {symbol} beyond what is held "
    "(`agenttrader orders list`, `agenttrader orders cancel`)",
    BreakKind.ACCOUNT_BLOCKED: "nothing here makes that untrue: settle it with the broker, then run "
    "`agenttrader reconcile`",
    BreakKind.WRONG_ACCOUNT: "nothing here makes that untrue: settle it with the broker, then run "
    "`agenttrader reconcile`",
}
"""What to do about that which goes on being true, whoever accepts it."""


def break_id(found: Break) -> str:
    """What a break is called: a digest of all that it says. One that says anything else is another."""
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()[:ID_CHARACTERS]


def meaning_of(found: Break) -> str:
    """What accepting it does."""
    match found.kind:
        case _ if is_foreign(found):
            return (
                f"it is left to whoever made it: each comparison tells it, and nothing is opened in "
                f"{found.symbol} for as long as it is there; anything more or less of it is a break again"
            )
        case BreakKind.POSITION:
            return (
                f"our position becomes the broker's, {found.theirs} {found.symbol}, at the cost that it has; "
                "what that wins or loses is ours"
            )
        case BreakKind.CASH:
            return f"our cash becomes the broker's, {found.theirs}; the difference is profit or loss of today"
        case BreakKind.ORDER_UNKNOWN:
            return (
                "the order ends as canceled by your word that it never arrived; if it does, that is a break"
            )
        case BreakKind.DOUBT:
            return (
                "trading in it goes on by your word; an exits unit that runs and is still in doubt halts it "
                "again within a minute"
            )
        case _:
            return "the books stay as they are, for they agree without it; told again, it is no news"


def refusal_of(found: Break, state: State) -> str:
    """Why it cannot be accepted now, and what to do instead; empty where it can."""
    compared = state.reconciled
    if compared is None or compared.failure:
        return "the book has not been compared with the broker since: run `agenttrader reconcile` first"
    symbol, kind = found.symbol or "SYMBOL", found.kind
    if kind is BreakKind.POSITION:
        return _refusal_of_foreign(found, state) if is_foreign(found) else _refusal_of_position(found, state)
    if kind is BreakKind.CASH:
        return _refusal_of_cash(found, state)
    if kind is BreakKind.STRUCTURE and found.ours == StructureKind.LEG_EXCEEDS.value:
        return _INSTEAD[kind].format(symbol=symbol)
    is_strange = kind is BreakKind.ORDER_MISSING_HERE
    is_past = kind is BreakKind.UNPROTECTED and found.symbol not in state.bare
    if is_strange or is_past or kind in _EXPLAINED or _never_came(found, state):
        return _refusal_of_explained(found, state)
    return _INSTEAD[kind].format(symbol=symbol, order=found.order_id)


def _never_came(found: Break, state: State) -> bool:
    """Whether it is of an order whose answer never came, and of which the broker shows nothing."""
    order = None if found.order_id is None else state.book.orders.by_id.get(found.order_id)
    return _shows_nothing(found) and order is not None and order.state is OrderState.UNKNOWN


def _shows_nothing(found: Break) -> bool:
    """Whether it is of a lost order beside which everything agrees: such a one stands in nobody's way."""
    return found.kind is BreakKind.ORDER_UNKNOWN and found.theirs == NOTHING


def judged(signed: SignedStatement, state: State) -> BreakSettled | str:
    """The end of the break that the statement is about, or the sentence with which it is refused."""
    statement = signed.statement
    found = next((each for each in state.breaks if break_id(each) == statement.about), None)
    if found is None:
        return (
            f"no break {statement.about!r} stands: it is over, or has changed; see `agenttrader breaks list`"
        )
    return refusal_of(found, state) or BreakSettled(
        found=found, by=statement.person, reason=statement.reason, signed=signed
    )


def events_of(outcome: Event, state: State, now: Instant) -> Iterator[Event]:
    """What is recorded of a statement's `outcome`: what it corrects, then itself."""
    if isinstance(outcome, BreakSettled) and outcome.signed is not None:
        found, name = outcome.found, f"{break_id(outcome.found)}-{outcome.signed.statement.nonce}"
        if found.kind is BreakKind.CASH:
            yield CashPosted(activity=_correction(name, now, amount=_difference(found)))
        elif found.kind is BreakKind.POSITION and not is_foreign(found):
            assert found.symbol is not None, f"expected the symbol of a position, found {found}"
            activity = _correction(name, now, quantity=_difference(found), of=found)
            yield PositionAdjusted(symbol=found.symbol, activities=(activity,))
        elif found.kind is BreakKind.ORDER_UNKNOWN:
            yield from _ended(found, state, now, f"{outcome.by}: it never arrived: {outcome.reason}")
    yield outcome


def _ended(found: Break, state: State, now: Instant, reason: str) -> Iterator[Event]:
    """The end of an order that never arrived, with its legs."""
    assert found.order_id is not None, f"expected the order whose answer never came, found {found}"
    order = state.book.orders.by_id[found.order_id]
    for each in (order, *order.protection):
        if not each.state.is_terminal:
            yield Canceled(order_id=each.id, time=now, reason=reason)


def _correction(
    name: str, now: Instant, *, amount: Decimal = ZERO, quantity: Decimal = ZERO, of: Break | None = None
) -> AccountActivity:
    return AccountActivity(
        id=ActivityId(f"accepted-{name}"),
        kind=ActivityKind.CORRECTION,
        word=WORD,
        date=rfc3339(now).partition("T")[0],
        time=now,
        amount=amount,
        quantity=quantity,
        symbol=None if of is None else of.symbol,
    )


def _difference(found: Break) -> Decimal:
    return Decimal(found.theirs) - Decimal(found.ours)


def _refusal_of_position(found: Break, state: State) -> str:
    """The book can take over another quantity of what it holds. How else would it be left, by what plan?"""
    symbol, theirs = found.symbol, Decimal(found.theirs)
    assert symbol is not None, f"expected the symbol of a position, found {found}"
    held = state.book.position(symbol)
    if held != Decimal(found.ours):
        return f"our position is {held:f} by now: run `agenttrader reconcile` and look again"
    if held * theirs < 0:
        return (
            f"nobody has said how {theirs:f} {symbol} would be left: close it at the broker until it shows "
            f"{held:f}, then run `agenttrader reconcile`"
        )
    moved = any(each.kind is BreakKind.ACTIVITY and each.symbol == symbol for each in state.breaks)
    if theirs and moved:
        return (
            f"the broker posted something in {symbol}, so its plan's prices may be of before: close it at "
            "the broker, run `agenttrader reconcile`, and accept that it is flat"
        )
    order = _in_the_way(state.book, found, abs(theirs))
    if order is not None:
        return (
            f"order {order.id} works in {symbol} for more than would be held: cancel it "
            f"(`agenttrader orders cancel {order.id}`) and look again"
        )
    return ""


def _refusal_of_foreign(found: Break, state: State) -> str:
    """A position of somebody else's is left to them where nothing of ours is in its symbol."""
    symbol = found.symbol
    assert symbol is not None, f"expected the symbol of a position, found {found}"
    held = state.book.position(symbol)
    if held:
        return f"our position is {held:f} by now: run `agenttrader reconcile` and look again"
    order = next(iter(state.book.orders.open_in(symbol)), None)
    if order is not None:
        return (
            f"order {order.id} works in {symbol}, and what it fills could not be told from that: cancel it "
            f"(`agenttrader orders cancel {order.id}`) and look again"
        )
    return ""


def _in_the_way(book: Book, found: Break, held: Decimal) -> Order | None:
    """An order that could make another position of the one taken over, or stands for more of it."""
    assert found.symbol is not None, f"expected the symbol of a position, found {found}"
    orders = tuple(book.orders.open_in(found.symbol))
    is_over = book.covered(found.symbol) > held
    return next((each for each in orders if is_over or not each.protects or each.remaining > held), None)


def _refusal_of_cash(found: Break, state: State) -> str:
    if state.book.posted_cash != Decimal(found.ours):
        return f"our cash is {state.book.posted_cash:f} by now: run `agenttrader reconcile` and look again"
    other = next((each for each in state.breaks if each.kind is BreakKind.POSITION), None)
    return "" if other is None else f"a position comes first, for it may explain the cash: {other.sentence}"


def _refusal_of_explained(found: Break, state: State) -> str:
    """The books must agree without it: in its symbol, or everywhere where it has none."""
    if found in state.uncompared:
        return "it came after the last comparison: run `agenttrader reconcile` first"
    compared = () if state.reconciled is None else state.reconciled.breaks
    for other in compared:
        touches = found.symbol is None or other.symbol is None or other.symbol == found.symbol
        are_alike = (is_foreign(found) and is_foreign(other)) or (
            _shows_nothing(found) and _shows_nothing(other)
        )
        if touches and other != found and other.kind not in _EXPLAINED and not are_alike:
            return f"the books differ beside it, settle that first: {other.sentence}"
    return ""
