"""An edit changes one dependency; every comment, blank line and other key stays as it was."""

from __future__ import annotations

import copy
import re
import tomllib
from typing import Any

import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.formats.requirement import Requirement
from envlock.formats.stack_edit import (
    add_dependency,
    pin_dependency,
    remove_dependency,
)
from envlock.formats.stack_lines import find_lines
from envlock.formats.stack_toml import read_stack

TWO_CORES = settings(deadline=None)
PRESENT = ["numpy", "scipy", "ruamel.yaml"]


class Notes:
    """Hands out comments that can be told apart."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0

    def trailing(self) -> str:
        self.count += 1
        return self.draw(st.sampled_from(["", f"  # note{self.count}.", f"# note{self.count}."]))

    def lines(self) -> str:
        self.count += 1
        blank = self.draw(st.sampled_from(["", "\n", "\n\n"]))
        note = self.draw(st.sampled_from(["", f"# note{self.count}. [x] = {{\n"]))
        return blank + note + self.draw(st.sampled_from(["", "\n"]))


def entry(notes: Notes, name: str, *, inline: bool = False) -> str:
    """One dependency in one of the ways that TOML allows."""
    key = f'"{name}"' if "." in name else name
    forms = [
        f'{key} = "1.*"',
        f'{key} = {{ version = "1.*" }}',
        f"{key} = {{version='1.*',build = \"py*\"}}",
        f'{key}.version = "1.*"',
        f'{key} = {{ build = "py*" }}',
        f"{key}={{}}",
    ]
    form = notes.draw(st.sampled_from(forms))
    return form if inline else f"{form}{notes.trailing()}\n{notes.lines()}"


def dependencies(notes: Notes, table: str, names: list[str]) -> tuple[str, str]:
    """A table of dependencies: what stands before all headers, and its sections."""
    draw = notes.draw
    match draw(st.sampled_from(["absent", "section", "inline", "dotted", "sections", "empty"])):
        case "section":
            indent = draw(st.sampled_from(["", "  "]))
            lines = "".join(indent + entry(notes, name) for name in names)
            return "", f"[ {table} ]{notes.trailing()}\n{notes.lines()}{lines}"
        case "inline":
            inside = draw(st.sampled_from([", ", ","])).join(
                entry(notes, name, inline=True) for name in names
            )
            space = draw(st.sampled_from(["", " "]))
            return f"{table} = {{{space}{inside}{space}}}{notes.trailing()}\n", ""
        case "dotted":
            return "".join(f"{table}.{entry(notes, name)}" for name in names), ""
        case "sections":
            return "", "".join(
                f'[{table}."{name}"]{notes.trailing()}\nversion = "1.*"\n{notes.lines()}'
                for name in names
            )
        case "empty":
            return "", f"[{table}]{notes.trailing()}\n{notes.lines()}"
        case _:
            return "", ""


@st.composite
def stacks(draw: st.DrawFn) -> str:
    notes = Notes(draw)
    names = st.lists(st.sampled_from(PRESENT), unique=True, max_size=3)
    top, sections = notes.lines(), []
    for table in ("dependencies", "target.win-64.dependencies"):
        above, section = dependencies(notes, table, draw(names))
        top += above
        sections.append(section)
    sections += [
        f'[stack]\nname = "a"{notes.trailing()}\nplatforms = [\n"linux-64", # x\n"win-64"]\n',
        f'[python]\n{notes.lines()}version = "3.12.*"\n{notes.lines()}',
        draw(st.sampled_from(["", f'[frameworks]\njax = "0.*"\n{notes.lines()}'])),
        draw(st.sampled_from(["", f"[audit]{notes.trailing()}\n{notes.lines()}"])),
        draw(st.sampled_from(["", '[pypi-dependencies]\nEinops = ">=0.7"\n'])),
    ]
    text = top + "".join(draw(st.permutations(sections)))
    text = text.rstrip("\n") if draw(st.booleans()) else text
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


REQUIREMENTS = st.builds(
    Requirement,
    name=st.sampled_from(["zlib", "a", "pytorch", "zict.x"]),
    version=st.sampled_from(["*", ">=2,<3", "1.2.*"]),
) | st.builds(
    Requirement,
    name=st.sampled_from(["zlib", "Rich", "torch", "tensorflow"]),
    version=st.sampled_from(["*", ">=2,<3"]),
    pypi=st.just(value=True),
)
PLATFORMS = st.sampled_from([None, "win-64", "linux-64"])


def comments(text: str) -> list[str]:
    return re.findall(r"# note\d+\.", text)


def whole_comments(text: str) -> list[str]:
    """The comments that have a line for themselves."""
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def keys_in_order(text: str) -> list[tuple[str | int, ...]]:
    return list(find_lines(text))


def without(document: Any, path: tuple[str | int, ...]) -> Any:
    """Return a document without a key, and without the tables that are empty then."""
    document = copy.deepcopy(document)
    parents = [document]
    for key in path[:-1]:
        parents.append(parents[-1].get(key, {}))
    parents[-1].pop(path[-1], None)
    for parent, key in zip(reversed(parents[:-1]), reversed(path[:-1]), strict=True):
        if not parent.get(key):
            parent.pop(key, None)
    return document


@TWO_CORES
@given(stacks(), REQUIREMENTS, PLATFORMS)
def test_removing_what_was_added_restores_every_byte(
    text: str, requirement: Requirement, platform: str | None
):
    added = add_dependency(text, requirement, platform=platform)

    removed = remove_dependency(added, requirement.name, pypi=requirement.pypi, platform=platform)

    assert added != text
    assert removed == text


@TWO_CORES
@given(stacks(), REQUIREMENTS, PLATFORMS)
def test_adding_only_adds(text: str, requirement: Requirement, platform: str | None):
    added = add_dependency(text, requirement, platform=platform)

    assert comments(added) == comments(text)
    assert [key for key in keys_in_order(added) if key in keys_in_order(text)] == keys_in_order(
        text
    )
    rest = iter(added)
    assert all(char in rest for char in text)  # the old text is a subsequence of the new


@TWO_CORES
@given(stacks(), REQUIREMENTS, PLATFORMS)
def test_an_edit_never_mixes_line_breaks(text: str, requirement: Requirement, platform: str | None):
    added = add_dependency(text, requirement, platform=platform)

    assert ("\r\n" in added) == ("\r\n" in text)
    assert ("\n" in added.replace("\r\n", "")) == ("\n" in text.replace("\r\n", ""))
    assert added.endswith("\n") == text.endswith("\n")


def changed_paths(before: Any, after: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return set() if before == after else {path}
    keys = {*before, *after}
    return {
        changed
        for key in keys
        for changed in changed_paths(before.get(key), after.get(key), (*path, key))
    }


@TWO_CORES
@given(stacks(), st.sampled_from(PRESENT), PLATFORMS, st.data())
def test_a_pin_changes_one_version_and_nothing_else(
    text: str, name: str, platform: str | None, data: st.DataObject
):
    stack = read_stack(text.encode(), "a")
    held = stack.dependencies
    if platform:
        held = tuple(dep for t in stack.targets.values() for dep in t.dependencies)
    if name not in [item.name for item in held] or platform == "linux-64":
        return

    pinned = pin_dependency(text, Requirement(name=name, version="1.2.3"), platform=platform)

    scope = ("target", platform) if platform else ()
    before, after = tomllib.loads(text), tomllib.loads(pinned)
    changed = changed_paths(before, after)
    assert changed in (
        {(*scope, "dependencies", name)},
        {(*scope, "dependencies", name, "version")},
    )
    assert tomlkit.parse(pinned).unwrap() == after
    assert comments(pinned) == comments(text)
    assert keys_in_order(text) == [
        key for key in keys_in_order(pinned) if key in keys_in_order(text)
    ]


@TWO_CORES
@given(stacks(), st.sampled_from(PRESENT))
def test_removing_leaves_every_other_key_and_every_comment_line(text: str, name: str):
    if name not in [item.name for item in read_stack(text.encode(), "a").dependencies]:
        return

    removed = remove_dependency(text, name)

    path = ("dependencies", name)
    before, after = tomllib.loads(text), tomllib.loads(removed)
    assert without(after, path) == without(before, path)
    assert name not in after.get("dependencies", {})
    assert whole_comments(removed) == whole_comments(text)
    assert keys_in_order(removed) == [
        key
        for key in keys_in_order(text)
        if key[:2] != path and (key != ("dependencies",) or "dependencies" in after)
    ]


@TWO_CORES
@given(stacks(), st.lists(REQUIREMENTS, max_size=3), PLATFORMS)
def test_several_edits_give_what_tomlkit_reads_too(
    text: str, requirements: list[Requirement], platform: str | None
):
    for requirement in requirements:
        text = add_dependency(text, requirement, platform=platform)

    assert tomlkit.parse(text).unwrap() == tomllib.loads(text)
    for requirement in requirements:
        assert add_dependency(text, requirement, platform=platform) is not None
