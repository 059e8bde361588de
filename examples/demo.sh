#!/bin/sh
# The main job end to end on a bundled module; `make demo` runs it. What it makes is in demo-out/, or in the folder $1.
set -eu
cd "$(dirname "$0")/.."
OUT=${1:-demo-out}
MODEL=testdata/models/mlp.hlo
PASSES='call-inliner,fixpoint{name=simplification}(algsimp,constant_folding,cse,dce),fusion'

rm -rf "$OUT"
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)

echo "1. parse and verify $MODEL, a small network as JAX hands it to XLA"
hlo verify "$MODEL"
hlo stats "$MODEL" | head -3

echo
echo "2. optimise it, with a dump after each pass that changes something"
hlo opt "$MODEL" --passes="$PASSES" -o "$OUT/mlp.optimised.hlo" --time-passes \
  --xla_dump_to="$OUT/dump" --xla_dump_hlo_pass_re='.*' 2> "$OUT/times.txt"
ls "$OUT/dump" | sed 's/^/   /'

echo
echo "3. compile it to an object and a header, link them with a C program, run that"
make --no-print-directory -s -C examples/aot BUILD="$OUT/aot" CC="${CC:-cc}" | tail -1

echo
echo "4. compare compiled code with the reference interpreter, element by element"
hlo replay "$MODEL" "$OUT/mlp.optimised.hlo"

cat <<END

Look in $OUT at
  mlp.optimised.hlo   the module after the passes; times.txt says how long each took
  dump/               the module between them, and index.json
  aot/mlp.h, mlp.o    what a C program needs; the program is examples/aot/main.c
and at \`hlo --help\` and \`man hlo\` for what else there is.
END
