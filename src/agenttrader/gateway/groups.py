"""Proposals that hold together, such as the two sides of a pair: all of a group are approved, or none is.

Each is decided as if those before it had been approved, so the limits hold with all of them counted. Where
one is denied by a check of its own, each of the others is denied by `group`, however it would do alone.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from agenttrader.model.decisions import Check, Decision, Verdict
from agenttrader.model.orders import Proposal

CODE = "group"
PERMITTED = "all approved"


def together(proposals: Sequence[Proposal], alone: Sequence[Decision]) -> list[Decision]:
    """The decisions on a group, from those on its members: each has one more check, its last."""
    pairs = zip(proposals, alone, strict=True)
    denied = [f"{each.symbol} denied by {found.denied_by}" for each, found in pairs if found.denied_by]
    check = Check(CODE, ", ".join(denied) or PERMITTED, PERMITTED, passed=not denied)
    return [_with_group(decision, check, len(alone)) for decision in alone]


def _with_group(alone: Decision, check: Check, together: int) -> Decision:
    denied_by = alone.denied_by if check.passed else alone.denied_by or CODE
    return replace(
        alone,
        verdict=Verdict.APPROVED if denied_by is None else Verdict.DENIED,
        denied_by=denied_by,
        checks=(*alone.checks, check),
        inputs=replace(alone.inputs, together=together),
    )
