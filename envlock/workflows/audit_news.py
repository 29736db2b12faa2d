"""What has become known since a file was locked: files that are gone, and vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from envlock.audit.asked import asked_of
from envlock.audit.suspects import suspects_of
from envlock.formats.osv import CONTENT_LIMIT_BYTES, find_advisories
from envlock.model.reading import Reading
from envlock.model.sight import Advisory, Withdrawn
from envlock.ports.index_status import IndexStatus
from envlock.ports.workspace import Workspace

OFFLINE = "nobody asked for it: `--online`"
NO_ADVISORIES = "nobody named a file of them: `--osv FILE`"


@dataclass(frozen=True, kw_only=True)
class News:
    """Where news comes from."""

    status: IndexStatus | None = None
    """Who asks the indexes; None where nobody may."""
    advisories: tuple[tuple[str, bytes], ...] = ()
    """Files of advisories, by name, as they were read."""


@dataclass(frozen=True, kw_only=True)
class NewsSeen:
    """What was heard of one file's packages."""

    withdrawn: tuple[Withdrawn, ...] = ()
    unasked: str = ""
    advisories: tuple[Advisory, ...] = ()
    blind_index: str = ""
    """Why the indexes were not asked; empty where they were."""
    blind_advisories: str = ""


NO_NEWS = News()


def read_news(status: IndexStatus | None, advisories: Iterable[str], workspace: Workspace) -> News:
    """Read the files of advisories once. Raises `InputFileError` for one that is none."""
    files = [
        (path, workspace.read_bytes(path, limit_bytes=CONTENT_LIMIT_BYTES)) for path in advisories
    ]
    for path, content in files:
        find_advisories(content, path, ())
    return News(status=status, advisories=tuple(files))


def hear(reading: Reading, news: News) -> NewsSeen:
    """Return what is known of a file's packages."""
    answer = news.status.look(asked_of(reading)) if news.status else None
    suspects = suspects_of(reading) if news.advisories else ()
    return NewsSeen(
        withdrawn=answer.withdrawn if answer else (),
        unasked=answer.unasked if answer else "",
        advisories=tuple(
            advisory
            for path, content in news.advisories
            for advisory in find_advisories(content, path, suspects)
        ),
        blind_index="" if answer else OFFLINE,
        blind_advisories="" if news.advisories else NO_ADVISORIES,
    )
