"""How much the account, an agent, a strategy, a group of symbols and a symbol may do.

No limit has a default, and what has no limit is denied.

Amounts are in the account's currency, quantities in units of the instrument, fractions are of the mark (0.05
is five in a hundred). Every limit is inclusive: the number itself is still permitted.
"""

from decimal import Decimal
from typing import NewType

import msgspec
from msgspec import Struct, structs

from agenttrader.model.authority import Approval, Mode
from agenttrader.model.errors import BadValue
from agenttrader.model.identifiers import AgentName, Digest, StrategyName, Symbol, digest_of
from agenttrader.model.orders import OrderType, TimeInForce
from agenttrader.model.values import exact
from agenttrader.model.words import Word

REPEAT_SECONDS_MAX = 86_400
"""No limit on repeats looks back for longer: so long what came is kept when the day turns."""
GroupName = NewType("GroupName", str)
"""What several symbols are called together: a sector, a theme, a venue."""


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits that stand together. No number below 0, none that is not finite."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            limit = getattr(self, name)
            if not isinstance(limit, bool | tuple | frozenset) and exact(limit, name) < 0:
                raise BadValue(f"{name}: expected 0 or more, found {limit}")


class AccountLimits(_Table, frozen=True):
    """What all agents of the account may do together."""

    gross_exposure_max: Decimal
    """Σ |position| at the mark, every open and UNKNOWN order counted as filled."""
    net_exposure_max: Decimal
    """|Σ position| at the mark, every open and UNKNOWN entry of the same direction counted as filled."""
    daily_loss_max: Decimal
    """How far equity may lie below the day's first, realised and unrealised."""
    dead_machine_loss_max: Decimal
    """What may be lost, gaps aside, if all of ours stopped now, by what rests at the broker alone."""
    unprotected_seconds_max: int
    """How long a position may be held that no stop faces at the broker; longer is a break."""
    orders_per_minute_max: int
    open_orders_max: int
    """Orders that work or may work; the protective legs of one do not count again."""
    daily_orders_max: int
    """Entries approved since the day opened, whatever came of them."""
    daily_new_risk_max: Decimal
    """What they may cost together, each at the worst price that its decision knew."""
    restricted: frozenset[Symbol]
    """What nobody may open a position in, nor in an option on it; what is held there may be left."""
    market_symbols: frozenset[Symbol]
    """What stands for the whole market; where none does, nothing pauses by it."""
    market_fall_fraction_max: Decimal
    """How far one of them may lie below where its day began before nothing is opened any more."""
    ungrouped_permitted: bool
    """Whether anything may be opened in a symbol that no group has."""
    long_exposure_max: Decimal
    """Σ long positions at the mark, every open and UNKNOWN entry that buys counted as filled."""
    short_exposure_max: Decimal
    concentration_fraction_max: Decimal
    """How large a part of equity one position may be worth, every entry that adds to it counted as filled."""
    expiry_exposure_max: Decimal
    """As `gross_exposure_max`, of all options that end on the same day."""
    days_to_expiry_min: int
    """How many days before its end an option may last be opened; 0: on the day itself, too."""


class AgentLimits(_Table, frozen=True):
    """What one agent may do."""

    gross_exposure_max: Decimal
    """As the account's, over the symbols that the agent owns."""
    net_exposure_max: Decimal
    long_exposure_max: Decimal
    short_exposure_max: Decimal
    orders_per_minute_max: int
    messages_per_minute_max: int
    """Orders, replacements and cancels of its own that leave for the broker; exits count and always leave."""
    open_orders_max: int
    daily_orders_max: int
    """As the account's, of the agent's own entries."""
    daily_new_risk_max: Decimal
    repeats_max: int
    """How often the same symbol, side and quantity may be approved within `repeat_seconds`; more halts it."""
    repeat_seconds: int
    order_types: tuple[OrderType, ...]
    """The types that its entries may have: each once, in the order of their names, as of every list here."""
    times_in_force: tuple[TimeInForce, ...]
    """How long its entries may rest; with `gtc` over the session's end, and so beyond their window."""
    extended_hours_permitted: bool
    """Whether its entries may trade before and after the session."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # The same limits have the same digest, in whatever order a person writes them.
        structs.force_setattr(self, "order_types", _in_order(self.order_types))
        structs.force_setattr(self, "times_in_force", _in_order(self.times_in_force))
        if not 1 <= self.repeat_seconds <= REPEAT_SECONDS_MAX:
            raise BadValue(
                f"repeat_seconds: expected 1 to {REPEAT_SECONDS_MAX}, a day, found {self.repeat_seconds}"
            )


def _in_order(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(sorted(set(words), key=lambda word: word.value))


class GroupLimits(_Table, frozen=True):
    """What all agents may do together in a set of symbols. A symbol may be in several."""

    symbols: frozenset[Symbol]
    """An option is in the groups of what it is an option on, too."""
    gross_exposure_max: Decimal
    """As the account's, over these symbols; of an order that has a leg in them all legs count."""
    net_exposure_max: Decimal
    daily_orders_max: int
    daily_new_risk_max: Decimal

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.symbols:
            raise BadValue("symbols: expected one or more, found none: a group of nothing limits nothing")


class StrategyLimits(_Table, frozen=True):
    """What one strategy may do, of what its agent may."""

    gross_exposure_max: Decimal
    """As the account's, of its own part of each position."""
    daily_orders_max: int
    daily_new_risk_max: Decimal


PRICE_MOVE_SECONDS_MAX = 3_600
"""Older marks are not kept."""
_FRACTIONS = ("price_collar_fraction_max", "reducing_price_collar_fraction_max", "price_move_fraction_max")


class SymbolLimits(_Table, frozen=True):
    """What anyone may do in one symbol."""

    order_quantity_max: Decimal
    order_notional_max: Decimal
    """Quantity × multiplier × the worse of mark and order price."""
    position_quantity_max: Decimal
    """Long or short, every open and UNKNOWN order counted as filled."""
    price_collar_fraction_max: Decimal
    """How far from the mark an order that adds risk may lie: its prices, and its agent's decision price."""
    reducing_price_collar_fraction_max: Decimal
    """The same, for an order that reduces: wider, because leaving late is worse than leaving dearly."""
    price_move_fraction_max: Decimal
    """How far apart the lowest and the highest mark of late, and what an order may trade at, may lie."""
    price_move_seconds: int
    """For how long a mark counts there: 1 to 3600."""
    quote_age_seconds_max: int
    """How old the mark may be when risk is added."""
    shorting_permitted: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _FRACTIONS:
            if getattr(self, name) >= 1:
                raise BadValue(
                    f"{name}: expected a fraction below 1, such as 0.05, found {getattr(self, name)}"
                )
        if not 1 <= self.price_move_seconds <= PRICE_MOVE_SECONDS_MAX:
            raise BadValue(
                f"price_move_seconds: expected 1 to {PRICE_MOVE_SECONDS_MAX}, found {self.price_move_seconds}"
            )


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every limit of one account. An agent or a symbol without a row may do nothing."""

    account: AccountLimits
    agent: dict[AgentName, AgentLimits]
    symbol: dict[Symbol, SymbolLimits]
    group: dict[GroupName, GroupLimits]
    """There may be none: whether a symbol may be in none is the account's to say."""
    strategy: dict[StrategyName, StrategyLimits]
    """A strategy without a row may open nothing. An agent that runs none needs none."""

    @property
    def digest(self) -> Digest:
        """SHA-256 over all of them; every decision names it. Computed anew at each call: keep it."""
        return digest_of(msgspec.json.encode(self, order="deterministic"))


class Grant(Struct, frozen=True, kw_only=True):
    """What an agent may act for, and how far. A symbol has one owner.

    An agent that runs no strategies (a bot) names none in its proposals.
    """

    strategies: frozenset[StrategyName]
    symbols: frozenset[Symbol]
    mode_ceiling: Mode
    """The farthest mode in which its entries may leave."""
    approval: Approval
    """Whether a person approves its entries: its own policy, or the environment's where that is stricter."""
    reduces_only: bool = False
    """Whether its key only makes positions smaller, whatever it asks for: the exits unit's.

    It has no limits of its own, acts in what others hold, and goes on while agents are halted.
    """
    by_hand: bool = False
    """Whether it is a person's own hand, which goes on while everything else is frozen."""
