"""What `diff` takes for a lock, and every line that it prints of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from envlock.cli.diff import describe, render
from envlock.errors import InputFileError, LockError, PinError
from envlock.formats.conda_lock import format_lock
from envlock.model.lock import Lock
from envlock.model.pin import OpenPart, OpenPin, Origin, Pin, PinPart
from envlock.ports.history import HistoryError
from envlock.workflows.compare import Compared, CompareTools, Side, compare_sides, find_sides
from fakes import CONDA_FORGE, FakeRecordings, FakeWorkspace
from locks import locked, make_lock, pip_locked

ROOT = "/repository"


@dataclass
class FakeHistory:
    """Revisions in a dictionary; the current folder is the root. Implements `History`."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def read_bytes(self, revision: str, path: str, *, limit_bytes: int) -> bytes:
        if (revision, path) not in self.files:
            raise HistoryError(f"`{path}` is not in {revision}", hints=["look"])
        return self.files[revision, path]

    def read_earlier(self, revision: str, file: str, *, limit_bytes: int) -> bytes:
        return self.read_bytes(revision, file, limit_bytes=limit_bytes)

    def working_path(self, path: str) -> str:
        return path


@dataclass
class FakePins:
    """Knows the size of every archive by its name; a folder without sizes has no pin."""

    workspace: FakeWorkspace
    sizes: dict[str, int]

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        if not self.sizes:
            raise PinError("the pin is not there")
        rows = "".join(
            f'\n"{name}":{{"size":{size}}},' for name, size in sorted(self.sizes.items())
        )
        self.workspace.files["part"] = f"{rows}\n".encode()
        parts = [
            OpenPart(
                part=PinPart(
                    channel=CONDA_FORGE, subdir=subdir, sha256="0" * 64, size_bytes=1, records=1
                ),
                path="part",
            )
            for subdir in subdirs
        ]
        pin = Pin(origin=Origin.LIVE, as_of="2026-01-01T00:00:00Z", parts=())
        return OpenPin(digest=digest, pin=pin, parts=tuple(parts))


def tools_of(
    files: dict[str, bytes],
    revisions: dict[tuple[str, str], bytes] | None = None,
    sizes: dict[str, int] | None = None,
) -> CompareTools:
    workspace = FakeWorkspace(dict(files))
    return CompareTools(
        workspace=workspace,
        history=FakeHistory(dict(revisions or {})),
        pins_beside=lambda _: FakePins(workspace, sizes or {}),
        recordings_beside=lambda _: FakeRecordings(),
    )


# --- what is compared -----------------------------------------------------------------------------

LOCK = "stacks/a.conda-lock.yml"
FILES = {LOCK: b"now", "stacks/a.toml": b"stack", "b.yml": b"b"}
HISTORY = {("HEAD", LOCK): b"head", ("v1", LOCK): b"one", ("v2", LOCK): b"two"}


def found(first: str, second: str | None = None) -> list[tuple[str, bytes]]:
    sides = find_sides(first, second, tools_of(FILES, HISTORY))
    return [(side.label, side.content) for side in sides]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LOCK, "b.yml", [(LOCK, b"now"), ("b.yml", b"b")]),
        ("stacks/a.toml", "b.yml", [(LOCK, b"now"), ("b.yml", b"b")]),
        ("stacks/a.toml", None, [(f"HEAD:{LOCK}", b"head"), (LOCK, b"now")]),
        ("v1", LOCK, [(f"v1:{LOCK}", b"one"), (LOCK, b"now")]),
        (LOCK, "v1", [(LOCK, b"now"), (f"v1:{LOCK}", b"one")]),
        (f"v1:{LOCK}", None, [(f"v1:{LOCK}", b"one"), (LOCK, b"now")]),
        ("v1:stacks/a.toml", None, [(f"v1:{LOCK}", b"one"), (LOCK, b"now")]),
        (f"v1:{LOCK}", "v2", [(f"v1:{LOCK}", b"one"), (f"v2:{LOCK}", b"two")]),
        (f"v1:{LOCK}", "b.yml", [(f"v1:{LOCK}", b"one"), ("b.yml", b"b")]),
    ],
)
def test_a_lock_can_be_a_file_a_stack_or_in_the_history(
    first: str, second: str | None, expected: list[tuple[str, bytes]]
):
    assert found(first, second) == expected


def test_a_file_wins_over_a_revision_of_the_same_text():
    files = {**FILES, "v1": b"a file", f"v1:{LOCK}": b"an odd file"}
    tools = tools_of(files, HISTORY)

    one, other = find_sides("v1", f"v1:{LOCK}", tools)

    assert (one.content, other.content) == (b"a file", b"an odd file")


def test_a_colon_in_braces_belongs_to_the_revision():
    tools = tools_of(FILES, {("HEAD^{/fix: it}", LOCK): b"then"})

    before, _ = find_sides(f"HEAD^{{/fix: it}}:{LOCK}", None, tools)

    assert before.content == b"then"


@pytest.mark.parametrize("path", [r"C:\stacks\a.yml", "C:/stacks/a.yml", "stacks/b.yml", "x.lock"])
def test_what_can_only_be_a_file_is_reported_as_a_missing_file(path: str):
    with pytest.raises(InputFileError) as refused:
        found(path, LOCK)

    assert str(refused.value) == f"{path}: there is no such file"


def test_a_stack_without_a_lock_is_told_how_to_get_one():
    tools = tools_of({"a.toml": b""})

    with pytest.raises(LockError) as refused:
        find_sides("a.toml", None, tools)

    assert str(refused.value) == "a.toml: has no lock yet: a.conda-lock.yml is missing"


@pytest.mark.parametrize("arguments", [("v1", None), ("v1", "v2")])
def test_revisions_alone_name_no_file(arguments: tuple[str, str | None]):
    with pytest.raises(HistoryError) as refused:
        found(*arguments)

    assert str(refused.value) == "`v1` is neither a file here nor a revision with a path"
    assert refused.value.hints == (
        "write `REVISION:path/to/lock`, or name two locks"
        if arguments[1]
        else "if it is a revision, add the file: `envlock diff v1 STACK`",
    )


def test_a_word_that_is_neither_says_both():
    with pytest.raises(HistoryError) as refused:
        found("nope", LOCK)

    assert (
        str(refused.value) == f"`nope` is no file here, and as a revision: `{LOCK}` is not in nope"
    )
    assert refused.value.hints == ("look",)


def test_the_default_revision_is_not_mistaken_for_a_word_of_the_user():
    with pytest.raises(HistoryError) as refused:
        found("b.yml")

    assert str(refused.value) == "`b.yml` is not in HEAD"


# --- what is printed ------------------------------------------------------------------------------


def compared(before: Lock, after: Lock, *platforms: str, **sizes: int) -> Compared:
    names = {f"{name}.conda": size for name, size in sizes.items()}
    tools = tools_of(
        {}, sizes={key.replace("__", "-").replace("_", "."): names[key] for key in names}
    )
    sides = [
        Side(label=label, path=label, content=format_lock(lock))
        for label, lock in (("old.yml", before), ("new.yml", after))
    ]
    return compare_sides(sides[0], sides[1], platforms, tools)


def printed(before: Lock, after: Lock, *platforms: str, **sizes: int) -> str:
    return "".join(f"{line}\n" for line in render(compared(before, after, *platforms, **sizes)))


PIN = {"pin": "sha256:" + "ab" * 32}


def on_both(name: str, version: str, build: str = "0") -> list[object]:
    return [locked(name, version, build, platform=item) for item in ("linux-64", "win-64")]


def test_equal_locks_say_so_in_one_line():
    lock = make_lock(locked("a"))

    assert printed(lock, lock) == "old.yml -> new.yml: no difference\n"


def test_changes_are_counted_sized_and_merged_over_platforms():
    before = make_lock(
        *on_both("a", "1.0"), *on_both("b", "2.0"), locked("c", "1.0"), facts=PIN, inputs={"x": 1}
    )
    after = make_lock(
        *on_both("a", "1.1"),
        *on_both("b", "1.9"),
        locked("c", "1.0", "1"),
        locked("d", platform="win-64"),
        facts={"pin": "sha256:" + "cd" * 32},
        inputs={"x": 2, "y": ["z"]},
    )

    assert (
        printed(before, after)
        == """\
old.yml -> new.yml
  linux-64:  1 up, 1 down, 1 otherwise changed  6 sizes unknown
  win-64:    1 added, 1 up, 1 down              5 sizes unknown

on all platforms:
  up    a  1.0 -> 1.1
  down  b  2.0 -> 1.9

on linux-64:
  build  c  1.0, 0 -> 1

on win-64:
  added  d  1.0

recorded in the head:
  inputs: x  1 -> 2
  inputs: y  (none) -> ["z"]
  pin        sha256:abababababab… -> sha256:cdcdcdcdcdcd…
"""
    )


def test_a_platform_that_is_new_as_a_whole_brings_no_facts_of_its_own():
    facts = {"linux-64/cuda": "12.1", "win-64/cuda": "12.9", "win-64/cudnn": "9.1"}
    before = make_lock(locked("a"), facts={"linux-64/cuda": "12.0"})
    after = make_lock(locked("a"), locked("a", platform="win-64"), facts=facts)
    rows = """
recorded in the head:
  linux-64/cuda  12.0 -> 12.1
  platforms      linux-64 -> linux-64, win-64
"""

    assert printed(before, after).endswith(rows)
    assert len(describe(compared(before, after))["head"]) > 2


def test_a_platform_that_is_gone_as_a_whole_takes_its_facts_along_without_a_word():
    before = make_lock(locked("a"), locked("a", platform="win-64"), facts={"win-64/cuda": "12.9"})
    after = make_lock(locked("a"))

    assert "win-64/cuda" not in printed(before, after)


def test_long_values_are_wrapped_on_a_terminal_and_nowhere_else():
    value = ", ".join(f"component-{number}" for number in range(12))
    before = make_lock(locked("a"))
    found = compared(before, make_lock(locked("a"), facts={"linux-64/newer-components": value}))

    narrow, wide, file = (list(render(found, width=width))[4:] for width in (60, 500, None))

    assert narrow == [
        "  linux-64/newer-components  (none) -> component-0,",
        "                             component-1, component-2,",
        "                             component-3, component-4,",
        "                             component-5, component-6,",
        "                             component-7, component-8,",
        "                             component-9, component-10,",
        "                             component-11",
    ]
    assert max(map(len, wide)) <= 100
    assert file == [f"  linux-64/newer-components  (none) -> {value}"]


def test_known_sizes_are_added_up_and_unknown_ones_are_said():
    before = make_lock(locked("a", "1"), locked("b", "1"), facts=PIN)
    after = make_lock(locked("a", "2"), locked("c", "1"), facts=PIN)
    sizes = {"a__1__0": 1_000_000, "a__2__0": 3_500_000, "b__1__0": 1_000_000}

    some = printed(before, after, **sizes).splitlines()[1]
    every = printed(before, after, **sizes, c__1__0=500_000).splitlines()[1]
    less = printed(after, before, **sizes, c__1__0=500_000).splitlines()[1]

    assert some == "  linux-64:  1 added, 1 removed, 1 up  +1.5 MB, 1 size unknown"
    assert every == "  linux-64:  1 added, 1 removed, 1 up  +2.0 MB to download"
    assert less == "  linux-64:  1 added, 1 removed, 1 down  -2.0 MB to download"


NUMPY = locked("numpy", "2.0", "py311h0123456_0", needs=["a", "b 1.*", "c"])


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (
            locked("numpy", "2.0", "py311h0123456_1", needs=["a", "b 1.*", "c"]),
            "build  numpy  2.0, py311h0123456_0 -> py311h0123456_1",
        ),
        (
            locked("numpy", "2.1", "cpu_py311h0123456_0", channel="pytorch"),
            "up  numpy  2.0 -> 2.1, build plain -> cpu, from conda-forge -> pytorch",
        ),
        (
            locked("numpy", "2.0", "py311h0123456_0", channel="pytorch"),
            "channel  numpy  2.0, from conda-forge -> pytorch",
        ),
        (
            locked("numpy", "2.0", "py311h0123456_0", ending=".tar.bz2"),
            "file  numpy  2.0, "
            "numpy-2.0-py311h0123456_0.conda -> numpy-2.0-py311h0123456_0.tar.bz2",
        ),
        (
            replace(NUMPY, url=NUMPY.url.replace("linux-64", "noarch")),
            f"file  numpy  2.0, {NUMPY.url} -> {NUMPY.url.replace('linux-64', 'noarch')}",
        ),
        (
            replace(NUMPY, sha256="f" * 64),
            f"hash  numpy  2.0, sha256 {str(NUMPY.sha256)[:12]}… -> sha256 ffffffffffff…",
        ),
        (replace(NUMPY, md5="e" * 32), "hash  numpy  2.0, no md5 -> md5 eeeeeeeeeeee…"),
        (
            replace(NUMPY, dependencies={"b": "2.*", "d": "", "e": "1", "f": "1", "g": "1"}),
            "dependencies  numpy  2.0, needs d, needs e 1, needs f 1, needs g 1 and 3 more",
        ),
        (
            replace(NUMPY, dependencies={"b": "", "c": ""}),
            "dependencies  numpy  2.0, no longer needs a, needs b 1.* -> *",
        ),
        (replace(NUMPY, category="dev"), "category  numpy  2.0, main -> dev"),
    ],
)
def test_each_kind_of_change_says_what_it_is(after, line: str):
    assert printed(make_lock(NUMPY), make_lock(after)).splitlines()[-1].strip() == line


def test_a_version_that_moved_without_an_order_claims_no_direction():
    lines = printed(make_lock(locked("a", "1.0")), make_lock(locked("a", "1.0.0"))).splitlines()

    assert lines[-1] == "  version  a  1.0 -> 1.0.0"


def test_what_comes_from_pypi_is_named_so_and_a_new_gpu_build_shows_its_kind():
    after = make_lock(pip_locked("wheel"), locked("torch", "2.5", "py3.11_cuda12.1_cudnn9_0"))

    assert printed(make_lock(platforms=["linux-64"]), after).splitlines()[-2:] == [
        "  added  torch         2.5 cuda12.1_cudnn9",
        "  added  wheel (PyPI)  1.0",
    ]


def test_a_head_can_change_alone():
    before, after = make_lock(locked("a"), facts=PIN), make_lock(locked("a"))

    assert (
        printed(before, after)
        == """\
old.yml -> new.yml
  linux-64:  the same packages

recorded in the head:
  pin  sha256:abababababab… -> (none)
"""
    )


def test_a_platform_that_neither_has_is_refused():
    with pytest.raises(LockError) as refused:
        compared(make_lock(locked("a")), make_lock(locked("a")), "win-64")

    assert str(refused.value) == "neither old.yml nor new.yml locks win-64: they have linux-64"
    assert refused.value.hints == ()


def test_a_misspelt_platform_gets_a_suggestion():
    with pytest.raises(LockError) as refused:
        compared(make_lock(locked("a")), make_lock(locked("a")), "linux64")

    assert refused.value.hints == ("did you mean `linux-64`?",)


def test_one_platform_needs_no_headings():
    before = make_lock(*on_both("a", "1.0"))
    after = make_lock(*on_both("a", "1.1"))

    assert (
        printed(before, after, "win-64")
        == """\
old.yml -> new.yml
  win-64:  1 up  2 sizes unknown

  up  a  1.0 -> 1.1
"""
    )


def test_json_tells_both_sides_of_every_change():
    before, after = make_lock(locked("a", "1")), make_lock(locked("a", "2"), facts=PIN)

    told = describe(compared(before, after, a__1__0=5, a__2__0=7))

    assert told["is_equal"] is False
    assert told["packages_are_equal"] is False
    assert told["head"] == [{"key": "pin", "before": None, "after": PIN["pin"]}]
    assert told["platforms"]["linux-64"]["download_bytes"] == 2
    (change,) = told["platforms"]["linux-64"]["changes"]
    assert (change["kind"], change["aspects"]) == ("up", ["version", "file", "hash"])
    assert (change["before"]["version"], change["after"]["version"]) == ("1", "2")
