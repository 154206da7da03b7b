#!/usr/bin/env bash
# replay.sh FOLDER TRANSCRIPT: runs each "$ PROGRAM ARGS" line of the transcript in an empty folder, PROGRAM being one of
# those in FOLDER whose names begin with veilsum, and compares what it
# prints (stdout, then stderr) and its exit code, byte by byte. VEILSUM_REWRITE=1 writes the transcript anew instead.
set -euo pipefail
programs=$(readlink -f -- "$1") transcript=$(readlink -f -- "$2")
root=$(cd -- "$(dirname -- "$transcript")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export LC_ALL=C COLUMNS=100

play() {
  local line code arguments
  while IFS= read -r line; do
    case $line in
      '#'*) printf '%s\n' "$line" ;;
      '$ veilsum'*)
        printf '%s\n' "$line"
        # Transcripts are ours: their words are split by the shell on purpose. ROOT stands for the source tree.
        eval "arguments=(${line#\$ })"
        arguments=("${arguments[@]//ROOT/$root}")
        code=0
        (cd -- "$work" && "$programs/${arguments[0]}" "${arguments[@]:1}" >"$work/.stdout" 2>"$work/.stderr" </dev/null) || code=$?
        sed "s|$root|ROOT|g" "$work/.stdout" "$work/.stderr"
        printf '[exit %s]\n' "$code" ;;
    esac
  done <"$transcript"
}

play >"$work/.actual"
if [ "${VEILSUM_REWRITE:-}" = 1 ]; then
  cp -- "$work/.actual" "$transcript"
else
  diff -u --label expected --label actual -- "$transcript" "$work/.actual"
fi
