"""What changes when every decision is made again by other limits: counted by code, and order by order."""

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.app.policy.again import Again
from agenttrader.app.policy.alike import first_unlike, is_alike, outcome
from agenttrader.model.decisions import Check, Decision, Verdict
from agenttrader.model.identifiers import AgentName, OrderId, Symbol
from agenttrader.model.orders import Effect, Side
from agenttrader.model.times import Instant

LEAVES = frozenset({Verdict.APPROVED.value, Verdict.PENDING_APPROVAL.value})
"""What is no denial: the order leaves, or may when a person approves it."""


class Change(Struct, frozen=True, kw_only=True):
    """A decision that comes out otherwise."""

    sequence: int
    """The number of its record."""
    time: Instant
    order_id: OrderId
    agent: AgentName
    effect: Effect
    side: Side
    quantity: Decimal
    symbols: tuple[Symbol, ...]
    replaces: OrderId | None
    was: str
    """`approved`, `pending_approval`, or the code of what denied it."""
    now: str
    check: str
    """The check that tells it: what denies now or, where nothing does, what denied before."""
    observed: Any
    permitted: Any

    @property
    def denies(self) -> bool:
        """Whether what could leave would be denied."""
        return self.was in LEAVES and self.now not in LEAVES

    @property
    def approves(self) -> bool:
        """Whether what was denied could leave."""
        return self.was not in LEAVES and self.now in LEAVES


class Findings:
    """What has been found so far. A line is kept for each decision that changes, of the others a count."""

    def __init__(self) -> None:
        self.decisions = 0
        self.same = 0
        self.denied: list[Change] = []
        """What was approved, or might have been by a person, and would be denied."""
        self.approved: list[Change] = []
        """What was denied and would not be."""
        self.otherwise: list[Change] = []
        """What was denied and would be denied by another check, or was approved and would need a person."""
        self.unlike: list[Change] = []
        """What comes out otherwise by the very limits that it was made by: nothing is said of these."""

    def add(self, again: Again) -> Change | None:
        """Take in a decision; what changes, where anything does that can be said."""
        self.decisions += 1
        recorded, asked, own = again.recorded, again.asked, again.own
        was, now = outcome(recorded), outcome(asked)
        if own is not None and not _comes_to(recorded, own, exactly=own is asked):
            self.unlike.append(_change(again, own, first_unlike(recorded, own)))
            return None
        if was == now:
            self.same += 1
            return None
        change = _change(again, asked, _deciding(recorded, asked))
        kind = self.denied if change.denies else self.approved if change.approves else self.otherwise
        kind.append(change)
        return change

    def codes(self) -> dict[str, tuple[int, int]]:
        """By code, the most first: how many it would deny that were not, and how many it no more would."""
        denied = Counter(each.now for each in self.denied)
        approved = Counter(each.was for each in self.approved)
        found = denied | approved
        ordered = sorted(found, key=lambda code: (-(denied[code] + approved[code]), code))
        return {code: (denied[code], approved[code]) for code in ordered}

    @property
    def changes(self) -> bool:
        """Whether anything comes out otherwise."""
        return self.same != self.decisions


def _comes_to(recorded: Decision, own: Decision, *, exactly: bool) -> bool:
    """Whether the decision comes out as it was by the limits that ruled.

    Where other limits are asked about, by its outcome: another release may word what a check observed in
    another way, and that alone makes no other decision.
    """
    return is_alike(recorded, own) if exactly else outcome(recorded) == outcome(own)


def _change(again: Again, made: Decision, check: Check | None) -> Change:
    proposal, recorded = again.proposal, again.recorded
    return Change(
        sequence=again.sequence,
        time=recorded.inputs.now or Instant(0),
        order_id=proposal.id,
        agent=proposal.agent,
        effect=proposal.effect,
        side=proposal.side,
        quantity=proposal.quantity,
        symbols=tuple([leg.symbol for leg in proposal.legs]),
        replaces=proposal.replaces,
        was=outcome(recorded),
        now=outcome(made),
        check="" if check is None else check.code,
        observed=None if check is None else msgspec.to_builtins(check.observed),
        permitted=None if check is None else msgspec.to_builtins(check.permitted),
    )


def _deciding(recorded: Decision, made: Decision) -> Check | None:
    """What denies now or, where nothing does, what denied before, as it is now."""
    code = made.denied_by or recorded.denied_by
    return next((check for check in made.checks if check.code == code), None)
