#!/usr/bin/env bash
# Segments that all merchants share, from generated shops to each merchant's own customers: the joint private centres stand for
# held-out customers nearly as well as a merchant's own, and everybody who has the release sees the same ones.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

plan=$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples/synthetic_shops_segments.toml
report=$work/out/report.json
"$program" demo --plan "$plan" --merchants 4 --seed 3 --out "$work/out" --json >"$work/stdout" 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_nothing_left
holds() { awk "BEGIN { exit !($1) }" || fail "$2: $1"; }
[ "$(json "$report" outcome)" = '"finished"' ] || fail "outcome: $(json "$report" outcome)"
[ "$(json "$report" quality.task)" = '"segments"' ] || fail "task: $(json "$report" quality.task)"
[ "$(json "$report" release.installed)" = 4 ] || fail "not every merchant has the release"
[ "$(json "$report" ledger.verified)" = true ] || fail "the ledger does not verify"
joint=$(json "$report" quality.segments.mean_squared_distance)
alone=$(json "$report" quality.segments.local_only_mean_squared_distance)
printf 'mean squared distance: joint %s, merchants alone %s, explained %s\n' "$joint" "$alone" "$(json "$report" quality.segments.explained)"
holds "$joint < 1.15 * $alone" "the joint centres are far from the customers"
[ "$(json "$report" release.compared.0.figure)" = '"squared_distance"' ] || fail "compared by $(json "$report" release.compared.0.figure)"
holds "$(json "$report" release.compared.0.after) < 0.8 * $(json "$report" release.compared.0.before)" "training brought nothing"
empty=0
for k in 0 1 2 3 4 5 6 7; do
  [ "$(json "$report" "quality.segments.sizes.$k")" -gt 0 ] || empty=$((empty + 1))
done
[ "$empty" -le 2 ] || fail "nobody is in $empty of the segments"
expect_audit_bundle

# ---- At one merchant: its own tables, the release, and the figures of the report again.
package=$work/out/$(json "$report" release.folder | tr -d '"')
client() {   # COMMAND ARGUMENTS...
  local command=$1
  shift
  "$(dirname -- "$program")/veilsum-client" "$command" --package "$package" --key "$work/out/release/release.pub.pem" "$@" \
    >"$work/$command.out" 2>"$work/stderr"
}
shop=$work/out/data/merchants/shop_1
client evaluate --data "$shop" || fail "evaluate: $(cat "$work/stderr")"
holds "$(json "$work/evaluate.out" mean_squared_distance) == $(json "$report" quality.per_merchant.0.segments.mean_squared_distance)" \
  "the merchant's own figure is another one"
[ "$(json "$work/evaluate.out" segments.2.rows)" = "$(json "$report" quality.per_merchant.0.segments.sizes.2)" ] ||
  fail "other sizes: $(cat "$work/evaluate.out")"
holds "$(json "$work/evaluate.out" own.mean_squared_distance) == $(json "$report" quality.per_merchant.0.segments.local_only_mean_squared_distance)" \
  "own centres are other ones"
client segments --data "$shop" --out "$work/segments.csv" --json || fail "segments: $(cat "$work/stderr")"
[ "$(json "$work/segments.out" k)" = 8 ] || fail "segments: $(cat "$work/segments.out")"
[ "$(json "$work/segments.out" segments.4.share_stated)" = "$(json "$report" quality.segments.shares_private.4)" ] ||
  fail "the release states other shares than the report"
client predict --data "$shop" || fail "predict: $(cat "$work/stderr")"
awk -F, 'FNR == 1 { next } NR == FNR { segment[$1] = $3; next } !($1 in segment) || segment[$1] != $2 { bad = 1 } { ++n } END { exit bad || n < 1000 }' \
  "$work/segments.csv" "$work/predict.out" || fail "predict and segments do not agree on whose segment is whose"
status=0
client segments --data "$shop" --k 3 || status=$?
[ "$status" != 0 ] || fail "the release's segments were looked for"
grep -q -- "--k: the release has 8 segments" "$work/stderr" || fail "segments --k: $(cat "$work/stderr")"
