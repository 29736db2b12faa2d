"""`envlock bisect` over real environments of tiny packages, each built in a real store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import pytest

from bisect_house import TRAIN, Part, conda_lock, parts, wheel_lock
from envlock.cli.store_wiring import this_platform

MANY, FEW = 32, 8
HERE = this_platform().value
TOO_LARGE = 2.6
"""Times the step size: then the loss grows with each step."""
HALF_TOO_LARGE = 1.7
"""Two of them are too large, one is not."""


COST = ("steps", "tries_to_find", "tries", "built")


@dataclass(frozen=True)
class Site:
    folder: Path

    def envlock(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "envlock", *arguments],
            cwd=self.folder,
            env={
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "HOME": str(self.folder),
                "ENVLOCK_HOME": str(self.folder / "home"),
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(Path(__file__).parents[2]),
                **more,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def bisect(
        self, good: str, bad: str, *options: str, check: str = "python train.py"
    ) -> subprocess.CompletedProcess[str]:
        python = ["--python", sys.executable]
        return self.envlock("bisect", good, bad, "--check", check, *python, *options)

    def found(self, *arguments: str, check: str = "python train.py") -> dict[str, Any]:
        done = self.bisect(*arguments, "--json", "-q", check=check)
        told: dict[str, Any] = {"status": done.returncode, **json.loads(done.stdout)}
        return told


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "train.py").write_text(TRAIN)
    return Site(tmp_path)


def names(step: dict[str, Any]) -> list[str]:
    return [package["name"] for package in step["packages"]]


def make_locks(site: Site, *broken: Part, count: int = FEW) -> None:
    wheel_lock(site.folder, "good", parts(count, "1.0"))
    wheel_lock(site.folder, "bad", parts(count, "2.0", broken))


def runs(pid: int) -> bool:
    """Whether a process is there, and does not only wait for somebody to hear of its end."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


GOOD, BAD = "good.conda-lock.yml", "bad.conda-lock.yml"


@pytest.mark.parametrize("name", ["p00", "p17", "p31"])
def test_the_one_package_of_32_that_breaks_training_is_named(
    site: Site, name: str, record_property: Callable[[str, object], None]
):
    make_locks(site, Part(name, "2.0", TOO_LARGE), count=MANY)

    found = site.found(GOOD, BAD)

    record_property("environments", {key: found[key] for key in COST})
    (culprit,) = found["culprits"]
    assert found["status"] == 0
    assert names(culprit) == found["enough"] == [name]
    assert found["differences"] == found["steps"] == MANY
    assert found["tries_to_find"] <= log2(MANY) + 2
    assert found["tries"] <= found["tries_to_find"] + 1
    assert found["built"] == found["tries"]
    assert (culprit["without"]["grade"], culprit["with"]["grade"]) == ("good", "bad")
    assert culprit["with"]["said"].startswith("exit status 1: step 1.040, loss ")
    assert set(culprit["with"]["moved"]) - set(culprit["without"]["moved"]) == {name}


def test_two_packages_of_32_that_break_training_only_together_are_both_named(
    site: Site, record_property: Callable[[str, object], None]
):
    broken = Part("p05", "2.0", HALF_TOO_LARGE), Part("p23", "2.0", HALF_TOO_LARGE)
    make_locks(site, *broken, count=MANY)

    found = site.found(GOOD, BAD)

    record_property("environments", {key: found[key] for key in COST})
    assert found["status"] == 0
    assert sorted(name for each in found["culprits"] for name in names(each)) == ["p05", "p23"]
    assert found["enough"] == ["p05", "p23"]
    assert found["tries"] <= 2 + 2 * (log2(MANY) + 1)


def test_the_answer_is_told_with_its_evidence_and_what_it_took(site: Site):
    make_locks(site, Part("p05", "2.0", TOO_LARGE))

    done = site.bisect(GOOD, BAD)

    lines = done.stdout.splitlines()
    assert lines[:4] == [
        f"{GOOD} -> {BAD} on {HERE}",
        "8 packages differ, 8 steps between them",
        "",
        "p05 1.0 (PyPI) -> 2.0 (PyPI) makes the difference",
    ]
    assert lines[5] == "two environments that differ in p05 alone:"
    assert lines[6].split()[:5] == ["without", "good", "exit", "status", "0:"]
    assert lines[7].split()[:5] == ["with", "bad", "exit", "status", "1:"]
    assert lines[9] == "on top of the good lock that alone is enough:"
    assert lines[12] == "6 environments: 6 built"
    assert lines[13].startswith("found after 5, 1 more to see that it is enough; ")
    assert "not hermetic" in done.stderr


def test_what_can_only_change_together_is_one_step_and_says_why(site: Site):
    def pair(version: str, factor: float) -> list[Part]:
        return [
            Part("p01", version, factor, needs={"p02": f"=={version}"}),
            Part("p02", version, needs={"p01": f"=={version}"}),
        ]

    wheel_lock(site.folder, "good", parts(FEW, "1.0", pair("1.0", 1.0)))
    wheel_lock(site.folder, "bad", parts(FEW, "2.0", pair("2.0", TOO_LARGE)))

    found = site.found(GOOD, BAD)

    (culprit,) = found["culprits"]
    assert found["steps"] == FEW - 1
    assert names(culprit) == ["p01", "p02"]
    assert "p01 2.0 needs p02 ==2.0, found 1.0 (PyPI)" in culprit["together_since"]


def test_what_a_package_needs_is_moved_before_it_and_not_blamed(site: Site):
    needs = {"p04": ">=2", "p06": ">=2"}
    make_locks(site, Part("p03", "2.0", TOO_LARGE, needs=needs))

    found = site.found(GOOD, BAD)

    (culprit,) = found["culprits"]
    assert names(culprit) == ["p03"]
    assert culprit["needs"] == ["p04", "p06"]
    assert found["enough"] == ["p03", "p04", "p06"]


def test_a_package_that_was_added_and_one_that_was_removed_are_told_too(site: Site):
    wheel_lock(site.folder, "good", [*parts(FEW, "1.0"), Part("brake", factor=1.0)])
    wheel_lock(site.folder, "bad", [*parts(FEW, "2.0"), Part("boost", factor=TOO_LARGE)])

    found = site.found(GOOD, BAD)

    (culprit,) = found["culprits"]
    assert names(culprit) == ["boost"]
    assert culprit["packages"][0]["before"] == []


def test_conda_packages_are_walked_by_their_match_specs(site: Site):
    def chain(version: str, factor: float) -> list[Part]:
        older = {"1.0": "<2.0a0", "2.0": ">=2.0,<3.0a0"}[version]
        return [Part("p06", version, needs={"p07": older}), Part("p07", version, factor)]

    conda_lock(site.folder, "good", parts(FEW, "1.0", chain("1.0", 1.0)))
    conda_lock(site.folder, "bad", parts(FEW, "2.0", chain("2.0", TOO_LARGE)))
    (site.folder / "check.sh").write_text('! grep -q 2.6 "$CONDA_PREFIX"/share/parts/*\n')

    done = site.envlock("bisect", GOOD, BAD, "--check", "sh check.sh", "--json", "-q")

    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert [names(each) for each in found["culprits"]] == [["p06", "p07"]]
    assert found["tries_to_find"] <= 5


# --- where there is nothing to find ---------------------------------------------------------------


def test_a_good_one_that_is_not_good_is_said_after_one_environment(site: Site):
    make_locks(site, Part("p05", "2.0", TOO_LARGE))

    done = site.bisect(BAD, GOOD)

    assert done.returncode == 1
    assert f"{BAD} is not good: exit status 1: step 1.040, loss " in done.stdout
    assert "1 environment: 1 built" in done.stdout


def test_a_bad_one_that_is_not_bad_is_said_after_two(site: Site):
    make_locks(site)

    done = site.bisect(GOOD, BAD)

    assert done.returncode == 1
    assert f"{BAD} is not bad: exit status 0: step 0.400, loss " in done.stdout
    assert "2 environments: 2 built" in done.stdout


def test_two_locks_that_install_the_same_need_no_environment(site: Site):
    make_locks(site)
    shutil.copy(site.folder / GOOD, site.folder / BAD)

    done = site.bisect(GOOD, BAD)

    assert done.returncode == 1
    assert done.stdout.splitlines()[1] == "they install the same: nothing can make a difference"
    assert list((site.folder / "home" / "store").iterdir()) == []


def test_a_command_that_is_not_there_makes_the_good_one_not_good(site: Site):
    make_locks(site)

    done = site.bisect(GOOD, BAD, check="pythn train.py")

    assert done.returncode == 1
    assert "is not good: exit status 127: there is no command `pythn` in it" in done.stdout


def test_without_a_framework_there_is_no_training_to_compare(site: Site):
    make_locks(site)

    done = site.bisect(GOOD, BAD, check="loss")

    assert done.returncode == 1
    assert f"{GOOD} is not good: it has no framework that envlock can train" in done.stdout


def test_a_command_that_cannot_tell_leaves_a_remainder_that_is_named(site: Site):
    """Wherever p04 and p06 are not of one version, the check cannot tell."""
    make_locks(site, Part("p05", "2.0", TOO_LARGE))
    (site.folder / "maybe.py").write_text(
        "import importlib.metadata as m, runpy, sys\n"
        "if m.version('p04') != m.version('p06'): sys.exit(125)\n"
        "runpy.run_path('train.py', run_name='__main__')\n"
    )

    found = site.found(GOOD, BAD, check="python maybe.py")

    assert found["status"] == 3
    assert [names(step) for step in found["remainder"]] == [["p04"], ["p05"], ["p06"]]
    assert found["culprits"] == []


def test_a_command_that_hangs_is_ended_and_bad(site: Site):
    make_locks(site, count=4)
    (site.folder / "hang.py").write_text(
        "import importlib.metadata as m, subprocess, sys, time\n"
        "if m.version('p02') == '2.0':\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    open('left', 'a').write(f'{child.pid}\\n')\n"
        "    time.sleep(600)\n"
    )

    found = site.found(GOOD, BAD, "--timeout", "2", check="python hang.py")

    (culprit,) = found["culprits"]
    assert names(culprit) == ["p02"]
    assert culprit["with"]["said"] == "it did not end within 2 s"
    left = [int(line) for line in (site.folder / "left").read_text().split()]
    assert left
    assert not any(map(runs, left))


# --- going on -------------------------------------------------------------------------------------

INTERRUPTED = """\
import os, pathlib, runpy, signal, time
calls = pathlib.Path("calls")
calls.write_text((calls.read_text() if calls.exists() else "") + "x")
if len(calls.read_text()) == 5:
    pathlib.Path("child").write_text(str(os.getpid()))
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(600)
runpy.run_path("train.py", run_name="__main__")
"""


def test_an_interrupted_bisection_goes_on_and_says_so(site: Site):
    make_locks(site, Part("p05", "2.0", TOO_LARGE))
    (site.folder / "once.py").write_text(INTERRUPTED)

    first = site.bisect(GOOD, BAD, check="python once.py")
    second = site.bisect(GOOD, BAD, "--json", check="python once.py")
    third = site.bisect(GOOD, BAD, "--json", check="python once.py")
    again = site.bisect(GOOD, BAD, "--json", "--restart", check="python once.py")

    assert first.returncode == 130
    assert not runs(int((site.folder / "child").read_text()))
    assert "going on from an earlier run that looked at 4 environments" in second.stderr
    told = [json.loads(done.stdout) for done in (second, third, again)]
    assert [names(each["culprits"][0]) for each in told] == [["p05"]] * 3
    assert [each["tries"] for each in told] == [6, 6, 6]
    assert [each["recalled"] for each in told] == [4, 6, 0]
    assert [each["built"] for each in told] == [1, 0, 0]  # the fifth was built, not looked at
    assert len((site.folder / "calls").read_text()) == 5 + 2 + 6


def test_another_question_does_not_take_the_notes_of_this_one(site: Site):
    make_locks(site, Part("p02", "2.0", TOO_LARGE), count=4)
    site.bisect(GOOD, BAD)

    other = site.found(GOOD, BAD, check="python train.py --again")

    assert other["recalled"] == 0
    assert len(list((site.folder / "home" / "bisect").iterdir())) == 2


def test_damaged_notes_are_said_and_restart_gets_over_them(site: Site):
    make_locks(site, Part("p02", "2.0", TOO_LARGE), count=4)
    site.bisect(GOOD, BAD)
    (notes,) = (site.folder / "home" / "bisect").iterdir()
    notes.write_text("{")

    done = site.bisect(GOOD, BAD)

    assert done.returncode == 2
    assert "expected the notes of a bisection, version 1, found something else" in done.stderr
    assert site.bisect(GOOD, BAD, "--restart").returncode == 0
    assert json.loads(notes.read_text())["version"] == 1


# --- where locks come from ------------------------------------------------------------------------


def test_locks_are_read_from_git(site: Site):
    def git(*arguments: str) -> None:
        settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"]
        subprocess.run(
            ["git", *who, *arguments],
            cwd=site.folder,
            env={**os.environ, **settings},
            check=True,
            capture_output=True,
        )

    make_locks(site, Part("p05", "2.0", TOO_LARGE))
    git("init", "-q")
    shutil.copy(site.folder / GOOD, site.folder / "demo.conda-lock.yml")
    git("add", "demo.conda-lock.yml")
    git("commit", "-qm", "good")
    shutil.copy(site.folder / BAD, site.folder / "demo.conda-lock.yml")
    git("commit", "-qam", "bad")

    by_path = site.found("HEAD~1:demo.conda-lock.yml", "demo.toml")
    bare = site.found("HEAD~1", "demo.conda-lock.yml")

    assert names(by_path["culprits"][0]) == names(bare["culprits"][0]) == ["p05"]
    assert by_path["good"] == "HEAD~1:demo.conda-lock.yml"
    assert bare["recalled"] == bare["tries"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--check", ""), "--check: expected loss, accuracy, speed or a command, found nothing"),
        (("--check", "python 'a"), "--check: the command cannot be read: no closing quotation"),
        (("--check", "true", "--timeout", "0"), "--timeout: expected seconds above 0, found 0"),
        (("--check", "true", "--timeout", "nan"), "--timeout: expected seconds above 0, found nan"),
        (("--check", "loss", "--tolerance", "2"), "--tolerance: expected a number from 0 to 1"),
        (
            ("--check", "true", "--tolerance", "0.1"),
            "--tolerance and --framework are for trainings",
        ),
        (("--check", "loss", "--framework", "x"), "--framework: expected one of "),
    ],
)
def test_bad_options_are_said_before_anything_is_built(
    site: Site, arguments: tuple[str, ...], said: str
):
    make_locks(site, count=2)

    done = site.envlock("bisect", GOOD, BAD, *arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert not (site.folder / "home").exists()


def test_a_lock_without_packages_for_this_machine_is_said(site: Site):
    make_locks(site, count=2)
    lock = (site.folder / BAD).read_text().replace(HERE, "win-64")
    head = "\n".join(line for line in lock.splitlines() if "envlock/" not in line) + "\n"
    (site.folder / BAD).write_text(head)

    done = site.bisect(GOOD, BAD)

    assert done.returncode == 2
    assert f"{BAD}: expected packages for {HERE}, found none" in done.stderr
