"""A verification that is ended from outside ends its probe, and leaves nothing half-done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("what is left running is seen in /proc", allow_module_level=True)

PYTHON = """\
#!/bin/sh
case "$*" in
  *list_frameworks.py) echo '["jax"]';;
  *) setsid sleep 600 &
     trap '' TERM INT HUP
     touch "$CUDA_TEST_STARTED"
     while :; do sleep 600; done;;
esac
"""


def working(folder: Path) -> list[str]:
    """The processes that were started with this folder's mark."""
    mark = f"CUDA_TEST_STARTED={folder}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return [each for each in found if each]


def listen() -> None:
    """Undo what a shell does to what it starts in the background: it lets it ignore Ctrl-C."""
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "interrupted; nothing was half-written"),
        (signal.SIGTERM, 143, "ended by SIGTERM; nothing was half-written"),
        (signal.SIGHUP, 129, "ended by SIGHUP; nothing was half-written"),
    ],
)
def test_a_verification_that_is_ended_leaves_nothing(
    tmp_path: Path, number: signal.Signals, status: int, said: str, times: int
):
    python, started, home = tmp_path / "python", tmp_path / "started", tmp_path / "home"
    python.write_text(PYTHON)
    python.chmod(0o755)
    home.mkdir()
    command = [sys.executable, "-m", "envlock", "verify", "--python", str(python)]
    child = subprocess.Popen(
        [*command, "--device", "cpu", "--receipt", str(tmp_path / "r.json")],
        env={**os.environ, "TMPDIR": str(home), "CUDA_TEST_STARTED": str(started)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,  # noqa: PLW1509 - it calls nothing that takes a lock
    )
    try:
        deadline = time.monotonic() + 60
        while not started.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(times):
            child.send_signal(number)
            time.sleep(0.01)
        _, err = child.communicate(timeout=60)
    finally:
        child.kill()

    assert child.returncode == status, err
    assert err.count(said) >= 1
    assert "Traceback" not in err
    assert working(started) == []
    assert list(home.iterdir()) == []
    assert not (tmp_path / "r.json").exists()
