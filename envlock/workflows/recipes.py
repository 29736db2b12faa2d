"""The third part of a solve: what the stack builds from source -> rows of the lock.

Each recipe is derived from what the other two parts chose, looked up by its address, and built
where nobody has built it yet. Its package then stands in the lock as any other: a file beside the
stack, with its SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from envlock.errors import Fault, InputFileError, NoSolutionError, RecipeError, WorldError
from envlock.formats.stack_rules import normal_name
from envlock.model.lock import LOCK_LIMIT_BYTES, Lock, LockedPackage, LockHead, lock_path
from envlock.model.platform import Platform
from envlock.model.recipe import BuiltRecipe, Isolation, LockedRecipe, RecipeDerivation
from envlock.model.stack import Recipe, Stack
from envlock.model.store import Artifact
from envlock.ports.recipes import RecipeOrder, Recipes, ToolchainStore
from envlock.ports.reporter import Reporter
from envlock.ports.workspace import Workspace
from envlock.solve.locking import Solution, rows_of
from envlock.store.recipe_address import recipe_address, sources_digest
from envlock.store.wanted import artifacts_on
from envlock.workflows.build import read_stack_lock

Admits = Callable[[str, str], bool]
"""Says whether a version range holds a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeTools:
    """What recipes are built through."""

    recipes: Recipes
    toolchains: ToolchainStore
    workspace: Workspace
    here: Platform
    """The platform whose programs run on this machine."""
    isolation: Isolation = Isolation.ISOLATED
    may_build: bool = True
    """Whether what nobody has built yet is built; else it is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipePart:
    """A stack with recipes, solved but for them."""

    stack: Stack
    stack_path: str
    tools: RecipeTools
    reporter: Reporter
    admits: Admits
    is_kept: bool
    """Whether packages are laid beside the stack, where its lock names them."""

    def add(self, solutions: Sequence[Solution]) -> tuple[LockedRecipe, ...]:
        """Return what the recipes of every platform became, built now where it had to be.

        Raises `InputFileError`, `RecipeError` and `WorldError`, and `NoSolutionError` where a
        package needs what the answer does not hold.
        """
        found = [
            self._locked(recipe, solution)
            for solution in solutions
            for recipe in self.stack.recipes_on(solution.answer.platform)
        ]
        for solution in solutions:
            rows = list(rows_of(solution.answer))
            here = [item for item in found if item.platform == solution.answer.platform.value]
            self._refuse_twins(rows, here)
            self._refuse_unmet(rows, here)
        if self.is_kept:
            for item in found:
                self.tools.recipes.place(item.built, _beside(self.stack_path, item.url))
        return tuple(found)

    def _locked(self, recipe: Recipe, solution: Solution) -> LockedRecipe:
        platform = solution.answer.platform
        self._refuse_elsewhere(recipe, platform)
        order = RecipeOrder(
            recipe=recipe,
            folder=_folder(self.stack_path),
            platform=platform,
            inputs=self._inputs(recipe, solution),
            compute=self.stack.gpu.compute if self.stack.gpu else (),
            isolation=self.tools.isolation,
        )
        derivation = self.tools.recipes.derive(order)
        built = self.tools.recipes.find(recipe_address(derivation))
        if built is None:
            built = self._build(order, derivation)
        return LockedRecipe(
            platform=platform.value,
            path=recipe.path,
            built=built,
            url=f"built/{built.address}/{built.file_name}",
            sources_sha256=sources_digest(derivation.files, self._toolchain_lock(recipe)),
            remark=_remark(derivation),
        )

    def _build(self, order: RecipeOrder, derivation: RecipeDerivation) -> BuiltRecipe:
        recipe = order.recipe
        if not self.tools.may_build:
            raise RecipeError(
                f"{recipe.where}: `{recipe.path}` is not built as it stands now",
                hints=[f"build it: `envlock solve {self.stack_path}`"],
            )
        toolchain = None
        if order.inputs:
            self.reporter.step(f"making the toolchain of {recipe.path}")
            toolchain = self.tools.toolchains.toolchain(
                f"{_last(recipe.path)}-toolchain", order.platform, order.inputs
            )
        self.reporter.step(f"building {recipe.path}")
        built = self.tools.recipes.build(order, derivation, toolchain)
        self.reporter.note(f"{recipe.path}: built {built.name} {built.version}")
        return built

    def _refuse_elsewhere(self, recipe: Recipe, platform: Platform) -> None:
        if platform is self.tools.here:
            return
        raise WorldError(
            f"{recipe.where}: `{recipe.path}` is built for {platform} on {platform}, and this "
            f"machine is {self.tools.here}\nNo lock was written.",
            hints=[
                (
                    f"solve that platform there: `envlock solve --platform {platform} "
                    f"{self.stack_path}`; the other platforms stay as they are locked"
                ),
                f'or leave it out: `platforms = ["{self.tools.here}"]` in that [[recipe]]',
            ],
        )

    def _inputs(self, recipe: Recipe, solution: Solution) -> tuple[Artifact, ...]:
        platform = solution.answer.platform
        if recipe.toolchain is None:
            rows, file = tuple(rows_of(solution.answer)), self.stack_path
        else:
            rows, file = self._toolchain(recipe, platform)
        wanted = rows if recipe.inputs is None else tuple(_closure(recipe, rows, file))
        if not wanted:
            return ()
        return artifacts_on(_bare_lock(wanted), platform, file)

    def _toolchain(
        self, recipe: Recipe, platform: Platform
    ) -> tuple[tuple[LockedPackage, ...], str]:
        path = lock_path(_beside(self.stack_path, f"{recipe.toolchain}"))
        content = self._toolchain_lock(recipe) or b""
        return read_stack_lock(content, path).lock.packages_on(platform.value), path

    def _toolchain_lock(self, recipe: Recipe) -> bytes | None:
        """Return the lock that the inputs come from, None where it is this stack's."""
        if recipe.toolchain is None:
            return None
        path = lock_path(_beside(self.stack_path, recipe.toolchain))
        if not self.tools.workspace.exists(path):
            raise _fault(
                recipe,
                f"there is no lock of the toolchain `{recipe.toolchain}`",
                f"lock it: `envlock solve {_beside(self.stack_path, f'{recipe.toolchain}')}`",
            )
        return self.tools.workspace.read_bytes(path, limit_bytes=LOCK_LIMIT_BYTES)

    def _refuse_twins(self, rows: Iterable[LockedPackage], recipes: Iterable[LockedRecipe]) -> None:
        taken = {row.name: f"{row.name} {row.version}" for row in rows if row.manager == "conda"}
        replacing = {item.path for item in self.stack.recipes if item.replaces}
        for item in recipes:
            own = f"{item.built.name} {item.built.version}"
            if item.path in replacing and taken.get(item.built.name) == own:
                continue
            if item.built.name in taken:
                raise NoSolutionError(
                    f"`{item.path}` builds {own}, and "
                    f"{taken[item.built.name]} is locked already for {item.platform}\n"
                    "No lock was written.",
                    hints=[
                        "give the recipe's package a name of its own",
                        "or let it take the place of one of the same version: `replaces = true`",
                    ],
                )
            taken[item.built.name] = f"{item.built.name} of `{item.path}`"

    def _refuse_unmet(self, rows: Iterable[LockedPackage], recipes: Sequence[LockedRecipe]) -> None:
        versions = {row.name: row.version for row in rows if row.manager == "conda"}
        versions |= {item.built.name: item.built.version for item in recipes}
        unmet = [
            f"  {item.built.name} {item.built.version} of `{item.path}` needs `{spec}`; "
            f"the answer has {versions.get(spec.split()[0], 'none')}"
            for item in recipes
            for spec in item.built.depends
            if not spec.startswith("__") and not self._is_met(spec, versions)
        ]
        if unmet:
            raise NoSolutionError(
                "\n".join(
                    [
                        "what a recipe has built does not go with the rest",
                        *unmet,
                        "No lock was written.",
                    ]
                ),
                hints=["ask for it under [dependencies], or correct `requirements` in the recipe"],
            )

    def _is_met(self, spec: str, versions: Mapping[str, str]) -> bool:
        name, *rest = spec.split()
        if name not in versions:
            return False
        return not rest or self.admits(rest[0], versions[name])


def _closure(recipe: Recipe, rows: Sequence[LockedPackage], file: str) -> Iterable[LockedPackage]:
    """Yield the packages that a recipe names, and what they need, by whichever half."""
    named: dict[str, list[LockedPackage]] = {}
    for row in rows:
        named.setdefault(normal_name(row.name), []).append(row)
    lacking = [name for name in recipe.inputs or () if normal_name(name) not in named]
    if lacking:
        raise _fault(
            recipe,
            f"`{lacking[0]}` is an input and is not among the packages of {file}",
            f"ask for `{lacking[0]}` in the stack, or take it out of `inputs`",
        )
    waiting = [normal_name(name) for name in recipe.inputs or ()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for row in named.get(name, ()):
            yield row
            waiting.extend(map(normal_name, row.dependencies))


def _bare_lock(rows: tuple[LockedPackage, ...]) -> Lock:
    head = LockHead(channels=(), platforms=(), sources=(), content_hash={}, facts={})
    return Lock(head=head, packages=rows)


def _fault(recipe: Recipe, problem: str, hint: str) -> InputFileError:
    fault = Fault(where=str(recipe.where), problem=problem, hint=hint)
    return InputFileError([fault], state="No lock was written.")


def _remark(derivation: RecipeDerivation) -> str:
    parts = []
    if derivation.compiler:
        version = dict(derivation.compiler)["version"]
        parts.append(f"built with the machine's gcc {version}")
    if derivation.isolation is Isolation.NONE:
        parts.append("built without a sandbox")
    return ", ".join(parts)


def _folder(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[0] or "."


def _beside(path: str, name: str) -> str:
    folder = _folder(path)
    return name if folder == "." else f"{folder}/{name}"


def _last(path: str) -> str:
    return path.rpartition("/")[2]
