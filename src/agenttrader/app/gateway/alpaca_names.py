"""What an agent's order is known by, so that what is sent again is the same order.

Our id is derived from the agent and its name for the order; where it gives none, from the agent and its
words. What was denied uses no name up, and a position that stands again may be sold or closed again: each
such try of a name has a derived id of its own, counted from 0.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from agenttrader.model.identifiers import AgentName, OrderId, Symbol, derive_agents_order_id
from agenttrader.model.orders import TERMINAL, OrderState
from agenttrader.portfolio.orders import Order

Tries = Callable[[int], OrderId]
"""The id of each try of a name, the first being 0."""


class Name(NamedTuple):
    """What an order is known by, and when that stands for it no more."""

    agent: AgentName
    tries: Tries
    is_spent: Callable[[Order], bool]

    def latest(self, orders: Mapping[OrderId, Order]) -> tuple[OrderId, Order | None]:
        """The last try and its order; where that is spent, or there is none, the next and None.

        Tries are made in order, so doubling and halving finds the first that was not made. No other agent's
        order has such an id; if one had, it would be passed over, and never be taken for the agent's.
        """
        if self.tries(0) not in orders:
            return self.tries(0), None
        low, high = 0, 1
        while self.tries(high) in orders:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.tries(middle) in orders else (low, middle)
        last = orders[self.tries(low)]
        is_over = last.agent != self.agent or self.is_spent(last)
        return (self.tries(high), None) if is_over else (last.id, last)


class ClientIds:
    """Orders by what their clients call them. Those that were read are not gone over again."""

    def __init__(self) -> None:
        self._orders: Mapping[OrderId, Order] = {}
        self._count = 0
        self._found: dict[tuple[AgentName, str], Order] = {}

    def find(self, orders: Mapping[OrderId, Order], agent: AgentName, client_order_id: str) -> Order | None:
        """The agent's first order of that id among `orders`, which only grow; one that was denied is none."""
        if orders is not self._orders:
            self._orders, self._count, self._found = orders, 0, {}
        for order in islice(orders.values(), self._count, None):
            own_id = order.proposal.client_order_id
            if own_id is not None and not order.is_leg and not was_denied(order):
                self._found.setdefault((order.agent, own_id), order)
        self._count = len(orders)
        return self._found.get((agent, client_order_id))


def named(agent: AgentName, client_order_id: str) -> Name:
    """By the client's own id, for ever, unless it was denied."""
    return Name(
        agent, lambda number: derive_agents_order_id(agent, "alpaca", client_order_id, number), was_denied
    )


def named_by_words(agent: AgentName, digest: str, is_spent: Callable[[Order], bool]) -> Name:
    """By what it says."""
    return Name(agent, lambda number: derive_agents_order_id(agent, "alpaca words", digest, number), is_spent)


def named_replacement(agent: AgentName, order_id: OrderId) -> Name:
    """What comes in the place of an order, where its client gives that no id that is meant."""
    return Name(
        agent,
        lambda number: derive_agents_order_id(agent, "alpaca replacement", order_id, number),
        was_denied,
    )


def named_close(agent: AgentName, symbol: Symbol) -> Name:
    """The close of a position, for as long as it works."""
    return Name(
        agent, lambda number: derive_agents_order_id(agent, "alpaca close", symbol, number), has_ended
    )


def was_denied(order: Order) -> bool:
    """Whether the order never was, as far as clients are told."""
    return order.state is OrderState.DENIED and not order.awaited


def has_ended(order: Order) -> bool:
    """Whether nothing more comes of the order."""
    return order.state in TERMINAL
