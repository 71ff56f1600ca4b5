"""The drill of two brokers: each has a gateway and a book of its own, and one goes away for a while."""

from agenttrader.testing.drills.stage import DrillDay, opened


async def failover(day: DrillDay) -> None:
    """Of two brokers one is killed and comes back: nothing moves from one book to the other."""
    other = day.folder / "other"
    other.mkdir()
    async with opened(DrillDay(other)) as second:
        day.expect("an order at the first", "accepted", await day.order(1))
        day.kill("venue")
        day.expect("the first halts", expected=True, observed=await day.becomes(day.is_halted))
        state = await day.order(2)
        day.expect("an order at the first without its broker", "denied trading_state", state)
        day.expect("the same order at the second", "accepted", await second.order(2))
        day.expect("entries at the second", 1, len(await second.entries()))
        day.start("venue")
        await day.until(lambda: day.address("venue"))
        day.expect("the first goes on", expected=True, observed=await day.becomes(day.may_trade))
        await day.trade()
        day.expect("an order at the first, back again", "accepted", await day.order(3))
        day.expect("entries at the first", 2, len(await day.entries()))
        day.expect("entries at the second at the end", 1, len(await second.entries()))
        for name, each in (("first", day), ("second", second)):
            day.expect(f"the books of the {name}", [], await each.differences())
