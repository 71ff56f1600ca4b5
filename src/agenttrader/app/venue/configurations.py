"""How an account's owner lets it be used: what may be set here, and what is refused because of it.

Three settings bind: `suspend_trade` refuses every new order, `no_shorting` every sale that opens,
`fractional_trading` off every fraction of a share; replacements and closes are orders, too. The others have
the one value that is true of this venue: to set it again is taken, another value is refused by name, so that
nobody believes in a check that nobody makes. Alpaca documents the settings and what they do, the words of
its refusals are from its clients' issues (lumibot 373, alpaca-trade-api-js 57).
"""

from decimal import Decimal

import msgspec

from agenttrader.app.venue.requests import Unsupported
from agenttrader.protocols.alpaca_account import Configurations, ConfigurationsChange
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.simulation.listings import Listing
from agenttrader.simulation.orders import Reason, Refusal, Side

BINDING = ("suspend_trade", "no_shorting", "fractional_trading")
SUSPENDED = Refusal(reason=Reason.FORBIDDEN, message="new orders are rejected by user request")


def first_configurations(opening: AccountOpening) -> Configurations:
    """As an account begins: everything permitted that the venue permits it."""
    return Configurations(
        dtbp_check="entry",
        fractional_trading=True,
        max_margin_multiplier=str(opening.multiplier),
        no_shorting=False,
        pdt_check="entry",
        suspend_trade=False,
        trade_confirm_email="none",
        ptp_no_exception_entry=False,
        max_options_trading_level=opening.options_level,
        disable_overnight_trading=True,
    )


def changed(standing: Configurations, change: ConfigurationsChange) -> Configurations:
    """The configurations with what is wanted. Raises Unsupported for a setting that has one value here."""
    wanted = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    for name, value in wanted.items():
        has = getattr(standing, name)
        if name not in BINDING and value != has:
            raise Unsupported(f"{name} {value}, only {has}")
    return msgspec.structs.replace(standing, **wanted)


def refusal_of(
    standing: Configurations, listing: Listing | None, side: Side, quantity: Decimal | None, *, opens: bool
) -> Refusal | None:
    """Why the owner's settings refuse an order; None where they do not. `opens`: it adds to a holding.

    An order for an amount of cash has no quantity.
    """
    if standing.suspend_trade:
        return SUSPENDED
    if listing is None or listing.is_option:
        return None
    if standing.no_shorting and opens and side is Side.SELL:
        return Refusal(
            reason=Reason.FORBIDDEN,
            message=f"account is not allowed to short: its owner has set no_shorting; it holds no "
            f"{listing.symbol} to sell",
        )
    is_part = quantity is None or quantity % listing.lot != 0
    if not standing.fractional_trading and is_part and not listing.is_coin:  # coins have no whole
        return Refusal(
            reason=Reason.FORBIDDEN,
            message="account is not allowed to trade fractions: its owner has unset fractional_trading",
        )
    return None
