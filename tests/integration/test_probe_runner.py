"""A probe is ended whatever it does, told of as what it did, and leaves nothing running."""

from __future__ import annotations

import os
import resource
import secrets
import sys
import textwrap
import time
from pathlib import Path

import pytest

from envlock.backends.probe_processes import MARK
from envlock.backends.probe_runner import ChildRunner, Limits
from envlock.errors import WorldError
from envlock.model.outcome import Level
from envlock.model.probe import Ending, ProbeLine, ProbeRequest, ProbeRun, StepLine

if sys.platform != "linux":
    pytest.skip("what a probe leaves running is seen in /proc", allow_module_level=True)

REQUEST = ProbeRequest(framework="pytorch", level=Level.SMOKE, device="cpu")
FINISHED = """print('{"kind": "finished", "seconds": {}}', flush=True)\n"""


class Listener:
    def __init__(self) -> None:
        self.lines: list[ProbeLine] = []

    def heard(self, framework: str, line: ProbeLine) -> None:
        self.lines.append(line)


def probe(folder: Path, script: str, **limits: float) -> ProbeRun:
    (folder / "verify.py").write_text("import sys, os, json\n" + textwrap.dedent(script))
    bounds = Limits(
        seconds=limits.get("seconds", 30), memory_bytes=int(limits.get("memory_bytes", 1 << 30))
    )
    return ChildRunner({"LD_PRELOAD": "/nowhere.so", **os.environ}, bounds, folder).probe(
        sys.executable, REQUEST, Listener()
    )


def left_running(token: str) -> list[str]:
    mark = f"{MARK}={token}".encode()
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_running(monkeypatch: pytest.MonkeyPatch):
    token = secrets.token_hex(16)
    monkeypatch.setattr("envlock.backends.probe_runner.secrets.token_hex", lambda size: token)
    yield
    assert left_running(token) == []


def test_a_whole_probe_is_read_to_its_end(tmp_path: Path):
    script = """
        request = json.load(sys.stdin)
        assert request["framework"] == "pytorch", request
        print('{"kind": "step", "model": "rnn", "step": 1, "steps": 2, "loss": 0.5}')
        """
    run = probe(tmp_path, textwrap.dedent(script) + FINISHED)

    assert run.ending is Ending.WHOLE
    assert not any(isinstance(line, StepLine) for line in run.lines)
    assert len(run.lines) == 1


def test_watchers_hear_each_step(tmp_path: Path):
    step = """print('{"kind": "step", "model": "rnn", "step": 1, "steps": 2, "loss": 0.5}')\n"""
    (tmp_path / "verify.py").write_text(step + FINISHED)
    listener = Listener()

    ChildRunner(os.environ, Limits(), tmp_path).probe(sys.executable, REQUEST, listener)

    assert [type(line).__name__ for line in listener.lines] == ["StepLine", "FinishedLine"]


def test_a_probe_that_hangs_is_ended(tmp_path: Path):
    run = probe(tmp_path, "import time\ntime.sleep(600)", seconds=1)

    assert run.ending is Ending.TIMED_OUT
    assert run.said == "it was ended after 1 s"


def test_a_probe_that_ignores_every_signal_is_ended(tmp_path: Path):
    script = """
        import signal, time
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        while True:
            time.sleep(1)
        """
    assert probe(tmp_path, script, seconds=1).ending is Ending.TIMED_OUT


def test_a_probe_that_dies_by_a_signal_has_crashed(tmp_path: Path):
    run = probe(
        tmp_path, "print('about to', file=sys.stderr, flush=True)\nos.kill(os.getpid(), 11)"
    )

    assert run.ending is Ending.CRASHED
    assert run.said == "it crashed: SIGSEGV\nabout to"


def test_a_probe_that_raises_has_crashed_and_its_last_words_are_kept(tmp_path: Path):
    run = probe(tmp_path, "raise SystemExit('no framework \x1b[31m here')")

    assert run.ending is Ending.CRASHED
    assert run.said == "it left with exit status 1\nno framework ?[31m here"


def test_a_probe_that_leaves_early_has_not_finished(tmp_path: Path):
    assert probe(tmp_path, "").said == "it left before it had finished"


@pytest.mark.parametrize(
    "script",
    [
        "print('hello')",
        "print('{}')",
        """print('{"kind": "finished"}')""",
        """print('{"kind": "unknown"}')""",
        """print('[' * 100000)""",
        """os.write(1, bytes(range(256)) * 100)""",
        """os.write(1, b'{"kind": "finished", "seco')""",
        """while True: os.write(1, b'x' * 65536)""",
        """
        while True:
            print('{"kind": "step", "model": "rnn", "step": 1, "steps": 2, "loss": 0.5}')
        """,
    ],
)
def test_a_probe_that_writes_nonsense_is_garbled(tmp_path: Path, script: str):
    run = probe(tmp_path, script)

    assert run.ending is Ending.GARBLED, run
    assert run.said.isprintable() or "\n" in run.said


def test_a_probe_that_floods_stderr_is_read_all_the_same(tmp_path: Path):
    run = probe(tmp_path, "sys.stderr.write('word ' * 2_000_000)\n" + FINISHED)

    assert run.ending is Ending.WHOLE


def test_a_probe_that_fills_memory_is_ended(tmp_path: Path):
    script = """
        held = []
        while True:
            held.append(bytearray(os.urandom(1 << 20)))
        """
    run = probe(tmp_path, script, memory_bytes=300 << 20)

    assert run.ending is Ending.OUT_OF_MEMORY
    assert run.said == "it took more than 0.3 GiB of memory, and was ended"


def test_memory_is_counted_over_all_its_processes(tmp_path: Path):
    script = """
        import time
        for _ in range(4):
            if os.fork() == 0:
                held = bytearray(os.urandom(100 << 20))
                time.sleep(600)
        time.sleep(600)
        """
    run = probe(tmp_path, script, memory_bytes=300 << 20)

    assert run.ending is Ending.OUT_OF_MEMORY


def test_a_probe_that_forks_without_end_is_ended(tmp_path: Path):
    script = """
        import time
        for _ in range(2000):
            if os.fork() == 0:
                time.sleep(600)
        time.sleep(600)
        """
    run = probe(tmp_path, script)

    assert run.ending is Ending.CRASHED
    assert run.said == "it started more than 300 processes, and was ended"


def test_what_a_probe_leaves_running_is_ended(tmp_path: Path):
    script = """
        import time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.environ.clear()
                time.sleep(600)
            os._exit(0)
        """
    run = probe(tmp_path, textwrap.dedent(script) + FINISHED, seconds=20)

    assert run.ending is Ending.WHOLE
    assert run.seconds < 15, "a child that holds the pipe open must not be waited for"


def test_the_probe_is_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/somewhere")
    script = """
        assert sys.flags.isolated and sys.flags.no_user_site
        assert "PYTHONPATH" not in os.environ and "LD_PRELOAD" not in os.environ
        assert "SECRET_TOKEN" not in os.environ
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
        assert os.environ["LD_LIBRARY_PATH"] == "/somewhere"
        assert os.environ["HOME"] == os.getcwd() == os.environ["TMPDIR"]
        open("left-behind", "w").close()
        """
    run = probe(tmp_path, textwrap.dedent(script) + FINISHED)

    assert run.ending is Ending.WHOLE, run.said


@pytest.mark.parametrize("python", ["/nowhere/python", "/etc/passwd", "/bin/false"])
def test_a_python_that_does_not_run_is_told(python: str):
    with pytest.raises(WorldError, match="does not run"):
        ChildRunner({}).frameworks(python)


def python_that(folder: Path, script: str) -> str:
    """A program that stands in for an environment's Python."""
    program = folder / "python"
    program.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    program.chmod(0o755)
    return str(program)


def test_a_python_that_talks_before_it_answers_is_understood(tmp_path: Path):
    python = python_that(tmp_path, """echo welcome; echo '["jax"]'""")

    assert ChildRunner({}).frameworks(python) == ("jax",)


def test_a_python_that_writes_without_end_is_ended_and_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("envlock.backends.probe_runner._LIST_SECONDS", 0.5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(WorldError, match="it did not end within"):
        ChildRunner({}).frameworks(python_that(tmp_path, "exec yes"))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_what_a_python_starts_while_it_is_asked_is_ended(tmp_path: Path):
    python = python_that(tmp_path, """(setsid sleep 600 &) ; echo '["jax"]'""")
    start = time.monotonic()

    assert ChildRunner({}).frameworks(python) == ("jax",)
    assert time.monotonic() - start < 15, "who holds the pipe open must not be waited for"


def test_what_a_python_said_last_is_told(tmp_path: Path):
    with pytest.raises(WorldError, match="python does not run: I am no Python"):
        ChildRunner({}).frameworks(python_that(tmp_path, "echo I am no Python"))
