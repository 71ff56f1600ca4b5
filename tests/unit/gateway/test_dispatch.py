from collections.abc import Callable
from typing import cast

import pytest

from agenttrader.gateway.balance import Imbalance
from agenttrader.gateway.dispatch import Dispatcher, Stopped
from agenttrader.model.decisions import SwitchReading, TradingState
from agenttrader.model.errors import Unreachable, Unsent
from agenttrader.model.events import CancelRequested, Leaving
from agenttrader.model.identifiers import BrokerOrderId, OrderId
from agenttrader.model.orders import Effect
from agenttrader.model.records import Chain, Recorded
from agenttrader.model.times import Instant
from agenttrader.ports.order_route import Look
from agenttrader.testing import builders as b
from agenttrader.testing.builders import grant


def ignore(_: SwitchReading) -> None:
    """Hear nothing."""


def never() -> bool:
    """Say that the proposal's time has not passed."""
    return False


class Route:
    """An order route that keeps what it was handed, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.submitted: list[Recorded[Leaving]] = []
        self.canceled: list[Recorded[CancelRequested]] = []
        self.looks: list[Look] = []
        self.urgent: list[bool] = []

    def submit(self, order: Recorded[Leaving], look: Look, *, urgent: bool) -> None:
        self.urgent.append(urgent)
        self.looks.append(look)
        self.submitted.append(order)
        if self.failure is not None:
            raise self.failure

    def cancel(self, request: Recorded[CancelRequested]) -> None:
        self.canceled.append(request)


class Switch:
    """A wired switch that says what it is told to say."""

    name = "file"
    is_movable = True

    def __init__(self, state: TradingState) -> None:
        self.state = state
        self.reads = 0

    def read(self) -> SwitchReading:
        self.reads += 1
        return SwitchReading(name=self.name, state=self.state, reason="it holds 1")

    def move(self, *, halted: bool, reason: str) -> None:
        raise AssertionError(f"a dispatcher moves no switch: {halted}, {reason}")


PROPOSALS = [b.proposal(1), b.proposal(2)]


def sendings(count: int) -> list[Recorded[Leaving]]:
    """Records of orders that are about to leave, in one chain."""
    chain = Chain()
    events = [b.sending(proposal) for proposal in PROPOSALS[:count]]
    return [cast("Recorded[Leaving]", Recorded(chain.seal(event, Instant(1)))) for event in events]


def ready(
    route: Route, switches: list[Switch], heard: Callable[[SwitchReading], None] = ignore
) -> Dispatcher:
    """A dispatcher that knows of the orders' approvals."""
    dispatcher = Dispatcher(route, switches, heard)
    dispatcher.begin(PROPOSALS, [], {})
    return dispatcher


def cancel_request() -> Recorded[CancelRequested]:
    event = CancelRequested(order_id=OrderId("1"), broker_order_id=BrokerOrderId("b"), by="agent", reason="")
    return cast("Recorded[CancelRequested]", Recorded(Chain().seal(event, Instant(1))))


def submit(dispatcher: Dispatcher, order: Recorded[Leaving]) -> Stopped | None:
    """An entry, while everything is active."""
    return dispatcher.submit(order, effect=Effect.OPEN, is_over=never, state=lambda: TradingState.ACTIVE)


def test_an_order_leaves_when_everything_is_active() -> None:
    route, switch = Route(), Switch(TradingState.ACTIVE)
    dispatcher = ready(route, [switch])
    first, second = sendings(2)
    assert submit(dispatcher, first) is None
    assert submit(dispatcher, second) is None
    assert route.submitted == [first, second]
    assert switch.reads == 2


def test_the_look_goes_with_the_order_and_is_a_look_at_that_time() -> None:
    """A route may keep an order waiting for its turn; a halt meanwhile stops it there, and is heard of."""
    route, switch, state = Route(), Switch(TradingState.ACTIVE), [TradingState.ACTIVE]
    heard: list[SwitchReading] = []
    ready(route, [switch], heard.append).submit(
        sendings(1)[0], effect=Effect.OPEN, is_over=never, state=lambda: state[0]
    )
    (look,) = route.looks
    assert look() is None
    assert heard == []
    state[0] = TradingState.HALTED
    assert look() == "trading is halted: the last look before sending permits no order to open"
    state[0], switch.state = TradingState.ACTIVE, TradingState.HALTED
    assert look() == "switch file says halted: it holds 1"
    assert [reading.state for reading in heard] == [TradingState.HALTED]


LAST_LOOK = (
    (TradingState.ACTIVE, {Effect.OPEN, Effect.REDUCE, Effect.CLOSE}),
    (TradingState.REDUCE_ONLY, {Effect.REDUCE, Effect.CLOSE}),
    (TradingState.HALTED, {Effect.CLOSE}),
    (TradingState.FROZEN, set[Effect]()),
)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(("state", "leaving"), LAST_LOOK)
def test_the_trading_state_is_looked_at_once_more(
    state: TradingState, leaving: set[Effect], effect: Effect
) -> None:
    route = Route()
    reason = ready(route, [Switch(TradingState.ACTIVE)]).submit(
        sendings(1)[0], effect=effect, is_over=never, state=lambda: state
    )
    assert (reason is None) == (effect in leaving) == bool(route.submitted)
    if reason is not None:
        permits = f"the last look before sending permits no order to {effect.value}"
        assert reason == Stopped(f"trading is {state.value}: {permits}")


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("state", TradingState)
def test_a_key_that_only_reduces_goes_on_until_everything_is_frozen(
    state: TradingState, effect: Effect
) -> None:
    leaves = effect is not Effect.OPEN and state is not TradingState.FROZEN
    for said, switched in ((state, TradingState.ACTIVE), (TradingState.ACTIVE, state)):
        route = Route()
        reason = ready(route, [Switch(switched)]).submit(
            sendings(1)[0],
            effect=effect,
            grant=grant(reduces_only=True),
            is_over=never,
            state=lambda said=said: said,  # type: ignore[misc]
        )
        assert (reason is None) == leaves == bool(route.submitted)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("state", TradingState)
def test_a_persons_hand_goes_on_while_all_else_is_frozen_but_not_past_the_fence_of_a_kill(
    state: TradingState, effect: Effect
) -> None:
    hand = grant(reduces_only=True, by_hand=True)
    for said, switched in ((state, TradingState.ACTIVE), (TradingState.ACTIVE, state)):
        route = Route()
        reason = ready(route, [Switch(switched)]).submit(
            sendings(1)[0],
            effect=effect,
            grant=hand,
            is_over=never,
            state=lambda said=said: said,  # type: ignore[misc]
        )
        leaves = effect is not Effect.OPEN and switched is not TradingState.FROZEN
        assert (reason is None) == leaves == bool(route.submitted)


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize(("state", "leaving"), LAST_LOOK)
def test_every_wired_switch_is_read_once_more(
    state: TradingState, leaving: set[Effect], effect: Effect
) -> None:
    route = Route()
    switches = [Switch(TradingState.ACTIVE), Switch(state)]
    reason = ready(route, switches).submit(
        sendings(1)[0], effect=effect, is_over=never, state=lambda: TradingState.ACTIVE
    )
    assert (reason is None) == (effect in leaving) == bool(route.submitted)
    if reason is not None:
        assert reason == Stopped(f"switch file says {state.value}: it holds 1")


@pytest.mark.parametrize("effect", Effect)
def test_an_entry_that_waited_beyond_its_time_does_not_leave(effect: Effect) -> None:
    """What reduces does, and goes first: an entry is not urgent, however soon its time ends."""
    route, is_over = Route(), [False]
    dispatcher = ready(route, [])
    first, second = sendings(2)
    dispatcher.submit(first, effect=effect, is_over=lambda: is_over[0], state=lambda: TradingState.ACTIVE)
    (look,) = route.looks
    assert (look(), route.urgent) == (None, [effect is not Effect.OPEN])
    is_over[0] = True
    stopped = "it waited beyond its valid_until: the last look before sending permits it no more"
    assert look() == (stopped if effect is Effect.OPEN else None)
    reason = dispatcher.submit(second, effect=effect, is_over=lambda: True, state=lambda: TradingState.ACTIVE)
    assert reason == (Stopped(stopped) if effect is Effect.OPEN else None)


def test_a_cancel_leaves_whatever_is_halted() -> None:
    route, request = Route(), cancel_request()
    ready(route, [Switch(TradingState.FROZEN)]).cancel(request)
    assert route.canceled == [request]


def test_a_record_leaves_once() -> None:
    route = Route()
    dispatcher = ready(route, [])
    first, second = sendings(2)
    assert submit(dispatcher, second) is None
    again = submit(dispatcher, second)
    assert again is not None
    assert again.imbalance == Imbalance(again.reason, was_here=True)
    assert submit(dispatcher, first) is None, "each has an approval of its own"
    assert route.submitted == [second, first]


def test_what_nobody_approved_does_not_leave_and_nobody_looks_for_why_it_might() -> None:
    route, switch = Route(), Switch(TradingState.ACTIVE)
    (order,) = sendings(1)
    stopped = submit(Dispatcher(route, [switch], ignore), order)
    assert stopped is not None
    assert stopped.reason.endswith("no approval of it is on record")
    assert stopped.imbalance is not None
    assert (route.submitted, switch.reads) == ([], 0)


def test_an_approval_is_known_when_it_is_on_record() -> None:
    route, proposal = Route(), PROPOSALS[0]
    chain = Chain()
    dispatcher = Dispatcher(route, [], ignore)
    (order,) = sendings(1)
    dispatcher.take_in([Recorded(chain.seal(b.decided(proposal), Instant(1)))])
    assert submit(dispatcher, order) is None
    assert dispatcher.balance.left == dispatcher.balance.approved


def test_only_what_was_handed_on_has_left() -> None:
    for route, switch in (
        (Route(), Switch(TradingState.HALTED)),
        (Route(Unsent("no connection")), Switch(TradingState.ACTIVE)),
    ):
        dispatcher = ready(route, [switch])
        assert submit(dispatcher, sendings(1)[0]) is not None
        assert dispatcher.balance.left == {}


def test_what_was_withheld_does_not_leave_later() -> None:
    route, switch = Route(), Switch(TradingState.HALTED)
    dispatcher = ready(route, [switch])
    (order,) = sendings(1)
    assert submit(dispatcher, order) == Stopped("switch file says halted: it holds 1")
    switch.state = TradingState.ACTIVE
    again = submit(dispatcher, order)
    assert again is not None
    assert again.imbalance is not None
    assert route.submitted == []


def test_what_is_not_on_record_does_not_leave() -> None:
    route = Route()
    sealed = sendings(1)[0].sealed
    with pytest.raises(AssertionError, match="expected a record that the journal returned"):
        ready(route, []).submit(
            cast("Recorded[Leaving]", sealed),
            effect=Effect.OPEN,
            is_over=never,
            state=lambda: TradingState.ACTIVE,
        )
    with pytest.raises(AssertionError, match="expected a record that the journal returned"):
        ready(route, []).cancel(cast("Recorded[CancelRequested]", cancel_request().sealed))
    assert route.submitted == []
    assert route.canceled == []


def test_what_cannot_have_left_is_withheld_with_the_reason() -> None:
    dispatcher = ready(Route(Unsent("the broker: expected a connection, found none")), [])
    reason = dispatcher.submit(
        sendings(1)[0], effect=Effect.OPEN, is_over=never, state=lambda: TradingState.ACTIVE
    )
    assert reason == Stopped("the broker: expected a connection, found none")


def test_what_may_have_left_is_not_called_withheld_and_not_sent_again() -> None:
    route = Route(Unreachable("the broker fell silent"))
    dispatcher = ready(route, [])
    (order,) = sendings(1)
    with pytest.raises(Unreachable):
        dispatcher.submit(order, effect=Effect.OPEN, is_over=never, state=lambda: TradingState.ACTIVE)
    assert submit(dispatcher, order) is not None
    assert route.submitted == [order]
