#!/usr/bin/env bash
# What a merchant learns of its own customers from a released model: fairness between groups, what moves predictions,
# segments; and what all merchants learn of groups together. On persons of the Adult census data, whose sex and race are known; skipped where the data are not.
# Each figure is counted again from `predict` by awk alone.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
data=${VEILSUM_SHARED:-$(dirname -- "${BASH_SOURCE[0]}")/../../../shared}/data/adult
if [ ! -d "$data" ]; then
  echo "skipped: $data is not here; set VEILSUM_SHARED"
  exit 77
fi
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
client=$(dirname -- "$program")/veilsum-client

# Four of the merchants, with a manifest of them.
mkdir -p "$work/data/merchants"
named=
for merchant in occ_adm_clerical occ_craft_repair occ_exec_managerial occ_sales; do
  ln -s -- "$(readlink -f -- "$data/merchants/$merchant")" "$work/data/merchants/$merchant"
  named+=${named:+,}\"$merchant\":$(json "$data/manifest.json" "merchants.$merchant")
done
printf '{"dataset":"adult","merchants":{%s}}\n' "$named" >"$work/data/manifest.json"
"$program" demo --data "$work/data" --plan "$root/deploy/examples/adult_groups.toml" --epsilon 3 --rounds 150 --out "$work/out" \
  >/dev/null 2>"$work/stderr" || { cat "$work/stderr" >&2; fail "the demo ended with $?"; }
store=$work/out/release/clients/occ_sales
rows=$work/rows.csv
awk -F, 'NR == 1 || $2 == "test"' "$data/merchants/occ_sales/features.csv" >"$rows"

ask() {  # ask COMMAND ARGS: its JSON in $work/COMMAND
  "$client" "$1" --store "$store" --data "$rows" --json "${@:2}" >"$work/$1" 2>"$work/stderr" ||
    { cat "$work/stderr" >&2; fail "$1 ended with $?"; }
}
is() {  # is FILE PATH VALUE: the number at the path, to six digits
  awk -v found="$(json "$1" "$2")" -v wanted="$3" 'BEGIN { exit !(found - wanted < 1e-6 && wanted - found < 1e-6) }' ||
    fail "$2 is $(json "$1" "$2"), not $3"
}
holds() { awk "BEGIN { exit !($1) }" || fail "$2: $1"; }

# Fairness: rows, selected, and selected of either label, of women (0) and men (1).
"$client" predict --store "$store" --data "$rows" >"$work/predictions"
awk -F, 'NR == FNR { p[$1] = $2; next }
  FNR > 1 { s = $10 == "Male"; ++n[s]; ++of[s, $15]; if (p[$1] >= 0.3) { ++all[s]; ++hit[s, $15] } }
  END { for (s = 0; s < 2; ++s) print n[s], all[s] / n[s], hit[s, 1] / of[s, 1], hit[s, 0] / of[s, 0] }' \
  OFMT=%.12g "$work/predictions" "$rows" >"$work/counted"
ask fairness --group sex --threshold 0.3
group=0
while read -r n selected right wrong; do
  is "$work/fairness" "groups.$group.rows" "$n"
  is "$work/fairness" "groups.$group.selection_rate.value" "$selected"
  is "$work/fairness" "groups.$group.true_positive_rate.value" "$right"
  is "$work/fairness" "groups.$group.false_positive_rate.value" "$wrong"
  holds "$(json "$work/fairness" "groups.$group.roc_auc.value") > 0.75" "ROC-AUC of group $group"
  group=$((group + 1))
done <"$work/counted"
[ "$(json "$work/fairness" differences.demographic_parity.highest)" = '"Male"' ] || fail "women are selected more often"
holds "$(json "$work/fairness" differences.demographic_parity.low) > 0.1" "the difference is not found"

# What the noisy histograms of all four merchants say of each sex, against the predictions themselves: noise is a part of what
# the intervals hold, so that nothing exact is further away than three half-widths. Nobody is of another sex.
for merchant in "$work/data/merchants"/*; do
  awk -F, 'NR == 1 || $2 == "test"' "$merchant/features.csv" >"$work/held_out"
  "$client" predict --store "$work/out/release/clients/$(basename "$merchant")" --data "$work/held_out" >"$work/scored"
  awk -F, 'NR == FNR { p[$1] = $2; next } FNR > 1 { print $10, $15, (p[$1] >= 0.5) + 0 }' "$work/scored" "$work/held_out"
done >"$work/everybody"
report=$work/out/report.json
group=0
for sex in Female Male; do
  at=quality.groups_private.$group
  [ "$(json "$report" "$at.name")" = "\"$sex\"" ] || fail "group $group is $(json "$report" "$at.name")"
  read -r selected true_positives false_positives < <(awk -v sex=$sex '$1 == sex { ++n[$2]; hit[$2] += $3 }
    END { printf "%.9g %.9g %.9g\n", (hit[0] + hit[1]) / (n[0] + n[1]), hit[1] / n[1], hit[0] / n[0] }' "$work/everybody")
  for figure in selected true_positives false_positives; do
    value=$(json "$report" "$at.$figure") low=$(json "$report" "$at.${figure}_interval.0") high=$(json "$report" "$at.${figure}_interval.1")
    holds "$low <= $value && $value <= $high && $high - $low < 0.3" "$figure of $sex"
    holds "(${!figure} - $value) ^ 2 < (1.5 * ($high - $low)) ^ 2" "$figure of $sex is exactly ${!figure}"
  done
  holds "$(json "$report" "$at.roc_auc") > 0.75 && $(json "$report" "$at.roc_auc") < 1" "private ROC-AUC of $sex"
  group=$((group + 1))
done
[ "$(json "$report" quality.groups_private.2.name)" = '"other"' ] || fail "the third group is not the others"
grep -q 'has a noisy total' <<<"$(json "$report" quality.groups_private.2.unusable)" || fail "there are others"
grep -q '<td>Female</td>' "$work/out/report.html" || fail "the page does not show groups"

# Small groups are named, and nothing else is said of them.
ask fairness --group race
[ "$(json "$work/fairness" too_small)" = '["Amer-Indian-Eskimo","Other"]' ] || fail "too small: $(json "$work/fairness" too_small)"
is "$work/fairness" together.rows "$(awk -F, 'NR > 1 && $9 != "Amer-Indian-Eskimo" && $9 != "Other"' "$rows" | wc -l)"

# A column that the model reads moves it; what is said is the mean of what `predict --explain` says of each row.
ask explain --sample 1000000
expect_json "$work/explain" features.11.share
is "$work/explain" explained "$(($(wc -l <"$rows") - 1))"
"$client" predict --store "$store" --data "$rows" --explain >"$work/explained"
first=$(json "$work/explain" features.0.feature | tr -d '"')
is "$work/explain" features.0.mean_absolute "$(awk -F, -v name="$first" '
  NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name || $i ~ "[.]" substr(name, index(name, ".") + 1) "$") at = i; next }
  { sum += $at < 0 ? -$at : $at } END { printf "%.12g", sum / (NR - 1) }' "$work/explained")"

# Segments: each row has one, sizes are those of the file, nobody else may read it, and the same seed finds the same.
ask segments --k 3 --out "$work/segments.csv"
cp -- "$work/segments" "$work/before"
[ "$(stat -c %a -- "$work/segments.csv")" = 600 ] || fail "others may read whose segment is whose"
[ "$(wc -l <"$work/segments.csv")" = "$(wc -l <"$rows")" ] || fail "rows are missing"
for segment in 1 2 3; do
  is "$work/segments" "segments.$((segment - 1)).rows" "$(awk -F, -v s=$segment '$3 == s' "$work/segments.csv" | wc -l)"
done
# The mean score of the largest segment, from the files alone.
is "$work/segments" segments.0.score "$(awk -F, 'NR == FNR { p[$1] = $2; next } $3 == 1 { sum += p[$1]; ++n }
  END { printf "%.12g", sum / n }' "$work/predictions" "$work/segments.csv")"
ask segments --k 3
cmp -s -- "$work/segments" "$work/before" || fail "the same seed finds other segments"
ask segments
holds "$(json "$work/segments" tried.0.silhouette) > 0.25" "customers are of no kinds"
expect_nothing_left
