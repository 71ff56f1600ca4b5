"""What the exits unit sees of a position and its orders, and the acts that it may want. No rules."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from agenttrader.model.breaks import DoubtKind
from agenttrader.model.identifiers import OrderId, StrategyName, Symbol
from agenttrader.model.orders import Effect, ExitPlan, OrderState, Role, Side, TimeInForce
from agenttrader.model.times import Instant

DOUBTED_AFTER = 3
"""Refusals in a row after which what is wanted is a doubt, too. It goes on being asked for."""


class Tenancy(NamedTuple):
    """What a position is called for as long as it is held: the symbol, and the record that opened it."""

    symbol: Symbol
    sequence: int


class Position(Struct, frozen=True, kw_only=True):
    """One position, as the gateway tells it."""

    symbol: Symbol
    quantity: Decimal
    """Signed."""
    stated: Decimal | None
    """What the broker says is held, signed; None where that is not known."""
    average_price: Decimal
    sequence: int
    """The record that opened it: with the symbol, its name for as long as it is held."""
    since: Instant
    """When it was opened, by the data: what is asked for it is named by that, so a day that is played again
    asks for the same orders, though its journal may have other records between."""
    strategy: StrategyName
    plan: ExitPlan | None
    protected: Decimal
    """Units that a stop faces which rests at the broker."""
    closing: bool
    """Whether a close of it works, or waits."""
    unprotected_since: Instant | None
    best: Decimal | None = None
    """The best price since it was opened; None where none better than its own was seen."""
    stop_can_rest: bool = True
    """Whether the broker takes resting stops in it: not in coins and options."""


class OrderSeen(Struct, frozen=True, kw_only=True):
    """One order, as the gateway tells it. Ended ones are needed where they are the exits unit's own."""

    id: OrderId
    symbol: Symbol
    side: Side
    effect: Effect
    role: Role
    remaining: Decimal
    state: OrderState
    updated: Instant
    parent: OrderId | None = None
    """The entry, or the other half of the pair, that it came with."""
    proposal_id: str | None = None
    """What the exits unit called it; None for the orders of others."""


class Moment(Struct, frozen=True, kw_only=True):
    """When, and what the market says then."""

    now: Instant
    close: Instant | None
    """Of the session that trades now; None where the exchange is closed."""
    marks: Mapping[Symbol, Decimal]


class Patience(Struct, frozen=True, kw_only=True):
    """How long the exits unit waits."""

    partial_fill_seconds: int
    """How long what has filled of an entry may be bare before the rest of the entry is canceled."""
    retry_seconds_max: int
    """The longest wait after failures: the first is a second, and each is twice the one before."""


class Protect(Struct, frozen=True, kw_only=True):
    """Let a stop rest for what is bare; with a target, as a pair: a fill of one takes from the other."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    stop: Decimal
    target: Decimal | None
    time_in_force: TimeInForce
    strategy: StrategyName
    proposal_id: str
    sentence: str


class Cancel(Struct, frozen=True, kw_only=True):
    """End an entry that keeps its fill from being protected, or an order of ours that faces nothing."""

    symbol: Symbol
    order_id: OrderId
    sentence: str


class Close(Struct, frozen=True, kw_only=True):
    """Leave the whole position at the market, by the gateway's procedure."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    rule: str
    strategy: StrategyName
    proposal_id: str
    sentence: str


class Doubt(Struct, frozen=True, kw_only=True):
    """What no rule can judge: a person must look. It is never a reason to leave a position."""

    symbol: Symbol
    about: DoubtKind
    sentence: str


Act = Protect | Cancel | Close | Doubt
