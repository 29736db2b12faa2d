"""YAML readers: the fast road never reads otherwise, and no input makes a traceback or takes long.

`ENVLOCK_MANGLE_COUNT` sets how many mangled inputs are tried, of each format.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock.errors import LockError
from envlock.formats.readers import conda_lock, environment, pixi
from envlock.formats.readers.yaml_plain import parse_plain
from envlock.formats.yaml_text import parse
from envlock.model.reading import Reading

MANGLED = int(os.environ.get("ENVLOCK_MANGLE_COUNT", "100"))
SECONDS = 2.0 * int(os.environ.get("ENVLOCK_PATIENCE", "5"))
"""No file takes longer than 2 s of a processor that is alone; a busy one is given more."""

# --- two roads, one reading -----------------------------------------------------------------------

INDENTS = st.sampled_from(["", "", "", "  ", "    ", " "])
STARTS = st.sampled_from(["", "", "- ", "- - ", "-"])
KEYS = st.sampled_from(["", "a: ", "b: ", "c:  ", "'d': ", '"e": ', "f:", "1: ", "g:h: "])
WORD_LIST = (
    """x|x y|'q'|''|"w"|[]|{}|1|1.5|012|_1_0|true|True|~|null|x:y|x #c|# c|a#b|http://h/p#f|1e5"""
    """|12e3|=1|<2|'it''s'|no|'a'#|'a' #c|x: y|(x)|^|'x|0b1|0o7|1_0|-1|1:30|2024-01-01|'x' y|[] x"""
    """|NULL|x:|...|---|&a x|*a|!t x|[b]|{b: c}|? x|@|`|%|é|<<: x|, x|] x|0x_1|_0x1|.5|+1|- x|a: """
)
WORDS = st.sampled_from([*WORD_LIST.split("|"), "\t", "\\", "x|", "|", ">"])
LINES = st.builds("{}{}{}{}".format, INDENTS, STARTS, KEYS, WORDS)
DOCUMENTS = st.lists(LINES | st.just(""), max_size=8).map("\n".join)


@settings(max_examples=max(MANGLED, 500), deadline=None)
@given(DOCUMENTS)
def test_the_fast_road_reads_what_the_reference_reads(text: str):
    plain = parse_plain(text)

    if plain is not None:
        texts = parse(text)
        assert (plain, ()) == (texts.root, texts.repeated)


# --- mangled files --------------------------------------------------------------------------------

ROW = """\
- name: lib
  version: 1.10
  manager: conda
  platform: linux-64
  dependencies: {tool: <2}
  url: https://conda.example/main/linux-64/lib-1.10-h1_0.conda
  hash:
    md5: 0e12
  category: main
  optional: false
"""
CONDA_LOCK = f"""\
version: 1
metadata:
  content_hash:
    linux-64: 0a12
  channels:
  - url: https://conda.example/main
    used_env_vars: []
  platforms:
  - linux-64
  sources: []
package:
{ROW}{ROW.replace("lib", "tool").replace("manager: conda", "manager: pip")}"""
PIXI = """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example/main/
    indexes:
    - https://index.example/simple
    options: {pypi-prerelease-mode: allow}
    packages:
      linux-64:
      - conda: https://conda.example/main/linux-64/lib-1%211.0-h1_0.conda
      - pypi: git+https://git.example/tool?rev=main#0a1b2c3
      - conda: ./here
packages:
- conda: https://conda.example/main/linux-64/lib-1%211.0-h1_0.conda
  sha256: 01ab
  depends:
  - python >=3.11
  size: 12
- pypi: git+https://git.example/tool?rev=main#0a1b2c3
  name: tool
  version: 0.1
  requires_dist: ["a ; python_version < '3'"]
- conda: ./here
  name: here
  version: 0.1
  sources:
    x: {git: https://git.example/x, branch: main}
"""
PIXI_7 = """\
version: 7
platforms:
- name: p1
  subdir: linux-64
  virtual-packages:
  - __cuda=12.9
environments:
  default:
    channels:
    - url: https://conda.example/main/
    packages:
      p1:
      - conda_source: "here[0a1b] @ ./here"
packages:
- conda_source: "here[0a1b] @ ./here"
  build_packages:
  - conda: https://conda.example/main/noarch/tool-1.0-0.conda
- conda: https://conda.example/main/noarch/tool-1.0-0.conda
  md5: 0a1b
"""
ENVIRONMENT = """\
name: demo
channels: [conda-forge]
dependencies:
- python=3.11
- numpy=1.26.4=py311_0  # [linux]
- conda-forge::zlib[version='>=1']
- pip:
  - -r more.txt
  - torch==2.4.1 ; sys_platform == "linux"
variables: {A: b}
prefix: /home/anna/envs/demo
"""
_Read = Callable[[bytes, str], Reading]
FORMATS = [
    pytest.param(CONDA_LOCK, conda_lock.read, id="conda-lock"),
    pytest.param(PIXI, pixi.read, id="pixi-6"),
    pytest.param(PIXI_7, pixi.read, id="pixi-7"),
    pytest.param(CONDA_LOCK, pixi.read, id="pixi-1"),
    pytest.param(ENVIRONMENT, environment.read, id="environment"),
]
PIECES = st.sampled_from(
    [
        *(b"\0", b"\xff", b"\t", b"\r\n", b"- ", b"? ", b": ", b"[", b"{", b"]", b"}", b"'", b'"'),
        *(b"&a ", b"*a", b"!t ", b"|\n", b">-\n", b"---\n", b"...\n", b"<<: *a\n", b"%%%%%%%\n"),
        *(b"<<<<<<< x\n", b"=======\n", b">>>>>>> x\n", b"  ", b"\n", b"#", b"[[[[", b"- - - "),
        *(b"null", b"~", b"0x1", b"1e9", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\\"),
        *(b"%21", b"version: 1000\n", b"{}", b"[]", b"- []\n", b"\n- 7\n", b": {}\n"),
        b"\n  x: y: z\n",
    ]
)


@st.composite
def mangled(draw: st.DrawFn, content: bytes) -> bytes:
    """Cut, flip, insert, double and swap, a few times."""
    for _ in range(draw(st.integers(1, 5))):
        lines = content.split(b"\n")
        place = draw(st.integers(0, len(content)))
        line, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.integers(0, 7)):
            case 0:
                content = content[:place]
            case 1 if content:
                at = min(place, len(content) - 1)
                flipped = content[at] ^ (1 << draw(st.integers(0, 7)))
                content = content[:at] + bytes([flipped]) + content[at + 1 :]
            case 2:
                content = content[:place] + draw(PIECES) * draw(st.integers(1, 3)) + content[place:]
            case 3:
                content = b"\n".join([*lines[:line], *lines[line:][:1], *lines[line:]])
            case 4:
                lines[line], lines[other] = lines[other], lines[line]
                content = b"\n".join(lines)
            case 5:
                content = content[:place] + content[place + draw(st.integers(1, 60)) :]
            case 6:
                content = content[:place] + draw(st.binary(max_size=8)) + content[place:]
            case _:
                lines[line] = draw(st.sampled_from([b" ", b"  ", b"- "])) + lines[line]
                content = b"\n".join(lines)
    return content


def outcome(read: _Read, content: bytes) -> Reading | LockError:
    """Return the reading, or the reason why there is none; nothing else may be raised."""
    try:
        return read(content, "x.lock")
    except LockError as error:
        is_complete = str(error).startswith("x.lock:") and error.hints
        return error if is_complete else pytest.fail(f"no place or no hint: {error}")


@pytest.mark.parametrize(("text", "read"), FORMATS)
def test_a_mangled_file_is_read_or_refused_with_a_reason(text: str, read: _Read):
    longest = 0.0

    @settings(
        max_examples=MANGLED, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(mangled(text.encode()))
    def try_one(content: bytes) -> None:
        nonlocal longest
        start = time.process_time()
        found = outcome(read, content)
        longest = max(longest, time.process_time() - start)
        if isinstance(found, Reading):
            last = content.count(b"\n") + 1
            assert all(0 <= item.line <= last for item in (*found.oddities, *found.packages))

    try_one()

    assert longest < SECONDS


# --- hostile files --------------------------------------------------------------------------------

BIG = 5_900_000
MANY = 140_000
HOSTILE = {
    "nested lists": lambda: b"package: " + b"[" * 200_000,
    "nested tables": lambda: b"package: " + b"{a: " * 100_000,
    "nested dashes": lambda: b"- " * 100_000,
    "nested questions": lambda: b"? " * 100_000,
    "a staircase": lambda: b"".join(b" " * at + b"a:\n" for at in range(3000)),
    "a staircase in UTF-16": lambda: ("- " * 100_000).encode("utf-16"),
    "closed lists": lambda: b"package: " + b"[" * 50_000 + b"]" * 50_000,
    "a bomb": lambda: (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n".encode()
            for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
        )
    ),
    "a bomb of merge keys": lambda: (
        b"a: &a {x: y}\n"
        + b"".join(
            f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * 9)}]}}\n".encode()
            for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
        )
    ),
    "NUL bytes": lambda: b"\0" * 1_000_000,
    "a NUL byte": lambda: b"package:\n- name: \0\n",
    "mixed encodings": lambda: b"\xff\xfea\0:\0" + b"package: \xe9\n",
    "one long line": lambda: b"package: " + b"x" * BIG,
    "one long quote": lambda: b"package: '" + b"x" * BIG,
    "colons": lambda: b"package: " + b"a:" * (BIG // 2),
    "hashes": lambda: b"package: " + b"# " * (BIG // 2),
    "brackets beside each other": lambda: b"package:\n" + b"- []\n" * MANY,
    "a hundred megabytes": lambda: b"package:\n" + b"- name: a\n" * 10_000_000,
    "many rows": lambda: b"package:\n" + b"- name: a\n" * MANY,
    "many broken rows": lambda: b"package:\n" + b"- name: 'a\n" * MANY,
    "many keys": lambda: b"".join(b"k%d: x\n" % at for at in range(MANY)),
    "many broken keys": lambda: b"".join(b"k%d: [\n" % at for at in range(MANY)),
    "many documents": lambda: b"--- a\n" * MANY,
    "many markers": lambda: b"<<<<<<< a\n" * MANY,
    "many anchors": lambda: b"".join(b"- &a%d x\n" % at for at in range(100_000)),
    "many references": lambda: (
        b"version: 6\nenvironments:\n  a:\n    packages:\n      linux-64:\n"
        + b"      - conda: x\n" * MANY
    ),
    "many environments": lambda: (
        b"environments:\n" + b"".join(b"  e%d: {}\n" % at for at in range(MANY))
    ),
    "many channels": lambda: (
        b"metadata:\n  channels:\n" + b"".join(b"  - c%d\n" % at for at in range(MANY))
    ),
    "many wishes": lambda: b"dependencies:\n- pip:\n" + b"  - a==1\n" * MANY,
    "long wishes": lambda: b"dependencies:\n" + (b"- " + b"a=" * 900 + b"\n") * (BIG // 1803),
}
READERS = {
    "many references": pixi.read,
    "many environments": pixi.read,
    "many wishes": environment.read,
    "long wishes": environment.read,
}
"""The door to YAML is one; where a row of one format is at stake, its reader is taken."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_or_refused_in_time(name: str):
    content, read = HOSTILE[name](), READERS.get(name, conda_lock.read)
    start = time.process_time()

    found = outcome(read, content)

    assert isinstance(found, LockError) or found.oddities or name == "long wishes"
    assert time.process_time() - start < SECONDS
