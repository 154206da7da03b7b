#!/usr/bin/env bash
# What the small variants of a released model cost on the hold-outs, as its manifest says, and a release of the same run
# with half of the hidden units: of generated shops always, of real ones where they are there.
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

# expect_pruned NAME DATA: what noise left of a model may lose anything by it, so the limit is no limit here.
expect_pruned() {
  local package=$work/pruned
  [ -e "$work/key" ] || "$program" release keygen "$work/key"
  rm -rf -- "$package"
  "$program" release create --run-dir "$work/out" --out "$package" --key "$work/key" --model-id small \
    --release-version 1.0.0 --federation small.example --keep-units 0.5 --data "$2" --max-auc-loss 1 >"$work/pruned.txt" ||
    fail "$1: the run's model cannot be pruned"
  echo "$1: $(head -n 1 -- "$work/pruned.txt")"
  "$program" release verify "$package" --key "$work/key.pub.pem" >/dev/null || fail "$1: the pruned release is refused"
  [ "$(json "$package/plan.json" model.hidden.0)" = 64 ] || fail "$1: the pruned plan has other units"
  [ "$(stat -c %s "$package/model.safetensors")" -lt "$(stat -c %s "$work/out/model.safetensors")" ] ||
    fail "$1: the pruned model is not smaller"
}

"$program" demo --merchants 4 --rounds 60 --out "$work/out" >/dev/null 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_small_cost "generated shops"
expect_pruned "generated shops" "$work/out/data"

data=${VEILSUM_SHARED:-$(dirname -- "${BASH_SOURCE[0]}")/../../../shared}/data/online_shoppers
if [ ! -d "$data" ]; then
  echo "skipped: $data is not here"
  exit 0
fi
rm -rf -- "$work/out"
"$program" demo --data "$data" --rounds 60 --out "$work/out" >/dev/null 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_small_cost "online_shoppers"
expect_pruned "online_shoppers" "$data"
