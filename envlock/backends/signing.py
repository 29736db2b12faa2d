"""ed25519 keys and signatures, by `cryptography`, which the extra `sign` brings.

A key is a PEM file: PKCS #8 for the private half, readable by its owner only, and
SubjectPublicKeyInfo for the public one, so that OpenSSL reads both. The key's id is the SHA-256 of
the latter in DER. The library is imported when a key is made or read, and not before.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.backends.files import DiskWorkspace
from envlock.errors import EnvlockError, Fault, InputFileError, WorldError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

LARGEST_KEY_BYTES = 100_000
PUBLIC_ENDING = ".pub"
_PRIVATE_MODE = 0o600
_PUBLIC_MODE = 0o644


class PublicKey:
    """Somebody's public key. Implements `ports.signing.TrustedKey`."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.keyid = _keyid(key)

    def fits(self, signature: bytes, message: bytes) -> bool:
        """Say whether the key's owner signed exactly this; see the port."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an optional library

        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """Our own key. Implements `ports.signing.SigningKey`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.keyid = _keyid(key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message; see the port."""
        return self._key.sign(message)


def make_key(path: Path) -> tuple[Path, str]:
    """Make a key: the private half at `path`, the public one beside it; return that and its id.

    Neither file is ever written over. Raises `EnvlockError` when one is there, `WorldError` when
    the disk refuses or the library is missing; then nothing is left behind.
    """
    _require_library()
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an optional library
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - as above
        Ed25519PrivateKey,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    beside = Path(f"{path}{PUBLIC_ENDING}")
    _write_new(path, private, _PRIVATE_MODE)
    try:
        _write_new(beside, public, _PUBLIC_MODE)
    except BaseException:
        path.unlink()
        raise
    return beside, _keyid(key.public_key())


def load_private_key(path: str) -> PrivateKey:
    """Return the private key of a file. Raises `InputFileError` for any other, `WorldError`."""
    content = _read(path)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an optional library
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        load_pem_private_key,
    )

    if b"PUBLIC KEY" in content:
        raise _no_key(path, "a private", "found a public one", "the private half has no `.pub`")
    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        hint = "`openssl pkey -in KEY -out PLAIN` takes the passphrase off"
        raise _no_key(path, "a private", "found one under a passphrase", hint) from None
    except Exception:  # noqa: BLE001 - the library raises its own, OpenSSL's and ValueError
        hint = "`envlock receipt keygen PATH` makes one"
        raise _no_key(path, "a private", "found something else", hint) from None
    if not isinstance(key, Ed25519PrivateKey):
        hint = "`envlock receipt keygen PATH` makes one"
        raise _no_key(path, "a private", "found a key of another kind", hint)
    return PrivateKey(key)


def load_public_key(path: str) -> PublicKey:
    """Return the public key of a file. Raises `InputFileError` for any other, `WorldError`."""
    content = _read(path)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an optional library
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        load_pem_public_key,
    )

    if b"PRIVATE KEY" in content:
        hint = (
            f"`openssl pkey -in {path} -pubout -out {path}{PUBLIC_ENDING}` writes its public half"
        )
        raise _no_key(path, "a public", "found a private one", hint)
    try:
        key = load_pem_public_key(content)
    except Exception:  # noqa: BLE001 - the library raises its own, OpenSSL's and ValueError
        hint = "`envlock receipt keygen PATH` writes it to PATH.pub"
        raise _no_key(path, "a public", "found something else", hint) from None
    if not isinstance(key, Ed25519PublicKey):
        hint = "`envlock receipt keygen PATH` makes one"
        raise _no_key(path, "a public", "found a key of another kind", hint)
    return PublicKey(key)


def _keyid(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an optional library

    return sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def _read(path: str) -> bytes:
    _require_library()
    return DiskWorkspace().read_bytes(path, limit_bytes=LARGEST_KEY_BYTES)


def _require_library() -> None:
    try:
        import cryptography  # noqa: F401, PLC0415 - an optional library
    except ImportError as error:
        raise WorldError(
            "signatures need the library `cryptography`, which is not installed",
            hints=["install it beside envlock: `pip install cryptography`"],
            detail=str(error),
        ) from error


def _no_key(path: str, half: str, found: str, hint: str) -> InputFileError:
    problem = f"expected {half} ed25519 key in PEM, {found}"
    return InputFileError([Fault(where=path, problem=problem, hint=hint)])


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise EnvlockError(
            f"{path}: there is a file already, and a key is never written over\n"
            "No key was written.",
            hints=["choose another path, or move that file away"],
        ) from None
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> WorldError:
    return WorldError(
        f"{path}: cannot be written: {error.strerror or error}\nNo key was written.",
        hints=["choose a folder that is there and that you may write to"],
    )
