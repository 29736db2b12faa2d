"""Environments of the store, held against what they were when they were sealed; and all others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from envlock.backends.disk_store import DiskStore
from envlock.backends.installed import DiskEnvironments
from envlock.backends.store_layout import StoreLayout
from envlock.backends.store_look import Digests, finish, look
from envlock.backends.store_trees import disk_errors, read_manifest
from envlock.errors import StoreError
from envlock.model.installed import FileDrift, FileProblem, Installed
from envlock.model.store import Environment
from envlock.model.tree import Difference, EntryDifference
from envlock.store.tree import compare_sealed

_PROBLEMS: Mapping[Difference, FileProblem] = MappingProxyType(
    {
        Difference.MISSING: FileProblem.MISSING,
        Difference.ADDED: FileProblem.FOREIGN,
        Difference.CONTENT: FileProblem.CONTENT,
        Difference.SIZE: FileProblem.SIZE,
        Difference.KIND: FileProblem.KIND,
        Difference.TARGET: FileProblem.TARGET,
        Difference.EXECUTABLE: FileProblem.TOUCHED,
        Difference.LOOSE: FileProblem.TOUCHED,
    }
)


class StoreEnvironments:
    """Implements `ports.installed.Environments`: the store's by its manifests, others by theirs."""

    def __init__(
        self, plain: DiskEnvironments, layout: StoreLayout, open_store: Callable[[], DiskStore]
    ) -> None:
        self._plain = plain
        self._layout = layout
        self._open_store = open_store
        """Called only for what lies in the store: looking must not make one."""

    def is_environment(self, path: str) -> bool:
        """Say whether a folder is an environment; see the port."""
        return self._plain.is_environment(path)

    def read(self, path: str) -> Installed:
        """Look through an environment; see the port."""
        real = os.path.realpath(path)
        if Path(real).parent != self._layout.environments.resolve():
            return self._plain.read(path)
        store = self._open_store()
        environment = store.find(Path(real).name)
        if environment is None:
            told = f"{path} lies in the store, and the store knows no such environment"
            found = self._plain.read(path)
            return replace(found, faults=(*found.faults, told))
        return self._sealed(path, environment, store)

    def _sealed(self, path: str, environment: Environment, store: DiskStore) -> Installed:
        found = self._plain.read_records(path)
        owners = {
            file.path: package.name for package in found.packages for file in package.files or ()
        }
        found = replace(
            found,
            platform=environment.derivation.platform,
            artifacts=store.artifacts_of(environment.label),
        )
        try:
            differences = self._compare(environment)
        except StoreError as error:
            return replace(found, faults=(*found.faults, error.message))
        return replace(found, drift=tuple(_drift(differences, owners)))

    def _compare(self, environment: Environment) -> Sequence[EntryDifference]:
        root = Path(environment.path)
        manifest = read_manifest(self._layout, environment.tree_sha256)
        with (
            disk_errors("the environment cannot be looked at"),
            contextlib.closing(Digests()) as digests,
        ):
            sight = look(root)
            entries = finish(sight, root, manifest, digests)
        strange = [
            EntryDifference(path=path, difference=Difference.KIND, found=what)
            for path, what in sight.strange.items()
        ]
        expected = [entry for entry in manifest if entry.path not in sight.strange]
        return [*strange, *compare_sealed(expected, entries, sight.loose)]


def _drift(
    differences: Sequence[EntryDifference], owners: Mapping[str, str]
) -> Iterator[FileDrift]:
    """Yield each difference once: a folder was touched, or is new, where something in it is."""
    parents = {
        str(parent) for each in differences for parent in Path(each.path).parents
    }  # the root is `.` there and here
    for each in differences:
        if each.path in parents and each.difference in (Difference.LOOSE, Difference.ADDED):
            continue
        owner = owners.get(each.path, "")
        yield FileDrift(path=each.path, problem=_PROBLEMS[each.difference], owner=owner)
