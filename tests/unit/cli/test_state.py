import io
import itertools
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from agenttrader.adapters.persons import make_key, public_key_text, write_key
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.adapters.state_file import write_state
from agenttrader.app.config import demo_template
from agenttrader.app.gateway.runtime_state import runtime_state
from agenttrader.app.journals.daily import catch_up
from agenttrader.cli import main
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Chain
from agenttrader.runtime.inputs import Proposed
from agenttrader.testing.builders import proposal
from agenttrader.testing.events import filled, opened, sealed
from agenttrader.testing.small_gateway import SmallGateway

ACCOUNT = AccountName("DEMO-1")


class Said(NamedTuple):
    """What the verb said, and how it ended."""

    code: int
    out: str
    err: str


State = Callable[..., Said]


@pytest.fixture
def state(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> State:
    """`agenttrader state` with these words, and a passphrase on stdin."""

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["agenttrader", "state", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO("a passphrase\n"))
        with pytest.raises(SystemExit) as end:
            main.main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
async def gateway() -> AsyncIterator[SmallGateway]:
    made = SmallGateway()
    await made.trade()
    yield made
    await made.stop()


async def test_what_stands_is_shown(gateway: SmallGateway, state: State, tmp_path: Path) -> None:
    await gateway.session.ask(Proposed(proposal()))
    (sent,) = gateway.broker.sent
    gateway.accept(sent)
    await gateway.settle()
    gateway.fill(sent)
    await gateway.settle()
    file = tmp_path / "runtime_state.json"
    write_state(file, runtime_state(gateway.session, ()))
    said = state("show", file)
    assert (said.code, said.err) == (0, "")
    assert "account   cash 99000, equity 100000" in said.out
    assert "position  10 ALFA at 100.0000; stop 95, target 110" in said.out
    assert "working   sell 10 ALFA stop, accepted; the broker has it as " in said.out
    assert said.out.splitlines()[-1] == "verdict   whole"
    found = json.loads(state("show", file, "--json").out)
    assert (found["finding"], found["behind"], found["records"]) == (
        "",
        None,
        gateway.session.engine.chain.sequence,
    )
    write_state(file, runtime_state(gateway.session, ()))
    file.write_text(file.read_text().replace("99000", "99999"))
    said = state("show", file)
    assert said.code == 1
    assert "verdict   NOT WHOLE: " in said.out
    assert "cash 99000" in said.out, "the backup is shown"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of three records whose store is lost."""
    folder, people = tmp_path / "run", tmp_path / "people"
    folder.mkdir()
    people.mkdir()
    key = make_key()
    write_key(people / "demo.key", key, "a passphrase")
    (people / "demo.token").write_text("a token\n")
    numbers = itertools.count(1)
    public = f'public_key = "{public_key_text(key.public_key())}"'
    text = re.sub(r'(\[people\.demo\][^\n]*\n)public_key = ""', rf"\1{public}", demo_template())
    (folder / "run.toml").write_text(re.sub(r'= ""', lambda _: f'= "{next(numbers):064x}"', text))
    with closing(
        SqliteJournal(
            folder / "store" / "DEMO-1.journal",
            account=ACCOUNT,
            heads_folder=folder / "heads",
            key_folder=folder / "keys",
        )
    ) as journal:
        journal.append(sealed(Chain(), opened(ACCOUNT), filled(1), filled(2)))
    catch_up(folder)
    shutil.rmtree(folder / "store")
    return folder


def test_a_lost_store_is_restored_by_a_persons_word(state: State, run: Path) -> None:
    words = ("restore", "--config", run, "--person", run.parent / "people" / "demo", "--reason")
    assert state(*words, " ").code == 2
    (file,) = (run / "audit_logs" / "DEMO-1").glob("*.jsonl")
    whole = file.read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))
    said = state(*words, "the disk broke")
    assert (said.code, said.out) == (1, "")
    assert "--without-tail" in said.err
    said = state(*words, "the disk broke", "--without-tail")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == f"restored  {run / 'store' / 'DEMO-1.journal'}, 2 records"
    assert lines[2].startswith("lost      1 records after it; their signed heads are kept in ")
    assert (
        lines[-1] == "next      start the gateway: it compares with the broker, halted until a person resumes"
    )


def test_programs_are_told_the_same(state: State, run: Path) -> None:
    person = run.parent / "people" / "demo"
    words = ("restore", "--config", run, "--person", person, "--reason", "the disk broke", "--json")
    found = json.loads(state(*words).out)
    assert (found["records"], found["lost"], found["lost_heads"]) == (3, 0, None)
    again = state(*words)
    assert again.code == 1
    assert "expected no journal, found one" in again.err
