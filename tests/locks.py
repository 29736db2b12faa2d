"""Small hand-made locks for the tests that look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from envlock.formats.canonical import format_canonical
from envlock.formats.channel import channel_url
from envlock.model.lock import Lock, LockedPackage, LockHead


def locked(
    name: str,
    version: str = "1.0",
    build: str = "0",
    *,
    needs: Sequence[str] = (),
    platform: str = "linux-64",
    subdir: str | None = None,
    channel: str = "conda-forge",
    ending: str = ".conda",
) -> LockedPackage:
    """A conda package; its hash comes from its address."""
    file_name = f"{name}-{version}-{build}{ending}"
    url = f"{channel_url(channel)}/{subdir or platform}/{file_name}"
    return LockedPackage(
        name=name,
        version=version,
        manager="conda",
        platform=platform,
        url=url,
        md5=None,
        sha256=sha256(url.encode()).hexdigest(),
        dependencies=_specs(needs),
    )


def pip_locked(
    name: str, version: str = "1.0", *, needs: Sequence[str] = (), platform: str = "linux-64"
) -> LockedPackage:
    """A package that pip installs."""
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        platform=platform,
        url=f"https://wheels.example/packages/{name}-{version}-py3-none-any.whl",
        md5=None,
        sha256="0" * 64,
        dependencies=_specs(needs),
    )


def _specs(needs: Sequence[str]) -> dict[str, str]:
    return {name: spec for name, _, spec in (text.partition(" ") for text in needs)}


def make_lock(
    *packages: LockedPackage,
    platforms: Sequence[str] = (),
    channels: Sequence[str] = ("conda-forge",),
    inputs: Mapping[str, object] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Lock:
    """A lock of these packages; with `inputs` it is one of ours, without a foreign one."""
    named = {f"envlock/{key}": value for key, value in (facts or {}).items()}
    if inputs is not None:
        named["envlock/inputs"] = format_canonical(dict(inputs))
    return Lock(
        head=LockHead(
            channels=tuple(channels),
            platforms=tuple(platforms) or tuple(sorted({item.platform for item in packages})),
            sources=("environment.yml",),
            content_hash={},
            facts=named,
        ),
        packages=packages,
    )
