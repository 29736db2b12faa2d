"""What `show` and `why` find in a lock, and every line that they print of it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from envlock.cli.show import describe_lock, render_lock, render_tree
from envlock.cli.table import (
    count,
    emit,
    format_bytes,
    format_table,
    printable,
    terminal_width,
    tree_prefix,
)
from envlock.cli.why import describe, render
from envlock.errors import InputFileError, LockError, PinError
from envlock.formats.conda_lock import format_lock
from envlock.formats.index_pin import format_repodata
from envlock.model.lock import Lock
from envlock.model.pin import OpenPart, OpenPin, Origin, Pin, PinPart
from envlock.model.platform import Platform
from envlock.workflows.inspect import (
    Inspected,
    explain_package,
    inspect_lock,
    near_hints,
    open_lock,
)
from fakes import CONDA_FORGE, NVIDIA, FakeRecordings, FakeWorkspace
from locks import locked, make_lock, pip_locked

DIGEST = "ab" * 32
STACK = b"""\
[stack]
name = "demo"
platforms = ["linux-64", "win-64"]
channels = ["nvidia", "conda-forge"]

[python]
version = "3.12.*"

[gpu]
cuda = "12.1"

[dependencies]
app = ">=2"
tool = "*"
"""
INPUTS = {
    "dependencies.app": ">=2",
    "gpu.cuda": "12.1",
    "python.version": "3.12.*",
    "stack.name": "demo",
}
FACTS = {
    "linux-64/accelerator": "cuda",
    "linux-64/cuda": "12.1",
    "linux-64/driver-floor": ">=525.60.13 (minor)",
    "linux-64/virtual-packages": "__cuda=12.1",
    "made-by": "envlock 0.1.0, py-rattler 0.28.0",
    "pin": f"sha256:{DIGEST}",
    "pin-origin": "observed, as of 2026-01-01T00:00:00Z",
    "stack": "demo",
}
LINUX = (
    locked("app", "2.1", needs=["lib >=1,<2", "python", "__cuda >=12"], subdir="noarch"),
    locked("lib", "1.5", "h1_0", needs=["libz 1.*"], channel="nvidia"),
    locked("libz", "1.3"),
    locked("python", "3.12.8", "h2_0_cpython", needs=["libz >=1.3"]),
)
WINDOWS = (
    locked("app", "2.1", needs=["lib >=1,<2", "python"], subdir="noarch", platform="win-64"),
    locked("lib", "1.5", "h3_0", channel="nvidia", platform="win-64"),
    locked("python", "3.12.8", "h4_0_cpython", platform="win-64"),
)
OURS = make_lock(*LINUX, *WINDOWS, channels=["nvidia", "conda-forge"], inputs=INPUTS, facts=FACTS)
FOREIGN = make_lock(*LINUX, pip_locked("Wheel_Only", needs=["app"]))
SIZES = {"app": 1_000, "lib": 1_500_000_000, "python": 31_000_000}
"""Of `libz` nothing is known."""


@dataclass
class FakePins:
    """A pin that knows the sizes of some packages. Implements the reading half of `Pins`."""

    workspace: FakeWorkspace
    error: PinError | None = None
    asked: list[Sequence[str]] = field(default_factory=list)

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        self.asked.append(subdirs)
        if self.error:
            raise self.error
        parts = []
        for channel in (CONDA_FORGE, NVIDIA):
            for subdir in subdirs:
                path = f"cache/{channel[-6:]}-{subdir}.json"
                records = {
                    item.url.rpartition("/")[2]: {
                        "name": item.name,
                        "sha256": item.sha256,
                        "size": SIZES.get(item.name),
                    }
                    for item in (*LINUX, *WINDOWS)
                    if item.url.startswith(f"{channel}/{subdir}/")
                }
                self.workspace.files[path] = format_repodata(subdir, records)
                part = PinPart(
                    channel=channel, subdir=subdir, sha256="0" * 64, size_bytes=1, records=1
                )
                parts.append(OpenPart(part=part, path=path))
        pin = Pin(origin=Origin.OBSERVED, as_of="2026-01-01T00:00:00Z", parts=())
        return OpenPin(digest=digest, pin=pin, parts=tuple(parts))


def workspace_of(lock: Lock | bytes, *, stack: bytes | None = STACK) -> FakeWorkspace:
    content = lock if isinstance(lock, bytes) else format_lock(lock)
    files = {"a.conda-lock.yml": content}
    return FakeWorkspace({**files, "a.toml": stack} if stack else files)


def inspect(lock: Lock, *platforms: str, path: str = "a.toml") -> Inspected:
    workspace = workspace_of(lock)
    return inspect_lock(path, platforms, FakePins(workspace), FakeRecordings(), workspace)


def shown(inspected: Inspected, *, order: str = "name", every: bool = False) -> str:
    lines = render_lock(inspected, order=order, every=every, width=None)
    return "".join(f"{line}\n" for line in lines)


def why(name: str, lock: Lock, *platforms: str, stack: bytes | None = STACK) -> str:
    explained = explain_package(
        name, "a.conda-lock.yml", platforms, workspace_of(lock, stack=stack)
    )
    return "".join(f"{line}\n" for line in render(explained, limit=10))


# --- show -----------------------------------------------------------------------------------------


def test_a_lock_of_ours_is_shown_with_its_facts_and_what_was_asked_for():
    assert (
        shown(inspect(OURS))
        == """\
a.conda-lock.yml: demo, locked by envlock 0.1.0, py-rattler 0.28.0
  channels  nvidia, conda-forge
  pin       abababababab… (observed, as of 2026-01-01T00:00:00Z)

linux-64: 4 packages, at least 1.5 GB to download (1 size unknown)
  accelerator  cuda
  cuda         12.1
  driver       >=525.60.13 (minor)
  assumes      __cuda=12.1
  from         conda-forge 3 (at least 31.0 MB), nvidia 1 (1.5 GB)

  name    version  build            size  channel
  app     2.1      0              1.0 kB  conda-forge
  python  3.12.8   h2_0_cpython  31.0 MB  conda-forge

win-64: 3 packages, 1.5 GB to download
  from  conda-forge 2 (31.0 MB), nvidia 1 (1.5 GB)

  name    version  build            size  channel
  app     2.1      0              1.0 kB  conda-forge
  python  3.12.8   h4_0_cpython  31.0 MB  conda-forge
"""
    )


def test_every_package_is_listed_on_demand_the_largest_first():
    lines = shown(inspect(OURS, "linux-64"), order="size", every=True).splitlines()

    assert lines[-5:] == [
        "  name    version  build            size  channel",
        "  lib     1.5      h1_0           1.5 GB  nvidia",
        "  python  3.12.8   h2_0_cpython  31.0 MB  conda-forge",
        "  app     2.1      0              1.0 kB  conda-forge",
        "  libz    1.3      0             unknown  conda-forge",
    ]


def test_packages_can_be_listed_by_channel():
    lines = shown(inspect(OURS, "win-64"), order="channel", every=True).splitlines()

    assert [line.split()[0] for line in lines[-3:]] == ["app", "python", "lib"]


def test_a_lock_of_another_tool_is_shown_with_what_nothing_else_needs():
    assert (
        shown(inspect(FOREIGN))
        == """\
a.conda-lock.yml: a lock of another tool
  channels  conda-forge
  sources   environment.yml

linux-64: 5 packages, download size unknown
  from  conda-forge 3, nvidia 1, wheels.example 1

  name               version  build         channel
  wheel-only (PyPI)  1.0      -             wheels.example
  app                2.1      0             conda-forge
  python             3.12.8   h2_0_cpython  conda-forge
"""
    )


def test_a_platform_of_the_head_without_packages_is_said_to_be_empty():
    lock = make_lock(platforms=["win-64"])

    assert shown(inspect(lock)).splitlines()[-1] == "win-64: no packages"


def test_names_that_a_merge_left_twice_are_pointed_out():
    lock = make_lock(locked("a", "1"), locked("a", "2"), locked("b"))

    lines = shown(inspect(lock)).splitlines()

    assert lines[6] == (
        "  1 name locked more than once, as a merge that kept both sides leaves them: a"
    )


def test_long_facts_are_wrapped_on_a_terminal_and_nowhere_else():
    lock = make_lock(LINUX[2], inputs={}, facts={"linux-64/newer-components": "one two " * 9})

    lines = list(render_lock(inspect(lock), order="name", every=False, width=40))

    assert lines[5:8] == [
        "  newer  one two one two one two one two",
        "         one two one two one two one two",
        "         one two",
    ]


def test_a_wide_terminal_is_not_filled_with_prose():
    facts = {
        "linux-64/newer-components": "one two " * 20,
        "linux-64/virtual-packages": "__a=1 " * 40,
    }
    lock = make_lock(LINUX[2], inputs={}, facts=facts)

    lines = list(render_lock(inspect(lock), order="name", every=False, width=300))

    assert max(map(len, lines)) in range(90, 101)
    assert sum(line.startswith(" " * 11) for line in lines) == 3


def test_facts_about_components_have_short_names():
    facts = {f"linux-64/{kind}-components": f"some-{kind}" for kind in ("newer", "unknown")}
    lock = make_lock(LINUX[2], inputs={}, facts=facts)

    assert "  newer    some-newer\n  unknown  some-unknown\n" in shown(inspect(lock))


def test_what_pip_installs_has_no_size_in_the_pin():
    lock = make_lock(LINUX[0], pip_locked("wheel"), facts=FACTS, inputs=INPUTS)

    (content,) = inspect(lock).platforms

    assert {row.node: row.size_bytes for row in content.rows} == {"app": 1_000, "pypi:wheel": None}


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_inputs_leave_what_nothing_else_needs(text: str):
    (content,) = inspect(make_lock(*LINUX, facts={"inputs": text})).platforms

    assert content.roots == ("app",)


def test_a_size_is_not_believed_when_the_pin_knows_another_archive_of_that_name():
    forged = replace(LINUX[0], sha256="f" * 64)

    (content,) = inspect(make_lock(forged, facts=FACTS, inputs=INPUTS)).platforms

    assert [row.size_bytes for row in content.rows] == [None]


def test_without_its_pin_a_lock_is_shown_and_sizes_are_unknown():
    workspace = workspace_of(OURS)
    pins = FakePins(workspace, error=PinError("pins/ab: the pin is not there\nmore"))

    found = inspect_lock("a.toml", ["win-64"], pins, FakeRecordings(), workspace)

    assert found.sizes_unknown_because == "pins/ab: the pin is not there"
    assert "win-64: 3 packages, download size unknown\n" in shown(found)


def test_only_the_folders_of_the_wanted_platforms_are_opened():
    workspace = workspace_of(OURS)
    pins = FakePins(workspace)

    inspect_lock("a.toml", ["win-64"], pins, FakeRecordings(), workspace)

    assert pins.asked == [["noarch", "win-64"]]


def test_a_tree_hangs_from_the_wishes():
    assert list(render_tree(inspect(OURS, "linux-64"), depth=None)) == [
        "app 2.1",
        "├── lib 1.5",
        "│   └── libz 1.3",
        "└── python 3.12.8",
        "    └── libz 1.3",
        "python 3.12.8 (*)",
        "(*) stands above with all that it needs",
    ]


def test_trees_of_several_platforms_have_headings_and_can_be_cut():
    assert list(render_tree(inspect(OURS), depth=0)) == [
        "linux-64:",
        "app 2.1",
        "python 3.12.8",
        "",
        "win-64:",
        "app 2.1",
        "python 3.12.8",
        "",
    ]


def test_a_need_that_is_not_locked_is_marked_in_the_tree():
    lock = make_lock(locked("a", needs=["hole"]))

    assert list(render_tree(inspect(lock), depth=None)) == ["a 1.0", "└── hole (not locked)"]


def test_json_holds_every_package_and_no_secret():
    secret = replace(LINUX[2], url="https://me:secret@x.example/t/tok/linux-64/libz-1.3-0.conda")

    told = describe_lock(inspect(make_lock(secret)))

    assert told["platforms"] == {
        "linux-64": {
            "package_count": 1,
            "download_bytes": None,
            "known_bytes": 0,
            "unknown_sizes": 1,
            "channels": {
                "https://x.example": {
                    "package_count": 1,
                    "download_bytes": None,
                    "known_bytes": 0,
                    "unknown_sizes": 1,
                }
            },
            "repeated": [],
            "packages": [
                {
                    "name": "libz",
                    "version": "1.3",
                    "build": "0",
                    "channel": "https://x.example",
                    "manager": "conda",
                    "size_bytes": None,
                    "url": "https://x.example/t/***/linux-64/libz-1.3-0.conda",
                    "md5": None,
                    "sha256": secret.sha256,
                    "dependencies": {},
                    "category": "main",
                    "is_root": True,
                }
            ],
        }
    }


# --- why ------------------------------------------------------------------------------------------


def test_why_names_the_line_of_the_stack_and_what_each_step_asks():
    assert (
        why("lib", OURS)
        == """\
lib 1.5 on linux-64, win-64

on all platforms:
  a.toml:13: dependencies.app asks for `app >=2`
    app 2.1 needs `lib >=1,<2`
"""
    )


def test_why_merges_what_platforms_share_and_keeps_apart_what_they_do_not():
    assert (
        why("libz", OURS)
        == """\
libz 1.3 on linux-64
not locked on win-64

on linux-64:
  a.toml:7: python.version asks for `python 3.12.*`
    python 3.12.8 needs `libz >=1.3`
  a.toml:13: dependencies.app asks for `app >=2`
    app 2.1 needs `lib >=1,<2`
    lib 1.5 needs `libz 1.*`
"""
    )


def test_a_wish_is_its_own_first_reason():
    assert (
        why("python", OURS, "win-64")
        == """\
python 3.12.8 on win-64

  a.toml:7: python.version asks for `python 3.12.*`
  a.toml:13: dependencies.app asks for `app >=2`
    app 2.1 needs `python`
"""
    )


def test_without_the_stack_a_wish_has_its_key():
    assert "\n  dependencies.app asks for `app >=2`\n" in why("lib", OURS, stack=None)


def test_a_wish_that_the_stack_has_dropped_since_says_so():
    stack = STACK.replace(b'app = ">=2"\n', b"")

    assert "\n  dependencies.app (no longer in a.toml) asks for `app >=2`\n" in why(
        "lib", OURS, stack=stack
    )


def test_a_stack_that_cannot_be_read_costs_the_lines_and_a_note():
    explained = explain_package("lib", "a.toml", (), workspace_of(OURS, stack=b"["))

    assert explained.places == {}
    assert explained.note is not None
    assert explained.note.startswith("the lines of the stack are not named: a.toml:")


def test_a_lock_of_another_tool_begins_at_what_nothing_else_needs():
    assert (
        why("lib", FOREIGN, stack=None)
        == """\
lib 1.5 on linux-64

  wheel-only (PyPI) needs `app`
    app 2.1 needs `lib >=1,<2`
"""
    )


def test_many_packages_that_lead_the_same_way_share_a_line():
    packages = [locked(f"p{at}", needs=["python"]) for at in range(7)]
    lock = make_lock(*packages, LINUX[3], LINUX[2])

    assert (
        why("libz", lock, stack=None)
        == """\
libz 1.3 on linux-64

  p0, p1, p2, p3, p4 and 2 more need `python`
    python 3.12.8 needs `libz >=1.3`
"""
    )


def test_more_reasons_than_fit_are_counted():
    lock = make_lock(*(locked(f"p{at:02}", needs=["lib"]) for at in range(12)), locked("lib"))

    assert why("lib", lock, stack=None).splitlines()[-2:] == [
        "  p09 1.0 needs `lib`",
        "  … and 2 more ways: `--all` prints them",
    ]


def test_what_nothing_needs_and_no_stack_asks_for_is_said_so():
    assert (
        why("tool", make_lock(locked("tool")), stack=None)
        == """\
tool 1.0 on linux-64

  no other package needs it: it was asked for, or left behind
"""
    )


def test_a_virtual_package_is_explained_although_nothing_locks_it():
    assert (
        why("__cuda", OURS, "linux-64")
        == """\
__cuda is a fact about the machine that these packages ask for

  a.toml:13: dependencies.app asks for `app >=2`
    app 2.1 needs `__cuda >=12`
"""
    )


def test_a_hole_in_the_lock_is_named_with_who_needs_it():
    lock = make_lock(locked("a", needs=["hole >=2"]))

    assert (
        why("hole", lock, stack=None)
        == """\
`hole` is not in a.conda-lock.yml, although packages there need it

  a 1.0 needs `hole >=2`
"""
    )


def test_what_the_stack_asks_for_since_is_told_from_what_nobody_asks_for():
    explained = explain_package("tool", "a.toml", (), workspace_of(OURS))

    assert not explained.is_answered
    assert list(render(explained, limit=10)) == [
        "`tool` is not in a.conda-lock.yml",
        "  a.toml:14: dependencies.tool asks for it, and the lock was solved without that",
    ]


def test_a_wish_that_the_solve_could_meet_otherwise_is_not_called_new():
    explained = explain_package("cuda-version", "a.toml", (), workspace_of(OURS))

    assert explained.asked_anew == ()


def test_a_misspelt_name_finds_those_near_it():
    assert explain_package("pyton", "a.toml", (), workspace_of(OURS)).near == ("python",)


@pytest.mark.parametrize("name", ["Wheel_Only", "wheel.only", "wheel-only", "pypi:wheel-only"])
def test_a_pypi_name_is_found_however_it_is_written(name: str):
    assert explain_package(name, "a.toml", (), workspace_of(FOREIGN)).node == "pypi:wheel-only"


def test_ways_beyond_the_limit_are_counted_in_text():
    steps = [
        locked(f"s{at}{side}", needs=[f"s{at + 1}a", f"s{at + 1}b"])
        for at in range(10)
        for side in "ab"
    ]
    ends = [locked(f"s10{side}", needs=["goal"]) for side in "ab"]
    lock = make_lock(locked("app", needs=["s0a", "s0b"]), *steps, *ends, locked("goal"))
    explained = explain_package("goal", "a.toml", (), workspace_of(lock, stack=None))

    lines = list(render(explained, limit=None))

    assert lines[-1] == "  app: 1,848 more ways of the same length"


def test_json_tells_the_ways_step_by_step():
    told = describe(explain_package("libz", "a.toml", ["linux-64"], workspace_of(OURS)))

    assert told["is_locked"] is True
    assert told["platforms"]["linux-64"]["ways"][0] == {
        "root": "python",
        "wishes": [
            {"place": "a.toml:7: python.version", "key": "python.version", "spec": "3.12.*"}
        ],
        "length": 1,
        "count": 1,
        "shortest": [[{"name": "python", "version": "3.12.8", "needs": "libz", "spec": ">=1.3"}]],
    }


# --- opening --------------------------------------------------------------------------------------


def test_a_stack_without_a_lock_is_told_how_to_get_one():
    with pytest.raises(LockError) as refused:
        open_lock("a.toml", FakeWorkspace({"a.toml": STACK}))

    assert str(refused.value) == "a.toml: has no lock yet: a.conda-lock.yml is missing"
    assert refused.value.hints == ("make it: `envlock solve a.toml`",)


def test_a_lock_that_is_not_there_is_named():
    with pytest.raises(InputFileError) as refused:
        open_lock("b.yml", FakeWorkspace())

    assert str(refused.value) == "b.yml: there is no such file"


def test_a_platform_that_is_not_locked_is_refused_with_those_that_are():
    with pytest.raises(LockError) as refused:
        inspect(OURS, "osx-64")

    assert str(refused.value) == ("a.conda-lock.yml: does not lock osx-64: it has linux-64, win-64")
    assert refused.value.hints == ()


@pytest.mark.parametrize("text", ["linux64", "linux_64", "Linux-64"])
def test_a_misspelt_platform_gets_a_suggestion(text: str):
    workspace = workspace_of(OURS)

    with pytest.raises(LockError) as shown_of:
        inspect(OURS, text)
    with pytest.raises(LockError) as explained:
        explain_package("lib", "a.toml", [text], workspace)

    assert shown_of.value.hints == explained.value.hints == ("did you mean `linux-64`?",)


def test_no_true_platform_is_taken_for_a_misspelt_one():
    for one in Platform:
        assert near_hints(one, [other for other in Platform if other is not one]) == []


HEAD = b"version: 1\nmetadata:\n  platforms: [linux-64]\n"


NOT_NESTED = "cannot be read as YAML: found values nested more than 100 deep"
NO_VERSION = "version: expected the unified format 1, found None"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"version: 6\nenvironments: {}\n",
            " version: expected the unified format 1, found a pixi lock of format 6",
        ),
        (b"", " expected a unified lock, found nothing"),
        (b"version: [1]\n", " version: expected the unified format 1, found list"),
        (HEAD + b"package:\n- name: a\n", "5: package 1: `version` is missing"),
        (HEAD + b"package:\n\n- 7\n", "6: package 1: the row: expected a table, found str"),
        (
            HEAD + b"package:\n- name: [a]\n  version: 1\n",
            "5: package 1: expected text, found list",
        ),
        (
            b"version: 1\nmetadata: {channels: conda-forge}\npackage: []\n",
            " metadata: `channels`: expected a list, found str",
        ),
        (b"version: 1\n<<<<<<< HEAD\nx:\n=======\n", "2: a merge conflict is left in the file"),
        (b"version: " + b"[" * 100_000, f" {NOT_NESTED}"),
        (b"- " * 100_000, f" {NOT_NESTED}"),
        (b"x: !!timestamp foo\n", f" {NO_VERSION}"),
        (b"x: !!int foo\n", f" {NO_VERSION}"),
        (b"x: !!int\n", f" {NO_VERSION}"),
        (b"x: !!bool foo\n", f" {NO_VERSION}"),
    ],
)
def test_a_damaged_lock_is_refused_with_the_line(content: bytes, message: str):
    with pytest.raises(LockError) as refused:
        open_lock("a.conda-lock.yml", workspace_of(content))

    assert str(refused.value) == f"a.conda-lock.yml:{message}"


ROW = b"""\
package:
- {name: a, version: 3.10, manager: conda, platform: linux-64, url: u, hash: {md5: 0123}}
- {name: b, version: 2024-99-99, manager: conda, platform: linux-64, url: u, dependencies: {a: ~}}
"""


def test_what_yaml_would_take_for_numbers_and_dates_stays_the_text_that_it_is():
    first, second = open_lock("a.conda-lock.yml", workspace_of(HEAD + ROW)).lock.packages

    assert (first.version, first.md5) == ("3.10", "0123")
    assert (second.version, second.dependencies) == ("2024-99-99", {"a": ""})


# --- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_449_999_999, "1.4 GB"),
        (-2_500_000, "-2.5 MB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_sizes_are_decimal_with_one_digit(size_bytes: int, text: str):
    assert format_bytes(size_bytes) == text


def test_counting_knows_one_from_many():
    assert [count(number, "size") for number in (0, 1, 2_000)] == [
        "0 sizes",
        "1 size",
        "2,000 sizes",
    ]


def test_the_cut_column_alone_gives_way_to_a_narrow_terminal():
    rows = [["name", "build", "size"], ["numpy", "py311_with_a_long_name_0", "1.0 kB"]]

    assert format_table(rows, right=(2,), cut=1, width=30, indent="  ") == [
        "  name   build            size",
        "  numpy  py311_with_a…  1.0 kB",
    ]
    assert format_table(rows, cut=1, width=1)[1] == "numpy  py311_w…  1.0 kB"
    assert format_table([]) == []


def test_foreign_text_cannot_steer_a_terminal():
    assert printable("a\x1b[31mb\n") == r"a\x1b[31mb\n"


def test_a_tree_prefix_follows_the_siblings():
    assert [tree_prefix(last) for last in [(), (False,), (True, False), (False, True)]] == [
        "",
        "├── ",
        "    ├── ",
        "│   └── ",
    ]


def test_a_terminal_without_our_characters_gets_plainer_ones(monkeypatch: pytest.MonkeyPatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    emit(["├── a…", "│   └── é"])

    stream.flush()
    assert stream.buffer.getvalue() == b"|-- a...\n|   `-- \\xe9\n"


def test_a_pipe_has_no_width():
    assert terminal_width() is None
