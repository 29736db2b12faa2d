"""The real uv over the loopback index."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from envlock.backends.pypi_loopback import Loopback
from envlock.backends.uv_resolver import UvResolver
from envlock.errors import PinError, WorldError
from envlock.model.platform import Platform
from envlock.model.pypi import DistributionFile, FixedPoint, PypiAnswer, PypiConflict, PypiQuestion
from wheelhouse import HOST, Wheelhouse, ask, question

NUMPY_1 = FixedPoint(name="numpy", version="1.26.4", package="numpy 1.26.4 py311_0")


def resolve(
    house: Wheelhouse, asked: PypiQuestion, urls: dict[str, str] | None = None
) -> PypiAnswer | PypiConflict:
    return UvResolver().resolve(house, asked, urls or {})


def chosen(result: PypiAnswer | PypiConflict) -> dict[str, str]:
    assert isinstance(result, PypiAnswer), result
    return {item.name: item.version for item in result.distributions}


def test_the_newest_that_fits_is_chosen_with_its_file_and_its_needs():
    house = Wheelhouse()
    house.add("Tool", "1.0")
    file = house.add(
        "Tool", "2.0", "helper<2 ; sys_platform == 'linux'", "absent ; os_name == 'nt'"
    )
    house.add("helper", "1.5")
    house.add("helper", "2.0")

    result = resolve(house, question("Tool"))

    assert chosen(result) == {"helper": "1.5", "tool": "2.0"}
    assert isinstance(result, PypiAnswer)
    tool = result.distributions[1]
    assert tool.file == file
    assert tool.depends == (("helper", "<2"),)
    assert tool.index == "default"


def test_an_extra_counts_where_somebody_asks_for_it():
    house = Wheelhouse()
    house.add("tool", "1.0", "plot ; extra == 'fancy'", "numpy", extras=["fancy"])
    house.add("plot", "1.0")
    house.add("numpy", "2.0")

    with_extra = resolve(house, question("tool[fancy]"))
    without = resolve(house, question("tool"))

    assert isinstance(with_extra, PypiAnswer)
    assert isinstance(without, PypiAnswer)
    assert with_extra.distributions[-1].depends == (("numpy", "*"), ("plot", "*"))
    assert without.distributions[-1].depends == (("numpy", "*"),)


def test_what_conda_provides_is_fixed_and_not_part_of_the_answer():
    house = Wheelhouse()
    house.add("tool", "1.0", "numpy<2")
    house.add("tool", "2.0", "numpy>=2")
    house.add("numpy", "2.1")

    result = resolve(house, question("tool", fixed=(NUMPY_1,)))

    assert chosen(result) == {"tool": "1.0"}
    assert "numpy" not in house.asked


def test_a_conflict_with_a_fixed_point_is_a_conflict():
    house = Wheelhouse()
    house.add("tool", "2.0", "numpy>=2")

    result = resolve(house, question("tool", fixed=(NUMPY_1,)))

    assert isinstance(result, PypiConflict)
    assert "numpy==1.26.4" in result.resolver_message


def test_a_constraint_binds_and_installs_nothing():
    house = Wheelhouse()
    house.add("tool", "1.0", "lib")
    house.add("lib", "1.0")
    house.add("lib", "2.0")

    asked = question("tool", constraints=(ask("lib<2"), ask("other<1")))

    assert chosen(resolve(house, asked)) == {"lib": "1.0", "tool": "1.0"}


@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        (Platform.LINUX_64, "cp311-cp311-manylinux_2_28_x86_64"),
        (Platform.LINUX_AARCH64, "cp311-cp311-manylinux_2_28_aarch64"),
        (Platform.OSX_ARM64, "cp311-cp311-macosx_11_0_arm64"),
        (Platform.OSX_64, "cp311-cp311-macosx_11_0_x86_64"),
        (Platform.WIN_64, "cp311-cp311-win_amd64"),
    ],
)
def test_every_platform_gets_its_own_wheel(platform: Platform, tag: str):
    house = Wheelhouse()
    for other in (
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-macosx_11_0_x86_64",
        "cp311-cp311-win_amd64",
        "cp312-cp312-manylinux_2_28_x86_64",
    ):
        house.add("tool", "1.0", tag=other)
    linux = platform in {Platform.LINUX_64, Platform.LINUX_AARCH64}
    macos = platform in {Platform.OSX_64, Platform.OSX_ARM64}

    result = resolve(
        house,
        question(
            "tool",
            platform=platform,
            glibc="2.28" if linux else None,
            macos="13.0" if macos else None,
        ),
    )

    assert isinstance(result, PypiAnswer)
    assert result.distributions[0].file.file_name == f"tool-1.0-{tag}.whl"


@pytest.mark.parametrize(("glibc", "version"), [("2.17", "1.0"), ("2.28", "2.0"), ("2.34", "3.0")])
def test_a_wheel_needs_no_newer_glibc_than_the_fleet_has(glibc: str, version: str):
    house = Wheelhouse()
    house.add("tool", "1.0", tag="py3-none-manylinux_2_17_x86_64")
    house.add("tool", "2.0", tag="py3-none-manylinux_2_28_x86_64")
    house.add("tool", "3.0", tag="py3-none-manylinux_2_34_x86_64")

    assert chosen(resolve(house, question("tool", glibc=glibc))) == {"tool": version}


def test_a_wheel_for_a_newer_macos_than_the_fleet_has_is_passed_over():
    house = Wheelhouse()
    house.add("tool", "1.0", tag="py3-none-macosx_12_0_arm64")
    house.add("tool", "2.0", tag="py3-none-macosx_14_0_arm64")
    asked = question("tool", platform=Platform.OSX_ARM64, glibc=None, macos="13.0")

    assert chosen(resolve(house, asked)) == {"tool": "1.0"}


def test_a_file_uploaded_after_the_date_is_not_seen():
    house = Wheelhouse()
    house.add("tool", "1.0")
    house.add("tool", "2.0", uploaded="2026-06-01T00:00:00Z")
    house.add("undated", "1.0", uploaded="")

    assert chosen(resolve(house, question("tool", "undated"))) == {"tool": "1.0", "undated": "1.0"}


def test_a_wheel_for_another_python_is_passed_over():
    house = Wheelhouse()
    house.add("tool", "1.0")
    house.add("tool", "2.0", requires_python=">=3.12")

    assert chosen(resolve(house, question("tool"))) == {"tool": "1.0"}


def test_a_yanked_version_is_taken_only_when_it_is_asked_for_exactly():
    house = Wheelhouse()
    house.add("tool", "1.0")
    house.add("tool", "2.0", yanked="broken")

    assert chosen(resolve(house, question("tool"))) == {"tool": "1.0"}
    assert chosen(resolve(house, question("tool==2.0"))) == {"tool": "2.0"}


def test_a_source_archive_on_a_page_is_chosen_like_a_wheel_and_named_as_it_is():
    house = Wheelhouse()
    file = house.add("tool", "1.0", "helper", file_name="tool-1.0.tar.gz")
    house.add("helper", "1.0")

    result = resolve(house, question("tool"))

    assert isinstance(result, PypiAnswer)
    assert result.distributions[1].file == file


def test_a_wheel_comes_before_the_source_archive_of_its_version():
    house = Wheelhouse()
    house.add("tool", "1.0", file_name="tool-1.0.tar.gz")
    house.add("tool", "1.0")

    result = resolve(house, question("tool"))

    assert isinstance(result, PypiAnswer)
    assert result.distributions[0].file.file_name == "tool-1.0-py3-none-any.whl"


def test_of_several_wheels_that_fit_the_one_of_the_machine_is_taken():
    house = Wheelhouse()
    house.add("tool", "1.0", tag="py3-none-any")
    house.add("tool", "1.0", tag="cp310-abi3-manylinux2014_x86_64")
    file = house.add("tool", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")

    result = resolve(house, question("tool"))

    assert isinstance(result, PypiAnswer)
    assert result.distributions[0].file == file


def test_a_distribution_of_one_address_comes_from_there_and_nowhere_else():
    house = Wheelhouse()
    file = house.add("tool", "1.0", "helper")
    house.add("tool", "2.0")
    house.add("helper", "1.0")

    result = resolve(house, question("tool"), {"tool": f"{HOST}/tool-1.0-py3-none-any.whl"})

    assert isinstance(result, PypiAnswer)
    assert result.distributions[1].file == file
    assert result.distributions[1].index == "url"


def test_what_is_kept_stays_while_it_fits():
    house = Wheelhouse()
    for version in ("1.0", "2.0"):
        house.add("tool", version)
        house.add("other", version)

    result = resolve(house, question("tool", "other", keep=(("tool", "1.0"),)))

    assert chosen(result) == {"other": "2.0", "tool": "1.0"}


def test_a_project_that_nobody_has_is_a_conflict():
    assert isinstance(resolve(Wheelhouse(), question("nothing")), PypiConflict)


def test_what_a_recording_does_not_hold_is_its_own_error_and_no_other_version_is_taken():
    house = Wheelhouse(unrecorded=frozenset({"helper"}))
    house.add("tool", "1.0")
    house.add("tool", "2.0", "helper")

    with pytest.raises(PinError, match="`helper` was never asked for"):
        resolve(house, question("tool"))


def test_an_index_that_fails_is_its_own_error():
    class Failing(Wheelhouse):
        def page(self, name: str) -> None:
            raise WorldError(f"the index answers 401 for `{name}`")

    with pytest.raises(WorldError, match="401 for `tool`"):
        resolve(Failing(), question("tool"))


def test_a_mistake_of_the_source_comes_out_as_it_is_and_nothing_is_printed(
    capfd: pytest.CaptureFixture[str],
):
    class Broken(Wheelhouse):
        def metadata(self, file: DistributionFile) -> bytes:
            raise ZeroDivisionError("ours")

    house = Broken()
    for version in range(20):
        house.add("tool", f"{version}.0")

    with pytest.raises(ZeroDivisionError, match="ours"):
        resolve(house, question("tool"))
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_breaks_off_is_not_talked_about(capfd: pytest.CaptureFixture[str]):
    with Loopback(Wheelhouse(), (), {}).serving() as loopback:
        place = urlsplit(loopback.index_url)
        for _ in range(20):
            connection = socket.create_connection((place.hostname or "", place.port or 0))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"GET /x HTTP/1.1\r\n")
            connection.close()
    assert capfd.readouterr() == ("", "")


def test_the_same_question_has_the_same_answer_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
):
    house = Wheelhouse()
    house.add("tool", "1.0")
    house.add("tool", "2.0rc1")
    before = resolve(house, question("tool"))
    for name, value in {
        "UV_PRERELEASE": "allow",
        "UV_RESOLUTION": "lowest",
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_EXCLUDE_NEWER": "2001-01-01",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "MACOSX_DEPLOYMENT_TARGET": "10.9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)

    assert resolve(house, question("tool")) == before


def test_another_process_cannot_read_the_index_without_its_token():
    house = Wheelhouse()
    house.add("secret-model", "1.0")
    with Loopback(house, (), {}).serving() as loopback:
        place = urlsplit(loopback.index_url)
        for path in ("/simple/secret-model/", f"/{'x' * 22}/simple/secret-model/", "/"):
            connection = HTTPConnection(place.netloc)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 400
            assert b"secret-model" not in answer.read()
            connection.close()
    assert house.asked == []


IN_THREADS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, sys.argv[1])
from wheelhouse import Wheelhouse, question
from envlock.backends.uv_resolver import UvResolver
house, resolver, ready = Wheelhouse(), UvResolver(), threading.Barrier(8)
house.add("tool", "1.0")
def resolve(_):
    ready.wait()
    return resolver.resolve(house, question("tool"), {})
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(resolve, range(8)))))
"""


@pytest.mark.parametrize("run", range(5))
def test_several_platforms_are_resolved_at_once_in_a_fresh_process(run: int):
    """Python's own `sysconfig`, which finds uv, answers with None while it is first filled."""
    tests = str(Path(__file__).parents[1])

    ran = subprocess.run(
        [sys.executable, "-c", IN_THREADS, tests], check=False, capture_output=True, text=True
    )

    assert (ran.stdout, ran.returncode) == ("1\n", 0), ran.stderr
