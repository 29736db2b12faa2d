"""How much of a version a draft keeps, in words that a stack has for it."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from envlock.formats.stack_values import CONDA_VERSION, PYPI_SPECIFIERS
from envlock.model.draft import Keep

_SPACES = re.compile(r"(?<=[=<>!~|,]) +| +(?=[|,])")
_CONDA_SERIES = re.compile(r"(?:\d+!)?\d+\.\d+")
_ONE = re.compile(r"(?:={1,3} *)?(?P<version>[0-9A-Za-z][0-9A-Za-z._+!-]*)")
_SERIES = re.compile(r"=* *(?P<version>[0-9A-Za-z][0-9A-Za-z._+!]*?)\.?\*")


def keep_version(version: str, keep: Keep, *, pypi: bool) -> str:
    """Return what a stack says for an exact version; a local part (`+cu121`) never stays.

    A pre-release and what has no minor number are kept exactly, since no series admits them.
    """
    if keep is Keep.ANY:
        return "*"
    public = version.partition("+")[0]
    series = _pypi_series(public) if pypi else _conda_series(public)
    return f"{series}.*" if series and keep is Keep.MINOR else f"=={public}"


def keep_specifiers(text: str, keep: Keep, *, pypi: bool) -> str:
    """Return what a stack says for a range that a file asks for; one version is an exact one."""
    text = text.strip()
    if keep is Keep.ANY or text in ("", "*"):
        return "*"
    if one := _ONE.fullmatch(text):
        return keep_version(one["version"], keep, pypi=pypi)
    if series := _SERIES.fullmatch(text):
        is_patch = series["version"].count(".") > 1 and keep is Keep.MINOR
        kept = keep_version(series["version"], keep, pypi=pypi) if is_patch else ""
        return kept if kept.endswith("*") else f"{series['version']}.*"
    return _SPACES.sub("", text)


def is_sayable(version: str, *, pypi: bool) -> bool:
    """Say whether a stack may hold a version of such a package."""
    return re.search(PYPI_SPECIFIERS if pypi else CONDA_VERSION, version) is not None


def _pypi_series(version: str) -> str | None:
    try:
        parsed = Version(version)
    except InvalidVersion:
        return None
    if parsed.is_prerelease or len(parsed.release) == 1:
        return None
    epoch = f"{parsed.epoch}!" if parsed.epoch else ""
    return f"{epoch}{parsed.release[0]}.{parsed.release[1]}"


def _conda_series(version: str) -> str | None:
    found = _CONDA_SERIES.match(version)
    if found is None or re.match(r"[a-z]", version[found.end() :]):
        return None  # `1.0rc1` is before all of 1.0
    return found[0]
