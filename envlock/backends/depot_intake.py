"""Objects of a depot on their way among the verified archives of a store.

As with any other source nothing is believed: an object is admitted when its digest is right.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Sequence

from envlock.backends.artifact_files import ArtifactFolder, MismatchError, Partial
from envlock.backends.crew import Crew, raise_first
from envlock.errors import DepotError, WorldError
from envlock.model.depot import DepotObject
from envlock.ports.artifacts import FetchProgress, WantedArtifact
from envlock.ports.depot import Depot

_TURN_SECONDS = 0.1
_STATE = "It was thrown away; what came whole stays."


class DepotIntake:
    """Implements `ports.depot.Intake`."""

    def __init__(self, depot: Depot, folder: ArtifactFolder, jobs: int = 4) -> None:
        self._depot = depot
        self._folder = folder
        self._jobs = jobs

    def take(self, wanted: Sequence[DepotObject], progress: FetchProgress) -> None:
        """Bring objects here; see the port."""
        missing = [_wanted(each) for each in wanted if not self._folder.has(each.sha256)]
        progress.begin(len(missing), sum(each.size_bytes or 0 for each in missing))
        _Take(self._depot, self._folder, progress, Crew(self._jobs)).run(missing)


class _Take:
    """One call of `take`."""

    def __init__(
        self, depot: Depot, folder: ArtifactFolder, progress: FetchProgress, crew: Crew
    ) -> None:
        self._depot = depot
        self._folder = folder
        self._progress = progress
        self._crew = crew

    def run(self, missing: Sequence[WantedArtifact]) -> None:
        """Take everything. Raises as the port says."""
        raise_first(self._crew.do(missing, self._take, self._progress.done))

    def _take(self, wanted: WantedArtifact) -> None:
        self._check_size(wanted)
        try:
            with self._folder.open_partial(wanted, self._wait) as partial:
                if partial is not None:
                    self._fill(wanted, partial)
        except OSError as error:
            what = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
            raise WorldError(
                f"`{wanted.file_name}` cannot be stored: {what}\n"
                f"  folder: {self._folder.root}\n"
                "What came whole stays, and what came in part is taken up by the next run.",
                hints=["free space, or look at who may write there, then run it again"],
            ) from error

    def _check_size(self, wanted: WantedArtifact) -> None:
        found = self._depot.size_of(wanted.sha256)
        if found is None:
            raise DepotError(
                f"{self._depot.title}: `{wanted.file_name}` is not there, though an entry names "
                f"it\n  sha256: {wanted.sha256}",
                hints=["push it again from a store that has it: `envlock push LOCK URL`"],
            )
        if found != wanted.size_bytes:
            raise self._another(wanted, "size", f"{wanted.size_bytes:,} bytes", f"{found:,} bytes")

    def _fill(self, wanted: WantedArtifact, partial: Partial) -> None:
        partial.load(self._heed)
        if partial.size_bytes > (wanted.size_bytes or 0):
            self._restart(partial)
        was_begun = partial.size_bytes > 0
        try:
            self._read(wanted, partial)
        except MismatchError as error:
            if not was_begun:
                raise self._refuse(wanted, partial, error) from None
        else:
            return
        self._restart(partial)  # what an earlier run left may have been another's
        try:
            self._read(wanted, partial)
        except MismatchError as error:
            raise self._refuse(wanted, partial, error) from None

    def _restart(self, partial: Partial) -> None:
        self._progress.received(-partial.size_bytes)
        partial.restart()

    def _read(self, wanted: WantedArtifact, partial: Partial) -> None:
        limit = wanted.size_bytes or 0
        for piece in self._depot.read(wanted.sha256, partial.size_bytes):
            if partial.size_bytes + len(piece) > limit:
                raise MismatchError("size", f"{limit:,} bytes", "more than that", None)
            self._heed(len(piece))
            partial.write(piece)
        self._folder.admit(partial.path, wanted, partial.digests)

    def _refuse(self, wanted: WantedArtifact, partial: Partial, error: MismatchError) -> DepotError:
        partial.discard()
        return self._another(wanted, error.what, error.expected, error.received)

    def _another(self, wanted: WantedArtifact, what: str, wished: str, found: str) -> DepotError:
        return DepotError(
            f"{self._depot.title}: `{wanted.file_name}` is not what was pushed\n"
            f"  expected {what}: {wished}\n"
            f"  received {what}: {found}\n"
            f"{_STATE}",
            hints=["push it again from a store that has it: `envlock push LOCK URL`"],
        )

    def _heed(self, size_bytes: int) -> None:
        self._crew.heed(size_bytes)
        self._progress.received(size_bytes)

    def _wait(self) -> None:
        self._crew.heed(0)
        time.sleep(_TURN_SECONDS)


def _wanted(each: DepotObject) -> WantedArtifact:
    return WantedArtifact(
        file_name=each.file_name,
        url="",
        sha256=each.sha256,
        size_bytes=each.size_bytes,
        package=each.file_name,
    )
