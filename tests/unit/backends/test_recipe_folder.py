"""What counts as a recipe's files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.recipe_folder import copy_recipe, recipe_files
from envlock.errors import InputFileError, WorldError
from envlock.model.stack import Recipe, Where

RECIPE = Recipe(path="hello", where=Where("demo.toml", "recipe[0]", 7))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "hello"
    (root / "src").mkdir(parents=True)
    (root / "recipe.yaml").write_text("package: {}\n", "utf-8")
    (root / "src" / "run").write_text("#!/bin/sh\n", "utf-8")
    return tmp_path


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_every_file_counts_with_its_name_in_order(folder: Path):
    assert recipe_files(RECIPE, folder) == (
        ("recipe.yaml", digest("package: {}\n")),
        ("src/run", digest("#!/bin/sh\n")),
    )


def test_a_program_is_another_file_than_the_same_text(folder: Path):
    (folder / "hello" / "src" / "run").chmod(0o755)

    assert [name for name, _ in recipe_files(RECIPE, folder)] == ["recipe.yaml", "src/run*"]


def test_what_git_and_python_leave_does_not_count(folder: Path):
    before = recipe_files(RECIPE, folder)
    for name in (".git/HEAD", "src/__pycache__/a.pyc", ".DS_Store"):
        path = folder / "hello" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", "utf-8")

    assert recipe_files(RECIPE, folder) == before


def test_a_link_is_refused_since_it_may_lead_anywhere(folder: Path):
    (folder / "hello" / "src" / "away").symlink_to("/etc/passwd")

    with pytest.raises(InputFileError) as refused:
        recipe_files(RECIPE, folder)

    assert str(refused.value) == (
        "demo.toml:7: recipe[0]: `hello/src/away` is no plain file; a recipe holds files and "
        "folders\nNothing was built."
    )


def test_a_copy_holds_what_was_hashed_and_may_run_what_ran(folder: Path, tmp_path: Path):
    (folder / "hello" / "src" / "run").chmod(0o700)
    (folder / "hello" / "src" / "__pycache__").mkdir()

    copy_recipe(recipe_files(RECIPE, folder), folder / "hello", tmp_path / "copy")

    copied = {
        path.relative_to(tmp_path / "copy").as_posix(): path.stat().st_mode & 0o777
        for path in (tmp_path / "copy").rglob("*")
        if path.is_file()
    }
    assert copied == {"recipe.yaml": 0o644, "src/run": 0o755}


def test_a_file_that_changes_while_it_is_copied_is_noticed(folder: Path, tmp_path: Path):
    files = recipe_files(RECIPE, folder)
    (folder / "hello" / "src" / "run").write_text("something else\n", "utf-8")

    with pytest.raises(WorldError) as refused:
        copy_recipe(files, folder / "hello", tmp_path / "copy")

    assert str(refused.value) == (
        f"{folder}/hello/src/run: was changed while it was read\nNothing was built."
    )
    assert refused.value.hints == ("run it again once nobody writes to it",)
