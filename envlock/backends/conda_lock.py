"""The door to conda-lock: its models say what a valid unified lock is.

Importing it costs more than a solve (0.5 to 2 seconds), so it is imported only where a lock is
about to be written that differs from the one that is there. The import also warns about its own
vendored parts and sets `CONDA_ROOT`; neither may reach our user.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conda_lock.lockfile.v1.models import Lockfile


class CondaLockJudge:
    """Implements `ports.lock_judge.LockJudge` with conda-lock's own models."""

    def fault(self, content: bytes) -> str | None:
        """Return what conda-lock says against a lock, None when it accepts it."""
        import yaml  # noqa: PLC0415 - only a lock that is written needs it
        from pydantic import ValidationError  # noqa: PLC0415 - comes with conda-lock

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        data = yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader either way
        try:
            lock = _lock_model().model_validate(data)
        except ValidationError as error:
            return str(error)
        if lock.dict_for_output() != data:
            return "conda-lock reads another value than was written"
        return None


@cache
def _lock_model() -> type[Lockfile]:
    before = os.environ.get("CONDA_ROOT")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from conda_lock.lockfile.v1 import models  # noqa: PLC0415 - slow, see above
    if before is None:
        os.environ.pop("CONDA_ROOT", None)
    else:
        os.environ["CONDA_ROOT"] = before
    model: type[Lockfile] = models.Lockfile
    return model
