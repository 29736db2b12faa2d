"""Add, remove and pin change the file in one step, or not at all, and say what they changed."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, InputFileError, LockError, WorldError
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.workflows.edit import (
    Changed,
    EditedStack,
    add_to_stack,
    pin_in_stack,
    remove_from_stack,
)
from fakes import FakeWorkspace

STACK = b"""\
[stack]
name = "a"
platforms = ["linux-64"]

[python]
version = "3.12.*"

[dependencies]
numpy = ">=2"   # arrays
"""


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace({"a.toml": STACK})


def test_adding_says_which_keys_are_new(workspace: FakeWorkspace):
    edited = add_to_stack("a.toml", ["pandas>=2", "conda-forge::scipy"], workspace)

    assert edited == EditedStack(
        path="a.toml",
        changes=(
            Changed(key="dependencies.pandas", before=None, after=">=2"),
            Changed(key="dependencies.scipy.channel", before=None, after="conda-forge"),
            Changed(key="dependencies.scipy.version", before=None, after="*"),
        ),
    )
    assert workspace.files["a.toml"] == STACK + (
        b'pandas = ">=2"\nscipy = { version = "*", channel = "conda-forge" }\n'
    )


def test_removing_says_which_keys_are_gone(workspace: FakeWorkspace):
    edited = remove_from_stack("a.toml", ["numpy"], workspace)

    assert edited.changes == (Changed(key="dependencies.numpy", before=">=2", after=None),)
    assert workspace.files["a.toml"].endswith(b"[dependencies]\n")


def test_pinning_says_what_it_was_before(workspace: FakeWorkspace):
    edited = pin_in_stack("a.toml", ["numpy==2.1.0"], workspace)

    assert edited.changes == (Changed(key="dependencies.numpy", before=">=2", after="==2.1.0"),)
    assert b'numpy = "==2.1.0"   # arrays\n' in workspace.files["a.toml"]


def test_a_pypi_package_and_a_platform_reach_their_table(workspace: FakeWorkspace):
    edited = add_to_stack("a.toml", ["rich"], workspace, pypi=True, platform="linux-64")

    assert [item.key for item in edited.changes] == ["target.linux-64.pypi-dependencies.rich"]


def test_nothing_is_written_when_nothing_changes():
    workspace = FakeWorkspace({"a.toml": STACK}, refuses="it is full")

    assert add_to_stack("a.toml", ["numpy"], workspace).changes == ()


def test_all_requirements_are_added_or_none(workspace: FakeWorkspace):
    with pytest.raises(EnvlockError, match=r"^expected a version such as"):
        add_to_stack("a.toml", ["pandas", "scipy>="], workspace)
    with pytest.raises(EnvlockError, match=r"^a\.toml: `pandas` is not in the stack$"):
        remove_from_stack("a.toml", ["numpy", "pandas"], workspace)

    assert workspace.files["a.toml"] == STACK


def test_a_disk_that_refuses_is_reported(workspace: FakeWorkspace):
    workspace.refuses = "it is full"

    with pytest.raises(WorldError, match=r"^a\.toml: cannot be written: it is full$"):
        add_to_stack("a.toml", ["pandas"], workspace)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "a.toml:1: expected UTF-8 text, found the byte 0xff at offset 0"),
        (b"#" * 1_000_001, "a.toml: too large"),
    ],
)
def test_a_file_that_is_no_stack_is_refused(content: bytes, message: str):
    workspace = FakeWorkspace({"a.toml": content})

    with pytest.raises(InputFileError) as caught:
        add_to_stack("a.toml", ["numpy"], workspace)

    assert str(caught.value) == message


# --- a version from the lock --------------------------------------------------------------------

WIDE = b"""\
[stack]
name = "a"
platforms = ["linux-64", "win-64"]

[python]
version = "3.12.*"

[frameworks]
jax = "*"
pytorch = { version = "*", from = "pypi" }

[dependencies]
numpy = ">=2"
scipy = "*"
zlib = "*"

[pypi-dependencies]
Ruamel_Yaml = "*"

[target.win-64.dependencies]
scipy = "<2"
"""


def locked(name: str, version: str, platform: str, manager: str = "conda") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager=manager,
        platform=platform,
        url=f"https://host/{name}",
        md5=None,
        sha256=None,
        dependencies={},
    )


LOCK = Lock(
    head=LockHead(
        channels=("conda-forge",),
        platforms=("linux-64", "win-64"),
        sources=("a.toml",),
        content_hash={},
        facts={},
    ),
    packages=tuple(
        locked(name, version, platform, manager)
        for name, manager, linux, windows in [
            ("python", "conda", "3.12.7", "3.12.7"),
            ("jax", "conda", "0.4.35", "0.4.35"),
            ("torch", "pip", "2.5.1+cu121", "2.5.1+cu121"),
            ("numpy", "conda", "2.1.3", "2.1.2"),
            ("scipy", "conda", "1.14.1", "1.13.0"),
            ("ruamel-yaml", "pip", "0.18.6", "0.18.6"),
            ("numpy", "pip", "1.0", "1.0"),
        ]
        for platform, version in [("linux-64", linux), ("win-64", windows)]
    ),
)


@pytest.fixture
def wide() -> FakeWorkspace:
    return FakeWorkspace({"a.toml": WIDE, "a.conda-lock.yml": format_lock(LOCK)})


@pytest.mark.parametrize(
    ("name", "options", "key", "version"),
    [
        ("python", {}, "python.version", "==3.12.7"),
        ("jax", {}, "frameworks.jax", "==0.4.35"),
        ("pytorch", {}, "frameworks.pytorch.version", "==2.5.1+cu121"),
        ("torch", {"pypi": True}, "frameworks.pytorch.version", "==2.5.1+cu121"),
        ("ruamel.yaml", {"pypi": True}, "pypi-dependencies.Ruamel_Yaml", "==0.18.6"),
        ("scipy", {}, "dependencies.scipy", "==1.14.1"),
        ("scipy", {"platform": "win-64"}, "target.win-64.dependencies.scipy", "==1.13.0"),
    ],
)
def test_a_name_alone_is_pinned_to_what_the_lock_has(
    wide: FakeWorkspace, name: str, options: dict[str, str], key: str, version: str
):
    edited = pin_in_stack("a.toml", [name], wide, **options)  # type: ignore[arg-type]

    assert [(item.key, item.after) for item in edited.changes] == [(key, version)]


def refused_pin(workspace: FakeWorkspace, name: str) -> tuple[str, tuple[str, ...]]:
    before = dict(workspace.files)
    with pytest.raises(LockError) as caught:
        pin_in_stack("a.toml", [name], workspace)
    assert workspace.files == before
    return str(caught.value), caught.value.hints


def test_platforms_that_differ_have_no_one_version(wide: FakeWorkspace):
    assert refused_pin(wide, "numpy") == (
        "a.conda-lock.yml: has different versions of `numpy`: 2.1.3 on linux-64, 2.1.2 on win-64",
        ("say the version: `numpy==VERSION`",),
    )


def test_a_lock_without_the_package_says_no_version(wide: FakeWorkspace):
    assert refused_pin(wide, "zlib") == (
        "a.conda-lock.yml: does not have `zlib` for linux-64 and win-64",
        ("lock the stack anew: `envlock solve a.toml`", "say the version: `zlib==VERSION`"),
    )


def test_without_a_lock_a_pin_needs_its_version(workspace: FakeWorkspace):
    assert refused_pin(workspace, "numpy") == (
        "a.toml: has no lock to take a version from: a.conda-lock.yml is missing",
        ("make it: `envlock solve a.toml`", "or say the version: `NAME==VERSION`"),
    )


def test_a_name_that_is_not_in_the_stack_is_told_before_the_lock_is_missed(
    workspace: FakeWorkspace,
):
    with pytest.raises(EnvlockError, match=r"^a\.toml: `nunpy` is not in the stack$"):
        pin_in_stack("a.toml", ["nunpy"], workspace)


def test_a_dependency_that_every_platform_has_of_its_own_speaks_for_none(wide: FakeWorkspace):
    own = b'\n[target.linux-64.dependencies]\nscipy = ">=1"\n'
    wide.files["a.toml"] = WIDE + own

    assert refused_pin(wide, "scipy")[0] == (
        "a.conda-lock.yml: does not have `scipy` for any platform"
    )
