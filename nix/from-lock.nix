# An environment of a lock under real Nix, from the JSON that `envlock export nix` writes.
#
# Builtins only: no nixpkgs, no import from derivation. Each artifact is a fixed output by its
# SHA-256. A .conda file is a zip of zstd archives, which no builder of Nix unpacks and no Python
# before 3.14 reads: `frame.sh` puts its two halves, as they are, behind headers that make one
# archive of one folder of them, and that `builtin:unpack-channel` unpacks (libarchive knows zstd).
# Then the locked Python, unpacked by busybox, links the environment that it belongs to.
#
#   lock     the JSON, a path
#   system   as "x86_64-linux"
#   busybox  a store path with bin/busybox
#   libc     a store path with lib/ld-linux-*.so.*, for the loader that conda's programs ask the
#            machine for; null where builds see the machine's own (no sandbox, or sandbox-paths)
{
  lock,
  system,
  busybox,
  libc ? null,
}:
let
  plan = builtins.fromJSON (builtins.readFile lock);
  supported = builtins.concatStringsSep ", " (builtins.attrNames plan.systems);
  half =
    plan.systems.${system}
      or (throw "${plan.name}: expected one of the systems ${supported}, found ${system}");
  loader = if system == "aarch64-linux" then "ld-linux-aarch64.so.1" else "ld-linux-x86-64.so.2";
  endsWith =
    ending: text:
    let
      size = builtins.stringLength text;
      most = builtins.stringLength ending;
    in
    size >= most && builtins.substring (size - most) most text == ending;

  # What has no address that Nix may know is asked for by what has to be done.
  fetch =
    row:
    derivation {
      name = row.storeName;
      system = "builtin";
      builder = "builtin:fetchurl";
      url = if row.url == "" then "seed://nix-store --add-fixed sha256 ${row.storeName}" else row.url;
      outputHash = row.sha256;
      outputHashAlgo = "sha256";
      outputHashMode = "flat";
      executable = false;
      unpack = false;
      preferLocalBuild = true;
    };

  frame =
    row:
    derivation {
      name = "${row.storeName}.tar.zst";
      inherit system;
      builder = "${busybox}/bin/busybox";
      args = [
        "sh"
        ./frame.sh
      ];
      busybox = "${busybox}/bin/busybox";
      archive = fetch row;
      stem = builtins.substring 0 (builtins.stringLength row.file - 6) row.file;
      infoBytes = row.tarBytes.info;
      pkgBytes = row.tarBytes.pkg;
      preferLocalBuild = true;
    };

  unpack =
    row:
    derivation {
      name = "${row.storeName}-unpacked";
      system = "builtin";
      builder = "builtin:unpack-channel";
      src = frame row;
      channelName = "package";
      preferLocalBuild = true;
    };

  place = row: if endsWith ".conda" row.file then "${unpack row}/package" else "${fetch row}";
in
derivation {
  name = plan.name;
  inherit system;
  builder = "${busybox}/bin/busybox";
  args = [
    "sh"
    ./link.sh
  ];
  busybox = "${busybox}/bin/busybox";
  loader = if libc == null then "" else "${libc}/lib/${loader}";
  libraries = if libc == null then "" else "${libc}/lib";
  linker = builtins.path {
    name = "linker";
    path = ../envlock/nix;
    filter = path: _: baseNameOf path != "__pycache__";
  };
  compiler = ../envlock/probe/compile_sources.py;
  python = "bin/python${half.python}";
  bootstrap = map place (builtins.filter (row: row.isBootstrap) half.artifacts);
  artifacts = builtins.toJSON (
    map (row: {
      inherit (row) kind file sha256;
      place = place row;
    }) half.artifacts
  );
  passAsFile = [ "artifacts" ];
  # Of the driver, of glibc and of what built it nothing may stay in it.
  allowedReferences = [ "out" ];
}
