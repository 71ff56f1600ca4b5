"""What clients and persons may ask of the gateway, one method each. Faces translate to these and back."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from agenttrader.app.gateway.comparing import Comparing
from agenttrader.app.gateway.denial_rates import DenialRates
from agenttrader.app.gateway.packages import require_leavable, steps_of
from agenttrader.app.gateway.status import ReconcileBody, StatusBody, status_of
from agenttrader.app.gateway.stream import Stream
from agenttrader.app.gateway.views import decision_on, order_body, trading_body
from agenttrader.model.authority import Act, Scope, ScopeKind, SignedStatement
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import AskedTooOften, BadValue, InboxFull, StatementRefused
from agenttrader.model.identifiers import AgentName, OrderId, Symbol, derive_proposed_id
from agenttrader.model.instruments import Instrument
from agenttrader.model.orders import Changes, Effect, Proposal
from agenttrader.model.values import on_step
from agenttrader.portfolio.orders import Order
from agenttrader.ports.halt_switch import HaltSwitch
from agenttrader.protocols.native import AnswerBody, Snapshot, TradingBody, decode_proposal
from agenttrader.protocols.native_changes import decode_replacement
from agenttrader.protocols.native_doubts import decode_doubts
from agenttrader.protocols.native_groups import GroupAnswerBody, decode_group
from agenttrader.runtime.cancels import too_many
from agenttrader.runtime.doubts import break_of_doubt
from agenttrader.runtime.inputs import (
    CancelAsked,
    DoubtsTold,
    GroupProposed,
    HaltAsked,
    Input,
    Proposed,
    ReplaceAsked,
    StatementGiven,
    SwitchSeen,
    WindowCloseAsked,
)
from agenttrader.runtime.session import Session


class Desk:
    """The use cases of one running gateway."""

    def __init__(
        self,
        *,
        session: Session,
        stream: Stream,
        comparing: Comparing,
        switches: Sequence[HaltSwitch],
        verify: Callable[[str], SignedStatement],
        answer_wait_seconds: float,
    ) -> None:
        self.session = session
        self.stream = stream
        self._comparing = comparing
        self._switches = switches
        self._verify = verify
        self._answer_wait_seconds = answer_wait_seconds
        self._denials = DenialRates(session)
        self._switches_are_mine = asyncio.Lock()
        """Held while switches are read or moved: a reading from before a move, told after it, would latch."""

    async def propose(self, body: bytes, agent: AgentName) -> AnswerBody:
        """Decide the proposal in `body`.

        Answered when the broker has, or when it was not sent, or after the configured wait.
        Raises BadValue for what is malformed, and where the id was used for another order.
        """
        rules = self.session.engine.rules
        return answer_of(await self.decide(fit(decode_proposal(body, agent), rules.instruments)))

    async def decide(self, proposal: Proposal) -> Order:
        """The order that the proposal has become, in the state that it has when `propose` answers.

        The one way of every client's order, whatever words it came in. Raises BadValue where the id was used
        for another order.
        """
        require_leavable(proposal)
        self._expect_room(proposal)
        await self._ask(Proposed(proposal))
        await self.session.answered(proposal.id, self._answer_wait_seconds)
        return self.session.engine.state.book.orders.by_id[proposal.id]

    async def propose_group(self, body: bytes, agent: AgentName) -> GroupAnswerBody:
        """Decide the proposals in `body`, all of them or none; answered and refused as `propose` is."""
        instruments = self.session.engine.rules.instruments
        proposals = tuple(fit(each, instruments) for each in decode_group(body, agent))
        for each in proposals:
            require_leavable(each)
        self._expect_room(*proposals)
        await self._ask(GroupProposed(proposals))
        await asyncio.gather(
            *(self.session.answered(each.id, self._answer_wait_seconds) for each in proposals)
        )
        orders = [self.session.engine.state.book.orders.by_id[each.id] for each in proposals]
        return GroupAnswerBody(
            group=proposals[0].group or "",
            approved=all(order.denied_by is None for order in orders),
            proposals=tuple(map(answer_of, orders)),
        )

    async def change(self, name: str, body: bytes, agent: AgentName) -> AnswerBody:
        """Decide what is to come in the place of the order `name` by the changes in `body`; as `propose`."""
        asked = decode_replacement(body, name, agent)
        order = await self.replace(
            name,
            asked.changes,
            agent,
            replacement=asked.id,
            reason=asked.reason,
            client_order_id=asked.proposal_id,
            correlation_id=asked.correlation_id,
        )
        return answer_of(order)

    async def replace(
        self,
        name: str,
        changes: Changes,
        agent: AgentName,
        *,
        replacement: OrderId,
        reason: str,
        client_order_id: str | None = None,
        correlation_id: str | None = None,
    ) -> Order:
        """The order that is to come in the place of the agent's order `name`, as far as that has got by now.

        `replacement` is its id: asked again with the same, it is the same one. It may be denied, or rejected
        by the broker; then the order of before goes on as it was. Until the broker has put it in its place
        (that one is `replaced` then) both are in the book. Answered as `propose` is.
        Raises BadValue where the order cannot be replaced, or not by this, and where the id was used.
        """
        order_id = self._named(name, agent)
        engine = self.session.engine
        orders = engine.state.book.orders.by_id
        order = orders.get(order_id)
        if order is not None and order.agent == agent:
            if replacement not in orders:
                self._denials.expect_room(agent, adds_risk=order.adds_risk)
            changes = fit_changes(order, changes, engine.rules.instruments)
        await self._ask(
            ReplaceAsked(order_id, replacement, changes, agent, reason, client_order_id, correlation_id)
        )
        await self.session.answered(replacement, self._answer_wait_seconds)
        return self.session.engine.state.book.orders.by_id[replacement]

    async def cancel(self, name: str, agent: AgentName | None, by: str, reason: str) -> OrderId:
        """Ask the broker to end the order of that id, or that its agent calls so; the id of the order.

        Its end comes on the stream. Raises BadValue where it cannot be asked, AskedTooOften for a while.
        """
        asked = CancelAsked(self._named(name, agent), by, reason, agent)
        outcome = await self.session.ask(asked)
        if outcome.refusal:
            engine = self.session.engine
            is_early = too_many(engine.state, asked, engine.rules.limits, engine.state.last_time)
            raise (AskedTooOften if is_early else BadValue)(outcome.refusal)
        return asked.order_id

    async def give(self, envelope: str, act: Act) -> TradingBody:
        """Take a person's signed statement for `act`.

        Raises StatementRefused; StoreError where a switch cannot be moved.
        """
        signed = self._verify(envelope)
        if signed.statement.act is not act:
            raise StatementRefused(
                f"expected a statement to {act.value}, found one to {signed.statement.act.value}"
            )
        outcome = await self.session.ask(StatementGiven(signed))
        if outcome.refusal:
            raise StatementRefused(outcome.refusal)
        if act in (Act.OPEN_WINDOW, Act.RESUME_WINDOW):
            await self._move_switches(halted=False, reason=signed.statement.reason)
        return trading_body(self.session.engine)

    async def close_window(self, by: str, reason: str) -> TradingBody:
        """End the window: entries stop and working entries are canceled.

        Raises StoreError where a switch does not go back to 1.
        """
        await self._ask(WindowCloseAsked(by, reason))
        await self._move_switches(halted=True, reason=reason)
        return trading_body(self.session.engine)

    async def halt(self, scope: Scope, state: TradingState, by: str, reason: str) -> TradingBody:
        """Latch a halt; on record when this returns. Only a person's statement lifts it."""
        if state is TradingState.ACTIVE or (scope.kind is ScopeKind.EVERYTHING) is bool(scope.name):
            raise BadValue(
                "halt: expected a state short of active and a scope with its name, "
                f"found {state.value} {scope}"
            )
        await self._ask(HaltAsked(scope, state, by, reason))
        return trading_body(self.session.engine)

    def may_doubt(self, agent: AgentName) -> bool:
        """Whether the agent may say what it doubts: the exits unit alone, whose key only reduces."""
        return self.session.engine.rules.only_reduces(agent)

    async def doubt(self, body: bytes, agent: AgentName) -> TradingBody:
        """Take all that the exits unit cannot judge now: each is a break of its symbol, until told no more.

        One without a symbol is of everything. On record when this returns. Raises BadValue for what cannot be
        read, and a symbol that is not known.
        """
        known = self.session.engine.rules.instruments
        breaks = []
        for each in decode_doubts(body):
            if each.symbol and each.symbol not in known:
                raise BadValue(f"symbol: expected a configured instrument, found {each.symbol!r}")
            symbol = Symbol(each.symbol) if each.symbol else None
            breaks.append(break_of_doubt(symbol, each.about, each.sentence))
        await self._ask(DoubtsTold(agent, tuple(breaks)))
        return trading_body(self.session.engine)

    async def reconcile(self) -> ReconcileBody:
        """Compare with the broker now, and sign the journal's head over what was found."""
        compared = await self._comparing.compare()
        await self.session.sign_head()
        return ReconcileBody(
            run=compared.run, breaks=compared.breaks, failure=compared.failure, left=compared.left
        )

    def status(self) -> StatusBody:
        """Who this gateway is and how it stands."""
        return status_of(self.session, self.stream.watermark)

    def snapshot(self, agent: AgentName | None) -> Snapshot:
        """Everything that `agent` may see; None: an operator, who sees all."""
        return self.stream.snapshot(agent)

    async def read_switches(self) -> None:
        """Read every wired switch and tell the session, now or, where its inbox is full, the next time.

        Without a window a switch that stands at 0 is put back to 1: however the window ended, by its time or
        with its process, the state at rest is halted. Raises StoreError where it does not go back.
        """
        async with self._switches_are_mine:
            for switch in self._switches:
                reading = await asyncio.to_thread(switch.read)
                at_rest = self.session.engine.state.standing.window is None
                if at_rest and switch.is_movable and reading.state is TradingState.ACTIVE:
                    await asyncio.to_thread(switch.move, halted=True, reason="no window is open")
                    reading = await asyncio.to_thread(switch.read)
                if self.session.engine.switches.get(switch.name) != reading:
                    with contextlib.suppress(InboxFull):
                        self.session.tell(SwitchSeen(reading))

    async def _move_switches(self, *, halted: bool, reason: str) -> None:
        async with self._switches_are_mine:
            for switch in self._switches:
                if switch.is_movable:
                    await asyncio.to_thread(switch.move, halted=halted, reason=reason)
                await self.session.ask(SwitchSeen(await asyncio.to_thread(switch.read)))

    def _named(self, name: str, agent: AgentName | None) -> OrderId:
        """The id of the agent's order that is called `name`: by what it was proposed as, else by its id."""
        proposed = None if agent is None else derive_proposed_id(agent, name)
        known = proposed in self.session.engine.state.book.orders.by_id
        return proposed if proposed is not None and known else OrderId(name)

    def _expect_room(self, *proposals: Proposal) -> None:
        """Raises AskedTooOften for what would be a new order of an agent that is denied all the time."""
        for each in proposals:
            if each.id not in self.session.engine.state.book.orders.by_id:
                self._denials.expect_room(each.agent, adds_risk=each.effect is Effect.OPEN)

    async def _ask(self, received: Input) -> None:
        outcome = await self.session.ask(received)
        if outcome.refusal:
            raise BadValue(outcome.refusal)


def answer_of(order: Order) -> AnswerBody:
    """The order with its decision. Raises BadValue for a leg, which has none."""
    if order.decided is None:
        raise BadValue(f"order {order.id}: expected a proposal's id, found that of a protective leg")
    return AnswerBody(order=order_body(order), state=order.state.value, decision=decision_on(order))


def fit(proposal: Proposal, instruments: dict[Symbol, Instrument]) -> Proposal:
    """The proposal with its numbers on the instrument's tick and lot, where they lie within noise of it.

    Raises BadValue where they do not, and for several legs that are no order. A symbol that is not known is
    left as it is: the decision denies it, on record.
    """
    steps, plan = steps_of(proposal.legs, instruments), proposal.exit_plan
    if steps is None:
        return proposal

    def price(value: Decimal | None, name: str) -> Decimal | None:
        return None if value is None else on_step(value, steps.tick, name)

    fitted_plan = plan and msgspec.structs.replace(
        plan,
        stop=price(plan.stop, "exit_plan.stop"),
        target=price(plan.target, "exit_plan.target"),
        trail=price(plan.trail, "exit_plan.trail"),
    )
    return msgspec.structs.replace(
        proposal,
        quantity=on_step(proposal.quantity, steps.lot, "quantity"),
        limit_price=price(proposal.limit_price, "limit_price"),
        stop_price=price(proposal.stop_price, "stop_price"),
        trail_price=price(proposal.trail_price, "trail_price"),
        exit_plan=fitted_plan,
    )


def fit_changes(order: Order, changes: Changes, instruments: dict[Symbol, Instrument]) -> Changes:
    """The changes with their numbers on the tick and lot of the order's instrument, as `fit` does."""
    found = steps_of(order.legs, instruments)
    if found is None:
        return changes
    steps = {"quantity": found.lot, "limit_price": found.tick, "stop_price": found.tick}
    if order.trail_price is not None:
        steps["trail"] = found.tick
    given = {name: getattr(changes, name) for name in steps}
    fitted = {
        name: None if value is None else on_step(value, steps[name], name) for name, value in given.items()
    }
    return msgspec.structs.replace(changes, **fitted)
