"""Two small pins."""

from __future__ import annotations

from envlock.formats.index_pin import (
    make_pin,
)
from envlock.model.pin import Origin
from fakes_index import archive

URL = "https://conda.anaconda.org/tiny"
MIRROR = "https://mirror.example/tiny"
NOW = "2026-01-31T12:00:00Z"
PIN, REPODATAS = make_pin(
    Origin.LIVE,
    NOW,
    {
        (URL, "linux-64"): archive("python", "3.12"),
        (URL, "noarch"): archive("pip", "24"),
        (MIRROR, "linux-64"): {},
    },
)
OTHER, OTHER_REPODATAS = make_pin(Origin.OBSERVED, NOW, {(URL, "noarch"): archive("pip", "25")})
