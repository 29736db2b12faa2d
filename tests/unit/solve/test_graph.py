"""The graph of a lock: roots, wishes, shortest ways and trees, also where it runs in rings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.solve.graph import (
    Branch,
    Graph,
    Way,
    Wish,
    find_roots,
    find_ways,
    make_graph,
    walk_tree,
    wishes_of,
)
from locks import locked, pip_locked

FRAMEWORKS = {"pytorch": ("pytorch",), "jax": ("jax", "jaxlib")}


def graph_of(**needs: str) -> Graph:
    """A graph from `a="b c"`; a name that needs nothing must be there, too."""
    return make_graph([locked(name, needs=text.split()) for name, text in needs.items()])


# --- who needs whom -------------------------------------------------------------------------------


def test_a_graph_knows_both_directions_and_the_specs():
    graph = make_graph([locked("app", needs=["lib >=2,<3", "__glibc >=2.17"]), locked("lib")])

    assert graph.needs == {"app": {"__glibc": ">=2.17", "lib": ">=2,<3"}, "lib": {}}
    assert graph.needed_by == {"__glibc": ("app",), "lib": ("app",)}


def test_a_package_that_needs_itself_is_no_ring():
    assert graph_of(a="a b", b="").needs["a"] == {"b": ""}


def test_a_pip_package_needs_the_pip_package_of_that_name_before_the_conda_one():
    graph = make_graph(
        [
            pip_locked("My.App", needs=["Flash_Attn >=2", "numpy", "nowhere"]),
            pip_locked("flash-attn"),
            locked("numpy"),
        ]
    )

    assert graph.needs["pypi:my-app"] == {
        "numpy": "",
        "pypi:flash-attn": ">=2",
        "pypi:nowhere": "",
    }


def test_a_name_that_is_locked_twice_is_one_node_with_both_entries():
    graph = make_graph([locked("a", "2", needs=["b"]), locked("a", "1", needs=["c"]), locked("b")])

    assert [item.version for item in graph.packages["a"]] == ["1", "2"]
    assert graph.needs["a"] == {"b": "", "c": ""}


# --- wishes ---------------------------------------------------------------------------------------


def test_wishes_come_from_the_inputs_with_their_keys():
    inputs = {
        "dependencies.jupyterlab": "*",
        'dependencies."ruamel.yaml".version': ">=0.18",
        "frameworks.jax.from": "conda",
        "frameworks.jax.version": "0.10.*",
        "gpu.compute": ["9.0"],
        "gpu.cuda": "12.1",
        "pypi-dependencies.Flash_Attn": "2.*",
        "python.version": "3.11.*",
        "stack.name": "demo",
    }

    assert wishes_of(inputs, "linux-64", FRAMEWORKS) == (
        Wish(node="jupyterlab", spec="*", key="dependencies.jupyterlab"),
        Wish(node="ruamel.yaml", spec=">=0.18", key='dependencies."ruamel.yaml"'),
        Wish(node="jax", spec="0.10.*", key="frameworks.jax"),
        Wish(node="jaxlib", spec="*", key="frameworks.jax"),
        Wish(node="cuda-version", spec="12.1.*", key="gpu.cuda"),
        Wish(node="pypi:flash-attn", spec="2.*", key="pypi-dependencies.Flash_Attn"),
        Wish(node="python", spec="3.11.*", key="python.version"),
    )


def test_a_platforms_own_wish_counts_in_place_of_the_stacks():
    inputs = {
        "frameworks.pytorch.version": "2.5.*",
        "target.win-64.frameworks.pytorch.version": "2.3.*",
        "target.win-64.dependencies.pywin32": "*",
    }

    assert wishes_of(inputs, "linux-64", FRAMEWORKS) == (
        Wish(node="pytorch", spec="2.5.*", key="frameworks.pytorch"),
    )
    assert wishes_of(inputs, "win-64", FRAMEWORKS) == (
        Wish(node="pytorch", spec="2.3.*", key="target.win-64.frameworks.pytorch"),
        Wish(node="pywin32", spec="*", key="target.win-64.dependencies.pywin32"),
    )


# --- roots ----------------------------------------------------------------------------------------


def test_roots_are_what_nobody_needs_and_the_wishes_that_are_locked():
    graph = graph_of(app="lib", lib="", tool="")

    assert find_roots(graph) == ("app", "tool")
    assert find_roots(graph, ["lib", "absent"]) == ("app", "lib", "tool")


@pytest.mark.parametrize(
    ("needs", "roots"),
    [
        ({"a": "b", "b": "a"}, ("a",)),
        ({"a": "b", "b": "a", "app": "b"}, ("app",)),
        ({"a": "b", "b": "a c", "c": "d", "d": "c"}, ("a",)),
        ({"c": "a", "d": "c", "a": "b", "b": "a"}, ("d",)),
        ({"x": "y", "y": "x a", "a": "b", "b": "a"}, ("x",)),
        ({"a": "b", "b": "a", "x": "y", "y": "x"}, ("a", "x")),
    ],
)
def test_a_ring_that_nothing_else_needs_is_represented_by_one_member(
    needs: dict[str, str], roots: tuple[str, ...]
):
    assert find_roots(graph_of(**needs)) == roots


NAMES = "abcdefgh"
NEEDS = st.dictionaries(
    st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES), max_size=4).map(" ".join)
)


@given(NEEDS)
def test_every_package_hangs_from_a_root_and_appears_in_the_tree(needs: dict[str, str]):
    graph = graph_of(**needs)

    shown = {branch.node for branch in walk_tree(graph, find_roots(graph))}

    assert shown >= set(graph.packages)


@given(NEEDS)
def test_no_root_can_be_reached_from_another_unless_it_is_a_wish(needs: dict[str, str]):
    graph = graph_of(**needs)
    roots = find_roots(graph)

    for root in roots:
        below = {branch.node for branch in walk_tree(graph, [root])}
        assert below & set(roots) == {root}


# --- ways -----------------------------------------------------------------------------------------


def test_all_shortest_ways_are_found_and_longer_ones_are_not():
    graph = graph_of(
        app="left right far", left="goal", right="goal", far="mid", mid="goal", goal=""
    )

    (found,) = find_ways(graph, "goal", ["app"], limit=9)

    assert (found.root, found.length, found.count) == ("app", 2, 2)
    assert [way.nodes for way in found.ways] == [("app", "left", "goal"), ("app", "right", "goal")]


def test_a_way_says_what_each_step_asks_of_the_next():
    graph = make_graph(
        [locked("app", needs=["lib >=2"]), locked("lib", needs=["goal 1.*"]), locked("goal")]
    )

    (found,) = find_ways(graph, "goal", ["app"], limit=9)

    assert found.ways == (Way(nodes=("app", "lib", "goal"), specs=(">=2", "1.*")),)


def test_a_way_ends_at_the_nearest_root():
    graph = graph_of(notebook="python", python="ssl", ssl="", tool="crypto", crypto="ssl")

    found = find_ways(graph, "ssl", ["notebook", "python", "tool"], limit=9)

    assert [(item.root, item.length) for item in found] == [("python", 1), ("tool", 2)]


def test_a_root_that_is_the_package_itself_is_a_way_of_no_steps():
    graph = graph_of(app="goal", goal="")

    found = find_ways(graph, "goal", ["app", "goal"], limit=9)

    assert [(item.root, item.length, item.count) for item in found] == [
        ("goal", 0, 1),
        ("app", 1, 1),
    ]


def test_ways_beyond_the_limit_are_counted():
    steps = {
        f"s{place}{side}": f"s{place + 1}a s{place + 1}b" for place in range(40) for side in "ab"
    }
    graph = graph_of(app="s0a s0b", **steps, s40a="goal", s40b="goal", goal="")

    (found,) = find_ways(graph, "goal", ["app"], limit=3)

    assert len(found.ways) == 3
    assert found.count == 2**41


def test_a_virtual_package_has_ways_although_nothing_locks_it():
    graph = graph_of(app="__cuda")

    assert [item.root for item in find_ways(graph, "__cuda", ["app"], limit=9)] == ["app"]


def test_rings_on_the_way_do_not_trap_the_search():
    graph = graph_of(app="a", a="b", b="a goal", goal="b")

    (found,) = find_ways(graph, "goal", ["app"], limit=9)

    assert [way.nodes for way in found.ways] == [("app", "a", "b", "goal")]


def test_what_nobody_needs_and_nobody_locks_has_no_way():
    assert find_ways(graph_of(app=""), "nowhere", ["app"], limit=9) == ()


# --- trees ----------------------------------------------------------------------------------------


def drawn(graph: Graph, *roots: str, depth: int | None = None) -> list[str]:
    """A tree as indented names, a star where the rest stands above."""
    return [
        "  " * len(branch.last) + branch.node + "*" * branch.repeated + "?" * (not branch.locked)
        for branch in walk_tree(graph, roots, depth=depth)
    ]


def test_what_hangs_from_a_package_is_drawn_where_it_is_met_first():
    graph = graph_of(app="left right", left="lib", right="lib leaf", lib="leaf", leaf="")

    assert drawn(graph, "app") == [
        "app",
        "  left",
        "    lib",
        "      leaf",
        "  right",
        "    leaf",
        "    lib*",
    ]


def test_a_ring_ends_where_it_closes():
    assert drawn(graph_of(a="b", b="a"), "a") == ["a", "  b", "    a*"]


def test_virtual_packages_are_left_out_and_holes_are_marked():
    assert drawn(graph_of(app="__glibc hole"), "app") == ["app", "  hole?"]


def test_a_tree_can_be_cut_at_a_depth():
    graph = graph_of(a="b", b="c", c="")

    assert drawn(graph, "a", depth=1) == ["a", "  b"]


def test_a_branch_knows_which_siblings_follow():
    graph = graph_of(app="x y", x="", y="z", z="")

    assert list(walk_tree(graph, ["app"]))[2:] == [
        Branch(node="y", spec="", last=(True,), repeated=False, locked=True),
        Branch(node="z", spec="", last=(True, True), repeated=False, locked=True),
    ]


def test_a_chain_of_thousands_is_no_trouble():
    length = 3_000
    graph = graph_of(
        **{f"n{at:05}": f"n{at + 1:05}" for at in range(length)}, **{f"n{length:05}": ""}
    )

    (found,) = find_ways(graph, f"n{length:05}", find_roots(graph), limit=1)

    assert found.length == length
    assert sum(1 for _ in walk_tree(graph, find_roots(graph))) == length + 1
