"""`envlock index`: the pins that stacks solve from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from envlock.backends.pins import DiskPins
    from envlock.model.stack import Stack
    from envlock.ports.index import ChannelSource
    from envlock.workflows.index import IndexTools, PinResult

_WHAT = """\
A stack is solved from an index pin: the channel records that it can reach, written beside the
stacks in pins/<digest> and named by their digest. pins/pins.toml says which stack solves from which
pin. Both belong into version control."""
_FEWEST_DIGITS = 6


def add_parser(subparsers: Any) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser("index", help="make, show and update pins", description=_WHAT)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    pin = actions.add_parser(
        "pin",
        help="ask the channels and write a pin",
        description="Ask the channels for all that the stacks can reach, write one pin for them "
        "all, and enter it for each in pins.toml. Locks stay as they are until you solve again; "
        "older pins stay, too.",
    )
    pin.set_defaults(action=_pin)
    _add_stacks(pin)
    _add_source(pin)
    pin.add_argument(
        "--extend",
        action="store_true",
        help="keep every record of the stacks' present pin and add only packages that it lacks: "
        "what stands does not move",
    )
    update = actions.add_parser(
        "update",
        help="ask the channels again",
        description="Ask the channels again and say what changed. When no record changed nothing "
        "is written; else a new pin is, and the named stacks move to it in pins.toml. Locks stay "
        "as they are until you solve again; the old pin stays, too.",
    )
    update.set_defaults(action=_update)
    _add_stacks(update)
    _add_source(update)
    show = actions.add_parser(
        "show",
        help="tell what a pin holds",
        description="Tell where the records of a pin come from, how old it is, what it holds, and "
        "which stacks solve from it. Nothing is written.",
    )
    show.set_defaults(action=_show)
    show.add_argument(
        "pin", metavar="STACK|DIGEST", help="a stack file, or the first digits of a pin's digest"
    )
    show.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def _add_stacks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stacks", nargs="+", metavar="STACK", help="stack files of one folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="base",
        metavar="BASE",
        help="ask copies of the channels: a folder or an address that has each channel under its "
        "short name, such as BASE/conda-forge; records keep the channels' own addresses",
    )
    parser.add_argument(
        "--observed",
        action="store_true",
        help="note in the pin that BASE is a partial view, such as records collected from locks",
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    return int(arguments.action(arguments))


def _pin(arguments: argparse.Namespace) -> int:
    from envlock.workflows.index import extend_pin, pin_stacks

    stacks, pins = _load(arguments.stacks)
    story = extend_pin if arguments.extend else pin_stacks
    return _tell([_run_story(story, stacks, pins, arguments)], pins, arguments)


def _update(arguments: argparse.Namespace) -> int:
    from envlock.workflows.index import shared_digest, update_pin

    stacks, pins = _load(arguments.stacks)
    groups: dict[str, list[Stack]] = {}
    for stack in stacks:
        groups.setdefault(shared_digest([stack], pins), []).append(stack)
    results = [_run_story(update_pin, group, pins, arguments) for group in groups.values()]
    return _tell(results, pins, arguments)


def _run_story(
    story: Any, stacks: Sequence[Stack], pins: DiskPins, arguments: argparse.Namespace
) -> PinResult:
    from envlock.cli.wiring import make_index, make_reporter, utc_now
    from envlock.model.pin import Origin
    from envlock.workflows.index import IndexTools

    reporter = make_reporter(arguments)
    tools: IndexTools = IndexTools(index=make_index(), pins=pins, reporter=reporter)
    origin = Origin.OBSERVED if arguments.observed else Origin.LIVE
    result: PinResult = story(stacks, _sources(stacks, arguments.base), origin, utc_now(), tools)
    return result


def _load(paths: Sequence[str]) -> tuple[list[Stack], DiskPins]:
    """Read the stacks; they must lie in one folder, since their pins lie beside them."""
    from envlock.cli.wiring import load_stack, pins_beside

    stacks = [load_stack(path) for path in dict.fromkeys(paths)]
    folders = {pins_beside(path).folder.resolve() for path in paths}
    if len(folders) > 1:
        raise EnvlockError(
            "expected stacks of one folder, found stacks of several: " + ", ".join(paths),
            hints=["pin them folder by folder: a pin lies beside its stacks"],
        )
    names = [stack.name for stack in stacks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EnvlockError(
            f"several of these stacks are named `{twice[0]}`: a pin goes by the name"
        )
    return stacks, pins_beside(paths[0])


def _sources(stacks: Sequence[Stack], base: str | None) -> list[ChannelSource]:
    """Return each channel once, with the place to ask for it."""
    from envlock.formats.channel import channel_location, channel_url
    from envlock.ports.index import ChannelSource

    channels = {channel_url(item): item for stack in stacks for item in stack.channels}
    root = _root(base) if base else None
    return [
        ChannelSource(url=url, location=_below(root, url) if root else channel_location(channel))
        for url, channel in channels.items()
    ]


def _root(base: str) -> str:
    from pathlib import Path

    if "://" in base:
        return base.rstrip("/")
    folder = Path(base)
    if not folder.is_dir():
        raise EnvlockError(f"--from: there is no folder `{base}`")
    return folder.resolve().as_uri()


def _below(root: str, url: str) -> str:
    from urllib.parse import quote

    from envlock.formats.channel import channel_folder

    return f"{root}/{quote(channel_folder(url))}"


def _tell(results: Sequence[PinResult], pins: DiskPins, arguments: argparse.Namespace) -> int:
    from envlock.cli.index_render import describe_result, render_result

    if arguments.json:
        _print_json({"pins": [describe_result(result) for result in results]})
        return ExitCode.YES
    for result in results:
        if not arguments.quiet:
            sys.stderr.write(render_result(result, str(pins.folder)))
        print(result.digest)
    return ExitCode.YES


def _show(arguments: argparse.Namespace) -> int:
    from envlock.cli.index_render import describe_shown, render_shown
    from envlock.cli.wiring import utc_now
    from envlock.workflows.index import describe_pin

    pins, digest = _find(arguments.pin)
    shown = describe_pin(digest, utc_now()[:10], pins)
    if arguments.json:
        _print_json(describe_shown(shown))
    else:
        sys.stdout.write(render_shown(shown))
    return ExitCode.YES


def _find(text: str) -> tuple[DiskPins, str]:
    """Return the pin of a stack file, or the one pin whose digest begins so."""
    from pathlib import Path

    from envlock.cli.wiring import load_stack, pins_beside
    from envlock.workflows.index import shared_digest

    if Path(text).is_file() or not _is_digits(text):
        pins = pins_beside(text)
        return pins, shared_digest([load_stack(text)], pins)
    for folder in (".", "stacks"):
        pins = pins_beside(f"{folder}/any.toml")
        found = [digest for digest in pins.kept() if digest.startswith(text)]
        if len(found) == 1:
            return pins, found[0]
    raise EnvlockError(
        f"no pin's digest begins with `{text}`, or more than one does, in pins/ or stacks/pins/",
        hints=["name a stack file instead, or more digits"],
    )


def _is_digits(text: str) -> bool:
    return len(text) >= _FEWEST_DIGITS and not set(text) - set("0123456789abcdef")


def _print_json(value: Mapping[str, object]) -> None:
    from envlock.formats.canonical import format_canonical

    print(format_canonical(value))
