"""`envlock index`: the pins that stacks solve from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envlock.errors import EnvlockError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from envlock.backends.pins import DiskPins
    from envlock.model.pin import Origin, Pin
    from envlock.model.stack import Stack
    from envlock.ports.index import ChannelSource
    from envlock.workflows.index import IndexTools, PinResult

_WHAT = """\
A stack is solved from an index pin: the channel records that it can reach, written beside the
stacks in pins/<digest> and named by their digest. pins/pins.toml says which stack solves from which
pin. Both belong into version control."""
_FEWEST_DIGITS = 4
_SHOWN_DIGITS = 12
_HERE = (".", "stacks")
"""The folders whose pins a digest is looked up among."""


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
        "as they are until you solve again; the old pin stays, too. An observed pin becomes a live "
        "one when the channels themselves are asked, and not when copies are (--from).",
    )
    update.set_defaults(action=_update)
    _add_stacks(update)
    _add_source(update)
    from envlock.cli import index_join, index_record

    index_record.add_action(actions)
    index_join.add_action(actions)
    show = actions.add_parser(
        "show",
        help="tell what a pin holds",
        description="Tell where the records of a pin come from, how old it is, what it holds, and "
        "which stacks solve from it. Nothing is written.",
    )
    show.set_defaults(action=_show)
    show.add_argument(
        "pin",
        metavar="STACK|DIGEST",
        help="a stack file, a pin's folder, or the first digits of a pin's digest",
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
    from envlock.model.pin import Origin
    from envlock.workflows.index import extend_pin, pin_stacks

    stacks, pins = load_stacks(arguments.stacks)
    story = extend_pin if arguments.extend else pin_stacks
    origin = Origin.OBSERVED if arguments.observed else Origin.LIVE
    results = [_run_story(story, stacks, pins, origin, arguments)]
    return _tell(results, stacks, pins, arguments)


def _update(arguments: argparse.Namespace) -> int:
    from envlock.workflows.index import shared_digest, update_pin

    stacks, pins = load_stacks(arguments.stacks)
    groups: dict[str, list[Stack]] = {}
    for stack in stacks:
        groups.setdefault(shared_digest([stack], pins), []).append(stack)
    results = [
        _run_story(update_pin, group, pins, _origin(pins.read(digest), arguments), arguments)
        for digest, group in groups.items()
    ]
    return _tell(results, stacks, pins, arguments)


def _origin(before: Pin, arguments: argparse.Namespace) -> Origin:
    """Return what an updated pin is: a copy of records does not make a partial view whole."""
    from envlock.model.pin import Origin

    stays = arguments.base and before.origin is Origin.OBSERVED
    return Origin.OBSERVED if arguments.observed or stays else Origin.LIVE


def _run_story(
    story: Any,
    stacks: Sequence[Stack],
    pins: DiskPins,
    origin: Origin,
    arguments: argparse.Namespace,
) -> PinResult:
    from envlock.cli.wiring import make_index, make_reporter, utc_now
    from envlock.workflows.index import IndexTools

    reporter = make_reporter(arguments)
    tools: IndexTools = IndexTools(index=make_index(), pins=pins, reporter=reporter)
    result: PinResult = story(stacks, _sources(stacks, arguments.base), origin, utc_now(), tools)
    return result


def load_stacks(paths: Sequence[str]) -> tuple[list[Stack], DiskPins]:
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
    root = _root(base, list(channels)) if base else None
    return [
        ChannelSource(url=url, location=_below(root, url) if root else channel_location(channel))
        for url, channel in channels.items()
    ]


def _root(base: str, urls: Sequence[str]) -> str:
    """Return the address below which copies of the channels lie."""
    from pathlib import Path

    from envlock.formats.channel import channel_folder

    if "://" in base:
        return base.rstrip("/")
    folder = Path(base)
    if not folder.is_dir():
        raise EnvlockError(f"--from: there is no folder `{base}`")
    missing = [name for name in map(channel_folder, urls) if not (folder / name).is_dir()]
    if missing:
        raise _no_copy(folder, missing)
    return folder.resolve().as_uri()


def _no_copy(folder: Path, missing: Sequence[str]) -> EnvlockError:
    """Return the error for a folder that does not have a copy of every channel."""
    from difflib import get_close_matches

    if any(folder.glob("*/repodata.json*")):
        return EnvlockError(
            f"--from: `{folder}` is itself a channel, not a folder of channels",
            hints=[f"give the folder above: `--from {folder.absolute().parent}`"],
        )
    there = sorted(path.name for path in folder.iterdir() if path.is_dir())
    near = {name: get_close_matches(name, there, n=1) for name in missing}
    hints = [
        f"did you mean `{found[0]}`? the stack says `{name}`"
        for name, found in near.items()
        if found
    ]
    return EnvlockError(
        f"--from: `{folder}` has no channel {', '.join(f'`{name}`' for name in missing)}: "
        f"it has {', '.join(there) or 'no folders'}",
        hints=hints or ["it must hold each channel of the stack under its short name"],
    )


def _below(root: str, url: str) -> str:
    from urllib.parse import quote

    from envlock.formats.channel import channel_folder

    return f"{root}/{quote(channel_folder(url))}"


def _tell(
    results: Sequence[PinResult],
    stacks: Sequence[Stack],
    pins: DiskPins,
    arguments: argparse.Namespace,
) -> int:
    from envlock.cli.index_render import describe_result, render_result
    from envlock.cli.progress import clear_line

    if arguments.json:
        _print_json({"pins": [describe_result(result) for result in results]})
        return ExitCode.YES
    for result in results:
        if not arguments.quiet:
            clear_line()
            sys.stderr.write(render_result(result, str(pins.folder)))
        print(result.digest)
    files = [
        stack.python.where.file
        for stack in stacks
        if any(map(stack.takes_pypi_on, stack.platforms))
    ]
    if files and not arguments.quiet:
        record = f"`envlock index record {' '.join(files)}` asks the package index"
        sys.stderr.write(f"hint: these take packages from PyPI too; {record}\n")
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
    """Return the pin of a stack file, of a pin's folder, or the one whose digest begins so."""
    from pathlib import Path

    from envlock.cli.wiring import load_stack, pins_beside
    from envlock.workflows.index import shared_digest

    path = Path(text)
    digits = path.name.removeprefix("sha256:").lower()
    if path.is_file() or not digits or set(digits) - set("0123456789abcdef"):
        pins = pins_beside(text)
        return pins, shared_digest([load_stack(text)], pins)
    if path.name != text or (path.is_dir() and path.absolute().parent.name == "pins"):
        return _choose(digits, [_pins_around(path)])
    return _choose(digits, [pins_beside(f"{folder}/any.toml") for folder in _HERE])


def _pins_around(pin: Path) -> DiskPins:
    """Return the pins of the folder that a pin lies in."""
    from envlock.cli.wiring import pins_beside

    folder = pin.parent if pin.parent.name == "pins" else pin.absolute().parent
    if folder.name != "pins":
        raise EnvlockError(
            f"`{pin}` is no pin: pins lie in a folder `pins` beside the stacks",
            hints=["name a stack file, or the first digits of a pin's digest"],
        )
    return pins_beside(str(folder.parent / "any.toml"))


def _choose(digits: str, places: Sequence[DiskPins]) -> tuple[DiskPins, str]:
    """Return the one pin whose digest begins so; the same pin may lie in several places."""
    kept = {digest: pins for pins in reversed(places) for digest in pins.kept()}
    found = {digest: pins for digest, pins in kept.items() if digest.startswith(digits)}
    if len(digits) >= _FEWEST_DIGITS and len(found) == 1:
        [(digest, pins)] = found.items()
        return pins, digest
    folders = " or ".join(f"{pins.folder}/" for pins in places)
    if not kept:
        raise EnvlockError(
            f"no pins lie in {folders}", hints=["name a stack file: `envlock index show STACK`"]
        )
    if len(digits) < _FEWEST_DIGITS:
        problem = f"expected at least {_FEWEST_DIGITS} digits of a pin's digest, found `{digits}`"
    elif found:
        problem = f"several pins' digests begin with `{digits}`"
    else:
        problem = f"no pin's digest begins with `{digits}`"
    rows = "\n".join(_row(digest, pins) for digest, pins in sorted((found or kept).items()))
    raise EnvlockError(
        f"{problem}; in {folders} lie\n{rows}",
        hints=["name one of these, or a stack file"],
    )


def _row(digest: str, pins: DiskPins) -> str:
    stacks = sorted(name for name, other in pins.assignments().items() if other == digest)
    return f"  {digest[:_SHOWN_DIGITS]}  {', '.join(stacks) or 'no stack solves from it'}"


def _print_json(value: Mapping[str, object]) -> None:
    from envlock.formats.canonical import format_canonical

    print(format_canonical(value))
