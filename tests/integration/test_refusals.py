"""What solve refuses: the whole message, the exit status, and that nothing is written.

Each test runs the command line in-process with the real solver over a tiny pin.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.model.pin import Origin
from tiny import Channels, Record, make_stack, record

HEAD = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"
"""
GPU = (
    HEAD.replace('["conda-forge"]', '["pytorch", "nvidia", "conda-forge"]')
    + """
[gpu]
cuda = "12.1"
"""
)
PYTHON = record("python", "3.11.9")
OBSERVED_HINT = (
    "hint: the pin is a partial view, collected from published locks; "
    "`envlock index update demo.toml` asks the channels\n"
)


def forge(*records: Record) -> Channels:
    return {"conda-forge": {"linux-64": [PYTHON, *records]}}


def gpu_channels(*torch: Record, nvidia: tuple[Record, ...] = ()) -> Channels:
    by_subdir: dict[str, list[Record]] = {"linux-64": [], "noarch": []}
    for item in nvidia:
        by_subdir[str(item[1]["subdir"])].append(item)
    return {"pytorch": {"linux-64": torch}, "nvidia": by_subdir, **forge()}


def torch(version: str, build: str, *depends: str) -> Record:
    return record("pytorch", version, build, depends=["python >=3.11,<3.12.0a0", *depends])


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Solve a stack that must be refused; return the exit status and what stderr says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))

    def run(
        text: str,
        channels: Channels,
        *arguments: str,
        origin: Origin = Origin.OBSERVED,
        asked: Sequence[str] = (),
    ) -> tuple[int, str]:
        make_stack(Path(), text, channels, origin=origin, asked=asked)
        Path("demo.conda-lock.yml").write_text("what was there\n", "utf-8")
        before = sorted(path.name for path in Path().iterdir())

        status = main(["solve", *arguments, "demo.toml"])

        out, err = capsys.readouterr()
        assert out == ""
        assert Path("demo.conda-lock.yml").read_text("utf-8") == "what was there\n"
        after = {path.name for path in Path().iterdir()} - {"cache"}
        assert after == {*before} - {"cache"}
        digest = next(path.name for path in Path("pins").iterdir() if path.is_dir())
        return status, err.replace(digest[:12], "<pin>")

    return run


def test_a_package_that_the_observed_pin_does_not_hold(refuse):
    status, told = refuse(HEAD + '[dependencies]\nscipy = "*"\n', forge())

    assert status == 3
    assert told == (
        "error: no solution for demo on linux-64 in this partial view (observed pin <pin>)\n"
        "  `scipy` is not among the records that were collected\n"
        "    demo.toml:9: dependencies.scipy asks for `scipy`\n"
        "No lock was written.\n\n" + OBSERVED_HINT
    )


def test_an_unknown_package_of_a_live_pin_is_another_message(refuse):
    channels = forge(record("numpy", "2.1.0"))

    status, told = refuse(HEAD + '[dependencies]\nnumpi = "*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  `numpi` is in none of the channels\n"
        "    demo.toml:9: dependencies.numpi asks for `numpi`\n"
        "No lock was written.\n\n"
        "hint: did you mean `numpy`?\n"
    )


def test_a_package_that_the_pin_was_never_asked_for_is_a_third_message(refuse):
    channels = forge(record("numpy", "2.1.0"))
    stack = HEAD + '[dependencies]\nscipy = "*"\n'

    status, told = refuse(stack, channels, origin=Origin.LIVE, asked=("numpy *", "python 3.11.*"))

    assert status == 3
    assert told == (
        "error: no solution for demo on linux-64 in what the pin was asked for (live pin <pin>)\n"
        "  `scipy` was not asked for when the pin was made\n"
        "    demo.toml:9: dependencies.scipy asks for `scipy`\n"
        "No lock was written.\n\n"
        "hint: ask for it: `envlock index pin --extend demo.toml`\n"
    )


def test_versions_that_the_pin_was_never_asked_for_are_told_as_such(refuse):
    stack = HEAD.replace("3.11.*", "3.13.*")

    status, told = refuse(stack, forge(), origin=Origin.LIVE, asked=("python 3.11.*",))

    assert status == 3
    assert told == (
        "error: no solution for demo on linux-64 in what the pin was asked for (live pin <pin>)\n"
        "  no version of `python` meets `python 3.13.*`\n"
        "    demo.toml:7: python.version\n"
        "    the pin has python 3.11.9\n"
        "No lock was written.\n\n"
        "hint: the pin was asked for `python 3.11.*` only; `envlock index pin demo.toml` asks the "
        "channels anew\n"
    )


def test_a_gpu_that_the_line_has_left_is_refused_with_the_last_line_for_it(refuse):
    stack = GPU.replace("12.1", "13.0") + 'compute = ["7.0", "9.0"]\n'

    status, told = refuse(stack, gpu_channels())

    assert status == 3
    assert told.splitlines()[1].startswith(
        "  linux-64: CUDA 13.0 has left Volta (compute capability 7.0); "
        "the last line for it is 12.9 ("
    )
    assert told.endswith("hint: lower `gpu.cuda` to 12.9, or take 7.0 out of `gpu.compute`\n")


def test_a_version_that_does_not_exist_is_told_what_there_is(refuse):
    channels = forge(record("numpy", "2.1.0"), record("numpy", "1.26.4"))

    status, told = refuse(HEAD + '[dependencies]\nnumpy = "9.*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  no version of `numpy` meets `numpy 9.*`\n"
        "    demo.toml:9: dependencies.numpy\n"
        "    the pin has numpy 2.1.0, 1.26.4\n"
        "No lock was written.\n\n"
        "hint: ask for one of those, or for less: demo.toml:9: dependencies.numpy\n"
    )


def test_a_wrong_build_pattern_is_told_the_builds(refuse):
    stack = HEAD + '[dependencies]\nnumpy = { version = "2.*", build = "*cuda*" }\n'

    status, told = refuse(stack, forge(record("numpy", "2.1.0", "py311_0")), origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  no build of `numpy` meets `numpy 2.* with build *cuda*`\n"
        "    demo.toml:9: dependencies.numpy\n"
        "    the pin has builds py311_0\n"
        "No lock was written.\n\n"
        "hint: ask for one of those, or for less: demo.toml:9: dependencies.numpy\n"
    )


def test_a_cpu_build_never_passes_for_a_gpu_build(refuse):
    channels = gpu_channels(torch("2.5.1", "py3.11_cpu_0"), record("pytorch-cuda", "12.1"))

    status, told = refuse(GPU + '[frameworks]\npytorch = "2.*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: no GPU build of pytorch for demo on linux-64\n"
        "  demo.toml:12: frameworks.pytorch needs a build that CUDA 12.1 can run\n"
        "  pytorch has there: CPU\n"
        "No lock was written.\n\n"
        'hint: declare the platform without CUDA: `[target.linux-64] accelerator = "cpu"`, '
        "or take it out of `stack.platforms`\n"
        "hint: or move `gpu.cuda` to a line that a build was made for\n"
    )


def test_a_build_for_a_newer_cuda_is_no_gpu_build_of_this_line(refuse):
    channels = gpu_channels(torch("2.5.1", "py3.11_cuda12.4_cudnn9.1.0_0"))

    status, told = refuse(GPU + '[frameworks]\npytorch = "2.*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert "  pytorch has there: CUDA 12.4 with cuDNN 9.1.0\n" in told


def test_a_cudnn_that_no_build_carries_is_refused(refuse):
    stack = GPU + 'cudnn = ">=10"\n[frameworks]\npytorch = "2.*"\n'

    status, told = refuse(
        stack, gpu_channels(torch("2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0")), origin=Origin.LIVE
    )

    assert status == 3
    assert told.startswith(
        "error: no GPU build of pytorch for demo on linux-64\n"
        "  demo.toml:13: frameworks.pytorch needs a build that CUDA 12.1 with cuDNN >=10 can run\n"
        "  pytorch has there: CUDA 12.1 with cuDNN 9.1.0\n"
    )


def test_a_cuda_version_newer_than_the_line_is_refused(refuse):
    channels = gpu_channels(
        torch("2.4.0", "py3.11_cuda12.1_cudnn9.1.0_0", "cuda-version >=12.4"),
        nvidia=(record("cuda-version", "12.4", subdir="noarch"),),
    )

    status, told = refuse(GPU + '[frameworks]\npytorch = "2.*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  these cannot all hold:\n"
        "    `pytorch 2.* built for CUDA 12.1` (demo.toml:12: frameworks.pytorch)\n"
        "    `cuda-version 12.1.*`, if it is installed (demo.toml:10: gpu.cuda); "
        "the pin has it of CUDA 12.4\n"
        "  `pytorch 2.4.0` needs `cuda-version >=12.4`\n"
        "No lock was written.\n\n"
        "hint: move `gpu.cuda` to a line that the pin has\n"
    )


def test_a_component_of_a_newer_line_is_refused_until_the_stack_allows_it(refuse):
    channels = gpu_channels(nvidia=(record("libnvjitlink", "12.9.86"),))
    stack = GPU + '[dependencies]\nlibnvjitlink = "*"\n'

    status, told = refuse(stack, channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  these cannot all hold:\n"
        "    `libnvjitlink` (demo.toml:12: dependencies.libnvjitlink)\n"
        "    `libnvjitlink of CUDA 12.1`, if it is installed (demo.toml:10: gpu.cuda); "
        "the pin has it of CUDA 12.9\n"
        "No lock was written.\n\n"
        'hint: let it be newer: add "libnvjitlink" to `newer-components` under [gpu] '
        "(allowed within one CUDA major)\n"
    )


def test_conflicting_pins_name_both_lines_and_where_they_meet(refuse):
    channels = forge(
        record("a", depends=["c >=2"]),
        record("b", depends=["d"]),
        record("d", depends=["c <2"]),
        record("c", "1.0"),
        record("c", "2.0"),
        record("unrelated"),
    )
    stack = HEAD + '[dependencies]\nunrelated = "*"\na = "*"\nb = "*"\n'

    status, told = refuse(stack, channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  these cannot all hold:\n"
        "    `a` (demo.toml:10: dependencies.a)\n"
        "    `b` (demo.toml:11: dependencies.b)\n"
        "  `a 1.0` needs `c >=2`\n"
        "  `b 1.0` needs `d`, which needs `c <2`\n"
        "No lock was written.\n\n"
        "hint: relax one of those lines\n"
    )


def test_a_cuda_too_low_names_the_fleet_driver(refuse):
    stack = GPU + '[fleet]\ndriver = "535"\n[dependencies]\nx = "*"\n'
    channels = {
        **gpu_channels(),
        **forge(record("x", depends=["__glibc >=2.17,<3.0.a0", "__cuda >=12.8"])),
    }

    status, told = refuse(stack, channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  these cannot all hold:\n"
        "    `x` (demo.toml:14: dependencies.x)\n"
        "    `__cuda` is 12.2 (fleet.driver = 535)\n"
        "  `x 1.0` needs `__cuda >=12.8`\n"
        "No lock was written.\n\n"
        "hint: raise `fleet.driver` (or `gpu.cuda`), or choose builds for an older CUDA\n"
    )


def test_a_cuda_package_in_a_cpu_stack_is_told_about_gpu(refuse):
    channels = forge(record("x", depends=["__cuda >=12"]))

    status, told = refuse(HEAD + '[dependencies]\nx = "*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert "    there is no `__cuda`: this is not a CUDA stack on this platform\n" in told
    assert told.endswith("hint: add a [gpu] table, or choose a build without CUDA\n")


def test_a_driver_below_the_floor_of_the_line_is_refused_with_the_row(refuse):
    stack = GPU + '[fleet]\ndriver = "470"\n[frameworks]\npytorch = "2.*"\n'
    channels = gpu_channels(torch("2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0"))

    status, told = refuse(stack, channels)

    assert status == 3
    lines = told.splitlines()
    assert lines[0] == "error: the answer for demo would not run as the stack says"
    assert lines[1].startswith(
        "  linux-64: CUDA 12.1 needs driver 525.60.13 or newer, the fleet has 470 ("
    )
    assert lines[1].endswith("; verified)")
    assert lines[2:] == [
        "    (demo.toml:12: fleet.driver)",
        "No lock was written.",
        "",
        "hint: raise `fleet.driver` when the fleet is updated, or lower `gpu.cuda`",
    ]


def test_a_glibc_newer_than_the_fleets_is_refused(refuse):
    channels = forge(record("x", depends=["__glibc >=2.34,<3.0.a0"]))

    status, told = refuse(HEAD + '[dependencies]\nx = "*"\n', channels, origin=Origin.LIVE)

    assert status == 3
    assert "    `__glibc` is 2.28 (a default)\n  `x 1.0` needs `__glibc >=2.34,<3.0.a0`\n" in told


def test_strict_priority_that_hides_the_only_fitting_version_is_named(refuse):
    stack = (
        HEAD.replace('["conda-forge"]', '["other", "conda-forge"]')
        + '[dependencies]\nnumpy = ">=2"\n'
    )
    channels = {
        "other": {"linux-64": [record("numpy", "1.0")]},
        **forge(record("numpy", "2.1.0")),
    }

    status, told = refuse(stack, channels, origin=Origin.LIVE)

    assert status == 3
    assert told == (
        "error: demo cannot be satisfied on linux-64 (live pin <pin>)\n"
        "  these cannot all hold:\n"
        "    `numpy >=2` (demo.toml:9: dependencies.numpy)\n"
        "    strict channel priority: the first of other, conda-forge that has a name is the "
        "only one asked for it\n"
        "No lock was written.\n\n"
        "hint: reorder `stack.channels`, name the channel of the dependency, or set "
        '`channel-priority = "disabled"`\n'
    )


def test_a_date_before_every_build_is_named(refuse):
    channels = {
        "conda-forge": {
            "linux-64": [
                record("python", "3.11.9", timestamp=1_500_000_000_000),
                record("numpy", "2.1.0"),
            ]
        }
    }
    stack = HEAD + '[dependencies]\nnumpy = "2.*"\n'

    status, told = refuse(stack, channels, "--as-of", "2020-01-01", origin=Origin.LIVE)

    assert status == 3
    assert "    only builds up to the date given with `--as-of`\n" in told
    assert told.endswith("hint: choose a later `--as-of`\n")


def test_a_framework_in_two_versions_is_named_as_a_skew(refuse):
    stack = (
        GPU.replace('["linux-64"]', '["linux-64", "win-64"]') + '[frameworks]\npytorch = "2.*"\n'
    )
    windows = record("pytorch", "2.3.1", "py3.11_cuda12.1_cudnn8_0", subdir="win-64")
    channels = {
        "pytorch": {
            "linux-64": [torch("2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0")],
            "win-64": [windows],
        },
        "nvidia": {},
        "conda-forge": {
            "linux-64": [PYTHON],
            "win-64": [record("python", "3.11.9", subdir="win-64")],
        },
    }

    status, told = refuse(stack, channels)

    assert status == 3
    assert told == (
        "error: the answer for demo would not run as the stack says\n"
        "  win-64: pytorch would be 2.5.1 on linux-64, 2.3.1 on win-64: one lock, two frameworks\n"
        "    (demo.toml:12: frameworks.pytorch)\n"
        "No lock was written.\n\n"
        "hint: pin one version that all of them have, or declare the difference: "
        '`[target.win-64.frameworks]` with `pytorch = "2.3.1"`\n'
    )


def test_a_platform_that_the_pin_was_never_asked_for_is_refused(refuse):
    stack = HEAD.replace('["linux-64"]', '["linux-64", "win-64"]')

    status, told = refuse(stack, forge())

    assert status == 2
    assert told == (
        "error: the index pin <pin>… of demo was never asked for win-64 of conda-forge\n"
        "No lock was written.\n\n"
        "hint: widen it: `envlock index pin --extend demo.toml`\n"
    )


def test_a_platform_that_no_channel_has_is_refused(refuse):
    stack = HEAD.replace('["linux-64"]', '["linux-64", "win-64"]')
    channels = {"conda-forge": {"linux-64": [PYTHON], "win-64": []}}

    status, told = refuse(stack, channels)

    assert status == 3
    assert told == (
        "error: no channel of demo holds a package for win-64 (pin <pin>…, observed)\n"
        "No lock was written.\n\n"
        "hint: take win-64 out of `stack.platforms`, or add a channel that has it\n"
    )


def test_pypi_packages_without_a_recording_are_refused_and_not_dropped(refuse):
    stack = HEAD + '[pypi-dependencies]\nrequests = "*"\n'

    status, told = refuse(stack, forge())

    assert status == 2
    assert told == (
        "error: demo.toml: stack `demo` takes packages from PyPI and has no recording of the "
        "package index to solve from\n"
        "No lock was written.\n\n"
        "hint: ask the package index once: `envlock index record demo.toml`\n"
    )
