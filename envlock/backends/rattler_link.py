"""Conda packages into a staging prefix, by py-rattler.

rattler downloads nothing here. It is given a package cache of one environment's making: a folder of
links to trees that the store has unpacked and verified itself. What rattler would do by itself
(trust an archive behind `file://`, link what a poisoned cache holds) has no place to happen.
"""

from __future__ import annotations

import asyncio
import errno
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.errors import ArchiveError, EnvlockError, WorldError
from envlock.model.store import Artifact

if TYPE_CHECKING:
    from rattler import RepoDataRecord

_ENDINGS = (".conda", ".tar.bz2")
_META = "conda-meta"
_OS_ERROR = re.compile(r"os error ([0-9]+)")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_DISK = {
    *(errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE),
}
"""Of these a package is not the cause."""
_KEPT = ("history",)
"""Makes conda see an environment; empty."""
_ASIDE = "__clobbers__"
_LAUNCHERS = ("unix_python_entry_point",)
"""Files that rattler writes itself, with the prefix in them."""
_NOWHERE = "file:///nowhere"
"""Asked only if rattler missed a package in the cache; then it fails, and so do we."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaSource:
    """One conda package, unpacked."""

    artifact: Artifact
    tree: Path


def link_conda(sources: Sequence[CondaSource], staging: Path, prefix: str, platform: str) -> None:
    """Link packages into `staging` as if it were `prefix`; runs none of their scripts.

    Raises `ArchiveError` when rattler refuses a package.
    """
    if not sources:
        return
    from rattler import PackageCache, Subdir, ValidationMode, install  # noqa: PLC0415 - heavy
    from rattler.exceptions import (  # noqa: PLC0415 - as above
        InstallerError,
        IoError,
        LinkError,
        TransactionError,
    )

    cache = staging.with_name(f"{staging.name}.cache")
    cache.mkdir()
    try:
        folders = [path for source in sources for path in _offer(source, cache)]
        packages = PackageCache.new_layered([cache], validation_mode=ValidationMode.skip())
        records = [_record(source) for source in sources]
        asyncio.run(
            install(
                records,
                target_prefix=staging,
                platform=Subdir(platform),
                execute_link_scripts=False,
                show_progress=False,
                alternative_target_prefix=prefix,
                package_cache=packages,
            )
        )
        for folder in folders:
            (staging / folder).mkdir(parents=True, exist_ok=True)
    except (InstallerError, IoError, LinkError, TransactionError) as error:
        raise _failed(error) from error
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _offer(source: CondaSource, cache: Path) -> Sequence[str]:
    """Put a package where rattler looks for it; returns the empty folders that it wants.

    rattler takes an empty folder among a package's paths for a file and fails, so it is shown a
    list without them.
    """
    place = cache / _stem(source.artifact)
    listed = source.tree / "info" / "paths.json"
    paths = json.loads(listed.read_bytes()) if listed.is_file() else {"paths": []}
    folders = [row["_path"] for row in paths["paths"] if row.get("path_type") == "directory"]
    if not folders:
        place.symlink_to(source.tree)
        return []
    paths["paths"] = [row for row in paths["paths"] if row["_path"] not in folders]
    _overlay(source.tree, place, "info")
    _overlay(source.tree / "info", place / "info", "paths.json")
    (place / "info" / "paths.json").write_text(json.dumps(paths), encoding="utf-8")
    return [path for path in folders if not path.startswith("site-packages/")]


def _overlay(tree: Path, place: Path, besides: str) -> None:
    """Make a folder that holds what another one does, all but one name."""
    place.mkdir()
    for item in tree.iterdir():
        target = place / item.name
        if item.name == besides:
            continue
        if item.is_symlink():
            target.symlink_to(item.readlink())
        elif item.is_dir():
            target.symlink_to(item)
        else:
            target.hardlink_to(item)


def _failed(error: Exception) -> EnvlockError:
    told = f"the conda packages cannot be linked: {error}\nNothing was installed."
    numbers = {int(number) for number in _OS_ERROR.findall(f"{error!r} {error}")}
    if numbers & _FULL:
        return WorldError(told, hints=["free space (`envlock gc`), then run it again"])
    return WorldError(told) if numbers & _DISK else ArchiveError(told)


def _stem(artifact: Artifact) -> str:
    for ending in _ENDINGS:
        if artifact.file_name.endswith(ending):
            return artifact.file_name.removesuffix(ending)
    raise AssertionError(artifact.file_name)


def _record(source: CondaSource) -> RepoDataRecord:
    from rattler import PackageRecord, RepoDataRecord  # noqa: PLC0415 - heavy

    artifact = source.artifact
    try:
        record = PackageRecord.from_index_json(
            source.tree / "info" / "index.json", sha256=artifact.sha256, md5=artifact.md5
        )
    except (OSError, ValueError, TypeError) as error:
        raise ArchiveError(
            f"`{artifact.file_name}` is refused: its `info/index.json` cannot be read: {error}\n"
            "Nothing was installed."
        ) from error
    return RepoDataRecord(
        record,
        file_name=artifact.file_name,
        url=f"{_NOWHERE}/{artifact.sha256}/{artifact.file_name}",
        channel=_NOWHERE,
    )


# --- conda-meta -----------------------------------------------------------------------------------


def read_linked(staging: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what rattler says that it linked: per file of `conda-meta`, its paths."""
    return {
        path.name: json.loads(path.read_bytes())["paths_data"]["paths"]
        for path in sorted((staging / _META).glob("*.json"))
    }


def drop_clobbered(staging: Path) -> tuple[str, ...]:
    """Remove the files that rattler has put aside since another package has the same path.

    Which of the folders for them it leaves empty is a matter of chance. Returns the paths that
    packages disagree about, ordered. What stands there is of the package that needs the other
    one, else of the first by name.
    """
    records = {path: json.loads(path.read_bytes()) for path in (staging / _META).glob("*.json")}
    rows = [row for record in records.values() for row in record["paths_data"]["paths"]]
    stands = {row["_path"]: row.get("sha256") for row in rows}
    aside = [row for row in rows if _is_aside(row["_path"])]
    for path, record in records.items():
        kept = [row for row in record["paths_data"]["paths"] if not _is_aside(row["_path"])]
        if len(kept) < len(record["paths_data"]["paths"]):
            record["paths_data"]["paths"] = kept
            record["files"] = [name for name in record["files"] if not _is_aside(name)]
            path.write_text(json.dumps(record), encoding="utf-8")
    shutil.rmtree(staging / _ASIDE, ignore_errors=True)
    return tuple(
        sorted(
            {
                str(row["original_path"])
                for row in aside
                if row.get("sha256") is None or row["sha256"] != stands.get(row["original_path"])
            }
        )
    )


def _is_aside(path: str) -> bool:
    return path.startswith(f"{_ASIDE}/")


def write_canonical_meta(staging: Path) -> None:
    """Rewrite `conda-meta` so that it says what the packages are, and nothing of this machine.

    No address, channel, cache folder or wish stays; the archive's digest names it better. The
    digest and the size that a rewritten file has under this prefix are left out too: they would
    differ by prefix.
    """
    for path in sorted((staging / _META).iterdir()):
        if path.suffix == ".json":
            record = _canonical(json.loads(path.read_bytes()))
            text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            path.write_text(text, encoding="utf-8")
        elif path.name not in _KEPT:
            path.unlink()
    (staging / "CACHEDIR.TAG").unlink(missing_ok=True)


def _canonical(record: dict[str, Any]) -> dict[str, Any]:
    for key in ("extracted_package_dir", "package_tarball_full_path", "link", "requested_spec"):
        record.pop(key, None)
    record["requested_specs"] = []
    record["url"] = f"urn:sha256:{record['sha256']}"
    record["channel"] = ""
    paths = record["paths_data"]["paths"]
    for entry in paths:
        entry.pop("sha256_in_prefix", None)
        is_launcher = entry.get("path_type") in _LAUNCHERS
        if is_launcher:
            entry.pop("sha256", None)
        if is_launcher or entry.get("prefix_placeholder"):
            entry.pop("size_in_bytes", None)
    record["paths_data"]["paths"] = sorted(paths, key=lambda entry: str(entry["_path"]))
    record["files"] = sorted(record["files"])
    return record
