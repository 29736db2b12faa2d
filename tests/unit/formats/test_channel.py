"""Channel names and addresses, and what of an address may be shown."""

from __future__ import annotations

import pytest

from envlock.formats.channel import (
    channel_folder,
    channel_location,
    channel_name,
    channel_url,
)
from envlock.formats.secrets import redact


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        ("conda-forge", "https://conda.anaconda.org/conda-forge"),
        ("/conda-forge/", "https://conda.anaconda.org/conda-forge"),
        ("conda-forge/label/rc", "https://conda.anaconda.org/conda-forge/label/rc"),
        ("https://Repo.Example/Team/", "https://repo.example/Team"),
        ("HTTPS://repo.example:8443/team", "https://repo.example:8443/team"),
        ("file:///srv/channel", "file:///srv/channel"),
        ("https://me:hunter2@repo.example/team", "https://repo.example/team"),
        ("https://conda.anaconda.org/t/tk-123/team", "https://conda.anaconda.org/team"),
        ("https://repo.example/team?token=hunter2#x", "https://repo.example/team"),
    ],
)
def test_a_channel_has_one_public_address(channel: str, url: str) -> None:
    assert channel_url(channel) == url
    assert channel_url(url) == url


@pytest.mark.parametrize(
    "channel", ["https://me:hunter2@repo.example/team", "https://repo.example/t/tk-1/team"]
)
def test_what_is_asked_keeps_the_credentials(channel: str) -> None:
    assert channel_location(channel + "/") == channel


def test_a_name_is_asked_at_the_usual_place() -> None:
    assert channel_location("nvidia") == "https://conda.anaconda.org/nvidia"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://conda.anaconda.org/conda-forge", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/label/rc", "conda-forge/label/rc"),
        ("https://repo.example/team", "https://repo.example/team"),
    ],
)
def test_a_channel_is_called_by_its_short_name_where_it_has_one(url: str, name: str) -> None:
    assert channel_name(url) == name


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("https://conda.anaconda.org/conda-forge", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/label/rc", "conda-forge/label/rc"),
        ("https://repo.example/some/team", "team"),
    ],
)
def test_a_mirror_keeps_a_channel_under_its_short_name(url: str, folder: str) -> None:
    assert channel_folder(url) == folder


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "error for url (https://me:pw@host/x/y.json)",
            "error for url (https://***@host/x/y.json)",
        ),
        ("see https://host/t/tk-1-2/x/noarch, then", "see https://host/t/***/x/noarch, then"),
        ("`https://host/x?token=a&b=c` failed", "`https://host/x?***` failed"),
        ("https://me:p@ss@host/x", "https://***@host/x"),
        ("nothing: to hide?", "nothing: to hide?"),
        ("two: http://a:b@c/ and http://d:e@f/", "two: http://***@c/ and http://***@f/"),
    ],
)
def test_no_credential_is_shown(text: str, shown: str) -> None:
    assert redact(text) == shown
