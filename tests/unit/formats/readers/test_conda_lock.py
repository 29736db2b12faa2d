"""conda-lock's unified format: every field, and what is wrong with a file, with its line."""

from __future__ import annotations

import pytest

from envlock.errors import LockError
from envlock.formats.readers.conda_lock import read
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Oddity,
    OddityKind,
    Origin,
    OriginKind,
    Reading,
)

HEAD = """\
version: 1
metadata:
  content_hash:
    linux-64: 0a12
  channels:
  - url: https://conda.example/main
    used_env_vars: []
  platforms:
  - linux-64
  sources:
  - /home/anna/environment.yml
"""
LIB = """\
- name: lib
  version: 1.10
  manager: conda
  platform: linux-64
  dependencies:
    __glibc: '>=2.17'
    tool: <2
  url: https://conda.example/main/linux-64/lib-1.10-h1_0.conda
  hash:
    md5: 0e12
    sha256: 01ab
  category: dev
  optional: true
"""
TOOL = """\
- name: tool
  version: '1'
  manager: pip
  platform: linux-64
  dependencies:
    lib: '*'
  url: git+https://git.example/tool.git@0a1b2c3
  hash:
    sha256: 0a1b2c3
  category: main
  optional: false
"""


def lock(*rows: str, head: str = HEAD) -> Reading:
    return read((head + "package:\n" + "".join(rows)).encode(), "conda-lock.yml")


def told(reading: Reading) -> list[tuple[str, int, str]]:
    return [(item.kind.value, item.line, item.said) for item in reading.oddities]


def test_every_field_of_a_lock_is_read_as_it_is_written():
    reading = lock(LIB, "- name: tool\n" + TOOL.split("\n", 1)[1])

    assert reading == Reading(
        file="conda-lock.yml",
        kind=FileKind.CONDA_LOCK,
        format_version="1",
        packages=(
            FoundPackage(
                name="lib",
                ecosystem=Ecosystem.CONDA,
                version="1.10",
                build="h1_0",
                subdir="linux-64",
                platforms=("linux-64",),
                environments=("dev",),
                origins=(
                    Origin(
                        address="https://conda.example/main/linux-64/lib-1.10-h1_0.conda",
                        kind=OriginKind.CONDA,
                        hashes={"md5": "0e12", "sha256": "01ab"},
                        line=13,
                    ),
                ),
                dependencies=("__glibc >=2.17", "tool <2"),
                line=13,
            ),
            FoundPackage(
                name="tool",
                ecosystem=Ecosystem.PYPI,
                version="1",
                platforms=("linux-64",),
                environments=("main",),
                origins=(
                    Origin(
                        address="git+https://git.example/tool.git@0a1b2c3",
                        kind=OriginKind.GIT,
                        hashes={"sha256": "0a1b2c3"},
                        revision="0a1b2c3",
                        line=26,
                    ),
                ),
                dependencies=("lib *",),
                line=26,
            ),
        ),
        platforms=(FoundPlatform(name="linux-64", subdir="linux-64"),),
        places=(NamedPlace(address="https://conda.example/main", kind="channel", line=6),),
        settings={"content-hash linux-64": "0a12", "sources": "/home/anna/environment.yml"},
        oddities=(
            Oddity(
                kind=OddityKind.ABSENT,
                said="no row describes `tool` for linux-64, which `lib` needs",
                line=13,
                subject="tool",
            ),
        ),
    )


def test_names_of_conda_and_of_pypi_are_kept_apart_but_conda_may_bring_what_pypi_needs():
    reading = lock(LIB, LIB.replace("name: lib", "name: tool").replace("/lib-", "/tool-"), TOOL)

    assert reading.oddities == ()


def test_a_version_of_the_format_that_is_not_known_is_read_all_the_same():
    reading = lock(LIB.replace("    tool: <2\n", ""), head=HEAD.replace("1", "1000", 1))

    assert len(reading.packages) == 1
    assert told(reading) == [
        ("unknown-format", 1, "version `1000` of the format is not known; it is read as version 1")
    ]


def test_a_row_that_lost_its_start_is_read_from_its_address_and_told():
    reading = lock(
        "- category: main\n"
        "  url: https://conda.example/main/noarch/appdirs-1.4.4-pyh9f_0.tar.bz2\n"
        "  hash: {md5: 5f09}\n"
    )

    (package,) = reading.packages
    assert (package.name, package.version, package.subdir) == ("appdirs", "1.4.4", "noarch")
    assert told(reading) == [
        ("not-understood", 13, "the row has no `version`"),
        ("not-understood", 13, "the row has no `platform`"),
        ("not-understood", 13, "the row has no `name`; the address says it"),
        ("not-understood", 13, "the row has no `manager`; it is read as a conda package"),
    ]


def test_a_row_whose_address_is_of_another_package_is_told():
    reading = lock(LIB.replace("/lib-1.10", "/other-2.0").replace("    tool: <2\n", ""))

    assert told(reading) == [
        ("not-understood", 13, "the row is `lib` 1.10, but its address is of `other` 2.0")
    ]


def test_a_key_that_stands_twice_is_told_with_its_line():
    reading = lock(LIB.replace("    tool: <2\n", "") + "  version: '2'\n  version: 1.10\n")

    (package,) = reading.packages
    said = "the key `version` stands twice in one table; the last one is read"
    assert package.version == "1.10"
    assert told(reading) == [("duplicate-key", 25, said)]


def test_what_is_no_row_and_what_has_no_name_is_told_and_the_rest_is_read():
    reading = lock("- 7\n", "- version: 1\n", LIB.replace("    tool: <2\n", ""), "- []\n")

    assert [package.name for package in reading.packages] == ["lib"]
    assert told(reading) == [
        ("not-understood", 13, "`7` stands where a package should"),
        ("not-understood", 14, "a package has no name, and its address says none"),
        ("not-understood", 27, "`[]` stands where a package should"),
    ]


def test_channels_may_be_texts_and_may_name_the_variables_of_their_logins():
    head = HEAD.replace(
        "  - url: https://conda.example/main\n    used_env_vars: []\n",
        "  - https://conda.example/plain\n"
        "  - url: https://${USER}:${TOKEN}@conda.example/private\n"
        "    used_env_vars: [USER, TOKEN]\n"
        "  - 3\n  - [x]\n",
    )

    reading = lock(LIB.replace("    tool: <2\n", ""), head=head)

    assert reading.places == (
        NamedPlace(address="https://conda.example/plain", kind="channel", line=6),
        NamedPlace(
            address="https://${USER}:${TOKEN}@conda.example/private", kind="channel", line=7
        ),
        NamedPlace(address="3", kind="channel", line=9),
    )
    assert told(reading) == [("not-understood", 5, "`['x']` is no channel")]


def test_keys_and_managers_that_are_not_known_are_told():
    row = LIB.replace("    tool: <2\n", "").replace("manager: conda", "manager: nix")

    reading = lock(row + "  colour: red\n")

    assert told(reading) == [
        (
            "not-understood",
            13,
            "the manager `nix` is not known; it is read as a conda package",
        ),
        ("not-understood", 13, "the row has the key `colour`, which is not known"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yml: expected a unified lock, found nothing"),
        ("[]", "x.yml: expected a unified lock, found a list"),
        ("{}", "x.yml: expected a unified lock, found an empty table"),
        ("version", "x.yml: expected a unified lock, found a single value"),
        (
            "a: 1\nb: 2\n",
            "x.yml: expected the tables `metadata` and `package`, found `a`, `b`",
        ),
        ("[" * 3000, "x.yml: expected a unified lock, found values nested more than 100 deep"),
        ("- " * 3000, "x.yml: expected a unified lock, found values nested more than 100 deep"),
        ("\t\x00", "x.yml:1: expected text, found a NUL byte"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(text: str, message: str):
    with pytest.raises(LockError) as refused:
        read(text.encode(), "x.yml")

    assert str(refused.value) == message
    assert refused.value.hints
