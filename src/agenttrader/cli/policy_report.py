"""What a replay found, for a person at 90 columns and for programs."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agenttrader.cli.figures import signed
from agenttrader.cli.json_answers import builtins_of
from agenttrader.model.times import SECOND, Instant, rfc3339

if TYPE_CHECKING:
    from agenttrader.app.policy.earnings import Earned, Trip
    from agenttrader.app.policy.findings import Change, Findings
    from agenttrader.app.policy.perform import Replayed

WIDTH = 90
AGENT, ORDER = 10, 18
"""How wide their columns are."""
ROWS_MAX = 40
"""Rows of a table that a person is shown; programs are told all."""
ID_CHARACTERS = 8
CAVEATS = (
    "Each decision is made again on what really happened before it, not on what would have",
    "happened. A round trip is told whole, by the fills it had and the fees booked with them.",
)
NO_PROFIT = "What was denied never filled: nobody knows what it would have earned."


def lines_of(found: "Replayed") -> Iterator[str]:
    """The report as lines."""
    yield from _head(found)
    findings = found.findings
    yield from _codes(findings)
    yield from _table("would be denied", findings.denied)
    yield from _table("would be approved", findings.approved)
    yield from _table("would be decided otherwise", findings.otherwise)
    yield from _table("cannot be said: they come out otherwise by the limits that ruled", findings.unlike)
    if any(change.effect.value == "open" for change in findings.denied):
        yield from _earned(found.earned, found.trips)
    yield ""
    if findings.approved:
        yield NO_PROFIT
    yield from CAVEATS


def json_of(found: "Replayed") -> dict[str, Any]:
    """The same for programs, whole."""
    findings = found.findings
    return {
        "journal": str(found.source.journal),
        "records": found.source.records,
        "first": rfc3339(found.source.first),
        "last": rfc3339(found.source.last),
        "limits": None if found.wanted is None else builtins_of(found.wanted),
        "decisions": findings.decisions,
        "same": findings.same,
        "codes": {
            code: {"denies": denies, "no_more_denies": no_more}
            for code, (denies, no_more) in findings.codes().items()
        },
        "denied": builtins_of(findings.denied),
        "approved": builtins_of(findings.approved),
        "otherwise": builtins_of(findings.otherwise),
        "unlike": builtins_of(findings.unlike),
        "round_trips": builtins_of(found.trips),
        "earned": builtins_of(found.earned),
        "caveats": [" ".join(CAVEATS), NO_PROFIT],
    }


def _head(found: "Replayed") -> Iterator[str]:
    source, findings = found.source, found.findings
    yield f"journal    {source.journal}"
    yield f"records    {source.records:,}, {_time(source.first)} to {_time(source.last)}"
    if found.wanted is None:
        yield "limits     those that ruled when each decision was made"
    else:
        for name, value in found.wanted.values.items():
            before = found.wanted.configured.get(name, "none")
            yield f"limits     {name} {value or 'none'}, configured {before or 'none'}"
    yield f"decisions  {findings.decisions:,}: {findings.same:,} come out the same"
    for changes, what in (
        (findings.denied, "would be denied"),
        (findings.approved, "would be approved"),
        (findings.otherwise, "would be decided otherwise"),
        (findings.unlike, "come out otherwise by the limits that ruled: nothing is said of them"),
    ):
        if changes:
            yield f"           {len(changes):,} {what}"


def _codes(findings: "Findings") -> Iterator[str]:
    codes = findings.codes()
    if codes:
        yield ""
        yield f"{'check':<28}{'denies':>12}{'no more denies':>18}"
    for code, (denies, no_more) in codes.items():
        yield f"{code:<28}{denies or '':>12}{no_more or '':>18}"


def _table(title: str, changes: "Sequence[Change]") -> Iterator[str]:
    if not changes:
        return
    yield ""
    yield f"{title}: {len(changes):,}"
    for change in changes[:ROWS_MAX]:
        verb = "" if change.effect.value == "open" else f"{change.effect.value}: "
        what = f"{verb}{change.side.value} {change.quantity:f} {' '.join(change.symbols)}"
        row = f"  {_when(change.time)}  {_cut(change.agent, AGENT):<{AGENT}}  {_cut(what, ORDER):<{ORDER}}"
        yield _cut(f"{row}  {_telling(change)}")
    yield from _more(len(changes))


def _telling(change: "Change") -> str:
    """What decides it now, with its numbers; where nothing denies it any more, those of what did."""
    words = [] if change.denies or change.approves else [f"{change.was}, now {change.now}:"]
    numbers = f"{_value(change.observed)} of {_value(change.permitted)}"
    return " ".join([*words, change.check, numbers])


def _earned(earned: "Earned", trips: "Sequence[Trip]") -> Iterator[str]:
    yield ""
    yield f"round trips of what would be denied: {len(trips):,}"
    yield f"  {earned.whole_trips:>7,}  would not have been opened at all  {signed(earned.whole_net):>16}"
    yield f"  {earned.part_trips:>7,}  would have been smaller            {signed(earned.part_net):>16}"
    yield f"  {earned.open_orders:>7,}  entries in what is not over yet"
    yield f"  {earned.unfilled_orders:>7,}  entries that never filled"
    for trip in trips[:ROWS_MAX]:
        orders = " ".join(order[:ID_CHARACTERS] for order in trip.denied)
        kept = f", kept {len(trip.kept)}" if trip.kept else ""
        row = f"  {_when(trip.time)}  {_cut(trip.agent, AGENT):<{AGENT}}  {signed(trip.net):>{ORDER}}"
        yield _cut(f"{row}  denied {orders}{kept}")
    yield from _more(len(trips))


def _more(rows: int) -> Iterator[str]:
    if rows > ROWS_MAX:
        yield f"  … and {rows - ROWS_MAX:,} more: --json tells all"


def _value(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def _time(time: Instant) -> str:
    """To the second."""
    return rfc3339(Instant(time - time % SECOND))


def _when(time: Instant) -> str:
    """The same in a row, without the year, which stands above."""
    return _time(time)[5:-1].replace("T", " ")


def _cut(text: str, width: int = WIDTH) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
