"""Addresses and trees: order never counts, every field does, and what is written reads back."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from envlock.model.store import Derivation, Interpreter
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.address import key_of, label_of, split_label
from envlock.store.content import content_digest, restore_binary, restore_text
from envlock.store.generations import check_profile, link_name, parse_link
from envlock.store.liveness import mark
from envlock.store.tree import compare_trees, format_tree, parse_tree, tree_digest
from fakes_store import make_artifact, make_plan

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
FILES = st.builds(
    TreeEntry,
    path=TEXT,
    kind=st.just(EntryKind.FILE),
    sha256=DIGESTS,
    size_bytes=st.integers(0, 1 << 50),
    is_executable=st.booleans(),
)
LINKS = st.builds(TreeEntry, path=TEXT, kind=st.just(EntryKind.LINK), target=TEXT)
FOLDERS = st.builds(TreeEntry, path=TEXT, kind=st.just(EntryKind.FOLDER))
TREES = st.lists(FILES | LINKS | FOLDERS, max_size=12, unique_by=lambda entry: entry.path)
INTERPRETERS = st.builds(
    Interpreter,
    executable=TEXT,
    sha256=DIGESTS,
    version=TEXT,
    implementation=TEXT,
    abi=TEXT,
    library=TEXT,
    library_sha256=DIGESTS,
)
DERIVATIONS = st.builds(
    Derivation,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True),
    platform=TEXT,
    store_folder=TEXT,
    artifacts=st.lists(st.tuples(TEXT, DIGESTS), max_size=4).map(tuple),
    link_scripts=st.lists(TEXT, max_size=2).map(tuple),
    interpreter=st.none() | INTERPRETERS,
    made_with=TEXT,
)


# --- trees ----------------------------------------------------------------------------------------


@given(TREES)
def test_a_tree_reads_back(entries: list[TreeEntry]):
    read = parse_tree(format_tree(entries))

    assert list(read) == sorted(entries, key=lambda entry: entry.path)
    assert compare_trees(entries, read) == ()


@given(TREES, st.randoms())
def test_the_order_of_entries_never_changes_the_digest(entries: list[TreeEntry], chance):
    shuffled = list(entries)
    chance.shuffle(shuffled)

    assert format_tree(shuffled) == format_tree(entries)


@given(TREES, FILES | LINKS | FOLDERS)
def test_trees_that_differ_have_other_digests_and_the_difference_is_named(
    entries: list[TreeEntry], other: TreeEntry
):
    changed = [each for each in entries if each.path != other.path] + [other]
    same = other in entries

    assert (tree_digest(format_tree(changed)) == tree_digest(format_tree(entries))) is same
    named = [each.path for each in compare_trees(entries, changed)]
    assert named == ([] if same else [other.path])


@given(TREES)
def test_bytecode_and_the_prefix_do_not_change_the_content(entries: list[TreeEntry]):
    bytecode = TreeEntry(path="a/__pycache__/b.cpython-311.pyc", kind=EntryKind.FILE, sha256="0")
    folder = TreeEntry(path="a/__pycache__", kind=EntryKind.FOLDER)
    restored = TreeEntry(path="bin/tool", kind=EntryKind.FILE, sha256="1")
    built = replace(restored, sha256="2")
    others = [each for each in entries if each.path != restored.path]

    plain = content_digest([*others, restored], {})

    assert content_digest([*others, built, bytecode, folder], {built.path: restored}) == plain


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_a_prefix_in_a_text_is_put_back(before: bytes, after: bytes):
    prefix, placeholder = "/opt/store/key-name", "/placeholder" * 5
    text = before + placeholder.encode() + after

    built = text.replace(placeholder.encode(), prefix.encode())

    if prefix.encode() not in text:
        assert restore_text(built, prefix, placeholder) == text


@given(st.lists(st.binary(max_size=8).filter(lambda each: b"\0" not in each), max_size=4))
def test_a_prefix_in_a_binary_is_put_back_with_its_padding(tails: list[bytes]):
    prefix, placeholder = "/opt/store/key-name", "/placeholder" * 5
    spare = len(placeholder) - len(prefix)
    original = b"\x7fELF" + b"".join(b"\1" + placeholder.encode() + tail + b"\0" for tail in tails)

    built = b"\x7fELF" + b"".join(
        b"\1" + prefix.encode() + tail + b"\0" * (1 + spare) for tail in tails
    )

    assert restore_binary(built, prefix, placeholder) == original


# --- addresses ------------------------------------------------------------------------------------


@given(DERIVATIONS)
def test_a_label_tells_key_and_name(derivation: Derivation):
    assert split_label(label_of(derivation)) == (key_of(derivation), derivation.name)


@given(DERIVATIONS, DERIVATIONS)
def test_every_field_of_a_derivation_changes_its_key(one: Derivation, other: Derivation):
    for name in one.__struct_fields__:
        changed = replace(one, **{name: getattr(other, name)})

        assert (key_of(changed) == key_of(one)) is (changed == one), name


@given(INTERPRETERS, INTERPRETERS, DERIVATIONS)
def test_every_field_of_the_machines_python_changes_the_key(
    one: Interpreter, other: Interpreter, derivation: Derivation
):
    base = replace(derivation, interpreter=one)
    for name in one.__struct_fields__:
        changed = replace(one, **{name: getattr(other, name)})
        key = key_of(replace(base, interpreter=changed))

        assert (key == key_of(base)) is (changed == one), name


@given(st.permutations(["a", "b", "c", "d"]), TEXT, TEXT)
def test_neither_order_nor_address_of_artifacts_changes_the_key(
    names: list[str], url: str, md5: str
):
    plain = make_plan("demo", *(make_artifact(name) for name in "abcd"))
    other = make_plan("demo", *(make_artifact(name, url=url, md5=md5) for name in names))

    assert key_of(other.derivation) == key_of(plain.derivation)


@given(DERIVATIONS)
def test_a_derivation_reads_back_with_its_key(derivation: Derivation):
    read = msgspec.json.decode(msgspec.json.encode(derivation), type=Derivation)

    assert key_of(read) == key_of(derivation)


# --- generations and liveness ---------------------------------------------------------------------


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True), st.integers(1, 10**9 - 1)
)
def test_a_generations_link_reads_back(profile: str, number: int):
    if parse_link(profile) is None:
        check_profile(profile)
    assert parse_link(link_name(profile, number)) == (profile, number)


NAMES = st.sampled_from([digit * 64 for digit in "abcdef"])


@st.composite
def inventories(draw: st.DrawFn):
    from envlock.model.keeping import Inventory, References  # noqa: PLC0415

    artifacts = draw(st.frozensets(NAMES))
    trees = {f"artifact-{each}": f"m{each}" for each in draw(st.frozensets(NAMES))}
    environments = {
        label: References(
            artifacts=draw(st.frozensets(NAMES)),
            trees=frozenset(f"artifact-{each}" for each in draw(st.frozensets(NAMES))),
            tree_sha256=f"m{label}",
        )
        for label in draw(st.frozensets(st.sampled_from(["one", "two", "three"])))
    }
    manifests = frozenset({*trees.values(), *(f"m{label}" for label in environments), "stray"})
    return Inventory(
        environments=environments, trees=trees, artifacts=artifacts, manifests=manifests
    )


@given(inventories(), st.frozensets(st.sampled_from(["one", "two", "three"]) | NAMES))
def test_what_is_live_refers_to_nothing_dead(inventory, roots: frozenset[str]):
    marked = mark(inventory, roots)

    for label in marked.live.environments:
        kept = inventory.environments[label]
        assert not kept.artifacts & set(marked.dead.artifacts)
        assert not kept.trees & set(marked.dead.trees)
        assert kept.tree_sha256 not in marked.dead.manifests
    for name in marked.live.trees:
        assert inventory.trees[name] not in marked.dead.manifests


@given(inventories(), st.frozensets(NAMES), st.frozensets(NAMES))
def test_more_roots_never_keep_less(inventory, some: frozenset[str], more: frozenset[str]):
    few, many = mark(inventory, some).live, mark(inventory, some | more).live

    for name in few.__struct_fields__:
        assert set(getattr(few, name)) <= set(getattr(many, name))
