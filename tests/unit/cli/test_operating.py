"""What a person types wrong is answered with a sentence and exit code 2, and all stays as it was."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agenttrader.adapters.announcements import Announcements
from agenttrader.app.gateway.breaker_views import BreakerBody, BreakerState
from agenttrader.app.guarding.perform import make
from agenttrader.app.guarding.setup import GuardWish
from agenttrader.cli import main
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.operating import show_breakers
from agenttrader.model.authority import Scope, ScopeKind
from agenttrader.model.decisions import TradingState
from agenttrader.model.errors import ConfigurationError


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes") / "run"
    make(folder, GuardWish(bot="bot", person="me", port=8765, seed=7, speed=1), "a passphrase of length")
    return folder


def typed(capsys: pytest.CaptureFixture[str], *words: object, stdin: str = "") -> tuple[int, str]:
    """The exit code of the program, and what it said on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["agenttrader", *map(str, words)])
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as end:
            main.main()
    return int(end.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize("verb", ("status", "switches", "reconcile", "window show", "agents list"))
def test_a_folder_without_a_run_is_named_and_where_one_comes_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    person = () if verb.startswith("agents") else ("--person", tmp_path / "me")
    code, said = typed(capsys, *verb.split(), "--config", tmp_path, *person)
    assert code == ExitCode.USAGE
    assert f"{tmp_path}: expected a run's folder (with run.toml) or its configuration, found none" in said
    assert "`agenttrader new FOLDER` makes one" in said


@pytest.mark.parametrize("verb", ("resume", "window open", "window extend --until 2h", "window resume"))
def test_what_is_signed_asks_for_no_passphrase_of_somebody_who_has_no_key(
    capsys: pytest.CaptureFixture[str], run_folder: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "me.token").write_text("a token")
    words = ("--config", run_folder, "--person", tmp_path / "me", "--reason", "a test")
    code, said = typed(capsys, *verb.split(), *words)
    assert code == ExitCode.USAGE
    assert f"{tmp_path / 'me.key'}: expected the key of me, which signs what loosens, found none" in said


def test_each_breaker_is_a_line_and_one_that_tripped_says_why_and_how_it_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = Scope(ScopeKind.ACCOUNT, "SIM-1")
    armed = BreakerBody(name="breaker:daily_loss", scope=account, state=BreakerState.ARMED, counted="0 of 9")
    tripped = BreakerBody(
        name="breaker:drawdown",
        scope=account,
        state=BreakerState.TRIPPED,
        counted="0.07 of 0.06",
        halts=TradingState.HALTED,
        since="2026-11-20T15:00:00Z",
        reason="equity lies low",
        way_back="agenttrader resume --scope account:SIM-1",
    )
    show_breakers((armed, tripped))
    assert capsys.readouterr().out.splitlines() == [
        "breaker   armed     daily_loss, account SIM-1: 0 of 9",
        "breaker   tripped   drawdown, account SIM-1: 0.07 of 0.06",
        "          halted since 2026-11-20T15:00:00Z: equity lies low",
        "          a person ends it: agenttrader resume --scope account:SIM-1",
    ]


def test_a_person_of_no_role_is_not_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, said = typed(capsys, "persons", "new", tmp_path / "ann", "--role", "king", stdin="a passphrase\n")
    assert code == ExitCode.USAGE
    assert "--role: expected one of viewer, operator, approver, admin, found 'king'" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", (("persons", "new", "ann"), ("new", "run")))
def test_without_a_passphrase_nothing_is_made(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = typed(capsys, *words)
    assert code == ExitCode.USAGE
    assert "passphrase: expected one for the person's key, found none; nothing was made" in said
    code, said = typed(capsys, *words, stdin="seven c\n")
    assert code == ExitCode.USAGE
    assert "passphrase: expected 8 characters or more, found 7; nothing was made" in said
    assert not list(tmp_path.iterdir())


def test_a_run_that_cannot_be_is_not_left_half_made(tmp_path: Path) -> None:
    wish = GuardWish(bot="exits", person="me", port=8765, seed=7, speed=1)
    with pytest.raises(ConfigurationError, match="expected another name"):
        make(tmp_path / "run", wish, "a passphrase of length")
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_there_is_not_touched(run_folder: Path) -> None:
    before = sorted(run_folder.rglob("*"))
    with pytest.raises(ConfigurationError, match="expected to make a new folder"):
        make(run_folder, GuardWish(bot="bot", person="me", port=8765, seed=7, speed=1), "a passphrase")
    assert sorted(run_folder.rglob("*")) == before


@pytest.mark.parametrize("port", ("0", "65536", "-1"))
def test_a_port_that_is_none_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, port: str
) -> None:
    code, said = typed(capsys, "new", tmp_path / "run", "--port", port, stdin="a passphrase\n")
    assert code == ExitCode.USAGE
    assert "--port" in said


def test_a_key_that_cannot_be_kept_does_not_end_the_old_one(
    capsys: pytest.CaptureFixture[str], run_folder: Path, tmp_path: Path
) -> None:
    before = (run_folder / "agent-keys.json").read_bytes()
    code, said = typed(
        capsys, "agents", "rotate", "bot", "--config", run_folder, "--to", tmp_path / "none" / "key"
    )
    assert code == ExitCode.FINDING
    assert "expected to make a new file, found: No such file or directory" in said
    assert (run_folder / "agent-keys.json").read_bytes() == before


def test_a_key_that_is_kept_is_accepted(
    capsys: pytest.CaptureFixture[str], run_folder: Path, tmp_path: Path
) -> None:
    before = (run_folder / "agent-keys.json").read_bytes()
    assert typed(capsys, "agents", "rotate", "bot", "--config", run_folder, "--to", tmp_path / "key")[0] == 0
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (run_folder / "agent-keys.json").read_bytes() != before


def test_a_run_that_is_up_is_not_started_twice(capsys: pytest.CaptureFixture[str], run_folder: Path) -> None:
    announcements = Announcements(run_folder / "announcements")
    announcements.announce("marketdata", "127.0.0.1:1")
    code, said = typed(capsys, "up", run_folder)
    announcements.withdraw("marketdata")
    assert code == ExitCode.USAGE
    assert f"expected a run that is not up, found its marketdata as process {os.getpid()}" in said


def test_a_verb_loads_nothing_that_only_the_gateway_needs() -> None:
    """Logs and metrics with all that they load are a third of a verb's time."""
    words = "import sys, agenttrader.app.operators.perform; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert "agenttrader.app.operators.acts" in loaded.stdout.split()
    assert not {"structlog", "prometheus_client", "rich"} & set(loaded.stdout.split())
