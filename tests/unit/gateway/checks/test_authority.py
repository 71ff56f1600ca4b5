"""How far an agent's policy and a key reach.

A key that only reduces opens nothing, whatever the state, and reduces in every state but FROZEN. The stricter
of the agent's and the environment's policy binds entries, and nothing else.
"""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agenttrader.gateway.snapshot import ReplacedView
from agenttrader.model.authority import Approval, Mode
from agenttrader.model.decisions import TradingState
from agenttrader.model.identifiers import PersonName, StrategyName
from agenttrader.model.orders import Effect, OrderType, Side, TimeInForce
from agenttrader.testing.approving import ANN, BEN
from agenttrader.testing.situations import Situation, check_of, entry, exit_of_long, resting_stop


def with_the_exits_key(situation: Situation) -> Situation:
    """The proposal in the name of the exits unit, which has no limits of its own."""
    grant = situation.snapshot.grant
    assert grant is not None
    limits = replace(situation.limits, agent={})
    return replace(situation.seeing(grant=replace(grant, reduces_only=True)), limits=limits)


@pytest.mark.parametrize("state", TradingState)
def test_it_never_opens(state: TradingState) -> None:
    assert with_the_exits_key(entry()).seeing(trading_state=state).decide().denied_by == "may_open"


@pytest.mark.parametrize("effect", (Effect.REDUCE, Effect.CLOSE))
@pytest.mark.parametrize("state", TradingState)
def test_it_reduces_until_everything_is_frozen(state: TradingState, effect: Effect) -> None:
    found = with_the_exits_key(exit_of_long(effect)).seeing(trading_state=state, window=None).decide()
    assert found.denied_by == ("trading_state" if state is TradingState.FROZEN else None)
    agents = exit_of_long(effect).seeing(trading_state=state, window=None).decide()
    stopped = state in (TradingState.HALTED, TradingState.FROZEN)
    assert agents.denied_by == ("trading_state" if stopped else None)


@pytest.mark.parametrize("effect", (Effect.REDUCE, Effect.CLOSE))
@pytest.mark.parametrize("state", TradingState)
def test_a_persons_hand_reduces_in_every_state_but_not_past_a_switch_that_freezes(
    state: TradingState, effect: Effect
) -> None:
    found = with_the_exits_key(exit_of_long(effect)).seeing(trading_state=state, window=None)
    hand = found.granting(by_hand=True)
    assert hand.decide().denied_by is None
    fenced = hand.seeing(trading_state=TradingState.FROZEN, switches=(("fence", TradingState.FROZEN),))
    assert fenced.decide().denied_by == "trading_state"
    assert with_the_exits_key(entry()).granting(by_hand=True).decide().denied_by == "may_open"


def test_it_never_flips_or_enlarges() -> None:
    leaving = with_the_exits_key(exit_of_long(Effect.REDUCE))
    assert leaving.seeing_leg(reducible=Decimal(99)).decide().denied_by == "reduces"
    assert leaving.seeing_leg(reducible=None).decide().denied_by == "reduces"
    assert leaving.seeing_leg(position=Decimal(-100)).decide().denied_by == "reduces"


def test_protection_that_outlives_the_session_may_be_placed_when_it_is_over() -> None:
    resting = {"type": OrderType.STOP, "limit_price": None, "stop_price": Decimal("95.00")}
    closed = with_the_exits_key(exit_of_long(Effect.REDUCE)).seeing(session=None).proposing(**resting)
    assert closed.proposing(time_in_force=TimeInForce.GTC).decide().denied_by is None
    assert closed.decide().denied_by == "session"
    assert with_the_exits_key(exit_of_long(Effect.CLOSE)).seeing(session=None).decide().denied_by == "session"


def test_it_names_the_strategy_whose_position_it_leaves_or_none() -> None:
    leaving = with_the_exits_key(exit_of_long(Effect.REDUCE))
    assert leaving.proposing(strategy=StrategyName("")).decide().denied_by is None
    assert leaving.proposing(strategy=StrategyName("unknown")).decide().denied_by == "strategy"


@pytest.mark.parametrize(
    ("agents", "environments", "lower"),
    (
        (Mode.DRY_RUN, Mode.PAPER, "dry_run"),
        (Mode.PAPER, Mode.DRY_RUN, "dry_run"),
        (Mode.LIVE, Mode.PAPER, "paper"),
        (Mode.PAPER, Mode.LIVE, "paper"),
    ),
)
def test_the_lower_ceiling_is_the_ceiling(agents: Mode, environments: Mode, lower: str) -> None:
    decision = entry().granting(mode_ceiling=agents).seeing(mode_ceiling=environments).decide()
    assert check_of(decision, "mode").permitted == lower
    assert decision.denied_by == ("mode" if lower == "dry_run" else None)


@pytest.mark.parametrize("effect", (Effect.REDUCE, Effect.CLOSE))
def test_what_reduces_asks_neither_for_a_mode_nor_for_a_person(effect: Effect) -> None:
    policy = {"mode_ceiling": Mode.OFF, "approval": Approval.MANUAL}
    assert exit_of_long(effect).granting(**policy).decide().denied_by is None


_OF_LONG = {"type": OrderType.STOP_LIMIT, "stop_price": Decimal(97), "limit_price": Decimal(96)}
_OF_SHORT = {"type": OrderType.STOP, "side": Side.BUY, "stop_price": Decimal(103), "limit_price": None}
_TRAILING = {"type": OrderType.TRAILING_STOP, "stop_price": None, "trail_percent": Decimal(3)}


@pytest.mark.parametrize(
    ("made", "changed", "passes"),
    (
        (_OF_LONG, {}, True),
        (_OF_LONG, {"stop_price": Decimal("96.99")}, False),
        (_OF_LONG, {"limit_price": Decimal("95.99")}, False),
        (_OF_LONG, {"stop_price": Decimal("97.01"), "limit_price": Decimal("96.01")}, True),
        (_OF_SHORT, {"stop_price": Decimal("103.01")}, False),
        (_OF_SHORT, {"stop_price": Decimal("102.99")}, True),
        (_TRAILING, {"trail_percent": Decimal("3.01")}, False),
        (_TRAILING, {"trail_percent": Decimal("2.99")}, True),
    ),
)
def test_where_a_person_has_to_approve_no_stop_goes_further_away(
    made: dict[str, Any], changed: dict[str, Any], *, passes: bool
) -> None:
    stop = resting_stop().proposing(**(made | changed))
    replaced = ReplacedView(
        quantity=Decimal(100),
        filled=Decimal(0),
        reserved=Decimal(0),
        loss=Decimal(0),
        limit_price=made.get("limit_price"),
        stop_price=made["stop_price"],
        trail=made.get("trail_percent"),
    )
    asked = stop.seeing(replaced=replaced)
    assert check_of(asked.granting(approval=Approval.MANUAL).decide(), "approval").passed is passes
    assert check_of(asked.decide(), "approval").passed


def test_where_a_person_has_to_approve_no_entry_leaves() -> None:
    decision = entry().granting(approval=Approval.MANUAL).decide()
    assert decision.denied_by == "approval"
    assert check_of(decision, "approval").observed == "manual"


@pytest.mark.parametrize(
    ("persons", "needed", "observed", "passed"),
    (
        ((), 1, "manual", False),
        ((ANN,), 0, "manual", False),
        ((ANN,), 1, "approved by ann", True),
        ((ANN,), 2, "approved by ann", False),
        ((ANN, ANN), 2, "approved by ann", False),
        ((BEN, ANN), 2, "approved by ann and ben", True),
    ),
)
def test_an_entry_has_the_approval_of_as_many_different_persons_as_it_needs(
    persons: tuple[PersonName, ...], needed: int, observed: str, passed: object
) -> None:
    asked = entry().granting(approval=Approval.MANUAL).seeing(approved_by=persons, persons_needed=needed)
    check = check_of(asked.decide(), "approval")
    assert (check.observed, check.passed) == (observed, passed)
