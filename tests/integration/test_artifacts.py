"""Weights and data of a stack: fetched with resume, verified, shown, kept and collected."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from artifact_server import ArtifactServer, Step, ranges, serving
from envlock.backends.store_layout import StoreLayout
from envlock.backends.store_trees import sweep
from tiny_artifacts import wheel, write_lock

LARGE_BYTES = int(os.environ.get("ENVLOCK_ARTIFACT_BYTES", "200_000_000"))
WEIGHTS = b"weights " * 100
DATA = b"data " * 100


@dataclass(frozen=True)
class Desk:
    """A stack with its lock, a store, and a server of files."""

    folder: Path
    server: ArtifactServer

    @property
    def stack(self) -> Path:
        return self.folder / "demo.toml"

    @property
    def layout(self) -> StoreLayout:
        return StoreLayout(self.folder / "home")

    def write_stack(self, **artifacts: bytes) -> None:
        rows = [
            f'[[artifacts]]\nname = "{name}"\nurl = "{self.server.url}/{name}"\n'
            f'sha256 = "{sha256(content).hexdigest()}"\n'
            for name, content in artifacts.items()
        ]
        text = (
            '[stack]\nname = "demo"\nplatforms = ["linux-64"]\nchannels = ["conda-forge"]\n'
            '[python]\nversion = "3.11.*"\n'
        )
        self.stack.write_text(text + "".join(rows), "utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "envlock", *words]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "ENVLOCK_HOME": str(self.layout.root),
            "ENVLOCK_ARTIFACTS": "/of/another/environment",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def succeed(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def build(self, *words: str) -> dict[str, object]:
        told = self.succeed("build", "--json", "--python", sys.executable, *words)
        return dict(json.loads(told))

    def holds(self, content: bytes) -> bool:
        digest = sha256(content).hexdigest()
        return (self.layout.artifacts / "sha256" / digest[:2] / digest).exists()


@pytest.fixture
def desk() -> Iterator[Desk]:
    folder = Path(tempfile.mkdtemp(prefix="el-"))  # short: a script's first line names it
    try:
        with serving({"/weights": WEIGHTS, "/data": DATA}) as server:
            write_lock(folder, [wheel("alpha", files={"alpha.py": "x = 1\n"})])
            yield Desk(folder=folder, server=server)
    finally:
        sweep(folder)


def test_a_large_artifact_is_gone_on_with_verified_and_shown(desk: Desk):
    content = random.Random(7).randbytes(LARGE_BYTES)
    desk.server.files["/weights"] = content
    desk.server.etags["/weights"] = '"one"'
    desk.server.scripts["/weights"] = [Step(stall_after=LARGE_BYTES // 2)]
    desk.write_stack(weights=content)
    fetching = desk.command("artifacts", "fetch", "demo.toml")
    killed = subprocess.Popen(fetching, cwd=desk.folder, env=desk.environment)
    assert desk.server.stalled.wait(60)
    wait_for(desk, LARGE_BYTES // 4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = partial_bytes(desk)

    folder = desk.succeed("artifacts", "fetch", "demo.toml").strip()

    assert ranges(desk.server.asked("/weights")) == [None, f"bytes={left}-"]
    shown = Path(folder) / "weights"
    assert sha256(shown.read_bytes()).hexdigest() == sha256(content).hexdigest()
    assert shown.resolve().stat().st_mode & 0o777 == 0o444
    assert Path(folder).stat().st_mode & 0o777 == 0o555


def partial_bytes(desk: Desk) -> int:
    digests = [path for path in desk.layout.artifacts.glob("partial/*") if not path.suffix]
    return sum(path.stat().st_size for path in digests)


def wait_for(desk: Desk, size_bytes: int) -> None:
    until = time.monotonic() + 60
    while partial_bytes(desk) < size_bytes:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_runs_finds_the_artifacts_by_their_names(desk: Desk):
    desk.write_stack(weights=WEIGHTS, data=DATA)
    show = "import os; print(sorted(os.listdir(os.environ['ENVLOCK_ARTIFACTS'])))"

    said = desk.succeed("run", "-q", "demo.toml", "--python", "host", "--", "python", "-c", show)

    assert said == "['data', 'weights']\n"
    assert desk.holds(WEIGHTS)
    by_profile = desk.succeed("run", "-q", "--profile", "demo", "--", "python", "-c", show)
    assert by_profile == said


def test_an_environment_of_a_stack_without_artifacts_finds_nobody_elses(desk: Desk):
    show = "import os; print(os.environ.get('ENVLOCK_ARTIFACTS'))"

    said = desk.succeed(
        "run", "-q", "demo.conda-lock.yml", "--python", "host", "--", "python", "-c", show
    )

    assert said == "None\n"


def test_artifacts_change_neither_the_key_nor_the_content_and_are_another_generation(desk: Desk):
    bare = desk.build("demo.conda-lock.yml")
    desk.write_stack(weights=WEIGHTS)

    beside = desk.build("demo.conda-lock.yml")

    same = ("path", "tree_sha256", "content_sha256", "artifacts")
    assert {key: beside[key] for key in same} == {key: bare[key] for key in same}
    assert (bare["generation"], beside["generation"]) == (1, 2)


def test_a_generation_keeps_its_artifacts_until_it_is_forgotten(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    desk.build("demo.toml")
    desk.write_stack(data=DATA)
    desk.build("demo.toml")

    desk.succeed("gc", "--downloads")
    assert (desk.holds(WEIGHTS), desk.holds(DATA)) == (True, True)

    desk.succeed("gc", "--keep", "1")
    assert (desk.holds(WEIGHTS), desk.holds(DATA)) == (False, True)

    desk.succeed("gc", "--forget", "demo")
    assert not desk.holds(DATA)
    assert list(desk.layout.data.iterdir()) == []


def test_a_rollback_brings_the_artifacts_of_then_back(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    desk.build("demo.toml")
    desk.server.files["/weights"] = DATA
    desk.write_stack(weights=DATA)
    desk.build("demo.toml")
    show = ["run", "-q", "--profile", "demo", "--", "sh", "-c", 'cat "$ENVLOCK_ARTIFACTS/weights"']

    now = desk.succeed(*show)
    desk.succeed("rollback", "demo")
    then = desk.succeed(*show)

    assert (now.encode(), then.encode()) == (DATA, WEIGHTS)


def test_a_stack_that_was_fetched_for_keeps_what_it_names_now(desk: Desk):
    desk.write_stack(weights=WEIGHTS, data=DATA)
    desk.succeed("artifacts", "fetch", "demo.toml")

    desk.succeed("gc")
    assert (desk.holds(WEIGHTS), desk.holds(DATA)) == (True, True)

    desk.write_stack(data=DATA)
    told = desk.succeed("gc")
    assert (desk.holds(WEIGHTS), desk.holds(DATA)) == (False, True)
    assert told.endswith("0 environments, 0 trees, 1 download, 1 data folder\n")

    desk.stack.unlink()
    assert f"forget the stack {desk.stack}, which is not there any more" in desk.succeed("gc")
    assert not desk.holds(DATA)


def test_a_stack_that_cannot_be_read_keeps_everything_and_it_is_said(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    desk.succeed("artifacts", "fetch", "demo.toml")
    desk.stack.write_text("[stack\n", "utf-8")

    done = desk.run("gc")

    assert desk.holds(WEIGHTS)
    assert (
        f"note: {desk.stack} cannot be read, so nobody knows which artifacts it names: all that "
        "lie beside environments were kept" in done.stderr
    )


def test_a_stack_can_be_forgotten(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    desk.succeed("artifacts", "fetch", "demo.toml")

    assert desk.succeed("artifacts", "forget", "demo.toml") == f"{desk.stack}: forgotten\n"
    desk.succeed("gc")

    assert not desk.holds(WEIGHTS)
    assert desk.succeed("artifacts", "forget", "demo.toml").endswith(": it was not known\n")


def test_what_is_here_is_listed_and_found(desk: Desk):
    desk.write_stack(weights=WEIGHTS, data=DATA)
    desk.succeed("artifacts", "fetch", "demo.toml", "weights")

    listed = json.loads(desk.succeed("artifacts", "list", "demo.conda-lock.yml", "--json"))
    found = desk.succeed("artifacts", "path", "demo.toml", "weights").strip()
    missing = desk.run("artifacts", "path", "demo.toml")

    here = {each["name"]: each["is_here"] for each in listed["artifacts"]}
    assert here == {"weights": True, "data": False}
    assert Path(found).read_bytes() == WEIGHTS
    assert (missing.returncode, missing.stderr) == (
        1,
        "error: data: not here\n\nhint: fetch it: `envlock artifacts fetch demo.toml`\n",
    )


def test_another_file_than_the_stack_names_is_refused_and_where_to_say_so_is_told(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    desk.server.files["/weights"] = b"something else"

    done = desk.run("artifacts", "fetch", "demo.toml")

    assert done.returncode == 2
    assert done.stderr.startswith("error: digest mismatch for `weights`\n")
    assert done.stderr.endswith(
        "\nhint: demo.toml:7: if the file was really replaced, write its new SHA-256 there; else "
        "correct the address\n"
    )
    assert not desk.holds(b"something else")


def test_a_damaged_artifact_is_fetched_anew_when_it_is_hashed_again(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    folder = desk.succeed("artifacts", "fetch", "demo.toml").strip()
    real = (Path(folder) / "weights").resolve()
    real.chmod(0o644)
    real.write_bytes(b"damaged")

    desk.succeed("artifacts", "fetch", "demo.toml", "--recheck")

    assert (Path(folder) / "weights").read_bytes() == WEIGHTS


def test_a_store_with_artifacts_is_whole_and_a_damaged_one_is_to_be_fetched_anew(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    folder = desk.succeed("artifacts", "fetch", "demo.toml").strip()
    desk.succeed("store", "verify")
    real = (Path(folder) / "weights").resolve()
    real.chmod(0o644)
    real.write_bytes(b"damaged")

    assert desk.run("store", "verify").returncode == 1
    repaired = desk.run("store", "repair")
    assert repaired.returncode == 1
    assert "`envlock artifacts fetch STACK` brings it anew" in repaired.stderr
    desk.succeed("artifacts", "fetch", "demo.toml")
    desk.succeed("store", "verify")


def test_offline_says_what_is_missing_and_a_build_can_do_without(desk: Desk):
    desk.write_stack(weights=WEIGHTS)

    refused = desk.run("build", "demo.toml", "--offline", "--python", sys.executable)
    built = desk.run("build", "demo.toml", "--no-artifacts", "--python", sys.executable)
    entered = desk.run(
        "run", "demo.toml", "--no-artifacts", "--python", sys.executable, "--", "python", "-c", ""
    )

    assert (refused.returncode, built.returncode) == (4, 0)
    assert "1 archive is not here, and envlock was told to stay offline" in refused.stderr
    assert (
        "note: artifact weights is not here: `envlock artifacts fetch STACK` brings it"
        in entered.stderr
    )


def test_a_faulty_stack_beside_a_named_lock_costs_its_artifacts_only(desk: Desk):
    desk.stack.write_text("[[artifacts]]\nname = 1\n", "utf-8")

    by_lock = desk.run("build", "demo.conda-lock.yml", "--python", sys.executable)
    by_stack = desk.run("build", "demo.toml", "--python", sys.executable)

    assert (by_lock.returncode, by_stack.returncode) == (0, 2)
    assert "note: its artifacts are left out: " in by_lock.stderr


def test_a_folder_of_links_that_was_damaged_is_made_anew(desk: Desk):
    desk.write_stack(weights=WEIGHTS)
    folder = Path(desk.succeed("artifacts", "fetch", "demo.toml").strip())
    folder.chmod(0o755)
    (folder / "weights").unlink()
    (folder / "weights").symlink_to("/etc/hostname")

    desk.succeed("artifacts", "fetch", "demo.toml")

    assert (folder / "weights").read_bytes() == WEIGHTS
    assert [path.name for path in desk.layout.data.iterdir()] == [folder.name]
