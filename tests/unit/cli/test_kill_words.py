"""What is understood at once means what the command line's library makes of it, and is understood early."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agenttrader.cli import killing
from agenttrader.cli.exit_codes import ExitCode
from agenttrader.cli.kill_words import KILL, LIQUIDATE, KillWords, understood
from agenttrader.cli.program import app

WORDS = (
    *(
        "--confirm",
        "HALT TRADING",
        "LIQUIDATE_ALL",
        "--confirm=HALT TRADING",
        "--config",
        "run",
        "--config=run",
        "--config=",
        "--confirm=",
    ),
    *("--cancel-orders", "--liquidate", "--including-protective", "--dry-run", "--json", "--json=1"),
    *(
        "--reason",
        "why not",
        "--reason=",
        "--seconds",
        "2",
        "0",
        "007",
        "2.5",
        "-1",
        "--seconds=30",
        "--seconds=x",
    ),
    *("--help", "--", "-", "", "--cancel", "stray", "-h"),
)
NAMELESS = (("--confirm", "HALT TRADING", "--config="), ("--confirm", "HALT TRADING", "--config", ""))
CONFIRMED = ("--confirm", "HALT TRADING", "--config", "run")


def meant(words: list[str], environment: dict[str, str]) -> KillWords | None:
    """What the library makes of the words; None where it refuses them, or helps."""
    heard: list[KillWords] = []

    def perform(words: KillWords) -> ExitCode:
        heard.append(words)
        return ExitCode.DONE

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(killing, "perform", perform)
        CliRunner().invoke(
            app, words, env={"AGENTTRADER_CONFIG": None, **environment}, prog_name="agenttrader"
        )
    return heard[0] if heard else None


@given(
    verb=st.sampled_from((KILL, LIQUIDATE)),
    words=st.lists(st.sampled_from(WORDS), max_size=6),
    whole=st.sampled_from(((), CONFIRMED, *NAMELESS)),
    environment=st.sampled_from(({}, {"AGENTTRADER_CONFIG": "elsewhere"}, {"AGENTTRADER_CONFIG": ""})),
)
def test_what_is_understood_at_once_means_what_the_library_makes_of_it(
    verb: str, words: list[str], whole: tuple[str, ...], environment: dict[str, str]
) -> None:
    typed = [verb, *words, *whole]
    found = understood(typed, environment)
    if found is not None:
        assert found == meant(typed, environment)


@pytest.mark.parametrize(
    "words",
    (
        (KILL, *CONFIRMED),
        (KILL, "--cancel-orders", "--liquidate", "--including-protective", "--json", *CONFIRMED),
        (KILL, "--seconds=3", "--reason", "a look", *CONFIRMED),
        (LIQUIDATE, "--confirm", "LIQUIDATE_ALL", "--config=run", "--dry-run"),
        (KILL, "--confirm", "another phrase", "--config", "run"),
    ),
)
def test_what_people_type_in_a_hurry_is_understood_at_once(words: tuple[str, ...]) -> None:
    found = understood(words, {})
    assert found is not None
    assert found == meant(list(words), {})


@pytest.mark.parametrize(
    "words",
    (
        (),
        ("halt", *CONFIRMED),
        (KILL, "--help"),
        (KILL, "--cancel", *CONFIRMED),
        (KILL, "--dry-run", *CONFIRMED),
        (KILL, "--confirm", "HALT TRADING"),
        (KILL, "--config", "run"),
        (KILL, *CONFIRMED, "--seconds", "0"),
        (KILL, *CONFIRMED, "--config", "elsewhere"),
    ),
)
def test_what_is_not_is_left_to_the_library(words: tuple[str, ...]) -> None:
    assert understood(words, {}) is None


@pytest.mark.parametrize("words", NAMELESS)
def test_an_empty_configuration_is_refused_whatever_the_environment_names(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").touch()  # An empty path is the folder that one stands in, elsewhere.
    environment = {"AGENTTRADER_CONFIG": "elsewhere"}
    assert understood((KILL, *words), environment) is None
    done = CliRunner().invoke(app, [KILL, *words], env=environment, prog_name="agenttrader")
    assert done.exit_code == ExitCode.USAGE
    assert "--config: expected a file or a folder, found nothing" in " ".join(done.output.split())


def test_the_configuration_may_stand_in_the_environment() -> None:
    found = understood((KILL, "--confirm", "HALT TRADING"), {"AGENTTRADER_CONFIG": "run"})
    assert found is not None
    assert found.config == Path("run")


@pytest.mark.parametrize("streams", (">/dev/full", ">/dev/full 2>&1", ">&-", ">&- 2>&-", "2>/dev/full"))
def test_where_nobody_can_be_told_the_code_tells_what_was_done(tmp_path: Path, streams: str) -> None:
    (tmp_path / "heads").mkdir()
    (tmp_path / "run.toml").write_text(
        '[account]\nname = "DEMO-1"\n[store]\ndirectory = "store"\nheads_directory = "heads"\n'
    )
    typed = f'"{sys.executable}" -c "from agenttrader.cli.main import main; main()" kill --config . --confirm'
    for phrase, code in (("HALT TRADING", ExitCode.UNREACHABLE), ("another", ExitCode.USAGE)):
        done = subprocess.run(
            ["/bin/sh", "-c", f"{typed} '{phrase}' {streams}"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert (tmp_path / "fence" / "DEMO-1.json").exists()


def test_until_the_fence_stands_nothing_is_loaded_that_it_does_not_need(tmp_path: Path) -> None:
    """The clients of gateway and broker take longer to load than all that comes before them."""
    (tmp_path / "run.toml").write_text(
        '[account]\nname = "DEMO-1"\n[store]\ndirectory = "store"\nheads_directory = "heads"\n'
        '[switches]\nwired = ["store", "file"]\nfile = "HALTED"\n'
    )
    (tmp_path / "heads").mkdir()
    # What begins the acts is told to end the process as soon as they are over, and to say what is loaded.
    program = """
import sys
from agenttrader.app.kill import halting
begin = halting.begin
def begin_and_end(halts, log):
    loaded = sorted(sys.modules)
    begun = begin(halts, log)
    print(*(each.name for each in begun if each.wait(30) and each.is_done))
    print(*loaded)
    sys.exit(0)
halting.begin = begin_and_end
from agenttrader.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, KILL, "--confirm", "HALT TRADING", "--config", str(tmp_path)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    acts, loaded = done.stdout.splitlines()
    assert acts == "fence switch"
    assert (tmp_path / "fence" / "DEMO-1.json").exists()
    assert (tmp_path / "HALTED").read_text() == "1\n"
    assert "agenttrader.model.orders" not in loaded.split()
    roots = {name.partition(".")[0] for name in loaded.split()}
    assert (
        roots & {"aiohttp", "asyncio", "cryptography", "pydantic", "rich", "structlog", "typer", "logging"}
        == set()
    )
    ours = {name for name in loaded.split() if name.startswith("agenttrader.app.")}
    assert {name for name in ours if not name.startswith("agenttrader.app.kill")} == {
        "agenttrader.app.broker_sections",
        "agenttrader.app.credential_sections",
        "agenttrader.app.section",
        "agenttrader.app.tables",
    }
