"""The whole way: from artifacts in the Nix store to an environment in `$out`.

Run as `python -s -S -B -c "…; from linker.link import main; main()"` with the path of a plan, JSON:
`out`, `work` (a folder to unpack to), `compiler` (where `compile_sources.py` lies), `workers`,
`python` (what starts the Python that is running) and `artifacts`, rows of `kind`, `file`, `sha256`
and `place`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
import zipfile
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from .archives import unpack_conda, unpack_wheel
from .bytecode import Compiler, Job, forget_digest, remove_bytecode
from .conda import CondaLinker, Package, Python, find_python, meta_files, read_package
from .rewrite import LinkError
from .tree import Item, Tree
from .wheel import WheelLinker


def link(plan: Dict[str, Any]) -> None:
    """Make an environment. Raises `LinkError`, and `OSError` for the disk."""
    out, work = str(plan["out"]), str(plan["work"])
    conda, wheels = _unpack(plan["artifacts"], work)
    python = find_python(conda)
    tree = Tree(out)
    linker = CondaLinker(tree, python, conda)
    linker.link()
    groups = [_conda_sources(package, linker, python) for package in conda]
    for root in wheels:
        targets = WheelLinker(root, tree, python).link()
        groups.append([(root, path, to) for path, to in targets.items() if path.endswith(".py")])
    late = sorted(_late(linker, tree, python))
    for path, content in meta_files(conda, linker.placed):
        tree.put(path, Item(content=content))
    tree.write()
    _compile(plan, tree, groups, late)


def _unpack(artifacts: Sequence[Dict[str, Any]], work: str) -> Tuple[List[Package], List[str]]:
    conda: List[Package] = []
    wheels: List[str] = []
    for number, row in enumerate(artifacts):
        root = os.path.join(work, str(number))
        os.makedirs(root)
        if row["kind"] == "wheel":
            unpack_wheel(row["place"], root)
            wheels.append(root)
        else:
            unpack_conda(row["place"], root)
            conda.append(read_package(root, row["file"], row["sha256"]))
    return conda, wheels


# --- bytecode -------------------------------------------------------------------------------------

_Source = Tuple[str, str, str]
"""The root of an unpacked artifact, a path in it, and where that file has gone."""


def _library(python: Python) -> str:
    return python.site.rpartition("/")[0] + "/"


def _conda_sources(package: Package, linker: CondaLinker, python: Python) -> List[_Source]:
    """Return a package's sources, all that are files: what is compiled is as it was packed."""
    return [
        (package.root, path, target)
        for path, target in linker.placed[package.name].items()
        if path.endswith(".py")
        and target.startswith(_library(python))
        and not os.path.islink(os.path.join(package.root, path))
    ]


def _late(linker: CondaLinker, tree: Tree, python: Python) -> Iterator[str]:
    """Yield what is compiled where it lies now: rewritten for the prefix, or a link to a source."""
    for path, item in tree.items.items():
        if not path.endswith(".py") or not path.startswith(_library(python)):
            continue
        if item.placeholder or (item.target is not None and linker.owner(path)):
            yield path


def _compile(
    plan: Dict[str, Any], tree: Tree, groups: Sequence[Sequence[_Source]], late: Sequence[str]
) -> None:
    out, work = str(plan["out"]), str(plan["work"])
    compiler = Compiler(plan["python"], str(plan["compiler"]), int(plan["workers"]))
    made = [os.path.join(work, "bytecode", str(number)) for number in range(len(groups))]
    jobs = [
        [_job(root, path, os.path.join(place, path)) for root, path, _ in sorted(group)]
        for place, group in zip(made, groups)
    ]
    compiler.compile(jobs)
    for place, group in zip(made, groups):
        for root, path, target in group:
            stands = tree.items[target].source in ("", os.path.join(root, path))
            if stands and target not in late:
                _take(os.path.join(place, path), os.path.join(out, target))
    present = [path for path in late if os.path.isfile(os.path.join(out, path))]
    for path in present:
        remove_bytecode(os.path.join(out, path))
    compiler.compile([[_job(out, path, os.path.join(out, path)) for path in present]])
    for path in present:
        forget_digest(os.path.join(out, path))


def _job(root: str, path: str, target: str) -> Job:
    return [os.path.join(root, path), path, os.path.dirname(target)]


def _take(made: str, source: str) -> None:
    """Move a source's bytecode beside it; what a package ships was made for other times."""
    folder, name = os.path.split(made)
    cache = os.path.join(folder, "__pycache__")
    for file in os.listdir(cache) if os.path.isdir(cache) else ():
        if file.startswith(name[:-3] + ".") and file[:-4].rpartition(".")[0] == name[:-3]:
            target = os.path.join(os.path.dirname(source), "__pycache__", file)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(os.path.join(cache, file), target)


def main() -> None:
    """Read the plan that the command line names, and follow it."""
    with open(sys.argv[-1], encoding="utf-8") as file:
        plan = json.load(file)
    try:
        link(plan)
    except (LinkError, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        sys.stderr.write("error: %s\n" % error)
        sys.exit(1)
