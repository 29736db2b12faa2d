"""Run a probe by an environment's own Python: alone, isolated, within limits, and to its end.

The probe gets a home and a temporary folder that are thrown away, none of the user's Python
settings, and no `LD_PRELOAD`. It may hang, crash, write nonsense, fill memory or fork: it is ended
with all that it started, and how it ended is told.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO

import msgspec

from envlock.backends.device_watch import DeviceWatch
from envlock.backends.probe_lines import GarbledError, LineReader
from envlock.backends.probe_processes import MARK, Family
from envlock.errors import WorldError
from envlock.model.outcome import Level
from envlock.model.probe import (
    Ending,
    FinishedLine,
    ProbeLine,
    ProbeRequest,
    ProbeRun,
    StepLine,
)
from envlock.ports.runner import ProbeListener

_LIMIT_SECONDS = {Level.SMOKE: 300.0, Level.TRAIN: 1200.0, Level.FULL: 3600.0}
_LIST_SECONDS = 60.0
_TICK_SECONDS = 0.2
_CHUNK_BYTES = 1 << 16
_KEPT_BYTES = 4000
_SHOWN_LINES = 6
_MOST_PROCESSES = 300
"""A framework's compiler starts one worker for each core."""
_MEMORY_SHARE = 0.8
_GIB = 1 << 30
_GPU = "gpu"
_PASSED_ON = ("CUDA_", "NVIDIA_", "NCCL_")
"""Which GPUs there are to see, and how they are reached, is the machine's to say."""
_PASSED_ON_EXACTLY = ("LD_LIBRARY_PATH", "OMP_NUM_THREADS")
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "OMP_WAIT_POLICY": "passive",  # spinning threads can make two cores slower than one
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it cuBLAS promises no repetition
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a probe may take."""

    seconds: float | None = None
    """None for what its level is given."""
    memory_bytes: int | None = None
    """None for most of what the machine has to give when it starts."""


class ChildRunner:
    """Runs probes as child processes. Implements `ports.runner.Runner`."""

    def __init__(
        self,
        environment: Mapping[str, str],
        limits: Limits | None = None,
        probes: Path | None = None,
        watch: Callable[[Callable[[], Iterable[int]]], DeviceWatch] = DeviceWatch,
    ) -> None:
        self._environment = environment
        self._watch = watch
        self._limits = limits or Limits()
        self._probes = probes or Path(str(resources.files("envlock.probe")))

    def frameworks(self, python: str) -> tuple[str, ...]:
        """Return the frameworks that a Python has; see the port."""
        with self._running(python, "list_frameworks.py") as (child, _):
            said, errors = _hear(child, python)
        try:
            # The last line: whatever starts with every Python may have written some before it.
            return msgspec.json.decode(said.splitlines()[-1], type=tuple[str, ...])
        except (msgspec.MsgspecError, UnicodeDecodeError, IndexError):
            told = _last(errors) or _last(said) or f"it left with {child.returncode} without a word"
            raise _does_not_run(python, told) from None

    def probe(self, python: str, request: ProbeRequest, listener: ProbeListener) -> ProbeRun:
        """Run one probe to its end; see the port."""
        limits = Limits(
            seconds=self._limits.seconds or _LIMIT_SECONDS[request.level],
            memory_bytes=self._limits.memory_bytes or _memory_to_give(),
        )
        with self._running(python, "verify.py") as (child, family):
            devices = self._watch(family.members) if request.device == _GPU else None
            try:
                run = _Watch(child, family, request, limits, listener).run()
            finally:
                samples = devices.end() if devices else ()
        return msgspec.structs.replace(run, gpus=samples)

    @contextmanager
    def _running(
        self, python: str, script: str
    ) -> Iterator[tuple[subprocess.Popen[bytes], Family]]:
        """Run one of the probe's scripts; when this is left, nothing of it runs or lies about."""
        with tempfile.TemporaryDirectory(
            prefix="envlock-probe-", ignore_cleanup_errors=True
        ) as home:
            token = secrets.token_hex(16)
            environment = {**self._clean(python, home), MARK: token}
            child = self._start([python, "-I", "-B", str(self._probes / script)], environment, home)
            family = Family(child.pid, token)
            try:
                yield child, family
            finally:
                family.end()
                with suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=5)
                for stream in (child.stdin, child.stdout, child.stderr):
                    if stream is not None:
                        with suppress(OSError):
                            stream.close()

    @staticmethod
    def _start(
        words: Sequence[str], environment: Mapping[str, str], home: str
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the environment's Python, named in full
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=home,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise _does_not_run(words[0], error.strerror or str(error)) from error

    def _clean(self, python: str, home: str) -> dict[str, str]:
        passed_on = {
            name: value
            for name, value in self._environment.items()
            if name.startswith(_PASSED_ON) or name in _PASSED_ON_EXACTLY
        }
        folder = str(Path(python).parent)
        places = {"HOME": home, "TMPDIR": home, "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin"}
        return {**passed_on, **_ENVIRONMENT, **places}


class _Watch:
    """One probe, from the request to its end."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        family: Family,
        request: ProbeRequest,
        limits: Limits,
        listener: ProbeListener,
    ) -> None:
        self._child = child
        self._family = family
        self._request = request
        self._limits = limits
        self._listener = listener
        self._reader = LineReader()
        self._lines: list[ProbeLine] = []
        self._errors = b""

    def run(self) -> ProbeRun:
        """Return what it said and how it ended."""
        start = time.monotonic()
        self._ask()
        try:
            ending, said = self._listen(start)
        except GarbledError as error:
            ending, said = Ending.GARBLED, str(error)
        if ending is not Ending.WHOLE:
            self._family.end()
            said = "\n".join(filter(None, [said, _last(self._errors)]))
        return ProbeRun(
            request=self._request,
            lines=tuple(self._lines),
            ending=ending,
            said=said,
            seconds=round(time.monotonic() - start, 3),
        )

    def _ask(self) -> None:
        assert self._child.stdin is not None  # noqa: S101 - it was opened as a pipe
        with suppress(OSError):  # it has ended already, and that is told below
            self._child.stdin.write(json.dumps(msgspec.to_builtins(self._request)).encode())
            self._child.stdin.close()

    def _listen(self, start: float) -> tuple[Ending, str]:
        """Take what comes until both pipes are closed and it has ended, or a limit is reached."""
        looked = start
        with _opened(self._child) as selector:
            while self._child.poll() is None or self._is_readable(selector):
                if selector.get_map():
                    for key, _ in selector.select(_TICK_SECONDS):
                        self._take(selector, key)
                else:
                    time.sleep(_TICK_SECONDS)
                now = time.monotonic()
                if now - looked >= _TICK_SECONDS:
                    looked = now
                    broken = self._broken_limit(now - start)
                    if broken is not None:
                        return broken
        self._reader.end()
        return self._how_it_ended()

    def _is_readable(self, selector: selectors.BaseSelector) -> bool:
        """Say whether something is still to be read: a forked child can hold a pipe open."""
        return bool(selector.get_map()) and bool(selector.select(0))

    def _take(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        content = os.read(key.fd, _CHUNK_BYTES)
        if not content:
            selector.unregister(key.fileobj)
        elif key.data == "errors":
            self._errors = (self._errors + content)[-_KEPT_BYTES:]
        else:
            for line in self._reader.take(content):
                self._listener.heard(self._request.framework, line)
                if not isinstance(line, StepLine):
                    self._lines.append(line)

    def _broken_limit(self, seconds: float) -> tuple[Ending, str] | None:
        if self._limits.seconds is not None and seconds > self._limits.seconds:
            return Ending.TIMED_OUT, f"it was ended after {self._limits.seconds:g} s"
        members = self._family.members()
        if len(members) > _MOST_PROCESSES:
            return (
                Ending.CRASHED,
                f"it started more than {_MOST_PROCESSES} processes, and was ended",
            )
        limit = self._limits.memory_bytes
        if limit is not None and self._family.takes_more_than(limit):
            return (
                Ending.OUT_OF_MEMORY,
                f"it took more than {limit / _GIB:.1f} GiB of memory, and was ended",
            )
        return None

    def _how_it_ended(self) -> tuple[Ending, str]:
        status = self._child.wait()
        is_finished = any(isinstance(line, FinishedLine) for line in self._lines)
        if status == 0 and is_finished:
            return Ending.WHOLE, ""
        if status == -signal.SIGKILL:
            return Ending.OUT_OF_MEMORY, "it was killed (SIGKILL), as a system out of memory does"
        if status < 0:
            return Ending.CRASHED, f"it crashed: {_signal_name(-status)}"
        if status == 0:
            return Ending.CRASHED, "it left before it had finished"
        return Ending.CRASHED, f"it left with exit status {status}"


def _hear(child: subprocess.Popen[bytes], python: str) -> tuple[bytes, bytes]:
    """Return the end of what a child writes on stdout and stderr, when it has ended by itself."""
    heard = {"lines": b"", "errors": b""}
    until = time.monotonic() + _LIST_SECONDS
    if child.stdin is not None:
        child.stdin.close()
    with _opened(child) as selector:
        while child.poll() is None or (selector.get_map() and selector.select(0)):
            if time.monotonic() > until:
                raise _does_not_run(python, f"it did not end within {_LIST_SECONDS:.0f} s")
            if not selector.get_map():
                time.sleep(_TICK_SECONDS)
                continue
            for key, _ in selector.select(_TICK_SECONDS):
                content = os.read(key.fd, _CHUNK_BYTES)
                if not content:
                    selector.unregister(key.fileobj)
                heard[key.data] = (heard[key.data] + content)[-_KEPT_BYTES:]
    return heard["lines"], heard["errors"]


@contextmanager
def _opened(child: subprocess.Popen[bytes]) -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        streams: tuple[tuple[IO[bytes] | None, str], ...] = (
            (child.stdout, "lines"),
            (child.stderr, "errors"),
        )
        for stream, name in streams:
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, name)
        yield selector


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last(errors: bytes) -> str:
    """Return the last lines of what was written on stderr, fit to be shown."""
    lines = errors.decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:]
    return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines)


def _memory_to_give() -> int | None:
    """Return most of what is free, at least 1 GiB; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        kilobytes = next(
            int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvailable:")
        )
    except (OSError, StopIteration, ValueError, IndexError):
        return None
    return max(_GIB, int(kilobytes * 1024 * _MEMORY_SHARE))


def _does_not_run(python: str, why: str) -> WorldError:
    return WorldError(
        f"{python} does not run: {why}\nNothing was verified.",
        hints=["name a Python that runs here, or a folder that holds `bin/python`"],
    )
