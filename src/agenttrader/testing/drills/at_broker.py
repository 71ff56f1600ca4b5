"""Drills of the way to the broker: the key is not taken, an answer never comes, the stream breaks."""

from agenttrader.model.breaks import BreakKind
from agenttrader.model.events import AnswerLost, Filled, LinkChanged
from agenttrader.model.times import rfc3339
from agenttrader.testing.drills.stage import ORDERS, DrillDay

CUTS = 6
ORDERS_MAX = 8


async def token_expiry(day: DrillDay) -> None:
    """The broker takes the key no more, later again: trading halts meanwhile, and goes on by itself."""
    day.expect("an order before", "accepted", await day.order(1))
    await day.plan("error_answer", (), when="before", status=401)
    await day.plan("cut_stream", ("watermark",), times=1)
    day.pass_time(1, day.minute())
    day.expect("trading halts", expected=True, observed=await day.becomes(day.is_halted))
    state = await day.order(2)
    day.expect("an order meanwhile is denied", "denied", state.partition(" ")[0])
    await day.heal()
    day.expect("trading goes on by itself", expected=True, observed=await day.becomes(day.may_trade))
    day.expect("the comparison after it", "", (await day.reconciled()).failure)
    day.expect("an order after it", "accepted", await day.order(3))
    day.expect("entries at the venue", 2, len(await day.entries()))
    day.evidence["the link on record"] = _links(day)


async def submit_timeout(day: DrillDay) -> None:
    """An order never arrives, and nobody says so: it is UNKNOWN, counts, and is not sent again."""
    await day.plan("lost_answer", (ORDERS,), when="before")
    assert day.market is not None
    asked = rfc3339(day.market)
    day.expect("what its client is told", "unknown", await day.order(1, decision_time=asked))
    await day.trade(2)
    day.expect("how often it was sent", 1, (await day.struck())["lost_answer"])
    await day.heal()
    day.expect(
        "an answer that was lost is on record", 1, sum(isinstance(e, AnswerLost) for e in day.journal())
    )
    day.expect("the same order again is the same order", "unknown", await day.order(1, decision_time=asked))
    found = await day.reconciled()
    day.expect("breaks found", [BreakKind.ORDER_UNKNOWN.value], [each.kind.value for each in found.breaks])
    state = await day.order(2)
    day.expect("another entry meanwhile", "denied", state.partition(" ")[0])
    day.expect("entries at the venue", 0, len(await day.entries()))
    day.evidence["another entry meanwhile"] = [state]


async def reconnect_storm(day: DrillDay) -> None:
    """The broker's stream breaks again and again while orders fill: each fill counts once."""
    await day.plan("cut_stream", ("new", "fill"), times=CUTS)
    sent = 0
    for number in range(1, ORDERS_MAX + 1):
        state = await day.order(number, type="market", limit_price=None)
        sent += not state.startswith("denied")
        day.pass_time(1, day.minute())
        if not (await day.becomes(day.may_trade) and await day.becomes(day.has_heard)):
            break
        if (await day.struck())["cut_stream"] == CUTS:
            break
    day.expect("breaks of the stream", CUTS, (await day.struck())["cut_stream"])
    day.expect("trading goes on after each", expected=True, observed=await day.becomes(day.may_trade))
    day.pass_time(1, day.minute())
    await day.becomes(day.has_heard)
    await day.agree()
    (held,) = await day.at_venue("/v2/positions")
    fills = [each for each in day.journal() if isinstance(each, Filled)]
    day.expect("held at the venue", held["qty"], str(sum(each.quantity for each in fills)))
    day.expect("fills on record, each once", len(fills), len({each.execution_id for each in fills}))
    day.expect("entries at the venue, each once", sent, len(await day.entries()))
    day.evidence["the link on record"] = _links(day)


def _links(day: DrillDay) -> list[str]:
    changed = (each for each in day.journal() if isinstance(each, LinkChanged))
    return [f"{each.link} {'up' if each.up else 'down'}: {each.reason}" for each in changed]
