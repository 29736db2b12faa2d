from __future__ import annotations

from importlib.resources import files

import pytest

from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.model.version import CudaLine, parse_dotted

TABLES = (
    ("components", "release"),
    ("toolkit_numbered", "component"),
    ("drivers", "driver_cuda"),
    ("drivers", "minor_compat"),
    ("toolkit_drivers", "toolkit_driver"),
    ("frameworks", "framework"),
    ("architectures", "architecture"),
)
NVJPEG_WENT_BACK = ("12.2.0", "libnvjpeg")


def test_every_facts_file_is_among_the_tables_tested_here():
    folder = files("envlock.compat") / "facts"

    names = {entry.name for entry in folder.iterdir()}

    assert names == {f"{file}.toml" for file, _ in TABLES}


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_every_row_has_a_source_and_a_confidence(file: str, table: str):
    for row in read_table(file, table):
        assert len(row["source"]) > 10, row
        assert confidence_of(row) in Confidence


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_no_row_is_there_twice(file: str, table: str):
    rows = [tuple(row.items()) for row in read_table(file, table)]

    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_no_source_is_an_address(file: str, table: str):
    assert not [row for row in read_table(file, table) if "://" in row["source"]]


def component_columns() -> list[str]:
    first = read_table("components", "release")[0]
    return [column for column in first if column not in {"toolkit", "source", "confidence"}]


@pytest.mark.parametrize("component", component_columns())
def test_component_versions_never_fall_as_the_toolkit_rises(component: str):
    newest: tuple[int, ...] = ()
    for row in releases_with(component):
        version = parse_dotted(row[component])
        if (row["toolkit"], component) != NVJPEG_WENT_BACK:
            assert version >= newest, row
        newest = version


@pytest.mark.parametrize("component", component_columns())
def test_every_toolkit_line_from_11_7_to_13_5_has_every_component(component: str):
    lines = {CudaLine.parse(row["toolkit"]) for row in releases_with(component)}

    assert lines == {
        *(CudaLine(11, minor) for minor in (7, 8)),
        *(CudaLine(12, minor) for minor in (0, 1, 2, 3, 4, 5, 6, 8, 9)),
        *(CudaLine(13, minor) for minor in range(6)),
    }


@pytest.mark.parametrize("component", component_columns())
def test_no_component_version_is_in_two_toolkit_lines(component: str):
    lines: dict[str, CudaLine] = {}

    for row in releases_with(component):
        line = CudaLine.parse(row["toolkit"])
        assert lines.setdefault(row[component], line) == line, row


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_drivers_never_get_older_as_toolkits_get_newer(system: str):
    rows = sorted(
        read_table("toolkit_drivers", "toolkit_driver"),
        key=lambda row: parse_dotted(row["toolkit"]),
    )

    drivers = [parse_dotted(row[system]) for row in rows if row[system]]

    assert drivers == sorted(drivers)


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_minor_compatibility_floors_rise_with_the_major(system: str):
    rows = read_table("drivers", "minor_compat")

    assert [row["cuda_major"] for row in rows] == ["11", "12", "13"]
    assert [parse_dotted(row[system]) for row in rows] == sorted(
        parse_dotted(row[system]) for row in rows
    )


def test_newer_branches_offer_newer_cuda():
    rows = read_table("drivers", "driver_cuda")

    branches = [int(row["branch"]) for row in rows]
    lines = [CudaLine.parse(row["cuda"]) for row in rows]

    assert branches == sorted(set(branches))
    assert lines == sorted(set(lines))


def test_the_branch_that_ships_with_a_toolkit_offers_its_cuda():
    offered = {row["branch"]: row["cuda"] for row in read_table("drivers", "driver_cuda")}

    for row in read_table("toolkit_drivers", "toolkit_driver"):
        branch = row["linux"].partition(".")[0]
        assert offered[branch] == str(CudaLine.parse(row["toolkit"])), row


def releases_with(component: str) -> list[Row]:
    """The rows that name a version of the component, by toolkit release and then version."""
    rows = [row for row in read_table("components", "release") if row[component]]
    return sorted(
        rows, key=lambda row: (parse_dotted(row["toolkit"]), parse_dotted(row[component]))
    )
