"""A stack with recipes and a tiny channel: small enough to build all of it in every test."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conda_house import CondaHouse
from conda_packages import Member, pack, write_channel
from envlock.backends.store_trees import sweep

RECIPE = """\
package:
  name: {name}
  version: "1.0"
source:
  path: src
build:
  script: build.sh
"""
SCRIPT = """\
mkdir -p "$PREFIX/share"
cat greeting.txt "$ENVLOCK_TOOLCHAIN/share/data.txt" > "$PREFIX/share/{name}.txt"
echo "${{WORD:-none}} $SOURCE_DATE_EPOCH $PREFIX" >> "$PREFIX/share/{name}.txt"
"""


def fill_channel(folder: Path, data: str = "data", other: str = "other") -> Path:
    """Write a channel: a Python in name only, and two packages of one file each."""
    channel = folder / "channel"
    packed = [
        pack(channel, "python", "3.11.2", members={"share/py.txt": Member(content=b"no Python\n")}),
        *(
            pack(channel, name, members={f"share/{name}.txt": Member(content=f"{text}\n".encode())})
            for name, text in (("data", data), ("other", other))
        ),
    ]
    write_channel(channel, packed)
    return channel


def write_recipe(house: CondaHouse, name: str, script: str = SCRIPT, text: str = RECIPE) -> Path:
    """Write a recipe of the project; returns its folder."""
    folder = house.folder / "recipes" / name
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(text.format(name=name), "utf-8")
    (folder / "build.sh").write_text(
        script.format(name=name) if script is SCRIPT else script, "utf-8"
    )
    (folder / "src" / "greeting.txt").write_text("hello\n", "utf-8")
    return folder


def write_stack(house: CondaHouse, *recipes: str, **keys: str) -> None:
    """Write a stack that builds these recipes, each with the same keys, and pin its channel."""
    channel = house.folder / "channel"
    lines = "".join(
        f'\n[[recipe]]\npath = "recipes/{name}"\n'
        + "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in keys.items())
        for name in recipes
    )
    (house.folder / "demo.toml").write_text(
        f'[stack]\nname = "demo"\nplatforms = ["linux-64"]\nchannels = ["{channel.as_uri()}"]\n'
        '[python]\nversion = "3.11.*"\n[dependencies]\ndata = "*"\nother = "*"\n' + lines,
        "utf-8",
    )
    house.succeed("index", "pin", "-q", "demo.toml")


def solve(house: CondaHouse, *options: str) -> str:
    """Solve the stack; returns what is said. Skips where nothing can be walled in."""
    done = house.run("solve", *options, "demo.toml")
    if "this machine has none" in done.stderr:
        pytest.skip(f"a recipe needs bubblewrap or user namespaces: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return done.stderr


def refused(house: CondaHouse, *options: str) -> str:
    """Solve a stack that must be refused; returns the message. Skips as `solve`."""
    done = house.run("solve", "-q", *options, "demo.toml")
    if "this machine has none" in done.stderr:
        pytest.skip("a recipe needs bubblewrap or user namespaces")
    assert done.returncode in {2, 3, 4}, done.stderr
    return done.stderr


def addresses(house: CondaHouse) -> Mapping[str, str]:
    """Return the address of each recipe, as the lock's head tells."""
    text = (house.folder / "demo.conda-lock.yml").read_text("utf-8")
    return dict(re.findall(r"envlock/linux-64/recipe/recipes/(\w+): \"\w+ of ([a-z2-7]{32})", text))


def records(house: CondaHouse) -> Mapping[str, Mapping[str, object]]:
    """Return what the store says that it has built, by address."""
    folder = house.home / "recipes"
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def short_houses() -> Iterator[CondaHouse]:
    """Give a house with a short path: the length of a store's path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    house = CondaHouse(folder=folder / "w", home=folder / "h")
    fill_channel(house.folder)
    yield house
    sweep(folder)
