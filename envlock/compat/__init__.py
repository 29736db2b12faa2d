"""What runs with what: tables of facts with their sources, and pure rules over them.

Design. The facts are data (`facts/*.toml`), one small file for each kind of question, read when a
rule first needs it; a row says where it is from and whether somebody saw it there (`verified`) or
remembers it (`recalled`). The rules hold no figures and touch nothing else, so the same question
always has the same answer, and a wrong answer is corrected in a table that a reviewer can read.

What the tables do not hold is unknown: a rule answers None or an `Unknown…` value and never guesses
from a neighbouring row. A caller refuses on verified facts only.
"""
