# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Shared by the scripts of tools/. Source it first: it enters the repository's root.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

# say WORDS...: one line of progress, set off from what the tools below print.
say() { printf '== %s\n' "$*"; }

# die WORDS...: an error and the end. Wrong usage exits 2 through usage_error.
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
usage_error() {
  printf '%s: %s\nTry: %s --help\n' "${0##*/}" "$*" "$0" >&2
  exit 2
}

# elapsed: seconds since the script started, as words.
elapsed() { printf '%dm%02ds' $((SECONDS / 60)) $((SECONDS % 60)); }

# configure PRESET [OPTION...]: quiet unless it fails.
configure() {
  local preset=$1 log
  shift
  mkdir -p "build/$preset"
  log=build/$preset/configure.log
  if ! cmake --preset "$preset" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    die "configuring the preset $preset failed"
  fi
}

# answers PORT: something listens on 127.0.0.1:PORT.
answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# wait_for_port PORT PID: until something listens on 127.0.0.1:PORT; fails when PID ends first.
wait_for_port() {
  local port=$1 pid=$2 tries
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 "$pid" 2>/dev/null || return 1
    if answers "$port"; then return 0; fi
    sleep 0.05
  done
  return 1
}
