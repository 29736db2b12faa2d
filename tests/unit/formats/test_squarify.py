"""Boxes fill their frame, in proportion to what they stand for."""

from __future__ import annotations

import pytest

from envlock.formats.squarify import Box, squarify

FRAME = Box(10, 20, 600, 400)


def area(box: Box) -> float:
    return box.width * box.height


def overlap(one: Box, other: Box) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, width) * max(0.0, height)


def test_the_example_of_the_paper_comes_out_as_in_the_paper():
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))

    rounded = [tuple(round(side, 2) for side in box) for box in boxes]
    assert rounded == [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 1.71, 2.33),
        (4.71, 0, 1.29, 2.33),
        (3, 2.33, 1.2, 1.67),
        (4.2, 2.33, 1.2, 1.67),
        (5.4, 2.33, 0.6, 1.67),
    ]


@pytest.mark.parametrize(
    "sizes", [[1], [5, 5], [10**10, 1, 1], [2.0**-place for place in range(40)], [3] * 97]
)
def test_boxes_fill_the_frame_in_proportion_and_do_not_overlap(sizes: list[float]):
    boxes = squarify(sizes, FRAME)

    whole = area(FRAME)
    assert sum(map(area, boxes)) == pytest.approx(whole)
    for size, box in zip(sizes, boxes, strict=True):
        assert area(box) == pytest.approx(size / sum(sizes) * whole, abs=whole * 1e-9)
        assert overlap(box, FRAME) == pytest.approx(area(box), abs=whole * 1e-9)
    pairs = ((one, two) for place, one in enumerate(boxes) for two in boxes[place + 1 :])
    assert max((overlap(one, two) for one, two in pairs), default=0) < whole * 1e-9


def test_boxes_of_one_size_are_nearly_square():
    longest = max(max(b.width / b.height, b.height / b.width) for b in squarify([1] * 24, FRAME))

    assert longest < 1.6


def test_a_frame_without_area_gives_boxes_without_area():
    assert squarify([2, 1], Box(1, 2, 0, 5)) == [Box(1, 2, 0, 0), Box(1, 2, 0, 0)]
    assert squarify([], FRAME) == []


def test_what_is_inside_or_below_is_never_less_than_nothing():
    assert Box(0, 0, 10, 6).inside(1) == Box(1, 1, 8, 4)
    assert Box(0, 0, 1, 6).inside(1) == Box(1, 1, 0, 4)
    assert Box(0, 0, 10, 6).below(2) == Box(0, 2, 10, 4)
    assert Box(0, 0, 10, 1).below(2) == Box(0, 1, 10, 0)
