"""Starting and recovering are one path: verify and fold the journal, start halted, ask the broker, compare.

The fold is done before anything else runs; asking and comparing are done again after every reconnect, and on
request.
"""

import asyncio
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import structlog
from msgspec.structs import replace

from agenttrader.model.errors import InboxFull, Unreachable
from agenttrader.model.identifiers import AccountName, Symbol
from agenttrader.model.orders import OrderState
from agenttrader.model.records import Chain
from agenttrader.model.reports import ExecutionReport
from agenttrader.model.times import MINUTE, Duration, Instant
from agenttrader.portfolio.book import Book
from agenttrader.portfolio.orders import Order
from agenttrader.ports.broker import Broker
from agenttrader.ports.journal import FoldedJournal, Journal
from agenttrader.reconciliation.compare import BookOrder, BookStatement, compare
from agenttrader.reconciliation.unknown import Move
from agenttrader.runtime.inputs import AccountStated, Compared, HistoryTold
from agenttrader.runtime.session import Session
from agenttrader.runtime.state import State
from agenttrader.runtime.structures import broken_structures
from agenttrader.runtime.unended import unended

COMPARISONS_MAX = 5
"""A difference counts when it is still there after this many looks.

A report may be under way between two processes.
"""
LOOK_AGAIN_SECONDS = 0.2
RECENT = Duration(60 * MINUTE)
"""How far before the last agreement a run asks for orders and executions that need not ask for all."""
WHOLE_EVERY = Duration(60 * MINUTE)
"""How often all of the day is asked for again: what was corrected late is found then by itself."""
ANSWER_SECONDS = 10.0
"""How long a look waits for the broker's word on orders that are leaving."""
UNKNOWN_ASKED_MAX = 20
"""How many orders whose answer never came are asked for by their id each time: brokers count requests."""
ROOM_SECONDS = 0.02
"""Between two tries to hand a report to an inbox that is full."""

_NOT_SENT = frozenset({OrderState.APPROVED, OrderState.PENDING_APPROVAL})
"""What no broker can know of."""

logger = structlog.get_logger()


def fold(journal: Journal, multipliers: Mapping[Symbol, Decimal]) -> tuple[State, Chain]:
    """The state that the journal says, and the end of its chain.

    Raises TamperingFound where the chain does not hold.
    """
    state = State(multipliers)
    chain = Chain()
    fold_on(journal, state, chain)
    return state, chain


def fold_on(journal: Journal | FoldedJournal, state: State, chain: Chain) -> None:
    """Fold into `state`, whose chain ends with `chain`, what the journal has after that."""
    with nothing_collected():
        for sealed in journal.read(chain.sequence):
            state.apply(sealed)
            chain.sequence, chain.head = sealed.sequence, sealed.hash


@contextmanager
def nothing_collected() -> Iterator[None]:
    """While a journal is folded no garbage is looked for: what it makes is kept, and there is much of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Reconciler:
    """Asks the broker for what we may have missed and compares the books; one run at a time."""

    def __init__(self, session: Session, broker: Broker, account: AccountName) -> None:
        self._session = session
        self._broker = broker
        self._account = account
        self._lock = asyncio.Lock()
        self._runs = 0
        self._whole: Instant | None = None
        """When everything of the day was asked for last, by the market's time."""

    async def run(self, *, whole: bool = True) -> Compared:
        """One run, recorded: history first, then the statement against the book.

        A run that fails is recorded as failed. One that need not be of the `whole` day asks for what came
        since shortly before the last agreement, where nothing asks for more; positions and cash are whole.
        """
        async with self._lock:
            self._runs += 1
            name = f"{self._session.engine.chain.sequence}-{self._runs}"
            try:
                compared = await self._compare(name, self._since(whole=whole))
            except Unreachable as error:
                compared = Compared(name, None, (), str(error))
            await self._session.ask(compared)
            logger.info("reconciled", run=name, breaks=len(compared.breaks), failure=compared.failure)
            for found in compared.breaks:
                logger.warning("break", run=name, kind=found.kind.value, reason=found.sentence)
            return compared

    def _since(self, *, whole: bool) -> Instant:
        state, now = self._session.engine.state, self._session.now or Instant(0)
        last, earliest = state.reconciled, asked_since(state)
        is_calm = last is not None and not (last.failure or state.breaks)
        asks_for_more = state.day is None or earliest < state.day.open
        is_due = self._whole is None or now - self._whole >= WHOLE_EVERY
        if whole or is_due or asks_for_more or not is_calm or state.agreed is None:
            self._whole = now
            return earliest
        return max(earliest, Instant(state.agreed - RECENT))

    async def _compare(self, name: str, since: Instant) -> Compared:
        await self._take_in(since)
        for look in range(COMPARISONS_MAX):
            statement = await self._broker.statement(since)
            await self._session.ask(AccountStated(statement))
            state, rules = self._session.engine.state, self._session.engine.rules
            now = self._session.now or Instant(0)
            found = (
                *compare(book_statement(state.book, self._account, since), statement),
                *broken_structures(state.book, rules.structure_grace, now),
                *unended(state, now),
            )
            breaks = state.unexplained(found)
            if not breaks or look == COMPARISONS_MAX - 1:
                return Compared(name, statement, breaks, left=state.left_of(found))
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            since = asked_since(state)  # What differs may be older than what was asked for.
            await self._take_in(since)
            await self._answered()
        raise AssertionError("the last look returns")

    async def _take_in(self, since: Instant) -> None:
        """Have everything told again that the broker says happened; what the book knows already is quiet.

        First, and seen together, it says which of it came of what kill asked for without an answer.
        """
        told = await self._broker.history(since)
        if self._session.engine.state.outside.unanswered:
            await self._session.ask(HistoryTold(told))
        for report in told:
            await self._hand_in(report)
        await self._ask_after_unknown()

    async def _ask_after_unknown(self) -> None:
        """Ask by its client order id for each order whose answer never came: the history may not have it."""
        unknown = _standing_at(self._session.engine.state.book, OrderState.UNKNOWN)
        for order in unknown[:UNKNOWN_ASKED_MAX]:
            assert order.client_id is not None, f"expected an order that left, found {order.id}"
            for report in await self._broker.find(order.client_id):
                await self._hand_in(report)

    async def _answered(self) -> None:
        """Wait for the answers that are on their way: what is awaited still is not lost."""
        sending = _standing_at(self._session.engine.state.book, OrderState.SENDING)
        await asyncio.gather(*(self._session.answered(order.id, ANSWER_SECONDS) for order in sending))

    async def _hand_in(self, report: ExecutionReport) -> None:
        """Hand one report to the inbox, which a day's reports may fill, when it has room."""
        while True:
            try:
                self._session.broker(report)
                return
            except InboxFull:
                if self._session.failure:
                    raise
                await asyncio.sleep(ROOM_SECONDS)


def _standing_at(book: Book, state: OrderState) -> list[Order]:
    """The orders in that state that left by themselves, oldest first."""
    found = [order for order in book.orders.open_orders() if order.state is state and not order.is_leg]
    return sorted(found, key=lambda order: (order.updated, order.id))


def asked_since(state: State) -> Instant:
    """From when on the broker must tell again: the day's open, or what is earlier of what may still be news.

    That is the last agreement, and what kill asked for or made. Orders that rest over several days are found
    among the open ones, whenever they were placed.
    """
    if state.day is None:
        return Instant(0)
    agreed = () if state.agreed is None else (state.agreed,)
    made = (order.proposal.decision_time for order in state.book.orders.open_orders() if order.is_adopted)
    asked = (each.broker_time for each in state.outside.unanswered if each.broker_time is not None)
    begins: Instant = min((state.day.open, *agreed, *made, *asked))
    return begins


def book_statement(book: Book, account: AccountName, since: Instant) -> BookStatement:
    """The book in the words that a broker's statement is compared with; executions since `since`."""
    working: list[BookOrder] = []
    unknown: list[BookOrder] = []
    for order in book.orders.open_orders():
        if order.state in (OrderState.UNKNOWN, OrderState.SENDING):
            # The legs of an order that nobody has confirmed are as unknown as it is, and one break says so.
            if not order.is_leg:
                unknown.append(replace(_book_order(order), moves=_moves_of(order)))
        elif order.state not in _NOT_SENT:
            working += _parts_of(order) if len(order.legs) > 1 else (_book_order(order),)
    return BookStatement(
        account=account,
        cash=book.posted_cash,
        positions=tuple((symbol, holding.quantity) for symbol, holding in book.positions().items()),
        working_orders=tuple(working),
        unknown_orders=tuple(unknown),
        executions=tuple(name for name, fill in book.executions.items() if fill.time >= since),
        activities=frozenset(book.activities),
    )


def _moves_of(order: Order) -> tuple[Move, ...]:
    """What the rest of the order would add to each position."""
    rest = order.side.sign * order.remaining
    return tuple((leg.symbol, rest * leg.ratio) for leg in order.legs)


def _parts_of(order: Order) -> Iterator[BookOrder]:
    """An order of several legs, as the broker states it: each leg by itself, by the broker's id for it."""
    for leg in order.legs:
        yield BookOrder(
            order_id=order.id,
            client_order_id=None,
            broker_order_id=order.package.get(leg.symbol),
            symbol=leg.symbol,
            side=order.side if leg.ratio > 0 else order.side.opposite,
            quantity=order.quantity * abs(leg.ratio),
            filled_quantity=order.filled_in(leg.symbol),
        )


def _book_order(order: Order) -> BookOrder:
    return BookOrder(
        order_id=order.id,
        client_order_id=order.client_id,
        broker_order_id=order.broker_id,
        symbol=order.proposal.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=order.filled,
    )
