"""What an audit acts through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envlock.audit.rule import Rule
from envlock.model.stack import Stack
from envlock.ports.history import History
from envlock.ports.index_status import IndexStatus
from envlock.ports.installed import Environments
from envlock.ports.pins import Pins
from envlock.ports.recordings import Recordings
from envlock.ports.signing import TrustedKey
from envlock.ports.tree import Tree
from envlock.ports.workspace import Workspace

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from envlock.workflows.audit_again import Deep
    from envlock.workflows.solve import SolveTools


@dataclass(frozen=True, kw_only=True)
class AuditTools:
    """The ports of an audit; the costly ones are made only where a file needs them."""

    workspace: Workspace
    tree: Tree
    history: History
    rules: Sequence[Rule]
    pins_beside: Callable[[str], Pins]
    """The pins of a stack's folder, by the stack's path."""
    recordings_beside: Callable[[str], Recordings]
    recipe_sources: Callable[[str], Callable[[Stack], Mapping[str, str]]]
    """What the recipes of a stack are now, by the stack's path."""
    environments: Environments
    index_status: IndexStatus | None
    """Who asks indexes and channels; None where nobody may."""
    keys: tuple[TrustedKey, ...]
    """The public keys that the auditor trusts."""
    solve_tools: Callable[[str], SolveTools]
    """What solves a stack again, by the stack's path."""
    deep: Callable[[str], AbstractContextManager[Deep]]
    """What builds and verifies a lock again, by the lock's path; opens the store."""
