"""The store's database: which paths are valid, what they refer to, what roots them.

SQLite in WAL mode, so that readers never wait; on a network file system, where WAL's shared memory
does not work, a rollback journal. A row is the last thing that an environment gets and the first
that it loses: whoever is killed in between leaves a path without a row, which is nobody's.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from envlock.backends.store_locks import held
from envlock.errors import EnvlockError, StoreError, WorldError
from envlock.model.keeping import References
from envlock.model.store import LAYOUT_VERSION, Artifact, Derivation, Environment
from envlock.store.address import split_label

_WAIT_SECONDS = 60.0
_PRIMARY = 0xFF
"""The part of an error's number that says its kind."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_HINTS = {
    sqlite3.SQLITE_FULL: "free space (`envlock gc`), then run it again",
    sqlite3.SQLITE_IOERR: "is the disk full, or failing?",
    sqlite3.SQLITE_CANTOPEN: "is the disk full, or may you not write there?",
    sqlite3.SQLITE_READONLY: "mount the disk so that it can be written to, or change its owner",
    sqlite3.SQLITE_BUSY: "another process has kept it locked: wait for it, then run it again",
}
_NOTHING: tuple[set[str], set[str]] = (set(), set())
_SCHEMA = """
CREATE TABLE IF NOT EXISTS environments (
  label TEXT PRIMARY KEY,
  derivation TEXT NOT NULL,
  tree_sha256 TEXT NOT NULL,
  content_sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  built_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS environment_artifacts (
  label TEXT NOT NULL REFERENCES environments(label) ON DELETE CASCADE,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (label, sha256)
) STRICT;
CREATE TABLE IF NOT EXISTS environment_trees (
  label TEXT NOT NULL REFERENCES environments(label) ON DELETE CASCADE,
  tree TEXT NOT NULL,
  PRIMARY KEY (label, tree)
) STRICT;
CREATE TABLE IF NOT EXISTS artifacts (
  sha256 TEXT PRIMARY KEY,
  artifact TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS trees (
  name TEXT PRIMARY KEY,
  tree_sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS roots (
  link TEXT PRIMARY KEY
) STRICT;
"""


class StoreDatabase:
    """One connection; made by the thread that uses it."""

    def __init__(self, path: Path, *, on_network: bool) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        except sqlite3.Error as error:
            raise self._failed(error) from error
        try:
            self._prepare(on_network=on_network)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, *, on_network: bool) -> None:
        try:
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._check_version()
            self._journal("DELETE" if on_network else "WAL")
            self._make_tables()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _check_version(self) -> None:
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, LAYOUT_VERSION):
            raise StoreError(
                f"{self._path}: expected a database of layout {LAYOUT_VERSION}, found {found}\n"
                "Nothing in it was touched.",
                hints=["use the envlock that made it, or another folder: `export ENVLOCK_HOME=…`"],
            )

    def _journal(self, wanted: str) -> None:
        (now,) = self._connection.execute("PRAGMA journal_mode").fetchone()
        if now.upper() != wanted:  # SQLite does not wait here: two that open at once would collide
            with held(self._path.with_name(f"{self._path.name}.lock")):
                self._connection.execute(f"PRAGMA journal_mode = {wanted}")

    def _make_tables(self) -> None:
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            with self.change():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {LAYOUT_VERSION}")

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Do several things as one: all or none. Raises `WorldError` when the disk refuses."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> EnvlockError:
        kind = _kind(error)
        if kind in _DAMAGED:
            return StoreError(
                f"{self._path}: the store's database is damaged: {error}\n"
                "Nothing in it was touched.",
                hints=[f"put it aside, and build again: `mv {self._path} {self._path}.damaged`"],
            )
        return WorldError(
            f"{self._path}: the store's database cannot be used: {error}\n"
            "What was in it before is unchanged.",
            hints=[_HINTS.get(kind, "is the store on a file system without locks?")],
        )

    def _rows(self, statement: str, *values: object) -> list[tuple[str, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    # --- environments -----------------------------------------------------------------------------

    def environment(self, label: str, folder: Path) -> Environment | None:
        """Return a valid environment."""
        rows = self._rows("SELECT * FROM environments WHERE label = ?", label)
        return _read_environment(rows[0], folder) if rows else None

    def environments(self, folder: Path) -> tuple[Environment, ...]:
        """Return all valid environments, ordered by the time they were built."""
        rows = self._rows("SELECT * FROM environments ORDER BY built_at, label")
        return tuple(_read_environment(row, folder) for row in rows)

    def add_environment(
        self, environment: Environment, artifacts: Iterable[Artifact], trees: Iterable[str]
    ) -> None:
        """Make an environment valid, with what it was made of."""
        with self.change():
            self._connection.execute(
                "INSERT OR REPLACE INTO environments VALUES (?, ?, ?, ?, ?, ?)",
                (
                    environment.label,
                    msgspec.json.encode(environment.derivation).decode(),
                    *(environment.tree_sha256, environment.content_sha256),
                    *(environment.size_bytes, environment.built_at),
                ),
            )
            for artifact in artifacts:
                self._connection.execute(
                    "INSERT OR REPLACE INTO artifacts VALUES (?, ?)",
                    (artifact.sha256, msgspec.json.encode(artifact).decode()),
                )
                self._connection.execute(
                    "INSERT OR REPLACE INTO environment_artifacts VALUES (?, ?)",
                    (environment.label, artifact.sha256),
                )
            self._connection.executemany(
                "INSERT OR REPLACE INTO environment_trees VALUES (?, ?)",
                [(environment.label, tree) for tree in trees],
            )

    def forget(
        self, environments: Iterable[str], trees: Iterable[str], links: Iterable[str]
    ) -> None:
        """Make environments and trees invalid and forget links, all as one.

        What is known of artifacts that no environment is left of goes too.
        """
        with self.change():
            for statement, names in (
                ("DELETE FROM environments WHERE label = ?", environments),
                ("DELETE FROM trees WHERE name = ?", trees),
                ("DELETE FROM roots WHERE link = ?", links),
            ):
                self._connection.executemany(statement, [(name,) for name in names])
            self._connection.execute(
                "DELETE FROM artifacts WHERE sha256 NOT IN"
                " (SELECT sha256 FROM environment_artifacts)"
            )

    def references(self) -> dict[str, References]:
        """Return what each valid environment keeps."""
        artifacts = self._rows("SELECT label, sha256 FROM environment_artifacts")
        trees = self._rows("SELECT label, tree FROM environment_trees")
        found: dict[str, tuple[set[str], set[str]]] = {}
        for place, rows in enumerate((artifacts, trees)):
            for label, name in rows:
                found.setdefault(label, (set(), set()))[place].add(name)
        return {
            label: References(
                artifacts=frozenset(found.get(label, _NOTHING)[0]),
                trees=frozenset(found.get(label, _NOTHING)[1]),
                tree_sha256=digest,
            )
            for label, digest in self._rows("SELECT label, tree_sha256 FROM environments")
        }

    def artifact(self, sha256: str) -> Artifact | None:
        """Return what is known of an artifact that an environment was made of."""
        rows = self._rows("SELECT artifact FROM artifacts WHERE sha256 = ?", sha256)
        return msgspec.json.decode(rows[0][0], type=Artifact) if rows else None

    def artifacts_of(self, label: str) -> tuple[Artifact, ...]:
        """Return what an environment was made of."""
        rows = self._rows(
            "SELECT artifact FROM artifacts JOIN environment_artifacts USING (sha256)"
            " WHERE label = ? ORDER BY sha256",
            label,
        )
        return tuple(msgspec.json.decode(row[0], type=Artifact) for row in rows)

    def trees_of(self, label: str) -> tuple[str, ...]:
        """Return the trees that an environment was linked from."""
        rows = self._rows("SELECT tree FROM environment_trees WHERE label = ?", label)
        return tuple(row[0] for row in rows)

    # --- trees ------------------------------------------------------------------------------------

    def tree(self, name: str) -> str | None:
        """Return the `tree_sha256` of a valid tree."""
        rows = self._rows("SELECT tree_sha256 FROM trees WHERE name = ?", name)
        return rows[0][0] if rows else None

    def trees(self) -> dict[str, str]:
        """Return all valid trees with their `tree_sha256`."""
        return dict(self._rows("SELECT name, tree_sha256 FROM trees ORDER BY name"))  # type: ignore[arg-type]

    def add_tree(self, name: str, tree_sha256: str, size_bytes: int) -> None:
        """Make a tree valid."""
        with self.change():
            self._connection.execute(
                "INSERT OR REPLACE INTO trees VALUES (?, ?, ?)", (name, tree_sha256, size_bytes)
            )

    def remove_trees(self, names: Iterable[str]) -> None:
        """Make trees invalid."""
        with self.change():
            self._connection.executemany(
                "DELETE FROM trees WHERE name = ?", [(name,) for name in names]
            )

    def tree_sizes(self) -> dict[str, int]:
        """Return the bytes of all valid trees, by name."""
        return dict(self._rows("SELECT name, size_bytes FROM trees"))  # type: ignore[arg-type]

    # --- roots ------------------------------------------------------------------------------------

    def roots(self) -> tuple[str, ...]:
        """Return the links outside of the store that keep something in it."""
        return tuple(row[0] for row in self._rows("SELECT link FROM roots ORDER BY link"))

    def add_root(self, link: str) -> None:
        """Keep what a link points to, for as long as it does."""
        with self.change():
            self._connection.execute("INSERT OR REPLACE INTO roots VALUES (?)", (link,))

    def faults(self) -> tuple[str, ...]:
        """Return what SQLite finds wrong with the file itself."""
        try:
            rows = self._connection.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.Error as error:
            if _kind(error) in _DAMAGED:  # too much to say how
                return (str(error),)
            raise self._failed(error) from error
        return tuple(row[0] for row in rows if row[0] != "ok")


def _kind(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def _read_environment(row: tuple[object, ...], folder: Path) -> Environment:
    label, derivation, tree, content, size_bytes, built_at = row
    parts = split_label(str(label))
    if parts is None:
        raise StoreError(f"the store's database names no environment: {label!r}")
    return Environment(
        key=parts[0],
        name=parts[1],
        path=str(folder / str(label)),
        derivation=msgspec.json.decode(str(derivation), type=Derivation),
        tree_sha256=str(tree),
        content_sha256=str(content),
        size_bytes=int(str(size_bytes)),
        built_at=str(built_at),
    )
