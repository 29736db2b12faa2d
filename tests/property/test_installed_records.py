"""Records of installed environments, mangled: always a package or an error that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envlock.errors import EnvlockError
from envlock.formats.conda_meta import read_conda_meta
from envlock.formats.dist_info import DIST_INFO_FILES, read_dist_info
from envlock.model.installed import InstalledPackage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
WORDS = (
    "name",
    "version",
    "build",
    "subdir",
    "url",
    "sha256",
    "md5",
    "depends",
    "files",
    "license",
)
PATHS = st.sampled_from(["a", "../x", "/etc/x", "a/../../b", ""])
RECORD = st.fixed_dictionaries(
    {"name": st.just("a"), "version": st.just("1")},
    optional=dict.fromkeys(WORDS[2:], JSON) | {"paths_data": JSON, "files": st.lists(PATHS) | JSON},
)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "_path": PATHS | JSON,
        "path_type": st.sampled_from(["hardlink", "softlink", "directory"]) | JSON,
        "sha256": st.just("0" * 64) | JSON,
        "sha256_in_prefix": st.just("1" * 64) | JSON,
        "size_in_bytes": JSON,
        "prefix_placeholder": JSON,
    },
)


SITE = "lib/python3.11/site-packages"


def outcome(read: Callable[[], InstalledPackage]) -> str:
    """The error in words; empty where a package was read."""
    try:
        assert read().name
    except EnvlockError as error:
        return error.message
    return ""


def stays_inside(paths: list[str]) -> bool:
    return all(path and not path.startswith("/") and ".." not in path.split("/") for path in paths)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_record_of_conda_or_an_error(content: bytes):
    said = outcome(lambda: read_conda_meta(content, "conda-meta/a.json"))

    assert said == "" or said.startswith("conda-meta/a.json")


@given(RECORD, st.lists(ROW, max_size=4))
def test_whatever_a_record_of_conda_holds_its_files_lie_inside(
    record: dict[str, Any], rows: list[dict[str, Any]]
):
    record.setdefault("paths_data", {"paths": rows})

    package = read_conda_meta(json.dumps(record).encode(), "conda-meta/a.json")

    assert (package.name, package.version) == ("a", "1")
    listed = package.files or ()
    assert stays_inside([file.path for file in listed])
    assert all(len(file.sha256) in (0, 64) for file in listed)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a.py", "../../../bin/a", "../../../../x", "/etc/x"])
        | st.text(max_size=9),
        st.sampled_from(["", "sha256=", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"])
        | st.text(max_size=9),
        st.sampled_from(["", "0", "x"]),
    ).map(",".join),
    max_size=5,
)
TEXTS = st.binary(max_size=60)


@given(st.dictionaries(st.sampled_from(DIST_INFO_FILES), TEXTS))
def test_any_bytes_are_a_distribution_or_an_error(files: dict[str, bytes]):
    said = outcome(lambda: read_dist_info(files, f"{SITE}/a-1.dist-info"))

    assert said in (
        "",
        f"{SITE}/a-1.dist-info/METADATA: expected `Name` and `Version`",
    ) or said.startswith(f"{SITE}: a RECORD is no list of files: ")


@given(ROWS, TEXTS | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_record_lists_lies_inside(rows: list[str], direct: bytes):
    files = {
        "METADATA": b"Name: a\nVersion: 1\n",
        "RECORD": "\n".join(rows).encode("utf-8", "replace"),
        "direct_url.json": direct,
    }

    package = read_dist_info(files, f"{SITE}/a-1.dist-info")

    assert package.files is not None
    assert stays_inside([file.path for file in package.files])
    assert all(len(file.sha256) in (0, 64) for file in package.files)


def test_a_record_with_an_endless_field_is_an_error():
    files = {"METADATA": b"Name: a\nVersion: 1\n", "RECORD": b"a" * 200_000 + b",,\n"}

    assert outcome(lambda: read_dist_info(files, f"{SITE}/a-1.dist-info")).startswith(
        f"{SITE}: a RECORD is no list of files: "
    )
