"""Draft a stack from somebody's file: the way from an answer back to the question.

A file says what is installed; a stack says what is wanted. What lies between is guessed, and each
value of a draft says whether it was, and why. Nothing of the file goes in silence: what the stack
does not say is told. A lock of ours keeps the wishes that it was solved from (`own`); of any other
the packages that nothing else needs stand in for them (`wishes`).
"""
