"""History as git has it, asked through the `git` program.

What a person typed is never an argument of git: names of objects go through its standard input,
one to a line, and only the object ids that come back are passed on. So `--output=x` is a revision
that does not exist and nothing else. No shell is involved. Variables such as GIT_DIR hold here as
they hold for git; its messages are asked for in English, since two of them are read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import WorldError
from envlock.ports.history import HistoryError

_TIMEOUT_SECONDS = 60.0
"""git answers in milliseconds; a partial clone may have to fetch the file first."""
_SHOWN = 300
_QUESTIONS = 2
_PLAIN_FILES = ("100644 blob ", "100755 blob ", "100664 blob ")
"""Neither links nor other repositories."""
_LINKS = {
    "symlink": "to what is outside the repository",
    "dangling": "to what is not there",
    "loop": "that leads to itself",
    "notdir": "through a file as if it were a folder",
}
"""What git says of links that end at no object of the revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    output: bytes
    error: str


class GitHistory:
    """The repository around a folder. Implements `ports.history.History`."""

    def __init__(self, folder: str = ".") -> None:
        self._folder = folder

    def read_bytes(self, revision: str, path: str, *, limit_bytes: int) -> bytes:
        """Return a file of a revision; see the port."""
        return self._read(self._folder, revision, path, limit_bytes)

    def read_earlier(self, revision: str, file: str, *, limit_bytes: int) -> bytes:
        """Return what a file was, asking the repository that the file lies in; see the port."""
        place = Path(self._folder, file)
        return self._read(str(place.parent), revision, f"./{place.name}", limit_bytes)

    def is_folder(self, revision: str, path: str) -> bool:
        """Say whether a path of a revision is a folder; see the port."""
        return self._find(self._folder, revision, path)[1] == "tree"

    def files_below(self, revision: str, path: str) -> tuple[str, ...]:
        """Return the files below a folder of a revision; see the port."""
        identity, kind, _ = self._find(self._folder, revision, path)
        if kind != "tree":
            raise HistoryError(f"{revision}:{path}: expected a folder, found a file")
        answer = self._ask(self._folder, ["ls-tree", "-r", "-z", "--full-tree", identity])
        if answer.status:
            raise _refused(self._folder, answer)
        start = path if path.endswith("/") or not path else f"{path}/"
        rows = answer.output.decode("utf-8", "surrogateescape").split("\0")
        found = (row.partition("\t") for row in rows if row.startswith(_PLAIN_FILES))
        return tuple(sorted(f"{start}{name}" for _, _, name in found))

    def working_path(self, path: str) -> str:
        """Return where a path of the repository lies on disk; see the port."""
        if path.startswith(("./", "../")):
            return str(Path(self._folder, path))
        answer = self._ask(self._folder, ["rev-parse", "--show-cdup"])
        if answer.status:
            raise _refused(self._folder, answer)
        up = answer.output.decode("utf-8", "surrogateescape").rstrip("\r\n")
        return str(Path(self._folder, up, path))

    def _read(self, folder: str, revision: str, path: str, limit_bytes: int) -> bytes:
        identity, kind, size_bytes = self._find(folder, revision, path)
        if kind == "tree":
            raise HistoryError(f"{revision}:{path}: expected a file, found a folder")
        return self._blob(folder, f"{revision}:{path}", identity, size_bytes, limit_bytes)

    def _find(self, folder: str, revision: str, path: str) -> tuple[str, str, int]:
        """Return the object id, the kind (`blob` or `tree`) and the size of what a path names."""
        name = f"{revision}:{path}"
        if any(char in name for char in "\n\r\0"):
            raise HistoryError(f"{name!r} is not a revision and a path")
        tree = f"{revision or 'HEAD'}^{{tree}}"
        follow = ["--follow-symlinks"] if revision else []  # git cannot in what is staged
        question = ["cat-file", "--batch-check", *follow]
        answer = self._ask(folder, question, f"{tree}\n{name}\n")
        lines = answer.output.decode("utf-8", "replace").splitlines()
        if lines[1:] and (link := lines[1].split(" ")[0]) in _LINKS:
            raise HistoryError(f"{name}: expected a file, found a link {_LINKS[link]}")
        if answer.status or len(lines) != _QUESTIONS:
            raise _refused(folder, answer)
        if revision and lines[0].split()[1:2] != ["tree"]:
            raise _unknown_revision(revision, folder, is_ambiguous=lines[0].endswith(" ambiguous"))
        match lines[1].split():
            case [identity, ("blob" | "tree") as kind, size] if size.isdigit():
                return identity, kind, int(size)
            case _:
                raise _unknown_path(revision, path)

    def _blob(
        self, folder: str, name: str, identity: str, size_bytes: int, limit_bytes: int
    ) -> bytes:
        if size_bytes > limit_bytes:
            raise HistoryError(
                f"{name}: expected at most {limit_bytes:,} bytes, found {size_bytes:,}"
            )
        answer = self._ask(folder, ["cat-file", "blob", identity])
        if answer.status:
            raise _refused(folder, answer)
        return answer.output

    def _ask(self, folder: str, arguments: list[str], question: str = "") -> _Answer:
        program = shutil.which("git")
        if program is None:
            raise WorldError(
                "git is not there: no program of that name on the PATH",
                hints=["install git, or name files instead of a revision"],
            )
        try:
            done = subprocess.run(  # noqa: S603 - an argument list; see the module's docstring
                [program, "-C", folder, *arguments],
                input=question.encode("utf-8", "surrogateescape"),
                capture_output=True,
                check=False,
                timeout=_TIMEOUT_SECONDS,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise WorldError(f"git gave no answer within {_TIMEOUT_SECONDS:.0f} seconds") from None
        except OSError as error:
            raise WorldError(f"{program}: cannot be run: {error.strerror or error}") from error
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:_SHOWN]
        return _Answer(status=done.returncode, output=done.stdout, error=said)


def _refused(folder: str, answer: _Answer) -> HistoryError | WorldError:
    where = f"`{folder}`" if folder != "." else "the current folder"
    if "not a git repository" in answer.error:
        return HistoryError(
            f"{where} is not in a git repository, so it has no earlier revisions",
            hints=["name files that lie on the disk"],
        )
    if "is outside repository" in answer.error:
        return HistoryError(f"git refuses the path: {answer.error}")
    return WorldError(f"git refused in {where}: {answer.error or f'status {answer.status}'}")


def _unknown_revision(revision: str, folder: str, *, is_ambiguous: bool) -> HistoryError:
    where = f" in `{folder}`" if folder != "." else ""
    if is_ambiguous:
        return HistoryError(f"`{revision}` means more than one thing to git{where}")
    return HistoryError(
        f"git knows no revision `{revision}`{where}",
        hints=["`git log --oneline` lists revisions; a shallow clone has only the last ones"],
    )


def _unknown_path(revision: str, path: str) -> HistoryError:
    name = revision or "what is staged"
    shown = path.removeprefix("./")
    hints = [f"`git log --oneline --all -- {shown}` tells which revisions have it"]
    if not path.startswith(("./", "../")):
        hints.append(
            f"paths count from the repository's root; `{revision}:./{path}` counts from here"
        )
    return HistoryError(f"`{shown}` is not in {name}", hints=hints)
