"""Run a probe in an environment, and hear what it says."""

from __future__ import annotations

from typing import Protocol

from envlock.model.probe import ProbeLine, ProbeRequest, ProbeRun


class ProbeListener(Protocol):
    """Hears a probe's lines as they come; every call returns at once and never raises."""

    def heard(self, framework: str, line: ProbeLine) -> None:
        """Hear one line, those for watchers too."""
        ...


class Runner(Protocol):
    """Runs probes by the Python of an environment, isolated and within limits."""

    def frameworks(self, python: str) -> tuple[str, ...]:
        """Return the frameworks that a Python has, of those that there are probes for, ordered.

        Raises `WorldError` when that Python does not run.
        """
        ...

    def probe(self, python: str, request: ProbeRequest, listener: ProbeListener) -> ProbeRun:
        """Run one probe to its end, whatever that is; nothing of it is left running.

        Raises `WorldError` when that Python does not run.
        """
        ...
