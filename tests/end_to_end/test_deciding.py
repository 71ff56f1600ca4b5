"""Decision-only mode as the market-open runbook writes it, with the program's own command in its place."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from agenttrader.cli.exit_codes import ExitCode
from agenttrader.testing.played_day import PASSED_ON, PROGRAM

PATIENCE_SECONDS = 60
TABLE = Path(__file__).parents[2] / "docs" / "seed-commands.md"
RUNBOOK = """
mkdir -p {folder}/exec_agent && cat > {folder}/exec_agent/proposals.ndjson <<'EOF'
{{"proposal_id":"p-1","valid_until_utc":"2099-01-01T00:00:00Z","requires_human_approval":true,\
"order":{{"symbol":"SPY","side":"buy","qty":1}}}}
EOF

export REPO_ID="agent-trader-v2"
export AGENT_NAME="execution-agent"
export AGENT_ROLE="execution"
export AGENT_MODE="EXECUTE"
export EXECUTION_AGENT_ENABLED="true"
export BROKER_EXECUTION_ENABLED="false"
export PROPOSALS_PATH="{folder}/exec_agent/proposals.ndjson"
export MARKETDATA_LAST_TS_UTC="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
{command}
"""
"""Section 3 B of the runbook, but for the folder and its last line."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a run's configuration, and none of its secrets."""
    folder = tmp_path / "desk"
    made = shell(tmp_path, f"echo a passphrase | {PROGRAM} new {folder}")
    assert made.returncode == ExitCode.DONE, made.stderr
    for secret in (folder / "secrets").iterdir():
        secret.unlink()
    return folder


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],  # noqa: S607  the runbook is for a shell
        cwd=folder,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def runbook(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return shell(folder, RUNBOOK.format(folder=folder, command=command))


def mapped(seed: str, desk: Path) -> str:
    """The command that the table of the seeds' commands has in the place of `seed`."""
    rows = (line.split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| "))
    (here,) = (row[1] for row in rows if row[0] == f"| `{seed}`")
    return here.strip("`").replace("./agenttrader", str(PROGRAM)).replace("RUN", str(desk))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def kept(folder: Path) -> list[dict[str, Any]]:
    files = (folder / "audit_artifacts" / "execution_decisions").glob("????-??-??/decisions.ndjson")
    return [record for file in sorted(files) for record in lines(file.read_text())]


def test_the_runbook_as_written_decides_its_proposal_once(tmp_path: Path, desk: Path) -> None:
    command = mapped("python3 -m backend.execution_agent.main", desk)
    done = runbook(tmp_path, command)
    assert done.returncode == ExitCode.DONE, done.stderr
    (record,) = lines(done.stdout)
    assert kept(tmp_path) == [record]
    assert (record["proposal_id"], record["decision"]) == ("p-1", "REJECT")
    assert {"kill_switch_enabled", "requires_human_approval", "approval"} <= {*record["reject_reason_codes"]}
    assert record["safety_snapshot"]["marketdata_fresh"]
    told = [line["intent_type"] for line in lines(done.stderr)]
    assert told == ["execution_agent_started", "execution_decision"]

    again = runbook(tmp_path, command)
    assert (again.returncode, again.stdout) == (ExitCode.DONE, "")
    assert "proposal_duplicate_seen" in again.stderr
    assert kept(tmp_path) == [record]


def test_a_stream_goes_on_after_what_is_no_proposal(tmp_path: Path, desk: Path) -> None:
    bad = 'printf \'{"a\\n\\n[]\\n\' | cat - "$PROPOSALS_PATH"'
    done = runbook(tmp_path, f"{bad} | {PROGRAM} decide --config {desk} --proposals -")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert [record["proposal_id"] for record in lines(done.stdout)] == [None, None, "p-1"]


def test_it_does_not_start_where_something_is_missing(tmp_path: Path, desk: Path) -> None:
    file = desk / "run.toml"
    whole = file.read_text()
    for change, reason in (
        ("unset AGENT_MODE", "AGENT_MODE_missing"),
        ("export APCA_API_SECRET_KEY=secret", "APCA_API_SECRET_KEY_present"),
        ("rm $PROPOSALS_PATH", "PROPOSALS_PATH_missing"),
        (f"sed -i /quote_age_seconds_max/d {file}", "quote_age_seconds_max"),
        (f"sed -i /^wired/d {file}", "wired"),
    ):
        file.write_text(whole)
        done = runbook(tmp_path, f"{change}; {PROGRAM} decide --config {desk} --once")
        assert (done.returncode, done.stdout) == (ExitCode.USAGE, ""), change
        told = json.loads(done.stderr)
        assert told["intent_type"] == "startup_refused"
        assert reason in told["fault"]
    assert kept(tmp_path) == []


def test_what_ends_it_is_told_once_and_is_json(tmp_path: Path, desk: Path) -> None:
    done = runbook(tmp_path, f"{PROGRAM} decide --config {desk} --once --decisions /dev/null")
    assert (done.returncode, done.stdout) == (ExitCode.FINDING, "")
    assert [json.loads(line)["intent_type"] for line in done.stderr.splitlines()] == [
        "execution_agent_failed"
    ]


def test_it_follows_the_file_until_it_is_told_to_stop(tmp_path: Path, desk: Path) -> None:
    exported = runbook(tmp_path, "env -0").stdout
    said = dict(pair.split("=", 1) for pair in exported.split("\0") if pair)
    words = [str(PROGRAM), "decide", "--config", str(desk)]
    with subprocess.Popen(words, cwd=tmp_path, env=said, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            first = json.loads(process.stdout.readline())
            with Path(said["PROPOSALS_PATH"]).open("a") as file:
                file.write('{"proposal_id":"p-2","valid_until_utc":"2099-01-01T00:00:00Z",')
                file.flush()
                time.sleep(0.3)
                file.write('"order":{"symbol":"ALFA","side":"buy","qty":1}}\n')
            second = json.loads(process.stdout.readline())
            assert [first["proposal_id"], second["proposal_id"]] == ["p-1", "p-2"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == ExitCode.DONE
        finally:
            process.kill()
    assert kept(tmp_path) == [first, second]
