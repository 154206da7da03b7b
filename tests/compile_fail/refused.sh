#!/usr/bin/env bash
# refused.sh SOURCE "MISUSE..." COMPILER ARGS...: SOURCE compiles as it stands, and with all misuses defined at once the
# compiler reports an error between the #ifdef of each misuse and the #else or #endif that follows it. Two calls of the
# compiler however many misuses; an error elsewhere does not count as a refusal.
set -euo pipefail
source=$1 misuses=$2
shift 2
export LC_ALL=C
"$@" -fsyntax-only "$source"

definitions=()
for misuse in $misuses; do definitions+=("-D$misuse"); done
if messages=$("$@" "${definitions[@]}" -fsyntax-only -fmax-errors=0 "$source" 2>&1); then
  echo "compiles with every misuse defined" >&2
  exit 1
fi
lines=$(grep -F -- "$source:" <<<"$messages" | sed -nE 's/.*:([0-9]+):[0-9]+: error: .*/\1/p')

failed=0
for misuse in $misuses; do
  region=$(awk -v ifdef="#ifdef $misuse" '$0 == ifdef { first = NR; next } first && /^#(else|endif)/ { print first, NR; exit }' "$source")
  refused=$(awk -v first="${region% *}" -v last="${region#* }" 'first != "" && $1 > first && $1 < last { n++ } END { print n + 0 }' <<<"$lines")
  if [ "$refused" -gt 0 ]; then
    echo "$misuse is refused"
  else
    echo "$misuse is NOT refused" >&2
    failed=1
  fi
done
[ "$failed" = 0 ] || printf '%s\n' "$messages" >&2
exit "$failed"
