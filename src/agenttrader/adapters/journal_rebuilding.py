"""A journal's file made again from its records, with the signed heads that still hold.

It is built beside its place and put there last, so that what ends half-way leaves no journal. Heads that name
records which are lost for good are kept in a file of their own: they are the proof that there were such.
"""

import shutil
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agenttrader.adapters.durable_files import make_folder, replace, sync_folder
from agenttrader.adapters.journal_heads import OutsideHeads, SignedHead
from agenttrader.adapters.journal_verification import verify
from agenttrader.adapters.sqlite_journal import SqliteJournal
from agenttrader.model.errors import StoreError, TamperingFound
from agenttrader.model.events import Event
from agenttrader.model.identifiers import AccountName
from agenttrader.model.records import Sealed

BATCH_RECORDS = 1_000
NEVER = 1 << 62
"""A head is signed at the end alone."""


def refuse_other_heads(
    heads: Sequence[SignedHead], key: Ed25519PublicKey, records: Iterable[Sealed[Event]]
) -> int:
    """The last record that a head names; 0 where there is none.

    Raises TamperingFound where a head gives one of `records` another hash, or is not signed with `key`.
    """
    named = {head.sequence: head for head in heads}
    for head in heads:
        if not head.is_signed_by(key):
            raise TamperingFound(head.sequence, f"its head names key {head.key_id} and is not signed by ours")
    for sealed in records:
        signed = named.get(sealed.sequence)
        if signed is not None and signed.hash != sealed.hash:
            found = f"a signed head gives it hash {signed.hash[:16]}…, the export {sealed.hash[:16]}…"
            raise TamperingFound(sealed.sequence, found)
    return max(named, default=0)


def rebuild(
    path: Path,
    *,
    account: AccountName,
    heads_folder: Path,
    key_folder: Path,
    records: Iterable[Sealed[Event]],
) -> Path | None:
    """Make the journal at `path` of `records`; where heads of lost records were put, if there were any.

    Raises StoreError where there is a journal already, or the disk does not take it.
    """
    if path.exists():
        raise StoreError(f"{path}: expected no journal, found one: what is there is not written over")
    workshop = path.parent / f".{path.name}.rebuilding"
    try:
        shutil.rmtree(workshop, ignore_errors=True)
        make_folder(workshop)
        last, key = _build(workshop / path.name, account, key_folder, records)
        lost = _put_heads(OutsideHeads(heads_folder, path), last)
        (workshop / path.name).rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path}: expected to make a journal there, found: {error.strerror}") from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    found = verify(path, heads_folder, key)
    if not found.verified:
        raise StoreError(f"{path}: expected the journal that was made to verify, found: {found.finding}")
    return lost


def _build(
    file: Path, account: AccountName, key_folder: Path, records: Iterable[Sealed[Event]]
) -> tuple[SignedHead, Ed25519PublicKey]:
    """Build the file; the signed head of its last record, and the key that verifies it."""
    heads_folder = file.parent / "heads"
    journal = SqliteJournal(
        file, account=account, heads_folder=heads_folder, key_folder=key_folder, head_every=NEVER
    )
    try:
        several = iter(records)
        while batch := list(islice(several, BATCH_RECORDS)):
            journal.append(batch)
    finally:
        journal.close()
    return OutsideHeads(heads_folder, file).read()[-1], journal.public_key


def _put_heads(outside: OutsideHeads, last: SignedHead) -> Path | None:
    """Leave the heads up to `last`, with it; those of later records go to a file of their own."""
    heads = outside.read()
    later = [head for head in heads if head.sequence > last.sequence]
    if not later:
        outside.append(last)
        return None
    lost = outside.path.with_name(f"{outside.path.name}.lost-after-{last.sequence}")
    replace(lost, _lines(later))
    replace(outside.path, _lines([*(head for head in heads if head.sequence < last.sequence), last]))
    return lost


def _lines(heads: Iterable[SignedHead]) -> bytes:
    return b"".join(msgspec.json.encode(head) + b"\n" for head in heads)
