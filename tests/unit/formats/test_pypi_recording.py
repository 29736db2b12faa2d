"""Recordings: the same answers are the same bytes, and what is read back can be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from envlock.backends.pypi_recording import open_recording
from envlock.errors import PinError
from envlock.formats.pypi_recording import (
    RecordedIndex,
    Recording,
    format_recording,
    parse_recording,
)
from envlock.model.pypi import DistributionFile, Page
from envlock.model.stack import DEFAULT_INDEX, IndexFormat
from envlock.model.verdict import Evidence, Kernels
from envlock.model.version import CudaLine

AS_OF = "2025-01-01T00:00:00Z"
HOST = "https://files.example.org"
OLD = DistributionFile(
    file_name="tool-1.0-py3-none-any.whl",
    url=f"{HOST}/tool-1.0-py3-none-any.whl",
    sha256="a" * 64,
    size_bytes=10,
    uploaded="2024-01-01T00:00:00Z",
    requires_python=">=3.9",
    yanked="",
)
NEW = DistributionFile(
    file_name="tool-2.0-py3-none-any.whl", url="wheels/tool-2.0-py3-none-any.whl", sha256="b" * 64
)
CODE = Kernels(
    artifact="tool 2.0 wheel",
    line=CudaLine(12, 1),
    sass=("8.0",),
    evidence=Evidence(fact="é", row="x", source="y", confidence="verified"),
)
URL = f"{HOST}/${{TOKEN}}/tool-1.0-py3-none-any.whl"
RECORDING = Recording(
    identity="uv 1",
    as_of=AS_OF,
    indexes=(
        RecordedIndex(name="own", url="https://${A}@example.org/x", format=IndexFormat.FLAT),
        RecordedIndex(name=DEFAULT_INDEX, url=""),
    ),
    pages={
        "tool": Page(index=DEFAULT_INDEX, name="tool", files=(OLD, NEW)),
        "empty": Page(index="own", name="empty", files=()),
        "absent": None,
    },
    url_pages={("tool", URL): Page(index="url", name="tool", files=(OLD,))},
    metadata={"b" * 64: "Name: tool\n", "a" * 64: "Name: tool\n"},
    kernels={"b" * 64: CODE, "a" * 64: None},
)


def test_a_recording_reads_back() -> None:
    assert parse_recording(format_recording(RECORDING)) == RECORDING


def test_order_does_not_change_the_bytes() -> None:
    turned = Recording(
        identity=RECORDING.identity,
        as_of=AS_OF,
        indexes=RECORDING.indexes,
        pages=dict(reversed(RECORDING.pages.items())),
        url_pages=RECORDING.url_pages,
        metadata=dict(reversed(RECORDING.metadata.items())),
        kernels=dict(reversed(RECORDING.kernels.items())),
    )

    assert format_recording(turned) == format_recording(RECORDING)


def test_the_bytes_are_these() -> None:
    small = Recording(
        identity="uv 1",
        as_of=AS_OF,
        indexes=(RecordedIndex(name=DEFAULT_INDEX, url=""),),
        pages={"tool": Page(index=DEFAULT_INDEX, name="tool", files=(NEW,)), "gone": None},
        metadata={"b" * 64: "Name: tool\n"},
        kernels={"b" * 64: None},
    )

    assert format_recording(small).decode() == (
        '{"absent":["gone"],"addresses":{},"as_of":"2025-01-01T00:00:00Z",'
        '"indexes":[{"format":"simple","name":"default","url":""}],'
        f'"kernels":{{"{"b" * 64}":null}},"metadata":{{"{"b" * 64}":"Name: tool\\n"}},'
        '"pages":{"default":{"tool":[{"file_name":"tool-2.0-py3-none-any.whl",'
        f'"sha256":"{"b" * 64}","url":"wheels/tool-2.0-py3-none-any.whl"}}]}}}},'
        '"resolver":"uv 1","version":1}\n'
    )


def changed(change: Callable[[Any], object]) -> bytes:
    value = json.loads(format_recording(RECORDING))
    change(value)
    return json.dumps(value).encode()


FILES = "default"
FORGERIES: dict[str, tuple[Callable[[Any], object], str]] = {
    "another version": (lambda v: v.update(version=2), "Invalid enum value 2 - at `$.version`"),
    "an unknown key": (lambda v: v.update(more=1), "Object contains unknown field `more`"),
    "a missing key": (lambda v: v.pop("pages"), "Object missing required field `pages`"),
    "no moment": (
        lambda v: v.update(as_of="2025-13-01T00:00:00Z"),
        "month must be in 1..12",
    ),
    "an index twice": (
        lambda v: v["indexes"].append(v["indexes"][0]),
        "expected each index once - at `$.indexes`",
    ),
    "pages of nobody": (
        lambda v: v["pages"].update(other={}),
        "expected the pages of indexes that it names - at `$.pages['other']`",
    ),
    "two owners": (
        lambda v: v["pages"]["own"].update(tool=[]),
        "expected one owner for each project - at `$.pages['own'].tool`",
    ),
    "absent and there": (
        lambda v: v["absent"].append("tool"),
        "expected one owner for each project - at `$.pages['default'].tool`",
    ),
    "another order": (
        lambda v: v["pages"]["default"]["tool"].reverse(),
        "expected each file once and in order - at `$.pages['default'].tool`",
    ),
    "no digest": (
        lambda v: v["pages"]["default"]["tool"][0].update(sha256="abc"),
        "- at `$.pages[...][...][0].sha256`",
    ),
    "a way out": (
        lambda v: v["pages"]["default"]["tool"][0].update(file_name="../x.whl"),
        "- at `$.pages[...][...][0].file_name`",
    ),
    "a login": (
        lambda v: v["pages"]["default"]["tool"][0].update(url="https://me:pw@x.org/tool.whl"),
        "expected an address without credentials - at `$.pages['default'].tool[0].url`",
    ),
    "a name that is not normal": (
        lambda v: v["pages"]["default"].update(Tool=[]),
        "- at `key` in `$.pages[...]`",
    ),
}


@pytest.mark.parametrize(("change", "problem"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_recording_is_refused_with_the_place(
    change: Callable[[Any], object], problem: str
) -> None:
    with pytest.raises(PinError) as caught:
        open_recording(changed(change))

    assert str(caught.value).startswith("not a recording of package indexes: ")
    assert problem in str(caught.value)
    assert str(caught.value).endswith("\nNo lock was written.")
    assert caught.value.hints == ("record anew: `envlock index record STACK`",)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b"\xff", b'{"version":1}'])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    with pytest.raises(PinError, match="not a recording of package indexes: "):
        open_recording(content)


def test_what_was_never_asked_has_no_answer() -> None:
    source = open_recording(format_recording(RECORDING)).source
    other = DistributionFile(file_name="x-1-py3-none-any.whl", url="x", sha256="c" * 64)
    questions: dict[str, Callable[[], object]] = {
        "for `other`": lambda: source.page("other"),
        "for `tool` at https://x.org/a.whl": lambda: source.url_page("tool", "https://x.org/a.whl"),
        "for the METADATA of `x-1-py3-none-any.whl`": lambda: source.metadata(other),
        "for the GPU code of `x-1-py3-none-any.whl` (x 1)": lambda: source.kernels("x", "1", other),
    }

    for told, question in questions.items():
        with pytest.raises(PinError) as caught:
            question()
        assert str(caught.value) == (
            "the recording of the package indexes has no answer: nobody asked "
            f"{told} when it was made\nNo lock was written."
        )
        assert caught.value.hints == ("record anew: `envlock index record STACK`",)


def test_what_was_asked_is_answered() -> None:
    replay = open_recording(format_recording(RECORDING))
    source = replay.source

    assert (replay.identity, replay.as_of) == ("uv 1", AS_OF)
    assert source.page("tool") == RECORDING.pages["tool"]
    assert source.page("absent") is None
    assert source.url_page("tool", f"{URL}#sha256={'a' * 64}").files == (OLD,)
    assert source.metadata(NEW) == b"Name: tool\n"
    assert source.kernels("tool", "2.0", NEW) == CODE
    assert source.kernels("tool", "1.0", OLD) is None
