"""The door to conda-lock: its models say what a valid unified lock is.

Importing it costs more than a solve (0.5 to 2 seconds), so this module is imported only where a
lock is about to be written and differs from the one that is there.
"""

from __future__ import annotations

import yaml


class CondaLockJudge:
    """Implements `ports.lock_judge.LockJudge` with conda-lock's own models."""

    def fault(self, content: bytes) -> str | None:
        """Return what conda-lock says against a lock, None when it accepts it."""
        from conda_lock.lockfile.v1.models import Lockfile  # noqa: PLC0415 - slow, see above
        from pydantic import ValidationError  # noqa: PLC0415 - comes with conda-lock

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        data = yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader either way
        try:
            lock = Lockfile.model_validate(data)
        except ValidationError as error:
            return str(error)
        if lock.dict_for_output() != data:
            return "conda-lock reads another value than was written"
        return None
