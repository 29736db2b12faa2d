"""EL109: one channel under several host names."""

from __future__ import annotations

from envlock.audit.rules.mixed_mirrors import RULE
from readings import conda, reading, told, wheel


def test_a_channel_from_two_hosts_is_a_note_at_the_first_stranger():
    found = reading(
        conda("a", line=1),
        conda("b", line=2),
        conda("c", channel="https://mirror.example/conda-forge", line=3),
    )

    assert told(RULE, found) == [
        "note at 3 (conda-forge): the channel `conda-forge` is taken from 2 hosts: "
        "`conda.example` (2 packages), `mirror.example` (1 package).",
    ]


def test_several_channels_each_from_one_host_are_fine():
    found = reading(
        conda("a"),
        conda("b", channel="https://conda.example/bioconda"),
        conda("c", channel="https://mirror.example/nvidia"),
        wheel("d"),
        conda("e", url="e-1.0-0.conda"),
    )

    assert told(RULE, found) == []
