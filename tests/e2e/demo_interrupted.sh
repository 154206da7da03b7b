#!/usr/bin/env bash
# SIGINT during training: a clean end, soon, with nothing left; and a demo that is killed takes its processes along.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

start() {
  # A shell starts background jobs with SIGINT ignored; env sets it right again.
  env --default-signal=INT "$program" demo --merchants 4 --rounds 2000 --out "$work/out" >"$work/stdout" 2>"$work/stderr" &
  background=$!
  for _ in $(seq 600); do
    grep -q '^training' "$work/stderr" 2>/dev/null && return
    kill -0 "$background" 2>/dev/null || { cat "$work/stderr" >&2; fail "the demo ended before it trained"; }
    sleep 0.1
  done
  fail "training did not begin"
}

start
kill -INT "$background"
code=0
wait "$background" || code=$?
[ "$code" = 1 ] || fail "an interrupted demo ended with $code, not 1"
expect_nothing_left

start
kill -KILL "$background"
wait "$background" 2>/dev/null || true
background=
for _ in $(seq 50); do
  [ -n "$(left_over)" ] || exit 0
  sleep 0.1
done
expect_nothing_left
