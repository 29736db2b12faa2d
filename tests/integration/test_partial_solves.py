"""`--update`, `--platform`, `--as-of`, `--dry-run`: what moves, and above all what does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.conda_lock import read_lock
from tiny import Channels, make_pin, make_stack, record

STACK = """\
[stack]
name = "demo"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"

[dependencies]
numpy = "*"
scipy = "*"
"""
OLD = 1_600_000_000_000
OLD_RECORDS = [
    record("python", "3.11.1", timestamp=OLD),
    record("numpy", "2.0", timestamp=OLD, depends=["blas"]),
    record("scipy", "1.0", timestamp=OLD, depends=["blas"]),
    record("blas", "1.0", timestamp=OLD),
]
NEW_RECORDS = [
    record("python", "3.11.2"),
    record("numpy", "2.1", depends=["blas >=1"]),
    record("scipy", "1.1", depends=["blas >=2"]),
    record("blas", "2.0"),
]
BEFORE: Channels = {"conda-forge": {"linux-64": OLD_RECORDS}}
AFTER: Channels = {"conda-forge": {"linux-64": [*OLD_RECORDS, *NEW_RECORDS]}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))


def locked(platform: str = "linux-64") -> dict[str, str]:
    lock = read_lock(Path("demo.conda-lock.yml").read_bytes(), "demo.conda-lock.yml")
    return {package.name: package.version for package in lock.packages_on(platform)}


def move_on() -> None:
    """The channels moved: the stack now solves from a pin that also has newer builds."""
    pins, digest = make_pin(Path(), AFTER)
    pins.assign("demo", digest)


def test_an_update_moves_the_named_package_and_nothing_else():
    make_stack(Path(), STACK, BEFORE)
    assert main(["solve", "-q", "demo.toml"]) == 0
    move_on()

    assert main(["solve", "-q", "demo.toml", "--update", "numpy"]) == 0

    assert locked() == {"python": "3.11.1", "numpy": "2.1", "scipy": "1.0", "blas": "1.0"}


def test_an_update_moves_what_it_must():
    make_stack(Path(), STACK, BEFORE)
    assert main(["solve", "-q", "demo.toml"]) == 0
    move_on()

    assert main(["solve", "-q", "demo.toml", "--update", "scipy"]) == 0

    assert locked() == {"python": "3.11.1", "numpy": "2.0", "scipy": "1.1", "blas": "2.0"}


def test_an_updated_lock_is_fresh_and_says_what_was_updated(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    move_on()
    main(["solve", "-q", "demo.toml", "--update", "numpy", "blas"])

    assert main(["solve", "--check", "demo.toml"]) == 0

    lock = read_lock(Path("demo.conda-lock.yml").read_bytes(), "")
    assert lock.head.facts["envlock/updated"] == "blas, numpy"


def test_updating_what_is_not_locked_is_refused(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])

    assert main(["solve", "demo.toml", "--update", "nunpy"]) == 2

    assert capsys.readouterr().err == (
        "error: demo.conda-lock.yml: does not lock `nunpy`; nothing was updated\n\n"
        "hint: `envlock show` lists what is locked\n"
    )


def test_updating_without_a_lock_is_refused(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "demo.toml", "--update", "numpy"]) == 2

    assert capsys.readouterr().err == (
        "error: demo.conda-lock.yml: there is no lock to update\n\n"
        "hint: solve it first, without `--update`\n"
    )


def test_as_of_sees_only_builds_up_to_that_day():
    make_stack(Path(), STACK, AFTER)

    assert main(["solve", "-q", "demo.toml", "--as-of", "2020-09-13"]) == 0

    assert locked() == {"python": "3.11.1", "numpy": "2.0", "scipy": "1.0", "blas": "1.0"}
    lock = read_lock(Path("demo.conda-lock.yml").read_bytes(), "")
    assert lock.head.facts["envlock/as-of"] == "2020-09-13T23:59:59Z"


def test_as_of_counts_in_utc_whatever_zone_the_date_names():
    make_stack(Path(), STACK, AFTER)

    # The old builds are of 2020-09-13T12:26:40Z.
    assert main(["solve", "-q", "demo.toml", "--as-of", "2020-09-13T14:26:40+02:00"]) == 0
    assert main(["solve", "-q", "demo.toml", "--as-of", "2020-09-13T14:26:39+02:00"]) == 3


def test_a_date_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, AFTER)

    assert main(["solve", "demo.toml", "--as-of", "yesterday"]) == 2

    assert capsys.readouterr().err == (
        "error: --as-of: expected a date such as 2026-01-31 or 2026-01-31T12:00:00Z, "
        "found `yesterday`\n"
    )


TWO = STACK.replace('["linux-64"]', '["linux-64", "win-64"]')
TWO_CHANNELS: Channels = {
    "conda-forge": {
        "linux-64": OLD_RECORDS,
        "win-64": [(name, {**fields, "subdir": "win-64"}) for name, fields in OLD_RECORDS],
    }
}


def test_solving_one_platform_keeps_the_other_as_it_is_locked():
    make_stack(Path(), TWO, TWO_CHANNELS)
    main(["solve", "-q", "demo.toml"])
    whole = Path("demo.conda-lock.yml").read_bytes()

    assert main(["solve", "-q", "demo.toml", "--platform", "win-64"]) == 0

    assert Path("demo.conda-lock.yml").read_bytes() == whole


def test_a_lock_of_some_platforms_is_not_fresh(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), TWO, TWO_CHANNELS)
    assert main(["solve", "-q", "demo.toml", "--platform", "win-64"]) == 0

    assert main(["solve", "--check", "demo.toml"]) == 1

    assert capsys.readouterr().out == (
        "demo.conda-lock.yml: stale\n  not locked for linux-64, which the stack asks for\n"
    )


def test_a_platform_that_the_stack_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "demo.toml", "--platform", "win-64"]) == 2

    assert capsys.readouterr().err == (
        "error: demo.toml:3: stack.platforms: win-64 is not a platform of demo: it has linux-64\n"
        "No lock was written.\n"
    )


def test_a_dry_run_writes_nothing_and_tells_what_would_change(
    capsys: pytest.CaptureFixture[str],
):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "demo.toml", "--dry-run"]) == 0

    assert not Path("demo.conda-lock.yml").exists()
    assert "not written (--dry-run): demo.conda-lock.yml would change" in capsys.readouterr().err


def test_json_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "demo.toml", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["lock"] == "demo.conda-lock.yml"
    assert told["written"] is True
    assert told["platforms"] == {
        "linux-64": {"packages": 4, "distributions": 0, "download_bytes": 4000}
    }


def test_an_error_with_json_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK.replace('"3.11.*"', '"4.*"'), BEFORE)

    assert main(["solve", "demo.toml", "--json"]) == 3

    told = json.loads(capsys.readouterr().out)
    assert told["error"] == "NoSolutionError"
    assert told["exit_code"] == 3


def test_a_lock_that_is_already_right_is_not_written_again(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    first = Path("demo.conda-lock.yml").stat()

    assert main(["solve", "demo.toml"]) == 0

    assert "unchanged: demo.conda-lock.yml" in capsys.readouterr().err
    assert Path("demo.conda-lock.yml").stat().st_ino == first.st_ino


def test_what_moved_is_told_against_the_lock_that_was_there(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    move_on()
    capsys.readouterr()

    assert main(["solve", "demo.toml", "--update", "scipy", "--dry-run"]) == 0

    assert capsys.readouterr().err == (
        "demo\n\n"
        "  linux-64: 4 packages, 4.0 kB to download\n"
        "    accelerator  cpu\n\n"
        "    up  blas   1.0 -> 2.0\n"
        "    up  scipy  1.0 -> 1.1\n\n"
        "note: solved from an observed pin, a partial view of the channels; "
        "`envlock index show` tells more\n\n"
        "not written (--dry-run): demo.conda-lock.yml would change\n"
    )


def test_one_stack_that_fails_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "absent.toml", "demo.toml"]) == 2

    told = capsys.readouterr()
    assert told.out == "demo.conda-lock.yml\n"
    assert told.err.startswith("error: absent.toml: there is no such file\n")


def test_several_stacks_with_json_are_one_object(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "--json", "absent.toml", "demo.toml"]) == 2

    first, second = json.loads(capsys.readouterr().out)["stacks"]
    assert (first["stack"], first["exit_code"]) == ("absent.toml", 2)
    assert (second["lock"], second["written"]) == ("demo.conda-lock.yml", True)


def test_a_platform_alone_is_refused_where_it_would_drop_the_others(
    capsys: pytest.CaptureFixture[str],
):
    make_stack(Path(), TWO, TWO_CHANNELS)
    main(["solve", "-q", "demo.toml"])
    whole = Path("demo.conda-lock.yml").read_bytes()
    Path("demo.toml").write_text(TWO.replace('numpy = "*"', 'numpy = "2.*"'), "utf-8")

    assert main(["solve", "demo.toml", "--platform", "win-64"]) == 2

    assert capsys.readouterr().err == (
        "error: demo.conda-lock.yml: holds linux-64 of another stack or pin than there is now; "
        "solving win-64 alone would drop that\nNo lock was written.\n\n"
        "hint: solve all platforms: `envlock solve demo.toml`\n"
    )
    assert Path("demo.conda-lock.yml").read_bytes() == whole


def test_an_update_that_moves_nothing_leaves_the_lock_as_it_is(
    capsys: pytest.CaptureFixture[str],
):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    before = Path("demo.conda-lock.yml").read_bytes()

    assert main(["solve", "demo.toml", "--update", "numpy"]) == 0

    assert Path("demo.conda-lock.yml").read_bytes() == before
    assert "note: numpy: nothing newer fits\n" in capsys.readouterr().err


def test_a_lock_that_thaws_says_so(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, AFTER)
    main(["solve", "-q", "demo.toml", "--as-of", "2020-09-13"])

    assert main(["solve", "demo.toml"]) == 0

    assert capsys.readouterr().err.startswith(
        "note: the lock that was there saw builds up to 2020-09-13T23:59:59Z only; this one sees "
        "all (`--as-of 2020-09-13T23:59:59Z` freezes it again)\n"
    )


def test_a_missing_lock_is_missing_not_stale(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)

    assert main(["solve", "--check", "demo.toml"]) == 1

    assert capsys.readouterr().out == "demo.conda-lock.yml: missing\n"


def test_a_check_sees_that_the_pin_is_gone(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    (pin,) = (path for path in Path("pins").iterdir() if path.is_dir())
    shutil.rmtree(pin)

    assert main(["solve", "--check", "demo.toml"]) == 2

    assert "there is no such index pin" in capsys.readouterr().err


def test_a_tampered_lock_is_not_laundered_by_a_partial_solve(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), TWO, TWO_CHANNELS)
    main(["solve", "-q", "demo.toml"])
    lock = Path("demo.conda-lock.yml")
    tampered = lock.read_text("utf-8").replace(
        "conda.anaconda.org/conda-forge/win", "evil.example/win"
    )
    lock.write_text(tampered, "utf-8")

    assert main(["solve", "demo.toml", "--platform", "linux-64"]) == 2

    assert capsys.readouterr().err == (
        "error: demo.conda-lock.yml: the lock is not what its own digests say, so nothing of it is "
        "kept\nNo lock was written.\n\n"
        "hint: solve it whole, without `--platform` and `--update`\n"
    )
    assert lock.read_text("utf-8") == tampered


def test_solving_platform_by_platform_does_not_get_past_the_skew(
    capsys: pytest.CaptureFixture[str],
):
    stack = TWO.partition("[dependencies]")[0] + '[frameworks]\npytorch = "2.*"\n'
    linux = [record("python", "3.11.1"), record("pytorch", "2.5.0", "cpu_0")]
    windows = [
        record("python", "3.11.1", subdir="win-64"),
        record("pytorch", "2.3.0", "cpu_0", subdir="win-64"),
    ]
    make_stack(Path(), stack, {"conda-forge": {"linux-64": linux, "win-64": windows}})
    assert main(["solve", "-q", "demo.toml", "--platform", "linux-64"]) == 0

    assert main(["solve", "-q", "demo.toml", "--platform", "win-64"]) == 3

    assert "pytorch would be 2.3.0 on win-64, 2.5.0 on linux-64" in capsys.readouterr().err


def test_a_lock_with_other_line_ends_is_still_fresh():
    make_stack(Path(), STACK, BEFORE)
    main(["solve", "-q", "demo.toml"])
    lock = Path("demo.conda-lock.yml")
    lock.write_bytes(lock.read_bytes().replace(b"\n", b"\r\n"))

    assert main(["solve", "-q", "--check", "demo.toml"]) == 0


def test_a_symlinked_lock_stays_a_link():
    make_stack(Path(), STACK, BEFORE)
    Path("real.yml").write_text("old\n", "utf-8")
    Path("demo.conda-lock.yml").symlink_to("real.yml")

    assert main(["solve", "-q", "demo.toml"]) == 0

    assert Path("demo.conda-lock.yml").is_symlink()
    assert b"numpy" in Path("real.yml").read_bytes()


def test_a_package_without_sha256_is_refused_by_name(capsys: pytest.CaptureFixture[str]):
    name, fields = record("blas", "1.0", timestamp=OLD)
    bare = (name, {key: value for key, value in fields.items() if key != "sha256"})
    make_stack(Path(), STACK, {"conda-forge": {"linux-64": [*OLD_RECORDS[:3], bare]}})

    assert main(["solve", "demo.toml"]) == 3

    assert "\n  blas 1.0 0 of conda-forge on linux-64\nNo lock was written.\n" in (
        capsys.readouterr().err
    )


def test_a_cudnn_range_that_is_none_is_told_with_its_place(capsys: pytest.CaptureFixture[str]):
    gpu = '[gpu]\ncuda = "12.1"\ncudnn = "9..1"\n'
    make_stack(Path(), STACK + gpu, BEFORE)

    assert main(["solve", "demo.toml"]) == 2

    assert "demo.toml:14: gpu.cudnn: " in capsys.readouterr().err


def test_the_solvers_own_words_are_there_for_who_asks(capsys: pytest.CaptureFixture[str]):
    make_stack(Path(), STACK.replace('numpy = "*"', 'numpy = "9.*"'), BEFORE)

    assert main(["solve", "--verbose", "demo.toml"]) == 3
    told = capsys.readouterr().err
    assert main(["solve", "--json", "demo.toml"]) == 3
    detail = json.loads(capsys.readouterr().out)["detail"]

    assert told.startswith(f"the solver says:\n{detail}\n\nerror: no solution for demo")
    assert "numpy 9.*" in detail
