"""In-memory stand-ins for the ports, and builders of small values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from envlock.errors import Fault, InputFileError, PinError, WorldError
from envlock.model.package import Package

CONDA_FORGE = "https://conda.anaconda.org/conda-forge"
PYTORCH = "https://conda.anaconda.org/pytorch"
NVIDIA = "https://conda.anaconda.org/nvidia"


def make_package(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    channel: str = CONDA_FORGE,
    subdir: str = "linux-64",
    depends: Sequence[str] = (),
) -> Package:
    """A record with plausible hashes."""
    return Package(
        name=name,
        version=version,
        build=build,
        build_number=0,
        subdir=subdir,
        channel=channel,
        file_name=f"{name}-{version}-{build}.conda",
        md5="0" * 32,
        sha256="0" * 64,
        size_bytes=1_000,
        timestamp_ms=1_700_000_000_000,
        depends=tuple(depends),
        constrains=(),
    )


@dataclass
class FakeWorkspace:
    """Files in a dictionary. Implements `ports.workspace.Workspace`."""

    files: dict[str, bytes] = field(default_factory=dict)
    refuses: str | None = None
    """Why writing fails, as a full disk does."""

    def read_bytes(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        if path not in self.files:
            raise InputFileError([Fault(where=path, problem="there is no such file")])
        content = self.files[path]
        if limit_bytes is not None and len(content) > limit_bytes:
            raise InputFileError([Fault(where=path, problem="too large")])
        return content

    def exists(self, path: str) -> bool:
        return path in self.files

    def write_bytes(self, path: str, content: bytes) -> None:
        if self.refuses:
            raise WorldError(f"{path}: cannot be written: {self.refuses}")
        self.files[path] = content


@dataclass
class FakeReporter:
    """Remembers what it heard. Implements `ports.reporter.Reporter`."""

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def step(self, message: str) -> None:
        self.steps.append(message)

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass
class FakeJudge:
    """Says what it is told to say. Implements `ports.lock_judge.LockJudge`."""

    says: str | None = None
    asked: int = 0

    def fault(self, content: bytes) -> str | None:
        self.asked += 1
        return self.says


@dataclass
class FakeRecordings:
    """Recordings in a dictionary. Implements `ports.recordings.Recordings`."""

    kept: dict[str, bytes] = field(default_factory=dict)
    ledger: dict[str, str] = field(default_factory=dict)

    def assigned(self, stack_name: str) -> str | None:
        return self.ledger.get(stack_name)

    def read(self, digest: str) -> bytes:
        if digest not in self.kept:
            raise PinError(f"{digest}: there is no such recording of the package index")
        return self.kept[digest]

    def keep(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    def assign(self, stack_names: Iterable[str], digest: str) -> None:
        self.ledger.update(dict.fromkeys(stack_names, digest))
