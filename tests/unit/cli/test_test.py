from pathlib import Path

import pytest
import typer

from agenttrader.cli import mutation
from agenttrader.cli import test as verb
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.mutation import LIMIT_TESTS, Fate
from agenttrader.gateway.checks.catalog import CHECKS


class Bench:
    """A checkout whose tools are scripts that note their words, say something and end as told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "tools").mkdir()
        (root / "tests").mkdir()
        for tool in ("ruff", "lint-imports", "mypy", "pytest"):
            self.end(tool, 0)

    def end(self, tool: str, code: int) -> None:
        script = self.root / "tools" / tool
        script.write_text(f'#!/bin/sh\necho "{tool} $*" >> words\necho "{tool} speaks"\nexit {code}\n')
        script.chmod(0o755)

    def words(self) -> list[str]:
        return (self.root / "words").read_text().splitlines()

    def log(self, name: str) -> str:
        return (self.root / "var" / "test" / name).read_text()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(verb, "ROOT", tmp_path)
    monkeypatch.setattr(verb, "TOOLS", tmp_path / "tools")
    return Bench(tmp_path)


def test_everything_is_checked(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    verb.check()

    junit = f"--junit-xml={bench.root}/var/test/junit.xml"
    assert bench.words() == [
        "ruff check .",
        "ruff format --check .",
        "lint-imports ",
        "mypy ",
        " ".join(("pytest", junit, *verb.ALL_TESTS)),
    ]
    shown = capfd.readouterr()
    assert shown.out == "pytest speaks\n"
    assert "mypy speaks" not in shown.err
    assert "mypy speaks" in bench.log("checks.log")
    assert bench.log("pytest.log") == "pytest speaks\n"


def test_words_go_to_pytest_alone(bench: Bench) -> None:
    verb.check(["-k", "halt"])

    assert bench.words() == [f"pytest --junit-xml={bench.root}/var/test/junit.xml -k halt"]


@pytest.mark.parametrize("tool", ("ruff", "lint-imports", "mypy", "pytest"))
def test_one_failure_is_shown_and_fails_the_whole_but_stops_nothing(
    bench: Bench, tool: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.end(tool, 2)

    with pytest.raises(typer.Exit) as end:
        verb.check()

    assert end.value.exit_code == ExitCode.FINDING
    assert len(bench.words()) == 5
    shown = capfd.readouterr()
    assert f"{tool} speaks" in shown.out + shown.err
    assert f"failed: {tool}" in shown.err


def test_it_needs_the_tools(bench: Bench) -> None:
    (bench.root / "tools" / "pytest").unlink()

    with pytest.raises(typer.Exit) as end:
        verb.check()
    assert end.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("unchanged", "unheld", "code", "says"),
    (
        (Fate("", ""), "", ExitCode.DONE, "44 of 44 checks are held"),
        (Fate("", ""), "window", ExitCode.FINDING, "not held: window"),
        (Fate("", "test_it"), "", ExitCode.FINDING, "fail while every check is as it is: test_it"),
        (Fate("", "", "(broken)"), "", ExitCode.FINDING, "fail while every check is as it is: (broken)"),
    ),
)
def test_a_check_that_no_test_holds_is_a_finding(
    bench: Bench,
    unchanged: Fate,
    unheld: str,
    code: ExitCode,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fate_of(code: str, tests: object, root: Path) -> Fate:
        assert (tests, root) == (LIMIT_TESTS, bench.root)
        return Fate(code, "" if code == unheld else "test_it") if code else unchanged

    monkeypatch.setattr(mutation, "fate_of", fate_of)
    with pytest.raises(typer.Exit) as end:
        verb.check(limits=True)
    assert end.value.exit_code == code
    shown = capfd.readouterr()
    assert says.replace("44", str(len(CHECKS))) in shown.out + shown.err
