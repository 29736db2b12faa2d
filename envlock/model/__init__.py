"""Frozen values that travel through the house. Nothing here reads, writes or decides.

They are msgspec Structs: as frozen as dataclasses, and a tenth of the cost to define and to make,
which counts in a tool that starts for every solve.
"""
