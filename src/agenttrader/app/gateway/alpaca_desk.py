"""What a client that speaks Alpaca's trading protocol may ask of the gateway, one method each.

An order goes the way of every other (`Desk.decide`): decided and on disk before anything is sent or answered.
What is sent again is the same order: our id is derived from the agent and the client_order_id or, where it
gives none, from the agent and its words, for as long as its configured window. What was denied uses no name
up, and a position that stands again may be sold or closed again: each such try of a name has a derived id of
its own, counted from 0.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

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
from agenttrader.app.gateway.alpaca_questions import (
    ClientOrderAsked,
    Nothing,
    OrderAsked,
    OrdersAsked,
    Pairs,
    read,
    time_of,
)
from agenttrader.app.gateway.alpaca_refusals import (
    Unsupported,
    cannot_be,
    denial_of,
    not_found,
    not_now,
)
from agenttrader.app.gateway.alpaca_requests import Wish, closing_proposal, effect_of, proposal_of, wish_of
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.sections import Agent
from agenttrader.model.errors import BadValue, NotReady
from agenttrader.model.identifiers import (
    AgentName,
    OrderId,
    Symbol,
    derive_agents_order_id,
    derive_proposed_id,
)
from agenttrader.model.orders import TERMINAL, Effect, OrderState, Proposal, TimeInForce
from agenttrader.model.times import SECOND, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import Account, Clock, NewOrder, Position
from agenttrader.protocols.alpaca_trading import Order as OrderAnswer

TRIES_MAX = 4
"""How often one request looks again where another took its name while it was on its way."""

_ENDED_UNSEEN = frozenset({OrderState.WITHHELD, OrderState.REJECTED})
"""Ended without having worked at the broker."""

Name = Callable[[int], OrderId]
"""The id of each try, the first being 0."""


class Submitted(NamedTuple):
    """The answer to an order, and whether it was one before this request."""

    order: OrderAnswer
    is_repeated: bool


class AlpacaDesk:
    """The use cases of one running gateway in Alpaca's words, each for the agent that asks."""

    def __init__(self, desk: Desk, updates: AlpacaUpdates, agents: Mapping[AgentName, Agent]) -> None:
        self.updates = updates
        self._desk = desk
        self._agents = agents

    # What there is.

    def account(self, agent: AgentName, pairs: Pairs) -> Account:
        """The account's numbers. Raises NotReady before the broker has stated them."""
        read(pairs, Nothing)
        engine = self._desk.session.engine
        if not engine.state.book.is_open:
            raise NotReady("the account at the broker is not known yet; try again in a moment")
        return account_answer(engine, agent)

    def clock(self, pairs: Pairs) -> Clock:
        """The market's clock. Raises NotReady before the market's time is known."""
        read(pairs, Nothing)
        return clock_answer(self._desk.session.engine.rules.calendar, self._now())

    def positions(self, agent: AgentName, pairs: Pairs) -> list[Position]:
        """Every holding in the agent's symbols, by symbol."""
        read(pairs, Nothing)
        book = self._desk.session.engine.state.book
        return [self._position(symbol) for symbol in sorted(book.positions()) if self._owns(agent, symbol)]

    def position(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Position:
        """One holding. Raises Refused where the agent has none."""
        read(pairs, Nothing)
        return self._position(self._held(agent, symbol_or_asset_id))

    def order(self, agent: AgentName, name: str, pairs: Pairs) -> OrderAnswer:
        """An order by its id. Raises Refused where the agent has none."""
        asked = read(pairs, OrderAsked)
        return self._answer(self._found(agent, name), nested=asked.nested)

    def order_by_client_order_id(self, agent: AgentName, pairs: Pairs) -> OrderAnswer:
        """An order by its client's id, with its legs. Raises Refused where the agent has none."""
        wanted = read(pairs, ClientOrderAsked).client_order_id
        _, found = self._latest(agent, _name_of(agent, wanted), _was_denied)
        book = self._desk.session.engine.state.book
        # One that came in our own words is known by what it was proposed as; what has no name, by its id.
        for name in (derive_proposed_id(agent, wanted), wanted):
            found = found or find_order(book, agent, name)
        if found is None or not is_shown(found, agent):
            raise not_found(f"order not found for {wanted}")
        return self._answer(found, nested=True)

    def orders(self, agent: AgentName, pairs: Pairs) -> list[OrderAnswer]:
        """The orders that are asked for, the newest first unless told otherwise. Raises BadValue.

        Nested, a leg stands in its entry; one whose entry is not among what is asked for stands for itself.
        """
        asked = read(pairs, OrdersAsked)
        after, until = time_of(asked.after), time_of(asked.until)
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

    async def submit(self, agent: AgentName, new: NewOrder) -> Submitted:
        """The order as it stands when the broker has answered, or after the configured wait.

        Raises Refused for what was denied, stopped or rejected, Unsupported for what this face does not know,
        BadValue for what cannot be.
        """
        wish = wish_of(new, self._desk.session.engine.rules.instruments)
        configured = self._agents.get(agent)

        def propose(name: OrderId) -> Proposal:
            engine = self._desk.session.engine
            position = engine.state.book.position(wish.symbol)
            limits = engine.rules.limits.agent.get(agent)
            is_exit = effect_of(wish, position) is not Effect.OPEN  # of an entry the decision says it
            times = () if limits is None else limits.times_in_force
            if is_exit and wish.time_in_force is TimeInForce.GTC and TimeInForce.GTC not in times:
                raise cannot_be(
                    "time_in_force: expected day, found gtc: times_in_force lets no order of this agent rest"
                )
            return proposal_of(
                wish,
                name,
                agent,
                position=position,
                mark=engine.market.marks.get(wish.symbol),
                fractions=None if configured is None else configured.exit_plan,
                instrument=engine.rules.instruments.get(wish.symbol),
                now=self._now(),
            )

        if wish.client_order_id is None:
            window_seconds = None if configured is None else configured.dedupe_window_seconds
            name, is_spent = _name_of_words(agent, wish), self._is_over(wish, window_seconds)
        else:
            name, is_spent = _name_of(agent, wish.client_order_id), _was_denied
        order, is_repeated = await self._once(agent, name, is_spent, propose)
        if order.proposal.correlation_id != wish.digest(agent):
            raise cannot_be(
                f"client_order_id must be unique: {wish.client_order_id} was used for another order; "
                "send a new one for a new order"
            )
        return Submitted(self._outcome(order), is_repeated)

    async def close(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Submitted:
        """Close the whole of a holding at the market, by the closing procedure; asked twice it is one order.

        Raises Refused where there is nothing to close, or it may not be closed; Unsupported for a part of it.
        """
        for parameter, _ in pairs:
            raise Unsupported(
                f"parameter {parameter} of a close: the whole is closed, for its protection holds all of it. "
                "Close it without parameters, then buy anew what is to stay"
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
            return derive_agents_order_id(agent, "alpaca close", symbol, number)

        order, is_repeated = await self._once(agent, name_of_try, _has_ended, propose)
        return Submitted(self._outcome(order), is_repeated)

    async def cancel(self, agent: AgentName, name: str) -> None:
        """Ask the broker to end an order; that it has ended is told on the stream. Raises Refused."""
        order = self._found(agent, name)
        try:
            await self._desk.cancel(order.id, agent, agent, "asked for")
        except BadValue as error:
            raise cannot_be(str(error)) from error

    async def _once(
        self,
        agent: AgentName,
        name: Name,
        is_spent: Callable[[Order], bool],
        propose: Callable[[OrderId], Proposal],
    ) -> tuple[Order, bool]:
        """The one order of this name, the one there is or the one now decided; and whether there was one.

        What is there is asked for again too: it may not be on disk yet, and is when that is answered. Where
        another request took the name meanwhile, what that has become is looked at anew.
        """
        for _ in range(TRIES_MAX):
            number, known = self._latest(agent, name, is_spent)
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
                # Of several at once one was first: the order is made of its proposal.
                return order, order.proposal is not proposal or known is not None
        raise not_now("the same order is being sent by others at this moment; ask what became of it")

    def _is_over(self, wish: Wish, window_seconds: int | None) -> Callable[[Order], bool]:
        """Whether an order without an id stands for later ones no more. Raises Refused without a window.

        What would take from a position is never answered with an exit that has ended: it would stay open.
        """
        if window_seconds is None:
            raise cannot_be(
                "client_order_id: expected one, found none. With it, an order sent again is the same order. "
                "Send one of your own for each order, or have a person set the agent's dedupe_window_seconds"
            )
        begin = Instant(self._now() - window_seconds * SECOND)
        is_exit = (
            effect_of(wish, self._desk.session.engine.state.book.position(wish.symbol)) is not Effect.OPEN
        )

        def is_over(order: Order) -> bool:
            has_left = is_exit and order.effect is not Effect.OPEN and _has_ended(order)
            return has_left or _was_denied(order) or created(order) <= begin

        return is_over

    def _latest(
        self, agent: AgentName, name: Name, is_spent: Callable[[Order], bool]
    ) -> tuple[int, Order | None]:
        """The last try and its order; where that is spent, or there is none, the next and None.

        Tries are made in order, so doubling and halving finds the first that was not made. No other agent's
        order has such an id; if one had, it would be passed over, and never be taken for the agent's.
        """
        orders = self._desk.session.engine.state.book.orders.by_id
        if name(0) not in orders:
            return 0, None
        low, high = 0, 1
        while name(high) in orders:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if name(middle) in orders else (low, middle)
        last = orders[name(low)]
        return (high, None) if last.agent != agent or is_spent(last) else (low, last)

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
        # After a restart the market data tell the day again, and what is on record was later.
        return max(now, self._desk.session.engine.state.last_time)


def _name_of(agent: AgentName, client_order_id: str) -> Name:
    return lambda number: derive_agents_order_id(agent, "alpaca", client_order_id, number)


def _name_of_words(agent: AgentName, wish: Wish) -> Name:
    """An order without an id is known by its words."""
    return lambda number: derive_agents_order_id(agent, "alpaca words", wish.digest(agent), number)


def _was_denied(order: Order) -> bool:
    return order.state is OrderState.DENIED


def _has_ended(order: Order) -> bool:
    return order.state in TERMINAL
