"""The story of `init`: choices become a commented stack file, once."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.compat.drivers import cuda_of_driver
from envlock.errors import EnvlockError, InputFileError
from envlock.formats.stack_template import StackChoices, render_stack
from envlock.formats.stack_toml import read_stack
from envlock.model.host import Host
from envlock.model.platform import Platform
from envlock.model.stack import Stack
from envlock.ports.workspace import Workspace
from envlock.workflows.frontier import FrontierRow, computes, fleet_driver


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDefaults:
    """What a stack takes from a machine, where nobody says otherwise."""

    platform: Platform
    cuda: str | None
    """The CUDA line, `none` for a machine without a GPU, None where nothing says."""
    compute: tuple[str, ...] = ()
    driver: str | None = None
    python: str | None = None
    framework: str | None = None
    """With its series: `pytorch=2.10`."""
    channels: tuple[str, ...] = ()


def defaults_for(host: Host, row: FrontierRow | None) -> HostDefaults:
    """Return what a machine, and the row that was chosen for it, say of a stack.

    Without a row the CUDA line is the one that the driver itself offers.
    """
    if not host.gpus or host.driver is None:
        return HostDefaults(platform=host.platform, cuda="none")
    if row is None:
        line = cuda_of_driver(host.driver)
        return HostDefaults(
            platform=host.platform,
            cuda=str(line) if line else None,
            compute=computes(host),
            driver=fleet_driver(host),
        )
    item = row.combination
    series = ".".join(item.version.split(".")[:2])
    return HostDefaults(
        platform=host.platform,
        cuda=str(item.line),
        compute=computes(host),
        driver=fleet_driver(host),
        python=item.python,
        framework=f"{item.framework}={series}",
        channels=row.choices.channels,
    )


def refuse_existing(path: str, workspace: Workspace) -> None:
    """Raise `EnvlockError` when there is a file already; asked before any question is."""
    if workspace.exists(path):
        raise EnvlockError(
            f"{path}: expected a new file, found one that exists\nNothing was written.",
            hints=["choose another path, or change that stack with `envlock add`"],
        )


def init_stack(choices: StackChoices, path: str, workspace: Workspace) -> Stack:
    """Write a stack file and return what is in it.

    Raises `EnvlockError` when the file is there already, `InputFileError` when the choices make no
    stack, `WorldError` when the disk refuses. Then nothing is written.
    """
    refuse_existing(path, workspace)
    content = render_stack(choices).encode()
    try:
        stack = read_stack(content, path)
    except InputFileError as error:
        raise InputFileError(error.faults, state="Nothing was written.") from None
    workspace.write_bytes(path, content)
    return stack
