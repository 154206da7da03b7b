# Sourced by the end-to-end tests: a work folder, checks, and the promise that no process is left.
set -euo pipefail
export LC_ALL=C
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
program=$(readlink -f -- "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/veilsum e2e.XXXXXX")   # with a space, on purpose
background=
finish() {
  [ -z "$background" ] || kill -TERM "$background" 2>/dev/null || true
  rm -rf -- "$work"
}
trap finish EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  [ ! -d "$work/out/logs" ] || tail -n 20 -- "$work/out/logs"/*.log >&2
  exit 1
}

# Processes that were started with a file of this test's folder on their command line.
left_over() {
  local file
  for file in /proc/[0-9]*/cmdline; do
    tr '\0' ' ' 2>/dev/null <"$file" | grep -qF -- "$work/out/federation" && basename "$(dirname "$file")" || true
  done
}
expect_nothing_left() {
  local pids
  pids=$(left_over)
  [ -z "$pids" ] || fail "processes are left: $pids"
}

# expect_json FILE PATH...: each dotted path exists in the JSON file (null counts).
expect_json() {
  local file=$1 path
  shift
  for path in "$@"; do
    json "$file" "$path" >/dev/null || fail "$file has no $path"
  done
}
# The value at a dotted path, by the program of this test alone: nothing that a bare system lacks.
json() { "$reader" "$1" "$2"; }
reader=${2:-}

# The demo's evidence is whole, its ledger verifies from it alone, and every merchant has receipts.
expect_audit_bundle() {
  local audit=$work/out/audit file
  for file in checkpoint trust.policy; do
    [ -s "$audit/$file" ] || fail "the bundle has no $file"
  done
  for file in tile/entries tile/0 blob model receipts; do
    [ -n "$(ls -A -- "$audit/$file")" ] || fail "the bundle has nothing in $file"
  done
  [ "$(json "$work/out/report.json" ledger.verified)" = true ] ||
    fail "the ledger does not verify: $(json "$work/out/report.json" notes)"
  [ "$(ls -- "$audit/receipts" | wc -l)" = "$(json "$work/out/report.json" federation.merchants)" ] ||
    fail "a merchant has no receipt"
  ! grep -q LEDGER_ -- "$work/out/logs"/*.log || fail "a client refused the ledger"
}
