"""A lock under real Nix: offline, in its sandbox, of real packages."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pypi_simple
import pytest
import requests
from msgspec.structs import replace

from conda_house import WANTED, CondaHouse
from envlock.formats.conda_lock import format_lock, read_lock
from nix_house import NixHouse, without_colour
from real_wheels import make_wheel

pytestmark = pytest.mark.index

RUN = "import numpy, ssl, sqlite3; print(numpy.arange(4).sum(), numpy.__file__)"


@pytest.fixture(scope="module")
def nix(tmp_path_factory: pytest.TempPathFactory) -> NixHouse:
    house = NixHouse(folder=tmp_path_factory.mktemp("nix"))
    house.prepare()
    return house


@pytest.fixture(scope="module")
def house(nix: NixHouse) -> CondaHouse:
    """envlock beside it, with a store whose paths are as long as those of Nix."""
    return CondaHouse(folder=nix.folder / "work", home=nix.folder / "our")


@pytest.fixture(scope="module")
def lock(house: CondaHouse, debian_channel: Path) -> str:
    try:
        requests.head(pypi_simple.PYPI_SIMPLE_ENDPOINT, timeout=10)
    except requests.RequestException as error:
        pytest.skip(f"the package index cannot be reached: {type(error).__name__}")
    path = Path(house.solve("demo", debian_channel.as_uri(), WANTED))
    solved = read_lock(path.read_bytes(), str(path))
    tool = make_wheel(
        house.folder,
        "tool",
        {
            "tool/__init__.py": b"def main():\n    print('a tool')\n",
            "tool-1.0.data/scripts/old-tool": b"#!python\nprint('an old tool')\n",
            "tool-1.0.data/scripts/tooled.py": b"#!python\nprint('a tool of Python')\n",
            "tool-1.0.data/data/share/tool.txt": b"data\n",
            "tool-1.0.data/headers/tool.h": b"int tool;\n",
            "tool-1.0.data/purelib/more_tool.py": b"MORE = 1\n",
        },
        scripts="tool = tool:main",
    )
    path.write_bytes(format_lock(replace(solved, packages=(*solved.packages, tool))))
    return str(path)


@pytest.fixture(scope="module")
def exported(nix: NixHouse, house: CondaHouse, lock: str) -> Path:
    """The JSON; everything that it names is in the Nix store, and so are busybox and glibc."""
    target = nix.folder / "user" / "lock.nix.json"
    artifacts = nix.folder / "artifacts"
    house.succeed("export", "nix", lock, "-o", str(target), "--artifacts", str(artifacts))
    nix.seed(sorted(artifacts.iterdir()))
    nix.write_user(nix.seed_tools())
    return target


@pytest.fixture(scope="module")
def built(nix: NixHouse, exported: Path) -> Path:
    return Path(nix.build())


def run(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_flake_holds_together_without_a_network_and_its_lock_stays(nix: NixHouse):
    lock = (nix.flake / "flake.lock").read_bytes()

    done = nix.run(
        *("nix", "flake", "check", "--no-build", f"path:{nix.flake}"),
        *("--override-input", "nixpkgs", f"path:{nix.stub}", "--no-write-lock-file"),
    )

    assert done.returncode == 0, done.stderr
    assert (nix.flake / "flake.lock").read_bytes() == lock


def test_what_the_flake_offers_is_there_for_both_systems(nix: NixHouse):
    shown = json.loads(
        nix.succeed(
            *("nix", "flake", "show", "--json", f"path:{nix.flake}", "--no-write-lock-file"),
            *("--override-input", "nixpkgs", f"path:{nix.stub}"),
        )
    )

    both = {"aarch64-linux", "x86_64-linux"}
    assert {name: set(shown[name]) for name in ("packages", "devShells", "checks")} == {
        "packages": both,
        "devShells": both,
        "checks": both,
    }


def test_an_environment_of_real_packages_runs(built: Path):
    total, place = run(built / "bin" / "python", "-c", RUN).split()

    assert total == "6"
    assert Path(place).is_relative_to(built)


def test_launchers_and_scripts_run(built: Path):
    said = {name: run(built / "bin" / name) for name in ("greet", "tool", "old-tool", "short")}

    assert said == {
        "greet": "hello\n",
        "tool": "a tool\n",
        "old-tool": "an old tool\n",
        "short": f"{built}\n",
    }


def test_it_refers_to_nothing_but_itself_so_not_to_a_driver(nix: NixHouse, built: Path):
    assert nix.succeed("nix-store", "--query", "--references", str(built)) == str(built)


@pytest.mark.parametrize("sandbox", [True, False], ids=["sandbox", "no-sandbox"])
def test_built_again_it_is_the_same(nix: NixHouse, built: Path, *, sandbox: bool):
    """Without a sandbox Nix builds it elsewhere and then puts the prefix right."""
    assert nix.build("--rebuild", sandbox=sandbox) == str(built)


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what lies there, the prefix put back; `conda-meta` is each builder's own."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *names)):
            relative = path.relative_to(root)
            if relative.parts[0] != "conda-meta":
                found[str(relative)] = entry(path, str(root).encode())
    return found


def entry(path: Path, prefix: bytes) -> tuple[object, ...]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return ("link", path.readlink())
    if stat.S_ISDIR(mode):
        return ("folder", stat.S_IMODE(mode))
    return ("file", stat.S_IMODE(mode), path.read_bytes().replace(prefix, b"@" * len(prefix)))


SOURCES_WITH_PREFIX = {
    "lib/python3.11/__pycache__/_sysconfigdata__linux_x86_64-linux-gnu.cpython-311.pyc",
    "lib/python3.11/__pycache__/_sysconfigdata__x86_64-linux-gnu.cpython-311.pyc",
    "lib/python3.11/site-packages/__pycache__/linked_again.cpython-311.pyc",
    "lib/python3.11/site-packages/__pycache__/linked_home.cpython-311.pyc",
}
"""In ours this bytecode holds a digest of its source, which holds the prefix; in theirs zeros."""


def test_it_is_what_envlocks_own_store_makes_of_the_same_lock(
    built: Path, house: CondaHouse, lock: str
):
    ours, theirs = tree(Path(house.build(lock)["path"])), tree(built)

    assert len(ours) > 4000
    assert ours.keys() == theirs.keys()
    differing = {path for path, what in ours.items() if what != theirs[path]}
    assert differing == SOURCES_WITH_PREFIX


def test_what_conda_has_to_find_is_there(built: Path, house: CondaHouse, lock: str):
    ours = Path(house.build(lock)["path"])

    names = [
        sorted(path.name for path in (root / "conda-meta").iterdir()) for root in (ours, built)
    ]

    assert names[0] == names[1]


def test_a_wrong_hash_is_refused_with_both_hashes(nix: NixHouse, exported: Path):
    value = json.loads(exported.read_bytes())
    rows = value["systems"]["x86_64-linux"]["artifacts"]
    row = next(row for row in rows if row["name"] == "numpy")
    right, wrong = row["sha256"], "0" * 64
    row.update(sha256=wrong, url=(nix.folder / "artifacts" / row["storeName"]).as_uri())
    kept = exported.read_bytes()
    try:
        exported.write_text(json.dumps(value), "utf-8")
        done = nix.run(*nix.build_command(), sandbox=False)  # inside it no file can be fetched
    finally:
        exported.write_bytes(kept)

    said = without_colour(done.stderr)
    to_text = ("nix", "hash", "to-sri", "--type", "sha256")
    assert done.returncode != 0
    assert "hash mismatch in fixed-output derivation" in said
    assert f"specified: {nix.succeed(*to_text, wrong)}" in said
    assert f"got:    {nix.succeed(*to_text, right)}" in said
    assert "Traceback" not in said


def test_a_half_that_is_cut_off_builds_nothing(nix: NixHouse, exported: Path):
    value = json.loads(exported.read_bytes())
    rows = value["systems"]["x86_64-linux"]["artifacts"]
    next(row for row in rows if row["name"] == "greeting")["tarBytes"]["pkg"] = 512
    kept = exported.read_bytes()
    try:
        exported.write_text(json.dumps(value), "utf-8")
        done = nix.run(*nix.build_command())
    finally:
        exported.write_bytes(kept)

    assert done.returncode != 0
    assert "greeting-1.0-0.conda-unpacked.drv' failed" in without_colour(done.stderr)


def test_where_nothing_is_said_busybox_and_glibc_are_those_of_nixpkgs(
    nix: NixHouse, exported: Path
):
    shown = nix.succeed(
        *("nix", "show-derivation", "path:.#packages.x86_64-linux.plain"),
        *("--override-input", "envlock/nixpkgs", f"path:{nix.stub}", "--no-write-lock-file"),
    )

    (derivation,) = json.loads(shown).values()
    builder, loader = derivation["builder"], derivation["env"]["loader"]
    assert builder.endswith("-busybox/bin/busybox")
    assert loader.endswith("-glibc/lib/ld-linux-x86-64.so.2")


def test_an_artifact_that_is_nowhere_is_named_with_what_to_do(nix: NixHouse, exported: Path):
    value = json.loads(exported.read_bytes())
    rows = value["systems"]["x86_64-linux"]["artifacts"]
    next(row for row in rows if row["name"] == "numpy").update(sha256="1" * 64, url="")
    kept = exported.read_bytes()
    try:
        exported.write_text(json.dumps(value), "utf-8")
        done = nix.run(*nix.build_command())
    finally:
        exported.write_bytes(kept)

    said = without_colour(done.stderr)
    assert done.returncode != 0
    assert "seed://nix-store --add-fixed sha256 numpy-" in said


def test_a_system_that_the_lock_is_not_for_is_named(nix: NixHouse, exported: Path):
    done = nix.run(*nix.build_command(system="aarch64-linux"))

    assert done.returncode != 0
    assert "demo: expected one of the systems x86_64-linux, found aarch64-linux" in without_colour(
        done.stderr
    )
