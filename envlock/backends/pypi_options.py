"""How package indexes are asked over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How patient the client is."""

    timeout_seconds: float = 30.0
    """For a connection, and for each piece of an answer."""
    total_seconds: float = 1800.0
    """For one answer."""
    retries: int = 3
    backoff_seconds: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    ca_file: str | None = None
    """A file of certificates, where `requests`' own variables name none."""
