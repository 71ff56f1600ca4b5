"""A report says what it holds for; the newest alone counts, and only where it fits."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agenttrader.app.conformance import (
    DAY,
    Finding,
    Report,
    Sitting,
    Standing,
    Wanted,
    fault_of,
    good_until,
    read_reports,
)
from agenttrader.model.errors import ConfigurationError
from agenttrader.model.identifiers import AccountName, Digest, Symbol
from agenttrader.model.times import Instant, from_rfc3339

WANTED = Wanted(kind="alpaca_paper", code="abc", account=AccountName("PA1"), days_max=7)
ENDED = from_rfc3339("2026-11-20T14:31:00Z")


def sitting(standing: Standing = Standing.PASS, *left: str) -> Sitting:
    return Sitting(
        findings=(Finding(case="accept", promise="It is taken.", standing=standing, found="a|b\nc"),),
        left=left,
    )


def report(**changes: Any) -> Report:
    whole = Report(
        kind="alpaca_paper",
        address="https://paper-api.alpaca.markets",
        account=AccountName("PA1"),
        symbol=Symbol("SPY"),
        began="2026-11-20T14:30:00Z",
        ended="2026-11-20T14:31:00Z",
        configuration=Digest("c" * 64),
        code="abc",
        passed=True,
        sitting=sitting(),
    )
    return structs.replace(whole, **changes)


def fault(*reports: Report, now: Instant = ENDED, code: str = "abc") -> str | None:
    return fault_of(reports, structs.replace(WANTED, code=code), now)


@pytest.mark.parametrize(
    ("standing", "left", "passed"),
    (
        (Standing.PASS, (), True),
        (Standing.FAIL, (), False),
        (Standing.UNKNOWN, (), False),
        (Standing.PASS, ("an order works",), False),
    ),
)
def test_only_all_passed_and_nothing_left_is_a_pass(
    standing: Standing,
    left: tuple[str, ...],
    passed: bool,  # noqa: FBT001
) -> None:
    assert sitting(standing, *left).has_passed is passed


def test_an_exam_without_a_case_is_no_pass() -> None:
    assert not Sitting(findings=(), left=()).has_passed


def test_the_newest_of_this_code_that_passed_within_its_age_is_good_enough() -> None:
    assert fault(report()) is None
    assert fault(report(), now=Instant(ENDED + 7 * DAY)) is None
    assert fault(report(passed=False, ended="2026-11-19T00:00:00Z"), report()) is None


@pytest.mark.parametrize(
    ("reports", "changes", "words"),
    (
        ((), {}, "expected a report of alpaca_paper, found none"),
        ((report(kind="venue"),), {}, "expected a report of alpaca_paper, found none"),
        ((report(account="PA2"),), {}, "expected a report of account PA1, found those of PA2"),
        ((report(passed=False),), {}, "to have passed"),
        ((report(sitting=sitting(Standing.UNKNOWN)),), {}, "to have passed"),
        ((report(), report(passed=False)), {}, "to have passed"),
        ((report(code="other"),), {}, "of this code, abc, found the newest of other"),
        ((report(code="unknown"),), {"code": "unknown"}, "of this code"),
        ((report(),), {"now": Instant(ENDED + 7 * DAY + 1)}, "of the last 7 days"),
        ((report(),), {"now": Instant(ENDED - 1)}, "of the last 7 days"),
    ),
)
def test_what_does_not_fit_is_told(reports: tuple[Report, ...], changes: dict[str, Any], words: str) -> None:
    assert words in (fault(*reports, **changes) or "")


def test_an_exam_of_another_account_does_not_count_even_where_it_is_newer() -> None:
    other = report(account="PA2", ended="2026-11-20T15:00:00Z", passed=False)
    assert fault(report(), other) is None
    anybodys = structs.replace(WANTED, account=None)
    assert "to have passed" in (fault_of((report(), other), anybodys, ENDED) or "")


def test_it_is_good_until_its_age_is_over() -> None:
    assert good_until((report(),), WANTED) == Instant(ENDED + 7 * DAY)


def test_reports_are_read_the_oldest_first_and_one_that_cannot_be_read_is_no_report(tmp_path: Path) -> None:
    """It may be the one that says no."""
    assert read_reports(tmp_path / "nowhere") == ()
    for name, ended in (("a", "2026-11-20T14:31:00Z"), ("b", "2026-11-19T14:31:00Z")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(report(ended=ended).text())
    assert [each.ended for each in read_reports(tmp_path)] == ["2026-11-19T14:31:00Z", "2026-11-20T14:31:00Z"]
    for text in ("{}", "", '{"schema": "another"}'):
        (tmp_path / "b" / "report.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"b/report\.json: expected a report that can be read"):
            read_reports(tmp_path)


def test_the_page_says_what_was_found_what_was_left_and_what_was_not_tried() -> None:
    page = report().page()
    assert "# Conformance of alpaca_paper: passed" in page
    assert "| accept | It is taken. | PASS | a/b c |" in page
    assert "left as it was found" in page
    assert "Not tried: fills" in page
    spoiled = report(passed=False, sitting=sitting(Standing.FAIL, "order 7 works")).page()
    assert "not passed" in spoiled
    assert "- order 7 works" in spoiled
    assert "left as it was found" not in spoiled
