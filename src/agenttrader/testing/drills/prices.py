"""Drills of market data: prices that none can be, no price at all, and a fill that stalls."""

import tomllib
from decimal import Decimal

from msgspec.structs import force_setattr

from agenttrader.app.config import demo_template
from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import BreakFound, Filled, LinkChanged
from agenttrader.model.market import Bar
from agenttrader.testing.drills.stage import ALFA, PRICE, DrillDay, Tables

STALE_MINUTES = 3
"""More than the configuration's `quote_age_seconds_max`, less than what latches."""
STALL_MINUTES = 4
"""More than the configuration's `unprotected_seconds_max`."""


async def bad_prices(day: DrillDay) -> None:
    """The feed says a price that none can be: it is not believed, and entries are denied."""
    day.expect("an order before", "accepted", await day.order(1))
    day.pass_time(1, _below_zero(day))
    day.expect("trading halts", expected=True, observed=await day.becomes(day.is_halted))
    state = await day.order(2)
    day.expect("an order then", "denied", state.partition(" ")[0])
    day.evidence["denied then by"] = [state]
    day.expect("entries at the venue", 1, len(await day.entries()))


async def breach_is_told(day: DrillDay) -> None:
    """The feed says a price that none can be: it is on record why, and the status says so."""
    day.pass_time(1, _below_zero(day))
    day.expect("trading halts", expected=True, observed=await day.becomes(day.is_halted))

    async def is_recorded() -> bool:
        return bool(_downs(day))

    day.expect("it is on record", expected=True, observed=await day.becomes(is_recorded))
    downs = _downs(day)
    day.expect("links that went down on record", ["marketdata"], sorted({each.link for each in downs}))
    day.expect(
        "the record names the symbol", expected=True, observed=any(ALFA in each.reason for each in downs)
    )
    day.expect("trading, as the status says it", "halted", (await day.status()).trading.state)
    day.evidence["on record"] = [each.reason for each in downs]


async def staleness(day: DrillDay) -> None:
    """A symbol has no price of now: entries in it are denied until it has."""
    day.expect("an order at a fresh price", "accepted", await day.order(1))
    day.pass_time(STALE_MINUTES)
    assert await day.becomes(day.has_heard), day.logs()
    day.expect("an order at a stale price", "denied quote_age", await day.order(2))
    await day.trade()
    day.expect("an order at a fresh price again", "accepted", await day.order(3))
    day.expect("entries at the venue", 2, len(await day.entries()))


async def partial_fill_stall(day: DrillDay) -> None:
    """An entry fills in part, then no more: what is held without a stop is a break, and halts its symbol."""
    assert await day.order(1, type="market", limit_price=None, quantity="10") == "accepted", day.logs()
    day.pass_time(1, day.minute(PRICE, volume=500))

    async def is_filled() -> bool:
        return any(isinstance(each, Filled) for each in day.journal())

    assert await day.becomes(is_filled), day.logs()
    for _ in range(STALL_MINUTES):
        day.pass_time(1, day.minute(PRICE, volume=0))
        assert await day.becomes(day.has_heard), day.logs()
    (held,) = await day.at_venue("/v2/positions")
    day.expect("filled of ten", "5", held["qty"])
    found = [each.found for each in day.journal() if isinstance(each, BreakFound)]
    day.expect("breaks on record", [BreakKind.UNPROTECTED.value], [each.kind.value for each in found])
    day.expect("an entry into what is bare", "denied trading_state", await day.order(2))
    day.evidence["breaks on record"] = [each.sentence for each in found]


def _downs(day: DrillDay) -> list[LinkChanged]:
    return [each for each in day.journal() if isinstance(each, LinkChanged) and not each.up]


def _below_zero(day: DrillDay) -> Bar:
    """A bar that nobody may make."""
    bar = day.minute()
    for name in ("open", "high", "low", "close"):
        force_setattr(bar, name, Decimal(-1))
    return bar


def thin_market(tables: Tables) -> None:
    """An account may take one share of a hundred that trade, and nobody protects what is bare."""
    rules = tomllib.loads(demo_template())["venue"]["rules"]
    tables["venue"]["rules"] = rules | {"volume_percent": 1}
    tables["limits"]["account"]["unprotected_seconds_max"] = 120
