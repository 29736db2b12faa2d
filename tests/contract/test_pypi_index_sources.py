"""What every source of packages answers: a live index, a recording of it, and the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.formats.core_metadata import requires_dist
from envlock.model.pypi import DistributionFile, Page
from envlock.model.stack import DEFAULT_INDEX
from envlock.ports.pypi import IndexSource, PackageSource, Recorder
from fakes_pypi import Form, HostedIndex, serve
from wheelhouse import Wheelhouse

AS_OF = "2025-01-01T00:00:00Z"


@dataclass
class World:
    """A source, and the address of one file of it."""

    source: PackageSource
    url: str

    def page(self, name: str) -> Page:
        page = self.source.page(name)
        assert page is not None
        return page

    def file(self, name: str, version: str) -> DistributionFile:
        (found,) = (item for item in self.page(name).files if f"-{version}-" in item.file_name)
        return found


def hosted(form: Form) -> HostedIndex:
    index = HostedIndex(form=form)
    index.add("tool", "1.0", "helper<2 ; sys_platform == 'linux'", "plot ; extra == 'fancy'")
    index.add("tool", "2.0").yanked = "it eats files"
    for listed in index.projects["tool"]:
        listed.requires_python = ">=3.9"
    return index


def live(url: str, cache: Path, environment: dict[str, str]) -> Recorder:
    indexes = LiveIndexes(base=cache, cache=cache, environment=environment)
    source = IndexSource(name=DEFAULT_INDEX, url="", location=f"{url}/simple/")
    return indexes.live([source], AS_OF, [])


def ask_everything(source: PackageSource, url: str) -> None:
    page = source.page("tool")
    assert page is not None
    files = [*page.files, *source.url_page("tool", url).files]
    for file in files:
        source.metadata(file)
        source.kernels("tool", "1.0", file)
    assert source.page("absent") is None


@pytest.fixture(params=["live JSON", "live HTML", "replay", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "memory":
        house = Wheelhouse()
        needs = ("helper<2 ; sys_platform == 'linux'", "plot ; extra == 'fancy'")
        file = house.add("tool", "1.0", *needs, requires_python=">=3.9")
        house.add("tool", "2.0", requires_python=">=3.9", yanked="it eats files")
        yield World(house, file.url)
        return
    index = hosted(Form.HTML if request.param == "live HTML" else Form.JSON)
    with serve(index) as server:
        url = f"{server}/files/tool-1.0-py3-none-any.whl"
        source = live(server, tmp_path, {})
        if request.param != "replay":
            yield World(source, url)
            return
        ask_everything(source, url)
        content = source.recording("uv 0.13.9", AS_OF)
    indexes = LiveIndexes(base=tmp_path, cache=tmp_path, environment={})
    yield World(indexes.replay(content).source, url)


def test_a_page_lists_the_files_of_a_project_in_their_order(world: World) -> None:
    page = world.page("tool")

    assert page.name == "tool"
    assert page.index == DEFAULT_INDEX
    assert [file.file_name for file in page.files] == [
        "tool-1.0-py3-none-any.whl",
        "tool-2.0-py3-none-any.whl",
    ]


def test_a_file_says_what_a_resolver_judges_it_by(world: World) -> None:
    old, new = world.page("tool").files

    assert old.requires_python == ">=3.9"
    assert (old.yanked, new.yanked) == (None, "it eats files")
    assert len({old.sha256, new.sha256}) == 2
    assert all(len(file.sha256) == 64 for file in (old, new))
    assert old.url.endswith("/tool-1.0-py3-none-any.whl")


def test_a_project_that_the_index_does_not_have_has_no_page(world: World) -> None:
    assert world.source.page("absent") is None


def test_metadata_says_what_a_file_needs(world: World) -> None:
    found = requires_dist(world.source.metadata(world.file("tool", "1.0")))

    assert [str(item) for item in found] == [
        'helper<2; sys_platform == "linux"',
        'plot; extra == "fancy"',
    ]


def test_metadata_names_its_distribution(world: World) -> None:
    text = world.source.metadata(world.file("tool", "2.0")).decode()

    assert text.startswith("Metadata-Version: 2.1\nName: tool\nVersion: 2.0\n")


def test_the_page_of_an_address_lists_that_one_file(world: World) -> None:
    page = world.source.url_page("tool", world.url)

    (file,) = page.files
    assert (page.index, page.name) == ("url", "tool")
    assert (file.file_name, file.url) == ("tool-1.0-py3-none-any.whl", world.url)
    assert file.sha256 == world.file("tool", "1.0").sha256
    assert b"helper" in world.source.metadata(file)


def test_a_wheel_that_is_no_framework_has_no_gpu_code(world: World) -> None:
    assert world.source.kernels("tool", "1.0", world.file("tool", "1.0")) is None


def test_the_same_question_has_the_same_answer(world: World) -> None:
    file = world.file("tool", "1.0")

    assert world.source.page("tool") == world.source.page("tool")
    assert world.source.metadata(file) == world.source.metadata(file)


def test_live_and_replayed_sources_give_the_same_bytes(tmp_path: Path) -> None:
    with serve(hosted(Form.JSON)) as server:
        url = f"{server}/files/tool-1.0-py3-none-any.whl"
        source = live(server, tmp_path, {})
        ask_everything(source, url)
        page = source.page("tool")
        assert page is not None
        texts = [source.metadata(file) for file in page.files]
        content = source.recording("uv 0.13.9", AS_OF)
    replay = LiveIndexes(base=tmp_path, cache=tmp_path, environment={}).replay(content)

    assert (replay.identity, replay.as_of) == ("uv 0.13.9", AS_OF)
    assert replay.source.page("tool") == page
    assert [replay.source.metadata(file) for file in page.files] == texts
