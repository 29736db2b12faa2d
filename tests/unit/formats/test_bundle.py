"""The manifest of a bundle: one text for one content, and no path that leads anywhere else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bundle_house import ALPHA, LOCK, digest, manifest_of, whole
from envlock.formats.bundle import format_manifest, manifest_name, parse_manifest
from envlock.model.bundle import Member

WHOLE = manifest_of(whole())
PACKAGE = f"packages/{digest(ALPHA)}"


def member(path: str, sha256: str = digest(ALPHA), size_bytes: int = 3) -> Member:
    return Member(path=path, sha256=sha256, size_bytes=size_bytes)


def test_a_manifest_is_read_as_it_was_written():
    content = format_manifest(WHOLE)

    assert parse_manifest(content) == WHOLE
    assert manifest_name(content) == f"manifest-{digest(content)}.json"


def test_the_lock_is_first_and_folders_are_in_their_order():
    files = {"envlock-wheels/a-1-py3-none-any.whl": b"", "stack/a.toml": b"", **whole()}

    paths = [each.path for each in manifest_of(files).members]

    assert paths[:2] == [LOCK, "stack/a.toml"]
    assert [path.partition("/")[0] for path in paths[2:]] == [
        "packages",
        "packages",
        "envlock-wheels",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "/etc/passwd",
        "stack/../../evil",
        "stack/.git/hooks/pre-commit",
        "stack//double",
        "stack/",
        "stack",
        "stack/a\nb",
        "stack/a\\b",
        "stack/-rf",
        "stack/1/2/3/4/5/6",
        "packages/evil",
        f"packages/{'0' * 64}",
        "envlock-wheels/evil.sh",
        "envlock-wheels/a/b.whl",
        "else/where",
        "",
    ],
)
def test_a_path_that_no_bundle_has_is_refused(path: str):
    bundle = replace(WHOLE, members=(WHOLE.members[0], member(path)))

    with pytest.raises(ValueError, match="is no file of a bundle"):
        parse_manifest(format_manifest(bundle))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 2}, "its manifest has version 2, and this envlock reads 1"),
        ({"members": ()}, "its lock is not its first file"),
        ({"members": WHOLE.members[::-1]}, "its lock is not its first file"),
        ({"lock": "stack/other.yml"}, "its lock is not its first file"),
        (
            {"members": (WHOLE.members[0], *WHOLE.members[:0:-1])},
            "its files are not in their order",
        ),
        (
            {"members": (*WHOLE.members, WHOLE.members[-1])},
            "its files are not in their order",
        ),
        ({"members": (WHOLE.members[0], member(PACKAGE, "x"))}, "is no file of a bundle"),
        ({"members": (WHOLE.members[0], member("stack/a", "x"))}, "has no digest and size"),
        (
            {"members": (WHOLE.members[0], member(PACKAGE, size_bytes=-1))},
            "has no digest and size",
        ),
        (
            {"members": (WHOLE.members[0], member("stack/a"), member("stack/a/b"))},
            "`stack/a` is a file and a folder",
        ),
        ({"platforms": ("linux-64", "linux-64")}, "its platforms are not those"),
        ({"platforms": ("win-64", "linux-64")}, "its platforms are not those"),
        ({"platforms": ("solaris",)}, "its platforms are not those"),
        ({"pin": "../../etc"}, "'../../etc' is not a SHA-256"),
        ({"recording": "A" * 64}, "is not a SHA-256"),
    ],
)
def test_what_envlock_would_not_write_is_refused(changes: dict[str, object], problem: str):
    bundle = replace(WHOLE, **changes)

    with pytest.raises(ValueError, match=problem):
        parse_manifest(format_manifest(bundle))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version":1', b'"version": 1'),
        (b'"version":1', b'"version":1,"more":2'),
        (b'"version":1', b'"version":1,"version":1'),
        (b'"version":1', b'"version":"1"'),
        (b"\n", b""),
        (b"\n", b"\n\n"),
        (b"{", b"\xef\xbb\xbf{"),
        (b"demo", b"d\xffmo"),
        (b"demo", b"d\\u0065mo"),
    ],
)
def test_the_same_said_in_another_way_is_refused(old: bytes, new: bytes):
    with pytest.raises(ValueError, match="its manifest is not"):
        parse_manifest(format_manifest(WHOLE).replace(old, new, 1))
