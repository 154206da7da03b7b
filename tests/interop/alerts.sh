#!/usr/bin/env bash
# The alert rules in promtool, in deploy/prometheus. Exits with 77 (skipped) where PROMTOOL names no program.
set -eu
[ -x "${PROMTOOL:-}" ] || { echo "SKIPPED: promtool (Debian's package prometheus) is not installed"; exit 77; }
"$PROMTOOL" check rules veilsum.rules.yml
"$PROMTOOL" test rules veilsum.rules.test.yml
