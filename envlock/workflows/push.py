"""From an environment of the store to a depot: its artifacts, then a signed entry.

1. The environment is found; nothing is built.
2. What the store has let go of is fetched again, as the lock says; bytecode is packed.
3. Objects that the depot lacks are put there; each is hashed on its way.
4. The entry is written: until then nobody sees that anything was pushed.

So a push that was cut off is taken up by the next one, and costs what was not whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.errors import DepotError, StoreError
from envlock.formats.depot_entry import (
    LARGEST_ENTRY_BYTES,
    EntryFile,
    format_entry,
    read_entry_file,
)
from envlock.formats.dsse import Envelope, Signature, add_signature, format_envelope
from envlock.model.depot import DepotBytecode, DepotEntry, DepotObject
from envlock.model.store import Artifact, Environment
from envlock.ports.artifacts import Artifacts, FetchProgress
from envlock.ports.depot import Bytecode, Depot, PackedBytecode
from envlock.ports.reporter import Reporter
from envlock.ports.signing import SigningKey
from envlock.ports.store import Needs
from envlock.store.address import place_free_key_of
from envlock.workflows.build import fetch
from envlock.workflows.closures import ClosureTools, find_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTools:
    """All that a push acts through."""

    closures: ClosureTools
    artifacts: Artifacts
    progress: FetchProgress
    depot: Depot
    bytecode: Bytecode
    reporter: Reporter
    measure: Callable[[str], int]
    """Returns a file's size."""
    now: Callable[[], str]
    envlock_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What came of a push."""

    environment: Environment
    entry: DepotEntry
    sent: tuple[DepotObject, ...]
    """The objects that the depot lacked."""
    is_new_entry: bool
    """Whether the entry was written; else it stood there as it is."""
    keyid: str
    """Who signed; empty: nobody."""


def push(name: str, key: SigningKey | None, tools: PushTools, needs: Needs) -> Push:
    """Push an environment, named as a lock, a profile, a generation, a label or a path.

    Raises `StoreError` when it is not built or an archive is damaged, `DepotError` when the depot
    is none or an unsigned entry would replace a signed one, and `WorldError`. Then no entry was
    written.
    """
    environment = find_environment(name, tools.closures)
    if environment is None:
        raise StoreError(
            f"{name}: is not built, so there is nothing to push",
            hints=[f"`envlock build {name}` builds it"],
        )
    artifacts = _artifacts(environment, tools)
    needs.add([environment.label, *(each.sha256 for each in artifacts)])
    fetch([each for each in artifacts if not tools.artifacts.has(each.sha256)], tools)
    tools.depot.prepare()
    objects = tuple(_object(each, tools) for each in artifacts)
    tools.reporter.step("packing bytecode")
    with tools.bytecode.packed(environment.label) as packs:
        draft = _draft(environment, objects, [each.bytecode for each in packs], tools)
        previous = _previous(draft.key, tools)
        if key is None and previous is not None and previous.envelope is not None:
            _refuse_unsigning(draft, previous, tools)
        sent = _send(objects, packs, tools)
    written = _write(draft, previous, key, tools)
    return Push(
        environment=environment,
        entry=written or (draft if previous is None else previous.entry),
        sent=sent,
        is_new_entry=written is not None,
        keyid=key.keyid if key else "",
    )


def _artifacts(environment: Environment, tools: PushTools) -> Sequence[Artifact]:
    """Return what it was made of, in its derivation's order."""
    known = {
        each.sha256: each for each in tools.closures.care.keeping.artifacts_of(environment.label)
    }
    names = environment.derivation.artifacts
    lacking = [file_name for file_name, sha256 in names if sha256 not in known]
    if lacking:
        raise StoreError(
            f"{environment.label}: the store no longer says where `{lacking[0]}` is from\n"
            "Nothing was pushed.",
            hints=["build its lock again: `envlock build LOCK`"],
        )
    return [replace(known[sha256], file_name=file_name) for file_name, sha256 in names]


def _object(artifact: Artifact, tools: PushTools) -> DepotObject:
    size_bytes = tools.measure(tools.artifacts.path_of(artifact.sha256))
    return DepotObject(file_name=artifact.file_name, sha256=artifact.sha256, size_bytes=size_bytes)


def _draft(
    environment: Environment,
    objects: tuple[DepotObject, ...],
    bytecode: Sequence[DepotBytecode],
    tools: PushTools,
) -> DepotEntry:
    now = tools.now()
    return DepotEntry(
        key=place_free_key_of(environment.derivation),
        name=environment.name,
        platform=environment.derivation.platform,
        content_sha256=environment.content_sha256,
        tree_sha256=environment.tree_sha256,
        derivation_key=environment.key,
        prefix_bytes=len(environment.path.encode()),
        size_bytes=environment.size_bytes,
        artifacts=objects,
        bytecode=tuple(bytecode),
        serial=int("".join(digit for digit in now if digit.isdigit())),
        pushed_at=now,
        envlock_version=tools.envlock_version,
    )


def _previous(key: str, tools: PushTools) -> EntryFile | None:
    """Return the entry that stands there; one that cannot be used is as good as none."""
    content = tools.depot.read_entry(key, LARGEST_ENTRY_BYTES)
    if content is None:
        return None
    try:
        return read_entry_file(content, f"{key}.json")
    except DepotError:  # damaged, or of an envlock that wrote another form
        tools.reporter.note(f"{tools.depot.title}: a damaged entry is replaced")
        return None


def _refuse_unsigning(draft: DepotEntry, previous: EntryFile, tools: PushTools) -> None:
    if not _says_the_same(draft, previous.entry):
        raise DepotError(
            f"{tools.depot.title}: a signed entry of {draft.name} is there, and another one "
            "without a signature would take its place\nNothing was pushed.",
            hints=["sign it: `envlock push … --sign KEY`"],
        )


def _says_the_same(one: DepotEntry, other: DepotEntry) -> bool:
    """Say whether two entries differ in nothing but when, by which envlock and where from.

    The same bytecode may be packed in two ways.
    """

    def settled(entry: DepotEntry) -> DepotEntry:
        entry = replace(entry, serial=0, pushed_at="", envlock_version="")
        entry = replace(entry, derivation_key="", tree_sha256="", prefix_bytes=0)
        return replace(
            entry,
            bytecode=tuple(replace(each, sha256="", size_bytes=0) for each in entry.bytecode),
        )

    is_same_place = one.derivation_key == other.derivation_key
    if is_same_place and one.tree_sha256 != other.tree_sha256:
        return False
    return settled(one) == settled(other)


def _send(
    objects: Sequence[DepotObject], packs: Sequence[PackedBytecode], tools: PushTools
) -> tuple[DepotObject, ...]:
    """Put there what is not; what has another size is no good, and replaced."""
    files = [(each, tools.artifacts.path_of(each.sha256)) for each in objects]
    files += [(_pack(each.bytecode), each.path) for each in packs]
    lacking = [each for each in files if not _is_there(each[0], tools)]
    for number, (each, path) in enumerate(lacking, 1):
        tools.reporter.step(f"pushing {number} of {len(lacking)} files, `{each.file_name}`")
        tools.depot.put(each.sha256, path)
    return tuple(each for each, _ in lacking)


def _pack(bytecode: DepotBytecode) -> DepotObject:
    return DepotObject(
        file_name=bytecode.tree, sha256=bytecode.sha256, size_bytes=bytecode.size_bytes
    )


def _is_there(each: DepotObject, tools: PushTools) -> bool:
    return tools.depot.size_of(each.sha256) == each.size_bytes


def _write(
    draft: DepotEntry, previous: EntryFile | None, key: SigningKey | None, tools: PushTools
) -> DepotEntry | None:
    """Write the entry, unless it stands there already; return it then."""
    entry = draft
    envelope: Envelope | None = None
    if previous is not None:
        has_packs = all(_is_there(_pack(each), tools) for each in previous.entry.bytecode)
        if has_packs and _says_the_same(draft, previous.entry):
            if key is None or _has_signed(key, previous):
                return None
            # What others have signed stays signed by them: we sign the very same.
            entry, envelope = previous.entry, previous.envelope
        elif key is None or _has_signed(key, previous):
            # A clock that went back must not make the newer entry the older one.
            entry = replace(draft, serial=max(draft.serial, previous.entry.serial + 1))
    statement = format_entry(entry)
    if key is not None:
        envelope = envelope or Envelope(payload=statement, signatures=())
        signature = Signature(keyid=key.keyid, sig=key.sign(envelope.signed_bytes))
        statement = format_envelope(add_signature(envelope, signature))
    tools.depot.write_entry(entry.key, statement)
    return entry


def _has_signed(key: SigningKey, file: EntryFile) -> bool:
    """Say whether a key has signed an entry: an ed25519 signature is the same each time."""
    if file.envelope is None:
        return False
    own = key.sign(file.envelope.signed_bytes)
    return any(each.keyid == key.keyid and each.sig == own for each in file.envelope.signatures)
