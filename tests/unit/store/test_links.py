from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.store.links import LinkFault, follow_link

PARTS = st.sampled_from(["a", "b", "c", "..", "."])
PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)


def no_links(_: str) -> None:
    return None


@pytest.mark.parametrize(
    ("path", "target", "end"),
    [
        ("lib/a", "b", "lib/b"),
        ("lib/a", "../b", "b"),
        ("lib/a", "..", ""),
        ("a", "./b//c/", "b/c"),
        ("a", "b/../c", "c"),
    ],
)
def test_a_link_inside_leads_to(path: str, target: str, end: str):
    assert follow_link(path, target, no_links).path == end


@pytest.mark.parametrize("target", ["..", "../x", "/etc", "x/../../y"])
def test_a_link_to_outside_is_a_fault(target: str):
    assert follow_link("a", target, no_links).fault is LinkFault.OUTSIDE


def test_a_link_through_another_is_followed():
    links = {"lib/way": "../opt"}

    assert follow_link("a", "lib/way/../x", links.get).path == "x"


def test_an_absolute_link_on_the_way_is_outside():
    assert follow_link("a", "b/x", {"b": "/etc"}.get).fault is LinkFault.OUTSIDE


def test_links_that_lead_round_are_a_circle_and_end():
    found = follow_link("a", "b", {"a": "b", "b": "a"}.get)

    assert found.fault is LinkFault.CIRCLE
    assert found.steps < 100


def test_links_that_grow_are_a_circle_and_end():
    found = follow_link("a", "a/a/a", {"a": "a/a/a"}.get)

    assert found.fault is LinkFault.CIRCLE


@settings(max_examples=300, deadline=None)
@given(links=st.dictionaries(PATHS, TARGETS, min_size=1, max_size=5))
def test_the_disk_agrees_where_everything_is_there(links: dict[str, str], tmp_path_factory):
    """What is made, with folders where links are not, resolves as the texts say."""
    top: Path = tmp_path_factory.mktemp("top")
    root = top / "in" / "root"
    root.mkdir(parents=True)
    made: dict[str, str] = {}
    for path, target in sorted(links.items()):
        if any(path.startswith(f"{link}/") for link in made):
            continue
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(place):
            place.symlink_to(target)
            made[path] = target
    for path, target in made.items():
        found = follow_link(path, target, made.get)
        try:
            real = (root / path).resolve(strict=True)
        except (FileNotFoundError, RuntimeError, OSError):
            continue
        is_inside = real == root or root in real.parents
        if found.fault is None:
            assert real == root / found.path
        else:
            # It may lead out and in again; that is refused as well.
            assert not is_inside or found.fault is LinkFault.OUTSIDE
