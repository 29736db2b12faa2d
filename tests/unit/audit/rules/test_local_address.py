"""EL104: addresses that only one machine has."""

from __future__ import annotations

from envlock.audit.rules.local_address import RULE
from envlock.model.reading import Ecosystem, FileKind
from readings import conda, folder, git, image, place, reading, remedies, told, wheel, wish


def test_a_file_of_one_machine_is_told():
    found = reading(wheel("tool", url="file:///Users/me/tool-1.0-py3-none-any.whl", line=4))

    assert told(RULE, found) == [
        "error at 4 (tool): `tool` comes from `file:///Users/me/tool-1.0-py3-none-any.whl`, "
        "which only the machine that locked it has.",
    ]


def test_an_absolute_folder_and_one_above_are_told():
    found = reading(folder("a", "/home/me/a"), folder("b", "../b"), folder("c", "C:\\work\\c"))

    assert told(RULE, found) == [
        "error (a): `a` comes from `/home/me/a`, which only the machine that locked it has.",
        "warning (b): `b` comes from `../b`, outside the folder of this file: who has this "
        "folder alone cannot install it.",
        "error (c): `c` comes from `C:\\work\\c`, which only the machine that locked it has.",
    ]


def test_what_pip_freezes_in_a_conda_environment_is_explained():
    found = reading(folder("certifi", "file:///croot/certifi_1690232220950/work/certifi"))

    assert remedies(RULE, found) == [
        "`pip freeze` in a conda environment writes the folders that conda's packages were "
        "built in: lock the conda environment itself, or write the list with `pip list "
        "--format=freeze`.",
    ]


def test_sources_on_somebodys_disk_are_told():
    made_of = {"sources": "/home/me/p/environment.yml, environment.dev.yml, /home/me/p/pins.yml"}

    assert told(RULE, reading(settings=made_of)) == [
        "note (sources): the lock says that it was made from `/home/me/p/environment.yml` and 1 "
        "more: elsewhere nobody can tell whether it still fits.",
    ]
    assert told(RULE, reading(settings={"sources": "environment.yml"})) == []


def test_many_of_them_are_one_finding():
    found = reading(*(folder(f"p{at}", f"/home/me/p{at}") for at in range(5)))

    assert told(RULE, found) == [
        "error: 5 packages come from folders or files that only the machine that locked them "
        "has: `p0`, `p1`, `p2`, `p3` and `p4`.",
    ]


def test_an_index_of_ones_own_machine_and_network_are_told():
    found = reading(
        wheel("a", url="http://localhost:8080/a-1.0-py3-none-any.whl"),
        wheel("b", url="https://wheels.corp/b-1.0-py3-none-any.whl"),
    )

    assert told(RULE, found) == [
        "error (a): `a` comes from `localhost`, which only one machine reaches.",
        "warning (b): `b` comes from `wheels.corp`, which only one network reaches.",
    ]


def test_a_folder_beside_the_file_is_a_note():
    found = reading(folder("tool", "./tool", is_editable=True, line=3), folder("lib", "lib"))

    assert told(RULE, found) == [
        "note (lib): `lib` is built from `lib`, a folder beside this file: the lock says "
        "nothing about what is in it.",
        "note at 3 (tool): `tool` is installed as editable from `./tool`, a folder beside this "
        "file: the lock says nothing about what is in it.",
    ]


def test_paths_of_a_dockerfile_are_those_of_its_image():
    found = reading(
        folder("app", "/app"),
        place("/opt/requirements.txt", "requirements"),
        place("https://wheels.corp/simple", "index", line=4),
        kind=FileKind.DOCKERFILE,
    )

    assert told(RULE, found) == [
        "warning at 4 (https://wheels.corp/simple): the index `https://wheels.corp/simple` is "
        "there for one network alone.",
    ]


def test_the_folder_of_the_file_is_the_project_itself():
    found = reading(folder("project", "./", is_editable=True), folder("project", "."))

    assert told(RULE, found) == []


def test_public_addresses_names_of_files_and_channels_are_fine():
    found = reading(
        conda("numpy"),
        wheel("torch", url="torch-2.5.1-py3-none-any.whl"),
        git("tool"),
        place("conda-forge", "channel"),
        image("python", "3.11"),
    )

    assert told(RULE, found) == []


def test_the_prefix_of_an_export_is_told():
    found = reading(
        wish("numpy", Ecosystem.CONDA),
        kind=FileKind.ENVIRONMENT,
        settings={"prefix": "/home/me/miniconda3/envs/x"},
    )

    assert told(RULE, found) == [
        "warning (prefix): `prefix: /home/me/miniconda3/envs/x` is a folder of the machine that "
        "exported this file.",
    ]


def test_a_virtual_package_that_was_written_as_a_file_is_told():
    found = reading(
        conda("__cuda", "12.0", url="file:///tmp/tmpvyz/linux-64/__cuda-12.0-0.tar.bz2")
    )

    assert told(RULE, found) == [
        "error (__cuda): `__cuda` is no package but a property of a machine, written into the "
        "lock as `file:///tmp/tmpvyz/linux-64/__cuda-12.0-0.tar.bz2`.",
    ]


def test_places_of_one_machine_are_told():
    found = reading(
        place("file:///opt/channel", "channel", line=2),
        place("./wheels", "find-links", line=3),
        place("http://127.0.0.1:3141/simple", "index", line=4),
    )

    assert told(RULE, found) == [
        "warning at 2 (file:///opt/channel): the channel `file:///opt/channel` is there for one "
        "machine alone.",
        "warning at 4 (http://127.0.0.1:3141/simple): the index `http://127.0.0.1:3141/simple` "
        "is there for one machine alone.",
    ]
