"""The day's report: one object for machines, one page for a person, both saying what the day was not."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from agenttrader.app.demo.outcome import Day, ExitAct, Held, Profit
from agenttrader.app.demo.provenance import data_of, notice_of, seed_of, source_of, told_of
from agenttrader.app.demo.setup import Run
from agenttrader.model.authority import SINGLE_PERSON
from agenttrader.model.breaks import Break
from agenttrader.model.errors import StoreError
from agenttrader.model.events import Filled
from agenttrader.model.times import from_rfc3339, rfc3339, to_datetime

CENT = Decimal("0.01")
_NEW_YORK = ZoneInfo("America/New_York")


class JournalFound(Struct, frozen=True, kw_only=True):
    """What verifying the journal found."""

    records: int
    head: str
    verified: bool
    finding: str


class Compared(Struct, frozen=True, kw_only=True):
    """The last comparison of our book with the venue. With a `failure` nothing was compared."""

    breaks: tuple[Break, ...]
    failure: str

    @property
    def is_clean(self) -> bool:
        """Whether they agree: an outage does not say so."""
        return not self.breaks and not self.failure


class Ending(Enum):
    """How a day came to its end."""

    CLOSE = "close"
    """Traded to the session's close."""
    HALTED = "halted"
    """The market went on to the close; trading was halted before, and stayed so."""
    STOPPED = "stopped"
    """Interrupted, or a part failed."""
    UNREACHABLE = "unreachable"
    """Somebody who was waited for did not answer."""


class Result(Struct, frozen=True, kw_only=True):
    """How a day ended. `ended_early` says why trading did not go on to the close; empty where it did."""

    day: Day
    compared: Compared
    journal: JournalFound
    is_halted: bool
    ending: Ending
    ended_early: str
    is_final: bool = False
    """Whether the journal was verified after the roles had stopped: until then it grows."""

    @property
    def is_good(self) -> bool:
        """Reconciled, verified and halted."""
        return self.compared.is_clean and self.journal.verified and self.is_halted

    @property
    def cuts_short(self) -> bool:
        """Whether no day should follow it."""
        return not self.is_good or self.ending in (Ending.STOPPED, Ending.UNREACHABLE)

    def findings(self) -> Iterator[str]:
        """What keeps it from being good, what cut it short and what is still held, as sentences."""
        if self.ended_early:
            yield self.ended_early
        yield from (held.sentence for held in self.day.held)
        if self.compared.failure:
            yield f"the book could not be compared with the venue: {self.compared.failure}"
        yield from (f"break {found.kind.value}: {found.sentence}" for found in self.compared.breaks)
        if not self.journal.verified:
            yield f"the journal does not verify: {self.journal.finding}"
        if not self.is_halted:
            yield "trading is not halted"


def summary(run: Run, result: Result) -> dict[str, Any]:
    """The one object that `--json` prints. Amounts are texts; breaks are null where none could be sought."""
    breaks = None if result.compared.failure else len(result.compared.breaks)
    return {
        "session": run.session.date,
        "orders": result.day.orders,
        "fills": len(result.day.fills),
        "denials": result.day.denial_codes,
        "exits": result.day.exit_counts,
        "profit": {name: _shortest(getattr(result.day.profit, name)) for name in Profit.__struct_fields__},
        "reconciliation": {"breaks": breaks},
        "journal": {
            "records": result.journal.records,
            "head": result.journal.head,
            "verified": result.journal.verified,
        },
        "halted": result.is_halted,
        "digest": result.day.digest,
        **data_of(run),
    }


def reserve(run: Run, parent: Path) -> None:
    """Make the report's folder before the day is played. Raises StoreError where nothing can be written."""
    folder = _folder(run, parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asked by writing: permissions do not tell of a disk that is full or mounted read-only.
        with TemporaryFile(dir=folder) as probe:
            probe.write(b"\n")
    except OSError as error:
        raise StoreError(
            f"{folder}: expected to write the day's report there, found: {error.strerror}; "
            "the day was not begun: start it in a folder that you may write"
        ) from error


def write(run: Run, result: Result, parent: Path, code: str) -> Path:
    """Write `report.md` and `report.json` under `parent`; the folder of both. `code` is the commit.

    Raises StoreError where it cannot be written.
    """
    return store(run, parent, day_body(run, result, code), page(run, result, code))


def store(run: Run, parent: Path, body: dict[str, Any], text: str) -> Path:
    """Write a report's object and its page into the folder that `reserve` made; the folder."""
    folder = _folder(run, parent)
    encoded = msgspec.json.format(msgspec.json.encode(body), indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_bytes(encoded + b"\n")
        (folder / "report.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"{folder}: expected to write the day's report there, found: {error.strerror}; "
            f"the day's records lie in {run.folder}"
        ) from error
    return folder


def day_body(run: Run, result: Result, code: str) -> dict[str, Any]:
    """All that is known of a day, for machines."""
    return {
        "notice": notice_of(run),
        "single_person": _is_single(run),
        **summary(run, result),
        "ending": result.ending.value,
        "journal_is_final": result.is_final,
        "findings": list(result.findings()),
        "held": msgspec.to_builtins(result.day.held),
        "dead_machine_loss": msgspec.to_builtins(result.day.dead_machine_loss),
        "made": msgspec.to_builtins(result.day.made),
        "denied": msgspec.to_builtins(result.day.denials),
        "exit_acts": msgspec.to_builtins(result.day.exits),
        "breaks": msgspec.to_builtins(result.compared.breaks),
        "net": msgspec.to_builtins(result.day.profit.net),
        "executions": [_execution(fill, result.day) for fill in result.day.fills],
        **seed_of(run),
        "configuration": run.configuration.digest,
        "code": code,
    }


def page(run: Run, result: Result, code: str) -> str:
    """The report for a person, in Markdown."""
    verdict = "reconciled, verified, halted" if result.is_good else "not as it should be"
    title = f"# Demo day {run.session.date}: {verdict}"
    notice = f"**{notice_of(run)}**"
    return "\n\n".join((title, notice, _head(run, result, code), *day_parts(run, result))) + "\n"


def _head(run: Run, result: Result, code: str) -> str:
    """What the run was, and how anybody can check it."""
    return listed(
        (
            f"run {run.folder.name}: {source_of(run)}, speed {run.configuration.marketdata.speed}",
            f"inbox {run.configuration.gateway.inbox}",
            f"configuration {run.configuration.digest}",
            f"code {code}",
            *((f"{SINGLE_PERSON}: one signs for what needs two",) if _is_single(run) else ()),
            f"digest of the day {result.day.digest}",
            *journal_lines(run, result),
        )
    )


def _is_single(run: Run) -> bool:
    return run.configuration.environment.people == 1


def journal_lines(run: Run, result: Result) -> tuple[str, str]:
    """What the journal holds, and how anybody can verify it."""
    return _journal(result), f"check it with: ./agenttrader journal verify {shlex.quote(str(run.folder))}"


def day_parts(run: Run, result: Result) -> list[str]:
    """A day's own part of a page."""
    day, parts = result.day, _data(run)
    if findings := list(result.findings()):
        parts += ["## What a person must look at", listed(findings)]
    profit = day.profit
    return [
        *parts,
        "## Profit",
        listed(
            (
                *(f"{name}: {money(getattr(profit, name))}" for name in profit.__struct_fields__),
                f"net, after fees: {money(profit.net)}",
            )
        ),
        "Before fees, by strategy and symbol:",
        table(
            ("strategy", "symbol", "realised", "fees"),
            ((made.strategy, made.symbol, money(made.realised), money(made.fees)) for made in day.made),
        ),
        "## Positions at the end",
        table(
            (
                "symbol",
                "quantity",
                "average price",
                "mark",
                "unrealised",
                "protected quantity",
                "stop",
                "target",
            ),
            map(_position, day.held),
        ),
        _dead_machine(run, day),
        "## Orders",
        table(("state", "orders"), ((state, str(count)) for state, count in day.orders.items())),
        "## Exits",
        table(
            ("New York", "time (UTC)", "what", "quantity", "symbol", "stop", "target", "why"),
            map(_exit_act, day.exits),
        ),
        *_denials_and_fills(day),
    ]


def _dead_machine(run: Run, day: Day) -> str:
    lost, at_most = day.dead_machine_loss, run.configuration.limits.account.dead_machine_loss_max
    said = f"Dead-machine loss, were everything of ours to stop now: {money(lost)}"
    return f"{said}, of {money(at_most)} that entries may take it to"


def _denials_and_fills(day: Day) -> list[str]:
    return [
        "## Denials",
        table(
            ("New York", "time (UTC)", "agent", "symbol", "check", "why"),
            (
                (_at_exchange(each.time), each.time, each.agent, each.symbol, each.code, each.sentence)
                for each in day.denials
            ),
        ),
        "## Fills",
        table(
            ("New York", "time (UTC)", "symbol", "side", "quantity", "price", "fee", "strategy", "reason"),
            (
                (
                    _at_exchange(rfc3339(fill.time)),
                    rfc3339(fill.time),
                    fill.symbol,
                    fill.side.value,
                    f"{fill.quantity:f}",
                    f"{fill.price:f}",
                    money(fill.fee),
                    *_why(fill, day),
                )
                for fill in day.fills
            ),
        ),
    ]


def _execution(fill: Filled, day: Day) -> dict[str, Any]:
    """For machines, with its time in the form of all others."""
    strategy, reason = _why(fill, day)
    told = {**msgspec.to_builtins(fill), "time": rfc3339(fill.time)}
    return {**told, "strategy": strategy, "reason": reason}


def _why(fill: Filled, day: Day) -> tuple[str, str]:
    why = day.whys.get(fill.order_id)
    return ("", "") if why is None else (why.strategy, why.reason)


def _at_exchange(time: str) -> str:
    return f"{to_datetime(from_rfc3339(time)).astimezone(_NEW_YORK):%H:%M:%S}"


def _data(run: Run) -> list[str]:
    if run.recorded is None:
        return []
    return ["## Data", listed((*told_of(run), f"digest of the files {run.recorded.found.sha256}"))]


def _folder(run: Run, parent: Path) -> Path:
    return parent / "demo" / f"{run.session.date}-{run.folder.name}"


def _journal(result: Result) -> str:
    found = f"{result.journal.records} records, head {result.journal.head}"
    if result.is_final:
        return f"journal of {found}"
    return f"journal so far of {found}; the gateway seals its segment after this, when it stops"


def _position(held: Held) -> Sequence[str]:
    return (
        held.symbol,
        f"{held.quantity:f}",
        f"{held.average_price:f}",
        _price(held.mark),
        money(held.unrealised),
        f"{held.protected_quantity:f}",
        _price(held.stop),
        _price(held.target),
    )


def _exit_act(act: ExitAct) -> Sequence[str]:
    return (
        _at_exchange(act.time),
        act.time,
        act.act,
        f"{act.quantity:f}",
        act.symbol,
        _price(act.stop),
        _price(act.target),
        act.reason,
    )


def _shortest(amount: Decimal) -> str:
    """Exact, without zeros behind the cents: an average of several prices has more digits than it needs."""
    cents = amount.quantize(CENT)
    return str(cents if cents == amount and len(str(cents)) < len(str(amount)) else amount)


def _price(value: Decimal | None) -> str:
    return "none" if value is None else f"{value:f}"


def listed(items: Iterable[str]) -> str:
    """As Markdown."""
    return "\n".join(f"- {item}" for item in items)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """As Markdown; without rows, that there are none."""
    lines = [_row(titles), _row(["---"] * len(titles)), *map(_row, rows)]
    return "\n".join(lines) if len(lines) > len(("titles", "rule")) else "None."


def _row(cells: Sequence[str]) -> str:
    # Agents write reasons: a line end in one would end the row.
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"


def money(value: Decimal) -> str:
    """To the cent, for a person."""
    return f"{value:,.2f}"
