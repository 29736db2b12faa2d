# The two halves of a .conda file as one zstd stream, which unpacks to the folder `package` with
# `info.tar` and `pkg.tar` in it. No byte of the halves is touched: zstd streams may follow each
# other, so each half stands behind a stream of one stored block, which holds its header.
set -eu
tool() { "$busybox" "$@"; }

# A zstd frame of one stored block of 512 bytes, from stdin (RFC 8878).
block() {
  printf '\050\265\057\375\140\000\001\001\020\000'
  tool head -c 512
}

header() { # NAME BYTES
  [ $(($2 % 512)) = 0 ] || { echo "$1: $2 bytes are no whole blocks" >&2; exit 1; }
  tool truncate -s "$2" "package/$1"
  tool tar cf - "package/$1" 2>/dev/null | block
  tool rm "package/$1"
}

cd "${TMPDIR:-/build}"
tool mkdir package
{
  header info.tar "$infoBytes"
  tool unzip -p "$archive" "info-$stem.tar.zst"
  header pkg.tar "$pkgBytes"
  tool unzip -p "$archive" "pkg-$stem.tar.zst"
  tool head -c 512 /dev/zero | block
  tool head -c 512 /dev/zero | block
} > "$out"
