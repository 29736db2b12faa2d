"""What one machine pushes another one pulls: the same content, or nothing at all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from depot_house import DepotHouse, Machine, depot_house
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


def test_a_push_fetches_what_the_store_has_let_go_of(house: DepotHouse):
    built = house.builder.build(house.lock)
    digest = built.derivation.artifacts[0][1]
    house.builder.store.artifacts.remove(digest)

    pushed = house.builder.push(built.label, house.depot, house.key)

    assert house.builder.store.artifacts.has(digest)
    assert digest in {each.sha256 for each in pushed.sent}


def test_what_is_here_already_is_held_against_the_entry_and_becomes_current(house: DepotHouse):
    built = house.builder.build(house.lock)
    house.builder.push("demo", house.depot, house.key)

    pulled = house.builder.pull(house.lock, house.depot, house.public)

    assert not pulled.build.realisation.is_new
    assert pulled.build.environment == built
    assert pulled.build.generation.is_current


def test_two_environments_share_what_both_are_made_of(house: DepotHouse):
    house.builder.build(house.lock)
    house.builder.push(house.lock, house.depot, house.key)
    more = house.write_lock("more", packages=3)
    house.builder.build(more)

    pushed = house.builder.push(more, house.depot, house.key)

    names = {each.file_name.split("-")[0] for each in pushed.sent}
    assert names == {"wheel2", "bytecode"}
    assert len(pushed.sent) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("push", "nothing", "shared"), 2, "error: `nothing` means nothing in the store: "),
        (("push", "no.conda-lock.yml", "shared"), 2, "error: no.conda-lock.yml: there is no such "),
        (("push", "LOCK", "shared"), 2, "error: LOCK: is not built, so there is nothing to push"),
        (("push", "LOCK", "shared", "--sign", "none"), 2, "error: none: there is no such file"),
        (("push", "LOCK", "shared", "--sign", "ours.pub"), 2, "error: ours.pub: expected a priv"),
        (("pull", "LOCK", "shared", "--key", "ours"), 2, "error: ours: expected a public ed25519"),
        (("pull", "LOCK", "shared"), 1, "error: FOLDER/shared: has no environment of LOCK for "),
        (("pull", "LOCK", "pigeon://roof"), 2, "error: pigeon://roof: expected a folder or an ad"),
        (("pull", "LOCK", "x", "--not-before", "once"), 2, "error: --not-before: expected a day"),
        (("pull", "LOCK", "ours"), 1, "error: FOLDER/ours: has no environment of LOCK for "),
        (("pull", "ours", "x"), 2, "error: ours: "),
    ],
)
def test_bad_input_is_said_in_a_sentence_and_nothing_comes(
    house: DepotHouse, words: tuple[str, ...], status: int, said: str
):
    done = house.run("m3", *(str(house.lock) if word == "LOCK" else word for word in words))

    found = done.stderr.replace(str(house.lock), "LOCK").replace(str(house.folder), "FOLDER")
    assert found.startswith(said)
    assert "Traceback" not in found
    assert done.returncode == status
    assert Machine(house.folder / "m3").is_untouched
