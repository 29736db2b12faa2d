from __future__ import annotations

from collections.abc import Iterator

import pytest

from envlock.backends.rattler_specs import RattlerSpecs
from envlock.model.lock import LockedPackage
from envlock.solve.coupling import (
    find_links,
    find_steps,
    known_faults,
    new_faults,
    reasons_within,
)
from envlock.solve.moves import Way, find_way
from locks import locked, make_lock, pip_locked

SPECS = RattlerSpecs()
Rows = list[LockedPackage]


def way_of(good: Rows, bad: Rows) -> Way:
    return find_way(make_lock(*good), make_lock(*bad), "linux-64")


def steps_of(good: Rows, bad: Rows) -> list[str]:
    way = way_of(good, bad)
    steps = find_steps([move.name for move in way.moves], find_links(way, SPECS))
    return [
        f"{step} after {', '.join(sorted(step.below))}" if step.below else str(step)
        for step in steps
    ]


def test_packages_that_know_nothing_of_each_other_move_alone():
    assert steps_of([locked("a"), locked("b")], [locked("a", "2"), locked("b", "2")]) == ["a", "b"]


def test_who_needs_the_new_one_moves_after_it():
    good = [locked("a", needs=["b"]), locked("b")]
    bad = [locked("a", "2", needs=["b >=2"]), locked("b", "2")]

    assert steps_of(good, bad) == ["b", "a after b"]


def test_two_that_each_need_their_own_version_move_together():
    good = [locked("a", needs=["b <2"]), locked("b")]
    bad = [locked("a", "2", needs=["b >=2"]), locked("b", "2")]

    assert steps_of(good, bad) == ["a, b"]


def test_a_package_goes_after_all_who_need_it_and_comes_before_all_who_need_it():
    good = [locked("a", needs=["old"]), locked("old")]
    bad = [locked("a", "2", needs=["new"]), locked("new")]

    assert steps_of(good, bad) == ["new", "a after new", "old after a, new"]


def test_what_must_not_stand_beside_it_moves_first():
    """The channel's `constrains`, which a lock does not hold: it may be away, but not be old."""
    good = [locked("a"), locked("b"), locked("c")]
    bad = [locked("a", "2"), locked("b", "2"), locked("d")]
    limits = {bad[0].url: (("b", ">=2"), ("c", "<0a0"), ("d", ""), ("e", ">=9"))}
    way = find_way(make_lock(*good), make_lock(*bad), "linux-64", limits)
    links = find_links(way, SPECS)
    known = known_faults(way, SPECS)

    assert links == {
        "a": {"b": "a 2 goes with b >=2, found 1.0 0", "c": "a 2 goes with c <0a0, found 1.0 0"}
    }
    assert new_faults(way, ["a"], SPECS, known) == tuple(links["a"].values())
    assert new_faults(way, ["a", "b", "c"], SPECS, known) == ()


def test_a_build_string_counts():
    good = [locked("a", needs=["mpi * nompi_*"]), locked("mpi", "1", "nompi_0")]
    bad = [locked("a", "2", needs=["mpi * openmpi_*"]), locked("mpi", "1", "openmpi_0")]

    assert steps_of(good, bad) == ["a, mpi"]


def test_what_a_lock_lives_with_is_no_link():
    """The bad lock's own rows do not fit each other: that cannot be mended by moving more."""
    good = [locked("a", needs=["b"]), locked("b")]
    bad = [locked("a", "2", needs=["b >=9"]), locked("b", "2")]

    assert steps_of(good, bad) == ["a", "b"]


def test_a_requirement_that_cannot_be_read_asks_for_presence_only():
    good = [locked("a", needs=["b"]), locked("b")]
    bad = [locked("a", "2", needs=["b >=>2"]), locked("b", "2")]

    assert steps_of(good, bad) == ["a", "b"]


def test_wheels_are_held_to_their_own_specifiers():
    good = [pip_locked("A", needs=["B_b ==1.0"]), pip_locked("b-b", "1.0")]
    bad = [pip_locked("a", "2.0", needs=["B_b ~=2.0"]), pip_locked("b-b", "2.0")]

    assert steps_of(good, bad) == ["a, b-b"]


@pytest.mark.parametrize(("conda", "distribution"), [("numpy", "numpy"), ("pytorch", "torch")])
def test_a_wheel_may_lean_on_a_conda_package(conda: str, distribution: str):
    good = [
        locked(conda, "1.26", needs=["python"]),
        pip_locked("a", needs=[f"{distribution} <2"]),
    ]
    bad = [
        locked(conda, "2.1", needs=["python"]),
        pip_locked("a", "2", needs=[f"{distribution} >=2"]),
    ]

    assert steps_of(good, bad) == [f"a, {distribution}"]


def test_the_toolkit_moves_to_another_line_as_one():
    good = [locked("cuda-cudart", "12.1.105"), locked("cuda-nvrtc", "12.1.105"), locked("x")]
    bad = [locked("cuda-cudart", "12.4.127"), locked("cuda-nvrtc", "12.4.127"), locked("x", "2")]

    assert steps_of(good, bad) == ["x", "cuda-cudart, cuda-nvrtc"]


def test_a_lock_that_mixes_lines_moves_them_one_by_one():
    good = [locked("cuda-cudart", "12.1.105"), locked("cuda-nvrtc", "12.4.127")]
    bad = [locked("cuda-cudart", "12.2.53"), locked("cuda-nvrtc", "12.4.99")]

    assert steps_of(good, bad) == ["cuda-cudart", "cuda-nvrtc"]


def test_a_build_for_a_newer_line_waits_for_the_toolkit():
    good = [locked("pytorch", "2.5", "cuda121_0"), locked("cuda-cudart", "12.1.105")]
    bad = [locked("pytorch", "2.6", "cuda124_0"), locked("cuda-cudart", "12.4.127")]

    assert steps_of(good, bad) == ["cuda-cudart", "pytorch after cuda-cudart"]


def test_nvidias_wheels_of_two_majors_do_not_mix():
    good = [pip_locked("nvidia-cudnn-cu12", "9.1.0.70"), pip_locked("nvidia-nccl-cu12", "2.20.5")]
    bad = [pip_locked("nvidia-cudnn-cu13", "9.13.0.50"), pip_locked("nvidia-nccl-cu13", "2.28.3")]

    steps = steps_of(good, bad)

    assert "nvidia-cudnn-cu12 after" not in steps[0]
    assert steps[0] in ("nvidia-cudnn-cu12", "nvidia-nccl-cu12")
    assert steps[-1].startswith("nvidia-")
    assert all(name in steps[-1] for name in ("nvidia-cudnn-cu12", "nvidia-nccl-cu12"))


def test_a_second_cudnn_does_not_come_before_the_first_has_gone():
    good = [locked("pytorch", "2.5.1", "py3.11_cuda12.1_cudnn9.1.0_0", channel="pytorch")]
    bad = [locked("pytorch", "2.6.0", "cuda121_py311h0_300"), locked("cudnn", "9.1.0")]

    assert steps_of(good, bad) == ["pytorch", "cudnn after pytorch"]


@pytest.mark.parametrize(
    ("tag", "steps"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", ["python, x"]),
        ("py3-none-any", ["python", "x"]),
        ("cp38-abi3-manylinux_2_17_x86_64", ["python", "x"]),
    ],
)
def test_a_wheel_for_one_python_moves_with_it(tag: str, steps: list[str]):
    def wheel(version: str, tag: str) -> LockedPackage:
        row = pip_locked("x", version)
        return type(row)(**{**as_dict(row), "url": f"https://wheels.example/x-{version}-{tag}.whl"})

    good = [locked("python", "3.11.9"), wheel("1.0", tag)]
    bad = [locked("python", "3.12.1"), wheel("2.0", tag.replace("311", "312"))]

    assert steps_of(good, bad) == steps


def as_dict(row: LockedPackage) -> dict[str, object]:
    return {field: getattr(row, field) for field in row.__struct_fields__}


def test_a_step_says_why_its_packages_move_together():
    way = way_of(
        [locked("a", needs=["b <2"]), locked("b")],
        [locked("a", "2", needs=["b >=2"]), locked("b", "2")],
    )
    links = find_links(way, SPECS)
    (step,) = find_steps([move.name for move in way.moves], links)

    assert reasons_within(step, links) == (
        "a 2 needs b >=2, found 1.0 0",
        "a 1.0 needs b <2, found 2 0",
    )


def mixtures(way: Way) -> Iterator[frozenset[str]]:
    made: frozenset[str] = frozenset()
    for step in find_steps([move.name for move in way.moves], find_links(way, SPECS)):
        made |= step.names
        yield made


def test_between_the_steps_nothing_is_wrong_that_was_not_so_before():
    way = way_of(
        [
            locked("a", needs=["b <2", "old"]),
            locked("b"),
            locked("old"),
            locked("cuda-nvrtc", "12.1.1"),
        ],
        [locked("a", "2", needs=["b >=2"]), locked("b", "2"), locked("cuda-nvrtc", "12.4.1")],
    )
    known = known_faults(way, SPECS)

    assert [new_faults(way, moved, SPECS, known) for moved in mixtures(way)] == [(), (), ()]


def test_a_mixture_that_does_not_follow_the_links_is_told_for_what_it_is():
    way = way_of(
        [locked("a", needs=["b <2"]), locked("b")],
        [locked("a", "2", needs=["b >=2"]), locked("b", "2")],
    )
    known = known_faults(way, SPECS)

    assert known == frozenset()
    assert new_faults(way, ["a"], SPECS, known) == ("a 2 needs b >=2, found 1.0 0",)
    assert new_faults(way, ["b"], SPECS, known) == ("a 1.0 needs b <2, found 2 0",)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (
            [locked("cuda-cudart", "12.1.105"), locked("cuda-nvrtc", "12.4.127")],
            [locked("cuda-cudart", "12.2.53"), locked("cuda-nvrtc", "12.4.99")],
        ),
        (
            [locked("a", needs=["b"]), locked("b")],
            [locked("a", "2", needs=["b >=9"]), locked("b", "2")],
        ),
        (
            [locked("a", needs=["b >=9"]), locked("b")],
            [locked("a", "2", needs=["b"]), locked("b", "2")],
        ),
    ],
)
def test_what_a_lock_lives_with_is_no_fault_in_between(good: Rows, bad: Rows):
    way = way_of(good, bad)
    known = known_faults(way, SPECS)
    names = [move.name for move in way.moves]

    assert known
    assert [new_faults(way, [name], SPECS, known) for name in names] == [(), ()]
