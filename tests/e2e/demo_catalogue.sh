#!/usr/bin/env bash
# The demo with a catalogue: a model of products' attributes is trained, released and ranks products, whole folders at a time.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
client=$(dirname -- "$program")/veilsum-client
plan=$here/../../deploy/examples/synthetic_shops_catalogue.toml
"$program" demo --plan "$plan" --merchants 4 --rounds 60 --out "$work/out" >/dev/null 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
report=$work/out/report.json
[ "$(json "$report" outcome)" = '"finished"' ] || fail "the run: $(json "$report" outcome)"
awk -v auc="$(json "$report" quality.roc_auc)" 'BEGIN { exit !(auc > 0.6) }' || fail "ROC-AUC $(json "$report" quality.roc_auc)"
release=(--package "$work/out/$(json "$report" release.folder | tr -d '"')" --key "$work/out/release/release.pub.pem")
shop=$work/out/data/merchants/shop_1
"$client" recommend "${release[@]}" --data "$shop" --top 3 >"$work/best.csv" || fail "no recommendations"
customers=$(($(wc -l <"$shop/next.csv") - 1))
[ "$(wc -l <"$work/best.csv")" = $((3 * customers + 1)) ] || fail "$(wc -l <"$work/best.csv") lines for $customers customers"
grep -qE '^[^,]+,1,p[0-4][0-9],0,' "$work/best.csv" || fail "no products: $(head -n 3 "$work/best.csv")"
code=0
"$client" recommend "${release[@]}" --data "$shop" --item bought >/dev/null 2>"$work/refused" || code=$?
[ "$code" = 2 ] && grep -q 'is a folder' "$work/refused" || fail "--item of a folder: $code $(cat "$work/refused")"
"$client" evaluate "${release[@]}" --data "$shop" >"$work/found.json" || fail "not evaluated"
[ "$(json "$work/found.json" items)" = 48 ] || fail "items: $(cat "$work/found.json")"
echo "hit rate at 10 of $(json "$work/found.json" model.hit_rate), by popularity $(json "$work/found.json" popularity.hit_rate)"
