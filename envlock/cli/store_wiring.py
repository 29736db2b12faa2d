"""Pairs the store's ports with their backends, and a command line with a request."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.backends.disk_store import DiskStore
from envlock.backends.files import DiskWorkspace, is_file
from envlock.backends.store_layout import store_home
from envlock.backends.store_profiles import DiskProfiles
from envlock.cli.wiring import make_reporter, utc_now
from envlock.errors import InputFileError, WorldError
from envlock.model.lock import stack_of
from envlock.model.platform import Platform

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from envlock.model.stack import Artifact
    from envlock.ports.artifacts import FetchProgress, WantedArtifact
    from envlock.workflows.build import BuildRequest, BuildTools

_MATERIALISER = 1
"""To be raised whenever the same artifacts become other bytes."""
_ARTIFACTS = b"artifacts"
_MACHINES = {"x86_64": "64", "amd64": "64", "aarch64": "aarch64", "arm64": "arm64"}


def open_store() -> DiskStore:
    """Return this user's store, made where there was none."""
    return DiskStore(store_home(os.environ, Path.home), utc_now)


def open_profiles(store: DiskStore) -> DiskProfiles:
    """Return a store's profiles."""
    return DiskProfiles(store.layout)


def this_platform() -> Platform:
    """Return the platform whose environments run here. Raises `WorldError` on any other."""
    system = {"linux": "linux", "darwin": "osx"}.get(sys.platform, sys.platform)
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    name = f"{system}-{machine}"
    try:
        return Platform("linux-aarch64" if name == "linux-arm64" else name)
    except ValueError:
        raise WorldError(
            f"environments are built on Linux and macOS, and this machine is {name}",
            hints=["on Windows, build in WSL 2: there it is Linux"],
        ) from None


def make_build_tools(store: DiskStore, arguments: argparse.Namespace) -> BuildTools:
    """Return all that a build acts through."""
    from envlock.backends.interpreters import HostInterpreters
    from envlock.cli.progress import FetchMeter, SilentMeter
    from envlock.workflows.build import BuildTools

    is_quiet = getattr(arguments, "quiet", False)
    return BuildTools(
        workspace=DiskWorkspace(),
        store=store,
        profiles=open_profiles(store),
        artifacts=_Fetching(store, arguments),
        interpreters=HostInterpreters(os.environ),
        reporter=make_reporter(arguments),
        progress=SilentMeter() if is_quiet else FetchMeter(),
        made_with=made_with(),
    )


class _Fetching:
    """Archives, and what fetches them once there is one to fetch. Implements `Artifacts`.

    The half that speaks HTTP takes longer to import than a store takes to find that it lacks
    nothing.
    """

    def __init__(self, store: DiskStore, arguments: argparse.Namespace) -> None:
        self._store = store
        self._arguments = arguments

    def path_of(self, sha256: str) -> str:
        """Return where an archive lies; see the port."""
        return str(self._store.artifacts.path_of(sha256))

    def has(self, sha256: str) -> bool:
        """Say whether an archive is here; see the port."""
        return self._store.artifacts.has(sha256)

    def fetch(
        self, wanted: Sequence[WantedArtifact], progress: FetchProgress, *, recheck: bool = False
    ) -> None:
        """Bring every archive here that is not; see the port."""
        from envlock.backends.artifact_fetcher import ArtifactFetcher
        from envlock.backends.artifact_http import FetchOptions

        options = FetchOptions(jobs=self._arguments.jobs, offline=self._arguments.offline)
        base = Path(self._arguments.lock).absolute().parent
        fetcher = ArtifactFetcher(self._store.artifacts, os.environ, base, options)
        fetcher.fetch(wanted, progress, recheck=recheck)


def made_with() -> str:
    """Return the versions of all that decides how artifacts become files; part of every key."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("py-rattler", "installer"))
    return f"envlock-store {_MATERIALISER}, {libraries}"


def add_build_options(parser: Any) -> None:
    """Describe the options that every command has which may build a generation."""
    add_making_options(parser)
    parser.add_argument(
        "--profile", metavar="NAME", help="name the generations so (default: the stack's name)"
    )


def add_making_options(parser: Any) -> None:
    """Describe the options that every command has which may build."""
    parser.add_argument(
        "--python",
        metavar="WHICH",
        help="`host` (or the path of a Python) builds a stack of wheels on the machine's own "
        "Python; such an environment is not hermetic, and says so. Default: the lock's Python",
    )
    add_fetch_options(parser)


def add_fetch_options(parser: Any) -> None:
    """Describe the options that every command has which may fetch."""
    parser.add_argument(
        "--jobs", type=int, default=8, metavar="N", help="downloads at once (default: 8)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="use only what the store and local folders hold"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer")


def read_request(arguments: argparse.Namespace) -> BuildRequest:
    """Return what a command line asks to build. Raises `WorldError` for another platform."""
    from envlock.model.lock import lock_of
    from envlock.workflows.build import BuildRequest

    here = this_platform()
    asked = getattr(arguments, "platform", None)
    wanted = Platform(asked) if asked else here
    if wanted is not here and (here, wanted) != (Platform.OSX_ARM64, Platform.OSX_64):
        raise WorldError(
            f"an environment for {wanted} cannot be built here: this machine is {here}, and "
            "building runs the environment's Python\nNothing was built.",
            hints=[f"build it on {wanted}: the same lock gives the same environment there"],
        )
    return BuildRequest(
        lock=lock_of(arguments.lock),
        platform=wanted,
        python=arguments.python,
        profile=arguments.profile,
        artifacts=_artifacts_beside(arguments),
        fetches_artifacts=not getattr(arguments, "no_artifacts", True),
    )


def add_artifacts_option(parser: Any) -> None:
    """Describe the option of the commands that fetch what a stack names beside."""
    parser.add_argument(
        "--no-artifacts",
        action="store_true",
        help="do not fetch the stack's [[artifacts]]; those that are here are shown all the same",
    )


def _artifacts_beside(arguments: argparse.Namespace) -> tuple[Artifact, ...]:
    """Return what the stack of a lock names beside its environment; nothing without a stack.

    Raises `InputFileError` for a stack that was named. Of one that only lies beside the lock it is
    said that it cannot be read: the lock is what was asked for.
    """
    from envlock.cli.wiring import load_stack

    stack = stack_of(arguments.lock)
    if not is_file(stack) or _ARTIFACTS not in DiskWorkspace().read_bytes(stack):
        return ()  # a stack without artifacts need not be parsed: that takes longer than the rest
    try:
        return load_stack(stack).artifacts
    except InputFileError as error:
        if stack == arguments.lock:
            raise
        make_reporter(arguments).note(f"its artifacts are left out: {error}")
        return ()
