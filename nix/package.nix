# envlock on the Python of nixpkgs; with `isTested`, the README's test command runs in it.
{
  pkgs,
  src,
  isTested ? false,
}:
let
  python = pkgs.python313;
  libraries = import ./python.nix {
    inherit pkgs;
    isForTests = isTested;
  };
  site = "lib/python3.13/site-packages";
in
pkgs.stdenv.mkDerivation {
  name = "envlock";
  inherit src;
  nativeBuildInputs = [
    python.pkgs.pip
    pkgs.makeWrapper
  ];
  buildInputs = [
    python
    libraries
  ];
  PYTHONPATH = "${libraries}/${site}";
  installPhase = ''
    pip install --no-index --no-deps --no-build-isolation --prefix "$out" .
    wrapProgram "$out/bin/envlock" --prefix PYTHONPATH : "$out/${site}:${libraries}/${site}"
  '';
  doInstallCheck = true;
  installCheckPhase =
    if isTested then
      ''
        HOME=$TMPDIR PATH="${libraries}/bin:$out/bin:$PATH" PYTHONPATH="$out/${site}:$PYTHONPATH" python -m pytest
      ''
    else
      ''
        "$out/bin/envlock" --version
      '';
  meta.mainProgram = "envlock";
}
