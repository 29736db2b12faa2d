"""EL103: addresses that mean another file tomorrow."""

from __future__ import annotations

from envlock.audit.rules.mutable_address import RULE
from envlock.model.reading import FileKind
from readings import COMMIT, command, conda, folder, git, reading, remedies, told, wheel


def test_a_branch_is_told_with_the_way_to_its_commit():
    found = reading(git("tool", revision="main", line=5))

    assert told(RULE, found) == [
        "error at 5 (tool): `tool` comes from `https://git.example/owner/project.git` at "
        "`main`, which is no whole commit: whatever lies there on the day is built.",
    ]


def test_the_remedy_names_the_command():
    found = reading(git("tool", "git+https://git.example/o/tool.git@main", revision="main"))

    assert remedies(RULE, found) == [
        "find the commit with `git ls-remote https://git.example/o/tool.git main` and write all "
        "40 digits of it.",
    ]


def test_no_revision_at_all_is_told():
    found = reading(git("tool", revision=""))

    assert told(RULE, found) == [
        "error (tool): `tool` comes from `https://git.example/owner/project.git` with no commit "
        "at all: whatever lies there on the day is built.",
    ]


def test_a_short_commit_is_told():
    found = reading(git("tool", revision="8076d16"))

    assert told(RULE, found) == [
        "error (tool): `tool` comes from `https://git.example/owner/project.git` at `8076d16`, "
        "which is no whole commit: whatever lies there on the day is built.",
    ]


def test_a_whole_commit_is_fine_wherever_it_stands():
    found = reading(
        git("a"),
        git("b", f"https://git.example/o/b.git?tag=v1#{COMMIT}", revision="v1"),
        git("c", revision="0" * 64),
    )

    assert told(RULE, found) == []


def test_an_archive_of_a_branch_is_another_file_after_each_push():
    found = reading(wheel("tool", url="https://git.example/o/tool/archive/main.zip", hashes={}))

    assert told(RULE, found) == [
        "error (tool): `tool` comes from `https://git.example/o/tool/archive/main.zip`, and "
        "`/archive/main.zip` is another file after each change. It has no hash, so nobody would "
        "notice.",
    ]


def test_with_a_hash_it_is_a_warning():
    found = reading(wheel("tool", url="https://git.example/o/tool/archive/refs/heads/fix.zip"))

    assert told(RULE, found) == [
        "warning (tool): `tool` comes from "
        "`https://git.example/o/tool/archive/refs/heads/fix.zip`, and `/archive/refs/heads/` is "
        "another file after each change. Its hash will then fit no more, and nothing can be "
        "installed.",
    ]


def test_latest_and_raw_files_of_a_branch_are_told():
    found = reading(
        conda("a", url="https://files.example/latest/a-1.0-0.conda"),
        wheel("b", url="https://git.example/o/b/raw/master/b-1.0-py3-none-any.whl"),
    )

    assert told(RULE, found) == [
        "warning (a): `a` comes from `https://files.example/latest/a-1.0-0.conda`, and "
        "`/latest/` is another file after each change. Its hash will then fit no more, and "
        "nothing can be installed.",
        "warning (b): `b` comes from "
        "`https://git.example/o/b/raw/master/b-1.0-py3-none-any.whl`, and `/raw/master/` is "
        "another file after each change. Its hash will then fit no more, and nothing can be "
        "installed.",
    ]


def test_a_release_is_fine():
    found = reading(
        wheel(
            "tool",
            url="https://git.example/o/tool/releases/download/v1.0/tool-1.0-py3-none-any.whl",
        ),
        wheel("latest-thing"),
        folder("main", "./main"),
    )

    assert told(RULE, found) == []


def test_a_clone_takes_whatever_is_newest():
    found = reading(
        command("git clone https://git.example/o/tool.git /opt/tool", line=8),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "error at 8 (https://git.example/o/tool.git): `git clone` of "
        "`https://git.example/o/tool.git` takes whatever is newest on the day.",
    ]


def test_a_tag_of_a_release_is_a_warning():
    found = reading(
        git("tool", revision="v1.2.0"),
        command("git clone -b v1.0.3 --depth 1 https://git.example/o/x.git", line=3),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning (tool): `tool` comes from `https://git.example/owner/project.git` at `v1.2.0`, "
        "which is no whole commit: whatever lies there on the day is built.",
        "warning at 3 (https://git.example/o/x.git): `git clone` of "
        "`https://git.example/o/x.git` takes whatever is newest on the day under `v1.0.3`.",
    ]


def test_each_keeps_its_own_remedy():
    found = reading(
        *(git(f"p{at}", f"https://git.example/o/p{at}.git", revision="main") for at in range(4))
    )

    assert remedies(RULE, found) == [
        "find the commit with `git ls-remote https://git.example/o/p0.git main` and write all "
        "40 digits of it.",
        "find the commit with `git ls-remote https://git.example/o/p1.git main` and write all "
        "40 digits of it.",
        "find the commit with `git ls-remote https://git.example/o/p2.git main` and write all "
        "40 digits of it.",
        "find the commit with `git ls-remote https://git.example/o/p3.git main` and write all "
        "40 digits of it.",
    ]


def test_a_clone_that_goes_to_a_commit_is_fine():
    found = reading(
        command("git clone https://git.example/o/tool.git"),
        command(f"git -C tool checkout {COMMIT}"),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == []


def test_a_download_of_latest_is_told():
    found = reading(
        command("wget https://files.example/Miniconda3-latest-Linux-x86_64.sh", line=3),
        command("wget https://files.example/Miniconda3-py311_24.5.0-0-Linux-x86_64.sh"),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 3 (https://files.example/Miniconda3-latest-Linux-x86_64.sh): "
        "`https://files.example/Miniconda3-latest-Linux-x86_64.sh` is downloaded; `-latest-` is "
        "another file after each change.",
    ]
