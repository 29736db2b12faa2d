"""Builders of stacks and views for tests of the pure rooms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.formats.stack_toml import read_stack
from envlock.model.package import Package, Variant
from envlock.model.pin import Origin
from envlock.model.platform import Platform
from envlock.model.stack import Stack
from envlock.solve.view import View

GPU_STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.1"
"""
CPU_STACK = GPU_STACK.partition("\n[gpu]")[0]


def stack_of(text: str) -> Stack:
    """A stack from its text; the file is called `demo.toml`."""
    return read_stack(text.encode(), "demo.toml")


def view_of(
    text: str,
    packages: Iterable[Package] = (),
    *,
    platform: Platform = Platform.LINUX_64,
    origin: Origin = Origin.LIVE,
) -> View:
    """A view of the given records; version ranges admit by comparing the leading digits."""
    records: dict[str, tuple[Variant, ...]] = {}
    for item in packages:
        variant = Variant(item.name, item.version, item.build, item.channel)
        records[item.name] = (*records.get(item.name, ()), variant)
    return View(
        stack=stack_of(text),
        platform=platform,
        origin=origin,
        digest="d" * 64,
        asked=(),
        records=records,
        admits=admits,
    )


def admits(version_range: str, version: str) -> bool:
    """Whether simple ranges (`>=8,<10`) hold a version."""
    compare: Mapping[str, object] = {
        ">=": lambda a, b: a >= b,
        "<=": lambda a, b: a <= b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
    }
    for clause in version_range.split(","):
        sign = next(sign for sign in (">=", "<=", "<", ">") if clause.startswith(sign))
        wanted = [int(part) for part in clause.removeprefix(sign).split(".") if part.isdigit()]
        found = [int(part) for part in version.split(".") if part.isdigit()]
        if not compare[sign](found[: len(wanted)] if sign == "<=" else found, wanted):  # type: ignore[operator]
            return False
    return True
