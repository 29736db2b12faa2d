"""`envlock import` as a person uses it: a file of another tool becomes a stack that solves."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.formats.conda_lock import read_lock
from envlock.formats.stack_toml import read_stack

STACKS = Path(__file__).parents[2] / "stacks"
LOCKS = sorted(
    path.name.removesuffix(".conda-lock.yml") for path in STACKS.glob("*.conda-lock.yml")
)
TUTORIAL = """\
FROM tensorflow/tensorflow:latest

RUN pip install numpy
RUN pip install pandas
RUN pip install matplotlib
RUN pip install scikit-learn
RUN pip install jupyter
RUN pip install notebook
RUN pip install tensorboard
RUN pip install keras
RUN pip install opencv-python
RUN pip install pillow
RUN pip install seaborn
RUN pip install tqdm

COPY . /app
CMD ["jupyter","notebook","--ip=0.0.0.0","--allow-root","--NotebookApp.token=''"]
"""
NAMES = re.findall(r"pip install (\S+)", TUTORIAL)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))


def take_pin() -> None:
    """Lay the pin of the shipped stacks beside the new ones, without its ledger."""
    for folder in (STACKS / "pins").iterdir():
        if folder.is_dir():
            shutil.copytree(folder, Path("stacks") / "pins" / folder.name)


def urls(lock: Path) -> list[tuple[str, str]]:
    return [(row.platform, row.url) for row in read_lock(lock.read_bytes(), lock.name).packages]


@pytest.mark.parametrize("name", LOCKS)
def test_a_shipped_lock_gives_back_the_wishes_that_it_was_solved_from(
    name: str, capsys: pytest.CaptureFixture[str]
):
    lock = STACKS / f"{name}.conda-lock.yml"

    assert main(["import", "--quiet", str(lock)]) == 0

    drafted = read_stack(capsys.readouterr().out.encode(), "x.toml")
    shipped = read_stack((STACKS / f"{name}.toml").read_bytes(), f"{name}.toml")
    assert drafted.inputs == shipped.inputs


@pytest.mark.parametrize("name", LOCKS)
def test_a_shipped_lock_without_its_head_leads_to_the_same_packages_again(
    name: str, capsys: pytest.CaptureFixture[str]
):
    take_pin()
    lock = STACKS / f"{name}.conda-lock.yml"
    stack = f"stacks/{name}.toml"

    assert main(["import", "--keep", "minor", str(lock), "-o", stack]) == 0
    assert main(["index", "join", stack]) == 0
    assert main(["solve", stack]) == 0

    assert urls(Path(f"stacks/{name}.conda-lock.yml")) == urls(lock)


@pytest.mark.index
def test_the_tutorials_dockerfile_becomes_a_stack_that_solves():
    take_pin()
    Path("Dockerfile").write_text(TUTORIAL)
    stack = "stacks/x.toml"

    assert main(["import", "Dockerfile", "-o", stack]) == 0
    assert main(["index", "join", stack]) == 0
    assert main(["index", "record", stack]) == 0
    assert main(["solve", stack]) == 0

    lock = read_lock(Path("stacks/x.conda-lock.yml").read_bytes(), "x")
    wheels = {row.name for row in lock.packages if row.manager == "pip"}
    assert {*NAMES, "tensorflow-cpu"} <= wheels


def test_the_decisions_are_told_as_json_and_the_talk_on_stderr(
    capsys: pytest.CaptureFixture[str],
):
    Path("requirements.txt").write_text("numpy==2.1.0\n-e ./mine\n")

    assert main(["import", "--json", "requirements.txt", "-o", "x.toml"]) == 0

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["stack"] == "x.toml"
    assert told["text"] == Path("x.toml").read_text()
    assert told["decisions"][-1] == {
        "key": "pypi-dependencies.numpy",
        "value": "2.1.*",
        "reason": "from requirements.txt:1",
        "guessed": False,
    }
    assert [(item["what"], item["line"]) for item in told["left_out"]] == [
        ("local package mine", 2)
    ]
    assert said.err == (
        "left out: requirements.txt:2: local package mine: a stack takes packages from channels "
        "and indexes: build a wheel of it, or install it into the environment while you work on "
        "it\n"
        "stack.platforms: guessed: the file names no platform that envlock solves for\n"
        "stack.channels: guessed: the file names no channel that a stack could take\n"
        "python.version: guessed: the file does not say; `envlock init` offers it, too\n"
        "5 values, 3 of them guessed; 1 thing left out\n"
        "\n"
        "hint: read it, then `envlock index pin x.toml`, `envlock index record x.toml` and "
        "`envlock solve x.toml`\n"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            ["requirements.txt", "-o", "x.toml"],
            "error: x.toml: expected a new file, found one that exists\nNothing was written.\n\n"
            "hint: choose another path, or write over it with `--force`\n",
        ),
        (
            ["requirements.txt", "-o", "x.yml"],
            "error: -o: expected the name of a stack file, which ends in `.toml`, found `x.yml`\n"
            "Nothing was written.\n",
        ),
        (["nothing.txt"], "error: nothing.txt: there is no such file\n"),
        (
            ["x.toml"],
            "error: x.toml: expected a file of another tool, or a lock; found a stack\n\n"
            "hint: solve it as it is: `envlock solve x.toml`\n",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    line: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    Path("requirements.txt").write_text("numpy\n")
    main(["import", "-q", "requirements.txt", "-o", "x.toml"])
    before = Path("x.toml").read_text()
    capsys.readouterr()

    assert main(["import", *line]) == 2

    assert capsys.readouterr().err == message
    assert Path("x.toml").read_text() == before


@pytest.mark.parametrize("kind", ["installed", "stack"])
def test_a_format_that_no_file_to_import_has_cannot_be_named(
    kind: str, capsys: pytest.CaptureFixture[str]
):
    Path("requirements.txt").write_text("numpy\n")

    assert main(["import", "--as", kind, "requirements.txt"]) == 2

    assert capsys.readouterr().err == (
        "error: envlock import: --as: expected one of conda-lock, pixi, pylock, uv, poetry, "
        f"requirements, explicit, environment, dockerfile, found `{kind}`\n\n"
        "hint: `envlock import --help` lists the options\n"
    )


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_of_a_file_gets_into_a_draft(form: list[str], capsys: pytest.CaptureFixture[str]):
    Path("environment.yml").write_text(
        "name: x\nvariables: {HF_TOKEN: hunter2hunter2}\ndependencies: [python=3.11]\n"
    )
    Path("Dockerfile").write_text(
        "FROM ubuntu:22.04\nRUN curl -u bob:hunter2hunter2 https://a.example/x\n"
    )

    for file in ("environment.yml", "Dockerfile"):
        assert main(["import", *form, file]) == 0
        said = capsys.readouterr()
        assert "hunter2" not in said.out + said.err
        assert "***" in said.out
