"""Which policy holds for a file, and what became of its exceptions.

One policy holds for a file, and nothing is merged: that of the stack that a lock lies beside, where
the stack has an `[audit]` table; else that of the nearest pyproject.toml with a table for us, from
the file's folder up to the root of its project. The root is the folder that version control is in,
or, without one, the folder that was named. A policy that was named holds for all files. What the
command line says goes before every policy.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from msgspec.structs import replace

from envlock.audit.engine import covers
from envlock.audit.rule import Rule
from envlock.formats.audit_policy import PROJECT_FILE, read_policy, require_policy
from envlock.formats.secrets import conceal
from envlock.formats.stack_toml import LARGEST_BYTES
from envlock.model.finding import AuditPolicy, Ignore, Judged, Notice
from envlock.ports.tree import Tree
from envlock.ports.workspace import Workspace

_ROOTS = (".git", ".hg", ".jj")
_LOCKS = (".conda-lock.yml", ".conda-lock.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A file that was judged, and the policy that held for it."""

    policy: AuditPolicy
    place: str
    """The file, from the policy's folder on."""


@dataclass(kw_only=True)
class Policies:
    """The policies of one audit; each file is read once."""

    workspace: Workspace
    tree: Tree
    rules: Sequence[Rule]
    paths: Sequence[str]
    """What the audit was asked to look at; the folders of it count."""
    named: str | None = None
    """The file of `--policy`."""
    _read: dict[str, AuditPolicy | None] = field(default_factory=dict)
    _roots: dict[PurePosixPath, PurePosixPath | None] = field(default_factory=dict)
    _held: dict[str, _Held] = field(default_factory=dict)

    def policy_for(self, file: str, label: str, given: AuditPolicy) -> AuditPolicy:
        """Return the policy of a file, with the exceptions that its place allows.

        `label` is what a report calls the file; `given` is what the command line says. Raises
        `InputFileError` for a policy that cannot be read or speaks of a rule that there is not.
        """
        path = self._absolute(file)
        found = self._find(path)
        if found is None:
            return given
        place = _below(path, self._absolute(found.file).parent)
        self._held[label] = _Held(policy=found, place=place)
        ignores = tuple(replace(each, file="") for each in found.ignores if _fits(each, place))
        return _over(given, replace(found, ignores=ignores))

    def notices(self, judged: Iterable[Judged], today: str) -> tuple[Notice, ...]:
        """Return what there is to say of exceptions: those that ran out, and those for nothing.

        An exception fits nothing only where all files of its policy were looked at, and its rule
        was applied to one of them.
        """
        files = [(each, self._held[each.file]) for each in judged if each.file in self._held]
        policies = {held.policy.file: held.policy for held in self._held.values()}
        found: list[Notice] = []
        for policy in policies.values():
            own = [(each, held.place) for each, held in files if held.policy is policy]
            for ignore in policy.ignores:
                if ignore.expires and ignore.expires < today:
                    found.append(_expired(ignore))
                elif self._is_whole(policy) and self._is_idle(ignore, own):
                    found.append(_unused(ignore))
        return tuple(found)

    def _is_whole(self, policy: AuditPolicy) -> bool:
        """Say whether everything that a policy can hold for was looked at."""
        folders = [self._absolute(path) for path in self.paths if self.tree.is_folder(path)]
        if policy.file == self.named:
            return bool(folders)
        home = self._absolute(policy.file)
        return home.name != PROJECT_FILE or any(map(home.is_relative_to, folders))

    def _is_idle(self, ignore: Ignore, files: Iterable[tuple[Judged, str]]) -> bool:
        """Say whether the rule of an exception was applied, and the exception let nothing pass."""
        mine = [judged for judged, place in files if _fits(ignore, place)]
        rules = [rule for rule in self.rules if ignore.rule in (rule.code, rule.name)]
        tried = any(rule.code in judged.applied for rule in rules for judged in mine)
        anywhere = replace(ignore, file="")
        used = any(covers(anywhere, each.finding) for judged in mine for each in judged.ignored)
        return tried and not used

    def _find(self, path: PurePosixPath) -> AuditPolicy | None:
        if self.named is not None:
            return self._of(self.named, is_named=True)
        found = (self._of(candidate) for candidate in self._candidates(path))
        return next((policy for policy in found if policy is not None), None)

    def _candidates(self, path: PurePosixPath) -> Iterator[str]:
        """Yield the files that may hold the policy of a file, the nearest first."""
        here = self._absolute(".")
        for ending in _LOCKS:
            if path.name.endswith(ending):
                stack = path.with_name(f"{path.name.removesuffix(ending)}.toml")
                yield _below(stack, here)
        root = self._root(path.parent) or self._folder_of(path)
        for place in (path.parent, *path.parent.parents):
            yield _below(place / PROJECT_FILE, here)
            if place == root:
                return

    def _folder_of(self, path: PurePosixPath) -> PurePosixPath:
        """Return the outermost folder of those named that a file lies in, else its own."""
        folders = [self._absolute(each) for each in self.paths if self.tree.is_folder(each)]
        around = [folder for folder in folders if path.is_relative_to(folder)]
        return min(around, key=lambda folder: len(folder.parts), default=path.parent)

    def _root(self, folder: PurePosixPath) -> PurePosixPath | None:
        """Return the folder around a file that version control is in."""
        if folder not in self._roots:
            marks = [str(folder / name) for name in _ROOTS]
            has_one = any(map(self.tree.is_folder, marks)) or any(map(self.workspace.exists, marks))
            above = folder.parent
            found = folder if has_one else None if above == folder else self._root(above)
            self._roots[folder] = found
        return self._roots[folder]

    def _of(self, file: str, *, is_named: bool = False) -> AuditPolicy | None:
        if file not in self._read:
            self._read[file] = None
            if is_named or self.workspace.exists(file):
                content = self.workspace.read_bytes(file, limit_bytes=LARGEST_BYTES)
                read = require_policy if is_named else read_policy
                self._read[file] = read(content, file, rule_words(self.rules))
        return self._read[file]

    def _absolute(self, path: str) -> PurePosixPath:
        return PurePosixPath(self.tree.absolute(path))


def rule_words(rules: Iterable[Rule]) -> Mapping[str, str]:
    """Return the code of each rule, by code and by name."""
    return {word: rule.code for rule in rules for word in (rule.code, rule.name)}


def _expired(ignore: Ignore) -> Notice:
    return Notice(
        where=ignore.where,
        said=f"the exception of {ignore.rule} held until {ignore.expires}; what it let pass "
        "counts again",
        remedy="repair what it was for and remove it, or give it a new day with a reason",
    )


def _unused(ignore: Ignore) -> Notice:
    about = f" for {conceal(ignore.package)}" if ignore.package else ""
    return Notice(
        where=ignore.where,
        said=f"the exception of {ignore.rule}{about} fits no finding",
        remedy="remove it, or correct its rule, package or file",
    )


def _fits(ignore: Ignore, place: str) -> bool:
    return not ignore.file or fnmatch.fnmatchcase(place, ignore.file)


def _below(path: PurePosixPath, folder: PurePosixPath) -> str:
    """Return a path from a folder on, the whole path where it does not lie below."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _over(given: AuditPolicy, found: AuditPolicy) -> AuditPolicy:
    """Return a policy in which what the command line says goes first."""
    return replace(
        found,
        level=given.level or found.level,
        fail_on=given.fail_on or found.fail_on,
        severities={**found.severities, **given.severities},
        ignores=(*given.ignores, *found.ignores),
        allowed_licenses=given.allowed_licenses or found.allowed_licenses,
        denied_licenses=given.denied_licenses or found.denied_licenses,
        driver=given.driver or found.driver,
        glibc=given.glibc or found.glibc,
        compute=given.compute or found.compute,
    )
