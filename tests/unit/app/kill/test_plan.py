from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrader.app.kill.plan import Look, Part, next_acts, parts, unprotected
from agenttrader.app.kill.wish import Wish
from agenttrader.model.identifiers import BrokerOrderId, Symbol
from agenttrader.model.reports import BrokerPosition
from agenttrader.ports.kill_door import WorkingOrder

CANCEL = Wish(cancel_orders=True)
LIQUIDATE = Wish(liquidate=True)
ALL = Wish(cancel_orders=True, liquidate=True, including_protective=True)


def order(
    name: str, side: str, kind: str, quantity: int = 100, symbol: str = "ALFA", parent: str | None = None
) -> WorkingOrder:
    return WorkingOrder(
        broker_order_id=BrokerOrderId(name),
        symbol=Symbol(symbol),
        side=side,
        type=kind,
        quantity=Decimal(quantity),
        parent=None if parent is None else BrokerOrderId(parent),
    )


def held(quantity: int, symbol: str = "ALFA") -> BrokerPosition:
    return BrokerPosition(symbol=Symbol(symbol), quantity=Decimal(quantity), average_price=Decimal(10))


def look(*found: WorkingOrder | BrokerPosition) -> Look:
    return Look(
        orders=tuple(each for each in found if isinstance(each, WorkingOrder)),
        positions=tuple(each for each in found if isinstance(each, BrokerPosition)),
    )


def canceled(seen: Look, wish: Wish) -> list[str]:
    return [each.broker_order_id for each in next_acts(seen, wish).cancel]


@pytest.mark.parametrize(
    ("found", "quantity", "part"),
    (
        (order("o", "buy", "limit"), 0, Part.ENTRY),
        (order("o", "sell", "stop"), 0, Part.ENTRY),
        (order("o", "buy", "stop"), 100, Part.ENTRY),
        (order("o", "sell", "stop"), 100, Part.PROTECTIVE),
        (order("o", "sell", "trailing_stop"), 100, Part.PROTECTIVE),
        (order("o", "sell", "stop_limit"), 100, Part.PROTECTIVE),
        (order("o", "sell", "limit"), 100, Part.PROTECTIVE),
        (order("o", "buy", "stop"), -100, Part.PROTECTIVE),
        (order("o", "sell", "stop", 101), 100, Part.ENTRY),
        (order("o", "sell", "market"), 100, Part.CLOSING),
        (order("o", "buy", "market"), 100, Part.ENTRY),
        (order("o", "", "limit", symbol=""), 100, Part.ENTRY),
    ),
)
def test_what_an_order_is_to_the_position(found: WorkingOrder, quantity: int, part: Part) -> None:
    positions = (held(quantity),) if quantity else ()
    assert parts(look(found, *positions)) == {BrokerOrderId("o"): part}


def test_a_pair_of_stop_and_target_protects_once_and_a_second_stop_would_open() -> None:
    seen = look(
        held(100),
        order("target", "sell", "limit"),
        order("stop", "sell", "stop"),
        order("more", "sell", "stop"),
    )
    assert list(parts(seen).values()) == [Part.PROTECTIVE, Part.PROTECTIVE, Part.ENTRY]


def test_only_a_halt_cancels_nothing_and_nothing_remains() -> None:
    acts = next_acts(look(held(100), order("entry", "buy", "limit")), Wish())
    assert (acts.cancel, acts.close, acts.remains) == ((), (), ())


def test_entries_are_canceled_and_protection_is_left_unless_it_is_wanted() -> None:
    seen = look(held(100), order("entry", "buy", "limit"), order("stop", "sell", "stop"))
    assert canceled(seen, CANCEL) == ["entry"]
    assert next_acts(seen, CANCEL).remains == ("order entry (buy 100 ALFA limit) still works",)
    assert canceled(seen, Wish(including_protective=True)) == ["entry", "stop"]


def test_a_leg_ends_with_its_entry() -> None:
    seen = look(order("entry", "buy", "limit"), order("leg", "sell", "stop", parent="entry"))
    assert canceled(seen, CANCEL) == ["entry"]
    assert len(next_acts(seen, CANCEL).remains) == 2


def test_a_position_is_closed_when_nothing_but_it_is_left_in_its_symbol() -> None:
    seen = look(held(100), held(-5, "BRVO"), order("stop", "sell", "stop"))
    acts = next_acts(seen, LIQUIDATE)
    assert canceled(seen, LIQUIDATE) == ["stop"]
    assert [each.symbol for each in acts.close] == ["BRVO"]
    assert next_acts(look(held(100)), LIQUIDATE).close == (held(100),)


def test_a_close_that_works_is_waited_for() -> None:
    acts = next_acts(look(held(100), order("close", "sell", "market")), ALL)
    assert (acts.cancel, acts.close) == ((), ())
    assert acts.remains == ("100 ALFA are still held",)


def test_what_no_stop_faces_is_unprotected() -> None:
    seen = look(
        held(100),
        held(-50, "BRVO"),
        order("target", "sell", "limit"),
        order("part", "sell", "stop", 60),
        order("whole", "buy", "stop", 50, "BRVO"),
    )
    assert unprotected(seen) == {"ALFA": Decimal(40)}


ORDERS = st.builds(
    order,
    st.uuids().map(str),
    st.sampled_from(("buy", "sell")),
    st.sampled_from(("market", "limit", "stop", "stop_limit", "trailing_stop")),
    st.integers(1, 200),
    st.sampled_from(("ALFA", "BRVO")),
)
LOOKS = st.builds(
    lambda orders, alfa, brvo: look(
        *orders, *([held(alfa)] if alfa else []), *([held(brvo, "BRVO")] if brvo else [])
    ),
    st.lists(ORDERS, max_size=6),
    st.integers(-200, 200),
    st.integers(-200, 200),
)


@given(LOOKS)
def test_what_is_kept_can_never_flip_a_position(seen: Look) -> None:
    part_of = parts(seen)
    for position in seen.positions:
        for kinds in (("stop", "stop_limit", "trailing_stop"), ("limit",), ("market",)):
            kept = [
                each
                for each in seen.orders
                if each.symbol == position.symbol
                and each.type in kinds
                and part_of[each.broker_order_id] is not Part.ENTRY
            ]
            assert sum(each.quantity for each in kept) <= abs(position.quantity)
            assert all((each.side == "sell") == (position.quantity > 0) for each in kept)


@given(LOOKS)
def test_as_long_as_something_remains_there_is_something_to_do_or_a_close_to_wait_for(seen: Look) -> None:
    acts = next_acts(seen, ALL)
    waits = any(part is Part.CLOSING for part in parts(seen).values())
    assert bool(acts.remains) == bool(acts.cancel or acts.close or waits)
