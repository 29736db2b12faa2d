"""Pairs what looks after a store with its backends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.store_keeping import DiskKeeping
from envlock.backends.store_layout import StoreLayout, store_home
from envlock.cli.store_wiring import made_with, open_profiles, open_store, this_platform
from envlock.cli.wiring import make_reporter, utc_now
from envlock.workflows.care import CareTools

if TYPE_CHECKING:
    import argparse

    from envlock.model.store import Environment, Generation
    from envlock.workflows.care import RepairTools
    from envlock.workflows.closures import ClosureTools


def make_care_tools(arguments: argparse.Namespace) -> CareTools:
    """Return all that looking after this user's store acts through."""
    store = open_store()
    profiles = open_profiles(store)
    return CareTools(
        store=store,
        keeping=DiskKeeping(store, profiles),
        profiles=profiles,
        reporter=make_reporter(arguments),
        now=utc_now,
    )


def make_repair_tools(arguments: argparse.Namespace) -> RepairTools:
    """Return what putting back takes beyond that; relative addresses start where we stand."""
    from envlock.backends.artifact_fetcher import ArtifactFetcher
    from envlock.backends.artifact_http import FetchOptions
    from envlock.backends.interpreters import HostInterpreters
    from envlock.cli.progress import FetchMeter, SilentMeter
    from envlock.workflows.care import RepairTools

    options = FetchOptions(jobs=arguments.jobs, offline=arguments.offline)
    folder = ArtifactFolder(StoreLayout(store_home(os.environ, Path.home)).artifacts)
    return RepairTools(
        artifacts=ArtifactFetcher(folder, os.environ, Path.cwd(), options),
        interpreters=HostInterpreters(os.environ),
        progress=SilentMeter() if arguments.quiet else FetchMeter(),
        made_with=made_with(),
    )


def make_closure_tools(arguments: argparse.Namespace) -> ClosureTools:
    """Return all that looking at closures acts through."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.closures import ClosureTools

    return ClosureTools(
        care=make_care_tools(arguments), workspace=DiskWorkspace(), platform=this_platform()
    )


def short_time(text: str) -> str:
    """Return a time for people: `2026-11-24 10:00`."""
    return text[:16].replace("T", " ")


def name_generation(generation: Generation) -> str:
    """Return a generation as people name it: `torch@3`."""
    return f"{generation.profile}@{generation.number}"


def name_python(environment: Environment) -> str:
    """Return what an environment runs on: its own Python, or this machine's, which is said."""
    host = environment.derivation.interpreter
    return "" if host is None else f"not hermetic: this machine's Python {host.version}"
