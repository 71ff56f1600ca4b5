"""What a careless day is played on: symbols, sessions, three accounts at the venue, and tight limits.

One account is behind the gateway; two are at the venue without one: the first is rich, borrows and may sell
short, the second is poor, may not, and waits for what it sold to settle. The limits are near enough to be met
many times a day.
"""

from decimal import Decimal

from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    Grant,
    GroupLimits,
    GroupName,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.model.authority import Approval, Mode, PersonRole
from agenttrader.model.events import SegmentOpened
from agenttrader.model.identifiers import AccountName, AgentName, Digest, PersonName, StrategyName, Symbol
from agenttrader.model.instruments import Equity
from agenttrader.model.orders import OrderType, TimeInForce
from agenttrader.model.sessions import Calendar, Session
from agenttrader.model.times import MINUTE, Instant, from_rfc3339
from agenttrader.portfolio.holdings import FeeSchedule
from agenttrader.reconciliation.structure import Grace
from agenttrader.runtime.rules import Rules
from agenttrader.runtime.statements import Authority
from agenttrader.simulation import fees as venue_fees
from agenttrader.simulation import inputs as venue
from agenttrader.simulation.listings import FRACTION, AssetClass, Listing
from agenttrader.testing.breakers import BREAKERS

GATED = AccountName("CARELESS-1")
RICH, POOR = "CARELESS-2", "CARELESS-3"
CASH = {GATED: Decimal("100000.00"), RICH: Decimal("250000.00"), POOR: Decimal("4321.09")}
STRATEGIST, BOT = AgentName("strategist"), AgentName("bot")
STRATEGY = StrategyName("careless")
PERSON = PersonName("ada")
SWITCH = "file"
CONFIGURATION = Digest("ca" * 32)
ALFA, BRAVO, CHARLY, DELTA, ECHO = map(Symbol, ("ALFA", "BRAVO", "CHARLY", "DELTA", "ECHO"))
NOPE = Symbol("NOPE")
"""Granted, and neither configured nor listed."""
CLOSES = {
    ALFA: Decimal("100.00"),
    BRAVO: Decimal("24.40"),
    CHARLY: Decimal("412.75"),
    DELTA: Decimal("7.31"),
    ECHO: Decimal("58.20"),
}
"""The day before's, by symbol."""
COIN, COIN_CLOSE = Symbol("BTC/USD"), Decimal("61250.00")
"""Listed on some days, for whoever has no gateway."""
FRACTIONABLE = frozenset({ECHO})
"""What no agent owns: the venue fills parts of a share of it, and the gateway trades whole ones."""
OWNERS = {ALFA: STRATEGIST, BRAVO: STRATEGIST, CHARLY: STRATEGIST, DELTA: BOT}
OPENS = {
    date: from_rfc3339(f"{date}T14:30:00Z")
    for date in ("2026-11-20", "2026-11-23", "2026-11-24", "2026-11-25")
}
"""Trading days in a row, a weekend among them, and when each opens."""
OPEN = OPENS["2026-11-20"]
EARLY_MINUTES, LATE_MINUTES = 3, 3
"""How long before the open and after the close orders are sent too."""
START = Instant(OPEN - EARLY_MINUTES * MINUTE)
_WHOLE_DAY = 390
_TICK, _LOT = Decimal("0.01"), Decimal(1)
_FEES = {"sec_rate": Decimal("0.0000278"), "taf_rate": Decimal("0.000166"), "taf_cap": Decimal("8.30")}
FEES = FeeSchedule(**_FEES)
MAKER_RATE, TAKER_RATE = Decimal("0.0015"), Decimal("0.0025")
_BORROWING = {
    "margin_rate": Decimal("0.0675"),
    "easy_borrow_rate": Decimal("0.01"),
    "hard_borrow_rate": Decimal("0.05"),
}
MULTIPLIERS = dict.fromkeys(CLOSES, Decimal(1))


def calendar(minutes: tuple[int, ...]) -> Calendar:
    """Sessions of so many minutes, one a trading day, and the whole one after them."""
    sessions = tuple(
        Session(date=date, open=opens, close=Instant(opens + length * MINUTE))
        for (date, opens), length in zip(OPENS.items(), (*minutes, _WHOLE_DAY), strict=False)
    )
    return Calendar(
        name="CARELESS",
        start=Instant(OPEN - 24 * 60 * MINUTE),
        end=Instant(sessions[-1].close + MINUTE),
        sessions=sessions,
    )


def venue_settings(
    minutes: tuple[int, ...], volume_percent: int, habits: venue.Habits, *, coins: bool
) -> venue.Settings:
    """The venue before the open. Of a bar's volume an account may take `volume_percent`; 0: all it asks."""
    *played, after = calendar(minutes).sessions
    return venue.Settings(
        start=START,
        listings=(
            *(
                Listing(
                    symbol=symbol,
                    tick=_TICK,
                    lot=_LOT,
                    fractionable=symbol in FRACTIONABLE,
                    easy_to_borrow=symbol not in FRACTIONABLE,
                )
                for symbol in CLOSES
            ),
            *([_COIN_LISTING] if coins else []),
        ),
        accounts=(
            venue.AccountOpening(name=GATED, cash=CASH[GATED], shorting=True),
            venue.AccountOpening(name=RICH, cash=CASH[RICH], shorting=True, multiplier=4),
            venue.AccountOpening(name=POOR, cash=CASH[POOR], shorting=False, settled_cash=True),
        ),
        sessions=(
            *(
                venue.Session(
                    date=each.date,
                    open=each.open,
                    close=each.close,
                    early_open=Instant(each.open - EARLY_MINUTES * MINUTE),
                    late_close=Instant(each.close + LATE_MINUTES * MINUTE),
                )
                for each in played
            ),
            venue.Session(date=after.date, open=after.open, close=after.close),
        ),
        fees=venue_fees.FeeSchedule(
            **_FEES, **_BORROWING, crypto_maker_rate=MAKER_RATE, crypto_taker_rate=TAKER_RATE
        ),
        market_reserve_percent=3,
        volume_percent=volume_percent,
        habits=habits,
    )


_COIN_LISTING = Listing(
    symbol=COIN,
    tick=_TICK,
    lot=FRACTION,
    asset_class=AssetClass.CRYPTO,
    fractionable=True,
    shortable=False,
    easy_to_borrow=False,
    marginable=False,
)


def rules(minutes: tuple[int, ...]) -> Rules:
    """What the gateway goes by: the whole catalogue, every limit within a careless client's reach."""
    return Rules(
        authority=Authority(
            account=GATED,
            is_simulated=True,
            configuration=CONFIGURATION,
            ceiling=Mode.PAPER,
            people={PERSON: PersonRole.OPERATOR},
        ),
        limits=LIMITS,
        limits_digest=LIMITS.digest,
        breakers=BREAKERS,
        grants={
            STRATEGIST: Grant(
                strategies=frozenset({STRATEGY}),
                symbols=frozenset({ALFA, BRAVO, CHARLY, NOPE}),
                mode_ceiling=Mode.PAPER,
                approval=Approval.AUTO,
            ),
            BOT: Grant(
                strategies=frozenset(),
                symbols=frozenset({DELTA}),
                mode_ceiling=Mode.PAPER,
                approval=Approval.AUTO,
            ),
        },
        instruments={symbol: Equity(symbol=symbol, tick=_TICK, lot=_LOT) for symbol in CLOSES},
        calendar=calendar(minutes),
        fees=FEES,
        wired_switches=("store", SWITCH),
        market_source="careless",
        comparison_seconds_max=1_000_000,
        structure_grace=Grace(opening_seconds=120, later_seconds=900),
    )


def segment(epoch: int) -> SegmentOpened:
    """The day's process of this number becomes the journal's writer."""
    return SegmentOpened(
        session="careless",
        account=GATED,
        epoch=epoch,
        configuration=CONFIGURATION,
        code="careless",
        parameters=CONFIGURATION,
        calendar=CONFIGURATION,
    )


def _symbol_limits(quantity: int, *, shorting: bool = True) -> SymbolLimits:
    return SymbolLimits(
        order_quantity_max=Decimal(quantity),
        order_notional_max=Decimal(15_000),
        position_quantity_max=Decimal(3 * quantity),
        price_collar_fraction_max=Decimal("0.03"),
        reducing_price_collar_fraction_max=Decimal("0.20"),
        price_move_fraction_max=Decimal("0.5"),
        price_move_seconds=300,
        quote_age_seconds_max=120,
        shorting_permitted=shorting,
    )


LIMITS = Limits(
    account=AccountLimits(
        gross_exposure_max=Decimal(90_000),
        net_exposure_max=Decimal(60_000),
        daily_loss_max=Decimal(600),
        dead_machine_loss_max=Decimal(90_000),
        unprotected_seconds_max=300,
        orders_per_minute_max=4,
        open_orders_max=8,
        daily_orders_max=60,
        daily_new_risk_max=Decimal(900_000),
        restricted=frozenset(),
        market_symbols=frozenset({ALFA}),
        market_fall_fraction_max=Decimal("0.03"),
        ungrouped_permitted=False,
        long_exposure_max=Decimal(55_000),
        short_exposure_max=Decimal(50_000),
        concentration_fraction_max=Decimal("0.25"),
        expiry_exposure_max=Decimal(0),
        days_to_expiry_min=0,
    ),
    agent={
        STRATEGIST: AgentLimits(
            gross_exposure_max=Decimal(70_000),
            net_exposure_max=Decimal(50_000),
            long_exposure_max=Decimal(45_000),
            short_exposure_max=Decimal(40_000),
            orders_per_minute_max=3,
            messages_per_minute_max=9,
            open_orders_max=7,
            daily_orders_max=40,
            daily_new_risk_max=Decimal(700_000),
            repeats_max=1_000,
            repeat_seconds=60,
            order_types=(OrderType.MARKET, OrderType.LIMIT, OrderType.STOP),
            times_in_force=(TimeInForce.DAY,),
            extended_hours_permitted=False,
        ),
        BOT: AgentLimits(
            gross_exposure_max=Decimal(12_000),
            net_exposure_max=Decimal(12_000),
            long_exposure_max=Decimal(12_000),
            short_exposure_max=Decimal(12_000),
            orders_per_minute_max=2,
            messages_per_minute_max=9,
            open_orders_max=4,
            daily_orders_max=30,
            daily_new_risk_max=Decimal(100_000),
            repeats_max=1_000,
            repeat_seconds=60,
            order_types=(OrderType.MARKET, OrderType.LIMIT, OrderType.STOP),
            times_in_force=(TimeInForce.DAY, TimeInForce.GTC),
            extended_hours_permitted=False,
        ),
    },
    symbol={
        ALFA: _symbol_limits(120),
        BRAVO: _symbol_limits(400),
        CHARLY: _symbol_limits(40, shorting=False),
        DELTA: _symbol_limits(900),
    },
    group={
        GroupName("large"): GroupLimits(
            symbols=frozenset({ALFA, BRAVO}),
            gross_exposure_max=Decimal(40_000),
            net_exposure_max=Decimal(35_000),
            daily_orders_max=40,
            daily_new_risk_max=Decimal(500_000),
        ),
        GroupName("all"): GroupLimits(
            symbols=frozenset({ALFA, BRAVO, CHARLY, DELTA}),
            gross_exposure_max=Decimal(80_000),
            net_exposure_max=Decimal(55_000),
            daily_orders_max=55,
            daily_new_risk_max=Decimal(800_000),
        ),
    },
    strategy={
        STRATEGY: StrategyLimits(
            gross_exposure_max=Decimal(60_000),
            daily_orders_max=35,
            daily_new_risk_max=Decimal(600_000),
        )
    },
)
