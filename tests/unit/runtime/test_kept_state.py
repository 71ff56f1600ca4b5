"""A fold that was written down is the same fold, to the last nought, and goes on as it would have."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.model.approvals import ApprovalAsked, ApprovalGiven
from agenttrader.model.errors import BadValue
from agenttrader.model.events import Event
from agenttrader.model.identifiers import OrderId, Symbol
from agenttrader.model.outside import ActedOutside
from agenttrader.model.records import Chain, Sealed, unseal
from agenttrader.model.ruling import LimitsLoosened, LimitTightened, LooseningSigned
from agenttrader.model.times import Instant
from agenttrader.portfolio.orders import Order
from agenttrader.runtime.engine import Engine
from agenttrader.runtime.inputs import Proposed
from agenttrader.runtime.kept_state import state_of_bytes, state_to_bytes
from agenttrader.runtime.standing import STANDING_EVENTS
from agenttrader.runtime.state import State
from agenttrader.testing import careless_day
from agenttrader.testing.builders import ALFA, MULTIPLIERS, at, closing_proposal, proposal
from agenttrader.testing.careless_world import MULTIPLIERS as CARELESS
from agenttrader.testing.driver import trading
from agenttrader.testing.state_dump import dump_state

GOLDEN = Path(__file__).parents[1] / "model" / "golden_records.jsonl"


def golden() -> list[Sealed[Event]]:
    """A record of each kind."""
    found = []
    for each in map(json.loads, GOLDEN.read_text().splitlines()):
        time = Instant(each["time"])
        body = each["body"].encode()
        found.append(unseal(each["sequence"], time, each["kind"], body, each["previous"], each["hash"]))
    return found


def again(state: State, multipliers: Mapping[Symbol, Decimal] = MULTIPLIERS) -> State:
    return state_of_bytes(state_to_bytes(state), multipliers)


def assert_alike(one: State, other: State) -> None:
    """Numbers are compared as they would be written: 1.0 is not 1.00."""
    assert repr(dump_state(one)) == repr(dump_state(other))


@pytest.mark.parametrize("seed", (3, 5, 8))
def test_a_careless_day_that_is_written_down_anywhere_goes_on_as_it_would_have(seed: int) -> None:
    records = careless_day.play_for_records(seed, 60, lambda rules: rules, Engine)
    whole = State(CARELESS)
    revived: list[State] = []
    for number, record in enumerate(records):
        if number % (len(records) // 4) == 17:
            revived.append(again(whole, CARELESS))
            assert_alike(revived[-1], whole)
        for state in (whole, *revived):
            state.apply(record)
    assert len(revived) > 3
    for state in revived:
        assert_alike(state, whole)


def test_what_is_told_of_every_kind_of_record_is_written_down() -> None:
    """Each part takes in what it folds of the golden records, though they are no day."""
    state = State(MULTIPLIERS)
    for record in golden():
        event = record.event
        if isinstance(event, STANDING_EVENTS):
            state.standing.apply(event, record.time)
        elif isinstance(event, ActedOutside):
            state.outside.note(event)
        elif isinstance(event, LimitTightened | LooseningSigned | LimitsLoosened):
            state.ruling.apply(event)
        elif isinstance(event, ApprovalAsked):
            state.approvals.ask(event)
        elif isinstance(event, ApprovalGiven) and event.order_id in state.approvals.waiting:
            state.approvals.give(event)
    assert state.standing.latches or state.standing.nonces
    assert state.outside.lines
    assert state.approvals.waiting
    assert_alike(again(state), state)


def test_orders_know_each_other_again() -> None:
    driver = trading()
    entry = driver.enter(1)
    driver.propose(closing_proposal(2))
    revived = again(driver.engine.state)
    orders = revived.book.orders.by_id
    assert list(orders) == list(driver.engine.state.book.orders.by_id)
    found = orders[entry.id]
    assert [leg.parent for leg in found.protection] == [found, found]
    assert {leg.family for leg in found.protection} == {found.family}
    assert {leg.proposal is found.proposal for leg in found.protection} == {True}
    assert revived.closing == {name: orders[name] for name in driver.engine.state.closing}
    assert revived.closing
    assert revived.book.protection(ALFA) == tuple(
        orders[each.id] for each in driver.engine.state.book.protection(ALFA)
    )


def test_it_decides_as_the_one_that_was_written_down() -> None:
    """The same records come of the same proposals, down to the hash."""
    driver = trading()
    driver.enter(1)
    one = driver.engine
    other = Engine(one.rules, again(one.state), Chain(one.chain.sequence, one.chain.head))
    other.take_over(one)
    for number in range(2, 6):
        asked = Proposed(proposal(number, quantity=Decimal(number)))
        records, others = (engine.handle(asked, at(2)).records for engine in (one, other))
        assert [each.hash for each in records] == [each.hash for each in others]
        assert records
    assert_alike(one.state, other.state)


@pytest.mark.parametrize("part", ("state", "book", "breakers", "orders", "water"))
def test_a_field_that_has_no_shape_is_not_left_out_in_silence(part: str, monkeypatch: Any) -> None:
    state = trading().engine.state
    whole = {
        "state": state,
        "book": state.book,
        "breakers": state.breakers,
        "orders": state.book.orders,
    }
    if part == "water":
        monkeypatch.setattr(type(state.breakers.water), "__slots__", ("high", "surprise"))
    else:
        whole[part].surprise = 1  # type: ignore[attr-defined]
    with pytest.raises(BadValue, match=r"expected shapes of all its fields, found others: .*surprise"):
        state_to_bytes(state)


def test_a_class_that_has_no_shape_is_said() -> None:
    state = trading().engine.state
    state.links["broker"] = object()  # type: ignore[assignment]
    with pytest.raises(BadValue, match="object: expected a shape of it, found none"):
        state_to_bytes(state)


def test_bytes_that_are_no_fold_are_refused() -> None:
    driver = trading()
    driver.enter(1)
    body = state_to_bytes(driver.engine.state)
    for broken in (
        b"",
        b"\x00",
        body[:-1],
        body[: len(body) // 2],
        body + b"\x00",
        msgspec.msgpack.encode({}),
    ):
        with pytest.raises(BadValue, match="expected a fold as this version writes it down"):
            state_of_bytes(broken, MULTIPLIERS)
    orders = driver.engine.state.book.orders
    orders.by_client_id[next(iter(orders.by_client_id))] = Order(
        proposal(9, id=OrderId("gone")), proposal().role, Instant(0)
    )
    with pytest.raises(BadValue, match="found: 'gone'"):
        again(driver.engine.state)
