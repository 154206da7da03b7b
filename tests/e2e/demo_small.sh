#!/usr/bin/env bash
# A small demo from end to end: exit code, report, files, and nothing left running.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

"$program" demo --merchants 4 --rounds 12 --seed 3 --out "$work/out" --json >"$work/stdout" 2>"$work/stderr" ||
  { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
expect_nothing_left
cmp -s "$work/stdout" "$work/out/report.json" || fail "stdout is not report.json"
expect_json "$work/out/report.json" plan.name plan.sha256 data.source data.synthetic federation.merchants \
  federation.survivors_min federation.rounds federation.aborted privacy.private privacy.epsilon privacy.delta \
  privacy.accountant privacy.epsilon_rdp privacy.epsilon_outsider privacy.epsilon_coordinator \
  privacy.epsilon_coordinator_plus_t privacy.epsilon_all_others privacy.epsilon_person.2 privacy.epsilon_person.3 \
  privacy.epsilon_filter privacy.delta_slack privacy.colluders privacy.unit privacy.noise_multiplier \
  privacy.sampling_rate privacy.steps privacy.attempts privacy.attempts_max privacy.clip_norm \
  privacy.statistics_epsilon privacy.evaluation_epsilon privacy.unprotected quality.roc_auc quality.pr_auc \
  quality.accuracy quality.majority_accuracy quality.log_loss quality.roc_auc_private \
  quality.roc_auc_private_interval quality.accuracy_private quality.accuracy_private_interval quality.log_loss_private \
  quality.log_loss_private_interval privacy.mode privacy.bands privacy.local_steps quality.local_only_roc_auc quality.per_merchant cost.seconds \
  cost.rounds_per_second cost.upload_bytes_per_client_round cost.plain_bytes_per_client_round \
  cost.padding_overhead cost.coordinator_peak_rss_bytes cost.client_peak_rss_bytes ledger.size ledger.root \
  ledger.verified model.version model.sha256 model.files release.digest release.rollout release.canary environment.engine environment.device \
  environment.threads environment.version
[ "$(json "$work/out/report.json" outcome)" = '"finished"' ] || fail "outcome: $(json "$work/out/report.json" outcome)"
[ "$(json "$work/out/report.json" data.synthetic)" = true ] || fail "the report does not say that the data are synthetic"
[ "$(json "$work/out/report.json" privacy.steps)" = 12 ] || fail "not 12 steps"
[ "$(json "$work/out/report.json" federation.merchants)" = 4 ] || fail "not 4 merchants"
[ "$(json "$work/out/report.json" privacy.evaluation_epsilon)" != null ] || fail "no epsilon of evaluation"
[ "$(json "$work/out/report.json" quality.roc_auc_private)" != null ] || fail "no ROC-AUC from private histograms"
[ "$(json "$work/out/report.json" release.installed)" = 4 ] || fail "not every merchant has the release"
[ "$(json "$work/out/report.json" release.refused)" = 0 ] || fail "a merchant refused the release"
[ "$(json "$work/out/report.json" release.prediction.rows)" -gt 0 ] || fail "the release predicted nothing"
[ "$(json "$work/out/report.json" release.recommendation.kind)" = '"customers"' ] || fail "the release recommended nothing"
package="$work/out/$(json "$work/out/report.json" release.folder | tr -d '"')"
"$program" release verify "$package" --key "$work/out/release/release.pub.pem" >/dev/null || fail "the release does not verify"
sum=$(sha256sum <"$work/out/model.safetensors")
[ "$(json "$work/out/report.json" model.sha256)" = "\"${sum%% *}\"" ] || fail "the model's hash is another"
grep -q '</html>' "$work/out/report.html" || fail "report.html is not whole"
expect_audit_bundle
"$(dirname -- "$program")/veilsum-audit" verify --bundle "$work/out/audit" --report "$work/audit" >"$work/stdout" ||
  { cat "$work/stdout" >&2; fail "the audit ended with $?"; }
grep -qF "\"epsilon\":\"$(json "$work/out/report.json" privacy.epsilon)\"" "$work/audit/report.json" ||
  fail "the audit computes another epsilon than the report has"

# The same evidence as any federation's operator makes it: each merchant hands over its own part.
bin=$(dirname -- "$program")
store=$(find "$work/out" -name coordinator.sqlite) from=()
while IFS= read -r config; do
  part=$work/evidence.${#from[@]}
  "$bin/veilsum-client" evidence --config "$config" --out "$part" >/dev/null || fail "no evidence of $config"
  from+=(--from "$part")
done < <(find "$work/out" -name client.toml | sort)
"$program" ledger bundle --store "$store" "${from[@]}" --out "$work/bundle" >"$work/stdout" ||
  { cat "$work/stdout" >&2; fail "the federation's bundle: $?"; }
(umask 077 && openssl genpkey -algorithm ed25519 -out "$work/auditor.key" 2>/dev/null)
"$bin/veilsum-audit" verify --bundle "$work/bundle" --report "$work/audit" --sign-key "$work/auditor.key" >"$work/stdout" ||
  { cat "$work/stdout" >&2; fail "the audit of the federation's bundle ended with $?"; }
grep -q '"payloadType":"application/vnd.in-toto+json"' "$work/audit/result.intoto.json" || fail "the result is not signed"

# SE-30: whoever objects is not in the next run's data.
find "$work/out" -path '*/merchants/*' -name '*.csv' -exec cut -d, -f1 {} + | sort -u >"$work/objections"
config=$(find "$work/out" -name client.toml | sort | head -n 1)
plan=$(find "$work/out/federation" -name plan.json | head -n 1)
preflight() { VEILSUM_PLAN_FILE=$plan "$bin/veilsum-client" preflight --config "$config"; }
preflight >"$work/preflight" || fail "preflight: $(cat "$work/preflight")"
grep -q '^ready' "$work/preflight" || fail "preflight: $(cat "$work/preflight")"
VEILSUM_DATA_OBJECTIONS=$work/objections preflight >"$work/preflight" || fail "preflight: $(cat "$work/preflight")"
grep -q '^not ready: .* fewer training customers' "$work/preflight" || fail "everybody objected, and: $(cat "$work/preflight")"

# What a merchant states and what was released goes into the ledger while the coordinator rests.
config=$(find "$work/out" -name client.toml | sort | head -n 1)
state() { "$bin/veilsum-client" state "$@" --config "$config" >"$work/said" || fail "state $1"; }
printf '{"tables":["visits"]}' >"$work/manifest.json"
state policy --out "$work/policy.json"
state data --unit customer --persons-at-most 100000 --overlap-bound 2 --manifest "$work/manifest.json" --out "$work/data.json"
digest=$(awk '$1 == "manifest" {print $2}' "$work/said")
"$bin/veilsum-client" evidence --config "$config" --disclose "$digest" --out "$work/shown" >/dev/null || fail "nothing is shown"
state erased --kind disclosure --digest "$digest" --out "$work/erased.json"
coordinator=$(find "$work/out" -name coordinator.toml)
record() { "$bin/veilsum-coordinator" record --config "$coordinator" "$@"; }
size=$(json "$work/out/report.json" ledger.size)
record --statement "$work/policy.json" --statement "$work/data.json" --statement "$work/erased.json" \
  --release "$package" --key "$work/out/release/release.pub.pem" >"$work/recorded" || fail "nothing was recorded"
grep -qx "the ledger has $((size + 4)) entries" "$work/recorded" || fail "of $size entries: $(cat "$work/recorded")"
record --statement "$work/policy.json" >"$work/recorded" || fail "the same again is an error"
grep -qx "the ledger has $((size + 4)) entries" "$work/recorded" || fail "the same again was written: $(cat "$work/recorded")"
config=$(find "$work/out" -name client.toml | sort | tail -n 1)
state policy --out "$work/other.json"
printf '{"certificate":%s,"statement":%s}' "$(json "$work/other.json" certificate)" "$(json "$work/policy.json" statement)" >"$work/forged.json"
! record --statement "$work/forged.json" >/dev/null 2>"$work/refused" || fail "a forged statement was recorded"
grep -q 'is not signed by' "$work/refused" || fail "refused as: $(cat "$work/refused")"
# A value that the merchant showed before it erased it is what the ledger has committed to. The new head has no witness yet.
{ grep '^log ' "$work/bundle/trust.policy"; echo 'quorum none'; } >"$work/trust.policy"
"$program" ledger bundle --store "$store" "${from[@]}" --from "$work/shown" --trust "$work/trust.policy" --out "$work/again" >"$work/stdout" ||
  { cat "$work/stdout" >&2; fail "the bundle with a disclosure: $?"; }
grep -q 'Values disclosed, each as it was committed to: 1\.' "$work/stdout" || fail "the disclosure: $(cat "$work/stdout")"
"$bin/veilsum-coordinator" fsck --config "$coordinator" >"$work/fsck" || fail "fsck: $(cat "$work/fsck")"
