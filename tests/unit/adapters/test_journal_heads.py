import errno
import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agenttrader.adapters.journal_heads import (
    OutsideHeads,
    SignedHead,
    key_id_of,
    load_or_make_key,
    load_public_key,
    sign_head,
)
from agenttrader.model.errors import StoreError
from agenttrader.model.identifiers import AccountName

ACCOUNT = AccountName("SIM-1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HEAD = sign_head(KEY, ACCOUNT, 7, "a" * 64)


def test_a_head_is_signed_over_all_that_it_says() -> None:
    key = KEY.public_key()
    assert HEAD.is_signed_by(key)
    assert not HEAD.is_signed_by(Ed25519PrivateKey.generate().public_key())
    for change in (
        {"account": "SIM-2"},
        {"sequence": 8},
        {"hash": "b" * 64},
        {"key_id": "0" * 16},
        {"signature": ""},
        {"signature": "not base64"},
        {"signature": HEAD.signature[:-4]},
    ):
        assert not msgspec.structs.replace(HEAD, **change).is_signed_by(key), change


def test_a_head_written_by_an_earlier_version_still_verifies() -> None:
    """What is signed may never change: journals are kept for years."""
    golden = (
        b'{"account":"SIM-1","sequence":7,"hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",'
        b'"key_id":"56475aa75463474c","signature":"q4L5imc/8G1TqHOG4dqN6SU3/bd2fDKO+OGMP4cmHD9w'
        b'dg60ZqrSVI7i6b4L/9QhyEz0Viy/FOBe3vUpN6PLCQ=="}'
    )
    assert msgspec.json.encode(HEAD) == golden
    assert msgspec.json.decode(golden, type=SignedHead).is_signed_by(KEY.public_key())


def test_heads_are_kept_in_order(tmp_path: Path) -> None:
    heads = OutsideHeads(tmp_path / "heads", tmp_path / "store" / "SIM-1.journal")
    assert heads.read() == ()
    several = tuple(sign_head(KEY, ACCOUNT, sequence, "a" * 64) for sequence in range(100))
    for head in several:
        heads.append(head)
    assert heads.read() == several
    assert heads.path == tmp_path / "heads" / "SIM-1.journal.heads"


def test_half_a_line_is_cut_off_before_the_next_head(tmp_path: Path) -> None:
    heads = OutsideHeads(tmp_path / "heads", tmp_path / "SIM-1.journal")
    heads.append(HEAD)
    whole = heads.path.read_bytes()
    for torn in (b"x", whole[:-1], whole * 20 + whole[:-1], b"y" * 10_000):
        heads.path.write_bytes(whole + torn)
        heads.append(HEAD)
        assert set(heads.read()) == {HEAD}
        assert heads.path.read_bytes().endswith(whole + whole)
    heads.path.write_bytes(b"z" * 10_000)
    heads.append(HEAD)
    assert heads.path.read_bytes() == whole


def test_a_head_that_the_disk_takes_only_a_part_of_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = OutsideHeads(tmp_path / "heads", tmp_path / "SIM-1.journal")
    heads.append(HEAD)

    def write_a_part(descriptor: int, content: bytes) -> int:
        return real_write(descriptor, content[:20])

    real_write = os.write
    monkeypatch.setattr(os, "write", write_a_part)
    with pytest.raises(StoreError, match="expected to write a head outside the store, found: No space left"):
        heads.append(HEAD)
    monkeypatch.undo()
    assert heads.read() == (HEAD,)
    assert heads.path.read_bytes() == msgspec.json.encode(HEAD) + b"\n"


def test_a_line_that_is_no_head_is_named(tmp_path: Path) -> None:
    heads = OutsideHeads(tmp_path / "heads", tmp_path / "SIM-1.journal")
    heads.append(HEAD)
    for wrong in (b"{}", b"", b"\xff", msgspec.json.encode(HEAD)[:-1] + b',"more":1}'):
        heads.path.write_bytes(msgspec.json.encode(HEAD) + b"\n" + wrong + b"\n")
        with pytest.raises(StoreError, match="line 2: expected a signed head"):
            heads.read()


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "keys"
    key = load_or_make_key(folder)
    again = load_or_make_key(folder)
    assert key.private_bytes_raw() == again.private_bytes_raw()
    assert [folder.stat().st_mode & 0o777, (folder / "journal.key").stat().st_mode & 0o777] == [0o700, 0o600]
    for place in (folder, folder / "journal.pub"):
        assert key_id_of(load_public_key(place)) == key_id_of(key.public_key())
    assert sorted(path.name for path in folder.iterdir()) == ["journal.key", "journal.pub"]


@pytest.mark.parametrize("mode", (0o640, 0o604, 0o660, 0o644, 0o601))
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    load_or_make_key(tmp_path / "keys")
    (tmp_path / "keys" / "journal.key").chmod(mode)
    with pytest.raises(
        StoreError, match=f"expected access for its owner alone, found mode {mode:o}.*chmod go="
    ):
        load_or_make_key(tmp_path / "keys")
    (tmp_path / "keys" / "journal.key").chmod(0o600)
    (tmp_path / "keys").chmod(mode | 0o100)
    with pytest.raises(StoreError, match="expected access for its owner alone"):
        load_or_make_key(tmp_path / "keys")


def test_another_users_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_make_key(tmp_path / "keys")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(
        StoreError, match=f"expected the owner to be user {os.getuid() + 1}, found user {os.getuid()}"
    ):
        load_or_make_key(tmp_path / "keys")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    load_or_make_key(tmp_path / "keys")
    private, public = tmp_path / "keys" / "journal.key", tmp_path / "keys" / "journal.pub"
    other = X25519PrivateKey.generate()
    private.write_bytes(
        other.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(StoreError, match="expected an Ed25519 key, found X25519PrivateKey"):
        load_or_make_key(tmp_path / "keys")
    private.write_text("not a key")
    with pytest.raises(StoreError, match="expected an Ed25519 key in PEM"):
        load_or_make_key(tmp_path / "keys")
    public.write_bytes(
        other.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    with pytest.raises(StoreError, match="expected an Ed25519 public key, found X25519PublicKey"):
        load_public_key(tmp_path / "keys")
    public.write_text("not a key")
    with pytest.raises(StoreError, match="expected an Ed25519 public key in PEM"):
        load_public_key(public)
    public.unlink()
    with pytest.raises(StoreError, match="expected the journal's public key, found: No such file"):
        load_public_key(tmp_path / "keys")


def test_a_key_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    with pytest.raises(
        StoreError, match=f"expected a folder for the journal's key, found: {os.strerror(errno.EEXIST)}"
    ):
        load_or_make_key(tmp_path / "keys")
