"""Frozen values that travel through the house. Nothing here reads, writes or decides."""
