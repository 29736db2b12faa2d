"""Real Nix in a folder: a store of its own, nothing of the machine's, no network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from debian_python import unpack_debian

ROOT = Path(__file__).parents[1]
TOOLS = ("libc6", "busybox-static")
_FLAKE = ("flake.nix", "flake.lock", "nix", "envlock", "pyproject.toml", "README.md", "LICENSE")
_LIMIT_SECONDS = 600
_CONFIGURATION = """\
build-users-group =
experimental-features = nix-command flakes
sandbox = {sandbox}
substituters =
connect-timeout = 1
download-attempts = 1
"""
_USER = """\
{{
  inputs.envlock.url = "path:{flake}";
  outputs =
    {{ self, envlock }}:
    let
      tools = envlock.lib.seeded {{ name = "tools"; sha256 = "{tools}"; }};
      make = system: envlock.lib.fromLock {{
        lock = ./lock.nix.json;
        inherit system;
        busybox = tools;
        libc = tools;
      }};
    in
    {{
      packages.x86_64-linux.default = make "x86_64-linux";
      packages.aarch64-linux.default = make "aarch64-linux";
      packages.x86_64-linux.plain = envlock.lib.fromLock {{
        lock = ./lock.nix.json;
        system = "x86_64-linux";
      }};
    }};
}}
"""
_STUB = """\
{
  outputs = { self }: {
    legacyPackages = builtins.listToAttrs (map (system: {
      name = system;
      value = let
        fake = name: derivation { inherit name system; builder = "/bin/sh"; };
        make = attrs: derivation (removeAttrs attrs [ "meta" ] // {
          inherit system;
          builder = "/bin/sh";
        });
      in {
        python313 = fake "python" // {
          pkgs = { pip = fake "pip"; fetchPypi = row: fake "${row.pname}-${row.version}.whl"; };
        };
        stdenv = {
          mkDerivation = make;
          hostPlatform = { inherit system; };
          cc.cc.lib = fake "lib";
        };
        mkShell = attrs: make (attrs // { name = "shell"; });
        autoPatchelfHook = fake "hook";
        makeWrapper = fake "wrapper";
        busybox = fake "busybox";
        glibc = fake "glibc";
        zlib = fake "zlib";
        git = fake "git";
        strace = fake "strace";
        zsh = fake "zsh";
        fish = fake "fish";
      };
    }) [ "x86_64-linux" "aarch64-linux" ]);
  };
}
"""


@dataclass(frozen=True, kw_only=True)
class NixHouse:
    """A Nix store, the flake as a user has it, and the flake of a user of it."""

    folder: Path

    @property
    def flake(self) -> Path:
        return self.folder / "flake"

    @property
    def stub(self) -> Path:
        """What stands for nixpkgs where only the wiring is looked at."""
        return self.folder / "stub"

    def prepare(self) -> None:
        if shutil.which("nix-build") is None:
            pytest.skip("Nix is not installed: `apt-get install nix-bin` brings it")
        for name in ("home", "stub", "flake", "user"):
            (self.folder / name).mkdir(parents=True)
        for name in _FLAKE:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.flake / name)
        for cache in list(self.flake.rglob("__pycache__")):
            shutil.rmtree(cache)
        (self.stub / "flake.nix").write_text(_STUB, "utf-8")
        for sandbox in ("true", "false"):
            (self.folder / f"sandbox-{sandbox}").mkdir()
            text = _CONFIGURATION.format(sandbox=sandbox)
            (self.folder / f"sandbox-{sandbox}" / "nix.conf").write_text(text, "utf-8")

    def run(self, *command: str, sandbox: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder / "user",
            env=self._environment(sandbox=sandbox),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_SECONDS,
        )

    def _environment(self, *, sandbox: bool) -> Mapping[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "NIX_STORE_DIR": str(self.folder / "nix" / "store"),
            "NIX_STATE_DIR": str(self.folder / "nix" / "state"),
            "NIX_LOG_DIR": str(self.folder / "nix" / "log"),
            "NIX_CONF_DIR": str(self.folder / f"sandbox-{str(sandbox).lower()}"),
            "NIX_REMOTE": "local",
        }

    def succeed(self, *command: str, sandbox: bool = True) -> str:
        done = self.run(*command, sandbox=sandbox)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def seed(self, files: Sequence[Path]) -> None:
        """Put artifacts into the store."""
        self.succeed("nix-store", "--add-fixed", "sha256", *map(str, files))

    def seed_tools(self) -> str:
        """Put busybox and glibc of Debian into the store; returns their digest."""
        unpacked = self.folder / "debian"
        unpack_debian(self.folder, TOOLS, unpacked)
        tools = self.folder / "tools"
        for name in ("bin", "lib"):
            (tools / name).mkdir(parents=True)
        shutil.copy2(unpacked / "bin" / "busybox", tools / "bin")
        for path in (unpacked / "lib" / "x86_64-linux-gnu").glob("*.so*"):
            shutil.copy2(path, tools / "lib")
        self.succeed("nix-store", "--add-fixed", "--recursive", "sha256", str(tools))
        return self.succeed("nix-hash", "--type", "sha256", "--base32", str(tools))

    def write_user(self, tools: str) -> None:
        text = _USER.format(flake=self.flake, tools=tools)
        (self.folder / "user" / "flake.nix").write_text(text, "utf-8")

    def build(self, *options: str, system: str = "x86_64-linux", sandbox: bool = True) -> str:
        """Build the user's environment; returns its path."""
        said = self.succeed(*self.build_command(*options, system=system), sandbox=sandbox)
        return str(json.loads(said)[0]["outputs"]["out"])

    def build_command(self, *options: str, system: str = "x86_64-linux") -> list[str]:
        return [
            *("nix", "build", f"path:.#packages.{system}.default"),
            *("--no-link", "--json", "--no-write-lock-file", *options),
        ]


def without_colour(text: str) -> str:
    """Return what a terminal would show."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
