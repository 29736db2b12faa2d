"""What a stack says of the packages that it builds from source."""

from __future__ import annotations

import pytest

from envlock.errors import InputFileError
from envlock.formats.stack_toml import read_stack
from envlock.model.platform import Platform

HEAD = '[stack]\nname = "s"\nplatforms = ["linux-64", "osx-arm64"]\n[python]\nversion = "3.11.*"\n'


def test_a_recipe_is_built_with_everything_and_without_the_machine_unless_it_says_so():
    (recipe,) = read_stack(f'{HEAD}[[recipe]]\npath = "r/one"\n'.encode(), "a.toml").recipes

    assert recipe.inputs is None
    assert recipe.host_compiler is False
    assert recipe.replaces is False
    assert recipe.options == {}
    assert str(recipe.where) == "a.toml:6: recipe[0]"


def test_a_recipe_is_of_the_platforms_that_it_names():
    text = '[[recipe]]\npath = "r/one"\nplatforms = ["linux-64"]\n[[recipe]]\npath = "r/two"\n'
    stack = read_stack(f"{HEAD}{text}".encode(), "a.toml")

    assert [item.path for item in stack.recipes_on(Platform.LINUX_64)] == ["r/one", "r/two"]
    assert [item.path for item in stack.recipes_on(Platform.OSX_ARM64)] == ["r/two"]


def test_the_order_of_inputs_says_nothing_and_everything_else_is_asked():
    one, other = (
        read_stack(
            f'{HEAD}[[recipe]]\npath = "r/one"\ninputs = {inputs}\n'.encode(), "a.toml"
        ).inputs
        for inputs in ('["b", "a"]', '["a", "b"]')
    )

    assert one == other
    assert one["recipe[0].inputs"] == ["a", "b"]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("", "a.toml:6: recipe[0].path: this key is missing"),
        ('path = "/root"', "a.toml:7: recipe[0].path: expected a path from the stack's folder"),
        ('path = "a/../b"', "a.toml:7: recipe[0].path: expected a path from the stack's folder"),
        ('path = ".git"', "a.toml:7: recipe[0].path: expected a path from the stack's folder"),
        (
            'path = "a"\noptions = { ENVLOCK_COMPUTE = "1" }',
            "a.toml:8: recipe[0].options.ENVLOCK_COMPUTE: expected the name of a variable",
        ),
        (
            'path = "a"\ninputs = ["b", "b"]',
            "a.toml:8: recipe[0].inputs[1]: `b` is named twice, first as `recipe[0].inputs[0]`",
        ),
        (
            'path = "a"\n[[recipe]]\npath = "a"',
            "a.toml:9: recipe[1].path: `a` is named twice, first as `recipe[0].path`",
        ),
        (
            'path = "a"\nplatforms = ["win-64"]',
            "a.toml:8: recipe[0].platforms[0]: `win-64` is not one of the stack's platforms",
        ),
    ],
)
def test_what_cannot_be_a_recipe_is_refused(rest: str, problem: str):
    with pytest.raises(InputFileError) as refused:
        read_stack(f"{HEAD}[[recipe]]\n{rest}\n".encode(), "a.toml")

    assert str(refused.value).startswith(problem)
