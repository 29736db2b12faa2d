"""Lock, build, prove and audit GPU machine-learning environments.

The rooms, from the bottom up: `errors`, `model`, `ports`, `formats`, `compat`, `solve`, then
`workflows` and `backends` side by side, and `cli` on top. Imports point down only; the contracts
in `pyproject.toml` hold that.
"""

__version__ = "0.1.0"
