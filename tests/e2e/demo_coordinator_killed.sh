#!/usr/bin/env bash
# kill -9 of the coordinator in the middle of a run: it comes back, the run goes on, and no charge is forgotten.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

"$program" demo --merchants 4 --rounds 60 --out "$work/out" --json >"$work/stdout" 2>"$work/stderr" &
background=$!
# The demo tells on stderr when training has begun; without a terminal it prints whole lines.
for _ in $(seq 600); do
  grep -q '^training' "$work/stderr" 2>/dev/null && break
  kill -0 "$background" 2>/dev/null || { cat "$work/stderr" >&2; fail "the demo ended before it trained"; }
  sleep 0.1
done
killed=
for pid in $(left_over); do
  if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'veilsum-coordinator serve'; then kill -9 "$pid" && killed=$pid; fi
done
[ -n "$killed" ] || fail "found no coordinator to kill"
code=0
wait "$background" || code=$?
background=
[ "$code" = 0 ] || { cat "$work/stderr" >&2; fail "the demo ended with $code"; }
expect_nothing_left
grep -q 'coordinator ended with signal 9 (Killed) and was started again' "$work/stderr" || fail "nobody noticed the kill"
[ "$(json "$work/out/report.json" outcome)" = '"finished"' ] || fail "the run did not finish"
steps=$(json "$work/out/report.json" privacy.steps) attempts=$(json "$work/out/report.json" privacy.attempts)
[ "$attempts" -ge "$steps" ] || fail "$attempts attempts charged for $steps steps"
expect_audit_bundle
