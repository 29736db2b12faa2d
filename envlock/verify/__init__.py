"""From what a probe observed to outcomes: what must hold, and whether it does.

A probe only tells what it saw. Whether that is enough is decided here, so that one recorded
observation can be judged anywhere, a GPU or none at hand, and a threshold stands in one place.
"""
