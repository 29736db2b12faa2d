"""Judge what somebody locked: rules over a reading, and over what was seen beside it.

A rule is a module in `rules/` with one value, `RULE`: its stable code and name, its reason, its
remedy, its severity, and the function that finds. Rules never touch the world: what needs the disk,
the network or a solver reaches them as observations (`model.sight`), made by the workflow. The
engine runs them all, applies the policy and sorts; a rule that could not be applied is told with
the reason, because silence would read as innocence.

Codes: EL0 how the file reads, EL1 hashes and addresses, EL2 pinning, EL3 the GPU, EL4 platforms and
halves, EL5 the stack, EL6 the world's news, EL7 receipts, EL8 installed environments, EL9 deeper
levels. A code is never used again for something else.
"""
