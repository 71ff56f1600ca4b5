"""What a client that speaks Alpaca's trading protocol may ask of the gateway, one method each.

An order goes the way of every other (`Desk.decide`): decided and on disk before anything is sent or answered.
What is sent again is the same order, by what `alpaca_names` knows it. What only asks is in `alpaca_reads`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec

from agenttrader.app.gateway.alpaca_answers import created, wire_id
from agenttrader.app.gateway.alpaca_closing import Part, by_procedure, closing_proposal, part_of, took_a_part
from agenttrader.app.gateway.alpaca_names import (
    Name,
    has_ended,
    named,
    named_by_words,
    named_close,
    named_replacement,
    was_denied,
)
from agenttrader.app.gateway.alpaca_packages import MLEG, package_wish, seen_of
from agenttrader.app.gateway.alpaca_questions import CloseAllAsked, CloseAsked, Nothing, Pairs, read
from agenttrader.app.gateway.alpaca_reads import AlpacaReads
from agenttrader.app.gateway.alpaca_refusals import Refused, cannot_be, denial_of, in_its_line, not_now
from agenttrader.app.gateway.alpaca_replacing import changes_of, words_of
from agenttrader.app.gateway.alpaca_requests import Wish, effect_of, proposal_of, wish_of
from agenttrader.app.gateway.alpaca_symbols import without_slash
from agenttrader.app.gateway.alpaca_updates import AlpacaUpdates
from agenttrader.app.gateway.desk import Desk
from agenttrader.app.sections import Agent
from agenttrader.model.errors import AskedTooOften, BadValue, InboxFull
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.orders import Effect, OrderState, Proposal
from agenttrader.model.times import SECOND, Instant
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import CanceledOrder, ClosedPosition, NewOrder, OrderReplacement
from agenttrader.protocols.alpaca_trading import Order as OrderAnswer

TRIES_MAX = 4
"""How often one request looks again where another took its name while it was on its way."""

_OK = 200
_ENDED_UNSEEN = frozenset({OrderState.WITHHELD, OrderState.REJECTED})
"""Ended without having worked at the broker."""


Ask = Callable[[OrderId], Awaitable[tuple[Order, bool]]]
"""Asks for an order under that id, and says whether it was there before."""


class Submitted(NamedTuple):
    """The answer to an order, and whether it was one before this request."""

    order: OrderAnswer
    is_repeated: bool


class AlpacaDesk:
    """The use cases of one running gateway in Alpaca's words, each for the agent that asks."""

    def __init__(self, desk: Desk, updates: AlpacaUpdates, agents: Mapping[AgentName, Agent]) -> None:
        self.updates = updates
        self.reads = AlpacaReads(desk.session, agents)
        self._desk = desk
        self._agents = agents

    # Orders.

    async def submit(self, agent: AgentName, new: NewOrder) -> Submitted:
        """The order as it stands when the broker has answered, or after the configured wait.

        Raises Refused for what was denied, stopped or rejected, Unsupported for what this face does not know,
        BadValue for what cannot be.
        """
        read_wish = package_wish if new.order_class == MLEG else wish_of
        wish = read_wish(new, self.reads.engine.rules.instruments)
        configured = self._agents.get(agent)

        async def ask(order_id: OrderId) -> tuple[Order, bool]:
            seen = seen_of(wish, self.reads.engine)
            proposal = proposal_of(
                wish,
                order_id,
                agent,
                position=seen.position,
                mark=seen.mark,
                fractions=None if configured is None else configured.exit_plan,
                instrument=seen.instrument,
                now=self.reads.now(),
            )
            return await self._decide(by_procedure(proposal, self.reads.engine))

        order, is_repeated = await self._once(self._name(agent, wish, configured), ask)
        if order.proposal.correlation_id != wish.called(order.proposal.client_order_id).digest(agent):
            raise cannot_be(
                f"client_order_id must be unique: {wish.client_order_id} was used for another order; "
                "send a new one for a new order"
            )
        return Submitted(self._outcome(order), is_repeated)

    async def replace(self, agent: AgentName, name: str, asked: OrderReplacement) -> Submitted:
        """Another order in the place of one that works, under an id of its own; asked twice it is the same.

        Raises Refused where it cannot be replaced, or was denied, and Unsupported and BadValue as `submit`.
        """
        old = self.reads.found(agent, name)
        instrument = self.reads.engine.rules.instruments.get(old.proposal.symbol)
        changes = changes_of(old, asked, instrument)
        own_id = asked.client_order_id or None

        async def ask(order_id: OrderId) -> tuple[Order, bool]:
            was_there = order_id in self.reads.engine.state.book.orders.by_id
            order = await self._desk.replace(
                old.id,
                changes,
                agent,
                replacement=order_id,
                reason=f"alpaca replacement {own_id or 'without an id'}",
                client_order_id=own_id,
                correlation_id=words_of(agent, old.id, changes, own_id),
            )
            return order, was_there

        try:
            order, is_repeated = await self._once(self._name_of_replacement(agent, old, own_id), ask)
        except BadValue as error:
            raise cannot_be(str(error)) from error
        known_as = order.proposal.client_order_id
        if order.proposal.correlation_id != words_of(agent, old.id, changes, known_as):
            raise cannot_be(f"client_order_id must be unique: {known_as} was used for another order")
        return Submitted(self._outcome(order), is_repeated)

    async def cancel(self, agent: AgentName, name: str, pairs: Pairs) -> None:
        """Ask the broker to end an order; that it has ended is told on the stream. Raises Refused."""
        read(pairs, Nothing)
        await self._cancel(agent, self.reads.found(agent, name))

    async def cancel_all(self, agent: AgentName, pairs: Pairs) -> list[CanceledOrder]:
        """Ask for the end of all that the agent has working, and say of each whether it could be asked."""
        read(pairs, Nothing)
        return list(
            await asyncio.gather(*(self._try_cancel(agent, each) for each in self.reads.working(agent)))
        )

    async def _try_cancel(self, agent: AgentName, order: Order) -> CanceledOrder:
        try:
            await self._cancel(agent, order)
        except (Refused, BadValue, InboxFull, AskedTooOften) as error:
            refused = in_its_line(error)
            body = msgspec.to_builtins(refused.error)
            return CanceledOrder(id=wire_id(order), status=int(refused.status), body=body)
        return CanceledOrder(id=wire_id(order), status=_OK)

    async def _cancel(self, agent: AgentName, order: Order) -> None:
        try:
            await self._desk.cancel(order.id, agent, agent, "asked for")
        except BadValue as error:
            raise cannot_be(str(error)) from error

    # Positions.

    async def close(self, agent: AgentName, symbol_or_asset_id: str, pairs: Pairs) -> Submitted:
        """Close a holding at the market, or a part, by the closing procedure; asked twice it is one order.

        Raises Refused where there is nothing to close, or it may not be closed; BadValue for what cannot be.
        """
        part = part_of(read(pairs, CloseAsked))
        return await self._close(agent, self.reads.held(agent, symbol_or_asset_id), part)

    async def close_all(self, agent: AgentName, pairs: Pairs) -> list[ClosedPosition]:
        """Close every holding of the agent's, each as `close` does, and say of each what became of it.

        With `cancel_orders` all that it has working is canceled first, as far as it may be.
        """
        if read(pairs, CloseAllAsked).cancel_orders:
            await self.cancel_all(agent, ())
        held = self.reads.holdings(agent)
        return list(await asyncio.gather(*(self._try_close(agent, symbol) for symbol in held)))

    async def _try_close(self, agent: AgentName, symbol: Symbol) -> ClosedPosition:
        name = without_slash(symbol)
        try:
            closed = await self._close(agent, symbol)
        except (Refused, BadValue, InboxFull, AskedTooOften) as error:
            refused = in_its_line(error)
            body = msgspec.to_builtins(refused.error)
            return ClosedPosition(symbol=name, status=int(refused.status), body=body)
        return ClosedPosition(symbol=name, status=_OK, body=msgspec.to_builtins(closed.order))

    async def _close(self, agent: AgentName, symbol: Symbol, part: Part | None = None) -> Submitted:
        async def ask(order_id: OrderId) -> tuple[Order, bool]:
            engine = self.reads.engine
            proposal = closing_proposal(
                self.reads.held(agent, symbol),  # perhaps it was closed while this waited
                order_id,
                agent,
                part=part,
                position=engine.state.book.position(symbol),
                instrument=engine.rules.instruments.get(symbol),
                mark=engine.market.marks.get(symbol),
                now=self.reads.now(),
            )
            return await self._decide(proposal)

        name = named_close(agent, symbol) if part is None else self._name_of_part(agent, symbol, part)
        order, is_repeated = await self._once(name, ask)
        return Submitted(self._outcome(order), is_repeated)

    # One order for one name.

    def _name(self, agent: AgentName, wish: Wish, configured: Agent | None) -> Name:
        """What the wish is known by: its id, where its agent means that, else its words for a while.

        Raises Refused where it has no id and words do not count.
        """
        is_meant = configured is None or configured.client_ids == "meant"
        if wish.client_order_id is not None and is_meant:
            return named(agent, wish.client_order_id)
        if wish.client_order_id is not None:
            known = self.reads.called(agent, wish.client_order_id)
            if known is not None:
                return Name(agent, lambda number: known.id if number == 0 else OrderId(""), lambda _: False)
        window_seconds = None if configured is None else configured.dedupe_window_seconds
        return named_by_words(agent, wish.called(None).digest(agent), self._is_over(wish, window_seconds))

    def _name_of_replacement(self, agent: AgentName, old: Order, own_id: str | None) -> Name:
        configured = self._agents.get(agent)
        if own_id is not None and (configured is None or configured.client_ids == "meant"):
            return named(agent, own_id)
        return named_replacement(agent, old.id)

    def _name_of_part(self, agent: AgentName, symbol: Symbol, part: Part) -> Name:
        """The close of a part by its words, of this position, for a while; unless nothing of it came.

        Asked again when it has filled, a part would be taken twice. Raises Refused where words do not count.
        """
        configured = self._agents.get(agent)
        window_seconds = None if configured is None else configured.dedupe_window_seconds
        if window_seconds is None:
            raise cannot_be(
                "a close of a part has no id, and sent again it would be another: have a person set the "
                "agent's dedupe_window_seconds, within which it is the same, or close the whole"
            )
        begin = Instant(self.reads.now() - window_seconds * SECOND)
        tenure = self.reads.engine.state.book.tenure(symbol)
        assert tenure is not None, f"{symbol}: expected a position to close a part of"

        def is_over(order: Order) -> bool:
            return (has_ended(order) and not order.filled) or created(order) <= begin

        return named_by_words(agent, part.digest(agent, symbol, tenure.sequence), is_over)

    def _is_over(self, wish: Wish, window_seconds: int | None) -> Callable[[Order], bool]:
        """Whether an order known by its words stands for later ones no more. Raises Refused without a window.

        What would take from a position is never answered with an exit that has ended: it would stay open. But
        a part that was closed of it stands: sent again, it would be taken twice.
        """
        if window_seconds is None:
            raise cannot_be(
                "client_order_id: expected one, found none. With it, an order sent again is the same order. "
                "Send one of your own for each order, or have a person set the agent's dedupe_window_seconds"
            )
        begin = Instant(self.reads.now() - window_seconds * SECOND)
        position = seen_of(wish, self.reads.engine).position
        is_exit = effect_of(wish, position, wish.quantity) is not Effect.OPEN
        tenure = self.reads.engine.state.book.tenure(wish.symbol)

        def is_over(order: Order) -> bool:
            has_left = is_exit and order.effect is not Effect.OPEN and has_ended(order)
            has_left = has_left and not took_a_part(order, tenure)
            return has_left or was_denied(order) or created(order) <= begin

        return is_over

    async def _once(self, name: Name, ask: Ask) -> tuple[Order, bool]:
        """The one order of this name, the one there is or the one now decided; and whether there was one.

        What is there is asked for again too: it may not be on disk yet, and is when that is answered. Where
        another request took the name meanwhile, what that has become is looked at anew.
        """
        for _ in range(TRIES_MAX):
            order_id, known = name.latest(self.reads.engine.state.book.orders.by_id)
            try:
                if known is None:
                    order, is_repeated = await ask(order_id)
                else:
                    order, is_repeated = await self._desk.decide(known.proposal), True
                if order.state in _ENDED_UNSEEN:
                    # The book knows before the disk does; asked again, it is answered when that is on record.
                    order = await self._desk.decide(order.proposal)
            except BadValue:
                if order_id not in self.reads.engine.state.book.orders.by_id:
                    raise
            else:
                return order, is_repeated
        raise not_now("the same order is being sent by others at this moment; ask what became of it")

    async def _decide(self, proposal: Proposal) -> tuple[Order, bool]:
        """What the proposal has become; of several at once one was first, and the order is made of its."""
        order = await self._desk.decide(proposal)
        return order, order.proposal is not proposal

    def _outcome(self, order: Order) -> OrderAnswer:
        """The order as it is answered, or the refusal where nothing of it can fill."""
        if order.state is OrderState.DENIED:
            raise denial_of(order)
        if order.state is OrderState.WITHHELD:
            reason = self.updates.reason_of(order.id)
            raise not_now(f"withheld: {reason}. The broker has not seen it; a new order takes a new id")
        if order.state is OrderState.REJECTED:
            raise not_now(f"rejected by the broker: {self.updates.reason_of(order.id)}")
        return self.reads.answer(order, nested=True)
