"""What decides a recipe's address."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.model.recipe import Isolation, RecipeDerivation
from envlock.store.recipe_address import recipe_address, sources_digest

DERIVATION = RecipeDerivation(
    recipe="recipes/hello",
    platform="linux-64",
    files=(("build.sh", "a" * 64), ("recipe.yaml", "b" * 64)),
    inputs=(("data-1.0-0.conda", "c" * 64),),
    options=(("WORD", "deep"),),
    made_with="a builder 1",
)


def test_an_address_is_the_same_on_every_machine():
    assert recipe_address(DERIVATION) == "ottxciajzmocu5b5gqwg4r5qsxdr7mej"


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": "recipes/other"},
        {"platform": "linux-aarch64"},
        {"files": (("build.sh", "d" * 64), ("recipe.yaml", "b" * 64))},
        {"files": (("build.sh*", "a" * 64), ("recipe.yaml", "b" * 64))},
        {"inputs": (("data-1.0-0.conda", "d" * 64),)},
        {"inputs": ()},
        {"options": (("WORD", "high"),)},
        {"compiler": (("gcc", "e" * 64),)},
        {"isolation": Isolation.NONE},
        {"made_with": "a builder 2"},
    ],
)
def test_whatever_decides_the_bytes_decides_the_address(change: dict[str, object]):
    assert recipe_address(replace(DERIVATION, **change)) != recipe_address(DERIVATION)


def test_the_names_of_files_count_and_their_place_in_a_name_does_too():
    one = sources_digest([("a", "b" * 64), ("c", "d" * 64)])

    assert one != sources_digest([("a", "b" * 64)])
    assert one != sources_digest([("a", "d" * 64), ("c", "b" * 64)])
    assert one != sources_digest([("a", "b" * 64), ("c", "d" * 64)], b"a lock")
