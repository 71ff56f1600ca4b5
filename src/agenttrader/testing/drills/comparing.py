"""Drills of the comparison with the broker: it cannot be made, and it finds what nobody answers for."""

from agenttrader.model.events import Reconciled
from agenttrader.testing.drills.stage import DrillDay

READS = ("GET /v2/orders", "GET /v2/positions", "GET /v2/account")
HALTED = "denied trading_state"


async def fetch_failure(day: DrillDay) -> None:
    """The broker's lists cannot be read: the comparison fails, and nothing new leaves until one succeeds."""
    day.expect("an order before the outage", "accepted", await day.order(1))
    await day.plan("error_answer", READS, when="before", status=500)
    found = await day.reconciled()
    day.expect("the comparison says that it failed", expected=True, observed=bool(found.failure))
    day.expect("the broker's failures that it met", expected=True, observed=bool(await day.struck()))
    day.expect("an order during the outage", HALTED, await day.order(2))
    await day.heal()
    found = await day.reconciled()
    day.expect("the comparison after the outage", "agreed", found.failure or _verdict(len(found.breaks)))
    day.expect("an order after the outage", "accepted", await day.order(3))
    runs = [each for each in day.journal() if isinstance(each, Reconciled)]
    failed = [each for each in runs if each.failure]
    day.expect("failed runs on record", 1, len(failed))
    day.expect("entries at the venue", 2, len(await day.entries()))
    day.evidence["comparisons on record"] = [each.failure or _verdict(len(each.breaks)) for each in runs]


async def health_signal(day: DrillDay) -> None:
    """The broker's lists cannot be read: the status and the metrics say so until they can."""
    day.expect("trading before the outage, as the status says", "active", (await day.status()).trading.state)
    await day.plan("error_answer", READS, when="before", status=500)
    failure = (await day.reconciled()).failure
    day.expect("trading during the outage", "halted", (await day.status()).trading.state)
    comparisons = (await day.status()).comparisons
    assert comparisons is not None
    day.expect("the status says why", failure, comparisons.failure)
    name = "agenttrader_reconciliation_runs_total"
    day.expect("failed runs in /metrics", 1, (await day.metrics(name)).get(f'{name}{{result="failed"}}', 0))
    await day.heal()
    await day.reconciled()
    day.expect("trading after the outage", "active", (await day.status()).trading.state)
    day.evidence["/metrics"] = [f"{name} {value}" for name, value in (await day.metrics(name)).items()]


def _verdict(breaks: int) -> str:
    return f"{breaks} breaks" if breaks else "agreed"
