# What working on envlock takes: its Python with the tests' wheels, and the programs tests look for.
{ pkgs }:
let
  libraries = import ./python.nix {
    inherit pkgs;
    isForTests = true;
  };
in
pkgs.mkShell {
  packages = [
    pkgs.python313
    libraries
    pkgs.git
    pkgs.strace
    pkgs.zsh
    pkgs.fish
  ];
  shellHook = ''
    export PYTHONPATH="$PWD:${libraries}/lib/python3.13/site-packages''${PYTHONPATH:+:$PYTHONPATH}"
    envlock() { python -m envlock "$@"; }
  '';
}
