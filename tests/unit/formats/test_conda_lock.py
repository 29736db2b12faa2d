"""The unified lock format: exact bytes, and what a reader gets back."""

from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec.structs import replace

from envlock.errors import LockError
from envlock.formats.conda_lock import (
    BODY_DIGEST,
    HEAD_DIGEST,
    format_lock,
    quote,
    read_facts,
    read_lock,
    split_body,
)
from envlock.model.lock import Lock, LockedPackage, LockHead

PACKAGE = LockedPackage(
    name="numpy",
    version="2.1",
    manager="conda",
    platform="linux-64",
    url="https://conda.anaconda.org/conda-forge/linux-64/numpy-2.1-py311_0.conda",
    md5="0123456789abcdef0123456789abcdef",
    sha256="f" * 64,
    dependencies={"python": ">=3.11,<3.12.0a0", "libblas": ""},
)
LOCK = Lock(
    head=LockHead(
        channels=("https://conda.anaconda.org/conda-forge",),
        platforms=("linux-64",),
        sources=("demo.toml",),
        content_hash={"linux-64": "a" * 64},
        facts={"envlock/pin": "sha256:beef", "envlock/stack": "demo"},
    ),
    packages=(PACKAGE,),
)
BODY = b"""\
package:
- name: numpy
  version: '2.1'
  manager: conda
  platform: linux-64
  dependencies:
    libblas: ''
    python: '>=3.11,<3.12.0a0'
  url: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.1-py311_0.conda
  hash:
    md5: '0123456789abcdef0123456789abcdef'
    sha256: ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
  category: main
  optional: false
"""


def test_a_lock_has_exactly_these_bytes():
    head, body = split_body(format_lock(LOCK))

    own = b"".join(
        line for line in head.splitlines(keepends=True) if HEAD_DIGEST.encode() not in line
    )
    assert body == BODY
    assert head.decode().splitlines()[3:] == [
        "version: 1",
        "metadata:",
        "  content_hash:",
        f"    linux-64: {'a' * 64}",
        "  channels:",
        "  - url: conda-forge",
        "    used_env_vars: []",
        "  platforms:",
        "  - linux-64",
        "  sources:",
        "  - demo.toml",
        "  custom_metadata:",
        f'    {HEAD_DIGEST}: "{sha256(own).hexdigest()}"',
        f'    {BODY_DIGEST}: "{sha256(BODY).hexdigest()}"',
        '    envlock/pin: "sha256:beef"',
        '    envlock/stack: "demo"',
    ]


def test_reading_gives_back_what_was_written():
    read = read_lock(format_lock(LOCK), "demo.conda-lock.yml")

    assert read.packages == (PACKAGE,)
    assert read.head.platforms == ("linux-64",)
    assert read.head.facts["envlock/pin"] == "sha256:beef"


def test_package_order_does_not_change_the_bytes():
    other = replace(PACKAGE, name="zlib")

    one = format_lock(replace(LOCK, packages=(PACKAGE, other)))
    two = format_lock(replace(LOCK, packages=(other, PACKAGE)))

    assert one == two


def test_a_lock_without_packages_is_a_lock():
    content = format_lock(replace(LOCK, packages=()))

    assert split_body(content)[1] == b"package: []\n"
    assert read_lock(content, "x").packages == ()


def test_facts_are_read_without_yaml():
    head, _ = split_body(format_lock(LOCK))

    facts = read_facts(head)

    assert facts is not None
    assert facts["envlock/stack"] == "demo"


@pytest.mark.parametrize(
    "head",
    [
        b"version: 1\nmetadata:\n  platforms: [linux-64]\n",
        b"  custom_metadata:\n    envlock/pin: plain yaml\n",
        b"  custom_metadata:\n    envlock/pin: 7\n",
        b"  custom_metadata:\n",
        b"\xff\xfe",
        b"",
    ],
)
def test_a_head_that_another_tool_wrote_has_no_facts(head: bytes):
    assert read_facts(head) is None


@pytest.mark.parametrize(
    "text", ["1.0", "yes", "NO", "null", "~", "1e3", "0x1f", "- a", "a: b", ""]
)
def test_text_that_yaml_would_read_as_something_else_is_quoted(text: str):
    assert quote(text) == f"'{text}'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version: 2\n", "x.yml: version: expected the unified format 1, found 2"),
        (b"[]", "x.yml: expected a unified lock, found list"),
        (
            b"version: 1\n",
            "x.yml: expected the tables `metadata` and `package` of a unified lock",
        ),
    ],
)
def test_what_is_no_unified_lock_is_refused_with_the_reason(content: bytes, message: str):
    with pytest.raises(LockError) as refused:
        read_lock(content, "x.yml")

    assert str(refused.value) == message
