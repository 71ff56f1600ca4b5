"""Orders as they go to the broker."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import structs

from agenttrader.gateway.checks.shape import protection_can_rest
from agenttrader.model.identifiers import Symbol
from agenttrader.model.instructions import Instruction, Replacing
from agenttrader.model.instruments import Instrument
from agenttrader.model.orders import Effect, Proposal


def departure_of(
    proposal: Proposal, instruments: Mapping[Symbol, Instrument], replacing: Replacing | None = None
) -> Instruction:
    """The whole proposal as it leaves: an entry with its bracket, where the broker takes one with it.

    What comes in the place of another leaves as the changes of that one, whose legs there are already.
    """
    if replacing is not None:
        instruction = instruction_of(proposal, proposal.quantity, alone=True)
        return structs.replace(instruction, pair=False, replacing=replacing)
    instrument = instruments.get(proposal.symbol)
    alone = proposal.effect is Effect.OPEN and not protection_can_rest(proposal, instrument)
    return instruction_of(proposal, proposal.quantity, alone=alone)


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
        opens=proposal.effect is Effect.OPEN if len(proposal.legs) > 1 else None,
    )
