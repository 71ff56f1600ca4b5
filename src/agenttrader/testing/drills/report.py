"""What a drill found: each thing that was looked at, with what was expected and what was there.

A look passes where the two are equal, and in no other way; a drill passes where it looked at something and
every look passed.
"""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from agenttrader.model.times import Instant, rfc3339

Found = str | int | bool | list[str]
"""What can be looked at: as it stands in the report."""


class Look(Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    expected: Found
    observed: Found

    @property
    def passed(self) -> bool:
        """Whether it was as expected."""
        return self.expected == self.observed


class Finding(Struct, frozen=True, kw_only=True):
    """One run of one drill."""

    drill: str
    about: str
    """What is done and what must hold, in a sentence."""
    looks: tuple[Look, ...]
    evidence: dict[str, list[str]]
    """What else tells of it: records of the journal, faults that struck, by where they stand."""
    failure: str
    """Why it could not be played to its end; empty where it could."""
    seconds: int

    @property
    def passed(self) -> bool:
        """Whether it was played to its end and all was as expected."""
        return not self.failure and bool(self.looks) and all(look.passed for look in self.looks)


def write(finding: Finding, folder: Path, now: Instant) -> dict[str, Any]:
    """Write the finding to `folder`, dated, as JSON and as a page; the report as one object."""
    time = rfc3339(now)
    told = {
        "drill": finding.drill,
        "about": finding.about,
        "generated_at": time,
        "passed": finding.passed,
        "checks": [to_builtins(look) | {"passed": look.passed} for look in finding.looks],
        "failure": finding.failure,
        "evidence": finding.evidence,
        "seconds": finding.seconds,
    }
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{finding.drill}-{time[:19].replace('-', '').replace(':', '')}Z"
    stem.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    stem.with_suffix(".md").write_text(page_of(finding, time), encoding="utf-8")
    return told


def page_of(finding: Finding, time: str) -> str:
    """The finding as a page."""
    rows = "".join(
        f"| {look.name} | {_cell(look.expected)} | {_cell(look.observed)} | {_word(look.passed)} |\n"
        for look in finding.looks
    )
    failure = f"Not played to its end: {finding.failure}\n\n" if finding.failure else ""
    evidence = "".join(
        f"\n## {title}\n\n" + "".join(f"    {line}\n" for line in lines)
        for title, lines in finding.evidence.items()
    )
    return (
        f"# {finding.drill}, {time}: {_word(finding.passed)}\n\n{finding.about}\n\n{failure}"
        f"| looked at | expected | observed | |\n|---|---|---|---|\n{rows}{evidence}"
    )


def _cell(found: Found) -> str:
    text = ", ".join(found) or "none" if isinstance(found, list) else json.dumps(found)
    return text.replace("|", "\\|")


def _word(passed: bool) -> str:  # noqa: FBT001 - it turns the one into the other
    return "pass" if passed else "FAIL"
