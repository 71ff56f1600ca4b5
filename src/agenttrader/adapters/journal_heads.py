"""Signed heads: what the chain's end was, in the store's own hand, kept where the store is not.

A head names a record by sequence and hash and is signed with Ed25519. Heads are lines of JSON in a folder
outside the store: whoever cuts the journal's tail, or makes its chain anew, does not have the key and has to
reach both places. What comes after the last outside head is anchored only by the order ids at the broker.

The private key lies in a folder of its own (0700, the file 0600); wider permissions are refused.
"""

import base64
import os
import stat
from io import FileIO
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from agenttrader.adapters.durable_files import make_folder, replace, sync_folder, write_whole
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName, digest_of

PRIVATE_KEY_NAME = "journal.key"
PUBLIC_KEY_NAME = "journal.pub"


class SignedHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Record `sequence` of the account's journal has this hash; `key_id` says so. The signature is base64."""

    account: AccountName
    sequence: int
    hash: str
    key_id: str
    signature: str

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether `key` made the signature over exactly this account, sequence and hash."""
        try:
            key.verify(base64.b64decode(self.signature, validate=True), _message(self))
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id_of(key: Ed25519PublicKey) -> str:
    """The first 64 bits of the SHA-256 of the public key's 32 bytes; a name for people, not a proof."""
    return digest_of(key.public_bytes_raw())[:16]


def sign_head(key: Ed25519PrivateKey, account: AccountName, sequence: int, head: str) -> SignedHead:
    """The head of `account` at `sequence`, signed."""
    unsigned = SignedHead(
        account=account, sequence=sequence, hash=head, key_id=key_id_of(key.public_key()), signature=""
    )
    signature = base64.b64encode(key.sign(_message(unsigned))).decode()
    return msgspec.structs.replace(unsigned, signature=signature)


class OutsideHeads:
    """The heads of one journal: in a folder outside its store; to be read only, their own file will do."""

    def __init__(self, folder: Path, store: Path) -> None:
        self.path = folder if folder.is_file() else folder / f"{store.name}.heads"
        if folder.resolve() == store.parent.resolve():
            raise StoreError(
                f"{folder}: expected the heads in another folder than the store's: who cuts the one "
                "must not find the other beside it"
            )

    def append(self, head: SignedHead) -> None:
        """Add the head durably. Raises StoreError when it cannot be written; then it is not there."""
        line = msgspec.json.encode(head) + b"\n"
        try:
            make_folder(self.path.parent)
            is_new = not self.path.exists()
            with self.path.open("ab+", buffering=0) as file:
                _append(file, line)
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise StoreError(
                f"{self.path}: expected to write a head outside the store, found: {error.strerror}. "
                "Make room or mend the folder; until then nothing that adds risk may leave"
            ) from error

    def read(self) -> tuple[SignedHead, ...]:
        """Every head, oldest first; none where there is no file. Raises StoreError where a line is no head.

        A last line without an end is one that was being written when the power went: it was never counted.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(f"{self.path}: expected signed heads, found: {error.strerror}") from error
        heads = []
        for number, line in enumerate(lines, 1):
            try:
                heads.append(_decoder.decode(line))
            except msgspec.DecodeError as error:
                raise StoreError(
                    f"{self.path}: line {number}: expected a signed head, found: {error}"
                ) from error
        return tuple(heads)


def load_or_make_key(folder: Path) -> Ed25519PrivateKey:
    """The store's signing key in `folder`, made at first use; the public half lies beside it.

    Raises StoreError where folder or file can be read by others, belongs to another user, or holds no such
    key.
    """
    try:
        make_folder(folder, 0o700)
        _refuse_others(folder)
        path = folder / PRIVATE_KEY_NAME
        if not path.exists():
            _make_key(folder)
        _refuse_others(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise StoreError(
            f"{folder}: expected a folder for the journal's key, found: {error.strerror}"
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreError(
            f"{folder / PRIVATE_KEY_NAME}: expected an Ed25519 key in PEM, no passphrase, found: {error}"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{folder / PRIVATE_KEY_NAME}: expected an Ed25519 key, found {type(key).__name__}")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """The public key that heads are verified with: a PEM file, or a key folder. Raises StoreError."""
    file = path / PUBLIC_KEY_NAME if path.is_dir() else path
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise StoreError(f"{file}: expected the journal's public key, found: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise StoreError(f"{file}: expected an Ed25519 public key in PEM, found: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise StoreError(f"{file}: expected an Ed25519 public key, found {type(key).__name__}")
    return key


_decoder = msgspec.json.Decoder(SignedHead)


def _message(head: SignedHead) -> bytes:
    """What is signed: all of the head but the signature, under a name that no other signature has."""
    return msgspec.json.encode(("agenttrader.head.1", head.account, head.sequence, head.hash, head.key_id))


def _append(file: FileIO, line: bytes) -> None:
    end = _whole_lines(file.fileno())
    try:
        write_whole(file.fileno(), line)
    except OSError:
        # Half a line must not stay: the next head would be glued to it.
        file.truncate(end)
        raise


def _whole_lines(descriptor: int) -> int:
    """Cut off what a power cut left of a last line, and return where the file then ends."""
    size = os.fstat(descriptor).st_size
    end = size
    while end:
        start = max(0, end - 4096)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
    return end


def _make_key(folder: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The private half last: where it stands, the public one does.
    replace(folder / PUBLIC_KEY_NAME, public)
    replace(folder / PRIVATE_KEY_NAME, private, 0o600)


def _refuse_others(path: Path) -> None:
    status = path.stat()
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise StoreError(
            f"{path}: expected access for its owner alone, found mode {stat.S_IMODE(status.st_mode):o}. "
            f"If nobody can have read it: chmod go= {path}; else make another key"
        )
    if status.st_uid != os.geteuid():
        raise StoreError(f"{path}: expected the owner to be user {os.geteuid()}, found user {status.st_uid}")
