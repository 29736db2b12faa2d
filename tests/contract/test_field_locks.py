"""The locks of the field: every one is read, no row is lost, and what is special of it shows.

They are not part of the repository: `ENVLOCK_SHARED_DATA` names a folder that holds `lockfiles/`
with its `MANIFEST.json`; beside the repository, `shared/` is that folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from envlock.formats.readers.registry import read
from envlock.formats.readers.yaml_plain import parse_plain
from envlock.formats.yaml_text import YamlError, parse
from envlock.model.reading import Ecosystem, FileKind, FoundPackage, OddityKind, OriginKind, Reading

BESIDE = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("ENVLOCK_SHARED_DATA") or BESIDE) / "lockfiles"
MANIFEST = FOLDER / "MANIFEST.json"
ROWS: list[dict[str, Any]] = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.exists() else []
NAMES = [row["file"] for row in ROWS]
if not ROWS:
    pytest.skip(f"there is no {MANIFEST}", allow_module_level=True)


@cache
def reading(name: str) -> Reading:
    row = ROWS[NAMES.index(name)]
    return read((FOLDER / name).read_bytes(), row["path"], FileKind(row["kind"]))


class _Walker(yaml.CSafeLoader):
    """Reads tags of anybody, and all scalars as text."""


_Walker.yaml_implicit_resolvers = {}
_Walker.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


@cache
def walked(name: str) -> dict[str, Any]:
    """Read a file without any reader of ours: with the first sides of open merges."""
    kept, is_kept, sides = [], True, 0
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if re.match(r"<{7} ", line):
            is_kept, sides = True, 0
        elif re.match(r">{7} ", line):
            is_kept = True
        elif re.match(r"\+{7} ", line):
            sides += 1
            is_kept = sides == 1
        elif re.fullmatch(r"={7}|-{7} .*", line):
            is_kept = False
        elif is_kept:
            kept.append(line)
    data: dict[str, Any] = yaml.load("\n".join(kept), Loader=_Walker)  # noqa: S506 - a safe loader
    return data


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_a_lock_is_a_package_with_its_line(name: str):
    found = reading(name)

    rows = walked(name)["packages" if "environments" in walked(name) else "package"]
    assert len(found.packages) == len(rows or [])
    lines = (FOLDER / name).read_text("utf-8").split("\n")
    assert all(lines[item.line - 1].lstrip().startswith("- ") for item in found.packages)


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_the_fast_road_reads_as_by_the_reference(name: str):
    text = (FOLDER / name).read_text("utf-8")

    plain = parse_plain(text)

    if plain is None:
        assert is_special(text)
    else:
        texts = parse(text)
        assert plain == texts.root
        assert texts.repeated == ()


def is_special(text: str) -> bool:
    """Say whether a lock has what the fast road leaves alone: repeated keys, tags, open merges."""
    try:
        return bool(parse(text).repeated) or "!path " in text
    except YamlError:
        return "\n<<<<<<< " in text


# --- what is special shows ------------------------------------------------------------------------


def any_origin(found: Reading, kind: OriginKind, ecosystem: Ecosystem | None = None) -> bool:
    return any(
        origin.kind is kind
        for package in found.packages
        if ecosystem in (None, package.ecosystem)
        for origin in package.origins
    )


def any_address(found: Reading, words: str) -> bool:
    return any(words in origin.address for item in found.packages for origin in item.origins)


def any_package(found: Reading, is_meant: Callable[[FoundPackage], object]) -> bool:
    return any(is_meant(package) for package in found.packages)


def any_oddity(found: Reading, kind: OddityKind) -> bool:
    return any(item.kind is kind and item.line for item in found.oddities)


def any_place(found: Reading, kind: str) -> bool:
    return any(item.kind == kind and item.line for item in found.places)


def says_no_unknown_key(found: Reading) -> bool:
    return not any("which is not known" in item.said for item in found.oddities)


def has_absolute_path(found: Reading) -> bool:
    texts = (*found.settings.values(), *(item.address for item in found.places))
    addresses = (origin.address for item in found.packages for origin in item.origins)
    return any(re.match(r"(?:file://)?/", text) for text in (*texts, *addresses))


SHOWN: dict[str, Callable[[Reading], bool]] = {
    "tar.bz2": lambda found: any_address(found, ".tar.bz2"),
    "file:// url": lambda found: any_address(found, "file://") or says_no_unknown_key(found),
    "md5 only (conda-lock)": lambda found: any_package(
        found, lambda item: not item.origins[0].hashes.keys() - {"md5"}
    ),
    "abs local path": has_absolute_path,
    "pip manager": lambda found: any_package(found, lambda item: item.ecosystem is Ecosystem.PYPI),
    "defaults/pkgs/main": lambda found: any_address(found, "/pkgs/main/"),
    "prefix.dev host": lambda found: any(
        "prefix" + ".dev/" in text
        for text in (
            *(origin.address for item in found.packages for origin in item.origins),
            *(item.address for item in found.places),
        )
    ),
    "timestamp": says_no_unknown_key,
    "git+ url": lambda found: any_package(
        found,
        lambda item: any(
            origin.kind is OriginKind.GIT and origin.revision for origin in item.origins
        ),
    ),
    "editable": lambda found: any_package(found, lambda item: item.is_editable),
    "sdist": lambda found: any_origin(found, OriginKind.SDIST, Ecosystem.PYPI),
    "requires_dist": lambda found: any_package(
        found, lambda item: item.ecosystem is Ecosystem.PYPI and item.dependencies
    ),
    "find-links": lambda found: any_place(found, "find-links"),
    "indexes": lambda found: any_place(found, "index"),
    "conflict markers": lambda found: any_oddity(found, OddityKind.CONFLICT),
    "source conda pkg": lambda found: any_origin(found, OriginKind.FOLDER, Ecosystem.CONDA),
    "prerelease opt": lambda found: "pypi-prerelease-mode" in found.settings,
    "pypi local path": lambda found: any_origin(found, OriginKind.FOLDER, Ecosystem.PYPI),
    "direct whl url": lambda found: any_origin(found, OriginKind.WHEEL, Ecosystem.PYPI),
    "local version +cu": lambda found: any_package(
        found, lambda item: item.version and "+cu" in item.version
    ),
    "%2B encoded": lambda found: any_address(found, "%2B"),
    "pytorch whl index": lambda found: any_address(found, "/whl/cu"),
    "exclude-newer": lambda found: "exclude-newer" in found.settings,
    "CRLF": lambda found: any_oddity(found, OddityKind.NOT_CANONICAL),
    "virtual-packages in v7": lambda found: any(item.virtual_packages for item in found.platforms),
}
TAGS = [(row["file"], tag) for row in ROWS for tag in row["tags"]]


@pytest.mark.parametrize(("name", "tag"), TAGS)
def test_what_the_manifest_says_of_a_lock_shows_in_its_reading(name: str, tag: str):
    assert SHOWN[tag](reading(name))


def test_a_version_of_the_format_from_the_future_is_told():
    (name,) = (row["file"] for row in ROWS if row["version"] == 1000)

    assert any_oddity(reading(name), OddityKind.UNKNOWN_FORMAT)


PIXI = [row["file"] for row in ROWS if row["kind"] == "pixi" and row["version"] > 3]


@pytest.mark.parametrize("name", PIXI)
def test_pixi_refers_to_exactly_the_rows_that_are_not_said_to_be_absent(name: str):
    data = walked(name)
    used = {
        next(iter(reference.values()))
        for environment in data["environments"].values()
        for references in environment["packages"].values()
        for reference in references
    }
    keys = ("url", "path", "conda", "pypi", "conda_source", "source")
    there = {row[key] for row in data["packages"] for key in keys if isinstance(row.get(key), str)}

    absent = {item.subject for item in reading(name).oddities if item.kind is OddityKind.ABSENT}

    assert absent == used - there


def test_of_locks_of_conda_lock_only_one_that_a_merge_mixed_lacks_packages():
    """Its rows have the names of one side and the addresses of the other, and say so."""
    names = [row["file"] for row in ROWS if row["kind"] == "conda-lock"]

    lacking = [name for name in names if any_oddity(reading(name), OddityKind.ABSENT)]

    assert [name[-12:] for name in lacking] == ["f8a5a730.yml"]
    assert sum("its address is of" in item.said for item in reading(*lacking).oddities) > 20
