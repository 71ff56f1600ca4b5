"""The proof of an order's life: made from a run, verified by the public key alone."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.app.journals.proof import Proof, life_of, make_proof, verify_proof
from agenttrader.model.errors import BadValue, ConfigurationError, StoreError
from agenttrader.model.events import Accepted, Event
from agenttrader.model.identifiers import (
    AccountName,
    BrokerOrderId,
    ExecutionId,
    OrderId,
    Symbol,
    derive_client_order_id,
)
from agenttrader.model.orders import Leg
from agenttrader.model.records import Chain
from agenttrader.testing.builders import ALFA, BRAVO, at, decided, proposal, sending
from agenttrader.testing.events import filled, opened, sealed

CONFIGURATION = """
[account]
name = "SIM-1"

[store]
directory = "store"
heads_directory = "heads"
keys_directory = "keys"
"""
ENTRY, OTHER = proposal(1), proposal(2)
ACCEPTED = Accepted(
    order_id=ENTRY.id, broker_order_id=BrokerOrderId("b-1"), stop=None, target=None, time=at(1)
)


def fill(number: int, symbol: Symbol = ALFA, order: OrderId = ENTRY.id, **changes: Any) -> Any:
    made = filled(number)
    fields = {"order_id": order, "execution_id": ExecutionId(f"e-{number}"), "symbol": symbol}
    return msgspec.structs.replace(made, **(fields | changes))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two orders; the first is decided, leaves, and fills in two parts; its journal is signed."""
    (tmp_path / "run.toml").write_text(CONFIGURATION)
    events: list[Event] = [
        opened(),
        decided(ENTRY),
        decided(OTHER, denied_by="halted"),
        sending(ENTRY),
        ACCEPTED,
    ]
    with closing(_journal(tmp_path)) as journal:
        journal.append(sealed(Chain(), *events, fill(1), fill(2)))
        journal.sign_head()
    return tmp_path


def _journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(
        folder / "store" / "SIM-1.journal",
        account=AccountName("SIM-1"),
        heads_folder=folder / "heads",
        key_folder=folder / "keys",
        head_every=1000,
    )


def made(run: Path, order: str = ENTRY.id) -> Proof:
    return make_proof(run, order, run / "proof.json")


def test_a_third_person_needs_the_bundle_and_the_public_key(run: Path, tmp_path: Path) -> None:
    bundle, key = tmp_path / "bundle.json", tmp_path / "given.pub"
    bundle.write_bytes(made(run).bundle.read_bytes())
    key.write_bytes((run / "keys" / "journal.pub").read_bytes())
    (run / "store" / "SIM-1.journal").unlink()
    (run / "run.toml").unlink()
    found = verify_proof(bundle, key)
    assert (found.finding, found.account, found.first, found.last) == ("", "SIM-1", 2, 7)
    life = found.life
    assert life is not None
    assert (life.proposal, life.code) == (ENTRY, "approved")
    assert [(mark.symbol, mark.price) for mark in life.marks] == [(ALFA, Decimal(100))]
    assert [each.kind for each in life.records] == [
        *("decided.1", "sending.1", "accepted.1", "filled.1", "filled.1")
    ]
    sent = life.records[1]
    assert life.client_id == derive_client_order_id(sent.sequence, sent.hash)
    assert life.filled == "200"


def test_a_denial_is_proven_too(run: Path) -> None:
    life = made(run, OTHER.id[:8]).life
    assert life is not None
    assert (life.code, life.client_id, life.filled) == ("halted", None, "0")


def test_it_lies_under_audit_artifacts_unless_told_otherwise(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    assert make_proof(run, ENTRY.id, None).bundle == Path("audit_artifacts/proofs") / f"{ENTRY.id}.json"


def test_what_proves_nothing_is_a_finding(run: Path) -> None:
    bundle, key = made(run).bundle, run / "keys" / "journal.pub"
    content = bundle.read_bytes()
    for old, new, said in (
        (b"it rises", b"it falls", "record 2: its hash does not cover"),
        (ENTRY.id.encode(), b"0" * len(ENTRY.id), "expected the record of its decision, found none"),
        (b'"account":"SIM-1"', b'"account":"SIM-2"', "expected its head to be signed with key"),
    ):
        bundle.write_bytes(content.replace(old, new, 1))
        found = verify_proof(bundle, key)
        assert said in found.finding
        assert found.life is None
    assert "expected a proof, found none" in verify_proof(key, key).finding
    bundle.write_bytes(content)
    assert not verify_proof(bundle, key).finding


def test_another_journals_key_proves_nothing(run: Path, tmp_path: Path) -> None:
    bundle = made(run).bundle
    with closing(_journal(tmp_path / "other")):
        pass
    found = verify_proof(bundle, tmp_path / "other" / "keys")
    assert "expected its head to be signed with key" in found.finding
    with pytest.raises(StoreError, match="expected the journal's public key"):
        verify_proof(bundle, tmp_path / "nothing")


@pytest.mark.parametrize(("words", "count"), (("", 2), ("x", 0)))
def test_an_order_must_be_named_so_that_it_is_one(words: str, count: int, run: Path) -> None:
    with pytest.raises(BadValue, match=f"found '{words}', as {count} begin"):
        made(run, words)


def test_what_no_signed_head_covers_yet_is_not_proven(run: Path) -> None:
    late = proposal(3)
    with closing(_journal(run)) as journal:
        chain = Chain(7, list(journal.read())[-1].hash)
        journal.append(sealed(chain, opened(epoch=2), decided(late)))
    for head in (run / "heads").iterdir():
        head.write_bytes(b"".join(head.read_bytes().splitlines(keepends=True)[:1]))
    with pytest.raises(StoreError, match="expected a signed head at or after it"):
        made(run, late.id)


def test_a_journal_whose_heads_are_not_known_proves_nothing(run: Path) -> None:
    (run / "run.toml").unlink()
    with pytest.raises(ConfigurationError, match="expected to know its signed heads and public key"):
        made(run / "store" / "SIM-1.journal")


def test_of_several_legs_each_fill_is_counted_by_itself() -> None:
    pair = proposal(4, legs=(Leg(ALFA), Leg(BRAVO, -1)))
    events = [decided(pair), fill(1, order=pair.id), fill(2, BRAVO, pair.id)]
    life = life_of(pair.id, sealed(Chain(), *events))
    assert life.filled == f"100 {ALFA}, 100 {BRAVO}"
