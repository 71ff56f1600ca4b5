"""Limits for tests: some that nothing meets, and some near enough to be met by a small order."""

from decimal import Decimal

from agenttrader.gateway.limits import (
    AccountLimits,
    AgentLimits,
    GroupLimits,
    GroupName,
    Limits,
    StrategyLimits,
    SymbolLimits,
)
from agenttrader.model.identifiers import AgentName, StrategyName, Symbol
from agenttrader.model.orders import OrderType, TimeInForce


def limits_never_met(
    agents: tuple[AgentName, ...], name: StrategyName, symbols: tuple[Symbol, ...]
) -> Limits:
    """Limits that a small order never meets, for these agents, the strategy of that name, these symbols."""
    symbol = SymbolLimits(
        order_quantity_max=Decimal(1_000),
        order_notional_max=Decimal(1_000_000),
        position_quantity_max=Decimal(10_000),
        price_collar_fraction_max=Decimal("0.2"),
        reducing_price_collar_fraction_max=Decimal("0.5"),
        price_move_fraction_max=Decimal("0.5"),
        price_move_seconds=300,
        quote_age_seconds_max=300,
        shorting_permitted=True,
    )
    agent = AgentLimits(
        gross_exposure_max=Decimal(10_000_000),
        net_exposure_max=Decimal(10_000_000),
        long_exposure_max=Decimal(10_000_000),
        short_exposure_max=Decimal(10_000_000),
        orders_per_minute_max=1_000,
        messages_per_minute_max=1_000,
        open_orders_max=1_000,
        daily_orders_max=1_000,
        daily_new_risk_max=Decimal(10_000_000),
        repeats_max=1_000,
        repeat_seconds=60,
        order_types=tuple(OrderType),
        times_in_force=(TimeInForce.DAY,),
        extended_hours_permitted=False,
    )
    account = AccountLimits(
        gross_exposure_max=Decimal(10_000_000),
        net_exposure_max=Decimal(10_000_000),
        daily_loss_max=Decimal(1_000_000),
        dead_machine_loss_max=Decimal(1_000_000),
        unprotected_seconds_max=3_600,
        orders_per_minute_max=1_000,
        open_orders_max=1_000,
        daily_orders_max=1_000,
        daily_new_risk_max=Decimal(10_000_000),
        restricted=frozenset(),
        market_symbols=frozenset(),
        market_fall_fraction_max=Decimal("0.07"),
        ungrouped_permitted=True,
        long_exposure_max=Decimal(10_000_000),
        short_exposure_max=Decimal(10_000_000),
        concentration_fraction_max=Decimal(100),
        expiry_exposure_max=Decimal(10_000_000),
        days_to_expiry_min=0,
    )
    strategy = StrategyLimits(
        gross_exposure_max=Decimal(10_000_000),
        daily_orders_max=1_000,
        daily_new_risk_max=Decimal(10_000_000),
    )
    return Limits(
        account=account,
        agent=dict.fromkeys(agents, agent),
        symbol=dict.fromkeys(symbols, symbol),
        group={},
        strategy={name: strategy},
    )


def limits_to_be_met(
    agent: AgentName, strategy: StrategyName, group: GroupName, symbols: tuple[Symbol, ...], barred: Symbol
) -> Limits:
    """Limits that a few orders of some thousands meet, each alone; nobody opens anything in `barred`."""
    of_symbol = _symbol_to_be_met()
    return Limits(
        account=AccountLimits(
            gross_exposure_max=Decimal(100_000),
            net_exposure_max=Decimal(60_000),
            daily_loss_max=Decimal(5_000),
            dead_machine_loss_max=Decimal(20_000),
            unprotected_seconds_max=60,
            orders_per_minute_max=60,
            open_orders_max=20,
            daily_orders_max=200,
            daily_new_risk_max=Decimal(1_000_000),
            restricted=frozenset({barred}),
            market_symbols=frozenset(),
            market_fall_fraction_max=Decimal("0.07"),
            ungrouped_permitted=False,
            long_exposure_max=Decimal(70_000),
            short_exposure_max=Decimal(60_000),
            concentration_fraction_max=Decimal("0.5"),
            expiry_exposure_max=Decimal(20_000),
            days_to_expiry_min=7,
        ),
        agent={
            agent: AgentLimits(
                gross_exposure_max=Decimal(80_000),
                net_exposure_max=Decimal(50_000),
                long_exposure_max=Decimal(55_000),
                short_exposure_max=Decimal(45_000),
                orders_per_minute_max=30,
                messages_per_minute_max=60,
                open_orders_max=10,
                daily_orders_max=100,
                daily_new_risk_max=Decimal(500_000),
                repeats_max=3,
                repeat_seconds=60,
                order_types=(OrderType.MARKET, OrderType.LIMIT, OrderType.STOP),
                times_in_force=(TimeInForce.DAY,),
                extended_hours_permitted=False,
            )
        },
        symbol=dict.fromkeys(symbols, of_symbol),
        group={
            group: GroupLimits(
                symbols=frozenset(symbols),
                gross_exposure_max=Decimal(75_000),
                net_exposure_max=Decimal(55_000),
                daily_orders_max=90,
                daily_new_risk_max=Decimal(400_000),
            )
        },
        strategy={
            strategy: StrategyLimits(
                gross_exposure_max=Decimal(65_000),
                daily_orders_max=80,
                daily_new_risk_max=Decimal(300_000),
            )
        },
    )


def _symbol_to_be_met() -> SymbolLimits:
    return SymbolLimits(
        order_quantity_max=Decimal(500),
        order_notional_max=Decimal(60_000),
        position_quantity_max=Decimal(1_000),
        price_collar_fraction_max=Decimal("0.05"),
        reducing_price_collar_fraction_max=Decimal("0.20"),
        price_move_fraction_max=Decimal("0.5"),
        price_move_seconds=300,
        quote_age_seconds_max=120,
        shorting_permitted=False,
    )
