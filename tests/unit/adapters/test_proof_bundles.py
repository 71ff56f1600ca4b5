"""A proof bundle: whole, or refused. No byte of it can be changed."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agenttrader.adapters.journal_heads import sign_head
from agenttrader.adapters.proof_bundles import first_head, read_bundle, write_bundle
from agenttrader.model.errors import BadValue, StoreError, TamperingFound
from agenttrader.model.identifiers import AccountName, OrderId
from agenttrader.model.records import Chain
from agenttrader.testing.events import filled, sealed

ACCOUNT, ORDER = AccountName("SIM-1"), OrderId("order-1")
KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))
PUBLIC = KEY.public_key()
RECORDS = sealed(Chain(6, "a" * 64), filled(1), filled(2), filled(3))
HEAD = sign_head(KEY, ACCOUNT, RECORDS[-1].sequence, RECORDS[-1].hash)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "proofs" / "one.json"
    write_bundle(file, ORDER, HEAD, RECORDS)
    return file


def test_what_was_written_is_proven(bundle: Path) -> None:
    proven = read_bundle(bundle, PUBLIC)
    assert (proven.account, proven.order, proven.key_id) == (ACCOUNT, ORDER, HEAD.key_id)
    assert proven.records == tuple(RECORDS)


def test_no_byte_can_be_changed_but_in_the_question(bundle: Path) -> None:
    """What it is asked about is no part of the proof; every other byte is."""
    content = bundle.read_bytes()
    question = content.index(ORDER.encode())
    for place in range(len(content)):
        if question <= place < question + len(ORDER):
            continue
        bundle.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((BadValue, TamperingFound)):
            read_bundle(bundle, PUBLIC)


def test_every_cut_is_refused(bundle: Path) -> None:
    content = bundle.read_bytes()
    for length in range(0, len(content), 7):
        bundle.write_bytes(content[:length])
        with pytest.raises(BadValue, match="expected a proof, found none"):
            read_bundle(bundle, PUBLIC)


def test_records_left_out_exchanged_or_added_are_found(bundle: Path) -> None:
    first, second, third = RECORDS
    (more,) = sealed(Chain(third.sequence, third.hash), filled(4))
    for records, found in (
        ((first, third), "record 8: it is missing"),
        ((second, first, third), "it is missing"),
        ((first, second), "record 9: the signed head gives it hash"),
        ((*RECORDS, more), "record 9: the signed head gives it hash"),
    ):
        write_bundle(bundle, ORDER, HEAD, records)
        with pytest.raises(TamperingFound, match=found):
            read_bundle(bundle, PUBLIC)
    write_bundle(bundle, ORDER, HEAD, ())
    with pytest.raises(BadValue, match="records: expected those of an order, found none"):
        read_bundle(bundle, PUBLIC)


def test_fewer_records_of_before_are_another_true_proof(bundle: Path) -> None:
    write_bundle(bundle, ORDER, HEAD, RECORDS[1:])
    assert read_bundle(bundle, PUBLIC).records == tuple(RECORDS[1:])


def test_a_chain_made_anew_is_signed_by_nobody_that_we_trust(bundle: Path) -> None:
    forged = sealed(Chain(6, "a" * 64), filled(1), filled(5), filled(3))
    for head in (
        sign_head(OTHER, ACCOUNT, 9, forged[-1].hash),
        msgspec.structs.replace(sign_head(OTHER, ACCOUNT, 9, forged[-1].hash), key_id=HEAD.key_id),
        msgspec.structs.replace(HEAD, hash=forged[-1].hash),
        msgspec.structs.replace(HEAD, account=AccountName("SIM-2")),
        msgspec.structs.replace(HEAD, signature="no base64"),
    ):
        write_bundle(bundle, ORDER, head, forged)
        with pytest.raises(BadValue, match="expected its head to be signed with key"):
            read_bundle(bundle, PUBLIC)
    write_bundle(bundle, ORDER, HEAD, forged)
    with pytest.raises(TamperingFound, match="the signed head gives it hash"):
        read_bundle(bundle, PUBLIC)


def test_another_format_and_what_is_not_there_are_refused(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes().replace(b"proof.1", b"proof.2"))
    with pytest.raises(BadValue, match=r"format: expected agenttrader.proof.1, found agenttrader.proof.2"):
        read_bundle(bundle, PUBLIC)
    with pytest.raises(BadValue, match="found none that can be read"):
        read_bundle(bundle.parent, PUBLIC)


def test_the_first_head_after_a_record_is_taken_if_it_is_signed() -> None:
    heads = [sign_head(KEY, ACCOUNT, sequence, "b" * 64) for sequence in (30, 10, 20)]
    forged = sign_head(OTHER, ACCOUNT, 15, "b" * 64)
    assert first_head([*heads, forged], PUBLIC, 11).sequence == 20
    assert first_head(heads, PUBLIC, 10).sequence == 10
    with pytest.raises(
        StoreError, match="expected a signed head at or after it, found the last at record 30"
    ):
        first_head(heads, PUBLIC, 31)
    with pytest.raises(StoreError, match="found the last at record 0"):
        first_head([forged], PUBLIC, 1)


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="expected to write the proof"):
        write_bundle(tmp_path / "file" / "one.json", ORDER, HEAD, RECORDS)
