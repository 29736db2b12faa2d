"""A `*.dist-info` folder: one distribution of an environment, and the files that it installed.

The names of its files are those of the packaging standards: METADATA, RECORD, INSTALLER, and
`direct_url.json`, which says that something came from no index (PEP 610).
"""

from __future__ import annotations

import csv
import io
import posixpath
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

from envlock.errors import EnvlockError
from envlock.formats.strict_json import parse_json
from envlock.model.installed import InstalledPackage, RecordedFile
from envlock.model.reading import Ecosystem, Origin, OriginKind

DIST_INFO_FILES = ("METADATA", "RECORD", "INSTALLER", "direct_url.json")
"""What is read of such a folder; all but METADATA may be missing."""
_SHA256 = "sha256="
_ROW_FIELDS = 3
_SHA256_BYTES = 32


def read_dist_info(files: Mapping[str, bytes], folder: str) -> InstalledPackage:
    """Read one distribution; `folder` is its place from the environment's folder on.

    Raises `EnvlockError` that says why it is none.
    """
    message = BytesParser(policy=compat32).parsebytes(files.get("METADATA", b""), headersonly=True)
    name, version = (_header(message, key) for key in ("Name", "Version"))
    if not name or not version:
        raise EnvlockError(f"{folder}/METADATA: expected `Name` and `Version`")
    site = folder.rpartition("/")[0]
    direct = _direct_url(files.get("direct_url.json"), folder)
    origins = tuple(_origins(direct))
    archive = next((item.hashes.get("sha256", "") for item in origins), "")
    return InstalledPackage(
        name=name,
        version=version,
        ecosystem=Ecosystem.PYPI,
        record=folder,
        origins=origins,
        sha256=archive,
        dependencies=tuple(str(item) for item in message.get_all("Requires-Dist") or ()),
        license=_header(message, "License-Expression") or _header(message, "License"),
        installer=files.get("INSTALLER", b"").decode(errors="replace").strip(),
        is_editable=_table(direct, "dir_info").get("editable") is True,
        files=tuple(_rows(files["RECORD"], site)) if "RECORD" in files else None,
    )


def _header(message: Any, key: str) -> str:
    return " ".join(str(message.get(key) or "").split())


def _rows(record: bytes, site: str) -> Iterator[RecordedFile]:
    """Yield what RECORD lists, with paths from the environment's folder on."""
    text = io.StringIO(record.decode(errors="replace"), newline="")
    for row in _csv_rows(text, site):
        if len(row) != _ROW_FIELDS or not row[0]:
            continue
        path = posixpath.normpath(posixpath.join(site, row[0].replace("\\", "/")))
        if path.startswith(("/", "../")):
            continue  # outside of the environment: nothing to hold it against
        size = int(row[2]) if row[2].isascii() and row[2].isdigit() else None
        yield RecordedFile(path=path, sha256=_sha256(row[1]), size_bytes=size)


def _csv_rows(text: io.StringIO, site: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(text)
    except csv.Error as error:
        raise EnvlockError(f"{site}: a RECORD is no list of files: {error}") from None


def _sha256(text: str) -> str:
    """Return RECORD's own spelling of a digest as hex; empty for other algorithms."""
    if not text.startswith(_SHA256):
        return ""
    try:
        digest = urlsafe_b64decode(f"{text.removeprefix(_SHA256)}==")
    except ValueError:
        return ""
    return digest.hex() if len(digest) == _SHA256_BYTES else ""


def _direct_url(content: bytes | None, folder: str) -> Mapping[str, Any]:
    if content is None:
        return {}
    data, faults = parse_json(content, f"{folder}/direct_url.json")
    return data if not faults and isinstance(data, dict) else {}


def _origins(direct: Mapping[str, Any]) -> Iterator[Origin]:
    """Yield where a distribution came from, where that was no index."""
    address = direct.get("url")
    if not isinstance(address, str) or not address:
        return
    vcs = _table(direct, "vcs_info")
    if vcs:
        revision = vcs.get("commit_id") or vcs.get("requested_revision") or ""
        yield Origin(address=address, kind=OriginKind.GIT, revision=str(revision))
    elif "dir_info" in direct:
        yield Origin(address=address, kind=OriginKind.FOLDER)
    else:
        is_wheel = address.partition("#")[0].endswith(".whl")
        kind = OriginKind.WHEEL if is_wheel else OriginKind.SDIST
        hashes = _archive_hashes(_table(direct, "archive_info"))
        yield Origin(address=address, kind=kind, hashes=hashes)


def _archive_hashes(info: Mapping[str, Any]) -> Mapping[str, str]:
    hashes = {key: str(value) for key, value in _table(info, "hashes").items()}
    if not hashes and isinstance(info.get("hash"), str):
        name, sign, value = info["hash"].partition("=")
        hashes = {name: value} if sign else {}
    return hashes


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}
