"""The story of `doctor`: one machine, what is wrong with it, and what runs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from envlock.errors import EnvlockError
from envlock.model.host import Host, ProblemLevel
from envlock.model.verdict import Fit, Verdict
from envlock.ports.workspace import Workspace
from envlock.workflows.whatif import Candidate, judge_candidate, read_candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One stack or lock on the machine; unread is what is wrong with a file nobody asked for."""

    path: str
    candidate: Candidate | None = None
    verdict: Verdict | None = None
    unread: str = ""

    @property
    def fit(self) -> Fit:
        """The verdict in one word; of a file that cannot be read nothing is known."""
        return self.verdict.fit if self.verdict else Fit.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A machine and what was asked to run on it."""

    host: Host
    stacks: tuple[Examined, ...]

    @property
    def is_broken(self) -> bool:
        """Whether a problem keeps all GPU work from running."""
        return any(item.level is ProblemLevel.BROKEN for item in self.host.problems)

    def waits(self, item: Examined) -> bool:
        """Say whether a stack would run, but for the problems of the machine."""
        candidate = item.candidate
        on_gpu = candidate is not None and candidate.needs_gpu(self.host.platform)
        return item.fit is Fit.RUNS and on_gpu and self.is_broken

    @property
    def has_usable_gpu(self) -> bool:
        """Whether a program would find a GPU that works."""
        return bool(self.host.driver and self.host.gpus) and not self.is_broken


def examine(host: Host, paths: Sequence[str], workspace: Workspace, *, asked: bool) -> Examination:
    """Judge stacks and locks on a machine.

    Where the paths were `asked` for, a file that cannot be read raises; where they were found, it
    is told of and the others go on.
    """
    return Examination(
        host=host, stacks=tuple(_examine(host, path, workspace, asked=asked) for path in paths)
    )


def _examine(host: Host, path: str, workspace: Workspace, *, asked: bool) -> Examined:
    try:
        candidate = read_candidate(path, workspace)
    except EnvlockError as error:
        if asked:
            raise
        return Examined(path=path, unread=error.message.partition("\n")[0])
    return Examined(path=path, candidate=candidate, verdict=judge_candidate(candidate, host))
