"""What is reached from the roots stays; everything else goes, and nothing in between."""

from __future__ import annotations

from envlock.model.keeping import Holdings, Inventory, References
from envlock.store.liveness import artifact_of, mark

A, B, C = "a" * 64, "b" * 64, "c" * 64
TREE_A, TREE_B = f"artifact-{A}", f"artifact-{B}"
BYTECODE = f"bytecode-{A}-{'1' * 32}"
INVENTORY = Inventory(
    environments={
        "one": References(
            artifacts=frozenset({A}), trees=frozenset({TREE_A, BYTECODE}), tree_sha256="m1"
        ),
        "two": References(
            artifacts=frozenset({A, B}), trees=frozenset({TREE_A, TREE_B}), tree_sha256="m2"
        ),
    },
    trees={TREE_A: "ma", TREE_B: "mb", BYTECODE: "mc"},
    artifacts=frozenset({A, B, C}),
    manifests=frozenset({"m1", "m2", "ma", "mb", "mc", "stray"}),
)


def test_an_environment_keeps_what_it_was_made_of():
    marked = mark(INVENTORY, {"one"})

    assert marked.live == Holdings(
        environments=("one",),
        trees=(TREE_A, BYTECODE),
        artifacts=(A,),
        manifests=("m1", "ma", "mc"),
    )
    assert marked.dead == Holdings(
        environments=("two",), trees=(TREE_B,), artifacts=(B, C), manifests=("m2", "mb", "stray")
    )


def test_without_roots_everything_goes():
    dead = mark(INVENTORY, ()).dead

    assert dead.environments == ("one", "two")
    assert set(dead.trees) == INVENTORY.trees.keys()
    assert set(dead.artifacts) == INVENTORY.artifacts
    assert set(dead.manifests) == INVENTORY.manifests


def test_an_artifact_that_a_builder_names_keeps_the_trees_that_came_of_it():
    live = mark(INVENTORY, {A, "label-that-is-not-built-yet"}).live

    assert live == Holdings(trees=(TREE_A, BYTECODE), artifacts=(A,), manifests=("ma", "mc"))


def test_a_manifest_that_a_builder_names_stays_before_any_row_refers_to_it():
    assert mark(INVENTORY, {"stray"}).live == Holdings(manifests=("stray",))


def test_downloads_go_when_their_tree_is_there():
    marked = mark(INVENTORY, {"two"}, drops_downloads=True)

    assert marked.live.artifacts == ()
    assert marked.live.trees == (TREE_A, TREE_B)


def test_a_download_stays_when_its_tree_is_not_there():
    inventory = Inventory(
        environments=INVENTORY.environments,
        trees={TREE_A: "ma", BYTECODE: "mc"},
        artifacts=INVENTORY.artifacts,
        manifests=INVENTORY.manifests,
    )

    assert mark(inventory, {"two"}, drops_downloads=True).live.artifacts == (B,)


def test_a_download_that_a_builder_names_stays():
    assert mark(INVENTORY, {"one", A}, drops_downloads=True).live.artifacts == (A,)


def test_a_tree_has_the_digest_of_its_artifact_in_its_name():
    assert [artifact_of(name) for name in (TREE_A, BYTECODE)] == [A, A]
    assert [artifact_of(name) for name in ("", "artifact-", f"artifact-{A}x", f"x-{A}")] == [""] * 4


def test_a_folder_of_data_keeps_what_it_shows_and_goes_with_it():
    inventory = Inventory(
        environments={},
        trees={},
        artifacts=frozenset({A, B, C}),
        manifests=frozenset(),
        data={"weights": frozenset({A}), "other": frozenset({A, B})},
    )

    kept = mark(inventory, {"weights"})

    assert kept.live == Holdings(artifacts=(A,), data=("weights",))
    assert kept.dead == Holdings(artifacts=(B, C), data=("other",))
    assert mark(inventory, {"weights"}, drops_downloads=True) == kept
