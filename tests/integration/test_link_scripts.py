"""Post-link scripts: off unless a stack names the package, and then held as well as they can be."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from conda_house import CondaHouse, write_lock
from conda_packages import PLACEHOLDER, Member, Packed, pack, read_channel, script, write_channel
from envlock.backends.link_scripts import LinkScript, ScriptRunner
from envlock.backends.store_trees import Known, sweep
from envlock.errors import ArchiveError


@pytest.fixture
def house() -> Iterator[CondaHouse]:
    """A house with a short path: the length of a store's path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    yield CondaHouse(folder=folder / "w", home=folder / "h")
    sweep(folder)


def scripted(house: CondaHouse, text: str, name: str = "demo", **more: object) -> Packed:
    """A package with a post-link script, and a file that it shares with other environments."""
    members = {
        f"bin/.{name}-post-link.sh": script(text, placeholder=None),
        f"share/{name}.txt": Member(content=b"as packed\n"),
    }
    return pack(house.folder / "channel", name, members=members, **more)  # type: ignore[arg-type]


def lock_of(
    house: CondaHouse, *packed: Packed, allowed: Sequence[str] = (), name: str = "env"
) -> str:
    facts = {"link-scripts": " ".join(allowed)} if allowed else {}
    return write_lock(house.folder / f"{name}.conda-lock.yml", packed, facts=facts)


def test_a_script_that_nobody_allowed_is_not_run(house: CondaHouse):
    lock = lock_of(house, scripted(house, "touch $PREFIX/ran"))

    told = house.build(lock)

    assert not Path(told["path"], "ran").exists()
    assert told["link_scripts"] == []
    assert told["notes"] == [
        "demo 1.0 has a post-link script, which was not run; to allow it: "
        '`link-scripts = ["demo"]` under [build] of the stack'
    ]


def test_an_allowed_script_runs_and_the_environment_says_so(house: CondaHouse):
    text = "touch $PREFIX/ran; echo 'read the manual' > $PREFIX/.messages.txt"
    lock = lock_of(house, scripted(house, text), allowed=["demo"])

    told = house.build(lock)
    again = house.run("build", lock)

    assert Path(told["path"], "ran").is_file()
    assert not Path(told["path"], ".messages.txt").exists()
    assert told["link_scripts"] == ["demo"]
    assert told["notes"] == [
        "demo 1.0 has run its post-link script: what that did is in no archive",
        "a post-link script says: read the manual",
    ]
    assert "note: post-link scripts were allowed when it was built: demo\n" in again.stderr


def test_with_a_script_it_is_another_environment(house: CondaHouse):
    package = scripted(house, "true")

    without = house.build(lock_of(house, package))
    with_script = house.build(lock_of(house, package, allowed=["demo"]))

    assert without["path"] != with_script["path"]


def test_the_final_prefix_stands_where_a_script_wrote_its_own(house: CondaHouse):
    text = """
    mkdir $PREFIX/made
    echo "home=$PREFIX/share $PREFIX" > $PREFIX/made/text
    printf '\\377\\0%s/lib\\0end' "$PREFIX" > $PREFIX/made/binary
    ln -s $PREFIX/share/demo.txt $PREFIX/made/link
    ln -s $PREFIX $PREFIX/made/root
    """
    told = house.build(lock_of(house, scripted(house, text), allowed=["demo"]))
    prefix, made = told["path"], Path(told["path"], "made")

    assert (made / "text").read_text("utf-8") == f"home={prefix}/share {prefix}\n"
    assert (made / "binary").read_bytes() == b"\xff\0" + f"{prefix}/lib".encode() + b"\0end"
    assert os.readlink(made / "link") == "../share/demo.txt"  # noqa: PTH115 - the text of it
    assert os.readlink(made / "root") == ".."  # noqa: PTH115 - as above
    assert (made / "text").stat().st_mode & 0o777 == 0o444


def test_a_script_cannot_change_what_other_environments_share(house: CondaHouse):
    package = scripted(house, "echo more >> $PREFIX/share/demo.txt")
    plain = house.build(lock_of(house, package))

    changed = house.build(lock_of(house, package, allowed=["demo"]))

    assert Path(plain["path"], "share/demo.txt").read_bytes() == b"as packed\n"
    assert Path(changed["path"], "share/demo.txt").read_bytes() == b"as packed\nmore\n"
    assert (
        json.loads(house.succeed("build", "--rebuild-check", "--json", lock_of(house, package)))[
            "differences"
        ]
        == []
    )


def test_what_a_script_leaves_alone_is_shared_again(house: CondaHouse):
    package = scripted(house, "touch $PREFIX/ran")
    plain = house.build(lock_of(house, package))

    other = house.build(lock_of(house, package, allowed=["demo"]))

    one, two = (Path(each["path"], "share/demo.txt").stat() for each in (plain, other))
    assert one.st_ino == two.st_ino
    assert sorted(path.name for path in (house.home / "store").iterdir()) == sorted(
        [Path(plain["path"]).name, Path(other["path"]).name]
    )


def test_a_script_sees_a_clean_environment(house: CondaHouse):
    text = "env > $PREFIX/env.txt; pwd > $PREFIX/pwd.txt; umask >> $PREFIX/pwd.txt"
    lock = lock_of(house, scripted(house, text), allowed=["demo"])
    noisy = CondaHouse(
        folder=house.folder,
        home=house.home,
        environment={
            "SECRET": "hunter2",
            "LD_PRELOAD": "",
            "BASH_ENV": "/nowhere",
            "TZ": "Asia/Tokyo",
        },
    )

    prefix = noisy.build(lock)["path"]

    seen = dict(line.split("=", 1) for line in Path(prefix, "env.txt").read_text().splitlines())
    home = seen.pop("HOME")
    assert seen.pop("TMPDIR") == home
    for name in ("_", "SHLVL", "PWD", "OLDPWD"):  # bash's own
        seen.pop(name, None)
    assert seen == {
        "PREFIX": prefix,
        "CONDA_PREFIX": prefix,
        "PKG_NAME": "demo",
        "PKG_VERSION": "1.0",
        "PKG_BUILDNUM": "0",
        "PATH": f"{prefix}/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": "315532800",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }
    assert not Path(home).exists()
    assert Path(prefix, "pwd.txt").read_text() == f"{prefix}\n0022\n"


def test_scripts_run_after_those_of_what_their_package_needs(house: CondaHouse):
    text = "echo $PKG_NAME >> $PREFIX/order.txt"
    packed = [
        scripted(house, text, "a", depends=["c >=1"]),
        scripted(house, text, "b"),
        scripted(house, text, "c", depends=["b"]),
    ]

    told = house.build(lock_of(house, *packed, allowed=["a", "b", "c"]))

    assert Path(told["path"], "order.txt").read_text() == "b\nc\na\n"


def test_a_script_that_fails_leaves_nothing(house: CondaHouse):
    text = (
        "echo more >> $PREFIX/share/demo.txt; echo no $PREFIX/x >&2; "
        "printf '\\033[1mbold\\n'; exit 7"
    )
    package = scripted(house, text)

    done = house.run("build", lock_of(house, package, allowed=["demo"]))

    assert done.returncode == 2
    assert done.stderr == (
        "error: the post-link script of demo 1.0 failed: exit status 7\n"
        "  no $PREFIX/x\n"
        "  ?[1mbold\n"
        "Nothing was installed.\n"
        "\n"
        "hint: take `demo` out of link-scripts in the stack, if it runs without\n"
    )
    assert list((house.home / "store").iterdir()) == []
    plain = house.build(lock_of(house, package))
    assert Path(plain["path"], "share/demo.txt").read_bytes() == b"as packed\n"


def test_a_script_that_does_not_end_is_ended_with_its_children(tmp_path: Path):
    staging = tmp_path / "staging"
    path = staging / "bin" / ".slow-post-link.sh"
    path.parent.mkdir(parents=True)
    path.write_text("(sleep 1; touch $PREFIX/late) &\nsleep 60\n")
    runner = ScriptRunner(
        staging=staging, prefix=str(tmp_path / "the-env"), known=Known(), limit_seconds=0.3
    )

    with pytest.raises(ArchiveError) as refused:
        runner.run([LinkScript(name="slow", version="2", build_number=0)])

    assert str(refused.value) == (
        "the post-link script of slow 2 did not end within 0.3 seconds\nNothing was installed."
    )
    time.sleep(1.2)
    assert not (staging / "late").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["staging"]


def test_a_script_that_knows_the_final_prefix_may_not_write_there(house: CondaHouse):
    text = f"mkdir -p {PLACEHOLDER}/share && touch {PLACEHOLDER}/share/x"
    members = {"bin/.demo-post-link.sh": script(text)}
    package = pack(house.folder / "channel", "demo", members=members)

    done = house.run("build", lock_of(house, package, allowed=["demo"]))

    assert done.returncode == 2
    assert "a post-link script has written to" in done.stderr
    assert "before anything may lie there" in done.stderr


def test_a_script_that_writes_the_time_is_named_by_a_second_build(house: CondaHouse):
    package = scripted(house, "date +%s%N > $PREFIX/share/when.txt; touch $PREFIX/share/$$")
    lock = lock_of(house, package, allowed=["demo"])
    house.build(lock)

    done = house.run("build", "--rebuild-check", lock)

    assert done.returncode == 1
    assert "  share/when.txt: expected sha256 " in done.stdout
    assert ": missing\n" in done.stdout
    assert ": not part of it\n" in done.stdout


def test_at_another_path_the_content_is_the_same(house: CondaHouse):
    package = scripted(house, "echo $PREFIX/a:$PREFIX/b > $PREFIX/share/paths.txt")
    lock = lock_of(house, package, allowed=["demo"])
    other = CondaHouse(folder=house.folder, home=house.home.with_name("another-home"))

    assert house.build(lock)["content_sha256"] == other.build(lock)["content_sha256"]


def test_an_allowed_package_without_a_script_is_told(house: CondaHouse):
    package = pack(house.folder / "channel", "demo", members={"a.txt": Member(content=b"a")})

    told = house.build(lock_of(house, package, allowed=["demo"]))

    assert told["notes"] == ["demo 1.0 is allowed a post-link script and has none"]


def test_a_lock_that_allows_a_package_which_it_lacks_is_refused(house: CondaHouse):
    lock = lock_of(house, scripted(house, "true"), allowed=["demo", "other"])

    done = house.run("build", lock)

    assert done.returncode == 2
    assert done.stderr == (
        f"error: {lock}: allows a script of `other`, which is not among its packages\n"
        "Nothing was built.\n"
        "\n"
        "hint: correct build.link-scripts in the stack, then `envlock solve`\n"
    )


@pytest.mark.index
def test_bytecode_follows_what_a_script_has_changed(house: CondaHouse, debian_channel: Path):
    text = """
    site=$PREFIX/lib/python3.11/site-packages/greeting
    python -c "import greeting.words; print(greeting.words.HELLO)" > $PREFIX/before.txt
    sed -i s/hello/changed/ $site/words.py
    rm $site/a.b.py
    """
    package = scripted(house, text, depends=["greeting"])

    packed = [*read_channel(debian_channel), package]
    told = house.build(lock_of(house, *packed, allowed=["demo"]))

    done = house.run("build", "--rebuild-check", str(house.folder / "env.conda-lock.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(told["path"], "before.txt").read_text() == "hello\n"
    greeted = subprocess.run([f"{told['path']}/bin/greet"], capture_output=True, check=True)
    assert greeted.stdout == b"changed\n"
    compiled = "lib/python3.11/site-packages/greeting/__pycache__"
    assert names(told["path"], compiled) == {"__init__", "words"}
    plain = house.build(lock_of(house, *packed, name="plain"))
    assert names(plain["path"], compiled) == {"__init__", "words", "a.b"}


def names(*folder: str) -> set[str]:
    return {path.name.removesuffix(".cpython-311.pyc") for path in Path(*folder).iterdir()}


# --- what the stack says --------------------------------------------------------------------------

BUILD = '\n[build]\nlink-scripts = ["demo"]\n'


def stack_text(channel: Path, rest: str) -> str:
    return (
        '[stack]\nname = "s"\nplatforms = ["linux-64"]\n'
        f'channels = ["{channel.as_uri()}"]\n[python]\nversion = "*"\n'
        f'[dependencies]\ndemo = "*"\n{rest}'
    )


@pytest.fixture
def stack(house: CondaHouse) -> Path:
    channel = house.folder / "channel"
    python = pack(channel, "python", "3.11.0", members={"bin/x": Member(content=b"x")})
    write_channel(channel, [python, scripted(house, "touch $PREFIX/ran")])
    path = house.folder / "s.toml"
    path.write_text(stack_text(channel, ""))
    house.succeed("index", "pin", "-q", "s.toml")
    return path


def test_the_locks_head_names_scripts_only_where_the_stack_does(house: CondaHouse, stack: Path):
    house.succeed("solve", "-q", "s.toml")
    lock = house.folder / "s.conda-lock.yml"
    before = lock.read_text()

    stack.write_text(stack.read_text() + BUILD)
    stale = house.run("solve", "--check", "s.toml")
    house.succeed("solve", "-q", "s.toml")
    told = house.build(str(lock))

    assert "link-scripts" not in before
    assert stale.returncode == 1
    assert '    envlock/link-scripts: "demo"\n' in lock.read_text()
    assert Path(told["path"], "ran").is_file()
    assert house.run("solve", "--check", "s.toml").returncode == 0


def test_a_stack_that_allows_a_package_which_is_not_in_the_answer_is_refused(
    house: CondaHouse, stack: Path
):
    stack.write_text(stack.read_text() + BUILD.replace("demo", "dmeo"))

    done = house.run("solve", "s.toml")

    assert done.returncode == 2
    assert done.stderr == (
        "error: s.toml:11: build.link-scripts: `dmeo` may run a script and is not among the conda "
        "packages of the answer\n"
        "No lock was written.\n"
        "\n"
        "hint: take `dmeo` out, or name the package whose script it is\n"
    )


@pytest.mark.parametrize("value", ["demo", '"demo"'])
def test_a_head_into_which_scripts_were_written_by_hand_is_refused(
    house: CondaHouse, stack: Path, value: str
):
    house.succeed("solve", "-q", "s.toml")
    lock = house.folder / "s.conda-lock.yml"
    facts = "  custom_metadata:\n"
    lock.write_text(lock.read_text().replace(facts, f"{facts}    envlock/link-scripts: {value}\n"))

    done = house.run("build", str(lock))

    assert done.returncode == 2
    assert "the head, which lets packages run scripts, is not what envlock wrote\n" in done.stderr
