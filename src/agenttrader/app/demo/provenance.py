"""What a run's prices are: said in its notice, on the show, in the report and in what `--json` prints."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agenttrader.app.demo.setup import KEEPER, Run
from agenttrader.app.prices import Generated, Live, Recorded

_REST = "a simulated venue and a throw-away demo person"


def notice_of(run: Run, last: Run | None = None) -> str:
    """What the day was not; with `last`, all days up to it."""
    if run.recorded is None:
        return f"Generated market data, {_REST}: nothing here is a real market."
    found = run.recorded.found
    when, of = f"on {found.day}", "of this day"
    if last is not None:
        when, of = f"from {found.day} to {last.session.date}", "of these days"
    return (
        f"Prices that {found.symbol} had {when}, {_REST}: no order {of} was at a real market, "
        "and none of them moved a price."
    )


def source_of(run: Run) -> str:
    """What is played."""
    match run.configuration.marketdata.prices:
        case Generated() as prices:
            return f"{len(prices.symbols)} generated symbols, seed {prices.seed}"
        case Recorded() as prices:
            assert run.recorded is not None, "a run is made of what its configuration says"
            return f"{prices.symbol} as recorded in {run.recorded.found.file}"
        case Live():
            raise AssertionError("the demo plays a day")


def seed_of(run: Run) -> dict[str, Any]:
    """Under `seed`, what a generated day was made from; nothing for a recorded one."""
    prices = run.configuration.marketdata.prices
    return {"seed": prices.seed} if isinstance(prices, Generated) else {}


def data_of(run: Run) -> dict[str, Any]:
    """Under `data`, what was found in the files of a recorded day; nothing for a generated one."""
    return {} if run.recorded is None else {"data": msgspec.to_builtins(run.recorded.found)}


def told_of(run: Run) -> Iterator[str]:
    """What a person should know of a recorded day before it is played; nothing of a generated one."""
    if run.recorded is None:
        return
    found = run.recorded.found
    if run.picked:
        yield f"{run.picked}: {found.symbol} on {found.day}"
    yield found.sentence
    yield found.previous_close.sentence
    if run.split is not None:
        yield f"the venue makes a split of {run.split} before this open: supposed, from those two prices"
    if run.keeping is not None:
        yield (
            f"{KEEPER} owns {run.keeping.symbol} and holds it over the nights of this run; Momentum trades "
            "nothing, for a symbol has one owner"
        )
    yield (
        "a market order fills at the open of the next minute's bar, bought or sold at the same price: the "
        "spread is not paid; a fill is told at the end of its bar"
    )
    yield (
        f"a file tells of no halts, so this day has none; the visitor's symbol is {run.visited}, of which "
        "nobody tells a price"
    )
