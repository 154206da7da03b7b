#!/usr/bin/env bash
# distributed_vs_central.sh PROGRAMS CENTRAL DATA PLAN [SEEDS [EPSILON]]: runs `veilsum demo` once a seed and central_dp
# with the same plan, engine, sampling and total noise, and compares the ROC-AUC of what they publish on the hold-out.
# PROGRAMS is the folder of the veilsum programs, CENTRAL the central_dp program, DATA a data folder or the name of one in
# $VEILSUM_SHARED/data (default ../shared/data). Prints central_dp's lines; exit 2 when the means are further apart than
# 0.005 and two standard errors, 77 when there are no such data.
set -euo pipefail
[ $# -ge 4 ] || { sed -n '2,6s/^# //p' -- "$0" >&2; exit 64; }
programs=$(readlink -f -- "$1") central=$(readlink -f -- "$2") data=$3 plan=$4 seeds=${5:-5} epsilon=${6:-}
[ -d "$data" ] || data=${VEILSUM_SHARED:-../shared}/data/$data
[ -f "$data/manifest.json" ] || { echo "no data in $data" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

cp -- "$plan" "$work/plan.toml"
[ -z "$epsilon" ] || sed -i "s/^epsilon = .*/epsilon = \"$epsilon\"/" "$work/plan.toml"
reports=
for seed in $(seq "$seeds"); do
  "$programs/veilsum" demo --data "$data" --plan "$work/plan.toml" --seed "$seed" --out "$work/$seed" \
    >"$work/$seed.log" 2>&1 || { tail -n 20 -- "$work/$seed.log" >&2; exit 1; }
  reports+=${reports:+,}$work/$seed/report.json
done
"$central" --data "$data" --plan "$work/plan.toml" --seeds "$seeds" --compare "$reports"
