"""py-rattler's threads must not bring a finished process down, however the process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

STACKS = Path(__file__).parents[2] / "stacks"
AS_A_LIBRARY = """
import sys
from envlock.backends.rattler_solver import RattlerSolver
from envlock.cli.wiring import pins_beside
from envlock.model.platform import Platform
from envlock.model.question import Answer, Ask, Question
from envlock.model.stack import ChannelPriority, Where
pins = pins_beside(sys.argv[1])
pin = pins.open(pins.assigned("cuda-dev"), Platform.LINUX_64.subdirs)
where = Where("library", "test")
question = Question(
    platform=Platform.LINUX_64,
    channels=("https://conda.anaconda.org/conda-forge",),
    priority=ChannelPriority.STRICT,
    asks=(Ask(name="cmake", spec="cmake *", wish="cmake", where=where),),
    constraints=(),
    virtual_packages=(),
)
(result,) = RattlerSolver().solve(pin, [question])
print(type(result).__name__)
"""


def ends(command: list[str], times: int, cache: Path) -> Counter[int]:
    environment = {**os.environ, "ENVLOCK_CACHE": str(cache)}
    return Counter(
        subprocess.run(command, check=False, capture_output=True, env=environment).returncode
        for _ in range(times)
    )


@pytest.mark.repetition
def test_the_command_line_always_ends_with_its_own_status(tmp_path: Path):
    stack = str(STACKS / "cuda-dev.toml")

    solved = ends(
        [sys.executable, "-m", "envlock", "solve", "--dry-run", "-q", stack], 40, tmp_path
    )

    assert solved == {0: 40}


@pytest.mark.repetition
def test_a_program_that_uses_the_solver_ends_in_order(tmp_path: Path):
    command = [sys.executable, "-c", AS_A_LIBRARY, str(STACKS / "cuda-dev.toml")]

    assert ends(command, 40, tmp_path) == {0: 40}


def test_a_refused_solve_ends_with_3(tmp_path: Path):
    stack = tmp_path / "cuda-dev.toml"
    text = (STACKS / "cuda-dev.toml").read_text("utf-8")
    stack.write_text(text.replace('ninja = "*"', 'ninja = "99.*"'), "utf-8")
    (tmp_path / "pins").symlink_to(STACKS / "pins")

    command = [sys.executable, "-m", "envlock", "solve", str(stack)]

    assert ends(command, 10, tmp_path / "cache") == {3: 10}
