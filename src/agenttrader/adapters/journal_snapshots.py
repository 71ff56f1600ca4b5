"""A written fold beside its journal, signed: what the records up to one of them came to.

It is no record and never rules. It names the record that it goes up to, and who reads it walks the chain to
that record all the same. One file, put in the place of the last; the first line says what it is.
"""

import base64
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

import agenttrader
from agenttrader.adapters.durable_files import replace
from agenttrader.model.errors import BadValue, StoreError
from agenttrader.model.identifiers import AccountName, Digest, Symbol, digest_of
from agenttrader.ports.journal import Snapshot

_LINE_MAX = 4_096
"""Bytes that the first line has at most: it holds a few names and digests."""
_FOLDING = ("gateway", "model", "portfolio", "runtime")
"""The packages that say what a record comes to."""


class _Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the first line says. The signature is base64, over all the rest."""

    account: AccountName
    made_by: Digest
    sequence: int
    hash: str
    digest: Digest
    """Of the body."""
    signature: str = ""


def maker_of(multipliers: Mapping[Symbol, Decimal]) -> Digest:
    """By what a fold was made: the program's code that folds, and the instruments' multipliers.

    One that was made by anything else is of no use.
    """
    found = hashlib.sha256(
        msgspec.json.encode(sorted((name, str(each)) for name, each in multipliers.items()))
    )
    package = Path(agenttrader.__file__).parent
    for file in sorted(each for folder in _FOLDING for each in (package / folder).rglob("*.py")):
        found.update(digest_of(file.read_bytes()).encode())
    return Digest(found.hexdigest())


class SnapshotFile:
    """The last snapshot of the store at `path`."""

    def __init__(self, path: Path, account: AccountName) -> None:
        self.path = path.with_name(f"{path.name}.fold")
        self._account = account

    def write(self, snapshot: Snapshot, key: Ed25519PrivateKey) -> None:
        """Put it in the place of the last. Raises StoreError where the disk does not take it."""
        head = _Head(
            account=self._account,
            made_by=snapshot.made_by,
            sequence=snapshot.sequence,
            hash=snapshot.head,
            digest=digest_of(snapshot.body),
        )
        signed = msgspec.structs.replace(head, signature=base64.b64encode(key.sign(_message(head))).decode())
        try:
            # What a writer left that died over it is as large, and nobody else writes here.
            for half in self.path.parent.glob(f".{self.path.name}.*.new"):
                half.unlink()
            replace(self.path, msgspec.json.encode(signed) + b"\n" + snapshot.body)
        except OSError as error:
            raise StoreError(f"{self.path}: expected to write the fold, found: {error.strerror}") from error

    def read(self, key: Ed25519PublicKey) -> Snapshot | None:
        """What it says; None where there is none.

        Raises BadValue where it is not as our key signed it: then the chain says what it would have said.
        """
        try:
            line, _, body = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadValue(f"{self.path}: expected a fold, found: {error.strerror}") from error
        head = self._head(line, key)
        if head.digest != digest_of(body):
            raise BadValue(f"{self.path}: expected the fold that was signed, found another")
        return Snapshot(sequence=head.sequence, head=head.hash, made_by=head.made_by, body=body)

    def signed_for(self, key: Ed25519PublicKey) -> tuple[int, str] | None:
        """The record that it goes up to and its hash, as our key signed them; None where it did not."""
        try:
            with self.path.open("rb") as file:
                head = self._head(file.readline(_LINE_MAX).rstrip(b"\n"), key)
        except (OSError, BadValue):
            return None
        return head.sequence, head.hash

    def _head(self, line: bytes, key: Ed25519PublicKey) -> _Head:
        try:
            head = msgspec.json.decode(line, type=_Head)
            key.verify(base64.b64decode(head.signature, validate=True), _message(head))
        except (msgspec.MsgspecError, UnicodeError, ValueError, InvalidSignature) as error:
            raise BadValue(f"{self.path}: expected a fold that our key signed, found another") from error
        if head.account != self._account:
            raise BadValue(f"{self.path}: expected a fold of {self._account}, found one of {head.account}")
        return head


def _message(head: _Head) -> bytes:
    """What is signed: all of the head but the signature, under a name that no other signature has."""
    return msgspec.json.encode(
        ("agenttrader.fold.1", head.account, head.made_by, head.sequence, head.hash, head.digest)
    )
