"""`envlock where`: which recorded machines and which rented ones can run a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.cli.fit_render import (
    describe_candidate,
    describe_verdict,
    render_reasons,
    screen_width,
    wrap,
)
from envlock.cli.table import emit, format_facts, printable
from envlock.errors import EnvlockError, ExitCode
from envlock.model.verdict import Fit

if TYPE_CHECKING:
    import argparse

    from envlock.compat.cloud import CloudInstance
    from envlock.model.host import Host
    from envlock.workflows.where import Place, Placement

_PROVIDERS = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(
        "where",
        help="list the machines that can run a stack",
        description="Say which recorded machines and which cloud instance types can run STACK, "
        "and for the others the fact that decides. A rented machine is judged with the newest "
        "driver for its GPUs, and the oldest driver that would do is told.",
        epilog="Exit status: 0 when there is a machine that runs it, 1 when there is none.",
    )
    parser.add_argument("stack", metavar="STACK", help="a stack or a lock")
    parser.add_argument(
        "--hosts",
        nargs="+",
        default=[],
        metavar="PATH",
        help="recorded machines: files of `envlock doctor --json`, or folders of them",
    )
    parser.add_argument(
        "--cloud",
        choices=(*_PROVIDERS, "all"),
        help="only this provider's instance types (default: all, or none with --hosts)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Judge one stack on many machines."""
    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.whatif import read_candidate
    from envlock.workflows.where import find_places

    candidate = read_candidate(arguments.stack, DiskWorkspace())
    placement = find_places(candidate, _recorded(arguments.hosts), _instances(arguments))
    if arguments.json:
        from envlock.formats.canonical import format_canonical

        emit([format_canonical(describe(placement))])
    else:
        emit(render(placement))
    runs = any(place.verdict.fit is Fit.RUNS for place in placement.places)
    return ExitCode.YES if runs else ExitCode.NO


def _recorded(paths: Sequence[str]) -> Iterator[Host]:
    """Yield the machines of files, and of the JSON files of folders."""
    from pathlib import Path

    from envlock.backends.files import DiskWorkspace
    from envlock.workflows.whatif import read_recorded_host

    for path in map(Path, paths):
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise EnvlockError(
                f"{path}: expected recorded machines, found a folder without a .json file",
                hints=["`envlock doctor --json > NAME.json` records a machine"],
            )
        for file in files:
            yield read_recorded_host(str(file), DiskWorkspace())


def _instances(arguments: argparse.Namespace) -> tuple[CloudInstance, ...]:
    from envlock.compat.cloud import cloud_instances

    if arguments.hosts and arguments.cloud is None:
        return ()
    return cloud_instances(None if arguments.cloud in (None, "all") else arguments.cloud)


# --- for people -----------------------------------------------------------------------------------


def render(placement: Placement) -> Iterator[str]:
    """Yield where it runs, by provider; then where it does not, by the fact that decides."""
    candidate = placement.candidate
    yield from wrap(f"{candidate.name} ({candidate.read})", hang="  ")
    for fit, heading in (
        (Fit.RUNS, "runs on"),
        (Fit.UNKNOWN, "not known on"),
        (Fit.REFUSED, "does not run on"),
    ):
        places = [place for place in placement.places if place.verdict.fit is fit]
        if places:
            yield ""
            yield f"{heading}:"
            named = ((_name(place), place.verdict) for place in places)
            yield from (_listed(places) if fit is Fit.RUNS else render_reasons(named))
    if any(place.is_from_memory for place in placement.places):
        yield ""
        yield "* which GPU it has is from memory, not from a document"


def _listed(places: Sequence[Place]) -> Iterator[str]:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for place in places:
        driver = f"driver {place.driver_floor}+" if place.driver_floor else ""
        if place.instance is None:
            driver = f"driver {place.host.driver}" if place.host.driver else ""
        rows.setdefault((_provider(place), _gpu(place), driver), []).append(_name(place))
    table = [(*head, ", ".join(names)) for head, names in rows.items()]
    yield from format_facts(table, width=screen_width(), indent="  ")


def _provider(place: Place) -> str:
    return _PROVIDERS[place.instance.provider] if place.instance else "recorded"


def _gpu(place: Place) -> str:
    names = dict.fromkeys(gpu.name.removeprefix("NVIDIA ") for gpu in place.host.gpus)
    return " and ".join(names) or "no GPU"


def _name(place: Place) -> str:
    return printable(f"{place.host.name}*" if place.is_from_memory else place.host.name)


# --- for programs ---------------------------------------------------------------------------------


def describe(placement: Placement) -> Mapping[str, object]:
    """Return the places as plain data."""
    return {
        **describe_candidate(placement.candidate),
        "places": [_describe(place) for place in placement.places],
    }


def _describe(place: Place) -> Mapping[str, object]:
    from envlock.formats.host import describe_host

    return {
        "host": describe_host(place.host),
        "cloud": _describe_cloud(place.instance) if place.instance else None,
        "driver_floor": place.driver_floor,
        "verdict": describe_verdict(place.verdict),
    }


def _describe_cloud(instance: CloudInstance) -> Mapping[str, object]:
    return {
        "provider": instance.provider,
        "instance": instance.name,
        "row": instance.row,
        "source": instance.source,
        "confidence": instance.confidence.value,
    }
