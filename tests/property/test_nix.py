"""What is exported for Nix: the order of rows and of platforms never counts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from envlock.formats.nix import format_nix
from envlock.model.exported import ExportedArtifact, ExportedHalf, ExportedLock
from envlock.model.platform import Platform
from fakes_store import make_artifact

NAMES = st.text("abcdefghij", min_size=1, max_size=6)
HALVES = st.dictionaries(
    st.sampled_from([Platform.LINUX_64, Platform.LINUX_AARCH64]),
    st.lists(
        st.builds(
            ExportedArtifact,
            artifact=st.builds(make_artifact, NAMES),
            tar_bytes=st.dictionaries(st.sampled_from(["info", "pkg"]), st.integers(0, 1 << 40)),
            is_bootstrap=st.booleans(),
        ),
        max_size=8,
        unique_by=lambda item: item.artifact.name,
    ),
)


def shuffled(
    halves: dict[Platform, list[ExportedArtifact]], chance: random.Random
) -> dict[Platform, ExportedHalf]:
    names = chance.sample(list(halves), len(halves))
    return {
        name: ExportedHalf(
            python="3.11", artifacts=tuple(chance.sample(halves[name], len(halves[name])))
        )
        for name in names
    }


@given(halves=HALVES, chance=st.randoms())
def test_the_order_of_rows_never_changes_bytes(
    halves: dict[Platform, list[ExportedArtifact]], chance: random.Random
):
    one, other = (
        ExportedLock(
            name="demo",
            halves=shuffled(halves, chance),
            left_out=dict(chance.sample([("osx-64", "a"), ("win-64", "b")], 2)),
        )
        for _ in range(2)
    )

    assert format_nix(one) == format_nix(other)
