"""Which recipes are built, with what, and what is refused before any is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from envlock.errors import EnvlockError, InputFileError, RecipeError, WorldError
from envlock.formats.conda_lock import format_lock
from envlock.formats.stack_toml import read_stack
from envlock.model.platform import Platform
from envlock.model.question import Answer
from envlock.model.recipe import BuiltRecipe, Isolation, LockedRecipe, RecipeDerivation
from envlock.model.store import Artifact
from envlock.ports.recipes import RecipeOrder
from envlock.store.recipe_address import recipe_address
from envlock.workflows.recipes import RecipePart, RecipeTools
from fakes import FakeReporter, FakeWorkspace, make_package
from locks import locked, make_lock

HEAD = (
    '[stack]\nname = "s"\nplatforms = ["linux-64", "osx-arm64"]\n[python]\nversion = "3.11.*"\n'
    '[[recipe]]\npath = "recipes/hello"\n'
)


@dataclass
class FakeRecipes:
    """Recipes that are built by being asked for. Implements `ports.recipes.Recipes`."""

    built: dict[str, BuiltRecipe] = field(default_factory=dict)
    toolchains: list[str | None] = field(default_factory=list)
    placed: list[str] = field(default_factory=list)

    def derive(self, order: RecipeOrder) -> RecipeDerivation:
        return RecipeDerivation(
            recipe=order.recipe.path,
            platform=order.platform.value,
            files=(("recipe.yaml", "a" * 64),),
            inputs=tuple((item.file_name, item.sha256) for item in order.inputs),
            options=(),
            isolation=order.isolation,
            made_with="a fake",
        )

    def find(self, address: str) -> BuiltRecipe | None:
        return self.built.get(address)

    def build(
        self, order: RecipeOrder, derivation: RecipeDerivation, toolchain: str | None
    ) -> BuiltRecipe:
        self.toolchains.append(toolchain)
        address = recipe_address(derivation)
        self.built[address] = BuiltRecipe(
            address=address,
            name="hello",
            version="1.0",
            build="0",
            file_name="hello-1.0-0.conda",
            sha256="b" * 64,
            md5="c" * 32,
            size_bytes=1,
            depends=(),
        )
        return self.built[address]

    def place(self, built: BuiltRecipe, path: str) -> None:
        self.placed.append(path)


@dataclass
class FakeToolchains:
    """Implements `ports.recipes.ToolchainStore`."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def toolchain(self, name: str, platform: Platform, inputs: Sequence[Artifact]) -> str:
        self.asked.append((name, tuple(item.name for item in inputs)))
        return f"/store/{name}"


@dataclass
class House:
    recipes: FakeRecipes = field(default_factory=FakeRecipes)
    toolchains: FakeToolchains = field(default_factory=FakeToolchains)
    workspace: FakeWorkspace = field(default_factory=FakeWorkspace)
    reporter: FakeReporter = field(default_factory=FakeReporter)

    def add(self, keys: str = "", **tools: Any) -> tuple[LockedRecipe, ...]:
        """Add the recipe to an answer of three packages, of which `b` needs `c`."""
        platform = tools.pop("platform", Platform.LINUX_64)
        packages = (make_package("a"), make_package("b", depends=["c >=1"]), make_package("c"))
        answer = Answer(platform=platform, packages=packages)
        part = RecipePart(
            stack=read_stack(f"{HEAD}{keys}\n".encode(), "stacks/s.toml"),
            stack_path="stacks/s.toml",
            tools=RecipeTools(
                recipes=self.recipes,
                toolchains=self.toolchains,
                workspace=self.workspace,
                here=Platform.LINUX_64,
                **tools,
            ),
            reporter=self.reporter,
            admits=lambda _, __: True,
            is_kept=True,
        )
        solution: Any = SimpleNamespace(answer=answer)
        return part.add([solution])


@pytest.mark.parametrize(
    ("keys", "inputs"),
    [
        ("", ("a", "b", "c")),
        ('inputs = ["b"]', ("b", "c")),
        ('inputs = ["a"]', ("a",)),
    ],
)
def test_a_recipe_is_built_with_its_inputs_and_what_they_need(keys: str, inputs: tuple[str, ...]):
    house = House()

    (found,) = house.add(keys)

    assert house.toolchains.asked == [("hello-toolchain", inputs)]
    assert house.recipes.toolchains == ["/store/hello-toolchain"]
    assert found.url == f"built/{found.built.address}/hello-1.0-0.conda"
    assert house.recipes.placed == [f"stacks/{found.url}"]


def test_a_recipe_without_inputs_needs_no_toolchain():
    house = House()

    house.add("inputs = []")

    assert house.toolchains.asked == []
    assert house.recipes.toolchains == [None]


def test_what_was_built_is_not_built_again_even_where_nothing_may_be_built():
    house = House()
    before = house.add()

    assert house.add(may_build=False) == before
    assert len(house.recipes.toolchains) == 1
    assert len(house.toolchains.asked) == 1


def test_an_audit_builds_nothing():
    with pytest.raises(RecipeError) as refused:
        House().add(may_build=False)

    assert str(refused.value) == (
        "stacks/s.toml:6: recipe[0]: `recipes/hello` is not built as it stands now"
    )
    assert refused.value.hints == ("build it: `envlock solve stacks/s.toml`",)


def test_a_build_without_walls_is_told_of():
    (found,) = House().add(isolation=Isolation.NONE)

    assert found.remark == "built without a sandbox"


def test_a_recipe_of_another_platform_is_built_there():
    house = House()

    with pytest.raises(WorldError) as refused:
        house.add(platform=Platform.OSX_ARM64)

    assert str(refused.value) == (
        "stacks/s.toml:6: recipe[0]: `recipes/hello` is built for osx-arm64 on osx-arm64, and this "
        "machine is linux-64\nNo lock was written."
    )
    assert refused.value.hints == (
        "solve that platform there: `envlock solve --platform osx-arm64 stacks/s.toml`; the other "
        "platforms stay as they are locked",
        'or leave it out: `platforms = ["linux-64"]` in that [[recipe]]',
    )
    assert house.add('platforms = ["linux-64"]', platform=Platform.OSX_ARM64) == ()


def test_the_inputs_may_be_those_of_another_stack():
    house = House()
    compiler = make_lock(locked("compiler"), platforms=("linux-64",))
    house.workspace.files["stacks/tools.conda-lock.yml"] = format_lock(compiler)

    house.add('toolchain = "tools.toml"')

    assert house.toolchains.asked == [("hello-toolchain", ("compiler",))]


@pytest.mark.parametrize(
    ("keys", "problem", "hint"),
    [
        (
            'toolchain = "tools.toml"',
            "there is no lock of the toolchain `tools.toml`",
            "lock it: `envlock solve stacks/tools.toml`",
        ),
        (
            'inputs = ["numpy"]',
            "`numpy` is an input and is not among the packages of stacks/s.toml",
            "ask for `numpy` in the stack, or take it out of `inputs`",
        ),
    ],
)
def test_inputs_that_are_not_there_are_named(keys: str, problem: str, hint: str):
    with pytest.raises(InputFileError) as refused:
        House().add(keys)

    error: EnvlockError = refused.value
    assert str(error) == f"stacks/s.toml:6: recipe[0]: {problem}\nNo lock was written."
    assert error.hints == (hint,)
