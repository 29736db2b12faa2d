"""Build the recipes of a project: addressed by all that goes in, found again by that address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from envlock.model.platform import Platform
from envlock.model.recipe import BuiltRecipe, Isolation, RecipeDerivation
from envlock.model.stack import Recipe
from envlock.model.store import Artifact


class RecipeOrder(Struct, frozen=True, kw_only=True):
    """One recipe of a stack for one platform, and what it may be built with."""

    recipe: Recipe
    folder: str
    """The stack's, which the recipe's path starts from."""
    platform: Platform
    inputs: tuple[Artifact, ...]
    compute: tuple[str, ...]
    """The GPUs of the stack, such as `8.6`; the script finds them in its environment."""
    isolation: Isolation


class Recipes(Protocol):
    """Builds recipes, and knows what was built."""

    def derive(self, order: RecipeOrder) -> RecipeDerivation:
        """Return what an order is made of.

        Raises `InputFileError` for a recipe that is not there or cannot be one, `WorldError` where
        the machine's compiler is wanted and there is none.
        """
        ...

    def find(self, address: str) -> BuiltRecipe | None:
        """Return what was built at an address, if its archive is still in the store."""
        ...

    def build(
        self, order: RecipeOrder, derivation: RecipeDerivation, toolchain: str | None
    ) -> BuiltRecipe:
        """Build a recipe and take its package into the store; `toolchain` holds its inputs.

        Raises `RecipeError` when it does not build, or does what it may not, and `WorldError`
        where it cannot be isolated; then nothing of it stays.
        """
        ...

    def place(self, built: BuiltRecipe, path: str) -> None:
        """Lay a package where a lock names it. Raises `WorldError`."""
        ...


class ToolchainStore(Protocol):
    """Makes locked packages into a folder that a recipe is built with."""

    def toolchain(self, name: str, platform: Platform, inputs: Sequence[Artifact]) -> str:
        """Return the folder. Raises as a build of an environment does."""
        ...
