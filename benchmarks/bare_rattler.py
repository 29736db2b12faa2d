"""What a person would write with py-rattler alone: open repodata, solve, list. The yardstick.

usage: bare_rattler.py QUESTION.json [--in-turn]

The question file names, for each platform, the repodata files, specs, constraints and virtual
packages; `benchmarks/solve.py` writes it from the very question that envlock asks.
"""

import asyncio
import json
import os
import sys

from rattler import (
    BuildString,
    Channel,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    SparseRepoData,
    Version,
    solve_with_sparse_repodata,
)


async def solve(question: dict) -> list[str]:
    """Solve one platform and return the addresses of its packages."""
    sources = [SparseRepoData(Channel(row[0]), row[1], row[2]) for row in question["repodata"]]
    records = await solve_with_sparse_repodata(
        [MatchSpec(spec) for spec in question["specs"]],
        sources,
        constraints=[MatchSpec(spec) for spec in question["constraints"]],
        virtual_packages=[
            GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
            for name, version, build in question["virtual"]
        ],
    )
    return sorted(f"{record.url}#{record.sha256.hex()}" for record in records)


async def main() -> None:
    """Solve the platforms, side by side as envlock does or in turn, and write the list."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - nothing but rattler here
        questions = json.load(file)
    if "--in-turn" in sys.argv:
        answers = [await solve(question) for question in questions]
    else:
        answers = await asyncio.gather(*map(solve, questions))
    with open(sys.argv[1] + ".out", "w", encoding="utf-8") as file:  # noqa: PTH123
        file.writelines(f"{line}\n" for answer in answers for line in answer)


asyncio.run(main())
os._exit(0)
