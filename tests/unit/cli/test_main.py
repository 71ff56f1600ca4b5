import importlib
import subprocess
import sys
from types import ModuleType

import pytest

from agenttrader.cli import main, program
from agenttrader.cli.exit_codes import ExitCode, exit_code_of
from agenttrader.model import errors

SLOW_TO_IMPORT = {
    *("aiohttp", "asyncio", "cryptography", "exchange_calendars", "litestar", "numba", "numpy", "pandas"),
    *("prometheus_client", "securesystemslib", "structlog", "uvicorn"),
}


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the program with these words and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["agenttrader", *words])
    with pytest.raises(SystemExit) as end:
        main.main()
    return int(end.value.code or 0)


def test_the_command_line_imports_nothing_slow() -> None:
    listing = "import agenttrader.cli.program, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)

    assert SLOW_TO_IMPORT & set(loaded.stdout.split()) == set()


@pytest.mark.parametrize(
    ("error", "code"),
    (
        (errors.ConfigurationError("x"), ExitCode.USAGE),
        (errors.BadValue("x"), ExitCode.USAGE),
        (errors.StoreLocked("x"), ExitCode.FINDING),
        (errors.TamperingFound(1, "x"), ExitCode.FINDING),
        (errors.StatementRefused("x"), ExitCode.FINDING),
        (errors.Unsent("x"), ExitCode.UNREACHABLE),
    ),
)
def test_an_error_has_an_exit_code(error: errors.AgentTraderError, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_a_role_gets_its_words_and_gives_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def play(arguments: list[str]) -> int:
        heard.extend(arguments)
        return 4

    role = ModuleType("agenttrader.roles.venue")
    role.__dict__["main"] = play
    monkeypatch.setitem(sys.modules, role.__name__, role)

    assert run(monkeypatch, "run", "venue", "--config", "demo.toml", "--help") == ExitCode.HALTED
    assert heard == ["--config", "demo.toml", "--help"]


def test_what_is_no_role_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "run", "sudo") == ExitCode.USAGE
    assert f"expected one of {', '.join(program.ROLES)}, found 'sudo'" in capsys.readouterr().err


def test_a_role_that_lacks_a_library_is_not_taken_for_a_missing_role(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named 'numba', wanted by {name}", name="numba")

    monkeypatch.setattr(importlib, "import_module", lack)
    monkeypatch.setattr(sys, "argv", ["agenttrader", "run", "gateway"])

    with pytest.raises(ModuleNotFoundError, match="numba"):
        main.main()


def test_the_version_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("agenttrader 0.")


@pytest.mark.parametrize("group", ((), ("limits",), ("approvals",), ("policy",)))
def test_a_list_of_verbs_cuts_no_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], group: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *group, "--help") == ExitCode.DONE
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_a_kill_names_its_phrase_where_it_is_asked_for_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "kill", "--help") == ExitCode.DONE
    assert '"HALT TRADING", or nothing happens.' in capsys.readouterr().out


def test_a_folder_of_decisions_that_is_not_there_is_not_one_where_nothing_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("approvals", "list", "--config", "run", "--person", "ann", "--decisions", "misspelt")
    assert run(monkeypatch, *words) == ExitCode.USAGE
    assert "'misspelt' does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ("open", "extend"))
def test_an_end_that_is_none_is_refused_before_a_passphrase_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    words = ("window", verb, "--config", "run", "--person", "ann", "--reason", "why", "--until", "5x")
    assert run(monkeypatch, *words) == ExitCode.USAGE
    assert "--until: expected close, a span such as 90m or 2h" in capsys.readouterr().err
