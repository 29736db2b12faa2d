"""The folder of verified archives, without any server."""

from __future__ import annotations

import fcntl
import os
import stat
from hashlib import md5, sha256
from pathlib import Path

import pytest

from envlock.backends.artifact_files import ArtifactFolder, Digests, MismatchError, hash_file
from envlock.errors import ArchiveError, LockError
from envlock.ports.artifacts import WantedArtifact

CONTENT = b"an archive" * 1000
DAY = 86_400


def want(content: bytes = CONTENT, **changes: object) -> WantedArtifact:
    fields: dict[str, object] = {
        "file_name": "numpy-2.1.3-0.conda",
        "url": "https://host.invalid/numpy-2.1.3-0.conda",
        "sha256": sha256(content).hexdigest(),
        "package": "numpy 2.1.3",
    }
    return WantedArtifact(**{**fields, **changes})  # type: ignore[arg-type]


def never() -> None:
    raise AssertionError("nobody else has the lock")


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


def stage(folder: ArtifactFolder, content: bytes = CONTENT) -> Path:
    path = folder.root / "staged"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_an_admitted_file_lies_under_its_digest_and_cannot_be_written_to(folder: ArtifactFolder):
    staged, wanted = stage(folder), want()

    folder.admit(staged, wanted)

    path = folder.path_of(wanted.sha256)
    assert path == folder.root / "sha256" / wanted.sha256[:2] / wanted.sha256
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert path.read_bytes() == CONTENT
    assert not staged.exists()
    assert folder.has(wanted.sha256)
    assert folder.digest_matches(wanted.sha256)
    assert folder.names() == (wanted.sha256,)


def test_an_archive_may_be_admitted_twice(folder: ArtifactFolder):
    folder.admit(stage(folder), want())

    folder.admit(stage(folder), want())

    assert folder.names() == (want().sha256,)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (want(b"other"), "sha256"),
        (want(md5="0" * 32), "md5"),
        (want(size_bytes=9_999), "size"),
    ],
)
def test_what_is_not_wanted_stays_where_it_is(
    folder: ArtifactFolder, wanted: WantedArtifact, told: str
):
    staged = stage(folder)

    with pytest.raises(MismatchError) as caught:
        folder.admit(staged, wanted)

    error = caught.value.error(wanted, "https://host.invalid/")
    assert isinstance(error, ArchiveError)
    assert f"received {told}: " in str(error)
    assert staged.exists()
    assert folder.names() == ()


def test_what_was_hashed_while_it_was_written_is_checked_as_well(folder: ArtifactFolder):
    found = Digests(sha256="f" * 64, md5=None, size_bytes=10_000)

    with pytest.raises(MismatchError):
        folder.admit(stage(folder), want(), found)


def test_an_md5_in_capitals_is_the_same(folder: ArtifactFolder):
    wanted = want(md5=md5(CONTENT, usedforsecurity=False).hexdigest().upper(), size_bytes=10_000)

    folder.admit(stage(folder), wanted)

    assert folder.has(wanted.sha256)


@pytest.mark.parametrize(
    "digest", ["", "..", "../" * 8 + "etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "٣" * 64]
)
def test_what_is_no_digest_becomes_no_path(folder: ArtifactFolder, digest: str):
    for ask in (folder.path_of, folder.has, folder.digest_matches, folder.remove):
        with pytest.raises(LockError, match="expected 64 lowercase hex digits"):
            ask(digest)


def test_a_changed_byte_is_found(folder: ArtifactFolder):
    folder.admit(stage(folder), want())
    path = folder.path_of(want().sha256)
    path.chmod(0o644)
    path.write_bytes(CONTENT[:-1] + b"!")

    assert folder.has(want().sha256)
    assert not folder.digest_matches(want().sha256)


def test_what_was_removed_is_gone_and_may_be_removed_again(folder: ArtifactFolder):
    folder.admit(stage(folder), want())

    folder.remove(want().sha256)
    folder.remove(want().sha256)

    assert not folder.has(want().sha256)
    assert not folder.digest_matches(want().sha256)


def test_a_link_or_a_folder_is_no_archive(folder: ArtifactFolder):
    path = folder.path_of(want().sha256)
    path.parent.mkdir(parents=True)
    path.symlink_to(stage(folder))

    assert not folder.has(want().sha256)


def test_nothing_is_there_at_first(folder: ArtifactFolder):
    assert folder.names() == ()
    assert not folder.has(want().sha256)
    assert folder.clean(older_than_days=1, now=0) == ()


def test_a_partial_file_is_hashed_as_it_grows_and_when_it_is_taken_up(folder: ArtifactFolder):
    wanted = want()
    with folder.open_partial(wanted, never) as partial:
        assert partial is not None
        partial.write(CONTENT[:4000])
        partial.remember('"one"', None)
    heard: list[int] = []

    with folder.open_partial(wanted, never) as partial:
        assert partial is not None
        partial.load(heard.append)
        assert partial.validator() == '"one"'
        partial.write(CONTENT[4000:])
        folder.admit(partial.path, wanted, partial.digests)

    assert heard == [4000]
    assert folder.digest_matches(wanted.sha256)
    assert list((folder.root / "partial").iterdir()) == []


def test_an_empty_partial_file_does_not_stay(folder: ArtifactFolder):
    with folder.open_partial(want(), never) as partial:
        assert partial is not None
        partial.remember('"one"', None)

    assert list((folder.root / "partial").iterdir()) == []


def test_starting_anew_forgets_the_part_and_its_version(folder: ArtifactFolder):
    with folder.open_partial(want(), never) as partial:
        assert partial is not None
        partial.write(b"wrong")
        partial.remember('"one"', None)
        partial.restart()
        assert partial.validator() is None
        partial.write(CONTENT)
        folder.admit(partial.path, want(), partial.digests)

    assert folder.digest_matches(want().sha256)


@pytest.mark.parametrize(
    ("etag", "modified", "validator"),
    [
        ('"one"', "Wed, 21 Oct 2015 07:28:00 GMT", '"one"'),
        ('W/"one"', "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ('W/"one"', None, None),
        (None, None, None),
        ('"a\r\nX-Evil: 1"', "Wed\r\nX-Evil: 1", None),
    ],
)
def test_only_what_names_one_version_becomes_a_condition(
    folder: ArtifactFolder, etag: str | None, modified: str | None, validator: str | None
):
    with folder.open_partial(want(), never) as partial:
        assert partial is not None
        partial.remember(etag, modified)

        assert partial.validator() == validator


def test_who_comes_second_waits_and_finds_the_archive(folder: ArtifactFolder):
    waits: list[int] = []
    with folder.open_partial(want(), never) as first:
        assert first is not None
        first.write(CONTENT)

        def wait() -> None:
            waits.append(1)
            if len(waits) == 3:
                folder.admit(first.path, want(), first.digests)

        with folder.open_partial(want(), wait) as second:
            assert second is None

    assert len(waits) == 3
    assert list((folder.root / "partial").iterdir()) == []


def test_a_file_whose_writer_was_killed_just_before_the_rename_is_thrown_away(
    folder: ArtifactFolder,
):
    path = folder.root / "partial" / want().sha256
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    path.chmod(0o444)

    with folder.open_partial(want(), never) as partial:
        assert partial is not None
        partial.load(lambda _: None)
        assert partial.size_bytes == 0


def test_a_link_in_the_place_of_a_partial_file_is_not_written_through(
    folder: ArtifactFolder, tmp_path: Path
):
    path = folder.root / "partial" / want().sha256
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic links"), folder.open_partial(want(), never):
        pass

    assert not (tmp_path / "elsewhere").exists()


def test_a_piece_that_did_not_fit_is_not_there(
    folder: ArtifactFolder, monkeypatch: pytest.MonkeyPatch
):
    write = os.write

    def write_half(descriptor: int, data: memoryview) -> int:
        if len(data) < 3000:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) - 2999])

    with folder.open_partial(want(), never) as partial:
        assert partial is not None
        partial.write(CONTENT[:2000])
        monkeypatch.setattr(os, "write", write_half)
        with pytest.raises(OSError, match="No space"):
            partial.write(CONTENT[2000:])
        monkeypatch.undo()
        assert partial.size_bytes == 2000
        assert partial.path.read_bytes() == CONTENT[:2000]
        partial.write(CONTENT[2000:])
        folder.admit(partial.path, want(), partial.digests)

    assert folder.digest_matches(want().sha256)


def test_only_old_parts_that_nobody_writes_are_cleaned_away(folder: ArtifactFolder):
    home = folder.root / "partial"
    home.mkdir(parents=True)
    old, new, busy = ("1" * 64, "2" * 64, "3" * 64)
    for name in (old, f"{old}.json", new, busy, f"{'4' * 64}.json"):
        (home / name).write_bytes(b"part")
        age = 1 if name == new else 10
        os.utime(home / name, (100 * DAY - age * DAY,) * 2)

    with (home / busy).open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        removed = folder.clean(older_than_days=7, now=100 * DAY)

    assert removed == (old,)
    assert sorted(path.name for path in home.iterdir()) == [new, busy]


def test_a_file_is_hashed_in_pieces(folder: ArtifactFolder):
    content = os.urandom(3_000_000)

    found = hash_file(stage(folder, content), wants_md5=True)

    assert found == Digests(
        sha256=sha256(content).hexdigest(),
        md5=md5(content, usedforsecurity=False).hexdigest(),
        size_bytes=3_000_000,
    )
