"""What a store has to keep: everything that can be reached from a root, and nothing else.

Roots are names: labels of environments, digests of artifacts and of manifests, keys of the folders
that show artifacts of stacks, which keep what they show. A process that is building names the
artifacts of an environment that is not there yet; the trees that come of an artifact have its
digest in their names, so they are kept with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

from envlock.model.keeping import Holdings, Inventory

_TREE = re.compile(r"(?:artifact|bytecode)-(?P<sha256>[0-9a-f]{64})(?:-[0-9a-f]+)?")


class Marked(Struct, frozen=True, kw_only=True):
    """A store's holdings, divided."""

    live: Holdings
    dead: Holdings


def artifact_of(tree: str) -> str:
    """Return the digest of the artifact that a tree was made of; empty for any other name."""
    match = _TREE.fullmatch(tree)
    return match["sha256"] if match else ""


def mark(inventory: Inventory, roots: Collection[str], *, drops_downloads: bool = False) -> Marked:
    """Divide what a store holds into what is reached from the roots and what is not.

    With `drops_downloads`, an archive stays only when a root names it, or when its tree is not
    there: then nothing else in the store has what it holds.
    """
    named = frozenset(roots)
    shown = (digests for key, digests in inventory.data.items() if key in named)
    asked = named.union(*shown)
    kept = [item for label, item in inventory.environments.items() if label in asked]
    referred = asked.union(*(item.artifacts for item in kept))
    trees = frozenset().union(*(item.trees for item in kept))
    live_trees = {name for name in inventory.trees if name in trees or artifact_of(name) in asked}
    unpacked = {artifact_of(name) for name in inventory.trees if name.startswith("artifact-")}
    artifacts = asked | (referred - unpacked) if drops_downloads else referred
    manifests = asked.union(
        (item.tree_sha256 for item in kept), (inventory.trees[name] for name in live_trees)
    )
    divided = [
        _divide(inventory.environments, asked),
        _divide(inventory.trees, live_trees),
        _divide(inventory.artifacts, artifacts),
        _divide(inventory.manifests, manifests),
        _divide(inventory.data, named),
    ]
    live, dead = zip(*divided, strict=True)
    return Marked(live=_holdings(*live), dead=_holdings(*dead))


def _divide(names: Iterable[str], live: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ordered = sorted(names)
    return (
        tuple(name for name in ordered if name in live),
        tuple(name for name in ordered if name not in live),
    )


def _holdings(
    environments: tuple[str, ...],
    trees: tuple[str, ...],
    artifacts: tuple[str, ...],
    manifests: tuple[str, ...],
    data: tuple[str, ...],
) -> Holdings:
    return Holdings(
        environments=environments,
        trees=trees,
        artifacts=artifacts,
        manifests=manifests,
        data=data,
    )
