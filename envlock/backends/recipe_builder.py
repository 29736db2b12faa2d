"""The door to rattler-build, and the program that builds one recipe.

Run as `python -I recipe_builder.py ORDER`, inside the walls; it imports nothing of envlock. The
order is a JSON file that names the recipe's folder, where the package goes and what the script
finds in its environment. The answer is a JSON file: the package's path, or what went wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RECIPE = "recipe.yaml"


class _Log:
    """Prints what the build says. Implements rattler-build's `ProgressCallback`."""

    def on_log(self, event: Any) -> None:
        print(event.message, flush=True)  # noqa: T201 - into the build's log


def main(path: str) -> int:
    """Build; returns the exit status, 0 also where the answer says what went wrong."""
    order = json.loads(Path(path).read_text("utf-8"))
    Path(order["answer"]).write_text(json.dumps(_answer(order)), "utf-8")
    return 0


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    from rattler_build import RattlerBuildError  # noqa: PLC0415 - as below

    try:
        return {"package": build(order)}
    except (RattlerBuildError, ValueError) as error:
        return {"fault": str(error)}


def build(order: dict[str, Any]) -> str:
    """Build the one package of a recipe; returns its path.

    rattler-build sets the time of the build into the script's environment and into the package.
    What the script is given here comes after that, so a fixed time holds; the package's own time
    is taken out of it later, see `recipe_archive`.
    """
    from rattler_build import (  # noqa: PLC0415 - an extra that few need
        EnvironmentIsolation,
        Stage0Recipe,
        ToolConfiguration,
        VariantConfig,
    )

    folder = Path(order["recipe"])
    recipe = Stage0Recipe.from_file(folder / RECIPE).to_dict()
    if "outputs" in recipe:
        raise ValueError("a recipe of several packages; expected one with a single `package`")
    _refuse_fetching(recipe)
    script = _script(recipe["build"].get("script", {}), folder)
    recipe["build"]["script"] = {**script, "env": {**order["environment"], **script.get("env", {})}}
    (folder / RECIPE).write_text(json.dumps(recipe), "utf-8")
    variants = Stage0Recipe.from_file(folder / RECIPE).render(VariantConfig())
    if len(variants) != 1:
        raise ValueError(f"a recipe of {len(variants)} variants; expected one")
    requirements = variants[0].recipe.requirements
    if requirements.build or requirements.host:
        raise ValueError(
            "`requirements` names packages under `build` or `host`; they come from the lock: name "
            "them in `inputs` of the stack and find them in $ENVLOCK_TOOLCHAIN"
        )
    log: Any = _Log()  # the downloads that the protocol hears of do not happen here
    result = variants[0].run_build(
        tool_config=ToolConfiguration(test_strategy="skip"),
        output_dir=order["output"],
        channels=[Path(order["channel"]).as_uri()],
        no_build_id=True,
        no_include_recipe=True,
        env_isolation=EnvironmentIsolation.STRICT,
        progress_callback=log,
    )
    return str(result.packages[0])


def _script(script: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a script that names its file where it has one.

    What rattler-build gives back of a recipe no longer tells `build.sh`, the file, from a command.
    """
    content = script.get("content")
    lines = [content] if isinstance(content, str) else content
    name = lines[0] if lines and len(lines) == 1 else "build.sh"
    is_open = "file" not in script and (not lines or len(lines) == 1)
    if is_open and isinstance(name, str) and " " not in name and (folder / name).is_file():
        return {**{key: value for key, value in script.items() if key != "content"}, "file": name}
    return script


def _refuse_fetching(recipe: dict[str, Any]) -> None:
    sources = recipe.get("source") or []
    for source in sources if isinstance(sources, list) else [sources]:
        if isinstance(source, dict) and not source.keys().isdisjoint(("url", "git")):
            raise ValueError(
                "`source` names something to be fetched; expected a `path` in the recipe's folder"
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
