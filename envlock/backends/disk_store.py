"""The store on a disk: finds environments, and makes those that are not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.link_files import TreeDamagedError
from envlock.backends.store_data import DataFolders
from envlock.backends.store_database import StoreDatabase
from envlock.backends.store_layout import HIDDEN, StoreLayout, make_folder, open_layout
from envlock.backends.store_locks import TemporaryRoot, collector_lock, held, is_network
from envlock.backends.store_profiles import place_link
from envlock.backends.store_sources import (
    DatabaseRegister,
    ScratchRegister,
    Source,
    SourceTrees,
    os_workers,
    unpacked_name,
)
from envlock.backends.store_trees import (
    move_into_place,
    read_tree,
    remove_tree,
    staged,
    write_manifest,
)
from envlock.errors import StoreError
from envlock.model.store import Artifact, BuildPlan, Derivation, Environment, Realisation
from envlock.model.tree import EntryDifference
from envlock.ports.reporter import Reporter
from envlock.ports.store import Needs
from envlock.store.address import label_of, split_label
from envlock.store.promise import check_promise
from envlock.store.tree import compare_trees, format_tree, tree_digest

if TYPE_CHECKING:
    from envlock.backends.store_build import Built


class DiskStore:
    """One store. Implements `ports.store.Store`."""

    def __init__(self, root: Path, now: Callable[[], str]) -> None:
        self.layout: StoreLayout = open_layout(root)
        self.is_on_network = is_network(root)
        self.artifacts = ArtifactFolder(self.layout.artifacts)
        self.data = DataFolders(self.layout, self.artifacts)
        self._now = now

    @property
    def folder(self) -> str:
        """Return the folder that environments lie in."""
        return str(self.layout.environments)

    @contextlib.contextmanager
    def database(self) -> Iterator[StoreDatabase]:
        """Open the database for a while."""
        with contextlib.closing(self.open_database()) as database:
            yield database

    def open_database(self) -> StoreDatabase:
        """Open the database; the caller closes it."""
        return StoreDatabase(self.layout.database, on_network=self.is_on_network)

    def needs(self) -> TemporaryRoot:
        """Return what keeps things from being collected while this process needs them."""
        return TemporaryRoot(self.layout)

    def find(self, label: str) -> Environment | None:
        """Return a valid environment."""
        with self.database() as database:
            found = database.environment(label, self.layout.environments)
        return found if found is not None and Path(found.path).is_dir() else None

    def environments(self) -> tuple[Environment, ...]:
        """Return all valid environments, the oldest first."""
        with self.database() as database:
            return database.environments(self.layout.environments)

    def artifacts_of(self, label: str) -> tuple[Artifact, ...]:
        """Return what an environment was made of."""
        with self.database() as database:
            return database.artifacts_of(label)

    # --- making -----------------------------------------------------------------------------------

    def lacking(self, artifacts: Sequence[Artifact]) -> tuple[Artifact, ...]:
        """Return the artifacts that have to be fetched: neither unpacked nor downloaded."""
        with self.database() as database:
            rows = database.trees()

        def is_here(artifact: Artifact) -> bool:
            name = unpacked_name(artifact)
            is_unpacked = name in rows and (self.layout.trees / name).is_dir()
            return is_unpacked or self.artifacts.has(artifact.sha256)

        return tuple(artifact for artifact in artifacts if not is_here(artifact))

    @contextlib.contextmanager
    def building(self, label: str, reporter: Reporter) -> Iterator[None]:
        """Be the only one who builds an environment; waits for another builder of it."""
        waiting = partial(reporter.step, f"waiting for another process that builds {label}")
        with held(self.layout.locks / f"{label}.lock", waiting=waiting):
            yield

    def realise(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> Realisation:
        """Build an environment whose artifacts have been fetched; the caller is `building` it.

        Raises `ArchiveError`, `StoreError`, `WorldError`, and `DepotError` when not what was
        promised comes of it; then the store holds what it held.
        """
        label = label_of(plan.derivation)
        target = self.layout.environments / label
        # One connection that stays: whoever closes the last one folds SQLite's log away.
        with self.database(), self._staged(target, needs) as staging:
            built = self._build(plan, staging, self.trees_for(needs), reporter)
            if plan.promise is not None:
                tree = tree_digest(format_tree(built.entries))
                check_promise(plan.promise, plan.derivation.name, built.content_sha256, tree)
            environment = self._describe(label, plan.derivation, built, needs)
            with self.database() as database:
                # A row whose folder is gone must not stand for what comes in its place.
                if database.environment(label, self.layout.environments) is not None:
                    database.forget([label], (), ())
                move_into_place(staging, target)
                database.add_environment(environment, plan.artifacts, built.trees)
        return Realisation(environment=environment, is_new=True, notes=tuple(built.notes))

    def rebuild(
        self, plan: BuildPlan, needs: Needs, reporter: Reporter
    ) -> tuple[EntryDifference, ...]:
        """Build a valid environment again, beside it and from its archives; return what differs.

        Nothing that the first build left is used: archives are unpacked and sources compiled anew.
        """
        label = label_of(plan.derivation)
        with self.database() as database:
            valid = database.environment(label, self.layout.environments)
        if valid is None:
            raise StoreError(f"{label} is not in the store")
        owner = _owner(needs)
        scratch = self.layout.trees / f"{HIDDEN}{owner[:31]}-rebuild"
        trees = SourceTrees(self.layout, ScratchRegister(), owner, scratch, keep=needs.add)
        target = self.layout.environments / label
        try:
            with self._staged(target, needs) as staging:
                make_folder(scratch)
                built = self._build(plan, staging, trees, reporter)
                reporter.step("comparing")
                return compare_trees(built.entries, read_tree(target))
        finally:
            with contextlib.suppress(OSError):  # what stays is swept by the next collection
                remove_tree(scratch)

    def remake(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> None:
        """Build a valid environment again and let it change places with what lies there.

        The caller is `building` it. Raises `StoreError` when it does not come out the same, and
        what `realise` raises; then what lies there stays.
        """
        label = label_of(plan.derivation)
        target = self.layout.environments / label
        with self.database() as database:
            valid = database.environment(label, self.layout.environments)
        if valid is None:
            raise StoreError(f"{label} is not in the store")
        with self._staged(target, needs) as staging:
            built = self._build(plan, staging, self.trees_for(needs), reporter)
            found = tree_digest(format_tree(built.entries))
            if found != valid.tree_sha256:
                raise StoreError(
                    f"{label} does not come out as it was\n"
                    f"  expected tree sha256: {valid.tree_sha256}\n"
                    f"  built tree sha256:    {found}\n"
                    "What lies there was left as it is.",
                    hints=["`envlock build LOCK --rebuild-check` tells the files that differ"],
                )
            write_manifest(self.layout, built.entries, needs.add)
            move_into_place(staging, target)

    def unpack_anew(self, artifact: Artifact, needs: Needs) -> None:
        """Unpack an archive of the store again, in place of its tree. Raises as `realise`."""
        archive = self.artifacts.path_of(artifact.sha256)
        self.trees_for(needs).unpacked_anew(artifact, archive)

    def _staged(self, target: Path, needs: Needs) -> AbstractContextManager[Path]:
        return staged(target, _owner(needs), f"{target.name} cannot be built")

    def trees_for(self, needs: Needs) -> SourceTrees:
        """Return the trees that environments are linked from, for a process with these needs."""
        register = DatabaseRegister(self.open_database)
        return SourceTrees(self.layout, register, _owner(needs), keep=needs.add)

    def _build(
        self, plan: BuildPlan, staging: Path, trees: SourceTrees, reporter: Reporter
    ) -> Built:
        """Build in a staging folder. A damaged source is refused: repairing is asked for."""
        from envlock.backends.store_build import Build  # noqa: PLC0415 - what is built needs none

        sources = self._unpack(plan.artifacts, trees, reporter)
        try:
            return Build(
                derivation=plan.derivation,
                prefix=str(self.layout.environments / label_of(plan.derivation)),
                staging=staging,
                sources=list(zip(plan.artifacts, sources, strict=True)),
                trees=trees,
                say=reporter.step,
            ).run()
        except TreeDamagedError as damage:
            raise StoreError(
                f"`{damage.path}` in {damage.tree} was changed after it was sealed\n"
                "Nothing was installed.",
                hints=["`envlock store repair` puts back what was there"],
            ) from None

    def _unpack(
        self, artifacts: Sequence[Artifact], trees: SourceTrees, reporter: Reporter
    ) -> list[Source]:
        with self.database() as database:
            present = database.trees()
        missing = sum(unpacked_name(artifact) not in present for artifact in artifacts)
        if missing:
            reporter.step(f"unpacking {missing} of {len(artifacts)} artifacts")
        with ThreadPoolExecutor(os_workers()) as pool:
            return list(
                pool.map(
                    lambda artifact: trees.unpacked(
                        artifact, self.artifacts.path_of(artifact.sha256)
                    ),
                    artifacts,
                )
            )

    def show_artifacts(self, files: Mapping[str, str]) -> str:
        """Make the folder that shows a stack's artifacts; see the port."""
        return self.data.show(files)

    def know_stack(self, path: str) -> None:
        """Keep what a stack names beside its environment, for as long as its file does."""
        with held(collector_lock(self.layout), shared=True), self.database() as database:
            database.add_root(path)

    def forget_stack(self, path: str) -> bool:
        """Keep nothing for a stack any more; say whether something was."""
        with self.database() as database:
            is_known = path in database.roots()
            database.forget((), (), [path])
        return is_known

    def add_out_link(self, link: str, environment: Environment) -> None:
        """Make a link to an environment anywhere; while it is there it is a root.

        Raises `StoreError` when something else than a link lies there.
        """
        path = Path(link).absolute()
        if os.path.lexists(path) and not path.is_symlink():
            raise StoreError(
                f"{link}: expected nothing or a link, found a file or a folder\n"
                "The environment is built; no link was made.",
                hints=["name another path: `--out-link result`"],
            )
        # A collector in between would forget a root that points to nothing yet.
        with held(collector_lock(self.layout), shared=True), self.database() as database:
            database.add_root(str(path))
            place_link(path, environment.path)

    def _describe(
        self, label: str, derivation: Derivation, built: Built, needs: Needs
    ) -> Environment:
        parts = split_label(label)
        if parts is None:
            raise StoreError(f"`{derivation.name}` cannot be the name of an environment")
        return Environment(
            key=parts[0],
            name=parts[1],
            path=str(self.layout.environments / label),
            derivation=derivation,
            tree_sha256=write_manifest(self.layout, built.entries, needs.add),
            content_sha256=built.content_sha256,
            size_bytes=sum(entry.size_bytes for entry in built.entries),
            built_at=self._now(),
        )


def _owner(needs: Needs) -> str:
    if not isinstance(needs, TemporaryRoot):
        raise TypeError("a disk store works with its own temporary roots")
    return needs.name
