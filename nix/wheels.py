"""Write `wheels.json`: the wheels that envlock and its tests run on under Nix, by SHA-256.

    for m in x86_64 aarch64; do for extra in sign dev; do
      echo hatchling | uv pip compile pyproject.toml - --extra $extra --no-build --no-header \
        --python-version 3.13 --python-platform $m-manylinux_2_28 -o /tmp/pylock.$m-$extra.toml
    done; done
    python nix/wheels.py /tmp/pylock.*.toml > nix/wheels.json

A row is what `fetchPypi` of nixpkgs asks for; it knows where the index is.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

_PYTHON = (3, 13)
_GLIBC_MINORS = range(28, 4, -1)


def main(paths: list[str]) -> None:
    """Print the rows of all files, each wheel once, ordered."""
    systems: dict[str, dict[str, dict[str, object]]] = {}
    for path in sorted(paths, reverse=True):  # those of `sign` before those of `dev`
        machine, _, extra = Path(path).name.split(".")[1].partition("-")
        rows = systems.setdefault(f"{machine}-linux", {})
        for package in tomllib.loads(Path(path).read_text("utf-8"))["packages"]:
            found = _row(package, machine)
            rows.setdefault(found["pname"], {**found, "dev": extra == "dev"})
    text = {
        system: [rows[name] for name in sorted(rows)] for system, rows in sorted(systems.items())
    }
    print(_lines(text))


def _row(package: dict[str, Any], machine: str) -> dict[str, Any]:
    order = {str(tag): number for number, tag in enumerate(_tags(machine))}
    ranked = []
    for wheel in package["wheels"]:
        name = wheel["url"].rpartition("/")[2]
        _, _, _, tags = parse_wheel_filename(name)
        fits = [order[str(tag)] for tag in tags if str(tag) in order]
        if fits:
            ranked.append((min(fits), name, wheel["hashes"]["sha256"]))
    if not ranked:
        sys.exit(f"{package['name']}: none of its wheels is for {machine}")
    _, name, digest = min(ranked)
    pname, version, python, abi, platform = name.removesuffix(".whl").split("-")
    return {
        "pname": pname,
        "version": version,
        "dist": python,
        "python": python,
        "abi": abi,
        "platform": platform,
        "sha256": digest,
    }


def _tags(machine: str) -> list[object]:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
    platforms += [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
    return [
        *cpython_tags(_PYTHON, platforms=platforms),
        *compatible_tags(_PYTHON, "cp313", platforms),
    ]


def _lines(systems: dict[str, list[dict[str, object]]]) -> str:
    parts = []
    for system, rows in systems.items():
        inside = ",\n".join(f"    {json.dumps(row, sort_keys=True)}" for row in rows)
        parts.append(f"  {json.dumps(system)}: [\n{inside}\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}"


if __name__ == "__main__":
    main(sys.argv[1:])
