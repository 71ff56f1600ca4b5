"""What an exam leaves in writing, and whether what was left is good enough to rely on."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName, Digest, Symbol
from agenttrader.model.times import MINUTE, Duration, Instant, from_rfc3339

JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"
UNKNOWN_CODE = "unknown"
DAY = Duration(24 * 60 * MINUTE)


NOT_TRIED = (
    "fills, busts and corrections",
    "what a connection that breaks leaves behind",
    "stop, trailing and market orders, options, coins",
    "splits, dividends and fees",
)
"""What no order far from the market can show. Our own venue and the doubles are tried for these instead."""


class Standing(StrEnum):
    """How a case stands; what nobody could learn is no pass."""

    PASS = "PASS"  # noqa: S105 - a word
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class Finding(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One case: what must hold, and what was found."""

    case: str
    promise: str
    standing: Standing
    found: str


class Sitting(Struct, frozen=True, kw_only=True):
    """What came of an exam."""

    findings: tuple[Finding, ...]
    left: tuple[str, ...]
    """What is otherwise than before, as sentences."""

    @property
    def has_passed(self) -> bool:
        """Whether all was tried, all held, and the account is as it was."""
        stood = [finding.standing for finding in self.findings]
        return bool(stood) and set(stood) == {Standing.PASS} and not self.left


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exam: of which broker, by which code and configuration, when, and what came of it."""

    schema: Literal["agenttrader.conformance.1"] = "agenttrader.conformance.1"
    kind: str
    """The broker's, in the words of `[broker] kind`."""
    address: str
    account: AccountName
    symbol: Symbol
    began: str
    ended: str
    """By this machine's clock."""
    configuration: Digest
    code: str
    """The commit."""
    passed: bool
    sitting: Sitting
    not_tried: tuple[str, ...] = NOT_TRIED

    def text(self) -> bytes:
        """As it is kept, for programs."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def page(self) -> str:
        """The same for a person."""
        return "\n".join(_lines(self)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# Conformance of {report.kind}: {'passed' if report.passed else 'not passed'}"
    yield ""
    yield f"Account {report.account} at {report.address}, with orders in {report.symbol}."
    yield f"From {report.began} to {report.ended}, by this machine's clock."
    yield f"Code {report.code}, configuration {report.configuration}."
    yield ""
    yield "| case | what must hold | | found |"
    yield "|---|---|---|---|"
    for each in report.sitting.findings:
        found = each.found.replace("|", "/").replace("\n", " ")
        yield f"| {each.case} | {each.promise} | {each.standing.value} | {found} |"
    yield ""
    if report.sitting.left:
        yield "**The account is not as it was found:**"
        yield ""
        yield from (f"- {sentence}" for sentence in report.sitting.left)
    else:
        yield "The account was left as it was found: no order works, positions and cash are the same."
    yield ""
    yield f"Not tried: {'; '.join(report.not_tried)}."


def read_reports(folder: Path) -> tuple[Report, ...]:
    """Every report in the folders of `folder`, the oldest first; none where there is no such folder.

    Raises ConfigurationError where one cannot be read: it may be the one that says no.
    """
    found = []
    for path in sorted(folder.glob(f"*/{JSON_NAME}")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Report))
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(
                f"{path}: expected a report that can be read, found: {error}; move it away, or make another"
            ) from error
    return tuple(sorted(found, key=lambda report: from_rfc3339(report.ended)))


class Wanted(Struct, frozen=True, kw_only=True):
    """What a report is to hold for: the commit that runs, and the account, or any of that broker's paper."""

    kind: str
    code: str
    account: AccountName | None
    days_max: int


def fault_of(reports: Sequence[Report], wanted: Wanted, now: Instant) -> str | None:
    """Why these do not show what is wanted; None where the newest of the account does.

    The newest counts alone: one that failed is not mended by an older one that passed.
    """
    fitting = _fitting(reports, wanted)
    if not fitting:
        others = sorted({report.account for report in reports if report.kind == wanted.kind})
        if others:
            return f"expected a report of account {wanted.account}, found those of {', '.join(others)}"
        return f"expected a report of {wanted.kind}, found none"
    newest = fitting[-1]
    if not newest.passed or not newest.sitting.has_passed:
        return f"expected the newest report to have passed, found that of {newest.ended} has not"
    if newest.code != wanted.code or wanted.code == UNKNOWN_CODE:
        return f"expected a report of this code, {wanted.code}, found the newest of {newest.code}"
    if not from_rfc3339(newest.ended) <= now <= _good_until(newest, wanted):
        return f"expected a report of the last {wanted.days_max} days, found the newest of {newest.ended}"
    return None


def good_until(reports: Sequence[Report], wanted: Wanted) -> Instant:
    """Until when the newest may be relied on, where `fault_of` has no fault."""
    return _good_until(_fitting(reports, wanted)[-1], wanted)


def _fitting(reports: Sequence[Report], wanted: Wanted) -> list[Report]:
    return [
        report
        for report in reports
        if report.kind == wanted.kind and wanted.account in (None, report.account)
    ]


def _good_until(report: Report, wanted: Wanted) -> Instant:
    return Instant(from_rfc3339(report.ended) + wanted.days_max * DAY)
