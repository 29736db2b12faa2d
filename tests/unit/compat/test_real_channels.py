"""The rules against the real records of conda-forge, nvidia and pytorch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from envlock.compat.builds import CpuBuild, CudaBuild, UnknownBuild, read_build
from envlock.compat.components import component_of, components, line_of, spec_for
from envlock.compat.frameworks import framework, known_frameworks
from envlock.model.platform import System
from envlock.model.version import CudaLine

Records = Sequence[dict[str, Any]]

# The upper bound names the line: libnvjitlink 12.6.77 depends on `cuda-version >=12,<12.7.0a0`.
BOUND_TO_A_MINOR = re.compile(r"cuda-version >=\d+(?:\.\d+)*,<(\d+)\.([1-9]\d*)(?:\.0a0|a0)?$")
BUILT_WITH = re.compile(
    r"(?:cuda-version >=(\d+\.\d+),<\d+$"
    r"|(?:cudatoolkit|pytorch-cuda) (?:>=)?(\d+\.\d+)(?:\.\d+)*(?:\.\*|,<.*)$)"
)
FRAMEWORK_PACKAGES = re.compile(
    r"(?:pytorch|libtorch|torchvision|torchaudio|jaxlib|tensorflow|tensorflow-base|triton"
    r"|pytorch-[cg]pu|(?:py-|lib)?xgboost|(?:lib)?faiss.*|libmagma.*|magma|cupy.*)$"
)


def line_by_dependency(record: dict[str, Any]) -> CudaLine | None:
    for text in record["depends"]:
        if match := BOUND_TO_A_MINOR.match(text):
            return CudaLine(int(match[1]), int(match[2]) - 1)
    return None


def lines_built_with(record: dict[str, Any]) -> set[CudaLine]:
    matches = filter(None, map(BUILT_WITH.match, record["depends"]))
    return {CudaLine.parse(match[1] or match[2]) for match in matches}


def components_in(records: Records) -> Iterator[tuple[dict[str, Any], CudaLine]]:
    for record in records:
        line = line_by_dependency(record)
        if line and record["channel"] in {"conda-forge", "nvidia"} and component_of(record["name"]):
            yield record, line


def test_the_line_of_every_component_is_the_one_that_its_dependency_names(
    channel_records: Records,
):
    found = [
        (record["name"], record["version"], line_of(record["name"], record["version"]), line)
        for record, line in components_in(channel_records)
    ]

    assert len(found) > 900
    assert [row for row in found if row[2] != row[3]] == []


def test_only_what_is_not_bound_to_one_line_is_left_out(channel_records: Records):
    bound = {record["name"] for record in channel_records if line_by_dependency(record)}

    others = {name for name in bound if component_of(name) is None}

    # libcuobjclient and nsight-compute are toolkit packages that the tables do not hold; a build of
    # cuda-bindings for aarch64 serves 12.0 and 12.1.
    assert others == {"cuda-bindings", "libcuobjclient", "libcuobjclient-dev", "nsight-compute"}


def test_cuda_packages_that_are_no_components_have_numbers_of_their_own(channel_records: Records):
    names = {record["name"] for record in channel_records if record["name"].startswith("cuda-")}

    assert {name for name in names if component_of(name) is None} == {
        "cuda-bindings",
        "cuda-cccl-impl",
        "cuda-core",
        "cuda-pathfinder",
        "cuda-python",
    }


def test_a_toolkits_libraries_are_of_its_line(channel_records: Records):
    """`cuda-libraries` pins each component, or in the nvidia channel names the oldest."""
    seen = 0
    for record in (item for item in channel_records if item["name"] == "cuda-libraries"):
        line = CudaLine.parse(record["version"])
        for text in record["depends"]:
            name, version = text.replace(">=", "").removesuffix(".*").split()
            if component_of(name):
                seen += 1
                assert line_of(name, version) == line, (record["version"], text)
    assert seen > 100


def test_every_component_that_is_numbered_like_the_toolkit_was_seen(channel_records: Records):
    seen = {component_of(record["name"]) for record in channel_records}

    assert set(components()) <= seen


def test_each_line_with_records_has_a_range(channel_records: Records):
    pairs = {
        (component_of(record["name"]), line) for record, line in components_in(channel_records)
    }

    assert [pair for pair in pairs if pair[0] is None or spec_for(pair[0], pair[1]) is None] == []


def test_the_tag_of_a_build_is_the_line_that_its_dependencies_name(channel_records: Records):
    said: Counter[type] = Counter()
    wrong = []
    for record in channel_records:
        if not FRAMEWORK_PACKAGES.match(record["name"]):
            continue
        build, lines = read(record), lines_built_with(record)
        said[type(build)] += 1
        if isinstance(build, CudaBuild):
            agrees = build.line is None or not lines or build.line in lines
        else:
            agrees = not lines
        if not agrees:
            wrong.append((record["name"], record["build"], build, lines))
    assert wrong == []
    assert said[CudaBuild] > 900
    assert said[CpuBuild] > 600
    assert said[UnknownBuild] < 60


def test_every_build_of_a_carrier_says_what_it_is(channel_records: Records):
    facts = [framework(name) for name in known_frameworks()]
    carriers = {item.carrier for item in facts if item}

    unclear = [
        (record["name"], record["build"])
        for record in channel_records
        if record["name"] in carriers and not is_clear(read(record))
    ]

    assert unclear == []


def is_clear(build: object) -> bool:
    return isinstance(build, CpuBuild) or (isinstance(build, CudaBuild) and build.line is not None)


def read(record: dict[str, Any]) -> CudaBuild | CpuBuild | UnknownBuild:
    system = record["subdir"].partition("-")[0]
    known = System(system) if system != "noarch" else System.LINUX
    return read_build(record["name"], record["build"], record["channel"], known)
