"""Readers for the lock files and wish lists of the field's tools: bytes in, a `Reading` out.

Each format has a module with one function, `read(content, file)`. A reader takes whatever the tool
ever wrote and whatever people do to such files: what it cannot understand becomes an `Oddity` with
its line, and the rest is read. Only a file of which nothing can be read at all raises, a
`LockError` that says where and why. No reader opens a file, asks a network or needs the tool.
"""
