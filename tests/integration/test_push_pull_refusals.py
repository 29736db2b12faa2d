"""Whatever a depot says that nobody trusted has signed, or that is not what was signed: refused."""

from __future__ import annotations

import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from depot_house import DepotHouse, Machine, depot_house
from envlock.backends.depot_folder import FolderDepot
from envlock.errors import ArchiveError, DepotError, NotInDepotError, StoreError
from envlock.formats.canonical import format_canonical
from envlock.formats.depot_entry import format_entry, read_entry_file
from envlock.formats.dsse import Envelope, Signature, format_envelope
from envlock.model.depot import DepotEntry


@pytest.fixture(scope="module")
def shared() -> Iterator[DepotHouse]:
    """A house whose builder has built; tests take the depot and the clean machine anew."""
    with depot_house() as made:
        made.builder.build(made.lock)
        yield made


@pytest.fixture
def house(shared: DepotHouse) -> DepotHouse:
    """The depot with one signed entry, and a machine that has pulled nothing."""
    name = len(list(shared.folder.iterdir()))
    shared.root = shared.folder / f"d{name}"
    shared.depot = FolderDepot(shared.root)
    shared.clean = Machine(shared.folder / f"c{name}")
    shared.builder.clock = "2026-11-24T10:00:00Z"
    shared.builder.push(shared.lock, shared.depot, shared.key)
    return shared


def refused(house: DepotHouse, *keys: Any, **trust: Any) -> str:
    with pytest.raises(DepotError) as caught:
        house.clean.pull(house.lock, house.depot, *(keys or (house.public,)), **trust)
    return str(caught.value).replace(str(house.root), "DEPOT")


def forge(house: DepotHouse, **changes: object) -> DepotEntry:
    """Return the entry with other facts in it; written by nobody yet."""
    entry = read_entry_file(house.entry.read_bytes(), "it").entry
    return msgspec.structs.replace(entry, **changes)


def signed(house: DepotHouse, entry: DepotEntry) -> bytes:
    envelope = Envelope(payload=format_entry(entry), signatures=())
    signature = Signature(keyid=house.key.keyid, sig=house.key.sign(envelope.signed_bytes))
    return format_envelope(msgspec.structs.replace(envelope, signatures=(signature,)))


def test_a_key_that_is_not_trusted_is_refused_and_nothing_comes(house: DepotHouse):
    assert refused(house, house.other_public) == (
        f"DEPOT: the entry of demo says to be signed by {house.public.keyid[:16]}…; none of the "
        "keys that you trust\nNothing was pulled."
    )
    assert house.clean.is_untouched


def test_a_pull_that_names_no_key_is_refused(house: DepotHouse):
    with pytest.raises(DepotError, match="you named no key that you trust"):
        house.clean.pull(house.lock, house.depot)

    assert house.clean.is_untouched


def test_an_unsigned_entry_is_refused_unless_it_is_allowed_and_then_it_is_said(house: DepotHouse):
    house.entry.write_bytes(format_entry(forge(house)))

    assert refused(house) == (
        "DEPOT: the entry of demo is not signed: anybody can write one\nNothing was pulled."
    )
    assert house.clean.is_untouched
    pulled = house.clean.pull(house.lock, house.depot, allows_unsigned=True)
    assert pulled.keyid == ""


def test_a_forged_content_is_refused_by_the_signature(house: DepotHouse):
    document = json.loads(house.entry.read_bytes())
    payload = format_entry(forge(house, content_sha256="0" * 64))
    document["payload"] = b64encode(payload).decode()
    house.entry.write_bytes(f"{format_canonical(document)}\n".encode())

    assert refused(house) == (
        "DEPOT: an entry was altered after it was signed, or is forged\n"
        f"  it goes by the name of {house.public.keyid[:16]}…, whose signature it is not\n"
        "Nothing was pulled."
    )
    assert house.clean.is_untouched


def test_a_forged_content_that_is_allowed_unsigned_is_refused_by_what_comes_out(
    house: DepotHouse,
):
    house.entry.write_bytes(format_entry(forge(house, content_sha256="0" * 64)))
    built = house.builder.environments[0]
    content = next(e.content_sha256 for e in house.builder.store.environments() if e.label == built)

    assert refused(house, allows_unsigned=True) == (
        "demo is not what an unsigned entry says\n"
        f"  expected content sha256: {'0' * 64}\n"
        f"  built content sha256:    {content}\n"
        "It was not kept."
    )
    assert house.clean.holds_no_environment


def test_what_was_signed_for_another_tree_at_the_same_place_is_refused(house: DepotHouse):
    house.entry.write_bytes(signed(house, forge(house, tree_sha256="0" * 64)))

    with pytest.raises(DepotError, match="expected tree sha256: 0000"):
        house.builder.pull(house.lock, house.depot, house.public)


def test_an_entry_of_another_environment_is_refused_where_this_ones_should_lie(house: DepotHouse):
    other = house.write_lock("demo2", "another")
    house.builder.build(other)
    house.builder.push(other, house.depot, house.key)
    entries = {
        read_entry_file(path.read_bytes(), "").entry.name: path
        for path in (house.root / "entries").iterdir()
    }
    entries["demo"].write_bytes(entries["demo2"].read_bytes())

    assert "an entry is of another environment than it lies there for: the key" in refused(house)
    assert house.clean.is_untouched


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"name": "other"}, "the name\n  expected demo, found other"),
        ({"platform": "osx-64"}, "the platform\n  expected linux-64, found osx-64"),
        ({"artifacts": ()}, "the artifacts\n  they are not those of the lock"),
    ],
)
def test_even_a_trusted_key_cannot_sign_one_environment_for_another(
    house: DepotHouse, changes: dict[str, object], what: str
):
    house.entry.write_bytes(signed(house, forge(house, **changes)))

    assert what in refused(house)
    assert house.clean.is_untouched


def test_a_truncated_object_is_refused_and_only_what_came_whole_stays(house: DepotHouse):
    victim = max(house.objects, key=lambda path: path.stat().st_size)
    size = victim.stat().st_size
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[: size // 2])

    said = refused(house)

    assert "is not what was pushed\n" in said
    assert f"  expected size: {size:,} bytes\n  received size: {size // 2:,} bytes\n" in said
    assert house.clean.holds_no_environment
    assert victim.name not in house.clean.store.artifacts.names()


def test_an_object_of_the_right_size_and_another_content_is_refused(house: DepotHouse):
    victim = house.objects[0]
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)

    assert f"  expected sha256: {victim.name}\n  received sha256: " in refused(house)
    assert house.clean.holds_no_environment
    assert victim.name not in house.clean.store.artifacts.names()


def test_an_object_that_is_gone_is_named_and_a_push_puts_it_back(house: DepotHouse):
    victim = house.objects[0]
    victim.unlink()

    assert f"is not there, though an entry names it\n  sha256: {victim.name}" in refused(house)
    assert house.clean.holds_no_environment
    again = house.builder.push(house.lock, house.depot, house.key)
    assert [each.sha256 for each in again.sent] == [victim.name]
    assert not again.is_new_entry
    assert house.clean.pull(house.lock, house.depot, house.public).build.realisation.is_new


def test_bytecode_of_an_unsigned_entry_is_not_taken(house: DepotHouse):
    """The lock says what an artifact is, and nothing of bytecode: that takes a trusted key."""
    house.entry.write_bytes(format_entry(forge(house)))

    pulled = house.clean.pull(house.lock, house.depot, house.public, allows_unsigned=True)

    assert pulled.build.realisation.is_new
    assert [step for step in house.clean.reporter.steps if step.startswith("compiling")]


def test_bytecode_that_is_not_what_was_signed_is_refused(house: DepotHouse):
    (first, *others) = forge(house).bytecode
    changed = msgspec.structs.replace(first, tree_sha256="0" * 64)
    house.entry.write_bytes(signed(house, forge(house, bytecode=(changed, *others))))

    assert refused(house) == (
        f"{first.tree} is not the bytecode that was signed\n"
        f"  expected tree sha256: {'0' * 64}\n"
        f"  received tree sha256: {first.tree_sha256}\n"
        "It was thrown away."
    )
    assert house.clean.holds_no_environment
    with house.clean.store.database() as database:
        assert database.trees() == {}


def test_bytecode_of_an_artifact_that_the_lock_does_not_have_is_refused(house: DepotHouse):
    (first, *_) = forge(house).bytecode
    strange = msgspec.structs.replace(first, tree=f"bytecode-{'0' * 64}-{'0' * 32}")
    house.entry.write_bytes(signed(house, forge(house, bytecode=(strange,))))

    assert "than it lies there for: the bytecode" in refused(house)
    assert house.clean.is_untouched


def test_a_pack_that_reaches_out_of_its_tree_is_refused(house: DepotHouse):
    (first, *_) = forge(house).bytecode
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../outside.pyc"))
    content = zstandard.ZstdCompressor().compress(packed.getvalue())
    digest = sha256(content).hexdigest()
    (house.folder / "pack").write_bytes(content)
    house.depot.put(digest, str(house.folder / "pack"))
    hostile = msgspec.structs.replace(first, sha256=digest, size_bytes=len(content))
    house.entry.write_bytes(signed(house, forge(house, bytecode=(hostile,))))

    with pytest.raises(ArchiveError, match=r"bytecode-[0-9a-f-]+` is refused"):
        house.clean.pull(house.lock, house.depot, house.public)

    assert house.clean.holds_no_environment
    assert not list(house.folder.rglob("outside.pyc"))


def test_an_older_entry_that_comes_again_is_refused(house: DepotHouse):
    older = house.entry.read_bytes()
    newer = forge(house, serial=20261125100000, pushed_at="2026-11-25T10:00:00Z")
    house.entry.write_bytes(signed(house, newer))
    house.clean.pull(house.lock, house.depot, house.public)
    before = house.clean.environments
    house.entry.write_bytes(older)

    assert refused(house) == (
        "DEPOT: an older entry of demo came again\n"
        "  expected the one of 2026-11-25T10:00:00Z, number 20261125100000, or a newer one\n"
        "  found one of 2026-11-24T10:00:00Z, number 20261124100000\n"
        "Nothing was pulled."
    )
    assert house.clean.environments == before


def test_an_older_entry_is_told_although_its_environment_was_collected(house: DepotHouse):
    older = house.entry.read_bytes()
    newer = forge(house, serial=20261125100000, pushed_at="2026-11-25T10:00:00Z")
    house.entry.write_bytes(signed(house, newer))
    pulled = house.clean.pull(house.lock, house.depot, house.public)
    with house.clean.store.database() as database:
        database.forget([pulled.build.environment.label], (), ())
    house.entry.write_bytes(older)

    assert "an older entry of demo came again" in refused(house)
    assert house.clean.environments == ()


def test_two_entries_of_one_number_cannot_both_be_true(house: DepotHouse):
    house.clean.pull(house.lock, house.depot, house.public)
    house.entry.write_bytes(signed(house, forge(house, envlock_version="another")))

    assert "an older entry of demo came again" in refused(house)


def test_a_clean_machine_can_ask_how_old_an_entry_may_be(house: DepotHouse):
    assert refused(house, not_before="2026-11-25T00:00:00Z") == (
        "DEPOT: the entry of demo is too old\n"
        "  expected one of 2026-11-25T00:00:00Z or later, found one of 2026-11-24T10:00:00Z\n"
        "Nothing was pulled."
    )
    assert house.clean.is_untouched
    assert house.clean.pull(
        house.lock, house.depot, house.public, not_before="2026-11-24T10:00:00Z"
    )


def test_a_clock_that_went_back_makes_no_older_entry(house: DepotHouse):
    first = read_entry_file(house.entry.read_bytes(), "").entry
    house.entry.write_bytes(signed(house, forge(house, content_sha256="1" * 64)))
    house.builder.clock = "2020-01-01T00:00:00Z"

    pushed = house.builder.push(house.lock, house.depot, house.key)

    assert pushed.is_new_entry
    assert pushed.entry.serial == first.serial + 1


def test_what_a_depot_does_not_have_is_answered_with_no(house: DepotHouse):
    other = house.write_lock("demo3", "never pushed")

    with pytest.raises(NotInDepotError) as caught:
        house.clean.pull(other, house.depot, house.public)

    assert caught.value.exit_code == 1
    assert "has no environment of" in str(caught.value)
    assert house.clean.is_untouched


def test_what_is_not_built_is_not_pushed(house: DepotHouse):
    other = house.write_lock("demo4", "never built")

    with pytest.raises(StoreError) as caught:
        house.builder.push(other, house.depot, house.key)

    assert str(caught.value) == f"{other}: is not built, so there is nothing to push"
    assert len(list((house.root / "entries").iterdir())) == 1


def test_an_unsigned_entry_takes_no_signed_ones_place(house: DepotHouse):
    before = house.entry.read_bytes()
    same = house.builder.push(house.lock, house.depot)
    assert not same.is_new_entry
    house.entry.write_bytes(signed(house, forge(house, content_sha256="1" * 64)))

    with pytest.raises(DepotError, match="a signed entry of demo is there"):
        house.builder.push(house.lock, house.depot)

    house.entry.write_bytes(before)


def test_a_second_signer_signs_the_same_entry_and_either_key_will_do(house: DepotHouse):
    house.builder.clock = "2026-11-26T10:00:00Z"

    pushed = house.builder.push(house.lock, house.depot, house.other_key)

    assert pushed.is_new_entry
    assert pushed.entry.pushed_at == "2026-11-24T10:00:00Z"
    pulled = house.clean.pull(house.lock, house.depot, house.other_public)
    assert pulled.keyid == house.other_public.keyid
    assert house.clean.pull(house.lock, house.depot, house.public).keyid == house.public.keyid


def test_a_damaged_archive_of_the_store_is_not_pushed(house: DepotHouse, tmp_path: Path):
    digest = read_entry_file(house.entry.read_bytes(), "").entry.artifacts[0].sha256
    archive = house.builder.store.artifacts.path_of(digest)
    content = archive.read_bytes()
    archive.chmod(0o644)
    archive.write_bytes(content[:-1] + b"?")

    with pytest.raises(StoreError) as caught:
        house.builder.push(house.lock, FolderDepot(tmp_path / "new"), house.key)

    archive.write_bytes(content)
    assert str(caught.value) == (
        f"an archive of the store is not what it was: {digest}\nIt was not pushed."
    )
    assert list((tmp_path / "new" / "entries").iterdir()) == []


def test_bytecode_that_was_changed_in_the_store_is_not_pushed(house: DepotHouse, tmp_path: Path):
    (first, *_) = forge(house).bytecode
    tree = house.builder.store.layout.trees / first.tree
    victim = next(path for path in tree.rglob("*.pyc"))
    content = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(content[:-1] + b"?")

    with pytest.raises(DepotError) as caught:
        house.builder.push(house.lock, FolderDepot(tmp_path / "new"), house.key)

    victim.write_bytes(content)
    assert str(caught.value) == (
        f"`{victim.relative_to(tree)}` in {first.tree} was changed after it was sealed\n"
        "It was not pushed."
    )
    assert list((tmp_path / "new" / "entries").iterdir()) == []


def test_a_memory_that_cannot_be_read_stops_a_pull(house: DepotHouse):
    house.clean.pull(house.lock, house.depot, house.public)
    (memory,) = (house.clean.home / "pulled").iterdir()
    memory.write_bytes(b"half of somethi")

    with pytest.raises(StoreError) as caught:
        house.clean.pull(house.lock, house.depot, house.public)

    assert str(caught.value).startswith(f"{memory}: what was pulled before cannot be read: ")
    assert str(caught.value).endswith("\nNothing was pulled.")


def test_a_folder_that_holds_something_else_becomes_no_depot(house: DepotHouse, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("mine")

    with pytest.raises(DepotError) as caught:
        house.builder.push(house.lock, FolderDepot(tmp_path), house.key)

    assert str(caught.value) == (
        f"{tmp_path}: expected a depot or an empty folder, found `thesis.tex` in it\n"
        "Nothing in it was touched."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
