"""Addresses: one derivation, one folder; and which prefixes cannot be."""

from __future__ import annotations

import pytest

from envlock.errors import StoreError
from envlock.model.store import Derivation
from envlock.store.address import check_prefix, key_of, label_of, split_label

DERIVATION = Derivation(
    name="demo",
    platform="linux-64",
    store_folder="/opt/envlock/store",
    artifacts=(("a-1.0-0.conda", "a" * 64),),
    made_with="envlock-store 1, py-rattler 0.28.0",
)
KEY = "zez35bimi7jvzphhi3wqejconjkjiliu"


def test_a_key_stays_the_same_from_release_to_release():
    assert key_of(DERIVATION) == KEY


def test_a_label_is_key_and_name():
    assert label_of(DERIVATION) == f"{KEY}-demo"
    assert split_label(f"{KEY}-demo") == (KEY, "demo")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo",
        f"{'a' * 31}-demo",
        f"{'A' * 32}-demo",
        f"{'1' * 32}-demo",
        f"{'a' * 32}-.x",
        f"{'a' * 32}-{'x' * 129}",
        f"{'a' * 32}-a/b",
        f".{'a' * 32}-demo",
    ],
)
def test_other_text_is_no_label(text: str):
    assert split_label(text) is None


def test_a_prefix_that_a_script_can_name_is_fine():
    check_prefix(f"/{'x' * 103}", "3.11")


def test_a_prefix_that_is_too_long_for_a_script_is_refused():
    with pytest.raises(StoreError) as caught:
        check_prefix(f"/{'x' * 110}", "3.11")

    assert str(caught.value) == (
        f"the store's path is too long: 111 bytes in /{'x' * 110}\n"
        f"  expected at most 127 bytes in `#!/{'x' * 110}/bin/python3.11`,\n"
        "  since Linux cuts a script's first line there\n"
        "Nothing was built."
    )


@pytest.mark.parametrize("prefix", ["/a b", "/a\tb", "/a\x1bb"])
def test_a_prefix_that_would_break_a_script_is_refused(prefix: str):
    with pytest.raises(StoreError, match="has a space or an unprintable character"):
        check_prefix(prefix, "3.11")
