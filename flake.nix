{
  description = "envlock: lock, build, prove and audit GPU machine-learning environments";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make system;
          }) systems
        );
      package = import ./nix/package.nix;
    in
    {
      lib = {
        # An environment from the JSON that `envlock export nix` writes. With `busybox` and `libc`
        # named, nothing of nixpkgs is looked at: it evaluates and builds without a network once
        # the artifacts are in the store.
        fromLock =
          {
            lock,
            system,
            busybox ? nixpkgs.legacyPackages.${system}.busybox,
            libc ? nixpkgs.legacyPackages.${system}.glibc,
          }:
          import ./nix/from-lock.nix {
            inherit
              lock
              system
              busybox
              libc
              ;
          };

        # A folder that `nix-store --add-fixed --recursive sha256 NAME` has put into the store, for
        # `busybox` and `libc` where nixpkgs cannot be fetched.
        seeded = import ./nix/seeded.nix;
      };

      packages = each (system: {
        default = package {
          pkgs = nixpkgs.legacyPackages.${system};
          src = self;
        };
      });

      devShells = each (system: {
        default = import ./nix/shell.nix { pkgs = nixpkgs.legacyPackages.${system}; };
      });

      checks = each (system: {
        package = self.packages.${system}.default;
        tests = package {
          pkgs = nixpkgs.legacyPackages.${system};
          src = self;
          isTested = true;
        };
      });
    };
}
