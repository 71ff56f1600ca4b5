"""Persons' signatures: a statement travels in a DSSE envelope signed with the person's own Ed25519 key.

This proves who said it and that nothing in it was changed. Whether it holds here and now (role, account,
epoch, time, nonce, scope) the engine judges, for which it needs the statement to be read strictly: a field
that we do not know could be a restriction that we do not keep, so it is refused.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SignatureError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # it has no __all__

from agenttrader.adapters.durable_files import write_new
from agenttrader.model.authority import PersonRole, SignedStatement, Statement
from agenttrader.model.errors import BadValue, StatementRefused, StoreError
from agenttrader.model.identifiers import PersonName

PAYLOAD_TYPE = "application/vnd.agenttrader.statement.v1+json"
RESTORATION_TYPE = "application/vnd.agenttrader.restoration.v1+json"
ENVELOPE_CHARACTERS_MAX = 16_384
"""A statement is under two thousand; what is larger is refused unread."""


class Person(NamedTuple):
    """How a person is known: the public key that goes with their signature, and what they may do."""

    public_key: Ed25519PublicKey
    role: PersonRole


class Configured(Protocol):
    """A person as configuration has it, the key as text."""

    @property
    def public_key(self) -> str:
        """32 bytes in hexadecimal."""
        ...

    @property
    def role(self) -> PersonRole:
        """What the person may do."""
        ...


def verifier(people: Mapping[PersonName, Configured]) -> Callable[[str], SignedStatement]:
    """What `verify` does, by these persons. Raises StatementRefused for a key that cannot be one."""
    persons = {name: Person(public_key_of(each.public_key), each.role) for name, each in people.items()}
    return lambda envelope: verify(envelope, persons)


def sign(statement: Statement, key: Ed25519PrivateKey) -> str:
    """The statement in an envelope signed with `key`, as JSON text."""
    return _sealed(msgspec.json.encode(statement), PAYLOAD_TYPE, key)


def sign_restoration(restoration: msgspec.Struct, key: Ed25519PrivateKey) -> str:
    """What is restored, in an envelope that no gateway takes for a statement."""
    return _sealed(msgspec.json.encode(restoration), RESTORATION_TYPE, key)


def is_restoration(envelope: str, restoration: msgspec.Struct, key: Ed25519PublicKey) -> bool:
    """Whether the envelope holds just this, signed with the key's private half."""
    try:
        opened = _open(envelope, RESTORATION_TYPE)
        opened.verify([SSlibKey.from_crypto(key)], threshold=1)
    except (StatementRefused, SignatureError):
        return False
    return bool(opened.payload == msgspec.json.encode(restoration))


def _sealed(payload: bytes, kind: str, key: Ed25519PrivateKey) -> str:
    envelope = Envelope(payload, kind, {})
    envelope.sign(CryptoSigner(key))
    return json.dumps(envelope.to_dict())


def verify(envelope: str, persons: Mapping[PersonName, Person]) -> SignedStatement:
    """The statement in the envelope, signed by the person whom it names.

    Raises StatementRefused where the envelope or the statement is not what it should be, the person is
    unknown, or the signature is not that person's.
    """
    opened = _open(envelope)
    try:
        statement = _decoder.decode(opened.payload)
    except msgspec.DecodeError as error:
        raise StatementRefused(f"statement: expected an act with all of its fields: {error}") from error
    person = persons.get(statement.person)
    if person is None:
        raise StatementRefused(
            f"statement: expected a configured person, found {statement.person!r}; there are "
            f"{', '.join(sorted(persons)) or 'none'}"
        )
    key = SSlibKey.from_crypto(person.public_key)
    if list(opened.signatures) != [key.keyid]:
        raise StatementRefused(
            f"statement: expected one signature by {statement.person}'s key {key.keyid[:16]}, found "
            f"{', '.join(found[:16] for found in opened.signatures) or 'none'}: sign with the key whose "
            "public half is configured"
        )
    try:
        opened.verify([key], threshold=1)
    except SignatureError as error:
        raise StatementRefused(
            f"statement: {statement.person}'s signature does not cover it: it was changed after signing, "
            "or signed with another key"
        ) from error
    return SignedStatement(statement=statement, envelope=envelope)


def make_key() -> Ed25519PrivateKey:
    """A new key, for a throw-away person or to be kept by `write_key`."""
    return Ed25519PrivateKey.generate()


def public_key_text(key: Ed25519PublicKey) -> str:
    """The public key as configuration has it: 64 hexadecimal digits."""
    return key.public_bytes_raw().hex()


def public_key_of(text: str) -> Ed25519PublicKey:
    """The public key that configuration names. Raises StatementRefused where it cannot be one."""
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError as error:
        raise StatementRefused(
            f"public key: expected 32 bytes in hexadecimal (Ed25519), found {text!r}"
        ) from error


def write_key(path: Path, key: Ed25519PrivateKey, passphrase: str) -> None:
    """Keep the key in a new file that only its owner reads, encrypted with the passphrase.

    Raises StoreError where there is a file already, the passphrase is empty, or the disk does not take it.
    """
    if not passphrase:
        raise StoreError(f"{path}: expected a passphrase for a person's key, found none")
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    try:
        write_new(path, content, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: expected to make a new file for a key, found: {error.strerror}") from error


def read_key(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The key that `write_key` kept. Raises BadValue where it or the passphrase is wrong, or StoreError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode() or None)
    except OSError as error:
        raise StoreError(f"{path}: expected a person's key, found: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadValue(
            f"{path}: expected a key in PEM and its passphrase, found: {error}; nothing was signed. Try "
            "again with the passphrase that was chosen as it was made"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadValue(f"{path}: expected an Ed25519 key, found {type(key).__name__}")
    return key


_decoder = msgspec.json.Decoder(Statement)


class _Signature(msgspec.Struct, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[_Signature]


_envelope_decoder = msgspec.json.Decoder(_Envelope)


def _open(text: str, kind: str = PAYLOAD_TYPE) -> Envelope:
    """The envelope, its shape checked first: the library keeps unknown fields and fails in its own words."""
    if len(text) > ENVELOPE_CHARACTERS_MAX:
        raise StatementRefused(
            f"statement: expected at most {ENVELOPE_CHARACTERS_MAX} characters, found {len(text)}"
        )
    try:
        shape = _envelope_decoder.decode(text)
        envelope = Envelope.from_dict(msgspec.to_builtins(shape))
    except ValueError as error:  # A msgspec error is one, and so is bad base64.
        raise StatementRefused(f"statement: expected a DSSE envelope with one signature: {error}") from error
    if envelope.payload_type != kind:
        raise StatementRefused(
            f"statement: expected the payload type {kind}, found {envelope.payload_type!r}"
        )
    return envelope
