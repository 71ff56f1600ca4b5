"""Orders as they go to the broker."""

from decimal import Decimal

from agenttrader.model.events import Instruction
from agenttrader.model.orders import Proposal


def instruction_of(proposal: Proposal, quantity: Decimal, *, alone: bool = False) -> Instruction:
    """`quantity` units of the proposal; an entry's stop and target rest at the broker as its bracket.

    One that goes `alone` is protected after its fill: its plan stays on record.
    """
    plan = None if alone else proposal.exit_plan
    return Instruction(
        legs=proposal.legs,
        side=proposal.side,
        quantity=quantity,
        type=proposal.type,
        time_in_force=proposal.time_in_force,
        limit_price=proposal.limit_price,
        stop_price=proposal.stop_price,
        stop=plan.stop if plan else None,
        target=plan.target if plan else None,
        pair=proposal.is_pair,
        trail_price=proposal.trail_price,
        trail_percent=proposal.trail_percent,
        extended_hours=proposal.extended_hours,
    )
