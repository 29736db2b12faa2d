"""`envlock pack` and `unpack`: carried over, built without a network, or refused untouched."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

import tiny_artifacts
from artifact_server import serving
from bundle_house import digest, forge
from conda_house import CondaHouse
from envlock.backends import bundle_unpack
from envlock.backends.bundle_reader import open_bundle
from envlock.backends.bundle_unpack import Place, put_in_place
from envlock.backends.disk_store import DiskStore
from envlock.backends.envlock_wheels import needed
from envlock.backends.store_trees import sweep
from envlock.errors import BundleError, WorldError
from envlock.formats.bundle import format_manifest
from envlock.model.bundle import Bundle, Member
from envlock.model.platform import Platform
from store_house import snapshot
from tiny_artifacts import conda_package, wheel, write_lock

WEIGHTS = b"weights " * 1000
SAY = '#!/bin/sh\necho "$0 says hello"\n'
BLOCKED = """
import runpy, socket, sys
def refuse(*_): raise OSError("there is no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
sys.argv = ["envlock", *sys.argv[1:]]
runpy.run_module("envlock", run_name="__main__")
"""


ALONE = 'ip link set lo up && exec "$@"'


@cache
def without_network() -> Sequence[str]:
    """How a command is run in a network that has loopback only; empty where none can be made."""
    for options in (["-n"], ["-r", "-n"]):
        command = ["unshare", *options, "sh", "-c", ALONE, "sh"]
        try:
            subprocess.run([*command, "true"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    return ()


@dataclass(frozen=True)
class Machine:
    """A store, a home and a folder to work in."""

    folder: Path
    is_alone: bool = False

    @property
    def home(self) -> Path:
        return self.folder / "store"

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "me").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "envlock", *words]
        if self.is_alone and without_network():
            command = [*without_network(), *command]
        elif self.is_alone:
            command = [sys.executable, "-c", BLOCKED, *words]
        return subprocess.run(
            command,
            cwd=self.folder,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self.folder / "me"),
                "ENVLOCK_HOME": str(self.home),
                **more,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def succeed(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def build(self, lock: str) -> dict[str, object]:
        return dict(json.loads(self.succeed("build", "--json", "--offline", lock)))


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="el-"))  # short: a script's first line names it
    yield made
    sweep(made)


@pytest.fixture
def here(folder: Path) -> Machine:
    machine = Machine(folder / "a")
    machine.folder.mkdir()
    says = conda_package("says", files={"bin/says": SAY}, programs=["bin/says"])
    write_lock(machine.folder, [says, conda_package("data", files={"share/data": "1\n"})])
    return machine


@pytest.fixture
def there(folder: Path) -> Machine:
    """A machine without a network, at a longer path."""
    machine = Machine(folder / "another-place", is_alone=True)
    machine.folder.mkdir()
    return machine


def pack(machine: Machine, *words: str) -> Path:
    machine.succeed("pack", "demo.conda-lock.yml", "-o", "demo.tar", *words)
    return machine.folder / "demo.tar"


def test_what_was_packed_is_built_elsewhere_without_a_network(here: Machine, there: Machine):
    bundle = pack(here)
    built = here.build("demo.conda-lock.yml")
    shutil.rmtree(here.folder / "artifacts")  # where the lock says that its archives lie

    lock = there.succeed("unpack", str(bundle), "--to", "carried").strip()
    found = there.build(lock)

    assert lock == "carried/demo.conda-lock.yml"
    assert found["content_sha256"] == built["content_sha256"]
    assert found["path"] != built["path"]
    said = there.succeed("run", "-q", lock, "--offline", "--", "says")
    assert said == f"{found['path']}/bin/says says hello\n"


def test_the_same_lock_gives_the_same_bytes_from_another_store(here: Machine, folder: Path):
    first = pack(here).read_bytes()
    shutil.rmtree(here.folder / "store")

    assert pack(here).read_bytes() == first


def test_any_tar_reads_a_bundle(here: Machine):
    bundle = pack(here)

    listed = subprocess.run(["tar", "tf", bundle], capture_output=True, text=True, check=True)

    manifest, lock, *packages = listed.stdout.splitlines()
    assert manifest.startswith("manifest-")
    assert lock == "stack/demo.conda-lock.yml"
    assert len(packages) == 2


def test_the_printed_digest_is_that_of_this_bundle_only(here: Machine, there: Machine):
    told = json.loads(here.succeed("pack", "demo.conda-lock.yml", "-o", "demo.tar", "--json"))
    bundle = str(here.folder / "demo.tar")

    other = there.run("unpack", bundle, "--sha256", "0" * 64)
    same = there.run("unpack", bundle, "--sha256", told["manifest_sha256"], "-q")

    assert (other.returncode, same.returncode) == (2, 0)
    assert f"  found a manifest of sha256:    {told['manifest_sha256']}\n" in other.stderr
    assert same.stdout == "demo.conda-lock.yml\n"


def test_a_bundle_is_verified_before_it_is_carried(here: Machine, there: Machine):
    bundle = pack(here)

    whole = there.run("unpack", str(bundle), "--check")
    flip(bundle)
    flipped = there.run("unpack", str(bundle), "--check")

    assert (whole.returncode, flipped.returncode) == (0, 2)
    assert whole.stdout.startswith("demo: whole; linux-64, 2 archives\n  sha256 of its manifest: ")
    assert not there.home.exists()
    assert [path.name for path in there.folder.iterdir()] == ["me"]


# --- altered --------------------------------------------------------------------------------------


def read_files(bundle: Path) -> tuple[Bundle, dict[str, bytes]]:
    reader = open_bundle(bundle)
    files: dict[str, bytes] = {}
    for member in reader.bundle.members:
        chunks: list[bytes] = []
        reader.copy(member, chunks.append)
        files[member.path] = b"".join(chunks)
    reader.close()
    return reader.bundle, files


def flip(bundle: Path) -> None:
    content = bytearray(bundle.read_bytes())
    content[-2000] ^= 1
    bundle.write_bytes(content)


def cut(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes()[:-700])


def lengthen(bundle: Path) -> None:
    bundle.write_bytes(bundle.read_bytes() + bytes(512))


def _members(found: Bundle, files: Mapping[str, bytes]) -> tuple[Member, ...]:
    return tuple(
        Member(path=path, sha256=digest(content), size_bytes=len(content))
        for path, content in files.items()
    )


def drop_archive(bundle: Path) -> None:
    found, files = read_files(bundle)
    files.popitem()
    forge(bundle, replace(found, members=_members(found, files)), files)


def drop_file_only(bundle: Path) -> None:
    found, files = read_files(bundle)
    files.popitem()
    forge(bundle, found, files)


def swap_lock(bundle: Path) -> None:
    found, files = read_files(bundle)
    row = files[found.lock]
    files[found.lock] = row.replace(b"name: says", b"name: sayz").replace(b"says-1.0", b"sayz-1.0")
    forge(bundle, replace(found, members=_members(found, files)), files)


def exchange_archives(bundle: Path) -> None:
    found, files = read_files(bundle)
    lock, first, second = files.items()
    forge(bundle, found, dict([lock, second, first]))


def add_program(bundle: Path) -> None:
    found, files = read_files(bundle)
    (lock, *rest) = files.items()
    files = dict([lock, ("stack/sitecustomize.py", b"print('mine')"), *rest])
    forge(bundle, replace(found, members=_members(found, files)), files)


def add_unlisted(bundle: Path) -> None:
    found, files = read_files(bundle)
    forge(bundle, found, {**files, "packages/" + "0" * 64: b"x"})


def climb(bundle: Path) -> None:
    found, files = read_files(bundle)
    (lock, *rest) = files.items()
    files = dict([lock, ("stack/../../../evil", b"mine"), *rest])
    forge(bundle, replace(found, members=_members(found, files)), files)


def be_no_bundle(bundle: Path) -> None:
    bundle.write_bytes(b"PK\3\4" * 2000)


def be_empty(bundle: Path) -> None:
    bundle.write_bytes(b"")


ALTERED: Mapping[Callable[[Path], None], str] = {
    flip: "digest mismatch for `packages/",
    cut: "it is cut short: expected ",
    lengthen: "it is longer than it must be: expected ",
    drop_archive: "the bundle does not belong to its demo.conda-lock.yml",
    drop_file_only: "it is cut short: expected ",
    swap_lock: "demo.conda-lock.yml: the packages are not those that envlock wrote",
    exchange_archives: "next, found something else",
    add_program: "  found    stack/sitecustomize.py\n",
    add_unlisted: "it is longer than it must be: expected ",
    climb: "is no file of a bundle",
    be_no_bundle: "it is no tar archive",
    be_empty: "it is cut short",
}


@pytest.mark.parametrize("alter", ALTERED, ids=lambda each: each.__name__)
def test_an_altered_bundle_is_refused_and_nothing_is_written(
    alter: Callable[[Path], None], here: Machine, there: Machine
):
    bundle = pack(here)
    there.run("store", "path")  # a store that is there already
    alter(bundle)
    before = snapshot(there.folder)

    done = there.run("unpack", str(bundle), "--to", "carried")

    assert done.returncode == 2, done.stderr
    assert ALTERED[alter] in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(there.folder) == before


def test_a_refused_bundle_makes_no_store(here: Machine, there: Machine):
    bundle = pack(here)
    flip(bundle)

    there.run("unpack", str(bundle))

    assert not there.home.exists()


# --- places ---------------------------------------------------------------------------------------


def test_what_lies_there_is_not_overwritten(here: Machine, there: Machine):
    bundle = str(pack(here))
    taken = there.folder / "demo.conda-lock.yml"
    taken.write_text("mine\n", "utf-8")

    refused = there.run("unpack", bundle)

    assert refused.returncode == 2
    assert refused.stderr == (
        f"error: {taken}: something else lies there\nNothing there was overwritten.\n\n"
        "hint: unpack it into another folder: `--to DIR`\n"
    )
    assert taken.read_text("utf-8") == "mine\n"
    assert not there.home.exists()


def test_unpacking_twice_changes_nothing(here: Machine, there: Machine):
    bundle = str(pack(here))
    there.succeed("unpack", bundle)
    before = snapshot(there.folder / "store" / "artifacts")

    told = json.loads(there.succeed("unpack", bundle, "--json"))

    assert told["new"] == 0
    assert snapshot(there.folder / "store" / "artifacts") == before
    assert [path.name for path in (there.home / "trees").iterdir()] == []
    assert sorted(path.name for path in there.folder.iterdir()) == [
        "demo.conda-lock.yml",
        "me",
        "store",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.tar"], "nothing.tar: there is no such file"),
        (["."], "expected a file, found a folder, a device or a pipe"),
        (["demo.tar", "--to", "a/b/c"], "there is no folder "),
        (["demo.tar", "--sha256", "x"], "--sha256: expected 64 lower-case hex digits, found 'x'"),
    ],
)
def test_what_cannot_be_unpacked_is_told(
    words: list[str], said: str, here: Machine, there: Machine
):
    shutil.copy(pack(here), there.folder)

    done = there.run("unpack", *words)

    assert done.returncode in (2, 4)
    assert said in done.stderr
    assert not there.home.exists()


def test_a_killed_unpacking_leaves_nothing_in_place_and_is_begun_anew(
    here: Machine, there: Machine
):
    large = conda_package("large", files={"share/large": "".join(map(str, range(8_000_000)))})
    write_lock(here.folder, [large])
    bundle = str(pack(here))
    there.succeed("store", "path")
    words = [sys.executable, "-m", "envlock", "unpack", bundle, "--to", "carried"]
    killed = subprocess.Popen(
        words, cwd=there.folder, env={**os.environ, "ENVLOCK_HOME": str(there.home)}
    )
    while not list((there.home / "trees").iterdir()) and killed.poll() is None:
        time.sleep(0.001)
    killed.kill()

    assert killed.wait() == -signal.SIGKILL
    assert not list(there.home.glob("artifacts/sha256/*/*"))
    assert not (there.folder / "carried").exists()
    there.succeed("gc")
    assert not list((there.home / "trees").iterdir())
    there.build(there.succeed("unpack", bundle, "--to", "carried").strip())


def test_a_disk_without_room_is_told_before_anything_is_staged(
    here: Machine, there: Machine, monkeypatch: pytest.MonkeyPatch
):
    bundle = pack(here)
    there.succeed("store", "path")
    folders = [there.home / name for name in ("artifacts", "trees")]
    before = snapshot(*folders)
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=100))
    monkeypatch.setattr(bundle_unpack, "shutil", full)
    store = DiskStore(there.home, lambda: "2026-01-31T12:00:00Z")
    place = Place(there.folder, there.folder / "cache")

    with (
        contextlib.closing(open_bundle(bundle)) as reader,
        store.needs() as needs,
        pytest.raises(WorldError, match=r"the disk is too full: [0-9,]+ bytes are needed, 100 are"),
    ):
        put_in_place(reader, place, store, needs, lambda _: None)

    assert snapshot(*folders) == before
    assert sorted(path.name for path in there.folder.iterdir()) == ["me", "store"]


def test_a_bundle_that_is_exchanged_while_it_is_read_is_refused(here: Machine, there: Machine):
    bundle = pack(here)
    store = DiskStore(there.home, lambda: "2026-01-31T12:00:00Z")
    place = Place(there.folder / "carried", there.folder / "cache")

    with contextlib.closing(open_bundle(bundle)) as reader, store.needs() as needs:
        content = bytearray(bundle.read_bytes())
        content[-2000] ^= 1
        with bundle.open("r+b") as file:  # the file that is open changes under the reader
            file.write(content)
        with pytest.raises(BundleError, match="digest mismatch for `packages/"):
            put_in_place(reader, place, store, needs, lambda _: None)

    assert not list(there.home.glob("artifacts/sha256/*/*"))
    assert not list((there.home / "trees").iterdir())
    assert not place.folder.exists()


def test_a_damaged_archive_in_the_store_is_not_packed(here: Machine):
    pack(here).unlink()
    archive = next(path for path in (here.home / "artifacts" / "sha256").glob("*/*"))
    archive.chmod(0o644)
    archive.write_bytes(bytes(len(archive.read_bytes())))

    done = here.run("pack", "demo.conda-lock.yml", "-o", "demo.tar")

    assert done.returncode == 2
    assert "is not what it must be" in done.stderr
    assert done.stderr.endswith("hint: `envlock store repair` fetches it anew\n")
    assert not (here.folder / "demo.tar").exists()
    assert [path for path in here.folder.iterdir() if path.name.startswith(".")] == []


def test_a_bundle_may_not_take_the_place_of_its_lock(here: Machine):
    done = here.run("pack", "demo.conda-lock.yml", "-o", "demo.conda-lock.yml")

    assert done.returncode == 2
    assert "--output: demo.conda-lock.yml is that of LOCK, too" in done.stderr


# --- what else is carried -------------------------------------------------------------------------


def test_artifacts_are_carried_shown_and_kept(here: Machine, there: Machine):
    with serving({"/weights": WEIGHTS}) as server:
        (here.folder / "demo.toml").write_text(
            '[stack]\nname = "demo"\nplatforms = ["linux-64"]\nchannels = ["conda-forge"]\n'
            f'[python]\nversion = "3.11.*"\n[[artifacts]]\nname = "weights"\n'
            f'url = "{server.url}/weights"\nsha256 = "{sha256(WEIGHTS).hexdigest()}"\n',
            "utf-8",
        )
        bundle = pack(here, "--artifacts")
    shutil.rmtree(here.folder / "artifacts")

    lock = there.succeed("unpack", str(bundle), "--to", "carried").strip()
    there.succeed("gc")

    assert Path(there.succeed("artifacts", "path", lock, "weights").strip()).read_bytes() == WEIGHTS
    assert there.run("build", lock, "--offline").returncode == 4  # its archives were let go
    there.succeed("unpack", str(bundle), "--to", "carried")
    show = 'wc -c < "$ENVLOCK_ARTIFACTS/weights"'
    assert there.succeed("run", "-q", lock, "--offline", "--", "sh", "-c", show) == "8000\n"


def test_a_bundle_without_the_artifacts_of_its_stack_says_how_it_is_built(
    here: Machine, there: Machine
):
    (here.folder / "demo.toml").write_text(
        '[stack]\nname = "demo"\nplatforms = ["linux-64"]\nchannels = ["conda-forge"]\n'
        '[python]\nversion = "3.11.*"\n[[artifacts]]\nname = "weights"\n'
        f'url = "https://data.example/weights"\nsha256 = "{"0" * 64}"\n',
        "utf-8",
    )
    packed = here.run("pack", "demo.toml", "-o", "demo.tar")
    unpacked = there.run("unpack", str(here.folder / "demo.tar"))

    refused = there.run("build", "demo.conda-lock.yml", "--offline")
    there.succeed("build", "demo.conda-lock.yml", "--offline", "--no-artifacts")

    left_out = "note: its stack's artifacts are left out: `--artifacts` packs them\n"
    assert packed.stderr.startswith(left_out)
    assert unpacked.stderr.startswith("note: the artifacts that its stack names are not in it\n")
    assert "build demo.conda-lock.yml --offline --no-artifacts`" in unpacked.stderr
    assert refused.returncode == 4
    assert refused.stderr.endswith(
        "hint: or go on without the stack's artifacts: `--no-artifacts`\n"
    )


def test_windows_is_carried_though_nothing_is_built_for_it_here(
    here: Machine, there: Machine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tiny_artifacts, "this_platform", lambda: Platform.WIN_64)
    write_lock(here.folder, [conda_package("says", files={"Scripts/says.bat": "echo hello\n"})])

    refused = here.run("pack", "demo.conda-lock.yml", "-o", "demo.tar")
    bundle = pack(here, "--platform", "win-64")
    told = json.loads(there.succeed("unpack", str(bundle), "--json"))

    assert "expected packages for linux-64, found win-64" in refused.stderr
    assert (told["platforms"], told["packages"], told["new"]) == (["win-64"], 1, 1)


def test_envlocks_own_wheel_is_made_of_what_runs_and_installs(here: Machine, folder: Path):
    from envlock.backends.envlock_wheels import own_wheel  # noqa: PLC0415 - reads the installation

    name, content = own_wheel()
    (folder / name).write_bytes(content)
    install = [sys.executable, "-m", "installer", "--validate-record", "all", "--destdir", folder]
    subprocess.run([*install, folder / name], check=True, capture_output=True)
    site = next(folder.rglob("envlock-*.dist-info")).parent
    code = "import envlock, importlib.metadata as m; print(envlock.__file__, m.version('envlock'))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd="/",
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert own_wheel() == (name, content)
    assert said.stdout == f"{site}/envlock/__init__.py {name.split('-')[1]}\n"
    assert next(folder.rglob("bin/envlock")).stat().st_mode & 0o111


def test_a_folder_without_what_envlock_needs_is_refused(here: Machine):
    (here.folder / "wheels").mkdir()

    done = here.run("pack", "demo.conda-lock.yml", "-o", "demo.tar", "--envlock-wheels", "wheels")

    assert done.returncode == 2
    assert "error: wheels: expected a wheel of everything that envlock needs" in done.stderr
    assert not (here.folder / "demo.tar").exists()


def test_what_envlock_needs_is_carried_from_a_folder(here: Machine, there: Machine):
    wheels = here.folder / "wheels"
    wheels.mkdir()
    for name in needed():
        file_name, content = wheel(name.replace("-", "_"))
        (wheels / file_name).write_bytes(content)
    (wheels / "notes.txt").write_text("not a wheel\n", "utf-8")

    bundle = pack(here, "--envlock-wheels", "wheels")
    again = pack(here, "--envlock-wheels", "wheels").read_bytes()
    there.succeed("unpack", str(bundle))

    carried = {path.name for path in (there.folder / "envlock-wheels").iterdir()}
    assert carried > {path.name for path in wheels.glob("*.whl")}
    assert len(carried) == len(needed()) + 1
    assert bundle.read_bytes() == again


def test_where_pip_can_fetch_nothing_it_is_said_and_nothing_is_written(here: Machine):
    done = here.run(
        "pack", "demo.conda-lock.yml", "-o", "demo.tar", "--with-envlock", PIP_NO_INDEX="1"
    )

    if "No module named pip" in done.stderr:
        pytest.skip("this Python has no pip")
    assert done.returncode == 4
    assert "error: pip could not fetch what envlock needs on " in done.stderr
    assert "hint: name a folder that has the wheels: `--envlock-wheels DIR`\n" in done.stderr
    assert not (here.folder / "demo.tar").exists()


# --- the whole road -------------------------------------------------------------------------------


@pytest.mark.index
def test_a_real_python_with_its_pin_and_recording_is_built_and_solved_again_elsewhere(
    debian_channel: Path, folder: Path, there: Machine
):
    house = CondaHouse(folder=folder / "a", home=folder / "s")
    lock = house.solve(
        "real", str(debian_channel.as_uri()), '[pypi-dependencies]\ninstaller = "*"\n'
    )
    built = house.build(lock)
    bundle = folder / "real.tar"
    house.succeed("pack", lock, "-o", str(bundle))

    carried = there.succeed("unpack", str(bundle), "--to", "carried").strip()
    found = there.build(carried)
    code = "import installer, sys; print(installer.__file__.startswith(sys.prefix))"

    assert found["content_sha256"] == built["content_sha256"]
    assert there.succeed("run", "-q", carried, "--offline", "--", "python", "-c", code) == "True\n"
    there.succeed("solve", "--check", "carried/real.toml")
    (there.folder / carried).rename(there.folder / "before.yml")
    there.succeed("solve", "-q", "carried/real.toml")
    assert (there.folder / carried).read_bytes() == (there.folder / "before.yml").read_bytes()
    assert format_manifest(read_files(bundle)[0]).count(b"stack/pins/pypi/") == 1
