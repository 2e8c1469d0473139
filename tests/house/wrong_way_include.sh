#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves that a wrong-way include fails to compile: with the include roots that a folder's own sources
# see, a header of a folder it must not know is not found. Each case has its control: the same file
# with the same command compiles once the owner's roots are given, or once the include is gone.
set -euo pipefail

usage() {
  echo "Usage: wrong_way_include.sh --compiler CXX --source DIR FOLDER=ROOT[:ROOT...]..."
}

compiler='' source_dir=''
declare -A roots=()
while (($#)); do
  case $1 in
    --help) usage; exit 0 ;;
    --compiler) compiler=$2; shift 2 ;;
    --source) source_dir=$2; shift 2 ;;
    *=*) roots[${1%%=*}]=${1#*=}; shift ;;
    *) usage >&2; exit 2 ;;
  esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checked=0 failed=0

# compiles FOLDER [HEADER]: one file that includes HEADER, with what FOLDER's own sources see.
compiles() {
  local folder=$1 header=${2-} root flags=()
  IFS=: read -ra list <<<"${roots[$folder]-}"
  for root in "${list[@]}"; do flags+=(-I "$root"); done
  { [[ -z $header ]] || echo "#include \"$header\""; echo 'int main() {}'; } >"$work/probe.cpp"
  "$compiler" -std=c++20 -fsyntax-only "${flags[@]}" "$work/probe.cpp" 2>"$work/errors"
}

# must_not_know FOLDER OTHER: FOLDER may not include any header of OTHER.
must_not_know() {
  local folder=$1 other=$2 header
  header=$(cd "$source_dir/$other/include" 2>/dev/null && find . -name '*.h' -printf '%P\n' |
    LC_ALL=C sort | head -n 1) || true
  if [[ -z $header ]]; then
    echo "skipped: $other has no public header yet"
    return
  fi
  checked=$((checked + 1))
  if ! compiles "$folder"; then
    echo "FAILED: control: an empty file does not compile with the roots of $folder"
  elif ! compiles "$other" "$header"; then
    echo "FAILED: control: $header does not compile with the roots of $other itself:"
    head -n 5 "$work/errors"
  elif compiles "$folder" "$header"; then
    echo "FAILED: $folder can include $header"
  elif ! grep -Eq "No such file|file not found" "$work/errors"; then
    echo "FAILED: $header fails in $folder for another reason than its absence:"
    head -n 5 "$work/errors"
  else
    echo "ok: $folder cannot include $header"
    return
  fi
  failed=$((failed + 1))
}

must_not_know core net
must_not_know core sim
must_not_know core proxy
must_not_know net sim
must_not_know net proxy
must_not_know sim proxy
must_not_know proxy sim

echo "$checked pairs checked, $failed failed"
((checked > 0 && failed == 0))
