"""A promise of every journal: whoever has it, and the limits, comes to every decision that stands in it."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from agenttrader.app.policy.again import Again, Replay
from agenttrader.app.policy.alike import is_alike, outcome
from agenttrader.model.decisions import Check
from agenttrader.model.events import Event
from agenttrader.model.identifiers import Symbol
from agenttrader.model.records import Sealed
from agenttrader.runtime.rules import Rules


def decided_again(
    records: Iterable[Sealed[Event]], rules: Rules, multipliers: Mapping[Symbol, Decimal]
) -> Iterator[Again]:
    """Every decision of the records, with what it comes to by the `rules` that it was made by."""
    replay = Replay(rules, multipliers)
    for sealed in records:
        yield from replay.see(sealed)


def decided_otherwise(
    records: Iterable[Sealed[Event]], rules: Rules, multipliers: Mapping[Symbol, Decimal]
) -> Iterator[str]:
    """A sentence for each decision that cannot be come to again: none, unless something was not recorded."""
    for again in decided_again(records, rules, multipliers):
        if not is_alike(again.recorded, again.asked):
            pairs = zip(again.recorded.checks, again.asked.checks, strict=True)
            said = ((_said(before), _said(now)) for before, now in pairs)
            differ = [f"{before}, then {now}" for before, now in said if before != now]
            yield (
                f"record {again.sequence}: {outcome(again.recorded)}, and made again {outcome(again.asked)}: "
                + "; ".join(differ)
            )


def _said(check: Check) -> str:
    _, observed, permitted, _ = msgspec.to_builtins(check)
    return f"{check.code} {observed} of {permitted}"
