"""Packages that a stack builds from source: addressed, walled in, and then as any other."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conda_house import CondaHouse
from envlock.formats.conda_lock import read_lock
from recipe_house import (
    addresses,
    fill_channel,
    records,
    refused,
    short_houses,
    solve,
    write_recipe,
    write_stack,
)

INPUTS = '["data"]'


@pytest.fixture
def house() -> Iterator[CondaHouse]:
    yield from short_houses()


def locked_row(house: CondaHouse, name: str) -> object:
    content = (house.folder / "demo.conda-lock.yml").read_bytes()
    (row,) = [row for row in read_lock(content, "lock").packages if row.name == name]
    return row


def test_what_a_recipe_builds_is_locked_and_built_as_any_other_package(house: CondaHouse):
    hello = write_recipe(house, "hello")
    write_stack(house, "hello", inputs=INPUTS, options='{ WORD = "deep" }')

    told = solve(house)

    assert "recipes/hello: built hello 1.0" in told
    path = house.build("demo.toml")["path"]
    text = Path(path, "share", "hello.txt").read_text("utf-8")
    assert text == f"hello\ndata\ndeep 315532800 {path}\n"
    row = locked_row(house, "hello")
    assert row.url == f"built/{addresses(house)['hello']}/hello-1.0-hb0f4dca_0.conda"  # type: ignore[attr-defined]
    assert house.succeed("solve", "--check", "demo.toml") == "demo.conda-lock.yml: fresh\n"
    before = (house.folder / "demo.conda-lock.yml").read_bytes()
    assert "built hello" not in solve(house)
    assert (house.folder / "demo.conda-lock.yml").read_bytes() == before
    (hello / "src" / "greeting.txt").write_text("hi\n", "utf-8")
    checked = house.run("solve", "--check", "demo.toml")
    assert (checked.returncode, checked.stdout) == (
        1,
        "demo.conda-lock.yml: stale\n"
        "  recipes/hello: its files, or its toolchain, are others than it was built from\n",
    )


def test_another_store_and_folder_lock_the_same_bytes(house: CondaHouse):
    write_recipe(house, "hello")
    write_stack(house, "hello", inputs=INPUTS)
    solve(house)
    first = (house.folder / "demo.conda-lock.yml").read_bytes()
    elsewhere = replace(house, home=house.home.with_name("another-home"))

    # With the package in the project it is not even built there.
    path = elsewhere.build("demo.toml")["path"]
    assert Path(path, "share", "hello.txt").is_file()
    assert records(elsewhere) == {}

    # Where it is lost, it is built again.
    shutil.rmtree(house.folder / "built")
    third = replace(house, home=house.home.with_name("a-third-home"))
    told = third.run("build", "-q", "demo.toml").stderr
    assert "`hello-1.0-hb0f4dca_0.conda` (hello 1.0) cannot be read: No such file" in told
    assert told.endswith("; `envlock solve` builds again what a recipe has made\n")
    assert "recipes/hello: built hello 1.0" in solve(third)
    assert (house.folder / "demo.conda-lock.yml").read_bytes() == first


def test_a_change_is_another_address_and_nothing_else_is_built(house: CondaHouse):
    hello = write_recipe(house, "hello")
    write_recipe(house, "second")
    write_stack(house, "hello", "second", inputs=INPUTS)
    solve(house)
    seen = [addresses(house)]
    stack = house.folder / "demo.toml"

    def change(path: Path, before: str, after: str) -> None:
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after, 1), "utf-8")

    for path, before, after in (
        (hello / "src" / "greeting.txt", "hello", "hello, you"),
        (hello / "build.sh", "mkdir", "# a remark\nmkdir"),
        (stack, INPUTS, f'{INPUTS}\noptions = {{ WORD = "w" }}'),
        (stack, INPUTS, '["data", "other"]'),
    ):
        change(path, before, after)
        told = solve(house)
        assert "recipes/hello: built hello 1.0" in told
        assert "recipes/second" not in told
        seen.append(addresses(house))

    assert len({each["hello"] for each in seen}) == 5
    assert {each["second"] for each in seen} == {seen[0]["second"]}
    assert len(records(house)) == 6


def test_another_build_of_an_input_is_another_address_for_who_uses_it(house: CondaHouse):
    write_recipe(house, "hello")
    write_stack(house, "hello", inputs=INPUTS)
    solve(house)
    before = addresses(house)

    fill_channel(house.folder, other="another")
    house.succeed("index", "pin", "-q", "demo.toml")
    solve(house)
    assert addresses(house) == before

    fill_channel(house.folder, data="newer data")
    house.succeed("index", "pin", "-q", "demo.toml")
    solve(house)
    assert addresses(house)["hello"] != before["hello"]


def nothing_stays(house: CondaHouse) -> bool:
    kept = house.home / "recipes"
    return (
        not (house.folder / "demo.conda-lock.yml").exists()
        and not (house.folder / "built").exists()
        and list(kept.iterdir()) == []
    )


def test_a_recipe_that_reaches_for_the_network_is_told_so_and_leaves_nothing(house: CondaHouse):
    write_recipe(house, "hello", "exec 3<>/dev/tcp/192.0.2.1/80\n")
    write_stack(house, "hello", inputs="[]")

    told = refused(house)

    assert told.startswith(
        "error: demo.toml:11: recipe[0]: `recipes/hello` does not build: "
        "it reaches for the network, which no build has\n"
    )
    assert "Network is unreachable" in told
    assert told.endswith(
        "Nothing of it stays, and no lock was written.\n\n"
        "hint: put what it fetches into `recipes/hello`, or lock it and name it in `inputs`\n"
    )
    assert nothing_stays(house)


def test_a_recipe_that_writes_outside_is_told_so_and_leaves_nothing(house: CondaHouse):
    write_recipe(house, "hello", "mkdir -p /usr/share/of-a-recipe\n")
    write_stack(house, "hello", inputs="[]")

    told = refused(house)

    assert told.startswith(
        "error: demo.toml:11: recipe[0]: `recipes/hello` does not build: "
        "it writes outside of its own folder\n"
    )
    assert "Read-only file system" in told
    assert told.endswith("\nhint: write below $SRC_DIR, $PREFIX or $TMPDIR\n")
    assert not Path("/usr/share/of-a-recipe").exists()
    assert nothing_stays(house)


def test_a_recipe_sees_nothing_of_the_project_and_no_process_of_the_machine(house: CondaHouse):
    script = (
        f"test ! -e {house.folder}/demo.toml\n"
        'test "$(ls -d /proc/[0-9]* | wc -l)" -lt 10\n'
        'test "$(id -u):$(id -g)" = 1000:1000\n'
        'test ! -e /root/.bashrc; test ! -e "$HOME/.ssh"\n'
        # Somebody refuses at once: the loopback is there, and nothing listens.
        "{ exec 3<>/dev/tcp/127.0.0.1/9; } 2>&1 | grep 'Connection refused'\n"
        'mkdir -p "$PREFIX/share"; touch "$PREFIX/share/done" "$TMPDIR/scratch"\n'
    )
    write_recipe(house, "hello", script)
    write_stack(house, "hello", inputs="[]")

    assert "recipes/hello: built hello 1.0" in solve(house)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc on this machine")
def test_the_machines_compiler_is_hidden_unless_the_stack_says_otherwise(house: CondaHouse):
    script = 'mkdir -p "$PREFIX/lib"\ngcc $CFLAGS -shared -o "$PREFIX/lib/libone.so" one.c\n'
    folder = write_recipe(house, "hello", script)
    (folder / "src" / "one.c").write_text("int one(void) { return 1; }\n", "utf-8")
    write_stack(house, "hello", inputs="[]")

    told = refused(house)
    assert "`recipes/hello` does not build: it finds no compiler\n" in told
    assert "hint: the machine's own is hidden unless the stack says `host-compiler = true`" in told

    write_stack(house, "hello", inputs="[]", host_compiler="true")
    solve(house)
    lock = (house.folder / "demo.conda-lock.yml").read_text("utf-8")
    version = subprocess.run(
        ["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert f", built with the machine's gcc {version}" in lock


def test_a_build_without_walls_is_another_address_and_the_lock_says_so(house: CondaHouse):
    write_recipe(house, "hello")
    write_stack(house, "hello", inputs=INPUTS)
    solve(house)
    before = addresses(house)

    told = solve(house, "--sandbox", "none")

    assert "recipes/hello: built hello 1.0" in told
    assert addresses(house)["hello"] != before["hello"]
    lock = (house.folder / "demo.conda-lock.yml").read_text("utf-8")
    assert ', built without a sandbox"' in lock


def test_a_package_that_remembers_its_toolchain_is_refused(house: CondaHouse):
    script = 'mkdir -p "$PREFIX/bin"\necho "$ENVLOCK_TOOLCHAIN" > "$PREFIX/bin/tool"\n'
    write_recipe(house, "hello", script)
    write_stack(house, "hello", inputs=INPUTS)

    told = refused(house)

    assert told.startswith(
        "error: `hello-1.0-hb0f4dca_0.conda` remembers the toolchain that it was built with, "
        f"by its path\n  bin/tool: {house.home}/store/"
    )
    assert "-hello-toolchain\nThe package was discarded; nothing was locked.\n" in told
    assert nothing_stays(house)


def test_a_package_needs_what_the_answer_holds(house: CondaHouse):
    text = (
        'package:\n  name: {name}\n  version: "1.0"\nbuild:\n  script: build.sh\n'
        "requirements:\n  run:\n    - data >=2\n    - absent\n"
    )
    write_recipe(house, "hello", 'touch "$PREFIX/made"\n', text)
    write_stack(house, "hello", inputs="[]")

    assert refused(house) == (
        "error: what a recipe has built does not go with the rest\n"
        "  hello 1.0 of `recipes/hello` needs `data >=2`; the answer has 1.0\n"
        "  hello 1.0 of `recipes/hello` needs `absent`; the answer has none\n"
        "No lock was written.\n\n"
        "hint: ask for it under [dependencies], or correct `requirements` in the recipe\n"
    )


def test_a_package_of_a_name_that_is_locked_already_is_refused(house: CondaHouse):
    write_recipe(house, "other", 'touch "$PREFIX/made"\n')
    write_stack(house, "other", inputs="[]")

    assert refused(house) == (
        "error: `recipes/other` builds other 1.0, and other 1.0 is locked already for linux-64\n"
        "No lock was written.\n\n"
        "hint: give the recipe's package a name of its own\n"
        "hint: or let it take the place of one of the same version: `replaces = true`\n"
    )


def test_a_patched_package_takes_the_place_of_the_channels_one(house: CondaHouse):
    write_recipe(house, "other", 'mkdir "$PREFIX/share"; echo ours > "$PREFIX/share/other.txt"\n')
    write_stack(house, "other", inputs="[]", replaces="true")
    solve(house)

    path = house.build("demo.toml")["path"]

    assert Path(path, "share", "other.txt").read_text("utf-8") == "ours\n"
    row = locked_row(house, "other")
    assert row.url.startswith("built/")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "package:\n  name: {name}\n  version: '1'\n"
            "source:\n  url: https://files.example/a.tar.gz\n",
            "`source` names something to be fetched; expected a `path` in the recipe's folder",
        ),
        (
            "package:\n  name: {name}\n  version: '1'\nrequirements:\n  host: [data]\n",
            "`requirements` names packages under `build` or `host`; they come from the lock",
        ),
        (
            "recipe:\n  name: {name}\noutputs:\n- package:\n    name: a\n    version: '1'\n",
            "a recipe of several packages; expected one with a single `package`",
        ),
        ("package: [\n", "Failed to parse"),
    ],
)
def test_a_recipe_that_cannot_be_one_is_refused(house: CondaHouse, text: str, problem: str):
    write_recipe(house, "hello", text=text)
    write_stack(house, "hello", inputs="[]")

    told = refused(house)

    assert told.startswith("error: demo.toml:11: recipe[0]: `recipes/hello` does not build")
    assert problem in told
    assert nothing_stays(house)


def test_a_recipe_that_is_not_there_is_named_with_its_line(house: CondaHouse):
    write_stack(house, "hello", inputs="[]")

    assert refused(house) == (
        "error: demo.toml:11: recipe[0]: there is no recipe: expected `recipes/hello/recipe.yaml`\n"
        "Nothing was built.\n\n"
        "hint: write one, or correct the path; it starts from the stack's folder\n"
    )


def test_an_input_that_is_not_locked_is_named(house: CondaHouse):
    write_recipe(house, "hello")
    write_stack(house, "hello", inputs='["numpy"]')

    assert refused(house) == (
        "error: demo.toml:11: recipe[0]: `numpy` is an input and is not among the packages of "
        "demo.toml\nNo lock was written.\n\n"
        "hint: ask for `numpy` in the stack, or take it out of `inputs`\n"
    )


def test_what_a_killed_build_has_left_goes_with_the_next_one(house: CondaHouse):
    write_recipe(house, "hello", "touch started; sleep 300\n")
    write_stack(house, "hello", inputs="[]")
    kept = house.home / "recipes"
    running = house.start("solve", "demo.toml")
    deadline = time.monotonic() + 60
    while not list(kept.rglob("started")) and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if running.poll() is not None:
        pytest.skip("a recipe needs bubblewrap or user namespaces")
    running.kill()
    running.wait()
    (left,) = (path for path in kept.iterdir() if path.is_dir())

    write_recipe(house, "hello", 'touch "$PREFIX/made"\n')
    solve(house)

    assert not left.exists()
    assert [path.suffix for path in kept.iterdir()] == [".json"]
