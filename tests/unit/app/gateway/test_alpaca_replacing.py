"""What a client wants changed: on tick and lot, without what stays, known by its words."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.app.gateway.alpaca_refusals import Unsupported
from agenttrader.app.gateway.alpaca_replacing import REFUSED_CHANGES, changes_of, words_of
from agenttrader.model.errors import BadValue
from agenttrader.model.orders import Changes, Effect, OrderType, Proposal, Role, Side, TimeInForce
from agenttrader.portfolio.orders import Order
from agenttrader.protocols.alpaca_trading import OrderReplacement
from agenttrader.testing.builders import AGENT, ALFA, OTHER_AGENT, at, instruments, proposal

D = Decimal
LIMIT = proposal(type=OrderType.LIMIT, limit_price=D(99))
STOP = proposal(type=OrderType.STOP, stop_price=D(95), effect=Effect.REDUCE, side=Side.SELL, exit_plan=None)


def trailing(**trail: Any) -> Proposal:
    return proposal(
        type=OrderType.TRAILING_STOP, effect=Effect.REDUCE, side=Side.SELL, exit_plan=None, **trail
    )


def changes(of: Proposal, **asked: Any) -> Changes:
    return changes_of(Order(of, Role.ENTRY, at(1)), OrderReplacement(**asked), instruments()[ALFA])


def test_every_field_is_read() -> None:
    assert changes(LIMIT, qty=D(4), limit_price=D("98.1000000000001"), time_in_force="gtc") == Changes(
        quantity=D(4), limit_price=D("98.10"), time_in_force=TimeInForce.GTC
    )
    assert changes(STOP, stop_price=D(96)) == Changes(stop_price=D(96))
    for trail in ({"trail_price": D(2)}, {"trail_percent": D(2)}):
        assert changes(trailing(**trail), trail=D(3)) == Changes(trail=D(3))
    read = {"qty", "limit_price", "time_in_force", "stop_price", "trail", "client_order_id"}
    assert read | REFUSED_CHANGES == set(OrderReplacement.__struct_fields__)


def test_what_stays_is_no_change() -> None:
    assert changes(LIMIT, qty=LIMIT.quantity, limit_price=D(99), time_in_force="day") == Changes()
    assert changes(trailing(trail_percent=D(2)), trail=D(2)) == Changes()


@pytest.mark.parametrize("field", sorted(REFUSED_CHANGES))
def test_what_this_face_does_not_know_is_refused_by_name(field: str) -> None:
    said: dict[str, Any] = {"notional": D(100), "advanced_instructions": {"algorithm": "VWAP"}}
    with pytest.raises(Unsupported, match=f"not supported by this gateway yet: {field}$"):
        changes(LIMIT, **{field: said[field]})


@pytest.mark.parametrize(
    ("of", "asked", "says"),
    (
        (LIMIT, {"trail": D(1)}, "trail: a limit order has none, found 1"),
        (LIMIT, {"limit_price": D("98.001")}, "limit_price: expected a multiple of 0.01"),
        (LIMIT, {"qty": D("1.5")}, "qty: expected a multiple of 1"),
        (trailing(trail_price=D(2)), {"trail": D("1.001")}, "trail: expected a multiple of 0.01"),
    ),
)
def test_what_cannot_be_is_refused_by_name(of: Proposal, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        changes(of, **asked)


def test_the_same_words_are_the_same_changes_and_no_others() -> None:
    one = words_of(AGENT, LIMIT.id, Changes(limit_price=D(98)), "mine")
    assert one == words_of(AGENT, LIMIT.id, Changes(limit_price=D(98)), "mine")
    others = {
        words_of(OTHER_AGENT, LIMIT.id, Changes(limit_price=D(98)), "mine"),
        words_of(AGENT, proposal(2).id, Changes(limit_price=D(98)), "mine"),
        words_of(AGENT, LIMIT.id, Changes(limit_price=D(97)), "mine"),
        words_of(AGENT, LIMIT.id, Changes(stop_price=D(98)), "mine"),
        words_of(AGENT, LIMIT.id, Changes(limit_price=D(98)), None),
    }
    assert len(others - {one}) == len(others)
