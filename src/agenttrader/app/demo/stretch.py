"""Several sessions as one run: what they came to together, and what was held over each night between them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agenttrader.app.demo.outcome import Day, Held
from agenttrader.app.demo.provenance import notice_of, source_of
from agenttrader.app.demo.report import (
    Result,
    day_body,
    day_parts,
    journal_lines,
    listed,
    money,
    store,
    summary,
    table,
)
from agenttrader.app.demo.setup import Run
from agenttrader.simulation.overnight import Split

SUPPOSED = "supposed from the prices before and after that night, for the files tell of no split"


class Played(Struct, frozen=True, kw_only=True):
    """One day of the run."""

    run: Run
    result: Result


class Night(Struct, frozen=True, kw_only=True):
    """What lay between two days."""

    evening: str
    morning: str
    held: tuple[Held, ...]
    """At the close, with what protected it then."""
    split: Split | None
    carried: tuple[Held, ...]
    """By our book when the next window was opened, after it had been compared with the venue's."""

    @property
    def sentences(self) -> Iterator[str]:
        """What a person must know of it."""
        if not self.held:
            yield "nothing was held"
        for held in self.held:
            yield f"{held.quantity:f} {held.symbol} at {held.average_price:f} was held; {held.overnight}"
        if self.split is not None:
            yield f"the venue made a split of {self.split}, {SUPPOSED}"
        for held in self.carried:
            yield f"in the morning {held.quantity:f} {held.symbol} at {held.average_price:f} is held"


class Stretch(Struct, frozen=True, kw_only=True):
    """A run of several days, as far as it came."""

    days: tuple[Played, ...]
    whole: Day
    ended_early: str
    """Why a later day was not played to its end; empty where all were."""

    @property
    def nights(self) -> tuple[Night, ...]:
        """Between each day and the next."""
        return tuple(
            Night(
                evening=before.run.session.date,
                morning=after.run.session.date,
                held=before.result.day.held,
                split=after.run.split,
                carried=after.result.day.carried,
            )
            for before, after in zip(self.days, self.days[1:], strict=False)
        )

    @property
    def last(self) -> Result:
        """How it ended."""
        return self.days[-1].result

    @property
    def breaks(self) -> int | None:
        """Of all comparisons after a close together; None where one could not be made."""
        compared = [played.result.compared for played in self.days]
        if any(each.failure for each in compared):
            return None
        return sum(len(each.breaks) for each in compared)

    @property
    def is_good(self) -> bool:
        """Every day reconciled, verified and halted, and all of them played."""
        return not self.ended_early and all(played.result.is_good for played in self.days)


def stretch_summary(stretch: Stretch) -> dict[str, Any]:
    """The one object that `--json` prints: the whole as of one day, then each day and night."""
    first = stretch.days[0].run
    whole = summary(first, msgspec.structs.replace(stretch.last, day=stretch.whole))
    for name in ("session", "data"):
        whole.pop(name, None)
    return {
        "sessions": [played.run.session.date for played in stretch.days],
        **whole,
        "reconciliation": {"breaks": stretch.breaks},
        "days": [summary(played.run, played.result) for played in stretch.days],
        "nights": [_night_body(night) for night in stretch.nights],
    }


def write_stretch(stretch: Stretch, parent: Path, code: str) -> Path:
    """Write `report.md` and `report.json` under `parent`; the folder of both. Raises StoreError."""
    body = {
        "notice": notice_of(stretch.days[0].run, stretch.days[-1].run),
        **stretch_summary(stretch),
        "ended_early": stretch.ended_early,
        "days": [day_body(played.run, played.result, code) for played in stretch.days],
    }
    return store(stretch.days[0].run, parent, body, stretch_page(stretch, code))


def stretch_page(stretch: Stretch, code: str) -> str:
    """The report for a person, in Markdown: the whole, then each day and the night before it."""
    first, profit = stretch.days[0].run, stretch.whole.profit
    dates = [played.run.session.date for played in stretch.days]
    verdict = "reconciled, verified, halted" if stretch.is_good else "not as it should be"
    parts = [
        f"# Demo days {dates[0]} to {dates[-1]}: {verdict}",
        f"**{notice_of(first, stretch.days[-1].run)}**",
        listed(
            (
                f"run {first.folder.name}: {source_of(first)}",
                f"inbox {first.configuration.gateway.inbox}",
                f"code {code}",
                f"digest of all days {stretch.whole.digest}",
                *journal_lines(first, stretch.last),
            )
        ),
        "## The days together",
        table(
            ("session", "orders", "fills", "realised", "unrealised at the close", "fees", "breaks"),
            map(_row, stretch.days),
        ),
        listed(
            (
                f"realised: {money(profit.realised)}",
                f"unrealised at the end: {money(profit.unrealised)}",
                f"fees: {money(profit.fees)}",
                f"net, after fees: {money(profit.net)}",
            )
        ),
    ]
    if stretch.ended_early:
        parts += ["## What a person must look at", listed((stretch.ended_early,))]
    nights = {night.morning: night for night in stretch.nights}
    for played in stretch.days:
        if (night := nights.get(played.run.session.date)) is not None:
            parts += [f"## The night from {night.evening} to {night.morning}", listed(night.sentences)]
        parts += [
            f"# {played.run.session.date}",
            f"Configuration {played.run.configuration.digest}, digest of the day {played.result.day.digest}",
        ]
        parts += day_parts(played.run, played.result)
    return "\n\n".join(parts) + "\n"


def _row(played: Played) -> Sequence[str]:
    result = played.result
    profit = result.day.profit
    return (
        played.run.session.date,
        str(sum(result.day.orders.values())),
        str(len(result.day.fills)),
        *(money(amount) for amount in (profit.realised, profit.unrealised, profit.fees)),
        "not compared" if result.compared.failure else str(len(result.compared.breaks)),
    )


def _night_body(night: Night) -> dict[str, Any]:
    return {
        "evening": night.evening,
        "morning": night.morning,
        "held": [{**msgspec.to_builtins(held), "overnight": held.overnight} for held in night.held],
        "split": None if night.split is None else str(night.split),
        "carried": msgspec.to_builtins(night.carried),
        "sentences": list(night.sentences),
    }
