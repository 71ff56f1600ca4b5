"""What many rounds have shown, as one object and as a page."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from agenttrader.model.times import Instant, rfc3339
from agenttrader.testing.rounds.phases import PHASES
from agenttrader.testing.rounds.rounds import Told

HITS_MIN = 10
"""How often each phase must have been hit in a run that is long enough to show it."""
ROUNDS_TO_SHOW = 200


def report(told: Sequence[Told], seed: int, seconds: float, now: Instant) -> dict[str, Any]:
    """The run as one object. `kept` is whether nothing was wrong, and, of a long run, every phase was hit."""
    hits: Counter[str] = Counter()
    for each in told:
        hits.update(each.hits)
    wrong = [f"round {each.number}: {finding}" for each in told for finding in each.findings]
    thin = [phase.value for phase in PHASES if hits[phase.value] < HITS_MIN]
    downs = sorted(each.down_seconds for each in told)
    return {
        "drill": "rounds",
        "time": rfc3339(now),
        "seed": seed,
        "rounds": len(told),
        "seconds": round(seconds, 1),
        "intents": sum(each.intents for each in told),
        "down_seconds_median": downs[len(downs) // 2] if downs else None,
        "hits": {phase.value: hits[phase.value] for phase in PHASES},
        "thin": thin,
        "kinds": dict(Counter(each.kind for each in told)),
        "never_arrived": sum(each.accepted for each in told),
        "findings": wrong,
        "kept": bool(told) and not wrong and not (thin and len(told) >= ROUNDS_TO_SHOW),
        "played": msgspec.to_builtins(told),
    }


def page(told: dict[str, Any]) -> str:
    """The run as Markdown."""
    most = max(*told["hits"].values(), 1)
    hits = "\n".join(
        f"| {phase} | {count} | {'█' * round(24 * count / most)} |" for phase, count in told["hits"].items()
    )
    kinds = "\n".join(f"| {kind} | {count} |" for kind, count in told["kinds"].items())
    wrong = "\n".join(f"- {finding}" for finding in told["findings"]) or "Nothing."
    return (
        f"# Rounds of kill -9, {told['time']}\n\n"
        f"{told['rounds']} rounds of seed {told['seed']} in {told['seconds']} s: "
        f"{'kept' if told['kept'] else 'NOT KEPT'}. {told['intents']} orders wanted by clients; "
        f"{told['never_arrived']} were approved, never reached the venue, and ended by a person's word. "
        f"Median time from the kill until the books were compared: {told['down_seconds_median']} s.\n\n"
        "## Orders under way, by the phase in which the kill found them\n\n"
        f"| phase | orders | |\n|---|---:|---|\n{hits}\n\n"
        f"## What was killed\n\n| | rounds |\n|---|---:|\n{kinds}\n\n"
        f"## What was wrong\n\n{wrong}\n"
    )
