"""Scripts that the locked Python runs inside a Nix derivation, to link its own environment.

Nothing of envlock is there: Python 3.8 and up, its standard library only. What comes out is what
envlock's own store makes of the same artifacts, apart from `conda-meta` and what the prefix
changes.
"""
