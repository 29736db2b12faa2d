"""What differs between two locks: packages by kind, heads by key."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.model.lock import LockedPackage
from envlock.solve.difference import (
    Archive,
    Aspect,
    Difference,
    Direction,
    HeadChange,
    PackageChange,
    build_variant,
    compare_locks,
    compare_versions,
    parse_archive,
    platforms_of,
)
from locks import locked, make_lock, pip_locked

NUMPY = locked("numpy", "1.26.4", "py311_0", needs=["python >=3.11"])


def change_of(before: LockedPackage, after: LockedPackage) -> tuple[str, tuple[Aspect, ...]]:
    difference = compare_locks(make_lock(before), make_lock(after))
    (change,) = difference.platforms["linux-64"]
    return change.kind, change.aspects


def kinds(difference: Difference) -> list[tuple[str, str]]:
    return [
        (change.kind, change.either.name)
        for changes in difference.platforms.values()
        for change in changes
    ]


# --- packages -------------------------------------------------------------------------------------


def test_the_same_lock_does_not_differ():
    difference = compare_locks(make_lock(NUMPY), make_lock(NUMPY))

    assert difference.is_empty
    assert difference.platforms == {"linux-64": ()}


def test_packages_are_added_and_removed():
    difference = compare_locks(make_lock(NUMPY, locked("old")), make_lock(NUMPY, locked("new")))

    assert kinds(difference) == [("added", "new"), ("removed", "old")]
    assert not difference.packages_are_equal


def test_a_version_goes_up_or_down_whatever_else_changed():
    newer = locked("numpy", "2.0.1", "py312_0", channel="pytorch")

    assert change_of(NUMPY, newer)[0] == "up"
    assert change_of(newer, NUMPY)[0] == "down"


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (locked("numpy", "1.26.4", "py312_0", needs=["python >=3.11"]), "build"),
        (locked("numpy", "1.26.4", "py311_0", channel="pytorch"), "channel"),
        (locked("numpy", "1.26.4", "py311_0", ending=".tar.bz2"), "file"),
        (replace(NUMPY, url=NUMPY.url.replace("linux-64", "noarch")), "file"),
        (replace(NUMPY, sha256="0" * 64), "hash"),
        (replace(NUMPY, md5="0" * 32), "hash"),
        (replace(NUMPY, dependencies={"python": ">=3.11,<4"}), "dependencies"),
        (replace(NUMPY, category="dev"), "category"),
    ],
)
def test_the_weightiest_aspect_names_the_change(after: LockedPackage, kind: str):
    assert change_of(NUMPY, after)[0] == kind
    assert change_of(after, NUMPY)[0] == kind


def test_a_hash_that_changed_alone_is_the_only_aspect():
    assert change_of(NUMPY, replace(NUMPY, sha256="0" * 64)) == ("hash", (Aspect.HASH,))


def test_pip_and_conda_packages_of_one_name_are_different_packages():
    difference = compare_locks(make_lock(locked("numpy")), make_lock(pip_locked("numpy")))

    assert kinds(difference) == [("removed", "numpy"), ("added", "numpy")]


def test_platforms_of_either_lock_are_compared():
    before = make_lock(NUMPY, platforms=["linux-64", "osx-64"])
    after = make_lock(locked("numpy", platform="win-64"))

    difference = compare_locks(before, after)

    assert list(difference.platforms) == ["linux-64", "osx-64", "win-64"]
    assert kinds(difference) == [("removed", "numpy"), ("added", "numpy")]


def test_only_the_named_platforms_are_compared():
    before = make_lock(NUMPY, locked("pywin32", platform="win-64"))

    difference = compare_locks(before, make_lock(NUMPY), ["linux-64"])

    assert difference.is_empty


# A merge that keeps both sides leaves two entries of one name.
OLD, NEW, NEWEST = locked("awscli", "1.32.34"), locked("awscli", "2.15.20"), locked("awscli", "2.9")


def test_of_two_entries_the_one_that_stayed_is_no_change():
    difference = compare_locks(make_lock(OLD, NEW), make_lock(NEW))

    assert kinds(difference) == [("removed", "awscli")]


def test_entries_are_paired_in_the_order_of_their_versions():
    difference = compare_locks(make_lock(NEW, OLD), make_lock(NEWEST))

    first, second = difference.platforms["linux-64"]
    assert (first.before, first.after) == (OLD, NEWEST)
    assert (second.before, second.after) == (NEW, None)


def test_the_same_entry_twice_differs_from_the_same_entry_once():
    assert kinds(compare_locks(make_lock(OLD, OLD), make_lock(OLD))) == [("removed", "awscli")]


def test_a_change_without_sides_is_no_change():
    with pytest.raises(ValueError, match="a change has a side"):
        _ = PackageChange(before=None, after=None).either


# --- heads ----------------------------------------------------------------------------------------


def test_the_inputs_are_compared_key_by_key():
    before = make_lock(NUMPY, inputs={"gpu.cuda": "12.1", "python.version": "3.11.*"})
    after = make_lock(NUMPY, inputs={"gpu.cuda": "12.4", "dependencies.scipy": "*"})

    difference = compare_locks(before, after)

    assert difference.head == (
        HeadChange(key="inputs: dependencies.scipy", before=None, after='"*"'),
        HeadChange(key="inputs: gpu.cuda", before='"12.1"', after='"12.4"'),
        HeadChange(key="inputs: python.version", before='"3.11.*"', after=None),
    )
    assert difference.packages_are_equal
    assert not difference.is_empty


def test_facts_channels_and_platforms_are_compared():
    before = make_lock(NUMPY, facts={"pin": "sha256:aa", "packages-sha256": "x"})
    after = make_lock(
        NUMPY,
        facts={"pin": "sha256:bb", "packages-sha256": "y"},
        channels=["https://conda.anaconda.org/pytorch", "conda-forge"],
        platforms=["win-64", "linux-64"],
    )

    assert compare_locks(before, after).head == (
        HeadChange(key="channels", before="conda-forge", after="pytorch, conda-forge"),
        HeadChange(key="pin", before="sha256:aa", after="sha256:bb"),
        HeadChange(key="platforms", before="linux-64", after="linux-64, win-64"),
    )


def test_facts_of_platforms_that_are_not_compared_are_left_out():
    win = locked("numpy", platform="win-64")
    before = make_lock(NUMPY, win, facts={"win-64/cuda": "12.1", "linux-64/cuda": "12.1"})
    after = make_lock(NUMPY, win, facts={"win-64/cuda": "12.4", "linux-64/cuda": "12.4"})

    assert [item.key for item in compare_locks(before, after, ["linux-64"]).head] == [
        "linux-64/cuda"
    ]


def test_inputs_of_platforms_that_are_not_compared_are_left_out():
    win = locked("numpy", platform="win-64")
    before = make_lock(NUMPY, win, inputs={"target.win-64.dependencies.a": "1"})
    after = make_lock(NUMPY, win, inputs={"target.win-64.dependencies.a": "2"})

    assert compare_locks(before, after, ["linux-64"]).is_empty
    assert not compare_locks(before, after).is_empty


def test_the_content_hash_speaks_where_no_inputs_are_recorded():
    lock = make_lock(NUMPY)
    moved = replace(lock, head=replace(lock.head, content_hash={"linux-64": "b"}))

    assert compare_locks(lock, moved).head == (
        HeadChange(key="content_hash: linux-64", before=None, after="b"),
    )


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_inputs_are_a_change_and_not_a_crash(text: str):
    lock = make_lock(NUMPY, facts={"inputs": text})

    assert compare_locks(lock, make_lock(NUMPY, inputs={})).head == (
        HeadChange(key="inputs: (damaged)", before=text, after=None),
    )


# --- what an address says -------------------------------------------------------------------------


def archive(channel: str, subdir: str, file_name: str, build: str) -> Archive:
    return Archive(channel=channel, subdir=subdir, file_name=file_name, build=build)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda",
            archive("conda-forge", "linux-64", "a-1.0-h1_0.conda", "h1_0"),
        ),
        (
            "https://conda.anaconda.org/conda-forge/label/rc/noarch/a-1.0-py_0.tar.bz2#0123",
            archive("conda-forge/label/rc", "noarch", "a-1.0-py_0.tar.bz2", "py_0"),
        ),
        (
            "https://user:secret@repo.example/t/token/pkgs/linux-64/a-1.0-0.conda",
            archive("https://repo.example/pkgs", "linux-64", "a-1.0-0.conda", "0"),
        ),
        (
            "https://conda.anaconda.org/c/linux-64/a-1%211.0-0.conda",
            archive("c", "linux-64", "a-1!1.0-0.conda", "0"),
        ),
        ("/srv/x/linux-64/a-1.0-0.conda", archive("unknown", "linux-64", "a-1.0-0.conda", "0")),
        ("", archive("unknown", "", "", "")),
    ],
)
def test_a_conda_address_names_channel_folder_file_and_build(url: str, expected: Archive):
    assert parse_archive(replace(locked("a"), url=url)) == expected


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        ("https://user:secret@wheels.example/a-1.0.whl?token=1", "wheels.example"),
        ("git+https://github.com/o/r.git@0a1b", "git+https://github.com"),
        ("file:///home/me/a.whl", "file"),
        ("./a.whl", "file"),
        ("a.whl", "unknown"),
    ],
)
def test_a_pip_address_names_who_owns_the_file(url: str, owner: str):
    found = parse_archive(replace(pip_locked("a"), url=url))

    assert (found.channel, found.subdir, found.build) == (owner, "", "")


@pytest.mark.parametrize(
    ("build", "variant"),
    [
        ("py3.11_cuda12.1_cudnn9.1.0_0", "cuda12.1_cudnn9.1.0"),
        ("cuda129_mkl_py313_h7947483_302", "cuda129_mkl"),
        ("cuda120py312h8a249fc_202", "cuda120"),
        ("cpu_generic_py311h1584bb0_3", "cpu_generic"),
        ("h36213f4_0_cpu", "cpu"),
        ("nompi_py311h4faab6c_102", "nompi"),
        ("31_h59b9bed_openblas", "openblas"),
        ("13_linux64_mkl", "mkl"),
        ("np2py311ha15b03d_1", ""),
        ("pl5321h26f1114_1", ""),
        ("hab00c5b_0_cpython", ""),
        ("pyhd8ed1ab_0", ""),
        ("pypyh2585a3b_103", ""),
        ("1_cp311", ""),
        ("0", ""),
    ],
)
def test_a_variant_is_what_makes_a_build_different_in_kind(build: str, variant: str):
    assert build_variant(locked("a", build=build)) == variant


# --- up and down ----------------------------------------------------------------------------------

ASCENDING = (
    "0.9",
    "1.0dev1",
    "1.0a1",
    "1.0rc1",
    "1.0",
    "1.0.post1",
    "1.0.1",
    "1.2",
    "1.10",
    "2024.10.1",
    "1!0.1",
)


def test_versions_are_compared_in_condas_order():
    for place, low in enumerate(ASCENDING):
        for high in ASCENDING[place + 1 :]:
            assert compare_versions(low, high) is Direction.UP, (low, high)
            assert compare_versions(high, low) is Direction.DOWN, (low, high)


@pytest.mark.parametrize(
    ("before", "after"),
    [("1.0", "1.0.0"), ("1.0", "1.00"), ("1.0+cu121", "main branch"), ("", "1.0"), ("1 .0", "2.0")],
)
def test_where_nothing_is_known_of_the_order_no_direction_is_claimed(before: str, after: str):
    assert compare_versions(before, after) is Direction.UNSURE


def test_local_versions_and_epochs_count():
    assert compare_versions("2.1.0+cu118", "2.1.0+cu121") is Direction.UP
    assert compare_versions("2024.1", "1!1.0") is Direction.UP


def test_a_version_of_thousands_of_digits_is_no_trouble():
    assert compare_versions("1" * 5_000, "2") is Direction.DOWN


def test_platforms_are_those_of_the_head_and_of_the_packages():
    lock = make_lock(NUMPY, platforms=["win-64"])

    assert platforms_of(lock) == ("linux-64", "win-64")
