"""What a world is played on: three symbols, two short sessions, one account, and limits that are soon met.

The limits are near: two orders together meet one of them, so an order that is forgotten shows.
"""

from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from agenttrader.adapters.fence import SWITCH as FENCE
from agenttrader.adapters.persons import Person
from agenttrader.gateway.limits import AccountLimits, AgentLimits, Limits, StrategyLimits, SymbolLimits
from agenttrader.model.authority import PersonRole
from agenttrader.model.identifiers import AgentName, Symbol
from agenttrader.model.orders import OrderType, TimeInForce
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.runtime.rules import Rules
from agenttrader.simulation import inputs as venue
from agenttrader.simulation.fees import FeeSchedule
from agenttrader.simulation.listings import Listing
from agenttrader.testing.builders import (
    ACCOUNT,
    AGENT,
    ALFA,
    BRAVO,
    CHARLY,
    OTHER_AGENT,
    PERSON,
    STRATEGY,
    SWITCH,
    rules,
)

OWNERS: dict[Symbol, AgentName] = {ALFA: AGENT, BRAVO: AGENT, CHARLY: OTHER_AGENT}
CLOSES = {ALFA: Decimal("100.00"), BRAVO: Decimal("50.00"), CHARLY: Decimal("200.00")}
"""The day before's."""
CASH = Decimal(100_000)
OPENS = (from_rfc3339("2026-11-19T14:30:00Z"), from_rfc3339("2026-11-20T14:30:00Z"))
START = Instant(OPENS[0] - 2 * MINUTE)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
"""The person's; a world's signatures are the same each time."""
STRANGERS_KEY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
PERSONS = {PERSON: Person(KEY.public_key(), PersonRole.OPERATOR)}
_DATES = ("2026-11-19", "2026-11-20", "2026-11-23")
_AFTER = from_rfc3339("2026-11-23T14:30:00Z")
_TICK, _LOT = Decimal("0.01"), Decimal(1)


def sessions_of(minutes: tuple[int, int]) -> tuple[Session, ...]:
    """The sessions of so many minutes, and one after them that nobody plays."""
    opens, lengths = (*OPENS, _AFTER), (*minutes, 390)
    return tuple(
        Session(date=date, open=opening, close=Instant(opening + length * MINUTE))
        for date, opening, length in zip(_DATES, opens, lengths, strict=True)
        if length
    )


def rules_of(minutes: tuple[int, int]) -> Rules:
    """What the gateways of the world go by."""
    sessions = sessions_of(minutes)
    calendar = Calendar(
        name="WORLD",
        start=Instant(START - 24 * 60 * MINUTE),
        end=Instant(sessions[-1].close + 24 * 60 * MINUTE),
        sessions=sessions,
    )
    return rules(
        limits=LIMITS,
        limits_digest=LIMITS.digest,
        calendar=calendar,
        wired_switches=("store", FENCE, SWITCH),
    )


def settings_of(minutes: tuple[int, int], volume_percent: int, habits: venue.Habits) -> venue.Settings:
    """The exchange before the first open."""
    return venue.Settings(
        start=START,
        listings=tuple(Listing(symbol=symbol, tick=_TICK, lot=_LOT) for symbol in CLOSES),
        accounts=(venue.AccountOpening(name=ACCOUNT, cash=CASH, shorting=True),),
        sessions=tuple(
            venue.Session(date=each.date, open=each.open, close=each.close) for each in sessions_of(minutes)
        ),
        fees=FeeSchedule(
            sec_rate=Decimal("0.0000278"), taf_rate=Decimal("0.000166"), taf_cap=Decimal("8.30")
        ),
        market_reserve_percent=3,
        volume_percent=volume_percent,
        habits=habits,
    )


def _symbol(quantity: int) -> SymbolLimits:
    return SymbolLimits(
        order_quantity_max=Decimal(quantity),
        order_notional_max=Decimal(6_000),
        position_quantity_max=Decimal(2 * quantity),
        price_collar_fraction_max=Decimal("0.05"),
        reducing_price_collar_fraction_max=Decimal("0.3"),
        price_move_fraction_max=Decimal("0.2"),
        price_move_seconds=300,
        quote_age_seconds_max=150,
        shorting_permitted=True,
    )


_AGENT = AgentLimits(
    gross_exposure_max=Decimal(14_000),
    net_exposure_max=Decimal(12_000),
    long_exposure_max=Decimal(11_000),
    short_exposure_max=Decimal(9_000),
    orders_per_minute_max=5,
    messages_per_minute_max=20,
    open_orders_max=5,
    daily_orders_max=20,
    daily_new_risk_max=Decimal(70_000),
    repeats_max=1_000,
    repeat_seconds=60,
    order_types=(OrderType.MARKET, OrderType.LIMIT, OrderType.STOP),
    times_in_force=(TimeInForce.DAY,),
    extended_hours_permitted=False,
)

LIMITS = Limits(
    account=AccountLimits(
        gross_exposure_max=Decimal(16_000),
        net_exposure_max=Decimal(14_000),
        daily_loss_max=Decimal(150),
        dead_machine_loss_max=Decimal(16_000),
        unprotected_seconds_max=180,
        orders_per_minute_max=6,
        open_orders_max=6,
        daily_orders_max=25,
        daily_new_risk_max=Decimal(90_000),
        restricted=frozenset(),
        market_symbols=frozenset(),
        market_fall_fraction_max=Decimal("0.07"),
        ungrouped_permitted=True,
        long_exposure_max=Decimal(13_000),
        short_exposure_max=Decimal(11_000),
        concentration_fraction_max=Decimal(100),
        expiry_exposure_max=Decimal(0),
        days_to_expiry_min=0,
    ),
    agent={AGENT: _AGENT, OTHER_AGENT: structs.replace(_AGENT, gross_exposure_max=Decimal(9_000))},
    symbol={ALFA: _symbol(50), BRAVO: _symbol(100), CHARLY: _symbol(25)},
    group={},
    strategy={
        STRATEGY: StrategyLimits(
            gross_exposure_max=Decimal(13_500),
            daily_orders_max=18,
            daily_new_risk_max=Decimal(60_000),
        )
    },
)
