"""What may not be so after a `kill -9`, by the journal, the venue's log and what clients were answered.

The venue's log is a file that the venue alone writes, the journal one that the gateway writes: nothing here
asks the process that was killed what it did.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from agenttrader.model.events import Accepted, Decided, Event, Filled, Rejected, Sending, Withheld
from agenttrader.model.identifiers import ClientOrderId, OrderId, Symbol, derive_client_order_id
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Sealed
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.state import State
from agenttrader.testing.rounds.phases import RANKS, Phase

UNENDED = {OrderState.PROPOSED, OrderState.APPROVED, OrderState.SENDING, OrderState.UNKNOWN}
"""States in which an order's end, or its rest at the broker, is not known."""
AT_THE_VENUE = {"new", "accepted", "held", "pending_new", "partially_filled", "pending_cancel"}
"""Words of the venue's for an order that works."""
_OUTCOMES = (Accepted, Rejected, Filled, Withheld)


class Intent(Struct):
    """One order that a client wants, and sends again until it is answered."""

    name: str
    agent: str
    status: int = 0
    """Of the answer; 0 while there is none."""
    said: str = ""
    """The state that it was told, or the refusal."""


class Books:
    """What journal and venue's log have said so far."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self.state = State(dict.fromkeys(symbols, Decimal(1)))
        self.decided: Counter[str] = Counter()
        """How often each client's name was decided; the id of a denied order is not used up."""
        self.approved: Counter[str] = Counter()
        self.orders: dict[str, OrderId] = {}
        """By the client's name."""
        self.left: dict[ClientOrderId, OrderId] = {}
        """What was on disk before it left, by the id towards the venue."""
        self.outcomes: set[OrderId] = set()
        """Orders of which the broker's word is on disk, and those that were denied."""
        self.executions: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        """How often the venue took an order of that id."""
        self.sequence = 0
        self._settled: set[ClientOrderId] = set()

    @property
    def unsettled(self) -> dict[ClientOrderId, OrderId]:
        """What was to leave since all was judged last."""
        return {name: order_id for name, order_id in self.left.items() if name not in self._settled}

    def settle(self) -> None:
        """All was judged: what has ended is not looked at again."""
        orders = self.state.book.orders.by_id
        self._settled |= {name for name, order in self.left.items() if orders[order].state.is_terminal}

    def take(self, records: Iterable[Sealed[Event]]) -> None:
        """Hear what is on record."""
        for sealed in records:
            self.state.apply(sealed)
            self.sequence = sealed.sequence
            event = sealed.event
            if isinstance(event, Decided) and event.proposal.client_order_id is not None:
                self.decided[event.proposal.client_order_id] += 1
                self.approved[event.proposal.client_order_id] += event.decision.denied_by is None
                self.orders[event.proposal.client_order_id] = event.order_id
            if isinstance(event, Decided | Sending) and event.instruction is not None:
                self.left[derive_client_order_id(sealed.sequence, sealed.hash)] = event.order_id
            if isinstance(event, _OUTCOMES) or (isinstance(event, Decided) and event.decision.denied_by):
                self.outcomes.add(event.order_id)
            if isinstance(event, Filled):
                self.executions[event.execution_id] += 1

    def take_log(self, lines: Iterable[bytes], account: str) -> None:
        """Hear what the venue wrote down."""
        for line in lines:
            if line.startswith(b'{"type":"order"'):
                entry = json.loads(line)
                if entry["account"] == account:
                    self.taken[entry["submission"]["client_order_id"]] += 1

    def order(self, name: str) -> Order | None:
        """The order that a client called so."""
        return self.state.book.orders.by_id.get(self.orders.get(name, OrderId("")))


def hit(books: Books, marked: Mapping[str, Phase], last: str, intent: Intent) -> Phase | None:
    """The phase in which the kill found the order; None where it had not come, or its client knew its end.

    `books` are those at the death: what is on disk goes before what the process said of itself. `last` is
    the order of which it said something last.
    """
    phase = marked.get(intent.name)
    if phase is None:
        return None
    order_id = books.orders.get(intent.name)
    if order_id in books.outcomes:
        return Phase.RECORDED if intent.name == last or not intent.status else None
    sent = next((name for name, order in books.left.items() if order == order_id), None)
    if sent is not None and phase is Phase.DECIDED:
        return Phase.COMMITTED
    if phase is Phase.SENDING and sent in books.taken:
        return Phase.SENT
    return phase


def wrong_at_death(books: Books, marked: Mapping[str, Phase]) -> Iterator[str]:
    """What the disk did not have when the gateway was dead, and should have had."""
    for name in books.taken:
        if name not in books.left:
            yield f"the venue has {name}, of which nothing is on disk"
    for name, phase in marked.items():
        if RANKS[phase] >= RANKS[Phase.COMMITTED] and name not in books.decided:
            yield f"{name} was committed, and is not on disk"


def wrong(
    books: Books, intents: Iterable[Intent], at_venue: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong once all is settled; `at_venue` are the venue's orders by our ids."""
    for name, count in books.taken.items():
        if count > 1:
            yield f"the venue took {name} {count} times"
        if name not in books.left:
            yield f"the venue has {name}, which is on no record"
    for name, count in books.approved.items():
        if count > 1:
            yield f"{name} was approved {count} times"
    for execution, count in books.executions.items():
        if count > 1:
            yield f"execution {execution} was counted {count} times"
    for intent in intents:
        yield from (f"{intent.name} of {intent.agent}: {each}" for each in _wrong_of(books, intent))
    for name, order_id in books.unsettled.items():
        order = books.state.book.orders.by_id[order_id]
        yield from (f"{order_id} as {name}: {each}" for each in _differences(order, at_venue.get(name)))


def _wrong_of(books: Books, intent: Intent) -> Iterator[str]:
    order = books.order(intent.name)
    if not intent.status:
        yield "its client was never answered"
    if order is None:
        if intent.status and not intent.said.startswith("refused"):
            yield f"it is on no record, and its client was told {intent.said}"
        return
    if order.state is OrderState.DENIED and intent.said in AT_THE_VENUE | {"filled"}:
        yield f"it was denied, and its client was told {intent.said}"


def _differences(order: Order, told: Mapping[str, Any] | None) -> Iterator[str]:
    """Of one that was about to leave: what the venue says of it, and what the book does."""
    state = order.state
    if state in UNENDED:
        yield f"its end is not known: {state.value}"
    elif told is None:
        if state not in {OrderState.WITHHELD, OrderState.REJECTED, OrderState.CANCELED}:
            yield f"the book says {state.value}, and the venue never had it"
    else:
        if Decimal(told["filled_qty"]) != order.filled:
            yield f"the venue filled {told['filled_qty']}, the book says {order.filled}"
        if (told["status"] in AT_THE_VENUE) is state.is_terminal:
            yield f"the venue says {told['status']}, the book {state.value}"
