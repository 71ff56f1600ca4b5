import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agenttrader.adapters.persons import (
    PAYLOAD_TYPE,
    Person,
    is_restoration,
    make_key,
    public_key_of,
    public_key_text,
    read_key,
    sign,
    sign_restoration,
    verify,
    write_key,
)
from agenttrader.model.authority import EVERYTHING, Act, Mode, PersonRole, Statement
from agenttrader.model.errors import BadValue, StatementRefused, StoreError
from agenttrader.model.identifiers import AccountName, Digest, PersonName
from agenttrader.model.times import Instant

ANN, BOB = PersonName("ann"), PersonName("bob")
KEYS = {ANN: make_key(), BOB: make_key()}
PERSONS = {
    ANN: Person(KEYS[ANN].public_key(), PersonRole.OPERATOR),
    BOB: Person(KEYS[BOB].public_key(), PersonRole.VIEWER),
}
STATEMENT = Statement(
    act=Act.OPEN_WINDOW,
    account=AccountName("SIM-1"),
    epoch=3,
    configuration=Digest("c0" * 32),
    mode=Mode.PAPER,
    scope=EVERYTHING,
    start=Instant(1),
    end=Instant(2),
    reason="the day’s session",
    person=ANN,
    nonce="n-1",
    issued_at=Instant(1),
)
PAYLOAD = msgspec.json.encode(STATEMENT)


def pae(payload_type: str, payload: bytes) -> bytes:
    """What DSSE v1 signs, made by hand from its specification."""
    parts = [b"DSSEv1"]
    for part in (payload_type.encode(), payload):
        parts += [str(len(part)).encode(), part]
    return b" ".join(parts)


def envelope_of(payload: bytes, key: Ed25519PrivateKey, payload_type: str = PAYLOAD_TYPE) -> dict[str, Any]:
    """An envelope made by hand, with the name that our library gives the key."""
    keyid = json.loads(sign(STATEMENT, key))["signatures"][0]["keyid"]
    signature = key.sign(pae(payload_type, payload))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
    }


def test_a_signed_statement_comes_back_with_its_envelope() -> None:
    envelope = sign(STATEMENT, KEYS[ANN])
    signed = verify(envelope, PERSONS)
    assert (signed.statement, signed.envelope) == (STATEMENT, envelope)


def test_ours_and_one_made_by_hand_are_the_same() -> None:
    by_hand = envelope_of(PAYLOAD, KEYS[ANN])
    assert json.loads(sign(STATEMENT, KEYS[ANN])) == by_hand
    assert verify(json.dumps(by_hand), PERSONS).statement == STATEMENT
    signature = base64.b64decode(by_hand["signatures"][0]["sig"])
    KEYS[ANN].public_key().verify(signature, pae(PAYLOAD_TYPE, PAYLOAD))


def test_an_unknown_person_is_refused() -> None:
    stranger = msgspec.structs.replace(STATEMENT, person=PersonName("eve"))
    with pytest.raises(
        StatementRefused, match="expected a configured person, found 'eve'; there are ann, bob"
    ):
        verify(sign(stranger, KEYS[ANN]), PERSONS)
    with pytest.raises(StatementRefused, match="found 'ann'; there are none"):
        verify(sign(STATEMENT, KEYS[ANN]), {})


@pytest.mark.parametrize("key", (KEYS[BOB], make_key()))
def test_nobody_speaks_for_another(key: Ed25519PrivateKey) -> None:
    with pytest.raises(StatementRefused, match="expected one signature by ann's key"):
        verify(sign(STATEMENT, key), PERSONS)
    named_as_ann = envelope_of(PAYLOAD, key)
    named_as_ann["signatures"][0]["keyid"] = envelope_of(PAYLOAD, KEYS[ANN])["signatures"][0]["keyid"]
    with pytest.raises(StatementRefused, match="ann's signature does not cover it"):
        verify(json.dumps(named_as_ann), PERSONS)


@pytest.mark.parametrize("change", ({"mode": Mode.LIVE}, {"epoch": 4}, {"end": Instant(3)}, {"person": BOB}))
def test_nothing_can_be_changed_after_signing(change: dict[str, Any]) -> None:
    envelope = json.loads(sign(STATEMENT, KEYS[ANN]))
    changed = msgspec.json.encode(msgspec.structs.replace(STATEMENT, **change))
    envelope["payload"] = base64.b64encode(changed).decode()
    with pytest.raises(StatementRefused, match="signature"):
        verify(json.dumps(envelope), PERSONS)


def _set(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda envelope: envelope.__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "words"),
    (
        (_set("signatures", []), "expected one signature by ann's key"),
        (lambda envelope: envelope["signatures"].append(envelope["signatures"][0]), "Multiple signatures"),
        (
            lambda envelope: envelope["signatures"].extend(envelope_of(PAYLOAD, KEYS[BOB])["signatures"]),
            "expected one signature by ann's key",
        ),
        (lambda envelope: envelope["signatures"][0].update(sig="AAAA"), "does not cover it"),
        (lambda envelope: envelope["signatures"][0].update(sig="!"), "expected a DSSE envelope"),
        (lambda envelope: envelope["signatures"][0].update(cert="x"), "unknown field `cert`"),
        (_set("payload", "!"), "expected a DSSE envelope"),
        (_set("payload", None), "Expected `str`, got `null`"),
        (_set("payload", ""), "expected an act with all of its fields"),
        (_set("payloadType", "application/json"), "expected the payload type application/vnd.agenttrader"),
        (_set("more", 1), "unknown field `more`"),
        (lambda envelope: envelope.pop("payloadType"), "missing required field `payloadType`"),
    ),
)
def test_a_malformed_envelope_is_refused(change: Callable[[dict[str, Any]], object], words: str) -> None:
    envelope = json.loads(sign(STATEMENT, KEYS[ANN]))
    change(envelope)
    with pytest.raises(StatementRefused, match=words):
        verify(json.dumps(envelope), PERSONS)


@pytest.mark.parametrize("text", ("", "[]", "null", "{", "\ud800", "x" * 20_000))
def test_what_is_no_envelope_is_refused(text: str) -> None:
    with pytest.raises(StatementRefused, match="statement: expected"):
        verify(text, PERSONS)


@pytest.mark.parametrize(
    ("payload", "words"),
    (
        (PAYLOAD[:-1] + b',"unless":"friday"}', "unknown field `unless`"),
        (PAYLOAD.replace(b'"epoch":3', b'"epoch":"3"'), "Expected `int`"),
        (PAYLOAD.replace(b'"paper"', b'"papr"'), "Invalid enum value 'papr'"),
        (PAYLOAD.replace(b'"nonce":"n-1",', b""), "missing required field `nonce`"),
        (b"\xff" + PAYLOAD, "expected an act"),
    ),
)
def test_a_statement_that_says_more_or_less_than_we_know_is_refused(payload: bytes, words: str) -> None:
    with pytest.raises(StatementRefused, match=words):
        verify(json.dumps(envelope_of(payload, KEYS[ANN])), PERSONS)


def test_a_signature_for_another_purpose_is_none() -> None:
    envelope = envelope_of(PAYLOAD, KEYS[ANN], payload_type="application/vnd.in-toto+json")
    envelope["payloadType"] = PAYLOAD_TYPE
    with pytest.raises(StatementRefused, match="does not cover it"):
        verify(json.dumps(envelope), PERSONS)


def test_a_public_key_stands_in_configuration_as_hexadecimal() -> None:
    key = KEYS[ANN].public_key()
    text = public_key_text(key)
    assert (len(text), public_key_of(text)) == (64, key)
    for wrong in ("", "00", text[:-2], text + "00", "zz" * 32):
        with pytest.raises(StatementRefused, match="expected 32 bytes in hexadecimal"):
            public_key_of(wrong)


def test_a_key_is_kept_under_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "ann.pem"
    write_key(path, KEYS[ANN], "correct horse")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path, "correct horse").public_key() == KEYS[ANN].public_key()
    assert b"ENCRYPTED" in path.read_bytes()
    for passphrase in ("wrong", ""):
        with pytest.raises(BadValue, match="expected a key in PEM and its passphrase"):
            read_key(path, passphrase)
    with pytest.raises(StoreError, match="expected to make a new file for a key, found: File exists"):
        write_key(path, KEYS[BOB], "another")
    with pytest.raises(StoreError, match="expected a passphrase"):
        write_key(tmp_path / "bob.pem", KEYS[BOB], "")
    with pytest.raises(StoreError, match="found: No such file"):
        read_key(tmp_path / "bob.pem", "x")


def test_what_is_restored_is_signed_as_nothing_else() -> None:
    """Neither is taken for the other: a restoration resumes nothing."""
    key, other = make_key(), make_key()
    said, more = _Restoration("DEMO-1"), _Restoration("DEMO-2")
    envelope = sign_restoration(said, key)
    assert is_restoration(envelope, said, key.public_key())
    assert not is_restoration(envelope, more, key.public_key())
    assert not is_restoration(envelope, said, other.public_key())
    assert not is_restoration("{}", said, key.public_key())
    with pytest.raises(StatementRefused, match="expected the payload type"):
        verify(envelope, {})


class _Restoration(msgspec.Struct):
    account: str
