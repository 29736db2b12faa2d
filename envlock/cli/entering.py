"""What `activate`, `run` and `shell` have in common on the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from envlock.cli.store_wiring import (
    add_artifacts_option,
    add_build_options,
    make_build_tools,
    open_profiles,
    read_request,
)
from envlock.errors import EnvlockError

if TYPE_CHECKING:
    import argparse

    from envlock.backends.disk_store import DiskStore
    from envlock.formats.activation import Activation, Shell
    from envlock.model.store import Realisation
    from envlock.ports.store import Needs

WHICH = (
    "LOCK is a lock, or the stack that it lies beside; it is built first if it is not there, and "
    "becomes a generation of its profile if it is none yet. Without LOCK, `--profile NAME` means "
    "that profile's current generation."
)


def add_entering_options(parser: Any) -> None:
    """Describe LOCK and the options of a build."""
    parser.add_argument(
        "lock", metavar="LOCK", nargs="?", help="a lock, or the stack that it lies beside"
    )
    add_build_options(parser)
    add_artifacts_option(parser)


def enter(arguments: argparse.Namespace, store: DiskStore, needs: Needs) -> Realisation:
    """Return the environment that a command line means, built now if it is not there."""
    from envlock.cli.progress import clear_line
    from envlock.workflows.enter import enter_lock, enter_profile

    if arguments.lock is None:
        if arguments.profile is None:
            raise EnvlockError(
                "which environment? expected LOCK or `--profile NAME`, found neither",
                hints=["name a lock or its stack, or a profile: `envlock list` shows them"],
            )
        if arguments.python is not None:
            raise EnvlockError(
                "`--python` says how to build a lock, and a profile is built already",
                hints=["name the lock, too, or leave `--python` away"],
            )
        return enter_profile(arguments.profile, store, open_profiles(store), needs)
    tools = make_build_tools(store, arguments)
    realisation = enter_lock(read_request(arguments), tools, needs)
    for note in realisation.notes:
        tools.reporter.note(note)
    clear_line()
    return realisation


def prepare(
    arguments: argparse.Namespace, store: DiskStore, needs: Needs, shell: Shell
) -> Activation:
    """Return what the shell is to be told, once what a person should know was said."""
    from envlock.backends.activation_files import notes_on, read_activation
    from envlock.cli.wiring import make_reporter

    entered = enter(arguments, store, needs)
    environment = entered.environment
    data = str(store.data.path(entered.data)) if entered.data else ""
    activation = read_activation(environment, shell, artifacts=data)
    reporter = make_reporter(arguments)
    for name in store.data.lacking(entered.data) if data else ():
        reporter.note(f"artifact {name} is not here: `envlock artifacts fetch STACK` brings it")
    for note in notes_on(environment, os.environ):
        reporter.note(note)
    return activation
