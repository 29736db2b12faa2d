"""A source that remembers what it was asked, and one that knows nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from envlock.errors import PinError, WorldError
from envlock.formats.pypi_recording import (
    RecordedIndex,
    Recording,
    format_recording,
    parse_recording,
)
from envlock.formats.secrets import public_address
from envlock.model.pypi import DistributionFile, Page
from envlock.model.verdict import Kernels
from envlock.ports.pypi import PackageSource, Replay

_ANEW = "record anew: `envlock index record STACK`"


class RecordingSource:
    """Hands questions on and keeps the answers. Implements `ports.pypi.Recorder`."""

    def __init__(self, source: PackageSource, indexes: Sequence[RecordedIndex]) -> None:
        self._source = source
        self._indexes = tuple(indexes)
        self._pages: dict[str, Page | None] = {}
        self._url_pages: dict[tuple[str, str], Page] = {}
        self._metadata: dict[str, str] = {}
        self._kernels: dict[str, Kernels | None] = {}

    def page(self, name: str) -> Page | None:
        """Ask for a page and keep it; see the port."""
        page = self._source.page(name)
        self._pages[name] = page
        return page

    def url_page(self, name: str, url: str) -> Page:
        """Ask for the page of one address and keep it; see the port."""
        page = self._source.url_page(name, url)
        self._url_pages[name, public_address(url)] = page
        return page

    def metadata(self, file: DistributionFile) -> bytes:
        """Ask for a METADATA and keep it; see the port."""
        text = self._source.metadata(file).decode()
        if self._metadata.setdefault(file.sha256, text) != text:
            raise WorldError(
                f"`{file.file_name}` has two different METADATA texts under one digest\n"
                f"  sha256: {file.sha256}\nNothing was recorded.",
                hints=["tell whoever keeps the index: one of its files is not what it says"],
            )
        return text.encode()

    def kernels(self, name: str, version: str, file: DistributionFile) -> Kernels | None:
        """Ask for GPU code and keep the answer; see the port."""
        found = self._source.kernels(name, version, file)
        self._kernels[file.sha256] = found
        return found

    def recording(self, identity: str, as_of: str) -> bytes:
        """Return all questions and answers, canonically."""
        return format_recording(
            Recording(
                identity=identity,
                as_of=as_of,
                indexes=self._indexes,
                pages=dict(self._pages),
                url_pages=dict(self._url_pages),
                metadata=dict(self._metadata),
                kernels=dict(self._kernels),
            )
        )


class ReplaySource:
    """Answers from a recording alone. Implements `ports.pypi.PackageSource`."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def page(self, name: str) -> Page | None:
        """Return a recorded page; see the port."""
        if name not in self._recording.pages:
            raise _never_asked(f"for `{name}`")
        return self._recording.pages[name]

    def url_page(self, name: str, url: str) -> Page:
        """Return the recorded page of one address; see the port."""
        public = public_address(url)
        page = self._recording.url_pages.get((name, public))
        if page is None:
            raise _never_asked(f"for `{name}` at {public}")
        return page

    def metadata(self, file: DistributionFile) -> bytes:
        """Return a recorded METADATA; see the port."""
        text = self._recording.metadata.get(file.sha256)
        if text is None:
            raise _never_asked(f"for the METADATA of `{file.file_name}`")
        return text.encode()

    def kernels(self, name: str, version: str, file: DistributionFile) -> Kernels | None:
        """Return recorded GPU code; see the port."""
        if file.sha256 not in self._recording.kernels:
            raise _never_asked(f"for the GPU code of `{file.file_name}` ({name} {version})")
        return self._recording.kernels[file.sha256]


def open_recording(content: bytes) -> Replay:
    """Return a recording, opened. Raises `PinError` when it is none."""
    try:
        recording = parse_recording(content)
    except ValueError as error:
        raise PinError(f"{error}\nNo lock was written.", hints=[_ANEW]) from None
    return Replay(
        source=ReplaySource(recording), identity=recording.identity, as_of=recording.as_of
    )


def _never_asked(what: str) -> PinError:
    return PinError(
        f"the recording of the package indexes has no answer: nobody asked {what} when it was "
        "made\nNo lock was written.",
        hints=[_ANEW],
    )
