"""What lies beside a lock of ours: its stack, its pin, and whether they still belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.errors import EnvlockError, PinError
from envlock.formats.conda_lock import read_seal
from envlock.formats.stack_toml import LARGEST_BYTES, read_stack
from envlock.model.finding import AuditPolicy
from envlock.model.reading import FileKind, Reading
from envlock.model.sight import Difference
from envlock.model.stack import Stack
from envlock.solve.freshness import (
    INPUTS,
    PIN,
    RECORDING,
    Sources,
    broken_digests,
    changed_inputs,
    changed_sources,
)
from envlock.workflows.audit_targets import Target, stack_of
from envlock.workflows.audit_tools import AuditTools

NOT_OURS = "only a lock of envlock says what it was solved from"
NOT_SOLVED_AGAIN = "only a lock of envlock names the index pin that it can be solved again from"
_REWRITTEN = "its digests are gone from where envlock writes them: another tool wrote it anew"


@dataclass(frozen=True, kw_only=True)
class StackSeen:
    """What was seen of a lock's stack."""

    stack: Stack | None = None
    path: str = ""
    """The stack's file."""
    blind: str = ""
    """Why the stack was not looked at; empty where it was."""
    is_earlier: bool = False
    """Whether both are read from the history."""
    stale: tuple[str, ...] = ()
    unsolvable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Again:
    """What came of doing something a second time."""

    differences: tuple[Difference, ...] = ()
    blind: str = ""
    """Why it was not done; empty where it was."""
    unsolvable: tuple[str, ...] = ()
    """What was found to be wrong with the pin, in words."""


def is_ours(reading: Reading) -> bool:
    """Say whether envlock wrote a lock: its head says from which stack."""
    return reading.kind is FileKind.CONDA_LOCK and INPUTS in reading.facts


def see_altered(reading: Reading, content: bytes) -> tuple[str, ...]:
    """Return, in words, what of a lock of ours is not what its own digests say."""
    if not is_ours(reading):
        return ()
    seal = read_seal(content)
    return (_REWRITTEN,) if seal is None else broken_digests(seal)


def see_stack(target: Target, reading: Reading, tools: AuditTools) -> StackSeen:
    """Hold a lock of ours against the stack beside it, and see that both have their pin."""
    if not is_ours(reading):
        return StackSeen(blind=NOT_OURS)
    path = stack_of(target.path)
    if target.revision is not None:
        return _see_earlier(target.revision, path, reading, tools)
    if not tools.workspace.exists(path):
        return StackSeen(blind=f"the stack {path} is not there")
    try:
        stack = read_stack(tools.workspace.read_bytes(path, limit_bytes=LARGEST_BYTES), path)
        return _hold(stack, path, reading, tools)
    except EnvlockError as error:
        return StackSeen(blind=f"the stack cannot be read: {why(error)}")


def _see_earlier(revision: str, path: str, reading: Reading, tools: AuditTools) -> StackSeen:
    """Hold a lock of the history against its stack of then, and look for its pin of then now.

    Which pin the stack had then is the lock's own word.
    """
    try:
        content = tools.history.read_bytes(revision, path, limit_bytes=LARGEST_BYTES)
        here = tools.history.working_path(path)  # what a remedy can name
        stack = read_stack(content, here)
    except EnvlockError as error:
        return StackSeen(blind=f"the stack cannot be read: {why(error)}")
    pins, recordings = tools.pins_beside(here), tools.recordings_beside(here)
    unsolvable = [*_problem("index pin", _digest(reading, PIN), pins.read)]
    if any(map(stack.takes_pypi_on, stack.platforms)):
        unsolvable += _problem("recording", _digest(reading, RECORDING), recordings.read)
    return StackSeen(
        stack=stack,
        path=path,
        is_earlier=True,
        stale=changed_inputs(reading.facts, stack.inputs),
        unsolvable=tuple(unsolvable),
    )


def _digest(reading: Reading, fact: str) -> str | None:
    return reading.facts.get(fact, "").removeprefix("sha256:") or None


def _hold(stack: Stack, path: str, reading: Reading, tools: AuditTools) -> StackSeen:
    pins, recordings = tools.pins_beside(path), tools.recordings_beside(path)
    takes_pypi = any(map(stack.takes_pypi_on, stack.platforms))
    pin = pins.assigned(stack.name)
    recording = recordings.assigned(stack.name) if takes_pypi else None
    stale = changed_inputs(reading.facts, stack.inputs)
    if pin is not None and (recording is not None or not takes_pypi):
        sources = Sources(
            pin=pin,
            recording=recording,
            takes_pypi=takes_pypi,
            recipes=tools.recipe_sources(path)(stack) if stack.recipes else {},
        )
        stale += changed_sources(reading.facts, sources)
    return StackSeen(
        stack=stack,
        path=path,
        stale=stale,
        unsolvable=(
            *_problem("index pin", pin, pins.read),
            *(_problem("recording", recording, recordings.read) if takes_pypi else ()),
        ),
    )


def _problem(what: str, digest: str | None, read: Callable[[str], object]) -> Iterator[str]:
    if digest is None:
        yield f"its stack has no {what} any more"
        return
    try:
        read(digest)
    except PinError as error:
        yield why(error)


def why(error: EnvlockError) -> str:
    """Return the words of an error in one line, without what it says of the state of things."""
    lines = [line.strip() for line in error.message.splitlines()]
    told = " ".join(line for line in lines if not line.startswith(_STATE))
    return told.rstrip(".")


_STATE = ("No lock was written", "Nothing was ")


def completed(policy: AuditPolicy, stack: Stack | None) -> AuditPolicy:
    """Return a policy with what a stack says of its machines, where the policy says nothing."""
    if stack is None:
        return policy
    return replace(
        policy,
        driver=policy.driver or stack.fleet.driver,
        glibc=policy.glibc or stack.fleet.glibc,
        compute=policy.compute or (stack.gpu.compute if stack.gpu else ()),
    )
