"""The store's rules, without the disk: addresses, trees, generations, what may be collected.

Layout, version 1:

    $ENVLOCK_HOME/store/<key>-<name>/       an environment, read-only
                 /artifacts/sha256/ab/…     verified downloads
                 /trees/<kind>/<id>/        unpacked artifacts and bytecode: the sources of links
                 /manifests/<sha256>        what a tree holds, named by its own digest
                 /db.sqlite                 valid paths, references, roots
                 /profiles/<name>-<n>-link  generations; <name> points to the current one

A path is valid only when it has a row. It gets the row last: it is staged beside its target,
linked, hashed, made read-only, flushed to the disk, renamed. What has no row is nobody's, and is
swept away.
"""
