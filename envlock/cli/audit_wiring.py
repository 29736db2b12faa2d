"""Pairs what an audit acts through with its backends, and a command line with machines."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock.backends.site_folders import is_environment
from envlock.model.finding import AuditPolicy
from envlock.model.stack import AuditLevel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from envlock.model.installed import Installed
    from envlock.ports.index_status import IndexStatus
    from envlock.ports.signing import TrustedKey
    from envlock.workflows.audit_again import Deep
    from envlock.workflows.audit_tools import AuditTools


def make_audit_tools(arguments: argparse.Namespace) -> AuditTools:
    """Return what an audit acts through."""
    from envlock.audit.rules import all_rules
    from envlock.backends.files import DiskWorkspace
    from envlock.backends.git import GitHistory
    from envlock.backends.project_tree import DiskTree
    from envlock.cli.wiring import (
        make_solve_tools,
        pins_beside,
        recipe_sources_beside,
        recordings_beside,
    )
    from envlock.workflows.audit_tools import AuditTools

    return AuditTools(
        workspace=DiskWorkspace(),
        tree=DiskTree(),
        history=GitHistory(),
        rules=all_rules(),
        pins_beside=pins_beside,
        recordings_beside=recordings_beside,
        recipe_sources=recipe_sources_beside,
        environments=_Environments(),
        index_status=_make_status() if arguments.online else None,
        keys=_load_keys(arguments.key),
        solve_tools=lambda stack_path: make_solve_tools(stack_path, arguments, may_build=False),
        deep=lambda lock: _open_deep(lock, arguments),
    )


class _Environments:
    """Those of the store and others. Implements `ports.installed.Environments`.

    What hashes and knows the store takes long to import, and most audits look at files alone.
    """

    def is_environment(self, path: str) -> bool:
        """Say whether a folder is one; see the port."""
        return is_environment(path)

    def read(self, path: str) -> Installed:
        """Read and look through one; see the port."""
        from envlock.backends.installed import DiskEnvironments
        from envlock.backends.installed_sealed import StoreEnvironments
        from envlock.backends.store_layout import StoreLayout, store_home
        from envlock.cli.store_wiring import open_store, this_platform

        plain = DiskEnvironments(lambda: this_platform().value)
        layout = StoreLayout(store_home(os.environ, Path.home))
        return StoreEnvironments(plain, layout, open_store).read(path)


@contextmanager
def _open_deep(lock: str, arguments: argparse.Namespace) -> Iterator[Deep]:
    """Open the store to build and verify a lock; downloads are found from the lock's folder."""
    from argparse import Namespace

    from envlock.backends.store_keeping import DiskKeeping
    from envlock.cli.store_wiring import (
        make_build_tools,
        open_profiles,
        open_store,
        this_platform,
    )
    from envlock.cli.verify import make_verify_tools
    from envlock.workflows.audit_again import Deep

    options = Namespace(**{**vars(arguments), "lock": lock, "timeout": None})
    store = open_store()
    with store.needs() as needs:
        yield Deep(
            build=make_build_tools(store, options),
            needs=needs,
            keeping=DiskKeeping(store, open_profiles(store)),
            platform=this_platform(),
            python=arguments.python,
            verify=lambda: make_verify_tools(options),
        )


def _make_status() -> IndexStatus:
    from envlock.backends.pypi_status import LiveStatus

    return LiveStatus(os.environ)


def _load_keys(paths: Sequence[str]) -> tuple[TrustedKey, ...]:
    if not paths:
        return ()
    from envlock.backends.signing import load_public_key

    return tuple(map(load_public_key, paths))


def add_beside_options(parser: Any) -> None:
    """Describe the options that say what to look at beside a file."""
    parser.add_argument(
        "--key",
        metavar="PUB",
        action="append",
        default=[],
        help="a public key that you trust: one of them must have signed each receipt; may be "
        "repeated",
    )
    parser.add_argument(
        "--prefix",
        metavar="DIR",
        help="the environment that was installed from the lock: hold its packages and every file "
        "of it against the lock and against what its packages installed",
    )
    parser.add_argument(
        "--online",
        action="store_true",
        help="ask the indexes and channels whether the files are still there and not yanked",
    )
    parser.add_argument(
        "--osv",
        metavar="FILE",
        action="append",
        default=[],
        help="a file of known vulnerabilities in the form of OSV: one record, a list, lines, or a "
        "zip of them; may be repeated",
    )


def add_depth_options(parser: Any) -> None:
    """Describe the options that say how deep to look, and what the deeper levels act with."""
    parser.add_argument(
        "--level",
        choices=[each.value for each in AuditLevel],
        help="how deep to look, each level with those before it: lock, the files as they lie "
        "(default); resolve, solve again from the pin; build, build again, in the store; prove, "
        "verify again and compare with the receipt",
    )
    parser.add_argument(
        "--python",
        metavar="WHICH",
        help="the Python that `--level build` builds wheels on, as for `envlock build`",
    )
    parser.add_argument(
        "--jobs", type=int, default=8, metavar="N", help="downloads at once (default: 8)"
    )
    parser.add_argument(
        "--offline", action="store_true", help="build from what the store and local folders hold"
    )


def add_machine_options(parser: Any) -> None:
    """Describe the options that say which machines have to run what is locked."""
    parser.add_argument(
        "--driver",
        metavar="VERSION",
        help="the oldest driver of your machines, as 535 or 535.183 (default: the stack's)",
    )
    parser.add_argument(
        "--gpu",
        action="append",
        default=[],
        metavar="MODEL",
        help="a GPU that must run it, as H100 or 9.0; may be repeated (default: the stack's)",
    )
    parser.add_argument(
        "--glibc",
        metavar="VERSION",
        help="the oldest glibc of your machines, as 2.28 (default: the stack's)",
    )


def read_machines(arguments: argparse.Namespace, policy: AuditPolicy) -> AuditPolicy:
    """Return a policy with the machines of the command line, where it names some.

    Raises `EnvlockError` for a version that is none and a GPU that nobody knows.
    """
    from msgspec.structs import replace

    if not (arguments.driver or arguments.glibc or arguments.gpu):
        return policy
    from envlock.workflows.whatif import Wish, find_gpu, refuse_versions

    refuse_versions(Wish(driver=arguments.driver, glibc=arguments.glibc))
    computes = [find_gpu(text).compute for text in arguments.gpu]
    return replace(
        policy,
        driver=arguments.driver or policy.driver,
        glibc=arguments.glibc or policy.glibc,
        compute=tuple(dict.fromkeys(filter(None, computes))) or policy.compute,
    )
