"""Which day a run plays, and what of the demo's template follows from it: symbols, owners, sizes.

A generated day has six invented symbols; the one that the exchange will halt is the visitor's, so that its
order shall meet that halt and no other check. A recorded day has one symbol, Momentum's, and no halt that a
file tells of: the visitor's is then `NO_DATA`, which exists nowhere and of which nobody tells a price. Where
an agent of the demo is to hold a position over the nights it owns the recorded symbol, and Momentum none: a
symbol has one owner.
"""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from agenttrader.app.prices import Recorded
from agenttrader.app.sections import EXITS
from agenttrader.app.template import Place, Value, fill, recast
from agenttrader.model.identifiers import Symbol
from agenttrader.model.market import TradingStatus
from agenttrader.model.sessions import Session
from agenttrader.model.values import ZERO
from agenttrader.simulation.days import Day
from agenttrader.simulation.market import generate_day
from agenttrader.simulation.overnight import Split
from agenttrader.simulation.recorded import RecordedDay

NO_DATA = Symbol("NO_DATA")
"""The visitor's symbol on a recorded day; no file can be named so."""
SIZES = (100, 50, 20, 10, 5, 2, 1)
"""What may be bought at once of a recorded symbol: the most that is worth two thirds of the limit."""
NIGHTS_SECONDS = 4 * 24 * 3600
"""How long what is carried over a split may be bare, for a weekend at the most."""

_KEEPER = """
[agents.keeper]                 # buys once, and holds over the nights
symbols = ["{symbol}"]
strategies = []
mode_ceiling = "paper"
approval = "auto"

[limits.agent.keeper]
gross_exposure_max = "120000"
net_exposure_max = "120000"
long_exposure_max = "120000"
short_exposure_max = "0"
orders_per_minute_max = 10
messages_per_minute_max = 30
open_orders_max = 4
daily_orders_max = 10
daily_new_risk_max = "120000"
repeats_max = 3
repeat_seconds = 60
order_types = ["market"]
times_in_force = ["day"]
extended_hours_permitted = false
"""
_SPLIT = """
[[venue.splits]]                # supposed, from the prices before and after that night
symbol = "{symbol}"
date = "{date}"
new_rate = "{new}"
old_rate = "{old}"
"""


class Cast(Struct, frozen=True, kw_only=True):
    """A day's own part of a run."""

    label: str
    """In the run's folder's name."""
    template: str
    values: dict[Place, Value]
    session: Session
    visited: Symbol
    price: Decimal
    """What the visitor's first order is measured by."""
    recorded: RecordedDay | None
    size: Decimal
    """What is bought at once of the recorded symbol."""


def cast_generated(template: str, tables: Mapping[str, Any], session: Session, seed: int) -> Cast:
    """The day that `seed` means. `tables` are the template's."""
    closes = {
        Symbol(symbol): Decimal(price) for symbol, price in tables["marketdata"]["prices"]["symbols"].items()
    }
    paused = paused_symbol(generate_day(closes, session, seed))
    return Cast(
        label=str(seed),
        template=template,
        values={
            ("marketdata.prices", "seed"): seed,
            **_owners(tables, tuple(symbol for symbol in closes if symbol != paused), paused),
        },
        session=session,
        visited=paused,
        price=closes[paused],
        recorded=None,
        size=ZERO,
    )


def cast_recorded(
    template: str,
    tables: Mapping[str, Any],
    folder: str,
    recorded: RecordedDay,
    *,
    keeps: bool = False,
    splits: Mapping[str, Split] = {},
) -> Cast:
    """The recorded day: the template's first symbol becomes its symbol, the last one the visitor's.

    `keeps`: an agent of the demo owns the symbol. `splits` are those that the venue makes, by their day.
    """
    session, (symbol,) = recorded.day.session, recorded.day.symbols
    first, *others, last = tables["instruments"]
    prices = Recorded(folder=folder, symbol=symbol, files_sha256=recorded.found.sha256)
    limit = Decimal(tables["limits"]["symbol"][first]["order_notional_max"])
    size = size_of(recorded.reference, limit)
    text = recast(
        template,
        names={first: symbol, last: NO_DATA},
        tables={
            "marketdata.prices": _table(prices),
            "marketdata.prices.symbols": "",
            **{f"instruments.{name}": "" for name in others},
            **{f"limits.symbol.{name}": "" for name in others},
            **{f"limits.group.{name}": "" for name in tables["limits"]["group"]},
        },
    )
    more = [
        _SPLIT.format(symbol=symbol, date=day, new=split.new, old=split.old) for day, split in splits.items()
    ]
    return Cast(
        label=symbol,
        template="".join((text, *more, _KEEPER.format(symbol=symbol) if keeps else "")),
        values={
            ("strategy.run.parameters", "size"): str(size),
            **_owners(tables, () if keeps else (symbol,), NO_DATA),
        },
        session=session,
        visited=NO_DATA,
        price=recorded.reference,
        recorded=recorded,
        size=Decimal(size),
    )


def forgo_exits(template: str) -> str:
    """The template without the exits unit, for a run over a split.

    The venue restates what rests over one, and our book does not follow: the morning's comparison would end
    the run with a break. So nothing of ours may rest then, and what is carried is bare.
    """
    tables = dict.fromkeys(("exits", "credentials.exits.marketdata", "credentials.exits.gateway"), "")
    others = tuple(each for each in tomllib.loads(template)["marketdata"]["barrier"] if each != EXITS)
    return fill(
        recast(template, names={}, tables=tables),
        {
            ("marketdata", "barrier"): others,
            ("limits.account", "unprotected_seconds_max"): NIGHTS_SECONDS,
        },
    )


def paused_symbol(day: Day) -> Symbol:
    """The symbol that the exchange halts on a generated day."""
    halted = TradingStatus.HALTED
    statuses = (status for moment in day.moments for status in moment.statuses)
    return next(status.symbol for status in statuses if status.status is halted)


def size_of(price: Decimal, limit: Decimal) -> int:
    """The largest of `SIZES` that is worth at most two thirds of `limit`; 1 where none is."""
    return next((size for size in SIZES if 3 * size * price <= 2 * limit), 1)


def _owners(tables: Mapping[str, Any], traded: tuple[Symbol, ...], visited: Symbol) -> dict[Place, Value]:
    """A symbol has one owner: what is traded is the strategy's, the other one the visitor's."""
    found: dict[Place, Value] = {
        ("agents.visitor", "symbols"): (visited,),
        (f"agents.{tables['strategy']['agent']}", "symbols"): traded,
    }
    for number in range(1, len(tables["strategy"]["run"]) + 1):
        found[f"strategy.run#{number}", "symbols"] = traded
    return found


def _table(prices: Recorded) -> str:
    """As it stands in a configuration."""
    values = {"source": prices.source, **{name: getattr(prices, name) for name in Recorded.__struct_fields__}}
    lines = (f"{name} = {json.dumps(value)}" for name, value in values.items())
    return "\n".join(
        ("[marketdata.prices]             # what a symbol cost once, played back from files", *lines)
    )
