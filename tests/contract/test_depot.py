"""What every depot must hold to: a folder, fsspec's memory, a file system behind it, and S3."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.depot_folder import FolderDepot
from envlock.backends.depot_intake import DepotIntake
from envlock.backends.depot_remote import PIECE_BYTES, RemoteDepot
from envlock.cli.progress import SilentMeter
from envlock.errors import DepotError, StoreError
from envlock.model.depot import DepotObject
from envlock.ports.depot import Depot
from s3_server import s3_bucket, why_no_s3

KEY = "a" * 32
LARGE = bytes(range(256)) * (PIECE_BYTES // 256) + b"and a piece more"


class Slow(RemoteDepot):
    """A file system that may show a file before it is whole, as SFTP does."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._is_atomic = False


@pytest.fixture(params=["folder", "memory", "file system", "s3"])
def depot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Depot]:
    if request.param == "folder":
        yield FolderDepot(tmp_path / "depot")
        return
    if importlib.util.find_spec("fsspec") is None:
        pytest.skip("fsspec is not installed: `pip install '.[depot]'` brings it")
    if request.param == "memory":
        yield RemoteDepot(f"memory://{uuid4()}")
    elif request.param == "file system":
        yield Slow(f"local://{tmp_path / 'remote'}")
    else:
        reason = why_no_s3()
        if reason is not None:
            pytest.skip(reason)
        with s3_bucket() as bucket:
            yield RemoteDepot(f"s3://{bucket}/some/where")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], tuple[str, str]]:
    def write(content: bytes) -> tuple[str, str]:
        digest = sha256(content).hexdigest()
        path = tmp_path / digest
        path.write_bytes(content)
        return digest, str(path)

    return write


def test_an_object_comes_back_as_it_was_put_from_any_place_on(
    depot: Depot, file: Callable[[bytes], tuple[str, str]]
):
    digest, path = file(LARGE)
    depot.prepare()

    assert depot.size_of(digest) is None
    depot.put(digest, path)

    assert depot.size_of(digest) == len(LARGE)
    assert b"".join(depot.read(digest, 0)) == LARGE
    assert b"".join(depot.read(digest, PIECE_BYTES - 3)) == LARGE[PIECE_BYTES - 3 :]
    assert b"".join(depot.read(digest, len(LARGE))) == b""


def test_an_empty_object_is_one_too(depot: Depot, file: Callable[[bytes], tuple[str, str]]):
    digest, path = file(b"")
    depot.prepare()

    depot.put(digest, path)

    assert depot.size_of(digest) == 0
    assert b"".join(depot.read(digest, 0)) == b""


def test_putting_twice_changes_nothing(depot: Depot, file: Callable[[bytes], tuple[str, str]]):
    digest, path = file(b"content")
    depot.prepare()

    depot.put(digest, path)
    depot.put(digest, path)

    assert b"".join(depot.read(digest, 0)) == b"content"


def test_a_file_that_is_not_what_its_digest_says_is_not_put(depot: Depot, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"another")
    digest = sha256(b"content").hexdigest()
    depot.prepare()

    with pytest.raises(StoreError, match="is not what it was"):
        depot.put(digest, str(tmp_path / "file"))

    assert depot.size_of(digest) is None


def test_an_entry_is_replaced_and_read_up_to_a_limit(depot: Depot):
    depot.prepare()

    assert depot.read_entry(KEY, 100) is None
    depot.write_entry(KEY, b"one")
    depot.write_entry(KEY, b"the second")

    assert depot.read_entry(KEY, 100) == b"the second"
    assert depot.read_entry(KEY, 4) == b"the s"


def test_a_depot_is_prepared_as_often_as_one_likes(depot: Depot):
    depot.prepare()
    depot.write_entry(KEY, b"one")
    depot.prepare()

    assert depot.read_entry(KEY, 100) == b"one"


def test_where_there_is_no_depot_there_is_no_entry_and_no_object(depot: Depot):
    assert depot.read_entry(KEY, 100) is None
    assert depot.size_of("0" * 64) is None


def test_objects_come_into_a_store_from_where_an_earlier_run_stopped(
    depot: Depot, file: Callable[[bytes], tuple[str, str]], tmp_path: Path
):
    digest, path = file(LARGE)
    wanted = DepotObject(file_name="large.bin", sha256=digest, size_bytes=len(LARGE))
    folder = ArtifactFolder(tmp_path / "artifacts")
    (tmp_path / "artifacts" / "partial").mkdir(parents=True)
    (tmp_path / "artifacts" / "partial" / digest).write_bytes(LARGE[:1_000_000])
    depot.prepare()
    depot.put(digest, path)
    counted = Counted(depot)

    DepotIntake(counted, folder).take([wanted], SilentMeter())

    assert folder.path_of(digest).read_bytes() == LARGE
    assert counted.offsets == [1_000_000]
    assert list((tmp_path / "artifacts" / "partial").iterdir()) == []


def test_what_an_earlier_run_left_of_something_else_is_thrown_away(
    depot: Depot, file: Callable[[bytes], tuple[str, str]], tmp_path: Path
):
    digest, path = file(b"the content")
    wanted = DepotObject(file_name="a.bin", sha256=digest, size_bytes=11)
    folder = ArtifactFolder(tmp_path / "artifacts")
    (tmp_path / "artifacts" / "partial").mkdir(parents=True)
    (tmp_path / "artifacts" / "partial" / digest).write_bytes(b"wrong")
    depot.prepare()
    depot.put(digest, path)

    DepotIntake(depot, folder).take([wanted], SilentMeter())

    assert folder.path_of(digest).read_bytes() == b"the content"


class Counted:
    """A depot that says from where on it was read."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self.offsets: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._depot, name)

    def read(self, sha256: str, offset: int) -> Iterator[bytes]:
        self.offsets.append(offset)
        return self._depot.read(sha256, offset)


def test_a_remote_place_that_says_to_be_something_else_becomes_no_depot():
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    place = f"memory://{uuid4()}"
    RemoteDepot(place)._write("depot", b"somebody's warehouse")

    with pytest.raises(DepotError, match="expected a depot, found something else in `depot`"):
        RemoteDepot(place).prepare()
