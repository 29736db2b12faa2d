"""The real default index: what is recorded of it is what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import requests
from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.model.pypi import DistributionFile
from envlock.model.stack import DEFAULT_INDEX
from envlock.ports.pypi import IndexSource, Recorder

pytestmark = pytest.mark.index

AS_OF = "2026-01-01T00:00:00Z"
FILES = {
    "torch": "torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl",
    "tensorflow": ("tensorflow-2.19.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
    "numpy": "numpy-2.1.3-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
}


@pytest.fixture(scope="module", autouse=True)
def _reachable() -> None:
    try:
        requests.head(f"{PYPI_SIMPLE_ENDPOINT}numpy/", timeout=10).raise_for_status()
    except requests.RequestException as error:
        pytest.skip(f"the default package index cannot be reached: {type(error).__name__}")


@pytest.fixture
def live(tmp_path: Path) -> Recorder:
    indexes = LiveIndexes(base=tmp_path, cache=tmp_path, environment=os.environ)
    source = IndexSource(name=DEFAULT_INDEX, url="", location="")
    return indexes.live([source], AS_OF, [])


def file_of(live: Recorder, name: str) -> DistributionFile:
    page = live.page(name)
    assert page is not None
    (found,) = (file for file in page.files if file.file_name == FILES[name])
    return found


@pytest.mark.parametrize("name", FILES)
def test_all_wheels_for_our_machines_up_to_the_moment_are_listed(name: str, live: Recorder) -> None:
    with PyPISimple() as client:
        packages = client.get_project_page(name).packages
    expected = {
        item.filename
        for item in packages
        if item.package_type == "wheel"
        and item.upload_time is not None
        and item.upload_time.isoformat() < AS_OF
        and not any(word in item.filename for word in ("musllinux", "win32", "win_arm64"))
        and any(
            word in item.filename for word in ("any", "x86_64", "aarch64", "win_amd64", "macosx")
        )
    }
    page = live.page(name)

    assert page is not None
    found = {file.file_name for file in page.files}
    unlisted = {item for item in expected - found if "i686" not in item and "ppc64" not in item}
    assert found <= expected
    assert unlisted == set()


def test_torch_says_what_it_needs_and_which_gpus_it_has_code_for(live: Recorder) -> None:
    file = file_of(live, "torch")

    text = live.metadata(file).decode()
    kernels = live.kernels("torch", "2.4.1", file)

    assert "nvidia-cudnn-cu12 (==9.1.0.70)" in text
    assert kernels is not None
    assert kernels.sass == ("5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0")


def test_tensorflow_says_what_it_needs_and_which_gpus_it_has_code_for(live: Recorder) -> None:
    file = file_of(live, "tensorflow")

    assert "Provides-Extra: and-cuda\n" in live.metadata(file).decode()
    kernels = live.kernels("tensorflow", "2.19.0", file)
    assert kernels is not None
    assert (kernels.sass, kernels.ptx) == (("6.0", "7.0", "8.0", "8.9"), ("9.0",))


def test_a_recording_answers_as_the_index_did(live: Recorder, tmp_path: Path) -> None:
    file = file_of(live, "numpy")
    text = live.metadata(file)
    assert live.kernels("numpy", "2.1.3", file) is None
    assert live.page("no-such-project-of-envlock") is None
    indexes = LiveIndexes(base=tmp_path, cache=tmp_path, environment={})

    replayed = indexes.replay(live.recording("uv 1", AS_OF)).source

    assert replayed.page("numpy") == live.page("numpy")
    assert replayed.page("no-such-project-of-envlock") is None
    assert replayed.metadata(file) == text
    assert replayed.kernels("numpy", "2.1.3", file) is None
