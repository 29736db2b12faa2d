"""What a verification has to go on: the environment, the machine, and what the probes saw."""

from __future__ import annotations

from msgspec import Struct

from envlock.model.host import Host
from envlock.model.outcome import Level
from envlock.model.probe import Control, ProbeRun
from envlock.model.tree import EntryDifference
from envlock.model.verdict import Verdict, Workload


class Integrity(Struct, frozen=True, kw_only=True):
    """What was found of the environment's bytes."""

    differences: tuple[EntryDifference, ...] = ()
    files: int = 0
    size_bytes: int = 0
    problem: str = ""
    """What is wrong other than single files."""


class Place(Struct, frozen=True, kw_only=True):
    """The environment, as far as what is loaded from it must be told from the rest."""

    name: str
    python: str
    """The program that runs the probes."""
    prefixes: tuple[str, ...]
    """The folders that are the environment: real paths, longest first."""
    is_built: bool
    """Whether envlock built it: only then is there something to hold its bytes against."""
    is_hermetic: bool
    """Whether its Python is part of it."""
    interpreter_prefixes: tuple[str, ...] = ()
    """Where the Python of an environment that is not hermetic keeps what is its own."""


class Observed(Struct, frozen=True, kw_only=True):
    """All that there is to judge. One recorded value can be judged anywhere."""

    place: Place
    host: Host
    level: Level
    wants_gpu: bool
    """Whether the GPU's checks are part of the question."""
    gpu_problem: str = ""
    """Why no GPU can be used, in words: `no NVIDIA driver`; empty where one can."""
    workload: Workload | None = None
    """What the lock asks of the machine; None without a lock."""
    fit: Verdict | None = None
    """Whether the machine gives it."""
    versions: dict[str, str] = {}
    """The framework versions that the lock names, by framework; without local parts."""
    integrity: Integrity | None = None
    """None where envlock did not build the environment."""
    frameworks: tuple[str, ...] = ()
    """Those that are to be checked."""
    controls: tuple[Control, ...] = ()
    is_compiled: bool = False
    """Whether the frameworks' compilers are to be tried."""
    is_strict: bool = False
    """Whether what nobody knows is a failure."""
    runs: tuple[ProbeRun, ...] = ()
    library_path: str = ""
    """LD_LIBRARY_PATH, which is the user's and changes what is loaded."""
