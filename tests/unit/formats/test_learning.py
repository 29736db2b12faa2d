"""Where the points of a curve stand."""

from __future__ import annotations

from envlock.formats.learning import accuracy_points, curve_title, loss_points
from envlock.model.receipt import Curve


def curve(**fields: object) -> Curve:
    return Curve(**{"name": "a", "losses": (), "accuracies": (), "steps": 200, **fields})


def test_a_loss_stands_at_the_end_of_its_part_of_the_steps():
    assert loss_points(curve(losses=(3.0, 2.0, 1.0))) == ((66, 3.0), (133, 2.0), (200, 1.0))


def test_the_first_accuracy_stands_before_training_and_the_last_after_it():
    assert accuracy_points(curve(accuracies=(0.1, 0.5, 0.9))) == ((0, 0.1), (100, 0.5), (200, 0.9))


def test_a_curve_without_points_has_none():
    assert loss_points(curve()) == accuracy_points(curve()) == ()


def test_a_control_is_named_in_the_title():
    assert curve_title(curve(control="shuffled-labels")) == "a (shuffled-labels)"
