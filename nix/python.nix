# Python with the wheels that envlock needs, exactly those of `wheels.json`: nixpkgs has other
# versions, and one version of a solver is one answer.
{
  pkgs,
  isForTests ? false,
}:
let
  python = pkgs.python313;
  inherit (pkgs.stdenv.hostPlatform) system;
  rows = builtins.filter (row: isForTests || !row.dev) (
    builtins.fromJSON (builtins.readFile ./wheels.json)
  ).${system};
  wheels = map (
    row:
    python.pkgs.fetchPypi {
      inherit (row)
        pname
        version
        dist
        python
        abi
        platform
        sha256
        ;
      format = "wheel";
    }
  ) rows;
in
pkgs.stdenv.mkDerivation {
  name = "envlock-python";
  dontUnpack = true;
  nativeBuildInputs = [
    python.pkgs.pip
    pkgs.autoPatchelfHook
  ];
  buildInputs = [
    python
    pkgs.stdenv.cc.cc.lib
    pkgs.zlib
  ];
  autoPatchelfIgnoreMissingDeps = true;
  inherit wheels;
  installPhase = ''
    mkdir wheels
    for wheel in $wheels; do
      ln -s "$wheel" "wheels/$(stripHash "$wheel")"
    done
    pip install --no-index --no-deps --no-warn-script-location --prefix "$out" wheels/*.whl
  '';
}
