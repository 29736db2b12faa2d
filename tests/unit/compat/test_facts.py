from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any

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
    ("gpus", "model"),
    ("torch_wheels", "wheel"),
    ("torch_variants", "variant"),
    ("tensorflow_wheels", "wheel"),
    ("jax_plugins", "plugin"),
    ("jax_plugins", "build"),
    ("conda_kernels", "conda_forge"),
    ("glibc", "wheel"),
    ("glibc", "conda_forge"),
    ("cudnn", "matrix"),
    ("cudnn", "rule"),
    ("cudnn", "note"),
    ("forward", "eligible"),
    ("forward", "base"),
    ("forward_compat", "feature_branch"),
    ("forward_compat", "lifecycle"),
    ("forward_compat", "report"),
    ("ptx_compilers", "compiler"),
    ("ptx_compilers", "own_assembler"),
    ("pitfalls", "pitfall"),
    ("nvidia_wheels", "wheel"),
    ("distributions", "provides"),
    ("pypi_frameworks", "framework"),
    ("cloud", "instance"),
    ("gpu_rates", "rate"),
    ("import_names", "renamed"),
    ("base_images", "system"),
    ("base_images", "framework"),
)
NVJPEG_WENT_BACK = ("12.2.0", "libnvjpeg")


def documents() -> dict[str, dict[str, Any]]:
    """Every facts file: its name -> its tables."""
    folder = files("envlock.compat") / "facts"
    return {
        entry.name.removesuffix(".toml"): tomllib.loads(entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
    }


def test_every_table_of_every_facts_file_is_tested_here():
    found = {(file, table) for file, tables in documents().items() for table in tables}

    assert {pair for pair in found if pair[1] != "sources"} == set(TABLES)


def test_every_source_is_the_source_of_a_row():
    for file, tables in documents().items():
        named = {
            row["source"]
            for name, table in TABLES
            if name == file
            for row in read_table(file, table)
        }
        assert set(tables["sources"].values()) == named, file


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_source_and_confidence_are_the_last_columns(file: str, table: str):
    assert all(list(row)[-2:] == ["source", "confidence"] for row in read_table(file, table))


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_what_is_from_memory_is_never_verified(file: str, table: str):
    told = [row for row in read_table(file, table) if row["source"].startswith("from memory")]

    assert {confidence_of(row) for row in told} <= {Confidence.RECALLED}


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


@pytest.mark.parametrize("file", sorted({file for file, _ in TABLES}))
def test_no_table_names_a_host_or_a_folder_of_somebodys(file: str):
    """Facts are told by the document that they stand in, which outlives its address."""
    text = (files("envlock.compat") / "facts" / f"{file}.toml").read_text(encoding="utf-8")

    hosts = re.findall(r"\b[a-z0-9-]+\.(?:org|com|io|net|dev)\b", text)
    folders = re.findall(r"/(?:work|home|root|tmp|Users)\b\S*", text)
    assert hosts + folders == []


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


# --- the tables about GPUs and wheels, against each other -----------------------------------------

ARCHITECTURES = {row["compute"]: row for row in read_table("architectures", "architecture")}
LINES = {
    str(CudaLine.parse(row["toolkit"])) for row in read_table("toolkit_drivers", "toolkit_driver")
}
BUILDS = [
    (file, row)
    for file, table in TABLES
    if file
    in {"torch_wheels", "torch_variants", "tensorflow_wheels", "jax_plugins", "conda_kernels"}
    for row in read_table(file, table)
    if row.get("sass")
]
THOR_IN_CUDA_12 = "10.1"
"""Has no row of its own: CUDA 13 calls it 11.0."""
OLDER_THAN_THE_TOOLKITS_TABLE = {"10.2", "11.2", "11.3"}


def test_architectures_are_in_order_and_their_toolkits_too():
    rows = list(ARCHITECTURES.values())

    computes = [parse_dotted(row["compute"]) for row in rows]
    assert computes == sorted(set(computes))
    for row in rows:
        last = row["last_toolkit"]
        assert not last or CudaLine.parse(row["first_toolkit"]) <= CudaLine.parse(last), row


def test_newer_desktop_architectures_of_one_major_need_no_older_driver():
    floors = [
        (parse_dotted(row["first_toolkit"]), parse_dotted(row["min_driver"]))
        for row in ARCHITECTURES.values()
        if row["min_driver"]
    ]

    assert [driver for _, driver in sorted(floors)] == sorted(driver for _, driver in floors)


def test_a_driver_row_has_a_confidence_and_only_that():
    for row in ARCHITECTURES.values():
        assert bool(row["min_driver"]) == bool(row["min_driver_confidence"]), row
        assert row["tegra"] in {"", "yes"}
        assert not (row["tegra"] and row["min_driver"]), "Jetson counts its drivers otherwise"


@pytest.mark.parametrize("compute", [c for c, row in ARCHITECTURES.items() if row["min_driver"]])
def test_the_oldest_driver_of_a_gpu_offers_its_first_toolkit(compute: str):
    row = ARCHITECTURES[compute]
    branch = row["min_driver"].partition(".")[0]
    offered = {r["branch"]: CudaLine.parse(r["cuda"]) for r in read_table("drivers", "driver_cuda")}

    if branch in offered:
        assert offered[branch] >= CudaLine.parse(row["first_toolkit"])
    else:
        assert int(branch) < min(map(int, offered))


def test_the_last_driver_of_a_gpu_runs_its_last_toolkits_major():
    """Kepler's ends at CUDA 11.4, and runs 11.8 by minor-version compatibility."""
    offered = {r["branch"]: CudaLine.parse(r["cuda"]) for r in read_table("drivers", "driver_cuda")}
    for row in ARCHITECTURES.values():
        if row["last_driver"]:
            last = CudaLine.parse(row["last_toolkit"])
            assert offered[row["last_driver"]].major >= last.major, row


def test_every_gpu_model_is_of_a_known_architecture_and_stands_once():
    rows = read_table("gpus", "model")
    names = [row["name"] for row in rows]

    assert {row["compute"] for row in rows} <= set(ARCHITECTURES)
    assert {row["compute"] for row in rows} == set(ARCHITECTURES), "an architecture without a model"
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("file", "row"), BUILDS)
def test_a_builds_line_has_a_driver_row(file: str, row: Row):
    assert row["cuda"] in LINES | OLDER_THAN_THE_TOOLKITS_TABLE, file


@pytest.mark.parametrize(("file", "row"), BUILDS)
def test_a_builds_gpus_are_in_order_and_its_toolkit_compiles_for_them(file: str, row: Row):
    line = CudaLine.parse(row["cuda"])
    for cell in ("sass", "ptx"):
        computes = row.get(cell, "").split()
        assert computes == sorted(computes, key=parse_dotted), file
        for compute in set(computes) - {THOR_IN_CUDA_12}:
            known = ARCHITECTURES[compute]
            assert CudaLine.parse(known["first_toolkit"]) <= line, (file, compute)
            assert not known["last_toolkit"] or line <= CudaLine.parse(known["last_toolkit"])


def test_the_aarch64_cells_of_torch_go_together():
    for row in read_table("torch_wheels", "wheel"):
        assert bool(row["cuda_aarch64"]) == bool(row["sass_aarch64"]), row


def test_a_torch_wheel_is_one_of_its_releases_variants():
    variants = {
        (row["minor"], row["cuda"], row["platform"]): row
        for row in read_table("torch_variants", "variant")
    }
    for row in read_table("torch_wheels", "wheel"):
        minor = ".".join(row["version"].split(".")[:2])
        assert variants[minor, row["cuda"], "linux-64"]["sass"] == row["sass"], row
        if row["cuda_aarch64"]:
            built = variants[minor, row["cuda_aarch64"], "linux-aarch64"]
            assert built["sass"] == row["sass_aarch64"], row


@pytest.mark.parametrize("file", ["torch_wheels", "tensorflow_wheels"], ids=["torch", "tensorflow"])
def test_newer_wheels_are_compiled_with_no_older_toolkit(file: str):
    rows = sorted(read_table(file, "wheel"), key=lambda row: parse_dotted(row["version"]))
    lines = [CudaLine.parse(row["cuda"]) for row in rows]

    assert lines == sorted(lines)
    assert len({row["version"] for row in rows}) == len(rows)


def test_every_jax_plugin_has_a_build_row():
    builds = read_table("jax_plugins", "build")
    for row in read_table("jax_plugins", "plugin"):
        assert any(
            item["major"] == row["major"]
            and parse_dotted(item["since"]) <= parse_dotted(row["version"])
            for item in builds
        ), row


@pytest.mark.parametrize("where", [("distribution", "platform")])
def test_glibc_floors_rise(where: tuple[str, str]):
    rows = read_table("glibc", "wheel")
    for place in {tuple(row[key] for key in where) for row in rows}:
        own = [row for row in rows if tuple(row[key] for key in where) == place]
        assert [parse_dotted(row["since"]) for row in own] == sorted(
            parse_dotted(row["since"]) for row in own
        )
        assert [parse_dotted(row["glibc"]) for row in own] == sorted(
            parse_dotted(row["glibc"]) for row in own
        )


def test_cudnns_stretches_run_forwards():
    for row in read_table("cudnn", "matrix"):
        for first, last in (
            ("first", "last"),
            ("cuda_first", "cuda_last"),
            ("compute_first", "compute_last"),
        ):
            assert parse_dotted(row[first]) <= parse_dotted(row[last]), row


def test_the_cudnn_matrix_names_the_linux_floors_of_minor_compatibility():
    floors = {row["cuda_major"]: row["linux"] for row in read_table("drivers", "minor_compat")}
    for row in read_table("cudnn", "matrix"):
        major = row["cuda_first"].partition(".")[0]
        if row["driver_linux"]:
            floor = parse_dotted(floors[major])
            assert parse_dotted(row["driver_linux"]) >= floor or row["driver_linux"] == "615", row


def test_branches_of_forward_compatibility_are_known_and_of_one_kind():
    bases = {row["branch"] for row in read_table("forward", "base")}
    feature = {row["branch"] for row in read_table("forward_compat", "feature_branch")}
    known = {row["branch"] for row in read_table("drivers", "driver_cuda")}

    assert not bases & feature
    assert bases | feature <= known


def test_every_pitfall_has_a_name_a_symptom_and_a_cause():
    rows = read_table("pitfalls", "pitfall")

    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["severity"] for row in rows} <= {"error", "warning", "info"}
    assert all(row["symptom"] and row["cause"] for row in rows)


def releases_with(component: str) -> list[Row]:
    """The rows that name a version of the component, by toolkit release and then version."""
    rows = [row for row in read_table("components", "release") if row[component]]
    return sorted(
        rows, key=lambda row: (parse_dotted(row["toolkit"]), parse_dotted(row[component]))
    )
