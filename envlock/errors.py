"""The error tree: what went wrong as fields, rendered once, with an exit code and hints.

Every error that a user can cause or meet is an `EnvlockError`. The command line prints `str(error)`
and the hints; `--json` prints `error.fields()`; tests read either. Anything else that escapes is a
bug of ours and exits 70.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to the shell."""

    YES = 0
    NO = 1
    """The question was understood and the answer is no (stale, different, not fresh)."""
    INPUT = 2
    """The user's input is at fault."""
    NO_SOLUTION = 3
    WORLD = 4
    """The network, the disk, a missing GPU: trying again elsewhere may work."""
    BUG = 70
    NOT_A_PROGRAM = 126
    """`run` only, as a shell says it: the command is there and cannot be run."""
    NO_COMMAND = 127
    """`run` only, as a shell says it: there is no such command."""


class EnvlockError(Exception):
    """A failure that a person can understand and act on.

    `message` may have several lines: where, expected, found, and what state things are in.
    `hints` are commands or edits that the reader can carry out.
    """

    exit_code = ExitCode.INPUT

    def __init__(self, message: str, *, hints: Sequence[str] = (), detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hints = tuple(hints)
        self.detail = detail
        """A library's own words, for `--json` and `--verbose`; never needed to understand."""

    def __str__(self) -> str:
        return self.message

    def fields(self) -> Mapping[str, object]:
        """Return the error as plain data for `--json`."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "hints": list(self.hints),
            **({"detail": self.detail} if self.detail else {}),
            "exit_code": int(self.exit_code),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong in one place of an input file."""

    where: str
    """`path:line: key.path`, as far as it is known."""
    problem: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class InputFileError(EnvlockError):
    """A file that the user wrote is at fault; carries every fault found in it."""

    def __init__(self, faults: Sequence[Fault], *, state: str = "") -> None:
        lines = [str(fault) for fault in faults]
        hints = [fault.hint for fault in faults if fault.hint]
        super().__init__("\n".join([*lines, *([state] if state else [])]), hints=hints)
        self.faults = tuple(faults)

    def fields(self) -> Mapping[str, object]:
        """Add the faults one by one."""
        faults = [
            {"where": fault.where, "problem": fault.problem, "hint": fault.hint}
            for fault in self.faults
        ]
        return {**super().fields(), "faults": faults}


class ReceiptError(InputFileError):
    """A receipt is not as envlock writes it: altered, cut short, or never one."""


class PinError(EnvlockError):
    """An index pin is missing, damaged, forged or does not hold what was asked of it."""


class LockError(EnvlockError):
    """A lock file cannot be read, or says something that it must not."""


class NoSolutionError(EnvlockError):
    """The question has no answer in the pin, or the answer would not run."""

    exit_code = ExitCode.NO_SOLUTION


class ArchiveError(EnvlockError):
    """A package is not what the lock says, or holds what no package may hold."""


class RecipeError(EnvlockError):
    """A recipe cannot be built, or does what a build may not."""


class BundleError(EnvlockError):
    """A bundle was altered, cut short, or does not hold what its lock names."""


class StoreError(EnvlockError):
    """The store, an environment or a generation is not there, or not what it must be."""


class DepotError(EnvlockError):
    """A depot gave what nobody trusted has signed, or what is not what was signed."""


class NotInDepotError(DepotError):
    """A depot does not have what was asked of it."""

    exit_code = ExitCode.NO


class WorldError(EnvlockError):
    """The network, the disk or the machine did not do what was asked."""

    exit_code = ExitCode.WORLD
