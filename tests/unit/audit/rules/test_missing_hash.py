"""EL101: files without a hash."""

from __future__ import annotations

from envlock.audit.rules.missing_hash import RULE
from envlock.model.reading import Ecosystem, FileKind, OriginKind
from readings import conda, folder, git, image, origin, reading, remedies, sha, told, wheel, wish


def test_a_file_without_a_hash_is_told():
    found = reading(conda("numpy", "2.1.3", hashes={}, line=7))

    assert told(RULE, found) == [
        "error at 7 (numpy): `numpy-2.1.3-0.conda` has no hash: whatever is served under its "
        "address is installed as `numpy`.",
    ]


def test_a_file_with_a_hash_a_whole_commit_and_a_folder_are_fine():
    found = reading(conda("numpy"), wheel("torch"), git("tool"), folder("here"))

    assert told(RULE, found) == []


def test_of_many_files_of_one_package_those_without_are_counted():
    found = reading(
        wheel(
            "torch",
            origins=[
                origin("https://wheels.example/a.whl", OriginKind.WHEEL),
                origin("https://wheels.example/b.whl", OriginKind.WHEEL, hashes={}, line=9),
            ],
        )
    )

    assert told(RULE, found) == [
        "error at 9 (torch): 1 of the 2 files of `torch` has no hash: whatever is served under "
        "its address is installed as `torch`.",
    ]


def test_several_files_of_one_package_are_told_once():
    found = reading(
        *(
            wheel("numpy", tags=tag, hashes={}, line=at)
            for at, tag in enumerate(("cp313-cp313-win_amd64", "cp313-cp313-macosx_11_0_arm64"), 4)
        )
    )

    assert told(RULE, found) == [
        "error at 4 (numpy): `numpy-1.0-cp313-cp313-win_amd64.whl` has no hash: whatever is "
        "served under its address is installed as `numpy`. So it is with 1 more of `numpy`.",
    ]


def test_virtual_packages_are_another_rules():
    found = reading(conda("__cuda", hashes={}))

    assert told(RULE, found) == []


def test_a_lock_without_any_hash_is_one_finding():
    found = reading(*(conda(f"p{at:02}", hashes={}) for at in range(40)))

    assert told(RULE, found) == [
        "error: 40 packages have no hash: `p00`, `p01`, `p02` and 37 more. Whatever is served "
        "under their addresses is installed.",
    ]


def test_requirements_without_any_hash_are_told_once():
    found = reading(
        wish("numpy==2.1.3", line=1),
        wish("torch==2.5.1", line=2),
        wish("scipy", line=3),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == [
        "warning at 1: 2 packages of this file have a version and no hash (`numpy` and "
        "`torch`): nothing says whether tomorrow's files are the same ones.",
    ]


def test_requirements_where_one_row_lacks_its_hash_are_refused_by_pip():
    found = reading(
        wish("numpy==2.1.3", hashes={"sha256": sha("a")}, line=1),
        wish("torch==2.5.1", line=2),
        kind=FileKind.REQUIREMENTS,
    )

    assert told(RULE, found) == [
        "error at 2 (torch): `torch` has no hash while other rows have: pip then refuses the "
        "whole file.",
    ]


def test_rows_without_a_version_are_left_to_another_rule():
    found = reading(wish("numpy", line=1), git("tool"), kind=FileKind.REQUIREMENTS)

    assert told(RULE, found) == []


def test_apt_and_images_have_other_means():
    found = reading(
        wish("curl=8.5.0", Ecosystem.APT), image("python", "3.11"), kind=FileKind.DOCKERFILE
    )

    assert told(RULE, found) == []


def test_what_lies_on_a_disk_is_another_rules():
    found = reading(
        wheel("tool", url="file:///croot/tool_1/work", hashes={}), kind=FileKind.REQUIREMENTS
    )

    assert told(RULE, found) == []


def test_each_format_has_its_own_remedy_for_environments():
    found = reading(wish("numpy==2.1.3", Ecosystem.CONDA), kind=FileKind.ENVIRONMENT)

    assert remedies(RULE, found) == [
        "an environment file cannot hold hashes: draft a stack with `envlock import FILE`, lock "
        "it with `envlock solve`, and install from the lock.",
    ]


def test_each_format_has_its_own_remedy_for_dockerfiles():
    found = reading(wish("numpy==2.1.3"), kind=FileKind.DOCKERFILE)

    assert remedies(RULE, found) == [
        "install from a lock or from a requirements file with hashes: `COPY` it and `RUN pip "
        "install --require-hashes -r requirements.txt`.",
    ]
