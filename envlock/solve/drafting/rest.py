"""What of a file no stack says: images, commands, options, and what a reader stumbled over."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.compat.base_images import BaseImage, read_image
from envlock.formats.readers.installs import Installed, read_install
from envlock.formats.readers.notes import Notes
from envlock.formats.readers.shell_words import programs_of, split_commands
from envlock.formats.secrets import redact, redact_value
from envlock.model.draft import LeftOut
from envlock.model.reading import Command, Ecosystem, FoundPackage, Reading

_SHOWN = 100
_OTHER_FILES = ("requirement", "constraint", "file", "environment-file")
_TAKEN_OVER = ("name", "made-by", "syntax", "escape", "check", "prefix")
"""Settings that say nothing of the packages, or that the draft has."""


def main_image(reading: Reading) -> FoundPackage | None:
    """Return the base image that says most: with several stages the last of those that say it."""
    images = _images(reading)
    telling = [row for row in images if read_image(row.name, row.version or "") != BaseImage()]
    return next(reversed([*images[-1:], *telling]), None)


def unsaid(reading: Reading, image: BaseImage | None) -> Iterator[LeftOut]:
    """Yield what is left out beside packages, channels and indexes."""
    for row in _images(reading):
        tag = f":{row.version}" if row.version else ""
        yield LeftOut(
            what=redact_value(f"base image {row.name}{tag}"),
            reason="a stack has no image: what its name says of Python, CUDA and frameworks is "
            "taken over",
            line=row.line,
        )
    if image and image.cudnn:
        yield LeftOut(
            what=f"cuDNN {image.cudnn} of the base image",
            reason="frameworks bring their own; `gpu.cudnn` holds them to a range",
        )
    yield from _options(reading)
    for command in reading.commands:
        if not _is_read(command):
            yield LeftOut(
                what=_short(f"{command.instruction} {command.text}"),
                reason="a stack says what is installed, not what is run or set",
                line=command.line,
            )
    for oddity in reading.oddities:
        yield LeftOut(
            what=_short(oddity.said), reason=oddity.kind.value.replace("-", " "), line=oddity.line
        )


def _images(reading: Reading) -> list[FoundPackage]:
    return [item for item in reading.packages if item.ecosystem is Ecosystem.IMAGE]


def _options(reading: Reading) -> Iterator[LeftOut]:
    """Yield the options of a wish list; how a lock was made is in none of its packages."""
    if reading.kind.is_lock:
        return
    for key, value in reading.settings.items():
        if key in _OTHER_FILES:
            reason = "one file is drafted from: join them, or import the other one, too"
            yield LeftOut(what=_short(f"{key} {value}"), reason=reason)
        elif key not in _TAKEN_OVER:
            yield LeftOut(what=_short(f"option {key}={value}"), reason="no option of a stack")


def _is_read(command: Command) -> bool:
    """Say whether what a command does is told as packages, as an image or as another file."""
    if command.instruction != "RUN":
        return command.instruction == "FROM"
    return any(
        _tells(read_install(program, command.line, Notes()))
        for part in split_commands(command.text)
        for words in part.programs
        for program in programs_of(words)
    )


def _tells(installed: Installed) -> bool:
    return bool(installed.packages or installed.places)


def _short(text: str) -> str:
    shown = " ".join(redact(text).split())
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
