"""`policy replay` as it is typed: its exit codes, its report at 90 columns, and the same for programs."""

import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from agenttrader.cli import main
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.policy_report import WIDTH
from agenttrader.testing.builders import AGENT, proposal
from agenttrader.testing.recorded_run import configured, keep, trading_by

D = Decimal


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which nine entries were approved, and one was denied."""
    folder = tmp_path_factory.mktemp("policy")
    configuration = configured(folder)
    driver = trading_by(configuration)
    driver.propose(*(proposal(number, quantity=D(1)) for number in range(1, 10)))
    driver.propose(proposal(99, quantity=D(500)))
    keep(configuration, driver)
    (folder / "tight.toml").write_text("[limits.account]\nopen_orders_max = 2\n")
    (folder / "wide.toml").write_text('[limits.symbol.ALFA]\norder_quantity_max = "501"\n')
    (folder / "typo.toml").write_text("[limits.account]\nopen_order_max = 2\n")
    return folder


def typed(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> tuple[int, str, str]:
    """The exit code of `policy replay`, what it said on stdout, and on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["agenttrader", "policy", "replay", "--config", str(run), *words])
        with pytest.raises(SystemExit) as end:
            main.main()
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_where_nothing_changes_it_says_so(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    code, said, _ = typed(capsys, run)
    assert code == ExitCode.DONE
    assert "decisions  10: 10 come out the same" in said
    assert "those that ruled" in said


def test_what_changes_is_a_finding_and_fits_the_screen(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    code, said, _ = typed(capsys, run, "--limits", str(run / "tight.toml"))
    assert code == ExitCode.FINDING
    lines = said.splitlines()
    assert max(map(len, lines[1:])) <= WIDTH  # the first names the journal, which lies where it lies
    assert "limits     account.open_orders_max 2, configured 24" in lines
    assert "           7 would be denied" in lines
    assert f"{'open_orders_account':<28}{7:>12}{'':>18}" in lines
    assert f"  11-20 14:31:00  {AGENT:<10}  {'buy 1 ALFA':<18}  open_orders_account 3 of 2" in lines
    assert "        7  entries that never filled" in lines
    assert "happened. A round trip is told whole, by the fills it had and the fees booked with them." in lines


def test_what_would_be_approved_is_told_without_a_profit(
    capsys: pytest.CaptureFixture[str], run: Path
) -> None:
    code, said, _ = typed(capsys, run, "--limits", str(run / "wide.toml"), "--json")
    told = json.loads(said)
    assert code == ExitCode.FINDING
    assert (told["decisions"], told["same"]) == (10, 9)
    changes = told["approved"] + told["otherwise"]
    assert [(each["was"], each["quantity"]) for each in changes] == [("order_quantity", "500")]
    assert told["round_trips"] == told["denied"] == []
    assert told["limits"]["values"] == {"symbol.ALFA.order_quantity_max": "501"}
    assert "nobody knows" in told["caveats"][1]


def test_a_limit_that_there_is_not_is_a_mistake_of_usage(
    capsys: pytest.CaptureFixture[str], run: Path
) -> None:
    code, said, complaint = typed(capsys, run, "--limits", str(run / "typo.toml"))
    assert (code, said) == (ExitCode.USAGE, "")
    assert "the nearest known key is open_orders_max" in complaint
    code, _, complaint = typed(capsys, run / "nowhere")
    assert code == ExitCode.USAGE
    assert "expected a run's folder" in complaint


def test_of_many_rows_a_person_is_shown_some(
    capsys: pytest.CaptureFixture[str], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agenttrader.cli.policy_report.ROWS_MAX", 5)
    _, said, _ = typed(capsys, run, "--limits", str(run / "tight.toml"))
    assert "  … and 2 more: --json tells all" in said.splitlines()
