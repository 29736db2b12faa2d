"""The scripts that run inside a Nix derivation, run here on small packages."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import envlock.nix
import envlock.probe
from conda_packages import PLACEHOLDER, Member, Packed, pack, script
from real_wheels import make_wheel

SCRIPTS = Path(envlock.nix.__file__).parent
COMPILER = Path(envlock.probe.__file__).parent / "compile_sources.py"
PYTHON = ".".join(map(str, sys.version_info[:2]))
SITE = f"lib/python{PYTHON}/site-packages"


def python(channel: Path) -> Packed:
    """Something called `python`; the tests' own compiles."""
    version = ".".join(map(str, sys.version_info[:3]))
    members = {f"bin/python{PYTHON}": script("#!/bin/sh\n", placeholder=None)}
    return pack(channel, "python", version, members=members, ending=".tar.bz2")


def package(
    channel: Path, name: str, members: Mapping[str, Member], needs: Sequence[str] = ()
) -> Packed:
    return pack(channel, name, members=members, depends=needs, ending=".tar.bz2")


def link(folder: Path, packages: Sequence[Packed], wheels: Sequence[Path] = ()) -> str:
    """Link an environment to `out`, as the derivation does; returns what was said on stderr."""
    (folder / "modules").mkdir()
    (folder / "modules" / "linker").symlink_to(SCRIPTS)
    rows = [
        {"kind": "conda", "file": each.path.name, "sha256": each.sha256, "place": str(each.path)}
        for each in packages
    ] + [{"kind": "wheel", "file": each.name, "sha256": "", "place": str(each)} for each in wheels]
    plan = {
        "out": str(folder / "out"),
        "work": str(folder / "work"),
        "compiler": str(COMPILER),
        "workers": 2,
        "python": [sys.executable],
        "artifacts": rows,
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    start = f"import sys; sys.path.insert(0, {str(folder / 'modules')!r}); "
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-B", "-c"),
            f"{start}from linker.link import main; main()",
            str(folder / "plan.json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if done.stderr else 0), done.stderr
    return done.stderr


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text("utf-8", "replace")
        for path in sorted(root.rglob("*"))
        if path.is_file() and "conda-meta" not in path.parts and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.name)
def test_the_scripts_are_python_of_2019(path: Path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def test_a_package_is_linked_with_its_prefix_and_its_bytecode(tmp_path: Path):
    members = {
        "bin/run": script(f"#!{PLACEHOLDER}/bin/python\n"),
        f"{SITE}/plain.py": Member(content=b"A = 1\n"),
        f"{SITE}/home.py": Member(
            content=f"A = '{PLACEHOLDER}'\n".encode(), placeholder=PLACEHOLDER
        ),
        f"{SITE}/again.py": Member(target="home.py"),
        "share/template.py": Member(content=b"{{ none\n"),
        "var/empty": Member(is_folder=True),
    }

    assert link(tmp_path, [python(tmp_path), package(tmp_path, "demo", members)]) == ""

    out = tmp_path / "out"
    found = files(out)
    assert found[f"{SITE}/home.py"] == f"A = '{out}'\n"
    assert found["share/template.py"] == "{{ none\n"
    assert (out / SITE / "again.py").readlink() == Path("home.py")
    assert (out / "var" / "empty").is_dir()
    assert os.access(out / "bin" / "run", os.X_OK)
    assert not os.access(out / SITE / "plain.py", os.X_OK)
    tag = sys.implementation.cache_tag
    assert sorted(path.name for path in (out / SITE / "__pycache__").iterdir()) == [
        f"{name}.{tag}.pyc" for name in ("again", "home", "plain")
    ]


def test_nothing_is_made_of_the_prefix_but_the_prefix_itself(tmp_path: Path):
    """So that Nix may build under another path of the same length and put the right one there."""
    home = Member(content=f"A = '{PLACEHOLDER}'\n".encode(), placeholder=PLACEHOLDER)
    members = {f"{SITE}/home.py": home, f"{SITE}/again.py": Member(target="home.py")}
    (tmp_path / "channel").mkdir()
    packages = [python(tmp_path / "channel"), package(tmp_path / "channel", "demo", members)]
    trees = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        assert link(tmp_path / name, packages) == ""
        out = tmp_path / name / "out"
        trees.append(
            {
                path.relative_to(out): path.read_bytes().replace(bytes(out), b"@" * len(bytes(out)))
                for path in out.rglob("*")
                if path.is_file()
            }
        )

    assert len(trees[0]) == 8
    assert trees[0] == trees[1]


def test_what_conda_finds_says_what_is_there_and_nothing_of_this_machine(tmp_path: Path):
    link(tmp_path, [python(tmp_path), package(tmp_path, "demo", {"share/a": Member()})])

    text = (tmp_path / "out" / "conda-meta" / "demo-1.0-0.json").read_text("utf-8")
    record = json.loads(text)
    assert record["files"] == ["share/a"]
    assert record["url"] == f"urn:sha256:{record['sha256']}"
    assert str(tmp_path) not in text
    assert (tmp_path / "out" / "conda-meta" / "history").read_bytes() == b""


@pytest.mark.parametrize(
    ("needs", "winner"), [({}, "a"), ({"b": ["a 1.0"]}, "b"), ({"b": ["c"], "c": ["a"]}, "b")]
)
def test_of_two_packages_the_one_that_needs_the_other_brings_a_file_else_the_first(
    tmp_path: Path, needs: dict[str, list[str]], winner: str
):
    packages = [
        package(tmp_path, name, {"share/x": Member(content=name.encode())}, needs.get(name, ()))
        for name in ("b", "a")
    ]
    packages.append(package(tmp_path, "c", {}, needs.get("c", ())))

    assert link(tmp_path, [python(tmp_path), *packages]) == ""

    assert files(tmp_path / "out")["share/x"] == winner


def test_a_wheel_brings_its_launchers_scripts_data_and_record(tmp_path: Path):
    row = make_wheel(
        tmp_path / "wheels",
        "tool",
        {
            "tool/__init__.py": b"def main(): ...\n",
            "tool-1.0.data/scripts/old": b"#!python -E\nprint(1)\n",
            "tool-1.0.data/data/share/tool.txt": b"data\n",
            "tool-1.0.data/headers/tool.h": b"int tool;\n",
            "tool-1.0.data/purelib/more.py": b"",
        },
        scripts="run = tool:main",
    )
    wheel = Path(row.url.removeprefix("file://"))

    assert link(tmp_path, [python(tmp_path)], [wheel]) == ""

    found = files(tmp_path / "out")
    assert found["bin/old"] == f"#!{tmp_path}/out/bin/python{PYTHON}\nprint(1)\n"
    assert "from tool import main\n" in found["bin/run"]
    assert found["share/tool.txt"] == "data\n"
    assert found[f"include/site/python{PYTHON}/tool/tool.h"] == "int tool;\n"
    assert found[f"{SITE}/tool-1.0.dist-info/INSTALLER"] == "envlock\n"
    record = [line.split(",")[0] for line in found[f"{SITE}/tool-1.0.dist-info/RECORD"].split()]
    assert record == [
        "../../../bin/old",
        "../../../bin/run",
        f"../../../include/site/python{PYTHON}/tool/tool.h",
        "../../../share/tool.txt",
        "more.py",
        "tool-1.0.dist-info/INSTALLER",
        "tool-1.0.dist-info/METADATA",
        "tool-1.0.dist-info/RECORD",
        "tool-1.0.dist-info/WHEEL",
        "tool-1.0.dist-info/entry_points.txt",
        "tool/__init__.py",
    ]


def test_a_path_that_is_a_file_and_a_folder_is_refused(tmp_path: Path):
    packages = [
        package(tmp_path, "a", {"share/x": Member()}),
        package(tmp_path, "b", {"share/x/y": Member()}),
    ]

    assert link(tmp_path, [python(tmp_path), *packages]) == (
        "error: `share/x` is a file for one package and a folder for another\n"
    )


def test_artifacts_without_python_are_refused(tmp_path: Path):
    assert link(tmp_path, [package(tmp_path, "a", {})]) == (
        "error: there is no package `python` among the artifacts\n"
    )


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("../out", tarfile.REGTYPE, "leads out of it"),
        ("/out", tarfile.REGTYPE, "leads out of it"),
        ("a/../../out", tarfile.REGTYPE, "leads out of it"),
        ("device", tarfile.CHRTYPE, "is a device"),
    ],
)
def test_an_archive_that_would_write_elsewhere_is_refused(
    tmp_path: Path, name: str, kind: bytes, what: str
):
    path = tmp_path / "bad-1.0-0.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        header = tarfile.TarInfo(name)
        header.type = kind
        archive.addfile(header, io.BytesIO())
    packed = Packed(path=path, record={"sha256": "0" * 64})

    assert link(tmp_path, [packed]) == f"error: {path}: `{name}` {what}\n"
