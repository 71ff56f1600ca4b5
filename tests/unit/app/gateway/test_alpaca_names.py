"""What an order is known by: tries are made in order, and the last that stands is the one."""

from agenttrader.app.gateway.alpaca_names import (
    ClientIds,
    Name,
    has_ended,
    named,
    named_by_words,
    named_close,
    named_replacement,
    was_denied,
)
from agenttrader.model.identifiers import OrderId, derive_agents_order_id
from agenttrader.model.orders import OrderState, Role
from agenttrader.portfolio.orders import Order
from agenttrader.testing.builders import AGENT, ALFA, OTHER_AGENT, at, proposal


def orders(name: Name, *states: OrderState, agent: str = AGENT) -> dict[OrderId, Order]:
    """The tries of the name, each in its state."""
    made = {}
    for number, state in enumerate(states):
        order = Order(proposal(id=name.tries(number), agent=agent), Role.ENTRY, at(1))
        order.state = state
        made[order.id] = order
    return made


def test_a_name_that_was_never_used_begins_with_its_first_try() -> None:
    name = named(AGENT, "mine")
    assert name.latest({}) == (derive_agents_order_id(AGENT, "alpaca", "mine", 0), None)


def test_the_last_try_stands_until_it_is_spent() -> None:
    name = named(AGENT, "mine")
    for denials in range(9):
        spent = orders(name, *[OrderState.DENIED] * denials)
        assert name.latest(spent) == (name.tries(denials), None)
        known = orders(name, *[OrderState.DENIED] * denials, OrderState.FILLED)
        assert name.latest(known) == (name.tries(denials), known[name.tries(denials)])


def test_another_agents_order_is_passed_over() -> None:
    name = named_by_words(AGENT, "buy ten", lambda _: False)
    assert name.latest(orders(name, OrderState.ACCEPTED, agent=OTHER_AGENT)) == (name.tries(1), None)


def test_a_close_is_known_while_it_works() -> None:
    name = named_close(AGENT, ALFA)
    working, ended = orders(name, OrderState.APPROVED), orders(name, OrderState.FILLED)
    assert name.latest(working)[1] is working[name.tries(0)]
    assert name.latest(ended) == (name.tries(1), None)


def test_a_replacement_is_known_by_the_order_whose_place_it_takes() -> None:
    name = named_replacement(AGENT, proposal().id)
    denied, filled = orders(name, OrderState.DENIED), orders(name, OrderState.FILLED)
    assert name.latest(denied) == (name.tries(1), None)
    assert name.latest(filled)[1] is filled[name.tries(0)]


def test_names_of_different_kinds_never_meet() -> None:
    kinds = (
        named(AGENT, ALFA),
        named_by_words(AGENT, ALFA, was_denied),
        named_close(AGENT, ALFA),
        named_replacement(AGENT, OrderId(ALFA)),
    )
    others = (named(OTHER_AGENT, ALFA), named_by_words(OTHER_AGENT, ALFA, has_ended))
    assert len({each.tries(0) for each in (*kinds, *others)}) == len(kinds) + len(others)


def test_orders_are_found_by_their_clients_ids_as_they_are_made() -> None:
    ids, known = ClientIds(), dict[OrderId, Order]()

    def make(number: int, client_order_id: str, state: OrderState = OrderState.ACCEPTED) -> Order:
        order = Order(proposal(number, client_order_id=client_order_id), Role.ENTRY, at(1))
        order.state = state
        known[order.id] = order
        return order

    assert ids.find(known, AGENT, "mine") is None
    make(1, "mine", OrderState.DENIED)
    assert ids.find(known, AGENT, "mine") is None
    first, _ = make(2, "mine"), make(3, "mine")
    assert ids.find(known, AGENT, "mine") is first
    assert ids.find(known, OTHER_AGENT, "mine") is None
    refolded = {each.id: each for each in (make(4, "other"),)}
    assert ids.find(refolded, AGENT, "mine") is None
    assert ids.find(refolded, AGENT, "other") is known[proposal(4).id]
