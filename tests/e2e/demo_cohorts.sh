#!/usr/bin/env bash
# A plan with cohorts, as processes: two secure sums of three merchants each, side by side in every round.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

plans=$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples
# A smaller net and the quicker accountant: what is looked at here depends on neither.
sed -e 's/^hidden = .*/hidden = [16]/' -e 's/^accountant = .*/accountant = "rdp"/' "$plans/synthetic_shops.toml" >"$work/plan.toml"
printf '\n[cohorts]\ncount = 2\n' >>"$work/plan.toml"
"$program" demo --plan "$work/plan.toml" --merchants 6 --rounds 4 --seed 3 --out "$work/out" --json >"$work/stdout" 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_nothing_left

expect_value() {
  [ "$(json "$work/out/report.json" "$1")" = "$2" ] || fail "$1 is $(json "$work/out/report.json" "$1"), must be $2"
}
expect_value outcome '"finished"'
expect_value federation.merchants 6
expect_value federation.aborted 0
expect_value privacy.steps 4
# Three of three are in every sum of each cohort: without them, or without one cohort, there would be fewer than six.
expect_value federation.survivors_min 6
json "$work/out/report.json" privacy.unprotected | grep -qF 'the noised sum of each of the 2 cohorts apart' ||
  fail "the report does not say what the coordinator sees of each cohort"
# The contract that all have signed: two cohorts of three members and their own thresholds.
cohorts=$(grep -aoE '\{"colluders":1,"members":\["[^]]*"\],"min_survivors":3,' "$work/out/federation/coordinator/coordinator.sqlite" |
  sort -u) || fail "the contract has no cohorts"
[ "$(wc -l <<<"$cohorts")" = 2 ] || fail "not two cohorts: $cohorts"
[ "$(grep -oE 'spiffe://[^"]*' <<<"$cohorts" | sort -u | wc -l)" = 6 ] || fail "not six members: $cohorts"
for log in "$work"/out/logs/*.log; do
  if grep -F 'refused in round' "$log" >&2; then fail "$log: a merchant refused a round"; fi
done
