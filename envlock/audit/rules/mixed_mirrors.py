"""EL109: one channel under several host names.

Harmless while the mirrors agree; told because they may be behind each other, and because a
firewall's list, a credential or a mirror setting for one of the hosts does not cover the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.addresses import channel_of, parse_address
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import count
from envlock.model.finding import Severity
from envlock.model.reading import OriginKind


def _find(case: Case) -> Iterable[Hit]:
    hosts: dict[str, dict[str, int]] = {}
    lines: dict[str, int] = {}
    for package in case.reading.packages:
        for origin in package.origins:
            if origin.kind is not OriginKind.CONDA:
                continue
            address = parse_address(channel_of(origin.address))
            channel = address.path.strip("/").removeprefix("channels/")
            if not address.host or not channel:
                continue
            counts = hosts.setdefault(channel, {})
            counts[address.host] = counts.get(address.host, 0) + 1
            if len(counts) > 1:
                lines.setdefault(channel, origin.line or package.line)
    for channel, counts in hosts.items():
        if len(counts) > 1:
            named = ", ".join(
                f"`{host}` ({count(number, 'package')})"
                for host, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            )
            yield Hit(
                message=f"the channel `{channel}` is taken from {len(counts)} hosts: {named}.",
                line=lines[channel],
                subject=channel,
            )


RULE = Rule(
    code="EL109",
    name="mixed-mirrors",
    title="one channel under several host names",
    reason="Mirrors lag behind each other and go away one by one; a proxy or a credential for "
    "one of them does not open the others.",
    remedy="name one address for the channel in the wish list, and lock again.",
    severity=Severity.NOTE,
    find=_find,
)
