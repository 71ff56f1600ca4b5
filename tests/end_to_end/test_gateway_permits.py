"""What the venue lets an account do, from its own words over a socket to the gateway's decision."""

from decimal import Decimal
from typing import Any

import pytest

from agenttrader.api.venue import create_venue_app
from agenttrader.model.breaks import BreakKind
from agenttrader.model.orders import ExitPlan, Proposal, Side
from agenttrader.model.permits import PermitsStated
from agenttrader.protocols.alpaca_account import ConfigurationsChange
from agenttrader.simulation.inputs import AccountOpening
from agenttrader.testing.builders import ACCOUNT, CASH, proposal
from agenttrader.testing.venue_world import World, venue_world

D = Decimal


def short(number: int) -> Proposal:
    return proposal(number, side=Side.SELL, exit_plan=ExitPlan(stop=D(105), target=D(90)))


async def denied_by(world: World, asked: Proposal) -> str | None:
    await world.gateway.propose(asked)
    return world.gateway.order(asked.id).denied_by


@pytest.mark.parametrize(("shorting", "code"), ((True, None), (False, "account_permits")))
async def test_what_the_venue_says_of_short_sales_is_what_the_gateway_goes_by(
    code: str | None, *, shorting: bool
) -> None:
    accounts: dict[str, Any] = {"accounts": (AccountOpening(name=ACCOUNT, cash=CASH, shorting=shorting),)}
    async with venue_world(create_venue_app, **accounts) as world:
        assert await denied_by(world, short(1)) == code
        assert await denied_by(world, proposal(2)) == (None if code else "opens")


async def test_an_owner_who_suspends_the_account_is_heard_with_the_next_comparison() -> None:
    async with venue_world(create_venue_app) as world:
        assert await denied_by(world, proposal(1)) is None
        world.desk.owner.configure(ACCOUNT, ConfigurationsChange(suspend_trade=True))
        compared = await world.gateway.compare()
        assert [found.kind for found in compared.breaks] == [BreakKind.ACCOUNT_BLOCKED]
        stated = [event.permits for event in world.gateway.events() if isinstance(event, PermitsStated)]
        assert [permits.blocks for permits in stated] == [(), ("trade_suspended_by_user",)]
        asked = proposal(2)
        await world.gateway.propose(asked)
        decision = world.gateway.order(asked.id).decision
        assert decision is not None
        checks = {check.code: check.passed for check in decision.checks}
        assert (checks["trading_state"], checks["account_permits"]) == (False, False)
