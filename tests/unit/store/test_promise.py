from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.errors import DepotError
from envlock.model.store import Promise
from envlock.store.address import key_of, place_free_key_of
from envlock.store.promise import check_promise
from fakes_store import make_artifact, make_plan

PROMISE = Promise(content_sha256="c", tree_sha256="t", by="the entry that 1234 signed")


def test_what_was_promised_passes():
    check_promise(PROMISE, "demo", "c", "t")
    check_promise(replace(PROMISE, tree_sha256=""), "demo", "c", "any")


@pytest.mark.parametrize(("found", "what"), [(("x", "t"), "content"), (("c", "x"), "tree")])
def test_what_was_not_promised_is_refused_with_both_digests(found: tuple[str, str], what: str):
    with pytest.raises(DepotError) as caught:
        check_promise(PROMISE, "demo", *found)

    assert str(caught.value) == (
        "demo is not what the entry that 1234 signed says\n"
        f"  expected {what} sha256: {what[0]}\n"
        f"  built {what} sha256:    x\n"
        "It was not kept."
    )


def test_the_key_of_a_depot_is_the_same_wherever_the_store_lies_and_no_key_of_a_folder():
    here = make_plan("demo", make_artifact("a")).derivation
    there = replace(here, store_folder="/somewhere/else")
    changed = replace(here, made_with="another")

    assert place_free_key_of(here) == place_free_key_of(there)
    assert key_of(here) != key_of(there)
    assert place_free_key_of(here) not in {key_of(here), key_of(replace(here, store_folder=""))}
    assert place_free_key_of(here) != place_free_key_of(changed)
