"""Run a command in an environment as `envlock run` does, but as a child and within a time."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from envlock.backends.activated import activated_environment
from envlock.backends.activation_files import read_activation
from envlock.backends.probe_processes import MARK, Family
from envlock.errors import ExitCode
from envlock.formats.activation import Shell
from envlock.model.store import Environment
from envlock.ports.commands import CommandEnd

_CHUNK_BYTES = 1 << 16
_KEPT_BYTES = 1 << 14
_LONGEST_LINE = 300
_GRACE_SECONDS = 5.0


class ChildCommands:
    """Implements `ports.commands.Commands`. What a command writes is read and let go."""

    def __init__(self, parent: Mapping[str, str]) -> None:
        self._parent = parent

    def run(
        self, environment: Environment, words: Sequence[str], limit_seconds: float
    ) -> CommandEnd:
        """Run a command to its end; see the port."""
        activation = read_activation(environment, Shell.BASH)
        variables = activated_environment(activation, self._parent)
        start = time.monotonic()
        program = shutil.which(words[0], path=variables.get("PATH", os.defpath))
        if program is None:
            said = f"there is no command `{words[0]}` in it"
            return CommandEnd(status=ExitCode.NO_COMMAND, said=said, seconds=0.0)
        token = secrets.token_hex(16)
        try:
            child = subprocess.Popen(  # noqa: S603 - what the user asks for
                [program, *words[1:]],
                env={**variables, MARK: token},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            said = f"{program} cannot be run: {error.strerror or error}"
            return CommandEnd(status=ExitCode.NOT_A_PROGRAM, said=said, seconds=0.0)
        status, said = _watch(child, Family(child.pid, token), limit_seconds)
        return CommandEnd(status=status, said=said, seconds=round(time.monotonic() - start, 3))


def _watch(
    child: subprocess.Popen[bytes], family: Family, limit_seconds: float
) -> tuple[int | None, str]:
    """Return how a child ended and its last line; whatever happens here, none of it lives on."""
    try:
        tail = _Tail(child.stdout)
        status = _wait(child, limit_seconds)
    finally:
        family.end()
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_GRACE_SECONDS)
    tail.finish()
    return status, tail.last_line()


def _wait(child: subprocess.Popen[bytes], limit_seconds: float) -> int | None:
    try:
        return child.wait(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        return None


class _Tail:
    """Reads a stream in the background and keeps its end: no command waits for a reader."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._stream = stream
        self._kept = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self._stream is not None:
            with suppress(OSError, ValueError):
                while chunk := os.read(self._stream.fileno(), _CHUNK_BYTES):
                    self._kept = (self._kept + chunk)[-_KEPT_BYTES:]

    def finish(self) -> None:
        """Wait for what is still in the pipe; a stranger may hold it open for ever."""
        self._reader.join(timeout=_GRACE_SECONDS)
        if self._stream is not None and not self._reader.is_alive():
            self._stream.close()

    def last_line(self) -> str:
        """Return the last line that is not empty, made printable."""
        lines = self._kept.decode(errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return "".join(sign for sign in last if sign.isprintable())[:_LONGEST_LINE]
