"""Whatever a lock holds survives being written, and every YAML reader agrees on it."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from envlock.formats import conda_lock
from envlock.formats.conda_lock import (
    _order,
    format_lock,
    quote,
    read_facts,
    read_lock,
    split_body,
)
from envlock.model.lock import Lock, LockedPackage, LockHead

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAME = st.from_regex(r"[a-z_][a-z0-9_.-]{0,15}", fullmatch=True)
PACKAGES = st.builds(
    LockedPackage,
    name=NAME,
    version=TEXT,
    manager=st.sampled_from(["conda", "pip"]),
    platform=st.sampled_from(["linux-64", "win-64"]),
    url=TEXT.filter(bool),
    md5=st.none() | st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    dependencies=st.dictionaries(NAME, TEXT, max_size=4),
    category=st.sampled_from(["main", "dev"]),
)


@given(TEXT)
def test_quoted_text_reads_back_as_itself(text: str):
    assert yaml.safe_load(f"key: {quote(text)}\n") == {"key": text}


@given(st.lists(PACKAGES, max_size=4), st.dictionaries(NAME, TEXT, max_size=4))
def test_a_lock_reads_back_as_itself(packages: list[LockedPackage], facts: dict[str, str]):
    head = LockHead(
        channels=("conda-forge",),
        platforms=("linux-64",),
        sources=("a.toml",),
        content_hash={"linux-64": "0"},
        facts={f"envlock/{key}": value for key, value in facts.items()},
    )

    content = format_lock(Lock(head=head, packages=tuple(packages)))
    read = read_lock(content, "a")
    by_yaml = read_lock(content.replace(b"version: 1\n", b"version: '1'\n", 1), "a")

    assert read == by_yaml

    assert sorted(read.packages, key=_order) == sorted(packages, key=_order)
    quick = read_facts(split_body(content)[0])
    assert quick == read.head.facts


@given(st.permutations([1, 2, 3, 4]))
def test_order_never_changes_the_bytes(order: list[int]):
    def package(number: int) -> LockedPackage:
        return LockedPackage(
            name=f"p{number % 2}",
            version=str(number),
            manager="conda",
            platform="linux-64" if number > 2 else "win-64",
            url=f"u{number}",
            md5=None,
            sha256="0",
            dependencies={},
        )

    head = LockHead(channels=(), platforms=(), sources=(), content_hash={}, facts={})
    written = format_lock(Lock(head=head, packages=tuple(map(package, order))))

    assert written == format_lock(Lock(head=head, packages=tuple(map(package, [1, 2, 3, 4]))))


@given(st.lists(PACKAGES, max_size=3), st.lists(NAME, max_size=3), st.binary(max_size=3), st.data())
def test_what_is_read_quickly_is_what_yaml_would_say(
    packages: list[LockedPackage], names: list[str], noise: bytes, data: st.DataObject
):
    head = LockHead(
        channels=tuple(names),
        platforms=tuple(sorted(names)),
        sources=tuple(f"{name} x.toml" for name in names),
        content_hash=dict.fromkeys(names, "0"),
        facts={},
    )
    content = format_lock(Lock(head=head, packages=tuple(packages)))
    place = data.draw(st.integers(0, len(content)))
    changed = content[:place] + noise + content[place + len(noise) :]

    quick = conda_lock._read_own(changed)

    if quick is not None:
        data_of = yaml.safe_load(changed)
        assert format_lock(quick) == changed
        assert len(data_of["package"]) == len(quick.packages)
        assert [row["url"] for row in data_of["package"]] == [row.url for row in quick.packages]
    assert changed != content or quick is not None
