#!/usr/bin/env bash
# Train, release, serve, learn from what happened: feedback_loop.sh PROGRAM READER [OPTIONS OF feedback_loop.py]
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
example=$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples/feedback_loop/feedback_loop.py
export PYTHONDONTWRITEBYTECODE=1

python3 "$example" "$(dirname -- "$program")" "$work/out" "${@:3}" || fail "the loop ended with $?"
[ "$(json "$work/out/rewards.json" rising)" = true ] || fail "the reward did not rise"
grep -q '</svg>' "$work/out/rewards.svg" || fail "there is no plot"
