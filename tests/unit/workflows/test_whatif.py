"""Machines that are only named, and what is said of locks on them."""

from __future__ import annotations

import pytest

from envlock.errors import EnvlockError, InputFileError, LockError
from envlock.formats.conda_lock import format_lock
from envlock.model.host import Host, HostGpu, HostProblem, Numbering, ProblemLevel
from envlock.model.platform import Platform
from envlock.model.verdict import Fit, Missing, Workload
from envlock.workflows.whatif import (
    Wish,
    find_gpu,
    imagine_host,
    judge_candidate,
    read_candidate,
    suit,
)
from fakes import FakeWorkspace
from locks import locked, make_lock

STACK = b"""\
[stack]
name = "demo"
platforms = ["linux-64", "win-64"]
channels = ["conda-forge"]

[python]
version = "3.12.*"
"""
LOCK = format_lock(make_lock(locked("python", "3.12.1"), platforms=["linux-64"]))
BOX = Host(
    name="box",
    platform=Platform.LINUX_64,
    driver="535.183.06",
    driver_cuda="12.2",
    gpus=(HostGpu(name="NVIDIA A100-SXM4-40GB", compute="8.0"),),
    glibc="2.35",
    problems=(HostProblem(code="x", level=ProblemLevel.BROKEN, message="m"),),
)


# --- the machine ----------------------------------------------------------------------------------


def test_a_gpu_alone_gets_the_newest_driver_that_drives_it():
    host = imagine_host(Wish(gpus=("V100",)))

    assert (host.driver, host.platform, host.name) == (
        "580",
        Platform.LINUX_64,
        f"{host.gpus[0].name}, driver 580",
    )


def test_a_driver_and_several_gpus():
    host = imagine_host(Wish(driver="570.26", gpus=("H100", "10.0")))

    assert host.driver == "570.26"
    assert [gpu.compute for gpu in host.gpus] == ["9.0", "10.0"]


def test_a_grace_machine_is_aarch64_unless_somebody_says_otherwise():
    assert imagine_host(Wish(gpus=("GB200",))).platform is Platform.LINUX_AARCH64
    wish = Wish(gpus=("GB200",), platform=Platform.LINUX_64)
    assert imagine_host(wish).platform is Platform.LINUX_64


def test_a_recorded_machine_stays_as_it_is_where_nothing_is_wished():
    assert imagine_host(Wish(), BOX) == BOX


def test_a_new_driver_mends_a_recorded_machine():
    host = imagine_host(Wish(driver="580.65.06"), BOX)

    assert (host.driver, host.driver_cuda, host.problems) == ("580.65.06", None, ())
    assert host.gpus == BOX.gpus
    assert host.name == "box, driver 580.65.06"


def test_wsl_counts_in_windows_numbers():
    wish = Wish(driver="551.78", gpus=("T4",), numbering=Numbering.WINDOWS, wsl=True)

    host = imagine_host(wish)

    assert (host.numbering, host.wsl) == (Numbering.WINDOWS, True)
    assert host.name.endswith("driver 551.78, WSL")


@pytest.mark.parametrize("text", ["H100", "h100", "9.0"])
def test_a_gpu_is_found_by_model_or_by_compute_capability(text: str):
    assert find_gpu(text).compute == "9.0"


def test_an_unknown_model_gets_near_names():
    with pytest.raises(EnvlockError) as caught:
        find_gpu("B20")

    assert str(caught.value) == "--gpu: the model `B20` is not known"
    assert "`B200`" in caught.value.hints[0]


def test_a_model_far_from_all_names_gets_another_way():
    with pytest.raises(EnvlockError) as caught:
        find_gpu("zzzzzzzzzz")

    assert caught.value.hints == ("name its compute capability instead, such as `--gpu 9.0`",)


def test_an_unknown_compute_capability_gets_the_known_ones():
    with pytest.raises(EnvlockError) as caught:
        find_gpu("9.9")

    assert str(caught.value) == "--gpu: no GPU of compute capability 9.9 is known"
    assert "9.0" in caught.value.hints[0]


@pytest.mark.parametrize("text", ["new", "580a", "", "1.2.3.4.5", "-1", "\uff15\uff18\uff10"])
def test_a_driver_is_a_version(text: str):
    with pytest.raises(EnvlockError, match="--driver: expected a version such as 580"):
        imagine_host(Wish(driver=text))


def test_a_glibc_is_a_version():
    with pytest.raises(EnvlockError, match=r"--glibc: expected a version such as 2\.28"):
        imagine_host(Wish(driver="580", glibc="musl"))


def test_a_machine_that_is_not_there_has_the_glibc_that_is_asked_for():
    workload = Workload(name="x", platform=Platform.LINUX_64, glibc="2.28")
    host = imagine_host(Wish(gpus=("H100",)))

    assert suit(host, workload).glibc == "2.28"
    assert suit(BOX, workload).glibc == "2.35"
    assert suit(host, None) == host


def test_where_nobody_names_a_gpu_there_are_those_that_are_declared():
    workload = Workload(name="x", platform=Platform.LINUX_64, compute=("7.5", "9.0"))

    host = suit(imagine_host(Wish(driver="580")), workload)

    assert [gpu.compute for gpu in host.gpus] == ["7.5", "9.0"]


# --- the files ------------------------------------------------------------------------------------


def test_a_stack_is_judged_by_its_lock_where_it_has_one():
    workspace = FakeWorkspace({"a/demo.toml": STACK, "a/demo.conda-lock.yml": LOCK})

    candidate = read_candidate("a/demo.toml", workspace)

    assert (candidate.path, candidate.read) == ("a/demo.toml", "a/demo.conda-lock.yml")
    assert (candidate.name, candidate.is_locked) == ("demo", True)
    assert [*candidate.workloads] == [Platform.LINUX_64]


def test_a_stack_without_a_lock_is_judged_by_its_wishes():
    candidate = read_candidate("demo.toml", FakeWorkspace({"demo.toml": STACK}))

    assert (candidate.name, candidate.is_locked) == ("demo", False)
    assert set(candidate.workloads) == {Platform.LINUX_64, Platform.WIN_64}
    assert not candidate.needs_gpu(Platform.LINUX_64)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/demo.conda-lock.yml", "demo"),
        ("demo.yaml", "demo"),
        (".yml", ".yml"),
        ("c:\\x\\demo.conda-lock.yaml", "demo"),
    ],
)
def test_a_lock_is_called_after_its_file(path: str, name: str):
    assert read_candidate(path, FakeWorkspace({path: LOCK})).name == name


def test_a_lock_of_platforms_that_nobody_knows_is_for_none():
    content = LOCK.replace(b"linux-64", b"plan9-64")

    candidate = read_candidate("x.yml", FakeWorkspace({"x.yml": content}))

    assert candidate.workloads == {}
    assert judge_candidate(candidate, BOX).fit is Fit.REFUSED


def test_a_lock_for_another_platform_is_refused_with_what_would_do():
    candidate = read_candidate("x.yml", FakeWorkspace({"x.yml": LOCK}))
    mac = Host(name="mac", platform=Platform.OSX_ARM64)

    verdict = judge_candidate(candidate, mac)

    assert verdict.deciding is not None
    assert verdict.deciding.subject == "platform"
    assert isinstance(verdict.deciding.coverage, Missing)
    assert verdict.deciding.coverage.evidence.fact == "it is not locked for osx-arm64"
    assert verdict.deciding.coverage.remedy == "add osx-arm64 to `stack.platforms`, then solve"


@pytest.mark.parametrize("path", ["x", "x.json", "x\x1b.txt"])
def test_another_file_is_refused(path: str):
    with pytest.raises(InputFileError, match=r"expected a stack, which ends in `.toml`"):
        read_candidate(path, FakeWorkspace({path: b""}))


def test_of_a_lock_of_another_tool_is_told_who_judges_it():
    with pytest.raises(InputFileError) as caught:
        read_candidate("gpu/pixi.lock", FakeWorkspace({"gpu/pixi.lock": b""}))

    assert [fault.hint for fault in caught.value.faults] == [
        "locks of other tools are judged by `envlock audit --driver 535 --gpu H100 FILE`"
    ]


def test_a_lock_that_is_none_is_refused():
    with pytest.raises(LockError):
        read_candidate("x.yml", FakeWorkspace({"x.yml": b"a: 1"}))
