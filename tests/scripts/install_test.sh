#!/usr/bin/env bash
# `cmake --install`, then docs/examples against what was installed, as a stranger would build it, and
# every public header alone on its own.
#   install_test.sh BUILD_DIR SOURCE_DIR
set -euo pipefail
build=$1 source=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

fail() {
  printf 'install_test: %s\n' "$*" >&2
  exit 1
}
equal() { diff "$1" "$2" || fail "$3"; }

cmake --install "$build" --prefix "$prefix" >"$scratch/log"
cmake -S "$source/docs/examples" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror" >>"$scratch/log"
cmake --build "$scratch/build" >>"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }

# Codes and values: OCP OFP8 v1.0, E4M3 (1 = 0x38, step 2^-5 above 0.25, largest 448 = 0x7e).
printf '1 0x38 1\n0.3 0x2a 0.3125\n-448 0xfe -448\n1e+06 0x7e 448\n' >"$scratch/expected"
"$scratch/build/cast_values" >"$scratch/printed"
equal "$scratch/expected" "$scratch/printed" "cast_values prints something else"

# The installed program on the same trace; it prints the shortest digits that round-trip.
trace=$source/traces/data/resnet18-cifar10.safetensors
"$prefix/bin/gradpath" fit "$trace" --csv - --quiet | python3 -c '
import csv, sys
for row in csv.DictReader(sys.stdin):
    print(row["tensor"], row["numel"], *(format(float(row[c]), ".17g") for c in ("mu_ln", "sigma_ln")), sep=",")' |
  sort >"$scratch/expected"
"$scratch/build/fit_trace" "$trace" | sort >"$scratch/printed"
[ -s "$scratch/printed" ] || fail "fit_trace prints nothing"
equal "$scratch/expected" "$scratch/printed" "fit_trace and gradpath fit differ"

bash -n "$prefix/share/bash-completion/completions/gradpath"
grep -q sparsity "$prefix/share/bash-completion/completions/gradpath" || fail "the completion knows no option"
[ -s "$prefix/share/zsh/site-functions/_gradpath" ] || fail "zsh's completion is missing"
[ -s "$prefix/share/gradpath/capture/gradpath_capture.py" ] || fail "the capture module is missing"

# Every header compiles by itself, and all of them need the standard library alone.
cd "$prefix/include"
find gradpath -name '*.hpp' | sort >"$scratch/headers"
sed 's/.*/#include <&>/' "$scratch/headers" >"$scratch/all.cpp"
c++ -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I . "$scratch/all.cpp"
c++ -std=c++20 -M -I . "$scratch/all.cpp" | tr ' ' '\n' >"$scratch/needs"
if grep -E '/(boost|hwy|fmt|nlohmann|systemc|verilated)' "$scratch/needs"; then
  fail "a public header includes a library's"
fi
if grep -rnE '(models|sim)/' --include='*.hpp' . | grep '#include'; then
  fail "an installed header includes by the source tree's path"
fi
printf '%s headers\n' "$(wc -l <"$scratch/headers")"
[ -s gradpath/version.hpp ] || fail "gradpath/version.hpp is missing"
