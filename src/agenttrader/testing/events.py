"""Events to try things with: any that the journal can hold, drawn by Hypothesis, and a few made quickly."""

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from agenttrader.model.events import Event, Filled, SegmentOpened, SegmentSealed
from agenttrader.model.identifiers import AccountName, Digest, ExecutionId, OrderId, Symbol
from agenttrader.model.orders import WITH_LIMIT, WITH_STOP, Effect, ExitPlan, Leg, OrderType, Proposal, Side
from agenttrader.model.records import Chain, Sealed
from agenttrader.model.times import Instant

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def instants() -> st.SearchStrategy[Instant]:
    """Any instant that a record can carry."""
    return st.integers(INT64_MIN, INT64_MAX).map(Instant)


def numbers() -> st.SearchStrategy[Decimal]:
    """Finite Decimals of up to 15 digits before and 9 after the point, negative ones among them."""
    return st.decimals(
        -(10**15) + 1, 10**15 - 1, allow_nan=False, allow_infinity=False, places=9
    ) | st.decimals(-1000, 1000, allow_nan=False, allow_infinity=False, places=2)


def events() -> st.SearchStrategy[Event]:
    """Any event of any kind, but for those that open or seal a segment: they have an order of their own."""
    kinds = [kind for kind in typing.get_args(Event) if kind not in (SegmentOpened, SegmentSealed)]
    return st.one_of(*map(_any, kinds))


def proposals() -> st.SearchStrategy[Proposal]:
    """Any proposal that can be made: prices as its type wants them, legs that differ, no idle plan."""
    fields = {field.name: _any(field.type) for field in msgspec.structs.fields(Proposal)}
    ratios = st.integers(-4, 4).filter(bool)
    legs = st.dictionaries(st.text(min_size=1, max_size=6).map(Symbol), ratios, min_size=1, max_size=3)
    fields["quantity"] = numbers().map(abs).filter(bool)
    fields["legs"] = legs.map(lambda each: tuple(Leg(symbol, ratio) for symbol, ratio in each.items()))

    def of(kind: tuple[OrderType, Effect]) -> st.SearchStrategy[Proposal]:
        order_type, effect = kind
        said = {
            "type": st.just(order_type),
            "effect": st.just(effect),
            "limit_price": numbers() if order_type in WITH_LIMIT else st.none(),
            "stop_price": numbers() if order_type in WITH_STOP else st.none(),
            "trail_price": st.none(),
            "trail_percent": st.none(),
        }
        if order_type is OrderType.TRAILING_STOP:
            name = "trail_percent" if effect is Effect.CLOSE else "trail_price"
            said[name] = st.decimals(Decimal("0.01"), 99, places=2)
        said |= {}
        if effect is not Effect.OPEN:
            said["exit_plan"] = st.none()
        made = st.builds(Proposal, **(fields | said))
        if effect is not Effect.REDUCE or order_type is not OrderType.LIMIT:
            return made
        pair = {
            "legs": fields["legs"].map(lambda legs: legs[:1]),
            "exit_plan": st.builds(ExitPlan, stop=numbers()),
        }
        return made | st.builds(Proposal, **(fields | said | pair))

    return st.tuples(st.sampled_from(OrderType), st.sampled_from(Effect)).flatmap(of)


def opened(account: str = "SIM-1", epoch: int = 1) -> SegmentOpened:
    """The opening of a segment."""
    return SegmentOpened(
        session="2026-11-20",
        account=AccountName(account),
        epoch=epoch,
        configuration=Digest("c0" * 32),
        code="0123456789abcdef",
        parameters=Digest("d0" * 32),
        calendar=Digest("e0" * 32),
    )


def filled(number: int) -> Filled:
    """The fill of that number: 100 ALFA, each at another price."""
    return Filled(
        order_id=OrderId(f"order-{number}"),
        execution_id=ExecutionId(f"execution-{number}"),
        symbol=Symbol("ALFA"),
        side=Side.BUY,
        quantity=Decimal(100),
        price=Decimal(10_000 + number) / 100,
        fee=Decimal("0.12"),
        time=Instant(number),
    )


def sealed(chain: Chain, *several: Event) -> list[Sealed[Event]]:
    """The events as the next records of the chain, a second apart."""
    return [chain.seal(event, Instant((chain.sequence + 1) * 1_000_000_000)) for event in several]


def _any(kind: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type can hold."""
    if kind is Proposal:
        return proposals()
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, typing.NewType):
        return instants() if kind is Instant else _any(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        fields = msgspec.structs.fields(kind)
        return st.builds(kind, **{field.name: _any(field.type) for field in fields})
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return st.one_of(*map(_any, arguments))
    assert typing.get_origin(kind) is tuple
    if arguments[-1] is Ellipsis:
        return st.lists(_any(arguments[0]), max_size=3).map(tuple)
    return st.tuples(*map(_any, arguments))


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    bool: st.booleans(),
    int: st.integers(INT64_MIN, INT64_MAX),
    Decimal: numbers(),
    types.NoneType: st.none(),
    # What a check observed. A Decimal there is text when it is read back, so it is text here too.
    Any: st.none() | st.booleans() | st.integers(INT64_MIN, INT64_MAX) | st.text(max_size=20),
}
