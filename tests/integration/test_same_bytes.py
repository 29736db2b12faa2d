"""Same lock, same bytes: whatever is around a store, and whatever path it lies at."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from conda_house import CondaHouse, write_lock
from conda_packages import Packed
from envlock.backends.store_trees import sweep
from small_packages import make_small_packages


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Packed, ...]:
    """The small packages that need no Python."""
    packed = make_small_packages(tmp_path_factory.mktemp("small"))
    return tuple(each for each in packed if not each.record.get("noarch"))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: the length of a store's path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    yield folder
    sweep(folder)


def walk(root: str) -> dict[str, tuple[object, ...]]:
    """Return all that a tree holds, by names alone: envlock has no part in it."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - as os.walk has it
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)  # noqa: PTH115 - as above
            elif stat.S_ISREG(status.st_mode):
                content = sha256(Path(path).read_bytes()).hexdigest()
            found[path.removeprefix(root)] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.mark.parametrize("length", [0, 1, 10, 28])
def test_at_another_path_the_content_is_the_same(
    short: Path, small: tuple[Packed, ...], length: int
):
    one = CondaHouse(folder=short / "w", home=short / "h")
    other = CondaHouse(folder=short / "w", home=short / ("o" + "x" * length))
    lock = write_lock(short / "w" / "demo.conda-lock.yml", small)

    first, second = one.build(lock), other.build(lock)

    assert first["content_sha256"] == second["content_sha256"]
    assert first["tree_sha256"] != second["tree_sha256"]
    assert walk(first["path"]) != walk(second["path"])
