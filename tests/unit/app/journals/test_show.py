import typing

import msgspec
import pytest

from agenttrader.app.journals.show import Selection, kinds_of, orders_of, select
from agenttrader.model.errors import BadValue
from agenttrader.model.events import (
    Accepted,
    Canceled,
    Event,
    Expired,
    ReplaceRequested,
    SegmentSealed,
)
from agenttrader.model.identifiers import BrokerOrderId, OrderId
from agenttrader.model.instructions import ProtectiveLeg
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant
from agenttrader.testing.events import filled, opened, sealed

ENTRY, STOP, NEXT = OrderId("order-1"), OrderId("stop-1"), OrderId("next-1")


@pytest.fixture
def records() -> list[Sealed[Event]]:
    """A fill of order-1 and its legs, of others between, and of the order that replaced it."""
    return sealed(
        Chain(),
        opened(),
        Accepted(
            order_id=ENTRY,
            broker_order_id=BrokerOrderId("b-1"),
            time=Instant(1),
            stop=ProtectiveLeg(STOP, BrokerOrderId("b-2")),
        ),
        filled(1),
        filled(2),
        Canceled(order_id=STOP, time=Instant(2)),
        ReplaceRequested(order_id=ENTRY, replacement=NEXT, by="ann", reason="nearer"),
        Expired(order_id=NEXT, time=Instant(3)),
        filled(3),
        SegmentSealed(reason="end of session"),
    )


def numbers(records: list[Sealed[Event]], selection: Selection) -> list[int]:
    return [each.sequence for each in select(records, selection)]


def test_nothing_asked_for_is_everything(records: list[Sealed[Event]]) -> None:
    assert numbers(records, Selection()) == list(range(1, 10))


def test_by_kind_and_the_last_of_them(records: list[Sealed[Event]]) -> None:
    kinds = kinds_of(["filled", "expired.1"])
    assert numbers(records, Selection(kinds=kinds)) == [3, 4, 7, 8]
    assert numbers(records, Selection(kinds=kinds, last=2)) == [7, 8]
    assert numbers(records, Selection(last=100)) == list(range(1, 10))


def test_an_orders_whole_life_is_told_with_its_legs_and_what_replaced_it(
    records: list[Sealed[Event]],
) -> None:
    assert numbers(records, Selection(order="order-1")) == [2, 3, 5, 6, 7]
    assert numbers(records, Selection(order="ord")) == [2, 3, 4, 5, 6, 7, 8]
    assert numbers(records, Selection(order="order-1", kinds=kinds_of(["filled"]))) == [3]
    assert numbers(records, Selection(order="none")) == []


def test_a_word_that_is_no_kind_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        BadValue, match="--kind: expected a kind of record, found 'fill'; there are accepted, "
    ):
        kinds_of(["filled", "fill"])
    with pytest.raises(BadValue, match=r"found 'filled\.2'"):
        kinds_of(["filled.2"])


def test_every_kind_is_known_by_its_name() -> None:
    for kind in typing.get_args(Event):
        tag = kind.__struct_config__.tag
        assert kinds_of([tag]) == kinds_of([tag.partition(".")[0]]) == (tag,)


def test_every_event_with_an_order_names_it() -> None:
    """A kind with an order that `orders_of` forgets would be missing from that order's life."""
    for kind in typing.get_args(Event):
        names = [field.name for field in msgspec.structs.fields(kind)]
        if "order_id" in names:
            fields = dict.fromkeys(names) | {"order_id": ENTRY, "replacement": NEXT}
            event = kind(**{name: fields[name] for name in names})
            assert ENTRY in set(orders_of(event)), kind
