"""A proof bundle on disk: records of one journal, each chained to the next, up to one whose hash is signed.

Whoever has it and the journal's public key needs nothing else: a change anywhere in it changes a hash, and
the last hash is the signed one. It is JSON in one spelling: {format, order, head, records}.
"""

import base64
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace
from agenttrader.adapters.journal_heads import SignedHead, key_id_of
from agenttrader.model.errors import BadValue, StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.identifiers import OrderId
from agenttrader.model.record_lines import chained, line_of, record_of
from agenttrader.model.records import Sealed
from agenttrader.ports.proofs import Proven

FORMAT = "agenttrader.proof.1"


class _Bundle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    order: OrderId
    head: SignedHead
    records: tuple[msgspec.Raw, ...]


_decoder = msgspec.json.Decoder(_Bundle)


def first_head(heads: Iterable[SignedHead], key: Ed25519PublicKey, sequence: int) -> SignedHead:
    """The first head that `key` signed at or after record `sequence`. Raises StoreError where none is."""
    signed = sorted((each for each in heads if each.is_signed_by(key)), key=lambda each: each.sequence)
    for head in signed:
        if head.sequence >= sequence:
            return head
    last = signed[-1].sequence if signed else 0
    raise StoreError(
        f"record {sequence}: expected a signed head at or after it, found the last at record {last}; one is "
        "signed every heads_every_records, at each comparison that a person asks for (`reconcile`), and when "
        "the gateway stops: ask again after it"
    )


def write_bundle(path: Path, order: OrderId, head: SignedHead, records: Iterable[Sealed[Event]]) -> None:
    """Write the bundle in the file's place. Raises StoreError where the disk does not take it."""
    bundle = _Bundle(
        format=FORMAT, order=order, head=head, records=tuple(msgspec.Raw(line_of(each)) for each in records)
    )
    try:
        make_folder(path.parent.absolute())
        replace(path, msgspec.json.encode(bundle) + b"\n")
    except OSError as error:
        raise StoreError(f"{path}: expected to write the proof, found: {error.strerror}") from error


def read_bundle(path: Path, key: Ed25519PublicKey) -> Proven:
    """What the bundle at `path` proves to whoever trusts `key`.

    Raises TamperingFound for a record that is not as it was written, BadValue for what is no bundle, or is
    signed by nobody that we trust.
    """
    try:
        content = path.read_bytes()
        bundle = _decoder.decode(content)
    except OSError as error:
        raise BadValue(f"{path}: expected a proof, found none that can be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadValue(f"{path}: expected a proof, found none: {error}") from error
    if bundle.format != FORMAT:
        raise BadValue(f"{path}: format: expected {FORMAT}, found {bundle.format}")
    if msgspec.json.encode(bundle) + b"\n" != content:
        raise BadValue(f"{path}: expected a proof as it was written, found the same in another spelling")
    head = bundle.head
    if not _is_plain(head.signature) or head.key_id != key_id_of(key) or not head.is_signed_by(key):
        raise BadValue(
            f"{path}: expected its head to be signed with key {key_id_of(key)}, found one that names key "
            f"{head.key_id} and is not signed so"
        )
    records = tuple(_records(bundle))
    if (records[-1].sequence, records[-1].hash) != (head.sequence, head.hash):
        raise TamperingFound(
            head.sequence, f"the signed head gives it hash {head.hash[:16]}…: the last record here is another"
        )
    return Proven(account=head.account, order=bundle.order, key_id=head.key_id, records=records)


def _records(bundle: _Bundle) -> Iterable[Sealed[Event]]:
    if not bundle.records:
        raise BadValue("records: expected those of an order, found none")
    first = record_of(bytes(bundle.records[0]), 0)
    lines = enumerate(bundle.records, first.sequence)
    found = (record_of(bytes(line), number) for number, line in lines)
    return chained(found, first.sequence - 1, first.previous)


def _is_plain(signature: str) -> bool:
    """Whether it is base64 in its one spelling: the last character can be written in several ways."""
    try:
        return base64.b64encode(base64.b64decode(signature, validate=True)).decode() == signature
    except ValueError:
        return False
