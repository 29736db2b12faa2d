"""ed25519 keys as files, and what they sign."""

from __future__ import annotations

import stat
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from envlock.backends.signing import load_private_key, load_public_key, make_key
from envlock.errors import EnvlockError, InputFileError, WorldError


def test_a_key_is_made_of_two_halves_that_fit(tmp_path: Path):
    public, keyid = make_key(tmp_path / "key")

    signature = load_private_key(str(tmp_path / "key")).sign(b"message")
    trusted = load_public_key(str(public))

    assert trusted.fits(signature, b"message")
    assert trusted.keyid == load_private_key(str(tmp_path / "key")).keyid == keyid


def test_another_message_another_key_and_any_bytes_do_not_fit(tmp_path: Path):
    make_key(tmp_path / "key")
    make_key(tmp_path / "other")
    signature = load_private_key(str(tmp_path / "key")).sign(b"message")
    trusted = load_public_key(str(tmp_path / "key.pub"))

    assert not trusted.fits(signature, b"massage")
    assert not load_public_key(str(tmp_path / "other.pub")).fits(signature, b"message")
    assert not trusted.fits(b"", b"message")
    assert not trusted.fits(signature + b"\0", b"message")


def test_the_id_is_the_digest_of_the_public_key_in_der(tmp_path: Path):
    public, keyid = make_key(tmp_path / "key")

    key = serialization.load_pem_public_key(public.read_bytes())

    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert keyid == sha256(der).hexdigest()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_reads_a_private_key(tmp_path: Path):
    make_key(tmp_path / "key")

    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_a_key_is_never_written_over(tmp_path: Path, there: str):
    (tmp_path / there).write_text("mine", "utf-8")

    with pytest.raises(EnvlockError, match="never written over"):
        make_key(tmp_path / "key")

    assert [each.name for each in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text("utf-8") == "mine"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(WorldError, match="No such file or directory\nNo key was written"):
        make_key(tmp_path / "none" / "key")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found something else"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "something else"),
        (b"\xff\x00", "found something else"),
    ],
)
def test_what_is_no_private_key_is_refused(tmp_path: Path, content: bytes, said: str):
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(InputFileError, match=said):
        load_private_key(str(tmp_path / "key"))
    with pytest.raises(InputFileError, match=r"expected a public ed25519 key in PEM"):
        load_public_key(str(tmp_path / "key"))


def test_the_other_half_is_named(tmp_path: Path):
    make_key(tmp_path / "key")

    with pytest.raises(InputFileError, match=r"expected a private .* found a public one"):
        load_private_key(str(tmp_path / "key.pub"))
    with pytest.raises(InputFileError, match=r"expected a public .* found a private one"):
        load_public_key(str(tmp_path / "key"))


def test_a_key_of_another_kind_is_named(tmp_path: Path):
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key").write_bytes(pem(other))
    (tmp_path / "key.pub").write_bytes(
        other.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )

    with pytest.raises(InputFileError, match="found a key of another kind"):
        load_private_key(str(tmp_path / "key"))
    with pytest.raises(InputFileError, match="found a key of another kind"):
        load_public_key(str(tmp_path / "key.pub"))


def test_a_key_under_a_passphrase_is_named(tmp_path: Path):
    (tmp_path / "key").write_bytes(
        pem(Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"secret"))
    )

    with pytest.raises(InputFileError, match="found one under a passphrase"):
        load_private_key(str(tmp_path / "key"))


def pem(
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    )


def test_without_the_library_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(WorldError) as caught:
        make_key(tmp_path / "key")

    assert caught.value.hints == ("install it beside envlock: `pip install cryptography`",)


@pytest.mark.parametrize("path", [".", "/", ".."])
def test_a_folder_is_no_place_for_a_key(path: str):
    with pytest.raises(EnvlockError, match="there is a file already"):
        make_key(Path(path))
