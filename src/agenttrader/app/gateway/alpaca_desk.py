"""What a client that speaks Alpaca's trading protocol may ask of the gateway, one method each.

An order goes the way of every other (`Desk.decide`): decided and on disk before anything is sent or
answered. The same client_order_id is the same order, however often and from wherever it is sent: our id
is derived from the agent and it. Only what was denied uses no id up, so the id of a denied order may be
tried again; a closed position that was opened again may be closed again. Each such try has a derived id
of its own, counted from 0.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agenttrader.app.gateway.alpaca_account import account_answer, clock_answer
from agenttrader.app.gateway.alpaca_answers import (
    asset_id,
    created,
    find_order,
    is_shown,
    moment_of,
    order_answer,
    position_answer,
)
from agenttrader.app.gateway.alpaca_refusals import (
    Unsupported,
    cannot_be,
    denial_of,
    not_found,
    not_now,
)
from agenttrader.app.gateway.alpaca_requests import closing_proposal, proposal_of, wish_of
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.sections import ExitFractions
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, OrderId, Symbol, derive_order_id
from agenttrader.model.orders import TERMINAL, OrderState, Proposal
from agenttrader.model.times import Instant, from_rfc3339
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import Account, Clock, NewOrder, Position
from agenttrader.protocols.alpaca_trading import Order as OrderAnswer
from agenttrader.runtime.session import NotReady

TRIES_MAX = 4
"""How often one request looks again where another took its name while it was on its way."""

_ENDED_UNSEEN = frozenset({OrderState.WITHHELD, OrderState.REJECTED})
"""Ended without having worked at the broker."""

Pairs = Iterable[tuple[str, str]]
"""The parameters of a request, as they came."""
Name = Callable[[int], OrderId]
"""The id of each try, the first being 0."""
_Question = TypeVar("_Question")


class _OrdersAsked(Struct, frozen=True, forbid_unknown_fields=True):
    status: Literal["open", "closed", "all"] = "open"
    limit: Annotated[int, Meta(ge=1, le=500)] = 50
    after: str | None = None
    until: str | None = None
    direction: Literal["asc", "desc"] = "desc"
    nested: bool = False
    side: Literal["buy", "sell"] | None = None
    symbols: str | None = None


class _OrderAsked(Struct, frozen=True, forbid_unknown_fields=True):
    nested: bool = False


class _ClientOrderAsked(Struct, frozen=True, forbid_unknown_fields=True):
    client_order_id: str


class _Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class AlpacaDesk:
    """The use cases of one running gateway in Alpaca's words, each for the agent that asks."""

    def __init__(
        self, desk: Desk, updates: AlpacaUpdates, exit_plans: Mapping[AgentName, ExitFractions]
    ) -> None:
        self.updates = updates
        self._desk = desk
        self._exit_plans = exit_plans

    # What there is.

    def account(self, agent: AgentName, pairs: Pairs) -> Account:
        """The account's numbers. Raises NotReady before the broker has stated them."""
        _asked(pairs, _Nothing)
        engine = self._desk.session.engine
        if not engine.state.book.is_open:
            raise NotReady("the account at the broker is not known yet; try again in a moment")
        return account_answer(engine, agent)

    def clock(self, pairs: Pairs) -> Clock:
        """The market's clock. Raises NotReady before the market's time is known."""
        _asked(pairs, _Nothing)
        return clock_answer(self._desk.session.engine.rules.calendar, self._now())

    def positions(self, agent: AgentName, pairs: Pairs) -> list[Position]:
        """Every holding in the agent's symbols, by symbol."""
        _asked(pairs, _Nothing)
        book = self._desk.session.engine.state.book
        return [self._position(symbol) for symbol in sorted(book.positions()) if self._owns(agent, symbol)]

    def position(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Position:
        """One holding. Raises Refused where the agent has none."""
        _asked(pairs, _Nothing)
        return self._position(self._held(agent, symbol_or_asset_id))

    def order(self, agent: AgentName, name: str, pairs: Pairs) -> OrderAnswer:
        """An order by its id. Raises Refused where the agent has none."""
        asked = _asked(pairs, _OrderAsked)
        return self._answer(self._found(agent, name), nested=asked.nested)

    def order_by_client_order_id(self, agent: AgentName, pairs: Pairs) -> OrderAnswer:
        """An order by its client's id, with its legs. Raises Refused where the agent has none."""
        wanted = _asked(pairs, _ClientOrderAsked).client_order_id
        _, found = self._latest(_name_of(agent, wanted), _was_denied)
        # One that came in other words, or a leg, has no id of its client's: it is known by its own.
        found = found or find_order(self._desk.session.engine.state.book, agent, wanted)
        if found is None or not is_shown(found, agent):
            raise not_found(f"order not found for {wanted}")
        return self._answer(found, nested=True)

    def orders(self, agent: AgentName, pairs: Pairs) -> list[OrderAnswer]:
        """The orders that are asked for, the newest first unless told otherwise. Raises BadValue.

        Nested, a leg stands in its entry; one whose entry is not among what is asked for stands for itself.
        """
        asked = _asked(pairs, _OrdersAsked)
        after, until = _time(asked.after), _time(asked.until)
        symbols = None if asked.symbols is None else frozenset(asked.symbols.split(","))
        found = {
            order.id: order
            for order in self._desk.session.engine.state.book.orders.by_id.values()
            if is_shown(order, agent)
            and (asked.status == "all" or (order.state in TERMINAL) is (asked.status == "closed"))
            and (after is None or created(order) > after)
            and (until is None or created(order) < until)
            and asked.side in (None, order.side.value)
            and (symbols is None or order.proposal.symbol in symbols)
        }
        shown = [
            order
            for order in found.values()
            if not (asked.nested and order.parent is not None and order.parent.id in found)
        ]
        if asked.direction == "desc":
            shown.reverse()
        return [self._answer(order, nested=asked.nested) for order in shown[: asked.limit]]

    # What may be asked for.

    async def submit(self, agent: AgentName, new: NewOrder) -> OrderAnswer:
        """The order as it stands when the broker has answered, or after the configured wait.

        Raises Refused for what was denied, stopped or rejected, Unsupported for what this face does not know,
        BadValue for what cannot be.
        """
        engine = self._desk.session.engine
        wish = wish_of(new, engine.rules.instruments)

        def propose(name: OrderId) -> Proposal:
            engine = self._desk.session.engine
            return proposal_of(
                wish,
                name,
                agent,
                position=engine.state.book.position(wish.symbol),
                mark=engine.market.marks.get(wish.symbol),
                fractions=self._exit_plans.get(agent),
                instrument=engine.rules.instruments.get(wish.symbol),
                now=self._now(),
            )

        order = await self._once(_name_of(agent, wish.client_order_id), _was_denied, propose)
        if order.proposal.correlation_id != wish.digest(agent):
            raise cannot_be(
                f"client_order_id must be unique: {wish.client_order_id} was used for another order; "
                "send a new one for a new order"
            )
        return self._outcome(order)

    async def close(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> OrderAnswer:
        """Close the whole of a holding at the market, by the closing procedure; asked twice it is one order.

        Raises Refused where there is nothing to close, or it may not be closed; Unsupported for a part of it.
        """
        for parameter, _ in pairs:
            raise Unsupported(
                f"parameter {parameter} of a close; sell a part by an order with a client_order_id"
            )
        symbol = self._held(agent, symbol_or_asset_id)

        def propose(name: OrderId) -> Proposal:
            engine = self._desk.session.engine
            return closing_proposal(
                symbol,
                name,
                agent,
                position=engine.state.book.position(symbol),
                mark=engine.market.marks.get(symbol),
                now=self._now(),
            )

        def name_of_try(number: int) -> OrderId:
            return derive_order_id("alpaca close", agent, symbol, number)

        return self._outcome(await self._once(name_of_try, _has_ended, propose))

    async def cancel(self, agent: AgentName, name: str) -> None:
        """Ask the broker to end an order; that it has ended is told on the stream. Raises Refused."""
        order = self._found(agent, name)
        try:
            await self._desk.cancel(order.id, agent, agent, "asked for")
        except BadValue as error:
            raise cannot_be(str(error)) from error

    async def _once(
        self, name: Name, is_spent: Callable[[Order], bool], propose: Callable[[OrderId], Proposal]
    ) -> Order:
        """The one order of this name: the one that there is, or the one that is now decided.

        What is there is asked for again too: it may not be on disk yet, and is when that is answered. Where
        another request took the name meanwhile, what that has become is looked at anew.
        """
        for _ in range(TRIES_MAX):
            number, known = self._latest(name, is_spent)
            proposal = propose(name(number)) if known is None else known.proposal
            try:
                order = await self._desk.decide(proposal)
                if order.state in _ENDED_UNSEEN:
                    # The book knows before the disk does; asked again, it is answered when that is on record.
                    order = await self._desk.decide(proposal)
            except BadValue:
                if proposal.id not in self._desk.session.engine.state.book.orders.by_id:
                    raise
            else:
                return order
        raise not_now("the same order is being sent by others at this moment; ask what became of it")

    def _latest(self, name: Name, is_spent: Callable[[Order], bool]) -> tuple[int, Order | None]:
        """The first try that is not spent, and its order where there is one.

        Tries are made in order, each when all before it are spent, so doubling and halving finds it.
        """
        orders = self._desk.session.engine.state.book.orders.by_id

        def spent(number: int) -> bool:
            order = orders.get(name(number))
            return order is not None and is_spent(order)

        if not spent(0):
            return 0, orders.get(name(0))
        low, high = 0, 1
        while spent(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if spent(middle) else (low, middle)
        return high, orders.get(name(high))

    def _outcome(self, order: Order) -> OrderAnswer:
        """The order as it is answered, or the refusal where nothing of it can fill."""
        if order.state is OrderState.DENIED:
            raise denial_of(order)
        if order.state is OrderState.WITHHELD:
            reason = self.updates.reason_of(order.id)
            raise not_now(f"withheld: {reason}. The broker has not seen it; a new order takes a new id")
        if order.state is OrderState.REJECTED:
            raise not_now(f"rejected by the broker: {self.updates.reason_of(order.id)}")
        return self._answer(order, nested=True)

    def _answer(self, order: Order, *, nested: bool) -> OrderAnswer:
        instrument = self._desk.session.engine.rules.instruments.get(order.proposal.symbol)
        return order_answer(order, instrument, moment_of(order), nested=nested)

    def _found(self, agent: AgentName, name: str) -> Order:
        order = find_order(self._desk.session.engine.state.book, agent, name)
        if order is None:
            raise not_found(f"order not found for {name}")
        return order

    def _position(self, symbol: Symbol) -> Position:
        engine = self._desk.session.engine
        return position_answer(
            engine.state.book,
            symbol,
            engine.state.book.holdings[symbol],
            engine.rules.instruments.get(symbol),
            engine.market.prices.get(symbol),
        )

    def _held(self, agent: AgentName, symbol_or_asset_id: str) -> Symbol:
        """The agent's symbol that is meant, in which there is a holding. Raises Refused."""
        held = self._desk.session.engine.state.book.positions()
        for symbol in held:
            if symbol_or_asset_id in (symbol, asset_id(symbol)) and self._owns(agent, symbol):
                return symbol
        raise not_found(f"position does not exist: {symbol_or_asset_id}")

    def _owns(self, agent: AgentName, symbol: Symbol) -> bool:
        grant = self._desk.session.engine.rules.grants.get(agent)
        return grant is not None and symbol in grant.symbols

    def _now(self) -> Instant:
        now = self._desk.session.now
        if now is None:
            raise NotReady(
                "the gateway is starting: it has not heard the market's time yet; try again in a moment"
            )
        return now


def _name_of(agent: AgentName, client_order_id: str) -> Name:
    return lambda number: derive_order_id("alpaca", agent, client_order_id, number)


def _was_denied(order: Order) -> bool:
    return order.state is OrderState.DENIED


def _has_ended(order: Order) -> bool:
    return order.state in TERMINAL


def _asked(pairs: Pairs, kind: type[_Question]) -> _Question:
    """The parameters as a question. Raises BadValue for one that is not known, comes twice, or cannot be."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise BadValue(f"{name}: expected it once, found it twice")
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadValue(f"parameters: {error}") from error


def _time(text: str | None) -> Instant | None:
    """A time as RFC 3339, or a date for its first instant in UTC."""
    if text is None:
        return None
    is_date = len(text) == len("2026-11-20")
    # A client that does not escape the plus of an offset sends a blank.
    return from_rfc3339(f"{text}T00:00:00Z" if is_date else text.replace(" ", "+"))
