from __future__ import annotations

import math

import pytest

from envlock.probe.numbers import central_differences, relative_error, spoil_gradient


def test_the_error_is_the_largest_difference_over_the_largest_value():
    assert relative_error([1.0, -3.0, 4.1], [1.0, -4.0, 4.0]) == 1.0 / 4.0


def test_what_agrees_has_no_error_even_where_all_is_nothing():
    assert relative_error([2.0, 0.0], [2.0, 0.0]) == 0
    assert relative_error([0.0], [0.0]) == 0
    assert relative_error([], []) == 0


def test_the_error_beside_nothing_is_the_difference_itself():
    assert relative_error([0.5], [0.0]) == 0.5


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_one_that_is_no_number_is_never_hidden_by_the_others(bad: float):
    assert math.isnan(relative_error([1.0, bad, 3.0], [1.0, 2.0, 3.0]))


def test_results_of_another_length_are_refused():
    with pytest.raises(ValueError, match="1 results for 2"):
        relative_error([1.0], [1.0, 2.0])


def test_central_differences_find_the_gradient_of_a_known_function():
    at = [0.3, -1.2, 2.0]

    found = central_differences(lambda x: math.sin(x[0]) + x[1] ** 2 * x[2], at)

    assert found == pytest.approx([math.cos(0.3), 2 * -1.2 * 2.0, 1.44], rel=1e-9)
    assert at == [0.3, -1.2, 2.0]


def test_a_spoilt_gradient_is_off_by_a_percent_of_its_largest():
    right = [0.1, -2.0, 0.5]

    wrong = spoil_gradient(right)

    assert wrong == [0.1, -2.02, 0.5]
    assert relative_error(wrong, right) == pytest.approx(0.01)
