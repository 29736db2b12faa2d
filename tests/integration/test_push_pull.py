"""What one machine pushes another one pulls: the same content, or nothing at all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from depot_house import DepotHouse, depot_house
from envlock.model.keeping import Depth


@pytest.fixture
def house() -> Iterator[DepotHouse]:
    with depot_house() as made:
        yield made


def test_what_is_pulled_for_another_prefix_has_the_same_content_and_is_whole(house: DepotHouse):
    built = house.builder.build(house.lock)
    house.builder.push(house.lock, house.depot, house.key)

    pulled = house.clean.pull(house.lock, house.depot, house.public)

    environment = pulled.build.environment
    assert pulled.keyid == house.public.keyid
    assert pulled.build.realisation.is_new
    assert environment.path != built.path
    assert environment.content_sha256 == built.content_sha256
    assert environment.tree_sha256 != built.tree_sha256
    assert [step for step in house.clean.reporter.steps if "compiling" in step] == []
    with (house.clean.store.layout.environments / environment.label / "etc/settings.ini").open(
        encoding="utf-8"
    ) as settings:
        assert settings.readline() == f"prefix = {environment.path}\n"
    with house.clean.store.needs():
        found = house.clean.keeping.verify(None, Depth.FULL, house.clean.reporter)
    assert found.damages == ()
    with open(f"{environment.path}/bin/wheel1", encoding="utf-8") as launcher:  # noqa: PTH123
        assert launcher.readline().startswith(f"#!{environment.path}/bin/python")


def test_the_command_line_pushes_and_pulls_on_a_machine_of_another_home(house: DepotHouse):
    built = house.run("m1", "build", "-q", str(house.lock))
    assert built.returncode == 0, built.stderr

    pushed = house.run("m1", "push", str(house.lock), "shared", "--sign", "ours")
    again = house.run("m1", "push", "demo", "shared", "--sign", "ours", "--json")
    pulled = house.run(
        "m2", "pull", str(house.lock), "shared", "--key", "ours.pub", "--profile", "p"
    )

    assert pushed.returncode == 0, pushed.stderr
    assert "demo: pushed to " in pushed.stderr
    assert ": 6 files sent, " in pushed.stderr
    told = json.loads(again.stdout)
    assert (told["sent"], told["is_new_entry"]) == ([], False)
    assert pulled.returncode == 0, pulled.stderr
    assert f"signed by {house.public.keyid[:16]}…" in pulled.stderr
    assert f"content  sha256:{told['entry']['content_sha256']}" in pulled.stderr
    assert house.run("m2", "store", "verify").returncode == 0
    assert house.run("m2", "pull", str(house.lock), "shared").returncode == 2
