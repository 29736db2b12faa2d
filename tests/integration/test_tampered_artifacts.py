"""Artifacts that are not what the lock says, wherever they were changed: nothing is installed.

The store holds one good environment throughout. After each refusal it holds that and nothing else,
and everything in it is what it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import md5, sha256
from pathlib import Path

import pytest

from archive_bytes import conda_package, noise, wheel
from artifact_server import ArtifactServer, Step, serving
from envlock.backends import store_sources
from envlock.backends.artifact_fetcher import ArtifactFetcher
from envlock.backends.artifact_http import FetchOptions
from envlock.backends.store_trees import EPOCH_SECONDS, read_manifest, read_tree
from envlock.cli.progress import SilentMeter
from envlock.errors import WorldError
from envlock.ports.artifacts import WantedArtifact
from store_house import House, Locked, artifact_of, snapshot

GOOD = conda_package("good", {"etc/good": b"good"})
FAIR = conda_package("fair", {"etc/fair": b"fair", "lib/noise": noise(200_000)})
EVIL = conda_package("fair", {"etc/fair": b"evil", "lib/noise": noise(200_000)})
WHEEL = "fair-1.0-py3-none-any.whl"
FAIR_WHEEL = wheel({"fair.py": b"x = 'fair'\n"}, name="fair")
EVIL_WHEEL = wheel({"fair.py": b"x = 'evil'\n"}, name="fair")
FAIR_SHA256 = sha256(FAIR[1]).hexdigest()
HINT = (
    "\nhint: if the channel really rebuilt this file, pin it anew and solve: "
    "`envlock index update STACK`\n"
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A store that holds one good environment."""
    found = House(root=tmp_path)
    done = found.build(Locked.of(GOOD))
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture
def unchanged(house: House) -> Iterator[None]:
    """Whatever the test does, the store holds what it held, and it is what it was."""
    before = (house.rows(), house.trees(), house.manifests())
    yield
    assert (house.rows(), house.trees(), house.manifests()) == before
    assert verifies(house)


def verifies(house: House) -> bool:
    """Say whether every valid tree and environment is what its manifest says."""
    store = house.store
    with store.database() as database:
        trees = {name: database.tree(name) or "" for name in database.trees()}
    roots = {store.layout.trees / name: digest for name, digest in trees.items()}
    roots |= {Path(each.path): each.tree_sha256 for each in store.environments()}
    return all(
        read_tree(root) == read_manifest(store.layout, digest) for root, digest in roots.items()
    )


def flipped(content: bytes) -> bytes:
    """Return content with one bit changed in its midst."""
    found = bytearray(content)
    found[len(found) // 2] ^= 1
    return bytes(found)


def mismatch(package: Locked, received: bytes, source: str) -> str:
    """Return what is said of a file that is not the one that was locked."""
    return (
        f"error: digest mismatch for `{package.file_name}`\n"
        f"  expected sha256: {sha256(package.content).hexdigest()}\n"
        f"  received sha256: {sha256(received).hexdigest()}   ({len(received):,} bytes from"
        f" {source})\n"
        "The download was discarded; the store is unchanged.\n" + HINT
    )


# --- where it comes from --------------------------------------------------------------------------


REPLACED: dict[str, Callable[[bytes], bytes]] = {
    "another package of the same name": lambda _: EVIL[1],
    "one bit": flipped,
    "its last byte is gone": lambda content: content[:-1],
    "a byte more": lambda content: content + b"\0",
    "nothing is left": lambda _: b"",
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", REPLACED)
def test_a_replaced_archive_behind_a_file_url_is_refused(what: str, house: House):
    package = Locked.of(FAIR)
    lock = house.write_lock(package)
    path = house.root / "channel" / package.file_name
    path.write_bytes(REPLACED[what](package.content))

    done = house.build(package, lock=lock)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == mismatch(package, path.read_bytes(), path.as_uri())


@pytest.mark.usefixtures("unchanged")
def test_a_replaced_wheel_is_refused(house: House):
    package = Locked(file_name=WHEEL, content=FAIR_WHEEL)
    lock = house.write_lock(package)
    path = house.root / "channel" / WHEEL
    path.write_bytes(EVIL_WHEEL)

    done = house.build(package, lock=lock)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == mismatch(package, EVIL_WHEEL, path.as_uri())


@pytest.mark.usefixtures("unchanged")
def test_an_archive_with_another_md5_than_the_lock_says_is_refused(house: House):
    package = Locked.of(FAIR, md5="0" * 32)

    done = house.build(package)

    assert (done.returncode, done.stdout) == (2, "")
    path = house.root / "channel" / package.file_name
    assert done.stderr == (
        f"error: digest mismatch for `{package.file_name}`\n"
        f"  expected md5: {'0' * 32}\n"
        f"  received md5: {md5(FAIR[1], usedforsecurity=False).hexdigest()}"
        f"   ({len(FAIR[1]):,} bytes from {path.as_uri()})\n"
        "The download was discarded; the store is unchanged.\n" + HINT
    )


@pytest.fixture
def server() -> Iterator[ArtifactServer]:
    with serving() as state:
        yield state


def served(server: ArtifactServer, content: bytes) -> Locked:
    """Return the fair package, locked truly, whose address gives this content."""
    path = f"/linux-64/{FAIR[0]}"
    server.files[path] = content
    return Locked.of(FAIR, url=f"{server.url}{path}")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", REPLACED)
def test_a_replaced_archive_behind_http_is_refused(what: str, house: House, server: ArtifactServer):
    received = REPLACED[what](FAIR[1])
    package = served(server, received)

    done = house.build(package)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == mismatch(package, received, package.url)


@pytest.mark.usefixtures("unchanged")
def test_a_download_that_is_always_cut_off_is_the_worlds_fault(
    house: House, server: ArtifactServer
):
    package = served(server, FAIR[1])
    server.always[f"/linux-64/{FAIR[0]}"] = Step(drop_after=0)
    options = FetchOptions(pause=lambda *_: None)
    fetcher = ArtifactFetcher(house.store.artifacts, {}, house.root, options)
    wanted = WantedArtifact(
        file_name=FAIR[0], url=package.url, sha256=FAIR_SHA256, package="fair 1.0"
    )

    with pytest.raises(WorldError, match="an answer that broke off before its end"):
        fetcher.fetch([wanted], SilentMeter())

    assert not house.store.artifacts.has(FAIR_SHA256)


def test_a_download_that_is_cut_off_once_is_taken_up_and_hashed_whole(
    house: House, server: ArtifactServer
):
    package = served(server, FAIR[1])
    server.scripts[f"/linux-64/{FAIR[0]}"] = [Step(drop_after=50_000)]

    done = house.build(package)

    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "etc/fair").read_bytes() == b"fair"
    assert verifies(house)


@pytest.mark.usefixtures("unchanged")
def test_a_download_that_goes_on_with_another_file_is_refused(house: House, server: ArtifactServer):
    package = served(server, FAIR[1])
    server.scripts[f"/linux-64/{FAIR[0]}"] = [
        Step(drop_after=50_000),
        *(Step(flip_at=150_000) for _ in range(9)),
    ]

    done = house.build(package)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: digest mismatch for `{FAIR[0]}`\n")


# --- what lies about ------------------------------------------------------------------------------


def test_a_poisoned_package_cache_is_never_looked_at(house: House):
    """As rattler would have left it in HOME after it installed another archive of this name."""
    cache = house.root / "home" / ".cache" / "rattler" / "cache"
    for folder in ("pkgs", "."):
        tree = cache / folder / FAIR[0].removesuffix(".conda")
        (tree / "info").mkdir(parents=True)
        (tree / "etc").mkdir()
        (tree / "etc" / "fair").write_bytes(b"evil")
        (tree / "info" / "index.json").write_bytes(b"{}")
    before = snapshot(cache)

    done = house.build(Locked.of(FAIR))

    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "etc/fair").read_bytes() == b"fair"
    assert snapshot(cache) == before
    assert verifies(house)


def test_no_package_cache_in_the_users_home_is_needed_or_made(house: House):
    """Were it asked for, there would be a file in its way."""
    home = house.root / "home"
    (home / ".cache").write_text("no folder", "utf-8")
    named = {"RATTLER_CACHE_DIR": "/dev/null/cache", "XDG_CACHE_HOME": "/dev/null/cache"}
    package = Locked.of(FAIR)

    done = house.envlock("build", "-q", str(house.write_lock(package)), environment=named)

    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "etc/fair").read_bytes() == b"fair"
    assert [path.name for path in home.iterdir()] == [".cache"]


# --- in the store ---------------------------------------------------------------------------------


def put_into_store(house: House, content: bytes) -> Path:
    """Put content where the fair package should be, as if it had been fetched and then changed."""
    path = house.store.artifacts.path_of(FAIR_SHA256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("what", REPLACED)
def test_an_artifact_that_was_changed_in_the_store_is_refused(what: str, house: House):
    received = REPLACED[what](FAIR[1])
    put_into_store(house, received)

    done = house.build(Locked.of(FAIR))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: digest mismatch for `{FAIR[0]}` in the store\n"
        f"  expected sha256: {FAIR_SHA256}\n"
        f"  found sha256:    {sha256(received).hexdigest()}\n"
        "Nothing was installed.\n\n"
        "hint: `envlock store repair` fetches it anew\n"
    )


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


def touch(path: Path) -> None:
    os.utime(path)


def loosen(path: Path) -> None:
    path.chmod(0o644)


def replace_with_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("tamper", [grow, touch, loosen, replace_with_link, remove])
def test_a_tree_that_was_changed_after_it_was_unpacked_is_refused(
    tamper: Callable[[Path], None], house: House
):
    tree = next(house.store.layout.trees.iterdir())
    before = (house.rows(), house.trees(), house.manifests())
    (tree / "etc").chmod(0o755)
    tamper(tree / "etc" / "good")
    lock = house.write_lock(Locked.of(GOOD)).rename(house.root / "second.conda-lock.yml")

    done = house.build(lock=lock)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: `etc/good` in {tree.name} was changed after it was sealed\n"
        "Nothing was installed.\n\n"
        "hint: `envlock store repair` puts back what was there\n"
    )
    assert (house.rows(), house.trees(), house.manifests()) == before


def test_a_change_that_hides_itself_is_found_when_the_store_is_verified(house: House):
    """Linking goes by sizes, modes and times; only reading a file shows such a change."""
    place = next(house.store.layout.trees.iterdir()) / "etc" / "good"
    assert verifies(house)
    place.chmod(0o644)
    place.write_bytes(b"evil")
    place.chmod(0o444)
    os.utime(place, (EPOCH_SECONDS, EPOCH_SECONDS))

    assert not verifies(house)


def test_a_changed_manifest_is_refused(house: House):
    (name,) = [path.name for path in house.store.layout.trees.iterdir()]
    with house.store.database() as database:
        digest = database.tree(name) or ""
    path = house.store.layout.manifest(digest)
    path.chmod(0o644)
    path.write_bytes(flipped(path.read_bytes()))
    lock = house.write_lock(Locked.of(GOOD)).rename(house.root / "second.conda-lock.yml")

    done = house.build(lock=lock)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}: the manifest cannot be used: ")
    assert len(house.store.environments()) == 1


def test_what_is_hashed_is_what_is_unpacked(house: House, monkeypatch: pytest.MonkeyPatch):
    """Another archive that takes the name after the digest was right comes too late."""
    path = put_into_store(house, FAIR[1])
    check = store_sources.check_digest

    def check_and_replace(*arguments: object) -> None:
        check(*arguments)  # type: ignore[arg-type]
        other = path.with_name("other")
        other.write_bytes(EVIL[1])
        other.replace(path)

    monkeypatch.setattr(store_sources, "check_digest", check_and_replace)
    store = house.store
    with store.needs() as needs:
        register = store_sources.DatabaseRegister(store.open_database)
        trees = store_sources.SourceTrees(store.layout, register, needs.name)
        source = trees.unpacked(artifact_of(*FAIR), path)

    assert (source.path / "etc/fair").read_bytes() == b"fair"
