from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from envlock.errors import LockError
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.store import Artifact
from envlock.workflows.export import Export, ExportTools, export_nix
from fakes import FakeReporter, FakeWorkspace
from fakes_store import FakeNeeds, FakeStore
from locks import locked, make_lock, pip_locked

PYTHON = locked("python", "3.11.2", needs=["libstdcxx", "__glibc >=2.17"])
LIBRARY = locked("libstdcxx", "12.2")


class SilentMeter:
    def begin(self, files: int, size_bytes: int | None) -> None: ...
    def received(self, size_bytes: int) -> None: ...
    def done(self, wanted: object, /) -> None: ...


class FakeMeasure:
    def tar_bytes(self, artifact: Artifact) -> Mapping[str, int]:
        return {"info": 512, "pkg": 1024} if artifact.file_name.endswith(".conda") else {}


@dataclass
class House:
    """A lock, and what an export of it acts through."""

    packages: tuple[LockedPackage, ...]
    facts: dict[str, str] = field(default_factory=dict)
    store: FakeStore = field(default_factory=FakeStore)
    reporter: FakeReporter = field(default_factory=FakeReporter)
    needs: FakeNeeds = field(default_factory=FakeNeeds)

    def export(self, *asked: Platform) -> Export:
        content = format_lock(make_lock(*self.packages, facts=self.facts))
        tools = ExportTools(
            workspace=FakeWorkspace(files={"demo.conda-lock.yml": content}),
            artifacts=self.store,
            measure=FakeMeasure(),
            reporter=self.reporter,
            progress=SilentMeter(),
            needs=self.needs,
        )
        return export_nix("demo.conda-lock.yml", asked, tools)

    def rows(self) -> dict[str, dict[str, object]]:
        half = json.loads(self.export().content)["systems"]["x86_64-linux"]
        return {row["name"]: row for row in half["artifacts"]}


def test_what_python_needs_is_marked_since_it_links_the_rest():
    rows = House((PYTHON, LIBRARY, locked("numpy"), pip_locked("tool"))).rows()

    assert [name for name, row in rows.items() if row["isBootstrap"]] == ["libstdcxx", "python"]
    assert rows["numpy"]["tarBytes"] == {"info": 512, "pkg": 1024}
    assert "tarBytes" not in rows["tool"]


def test_a_wheel_called_as_a_library_of_python_is_no_part_of_it():
    rows = House((PYTHON, pip_locked("libstdcxx"))).rows()

    assert [name for name, row in rows.items() if row["isBootstrap"]] == ["python"]


def test_what_is_not_here_is_fetched_and_kept_from_being_collected():
    house = House((PYTHON, LIBRARY))
    house.store.archives.add(str(PYTHON.sha256))

    house.export()

    assert house.store.done == [f"fetch {LIBRARY.sha256}"]
    assert house.needs.kept == {PYTHON.sha256, LIBRARY.sha256}


def test_platforms_that_nix_does_not_build_are_left_out_and_named():
    others = [locked("python", "3.11.2", platform=name) for name in ("win-64", "osx-arm64")]

    exported = House((PYTHON, LIBRARY, *others)).export()

    reasons = {
        "osx-arm64": "programs with a rewritten prefix must be signed anew, which takes Apple's "
        "tools",
        "win-64": "Nix builds nothing for Windows",
    }
    assert exported.left_out == reasons
    assert json.loads(exported.content)["leftOut"] == reasons
    assert list(json.loads(exported.content)["systems"]) == ["x86_64-linux"]


def test_one_platform_can_be_asked_for():
    other = locked("python", "3.11.2", platform="linux-aarch64")

    exported = House((PYTHON, other)).export(Platform.LINUX_AARCH64)

    assert list(json.loads(exported.content)["systems"]) == ["aarch64-linux"]
    assert exported.left_out == {"linux-64": "it was not asked for"}


def refusal(house: House, *asked: Platform) -> LockError:
    with pytest.raises(LockError) as caught:
        house.export(*asked)
    assert house.store.done == []
    return caught.value


def test_a_lock_without_sha256_is_refused():
    error = refusal(House((PYTHON, replace(LIBRARY, sha256=None, md5="0" * 32))))

    assert str(error) == (
        "demo.conda-lock.yml: not everything in it can be built\n"
        "  libstdcxx 12.2: expected a SHA-256, found an MD5 only, which proves nothing\n"
        "Nothing was built."
    )


def test_a_lock_of_windows_alone_is_refused():
    error = refusal(House((locked("python", platform="win-64"),)))

    assert str(error) == (
        "demo.conda-lock.yml: expected packages for a platform that Nix builds, found win-64\n"
        "Nothing was written."
    )
    assert error.hints == ("lock it for linux-64: `platforms` in the stack, then `envlock solve`",)


def test_windows_cannot_be_asked_for():
    error = refusal(House((PYTHON,)), Platform.WIN_64)

    assert str(error) == (
        "win-64 cannot be exported for Nix: Nix builds nothing for Windows\nNothing was written."
    )


def test_a_lock_without_python_is_refused():
    error = refusal(House((LIBRARY,)))

    assert str(error) == (
        "demo.conda-lock.yml: expected a package `python` for linux-64, which links the "
        "environment, found none\nNothing was written."
    )


@pytest.mark.parametrize(
    ("facts", "notes"),
    [
        ({}, []),
        (
            {"link-scripts": "python"},
            ["the stack allows post-link scripts; under Nix none of them runs"],
        ),
    ],
)
def test_scripts_that_the_stack_allows_are_said_not_to_run(facts, notes: list[str]):
    house = House((PYTHON,), facts=facts)

    house.export()

    assert house.reporter.notes == notes
