"""From a depot to an environment of this store, believed for nothing but what was signed.

1. The lock says what is to be had; its derivation, without the store's folder, is the key.
2. The entry of that key is read, and its signature held against the keys that are trusted.
3. The entry must be of this lock, and no older than what was pulled or asked for.
4. Artifacts that the store lacks come from the depot, each held against the lock's digest.
   So does bytecode, where a trusted key has signed its digest: no lock says what it must be.
5. They are linked for this store's prefix. What comes out must have the content that was signed;
   for the same prefix the same tree. Else nothing is kept of it.
6. The entry is remembered, so that an older one is told.

Artifacts travel with their bytecode, and not the linked tree: then any prefix is right, nothing of
the pusher's machine is copied, and the signed content is proven here rather than believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from envlock.errors import DepotError, NotInDepotError
from envlock.formats.depot_entry import LARGEST_ENTRY_BYTES, EntryFile, read_entry_file
from envlock.formats.dsse import Envelope
from envlock.model.depot import DepotEntry, DepotObject
from envlock.model.store import BuildPlan, Promise, Realisation
from envlock.ports.depot import Bytecode, Depot, Intake, Pulled, PullMemory
from envlock.ports.signing import TrustedKey
from envlock.ports.store import Needs
from envlock.store.address import key_of, label_of, place_free_key_of
from envlock.store.generations import check_profile
from envlock.store.liveness import artifact_of
from envlock.store.promise import check_promise
from envlock.workflows.build import (
    Build,
    BuildRequest,
    BuildTools,
    load_lock,
    plan_build,
    put_artifacts_beside,
)

_SHOWN_DIGITS = 16
_UNTOUCHED = "Nothing was pulled."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What an entry must be to be believed."""

    keys: tuple[TrustedKey, ...] = ()
    allows_unsigned: bool = False
    """Whether an entry counts that none of the keys has signed; it is said then."""
    not_before: str = ""
    """UTC; an entry that was pushed before is too old. Empty: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullTools:
    """All that a pull acts through."""

    build: BuildTools
    depot: Depot
    intake: Intake
    bytecode: Bytecode
    memory: PullMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What came of a pull."""

    build: Build
    entry: DepotEntry
    keyid: str
    """The trusted key that signed; empty: none, and that was allowed."""


def pull(request: BuildRequest, trust: Trust, tools: PullTools, needs: Needs) -> Pull:
    """Pull a lock's environment, and make it the current generation.

    Raises `NotInDepotError` when the depot has none, `DepotError` when it is not to be believed,
    and what `build` raises. Then the store holds no environment that it did not hold; archives that
    came whole stay, as after any download.
    """
    stack = load_lock(request.lock, tools.build.workspace)
    profile = request.profile or stack.name
    check_profile(profile)
    plan = plan_build(stack, request, tools.build)
    file = _read(plan, request, tools)
    keyid = check_signatures(file, trust, tools.depot.title)
    _check_subject(file.entry, plan, tools.depot.title)
    _check_age(file, keyid, trust, tools)
    realisation = _realise(plan, file.entry, keyid, tools, needs)
    if keyid:
        tools.memory.remember(file.entry.key, keyid, _memory_of(file))
    data = put_artifacts_beside(request, tools.build, needs)
    generation = tools.build.profiles.add(profile, realisation.environment.label, data)
    built = Build(realisation=realisation, generation=generation)
    return Pull(build=built, entry=file.entry, keyid=keyid)


def _read(plan: BuildPlan, request: BuildRequest, tools: PullTools) -> EntryFile:
    key = place_free_key_of(plan.derivation)
    content = tools.depot.read_entry(key, LARGEST_ENTRY_BYTES)
    if content is None:
        raise NotInDepotError(
            f"{tools.depot.title}: has no environment of {request.lock} for "
            f"{plan.derivation.platform}\n"
            f"  expected an entry {key}, of {plan.derivation.made_with}\n{_UNTOUCHED}",
            hints=[
                f"build it: `envlock build {request.lock}`",
                "or push it from a machine that has it, with the same versions of these",
            ],
        )
    return read_entry_file(content, f"{tools.depot.title}: {key}.json")


# --- whether it is to be believed -----------------------------------------------------------------


def check_signatures(file: EntryFile, trust: Trust, title: str) -> str:
    """Return the trusted key that signed an entry; empty where none did and that is allowed.

    Raises `DepotError`. A signature that goes by a trusted key's name and is not by it is refused
    whatever is allowed: somebody has touched the entry.
    """
    envelope = file.envelope
    if envelope is not None:
        signer = _signer(envelope, trust.keys, title)
        if signer:
            return signer
    if trust.allows_unsigned:
        return ""
    if envelope is None:
        raise DepotError(
            f"{title}: the entry of {file.entry.name} is not signed: anybody can write one\n"
            f"{_UNTOUCHED}",
            hints=[
                "whoever pushed it signs it with `envlock push … --sign KEY`",
                "`--allow-unsigned` believes the entry without knowing whose it is",
            ],
        )
    signers = ", ".join(_short(each.keyid) for each in envelope.signatures)
    among = "none of the keys that you trust" if trust.keys else "you named no key that you trust"
    raise DepotError(
        f"{title}: the entry of {file.entry.name} says to be signed by {signers}; {among}\n"
        f"{_UNTOUCHED}",
        hints=["name the public key of whoever pushes there: `--key PUB`"],
    )


def _signer(envelope: Envelope, keys: Sequence[TrustedKey], title: str) -> str:
    found = ""
    for signature in envelope.signatures:
        named = [key for key in keys if key.keyid == signature.keyid]
        fitting = [key for key in keys if key.fits(signature.sig, envelope.signed_bytes)]
        if named != fitting:
            raise DepotError(
                f"{title}: an entry was altered after it was signed, or is forged\n"
                f"  it goes by the name of {_short(signature.keyid)}, whose signature it is not\n"
                f"{_UNTOUCHED}",
                hints=["find out who may write there, then push it again"],
            )
        found = found or next((key.keyid for key in fitting), "")
    return found


def _check_subject(entry: DepotEntry, plan: BuildPlan, title: str) -> None:
    """Refuse an entry that was signed for something else. Raises `DepotError`."""
    derivation = plan.derivation
    artifacts = tuple((each.file_name, each.sha256) for each in entry.artifacts)
    locked = {sha256 for _, sha256 in derivation.artifacts}
    strange = {each.tree for each in entry.bytecode if artifact_of(each.tree) not in locked}
    for what, expected, found in (
        ("the key", place_free_key_of(derivation), entry.key),
        ("the name", derivation.name, entry.name),
        ("the platform", derivation.platform, entry.platform),
        ("the artifacts", derivation.artifacts, artifacts),
        ("the bytecode", set(), strange),
    ):
        if expected != found:
            shown = (
                f"  expected {expected}, found {found}\n"
                if isinstance(expected, str)
                else "  they are not those of the lock\n"
            )
            raise DepotError(
                f"{title}: an entry is of another environment than it lies there for: {what}\n"
                f"{shown}{_UNTOUCHED}",
                hints=["find out who may write there, then push it again"],
            )


def _check_age(file: EntryFile, keyid: str, trust: Trust, tools: PullTools) -> None:
    """Refuse an entry that is older than it may be. Raises `DepotError`, `StoreError`."""
    entry = file.entry
    if entry.pushed_at < trust.not_before:
        raise DepotError(
            f"{tools.depot.title}: the entry of {entry.name} is too old\n"
            f"  expected one of {trust.not_before} or later, found one of {entry.pushed_at}\n"
            f"{_UNTOUCHED}",
            hints=["push it again, or ask for less: `--not-before DATE`"],
        )
    known = tools.memory.recall(entry.key, keyid) if keyid else None
    if known is None or _memory_of(file) == known or entry.serial > known.serial:
        return
    raise DepotError(
        f"{tools.depot.title}: an older entry of {entry.name} came again\n"
        f"  expected the one of {known.pushed_at}, number {known.serial}, or a newer one\n"
        f"  found one of {entry.pushed_at}, number {entry.serial}\n"
        f"{_UNTOUCHED}",
        hints=["find out who put it there, then push the environment again"],
    )


def _memory_of(file: EntryFile) -> Pulled:
    return Pulled(
        serial=file.entry.serial,
        pushed_at=file.entry.pushed_at,
        statement_sha256=sha256(file.statement).hexdigest(),
    )


# --- having it ------------------------------------------------------------------------------------


def _realise(
    plan: BuildPlan, entry: DepotEntry, keyid: str, tools: PullTools, needs: Needs
) -> Realisation:
    """Return the environment, made now if it was not there; in both cases it is what was signed."""
    label = label_of(plan.derivation)
    promise = _promise(plan, entry, keyid)
    plan = msgspec.structs.replace(plan, promise=promise)
    build = tools.build
    needs.add([label, *(each.sha256 for each in plan.artifacts)])
    with build.store.building(label, build.reporter):
        found = build.store.find(label)
        if found is not None:
            check_promise(promise, found.name, found.content_sha256, found.tree_sha256)
            return Realisation(environment=found, is_new=False)
        _take(plan, entry, tools, needs, with_bytecode=bool(keyid))
        return build.store.realise(plan, needs, build.reporter)


def _take(
    plan: BuildPlan, entry: DepotEntry, tools: PullTools, needs: Needs, *, with_bytecode: bool
) -> None:
    """Bring here what an entry names and the store lacks."""
    lacking = {each.sha256 for each in tools.build.store.lacking(plan.artifacts)}
    wanted = [each for each in entry.artifacts if each.sha256 in lacking]
    bytecode = [
        each for each in entry.bytecode if with_bytecode and not tools.bytecode.has(each.tree)
    ]
    needs.add(each.sha256 for each in bytecode)
    wanted += [
        DepotObject(file_name=each.tree, sha256=each.sha256, size_bytes=each.size_bytes)
        for each in bytecode
    ]
    if wanted:
        tools.intake.take(wanted, tools.build.progress)
    for each in bytecode:
        tools.bytecode.admit(each, needs)


def _promise(plan: BuildPlan, entry: DepotEntry, keyid: str) -> Promise:
    is_same_place = key_of(plan.derivation) == entry.derivation_key
    return Promise(
        content_sha256=entry.content_sha256,
        tree_sha256=entry.tree_sha256 if is_same_place else "",
        by=f"the entry that {_short(keyid)} signed" if keyid else "an unsigned entry",
    )


def _short(digest: str) -> str:
    return digest if len(digest) <= _SHOWN_DIGITS else f"{digest[:_SHOWN_DIGITS]}…"
