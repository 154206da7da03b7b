#!/usr/bin/env bash
# Sequences of events from raw logs to a release: the encoders beat the same events in a bag, which does not know their order.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

root=$(dirname -- "${BASH_SOURCE[0]}")/../..
"$root/deploy/examples/event_order/make_shops.sh" "$work/shops" 1500 4
plan=$root/deploy/examples/event_order/plan.toml
sed -e '/^encoder = /d' -e '/^kernel = /d' -e '/^channels = /d' "$plan" >"$work/bag.toml"
sed -e 's/^encoder = .*/encoder = "gru"/' -e '/^kernel = /d' "$plan" >"$work/gru.toml"

roc_auc() {   # NAME PLAN ARGUMENTS...
  local name=$1 plan=$2
  shift 2
  "$program" demo --data "$work/shops" --plan "$plan" --seed 2 --out "$work/$name" "$@" >"$work/stdout" 2>"$work/stderr" ||
    { cat "$work/stderr" >&2; fail "$name: the demo ended with $?"; }
  json "$work/$name/report.json" quality.roc_auc
}
at_least() {   # FIGURE LEAST WHAT
  awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || fail "$3: ROC-AUC $1, must be at least $2"
  printf '%s: ROC-AUC %s\n' "$3" "$1"
}

convolution=$(roc_auc convolution "$plan")
gru=$(roc_auc gru "$work/gru.toml")
bag=$(roc_auc bag "$work/bag.toml")
printf 'the same events in a bag: ROC-AUC %s\n' "$bag"
at_least "$convolution" "$(awk -v a="$bag" 'BEGIN { print a + 0.03 }')" "convolution at epsilon 3"
at_least "$gru" "$(awk -v a="$bag" 'BEGIN { print a + 0.03 }')" "recurrent unit at epsilon 3"
for name in convolution gru; do
  [ "$(json "$work/$name/report.json" release.installed)" = 4 ] || fail "$name: not every merchant has the release"
  "$(dirname -- "$program")/veilsum-audit" verify --bundle "$work/$name/audit" >"$work/stdout" ||
    { cat "$work/stdout" >&2; fail "$name: the audit ended with $?"; }
done

# ---- What a merchant learns of the release from its own tables of events, which flat rows cannot hold.
client() {   # COMMAND ARGUMENTS...
  local command=$1
  shift
  "$(dirname -- "$program")/veilsum-client" "$command" --package "$work/convolution/release/event-order-1.0.0.veilmodel" \
    --key "$work/convolution/release/release.pub.pem" --data "$work/shops/merchants/shop_1" "$@" >"$work/$command.out" 2>"$work/stderr" ||
    { cat "$work/stderr" >&2; fail "veilsum-client $command ended with $?"; }
}
client evaluate
for figure in roc_auc log_loss; do
  [ "$(json "$work/evaluate.out" "$figure")" = "$(json "$work/convolution/report.json" "quality.per_merchant.0.$figure")" ] ||
    fail "the merchant's own $figure is another one: $(cat "$work/evaluate.out")"
done
client explain --json
[ "$(json "$work/explain.out" features.0.feature)" = '"events.action"' ] || fail "explain: $(cat "$work/explain.out")"
client segments --k 3 --json
[ "$(json "$work/segments.out" rows)" = 1500 ] || fail "segments: $(cat "$work/segments.out")"
client fairness --group questions.buys --min-group 20 --json
[ "$(json "$work/fairness.out" groups.1.group)" = '"1"' ] || fail "fairness: $(cat "$work/fairness.out")"
