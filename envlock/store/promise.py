"""What must come of a build, held against what came of it."""

from __future__ import annotations

from envlock.errors import DepotError
from envlock.model.store import Promise


def check_promise(promise: Promise, name: str, content_sha256: str, tree_sha256: str) -> None:
    """Refuse an environment that is not what was promised. Raises `DepotError`."""
    pairs = [("content", promise.content_sha256, content_sha256)]
    if promise.tree_sha256:
        pairs.append(("tree", promise.tree_sha256, tree_sha256))
    for what, promised, found in pairs:
        if promised != found:
            raise DepotError(
                f"{name} is not what {promise.by} says\n"
                f"  expected {what} sha256: {promised}\n"
                f"  built {what} sha256:    {found}\n"
                "It was not kept.",
                hints=["build it and compare by file: `envlock build LOCK --rebuild-check`"],
            )
