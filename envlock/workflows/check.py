"""The story of `solve --check`: is the lock what the stack and its pin say? Loads no solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from envlock.model.lock import LOCK_LIMIT_BYTES, lock_path
from envlock.model.stack import Stack
from envlock.ports.pins import Pins
from envlock.ports.recordings import Recordings
from envlock.ports.workspace import Workspace
from envlock.solve.freshness import Freshness, Missing, Sources, judge_freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The verdict on one lock."""

    path: str
    freshness: Freshness


def check_lock(  # noqa: PLR0913, PLR0917 - all that a lock is held against
    stack: Stack,
    stack_path: str,
    pins: Pins,
    workspace: Workspace,
    recordings: Recordings,
    recipe_sources: Callable[[Stack], Mapping[str, str]] = lambda _: {},
) -> Checked:
    """Judge the lock beside a stack, and see that its pin is there and is what it is called.

    Raises `PinError` when the pin is missing or damaged, or the recording of a stack that takes
    packages from PyPI is: then nobody can solve this again.
    """
    path = lock_path(stack_path)
    if not workspace.exists(path):
        return Checked(path=path, freshness=Missing())
    content = workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)
    digest = pins.assigned(stack.name)
    if digest is not None:
        pins.read(digest)
    takes_pypi = any(map(stack.takes_pypi_on, stack.platforms))
    recording = recordings.assigned(stack.name) if takes_pypi else None
    if recording is not None:
        recordings.read(recording)
    sources = Sources(
        pin=digest,
        recording=recording,
        takes_pypi=takes_pypi,
        recipes=recipe_sources(stack) if stack.recipes else {},
    )
    return Checked(path=path, freshness=judge_freshness(stack.inputs, sources, content))
