# Sourced by lists of mutants: takes a check out of one source file and shows that a named test notices. Before: `build`
# and `ninja`, `program` (the test below the build folder, built), `wanted` (" NAME ... ", or two blanks for all),
# `model_runs` (0, or how many schedules a population of the random model). After: `status` is 0 when every mutant was
# found. A mutant is a file changed by sed in a temporary copy, compiled with the file's own command line and linked in
# front of its library; nothing of the source tree or of the build folder changes.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$build" || exit 1

status=0
link=$("$ninja" -t commands "$program" | tail -1)

# mutant NAME SOURCE OBJECT FILTER SED...: each SED must change something.
mutant() {
  name=$1 source=$2 object=$3 filter=$4
  shift 4
  case "$wanted" in "  ") ;; *" $name "*) ;; *) return ;; esac
  cp "$here/$source" "$work/before.cc"
  for edit in "$@"; do
    sed -E "$edit" "$work/before.cc" > "$work/mutant.cc"
    if cmp -s "$work/before.cc" "$work/mutant.cc"; then
      echo "$name: DOES NOT APPLY ($edit)"; status=1; return
    fi
    cp "$work/mutant.cc" "$work/before.cc"
  done
  compile=$("$ninja" -t commands "$object" | tail -1 |
    sed -E "s/ -Werror( |$)/ /; s/ -MD / /; s/ -M[TF] [^ ]*//g; s|-o [^ ]*|-o $work/mutant.o|; s|-c [^ ]*|-c $work/mutant.cc|")
  if ! sh -c "$compile -w -O0 -g0" > "$work/log" 2>&1; then
    echo "$name: DOES NOT COMPILE"; tail -5 "$work/log"; status=1; return
  fi
  if ! sh -c "$(echo "$link" | sed "s|-o $program|$work/mutant.o -o $work/mutant_test|; s| && cd .*||")" \
      > "$work/log" 2>&1; then
    echo "$name: DOES NOT LINK"; tail -5 "$work/log"; status=1; return
  fi
  model=
  if [ "$model_runs" -gt 0 ]; then
    (cd "$here" && VEILSUM_HOSTILE_RUNS=$model_runs timeout 600 "$work/mutant_test" \
      --gtest_filter='*HostileScheduler*' --gtest_brief=1) > "$work/model" 2>/dev/null
    bad=$(grep -c '^seed [0-9]*: ' "$work/model")
    model=", the random model in $bad of $((5 * model_runs)) schedules"
  fi
  code=0
  (cd "$here" && timeout 600 "$work/mutant_test" --gtest_filter="$filter" --gtest_brief=1) > "$work/log" 2>&1 || code=$?
  case $code in
    0) echo "$name: NOT FOUND by $filter$model"; status=1 ;;
    124) echo "$name: NOT DECIDED by $filter in 600 s$model"; status=1 ;;
    *)
      failed=$(sed -nE 's#^\[  FAILED  \] ([A-Za-z0-9_/]+[.][A-Za-z0-9_/]+).*$#\1#p' "$work/log" | sort -u | tr '\n' ' ')
      echo "$name: found by ${failed:-an end without a verdict }of $filter$model" ;;
  esac
}

# The tests that mutants are to fail must pass without any.
check_unchanged() {
  if ! (cd "$here" && "$build/$program" --gtest_filter="$1" --gtest_brief=1) > "$work/log" 2>&1; then
    echo "unchanged sources: the tests fail as they stand"
    status=1
  fi
}
