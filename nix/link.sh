# Unpack the locked Python with what it needs, and let it link the environment.
set -eu
tool() { "$busybox" "$@"; }

cd "${TMPDIR:-/build}"
tool mkdir boot work modules
for place in $bootstrap; do
  if [ -d "$place" ]; then
    tool tar xf "$place/pkg.tar" -C boot
  else
    tool tar xjf "$place" -C boot
  fi
done
tool ln -s "$linker" modules/linker

# "python": the words that start the locked Python; through a loader from the store where the
# sandbox hides the machine's.
set -- "$PWD/boot/$python"
[ -z "$loader" ] || set -- "$loader" --library-path "$libraries" "$@"
words=
for word; do words="$words${words:+, }\"$word\""; done
cores=${NIX_BUILD_CORES:-1}
[ "$cores" -gt 0 ] || cores=$(tool nproc)
cat_artifacts=$(tool cat "$artifactsPath")
printf '{"out": "%s", "work": "%s", "compiler": "%s", "workers": %d, "python": [%s], "artifacts": %s}' \
  "$out" "$PWD/work" "$compiler" "$cores" "$words" "$cat_artifacts" > plan.json

export PYTHONHASHSEED=0 PYTHONUTF8=1 LC_ALL=C.UTF-8
exec "$@" -s -S -B -c \
  "import sys; sys.path.insert(0, '$PWD/modules'); from linker.link import main; main()" plan.json
