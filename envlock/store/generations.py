"""Generations: numbers that only grow, and which of them comes before which."""

from __future__ import annotations

import re
from collections.abc import Sequence

from envlock.errors import StoreError
from envlock.model.store import Generation

_LINK = re.compile(r"(?P<profile>.+)-(?P<number>[0-9]{1,9})-link")
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


def check_profile(name: str) -> None:
    """Refuse what cannot name a profile. Raises `StoreError`."""
    if not _PROFILE.fullmatch(name) or _LINK.fullmatch(name):
        raise StoreError(
            f"{name!a} cannot name a profile: expected letters, digits and `._+-`, not `…-1-link`",
            hints=["choose a name: `--profile NAME`"],
        )


def link_name(profile: str, number: int) -> str:
    """Return the name of a generation's link."""
    return f"{profile}-{number}-link"


def parse_link(name: str) -> tuple[str, int] | None:
    """Return profile and number of a link's name; None for any other name."""
    match = _LINK.fullmatch(name)
    return (match["profile"], int(match["number"])) if match else None


def previous(generations: Sequence[Generation], profile: str) -> Generation:
    """Return the generation before the current one. Raises `StoreError` when there is none."""
    current = next((each.number for each in generations if each.is_current), None)
    older = [each for each in generations if current is not None and each.number < current]
    if older:
        return max(older, key=lambda each: each.number)
    listed = ", ".join(str(each.number) for each in generations) or "none"
    raise StoreError(
        f"profile `{profile}` has no generation before the current one, {current}; it has: "
        f"{listed}\nNothing was changed.",
        hints=[f"`envlock generations {profile}` lists them"],
    )


def expired(generations: Sequence[Generation], *, before: str) -> tuple[Generation, ...]:
    """Return the generations made before a time (UTC, ISO) that are not current."""
    return tuple(each for each in generations if not each.is_current and each.made_at < before)
