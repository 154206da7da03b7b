#!/usr/bin/env bash
# What the small variants of a released model cost on the hold-outs, as its manifest says: of generated shops always, of
# real ones where they are there.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# Two in a thousand of ROC-AUC at most.
expect_small_cost() {
  local report=$work/out/report.json manifest variant name delta
  manifest=$work/out/$(json "$report" release.folder | tr -d '"')/manifest.json
  [ "$(json "$manifest" variants.1.name)" = '"int8"' ] || fail "the second variant is not int8"
  for variant in 0 1; do
    name=$(json "$manifest" "variants.$variant.name")
    delta=$(json "$manifest" "variants.$variant.auc_delta" | tr -d '"')
    echo "$1: $name changes ROC-AUC by $delta, float32 has $(json "$report" quality.roc_auc)"
    awk -v d="$delta" 'BEGIN { exit !(d <= 0.002 && d >= -0.002) }' || fail "$1: $name changes ROC-AUC by $delta"
  done
}

"$program" demo --merchants 4 --rounds 60 --out "$work/out" >/dev/null 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_small_cost "generated shops"

data=${VEILSUM_SHARED:-$(dirname -- "${BASH_SOURCE[0]}")/../../../shared}/data/online_shoppers
if [ ! -d "$data" ]; then
  echo "skipped: $data is not here"
  exit 0
fi
rm -rf -- "$work/out"
"$program" demo --data "$data" --rounds 60 --out "$work/out" >/dev/null 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_small_cost "online_shoppers"
