"""Bytecode beside the sources: valid, believed without a look, and the same bytes each time."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

import pytest

from envlock.backends.bytecode import compile_sources
from envlock.errors import ArchiveError, WorldError

PYTHON = Path(sys.executable)
TAG = sys.implementation.cache_tag
UNCHECKED_HASH = (1).to_bytes(4, "little")
SOURCE = b"def fail():\n    raise ValueError('here')\n"


def make_sources(folder: Path, **files: bytes) -> Path:
    root = folder / "sources"
    (root / "pkg").mkdir(parents=True)
    for name, content in files.items():
        (root / "pkg" / f"{name}.py").write_bytes(content)
    return root


def compile_all(root: Path, target: Path) -> dict[str, bytes]:
    """Compile everything; return what came of it."""
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    compile_sources(PYTHON, root, paths, target)
    return {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }


def run(code: str, site: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, check=False, env=environment
    )


def test_each_source_has_its_bytecode_in_the_same_place_of_the_other_tree(tmp_path: Path):
    root = make_sources(tmp_path, one=b"x = 1\n", two=b"y = 2\n")
    (root / "top.py").write_bytes(b"z = 3\n")
    (root / "pkg" / "data.txt").write_bytes(b"no source")

    found = compile_all(root, tmp_path / "out")

    assert set(found) == {
        f"__pycache__/top.{TAG}.pyc",
        f"pkg/__pycache__/one.{TAG}.pyc",
        f"pkg/__pycache__/two.{TAG}.pyc",
    }


def test_bytecode_says_that_its_source_need_not_be_looked_at(tmp_path: Path):
    root = make_sources(tmp_path, one=SOURCE)

    found = compile_all(root, tmp_path / "out")

    content = found[f"pkg/__pycache__/one.{TAG}.pyc"]
    assert content[:4] == MAGIC_NUMBER
    assert content[4:8] == UNCHECKED_HASH
    assert content[8:16] == source_hash(SOURCE)


def test_bytecode_is_imported_as_it_is_and_not_written_again(tmp_path: Path):
    root = make_sources(tmp_path, __init__=b"", one=b"x = 1\n")
    before = compile_all(root, root)
    (root / "pkg" / "one.py").write_bytes(b"x = 2  # nobody looks\n")

    done = run("from pkg import one; print(one.x)", root)

    pyc = root / "pkg/__pycache__" / f"one.{TAG}.pyc"
    assert done.stdout == "1\n"
    assert pyc.read_bytes() == before[f"pkg/__pycache__/one.{TAG}.pyc"]


def test_a_traceback_names_the_file_where_it_lies_now(tmp_path: Path):
    root = make_sources(tmp_path, __init__=b"", one=SOURCE)
    compile_all(root, root)
    moved = root.rename(tmp_path / "moved")

    done = run("from pkg import one; one.fail()", moved)

    assert f'File "{moved}/pkg/one.py", line 2, in fail' in done.stderr
    assert "    raise ValueError('here')" in done.stderr


def test_bytecode_does_not_know_where_it_was_compiled(tmp_path: Path):
    (tmp_path / "far").mkdir()
    near = compile_all(make_sources(tmp_path, one=SOURCE), tmp_path / "out")
    far = compile_all(make_sources(tmp_path / "far", one=SOURCE), tmp_path / "far/out")

    assert near == far
    assert str(tmp_path).encode() not in b"".join(near.values())


def test_the_same_bytes_come_twice_whatever_else_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = b"A = {'x', 'y', 'z'}\nB = frozenset('abc')\ndef f(a: 'int' = 1): return {a, 'a', 'b'}\n"
    many = {f"m{number}": text + b"C = %d\n" % number for number in range(400)}
    root = make_sources(tmp_path, one=text, **many)
    first = compile_all(root, tmp_path / "first")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    for number in range(0, 400, 3):
        (root / "pkg" / f"m{number}.py").unlink()

    second = compile_all(root, tmp_path / "second")

    assert len(first) == 401
    assert second == {path: first[path] for path in second}


@pytest.mark.parametrize(
    "content",
    [
        b"print 'Python 2'\n",
        b"class {{ cookiecutter.name }}: pass\n",
        b"x = '\xff'\n",
        b"x = 1\0\n",
        b"(" * 400,
    ],
    ids=["python-2", "template", "not-utf-8", "nul", "too-deep"],
)
def test_a_source_that_cannot_be_compiled_is_passed_over(tmp_path: Path, content: bytes):
    root = make_sources(tmp_path, broken=content, good=b"x = 1\n")

    found = compile_all(root, tmp_path / "out")

    assert set(found) == {f"pkg/__pycache__/good.{TAG}.pyc"}


def test_warnings_of_a_source_are_nobodys_business(tmp_path: Path):
    root = make_sources(tmp_path, loud=b"x = '\\d'\nassert (1, 'always')\n")

    assert set(compile_all(root, tmp_path / "out")) == {f"pkg/__pycache__/loud.{TAG}.pyc"}


def test_a_name_with_dots_and_signs_keeps_them(tmp_path: Path):
    root = make_sources(tmp_path, **{"a.b": b"x = 1\n", "ü x": b"y = 1\n"})

    found = compile_all(root, tmp_path / "out")

    assert set(found) == {f"pkg/__pycache__/a.b.{TAG}.pyc", f"pkg/__pycache__/ü x.{TAG}.pyc"}


def test_nothing_to_compile_starts_no_python(tmp_path: Path):
    compile_sources(Path("/nowhere/python"), tmp_path, ["data.txt"], tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_python_that_does_not_run_is_told(tmp_path: Path):
    root = make_sources(tmp_path, one=b"x = 1\n")

    with pytest.raises(WorldError) as caught:
        compile_sources(Path("/nowhere/python"), root, ["pkg/one.py"], tmp_path / "out")

    assert str(caught.value) == (
        "the environment's Python does not run: "
        "[Errno 2] No such file or directory: '/nowhere/python'\nNothing was installed."
    )


def test_a_python_that_fails_is_told_with_what_it_said(tmp_path: Path):
    root = make_sources(tmp_path, one=b"x = 1\n")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'libfoo.so: not found' >&2\nexit 127\n")
    python.chmod(0o755)

    with pytest.raises(ArchiveError) as caught:
        compile_sources(python, root, ["pkg/one.py"], tmp_path / "out")

    assert str(caught.value) == (
        "the environment's Python cannot compile: exit status 127\n"
        "  libfoo.so: not found\nNothing was installed."
    )
    assert caught.value.hints == (
        "is the lock for this machine? `envlock doctor` tells its platform and glibc",
    )


def test_a_source_that_is_gone_is_told_as_the_disks(tmp_path: Path):
    root = make_sources(tmp_path, one=b"x = 1\n")

    with pytest.raises(WorldError, match=r"bytecode cannot be written: .*No such file"):
        compile_sources(PYTHON, root, ["pkg/gone.py"], tmp_path / "out")
