"""A check that says yes is caught only by a test that ran and failed. Each run here is a real one."""

from pathlib import Path

import pytest

from agenttrader.cli import mutation
from agenttrader.cli.mutation import LIMIT_TESTS, Fate, fate_of, fates

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("code", ("order_quantity", "window"))
def test_the_tests_about_limits_catch_a_check_that_says_yes(code: str) -> None:
    (found,) = fates([code], LIMIT_TESTS[1:2], ROOT)
    assert (found.code, found.trouble) == (code, "")
    assert "test_the_limit_itself_is_permitted_and_one_step_over_denies_by_that_code" in found.caught_by


def test_tests_that_pass_whatever_a_check_says_have_not_caught_it(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing() -> None:\n    pass\n")
    assert fate_of("order_quantity", ["test_nothing.py"], tmp_path) == Fate("order_quantity", "")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    (
        ("import nothing_of_that_name\n", "window", "pytest ended with"),
        ("", "window", "pytest ended with 5"),
        ("def test_it(missing: int) -> None:\n    pass\n", "window", "pytest ended with 1"),
        ("def test_it() -> None:\n    assert False\n", "widow", "expected one of"),
    ),
)
def test_a_run_that_breaks_has_caught_nothing(tmp_path: Path, text: str, code: str, says: str) -> None:
    (tmp_path / "test_it.py").write_text(text)
    found = fate_of(code, ["test_it.py"], tmp_path)
    assert found.caught_by == ""
    assert says in found.trouble
    assert str(found).startswith(f"{code:<24} NOT CAUGHT (")


def test_a_run_that_takes_too_long_has_caught_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "test_it.py").write_text("import time\n\ndef test_it() -> None:\n    time.sleep(60)\n")
    monkeypatch.setattr(mutation, "SECONDS_MAX", 0.2)
    assert fate_of("window", ["test_it.py"], tmp_path).trouble == "(the tests took more than 0.2 s)"


def test_what_is_run_is_there() -> None:
    assert all((ROOT / path).is_file() for path in LIMIT_TESTS)
