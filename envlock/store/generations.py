"""Generations: numbers that only grow, and which of them comes before which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from envlock.errors import EnvlockError, StoreError
from envlock.model.store import Generation

_LINK = re.compile(r"(?P<profile>.+)-(?P<number>[0-9]{1,9})-link")
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_AGE = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[hdwm])")
_DAYS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0}
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_BEGINNING = "0001-01-01T00:00:00Z"


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


def beyond(generations: Sequence[Generation], *, keep: int) -> tuple[Generation, ...]:
    """Return all but each profile's `keep` newest generations; never one that is current."""
    newest: dict[str, int] = {}
    found = []
    for each in sorted(generations, key=lambda each: (each.profile, -each.number)):
        newest[each.profile] = newest.get(each.profile, 0) + 1
        if newest[each.profile] > keep and not each.is_current:
            found.append(each)
    return tuple(sorted(found, key=lambda each: (each.profile, each.number)))


def parse_age(text: str, *, now: str) -> str:
    """Return the time (UTC, ISO) that lies so far back: `30d`, `12h`, `2w`, `6m`, or a date.

    A month has 30 days. Raises `EnvlockError` for anything else.
    """
    match = _AGE.fullmatch(text)
    try:
        if match is not None:
            back = timedelta(days=int(match["count"]) * _DAYS[match["unit"]])
            return _format_time(datetime.strptime(now, _TIME).replace(tzinfo=UTC) - back)
        found = datetime.fromisoformat(text)
        return _format_time(found if found.tzinfo else found.replace(tzinfo=UTC))
    except OverflowError:
        return _BEGINNING
    except ValueError:
        raise EnvlockError(
            f"expected an age or a date, found {text!a}",
            hints=["write `30d`, `12h`, `2w`, `6m` (months of 30 days), or `2026-11-24`"],
        ) from None


def _format_time(time: datetime) -> str:
    """Return a time as text; years of less than four digits keep their zeros."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
