"""Pairs the ports that recipes are built through with their backends."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from envlock.backends.files import DiskWorkspace
from envlock.backends.recipes import DiskRecipes
from envlock.cli.store_wiring import make_build_tools, open_store, this_platform
from envlock.model.platform import Platform
from envlock.model.recipe import Isolation
from envlock.model.store import Artifact, BuildPlan, Derivation
from envlock.workflows.build import BuildTools, realise
from envlock.workflows.recipes import RecipeTools

if TYPE_CHECKING:
    from envlock.ports.store import Needs


class StoreToolchains:
    """Toolchains as environments of the store. Implements `ports.recipes.ToolchainStore`."""

    def __init__(self, tools: BuildTools, needs: Needs) -> None:
        self._tools = tools
        self._needs = needs

    def toolchain(self, name: str, platform: Platform, inputs: Sequence[Artifact]) -> str:
        """Return the folder of an environment; see the port."""
        derivation = Derivation(
            name=name,
            platform=platform.value,
            store_folder=self._tools.store.folder,
            artifacts=tuple((item.file_name, item.sha256) for item in inputs),
            made_with=self._tools.made_with,
        )
        plan = BuildPlan(derivation=derivation, artifacts=tuple(inputs))
        return realise(plan, self._tools, self._needs).environment.path


@contextmanager
def recipe_tools(
    stack_path: str, arguments: argparse.Namespace, *, may_build: bool
) -> Iterator[RecipeTools]:
    """Give what recipes are built through, and keep what they need while it is needed."""
    store = open_store()
    fetching = argparse.Namespace(
        jobs=getattr(arguments, "jobs", 8),
        offline=getattr(arguments, "offline", False),
        quiet=getattr(arguments, "quiet", False),
        lock=stack_path,
    )
    with store.needs() as needs:
        yield RecipeTools(
            recipes=DiskRecipes(store.layout, store.artifacts),
            toolchains=StoreToolchains(make_build_tools(store, fetching), needs),
            workspace=DiskWorkspace(),
            here=this_platform(),
            isolation=Isolation(getattr(arguments, "sandbox", Isolation.ISOLATED)),
            may_build=may_build,
        )
