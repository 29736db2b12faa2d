from __future__ import annotations

import pytest

from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.conda_paths import CondaPlacing, placed, refuse_takeovers

SITE = "lib/python3.11/site-packages"


def package(
    name: str,
    *files: str,
    links: dict[str, str] | None = None,
    commands: dict[str, str] | None = None,
    is_noarch_python: bool = False,
) -> CondaPlacing:
    entries = [TreeEntry(path=path, kind=EntryKind.FILE) for path in files]
    entries += [
        TreeEntry(path=path, kind=EntryKind.LINK, target=target)
        for path, target in (links or {}).items()
    ]
    return CondaPlacing(
        file_name=f"{name}-1-0.conda",
        is_noarch_python=is_noarch_python,
        commands=commands or {},
        entries=entries,
    )


def refusal(*packages: CondaPlacing) -> str:
    with pytest.raises(ArchiveError) as refused:
        refuse_takeovers(packages, SITE)
    return str(refused.value).removesuffix("\nNothing was installed.")


@pytest.mark.parametrize(
    ("path", "is_noarch_python", "place"),
    [
        ("site-packages/a.py", True, f"{SITE}/a.py"),
        ("python-scripts/a", True, "bin/a"),
        ("share/a", True, "share/a"),
        ("site-packages/a.py", False, "site-packages/a.py"),
    ],
)
def test_a_file_goes_to(path: str, is_noarch_python: bool, place: str):
    assert placed(path, SITE, is_noarch_python=is_noarch_python) == place


def test_packages_that_leave_each_other_alone_are_taken():
    refuse_takeovers(
        [
            package("a", "bin/a", "lib/a/x", links={"lib/l": "a"}, commands={"b": "b:main"}),
            package("b", "lib/b/x", links={"lib/b/l": "../a"}, commands={"b": "b:main"}),
        ],
        SITE,
    )


def test_a_packages_own_link_is_its_own_to_write_through():
    refuse_takeovers([package("a", "lib/x", links={"lib64": "lib"})], SITE)


def test_a_launcher_over_a_file_is_refused():
    told = refusal(package("a", "bin/x"), package("b", commands={"x": "b:main"}))

    assert told == (
        "two packages disagree: `bin/x` is a file of `a-1-0.conda` and a launcher of `b-1-0.conda`"
    )


def test_a_launcher_over_a_noarch_packages_script_is_refused():
    told = refusal(
        package("a", "python-scripts/x", is_noarch_python=True, commands={"x": "a:main"}),
    )

    assert told.startswith("two packages disagree: `bin/x` is a file of `a-1-0.conda`")


def test_a_launcher_over_a_link_is_refused():
    told = refusal(
        package("a", "lib/x", links={"bin/x": "../lib/x"}), package("b", commands={"x": "b:m"})
    )

    assert told.startswith("two packages disagree: `bin/x` is a file of `a-1-0.conda`")


def test_a_launcher_through_a_link_is_refused():
    told = refusal(package("a", links={"bin": "opt"}), package("b", commands={"x": "b:m"}))

    assert told == "`b-1-0.conda` has `bin/x`, and `bin` is a link of `a-1-0.conda`"


def test_what_lies_below_info_is_no_part_of_an_environment():
    refuse_takeovers(
        [package("a", links={"info/test": "../../.."}), package("b", "info/test/x")], SITE
    )
