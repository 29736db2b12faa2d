"""From a lock to what has to be fetched."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.errors import LockError
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.store import ArtifactKind
from envlock.store.wanted import artifacts_on, file_name_of, without_python
from locks import locked, make_lock, pip_locked

LINUX = Platform("linux-64")


def refused(*packages: LockedPackage) -> LockError:
    with pytest.raises(LockError) as caught:
        artifacts_on(make_lock(*packages), LINUX, "a.yml")
    return caught.value


def test_artifacts_are_ordered_and_say_what_they_are():
    conda, wheel = artifacts_on(
        make_lock(pip_locked("b", "2.0"), locked("a", "1.0", "h_0")), LINUX, "a.yml"
    )

    assert (conda.name, conda.version, conda.build, conda.kind) == (
        *("a", "1.0", "h_0"),
        ArtifactKind.CONDA,
    )
    assert (wheel.name, wheel.build, wheel.kind) == ("b", "", ArtifactKind.WHEEL)
    assert wheel.file_name == "b-2.0-py3-none-any.whl"


def test_windows_is_not_built():
    with pytest.raises(LockError) as caught:
        artifacts_on(make_lock(locked("a")), Platform("win-64"), "a.yml")

    assert str(caught.value) == (
        "a.yml: environments are built on Linux and macOS; win-64 is solved and audited"
    )


def test_a_platform_that_is_not_locked_is_named_with_those_that_are():
    with pytest.raises(LockError) as caught:
        artifacts_on(make_lock(locked("a")), Platform("linux-aarch64"), "a.yml")

    assert str(caught.value) == "a.yml: expected packages for linux-aarch64, found linux-64"


def test_every_fault_is_told_at_once():
    error = refused(
        replace(locked("a"), sha256=None, md5="0" * 32),
        replace(locked("b"), sha256="xyz"),
        replace(pip_locked("c"), url="https://wheels.example/c-1.0.tar.gz"),
        replace(locked("d"), url="https://channel.example/linux-64/d.zip"),
        replace(locked("e"), manager="npm"),
    )

    assert str(error) == (
        "a.yml: not everything in it can be built\n"
        "  a 1.0: expected a SHA-256, found an MD5 only, which proves nothing\n"
        "  b 1.0: expected a SHA-256, found none\n"
        "  c 1.0: expected a wheel, found `c-1.0.tar.gz`: its build is not locked\n"
        "  d 1.0: expected a conda package, found `d.zip`\n"
        "  e 1.0: expected the manager conda or pip, found `npm`\n"
        "Nothing was built."
    )


def test_one_package_twice_is_refused():
    error = refused(locked("a", build="0"), locked("a", build="1"))

    assert str(error) == (
        "a.yml: a is locked twice for one platform: `a-1.0-0.conda` and `a-1.0-1.conda`\n"
        "Nothing was built."
    )


def test_a_row_that_stands_twice_is_one_artifact():
    assert len(artifacts_on(make_lock(locked("a"), locked("a")), LINUX, "a.yml")) == 1


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x/y/a-1%212-0.conda", "a-1!2-0.conda"),
        ("https://x/a.whl?token=1#sha256=2", "a.whl"),
        ("file:///x/a%20b.whl", "a b.whl"),
        ("a.whl/", "a.whl"),
    ],
)
def test_a_file_name_is_the_last_part_of_an_address_decoded(url: str, name: str):
    assert file_name_of(url) == name


@pytest.mark.parametrize("name", ["%2e%2e", "a%2Fb.whl", ".a.whl", "a%1b.whl", "a%00.whl"])
def test_a_name_that_is_no_file_name_is_refused(name: str):
    error = refused(replace(pip_locked("a"), url=f"https://x/{name}"))

    assert "a 1.0: expected a" in str(error) or "no name of a file" in str(error)


def test_python_and_what_it_needs_are_left_to_the_machine():
    lock = make_lock(
        *(locked("python", needs=["openssl"]), locked("openssl", needs=["ca"]), locked("ca")),
        pip_locked("a"),
    )
    artifacts = artifacts_on(lock, LINUX, "a.yml")

    assert [each.name for each in without_python(artifacts, lock, LINUX)] == ["a"]


def test_other_conda_packages_cannot_be_left_to_the_machine():
    lock = make_lock(locked("python"), locked("cuda-nvcc"), locked("zlib"), pip_locked("a"))

    with pytest.raises(LockError) as caught:
        without_python(artifacts_on(lock, LINUX, "a.yml"), lock, LINUX)

    assert str(caught.value) == (
        "only a stack of wheels can be built on the machine's own Python\n"
        "  expected nothing from conda beyond Python and what it needs, found cuda-nvcc, zlib\n"
        "Nothing was built."
    )
