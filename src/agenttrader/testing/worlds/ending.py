"""What must hold when a world has come to rest: the journal, its fold, every decision, and both books."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

from agenttrader.adapters.journal_verification import verify
from agenttrader.model.breaks import BreakKind
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.times import MINUTE
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.recovery import fold
from agenttrader.testing.builders import ACCOUNT, MULTIPLIERS
from agenttrader.testing.decided_again import decided_otherwise
from agenttrader.testing.state_dump import dump_state
from agenttrader.testing.venue_calls import VenueCalls
from agenttrader.testing.worlds.exchange_book import book_of, cash_at, orders_at
from agenttrader.testing.worlds.gateway import Gateway
from agenttrader.testing.worlds.script import Script
from agenttrader.testing.worlds.stage import LIMITS
from agenttrader.testing.worlds.watch import Watch

_OPEN_STATUSES = frozenset({"new", "accepted", "held", "partially_filled", "pending_new", "pending_cancel"})
"""The words of an order that may fill at the exchange."""
Accepted = AbstractSet[tuple[BreakKind, Symbol | None]]
"""What differed, and in what, that a person took as it is."""
_OF_BOOKS = frozenset(
    {
        *("position", "cash", "activity", "execution_missing_here", "execution_missing_at_broker"),
        *("execution_terms", "impossible_transition", "order_missing_here", "order_quantity"),
    }
)
"""What differs only where the account was moved past the gateway, or its book is wrong."""
_OF_EXECUTIONS = frozenset({BreakKind.EXECUTION_MISSING_HERE, BreakKind.EXECUTION_MISSING_AT_BROKER})


def findings_at_the_end(
    script: Script, gateway: Gateway, watch: Watch, venue: VenueCalls, accepted: Accepted
) -> Iterator[str]:
    """A sentence for each promise that does not hold; `accepted` is what a person took as it is."""
    watch.take_failures(gateway.process)
    watch.read_news()
    if gateway.session.failure:
        yield f"the journal cannot be written though the disk is well: {gateway.session.failure}"
        return
    yield from _of_journal(gateway, watch)
    yield from _of_rates(watch)
    if not watch.is_disturbed:
        yield from _of_breaks(watch)
    yield from _of_books(gateway, watch, venue, accepted)
    if not script.has_faults:
        yield from _of_a_good_day(gateway, watch)


def _of_journal(gateway: Gateway, watch: Watch) -> Iterator[str]:
    watch.looked["the journal verifies, folds and decides again"] += 1
    gateway.journal.sign_head()
    heads = gateway.journal.path.parent.parent / "heads"
    verified = verify(gateway.journal.path, heads, gateway.journal.public_key)
    if not verified.verified:
        yield f"the journal does not verify: {verified.finding}"
        return
    folded, chain = fold(gateway.journal, MULTIPLIERS)
    engine = gateway.session.engine
    if chain.head != engine.chain.head:
        yield "the journal ends elsewhere than the engine that writes it"
    elif dump_state(folded) != dump_state(engine.state):
        yield "the journal, folded again, is another state than the one that was live"
    yield from decided_otherwise(gateway.journal.read(), engine.rules, MULTIPLIERS)


def _of_breaks(watch: Watch) -> Iterator[str]:
    """Where nobody but the gateway moved the account, its book never differed after all was told again."""
    watch.looked["no difference comes from nowhere"] += 1
    for row in watch.witness.rows():
        if row.kind.startswith(("reconciled.", "break_found.")):
            said = row.said
            for found in said.get("breaks", [said.get("found")]):
                if found["kind"] in _OF_BOOKS:
                    yield f"a difference from nowhere: {found['sentence']}"


def _of_rates(watch: Watch) -> Iterator[str]:
    """In no minute more entries were approved than may be, by the journal's own times."""
    watch.looked["limits of rate"] += 1
    approved: dict[str, list[int]] = {}
    for row in watch.witness.rows():
        if row.kind.startswith("decided."):
            said = row.said
            if said["proposal"]["effect"] == "open" and said["decision"]["denied_by"] is None:
                for whose in ("the account", said["proposal"]["agent"]):
                    approved.setdefault(whose, []).append(row.time)
    most = {name: each.orders_per_minute_max for name, each in LIMITS.agent.items()}
    for whose, times in approved.items():
        limit = most.get(AgentName(whose), LIMITS.account.orders_per_minute_max)
        for end in times:
            count = sum(end - MINUTE < time <= end for time in times)
            if count > limit:
                yield f"{whose}: {count} entries approved in a minute, at most {limit} are permitted"
                break


def _of_books(gateway: Gateway, watch: Watch, venue: VenueCalls, accepted: Accepted) -> Iterator[str]:
    """Both books are the same, or a break says that they are not."""
    watch.looked["books agree, or a break says not"] += 1
    state = gateway.session.engine.state
    reconciled = state.reconciled
    if reconciled is None or reconciled.failure:
        yield f"the books were not compared though all is well: {reconciled and reconciled.failure}"
        return
    differences = list(_differences(gateway, watch, venue, accepted))
    if differences and not state.breaks:
        yield from (f"{each}, and no break says so" for each in differences)


def _differences(gateway: Gateway, watch: Watch, venue: VenueCalls, accepted: Accepted) -> Iterator[str]:
    book, theirs = gateway.session.engine.state.book, book_of(venue, ACCOUNT)
    for symbol in watch.prices:
        ours, held = book.position(Symbol(symbol)), theirs.positions.get(symbol, Decimal(0))
        if ours != held and not any(name == symbol for _, name in accepted):
            yield f"we hold {ours} {symbol}, the exchange says {held}"
    kinds = {kind for kind, _ in accepted}
    if book.cash != (cash := cash_at(venue, ACCOUNT)) and not kinds:
        yield f"our cash is {book.cash}, the exchange says {cash}"
    at_exchange = {order["client_order_id"]: order for order in orders_at(venue, ACCOUNT)}
    ours_by_name = {
        order.client_id: order for order in book.orders.by_id.values() if order.client_id is not None
    }
    for name, order in at_exchange.items():
        if name.startswith("at-"):
            yield from _of_order(
                name, order, ours_by_name.get(name), are_explained=bool(kinds & _OF_EXECUTIONS)
            )
    for name, mine in ours_by_name.items():
        if name not in at_exchange and mine.state.is_working:
            yield f"order {name} is {mine.state.value} here, and the exchange has none"


def _of_order(name: str, theirs: dict[str, Any], ours: Order | None, *, are_explained: bool) -> Iterator[str]:
    """Where somebody took a difference of executions as it is, what is filled may differ by them."""
    if ours is None:
        yield f"order {name} is {theirs['status']} at the exchange, and unknown here"
        return
    if are_explained:
        return
    if Decimal(theirs["filled_qty"]) != ours.filled:
        yield f"of order {name} the exchange filled {theirs['filled_qty']}, by our book {ours.filled}"
    if (theirs["status"] in _OPEN_STATUSES) is ours.state.is_terminal:
        yield f"order {name} is {theirs['status']} at the exchange, here {ours.state.value}"


def _of_a_good_day(gateway: Gateway, watch: Watch) -> Iterator[str]:
    """Where nothing went wrong nothing halts, and orders leave."""
    watch.looked["a good day trades"] += 1
    state = gateway.session.engine.state
    if state.standing.latches:
        yield f"nothing went wrong, and something halts: {next(iter(state.standing.latches.values())).reason}"
    if not watch.sent:
        yield "nothing went wrong, and no order left"
