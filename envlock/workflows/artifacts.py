"""The artifacts of a stack, weights and data: fetched by digest, shown under their names.

They lie beside environments and are part of no key: another file of weights builds nothing anew. A
folder of links shows them, and what names the folder keeps them: a generation, or a stack that was
fetched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from envlock.errors import EnvlockError
from envlock.model.stack import Artifact
from envlock.ports.artifacts import Artifacts, FetchProgress, WantedArtifact
from envlock.ports.store import Needs, Store
from envlock.store.data_set import data_key
from envlock.store.wanted import file_name_of


class ArtifactTools(Protocol):
    """What fetching and showing act through."""

    @property
    def store(self) -> Store:
        """Where they are shown."""
        ...

    @property
    def artifacts(self) -> Artifacts:
        """The verified files of this machine."""
        ...

    @property
    def progress(self) -> FetchProgress:
        """Who hears how far fetching has come."""
        ...


def show_artifacts(artifacts: Sequence[Artifact], tools: ArtifactTools, needs: Needs) -> str:
    """Make the folder that shows artifacts, here or not; return its key, empty without any.

    Raises `WorldError`.
    """
    if not artifacts:
        return ""
    files = {each.name: each.sha256 for each in artifacts}
    needs.add([data_key(files), *files.values()])
    return tools.store.show_artifacts(files)


def bring_artifacts(artifacts: Sequence[Artifact], tools: ArtifactTools, needs: Needs) -> str:
    """Fetch what is not here and show everything; otherwise as `show_artifacts`.

    Raises as fetching does: `ArchiveError`, `LockError`, `WorldError`.
    """
    key = show_artifacts(artifacts, tools, needs)
    fetch_artifacts(artifacts, tools)
    return key


def fetch_artifacts(
    artifacts: Iterable[Artifact], tools: ArtifactTools, *, recheck: bool = False
) -> None:
    """Fetch what is not here, every file hashed; with `recheck`, those that are here, too.

    Raises as `bring_artifacts`.
    """
    wanted = [each for each in artifacts if recheck or not tools.artifacts.has(each.sha256)]
    if wanted:
        tools.artifacts.fetch([_wanted(each) for each in wanted], tools.progress, recheck=recheck)


def _wanted(artifact: Artifact) -> WantedArtifact:
    return WantedArtifact(
        file_name=file_name_of(artifact.url) or artifact.name,
        url=artifact.url,
        sha256=artifact.sha256,
        package=artifact.name,
        remedy=(
            f"{artifact.where.file}:{artifact.where.line}: if the file was really replaced, write "
            "its new SHA-256 there; else correct the address"
        ),
    )


def choose_artifacts(
    artifacts: Sequence[Artifact], names: Sequence[str], stack: str
) -> tuple[Artifact, ...]:
    """Return the artifacts that are called so, all without names. Raises `EnvlockError`."""
    by_name = {each.name: each for each in artifacts}
    for name in names:
        if name not in by_name:
            listed = ", ".join(by_name) or "none"
            raise EnvlockError(
                f"{stack}: expected an artifact `{name}`, found {listed}",
                hints=["name one of those, or write it into the stack: `[[artifacts]]`"],
            )
    return tuple(by_name[name] for name in dict.fromkeys(names)) or tuple(artifacts)
