#!/usr/bin/env python3
"""ledger_speed.py BUNDLES VEILSUM_AUDIT FOLDER [LEDGER_BENCH]: what veilsum-audit needs for a long ledger, and the coordinator for an entry.

Prints time, processor time and memory. Memory must not grow with entries. Processor time is compared with what making and signing the same
entries took a moment before, on a machine as busy as this one; where two processors have nothing else to do, 100,000 entries must be
verified within 10 s. An entry must cost the coordinator's store less than 1 ms of processor time (LEDGER_BENCH, if given). VEILSUM_ENTRIES says
how many entries (default 100000).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

# Of processor time for verifying an entry, to that for making and signing it: 1.3 to 2.1 where it was measured, the more the less else the
# machine did (entries are made on one thread, and verified on two that share a core). What a ledger of any size takes (the accountants) is in
# neither.
MOST_RATIO = 2.5
FEWEST_FOR_RATIO = 20000
MOST_SECONDS = 10


def is_quiet():
    return os.cpu_count() >= 2 and os.getloadavg()[0] < 0.3 * os.cpu_count()


def processors(usage):
    return usage.ru_utime + usage.ru_stime


def make(generator, folder, entries):
    """Processor time of it."""
    shutil.rmtree(folder, ignore_errors=True)
    process = subprocess.Popen([generator, "--long", str(folder), str(entries)])
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"no ledger was made: {status}")
    return processors(usage)


def verify(generator, audit, folder, entries):
    """Memory in KiB, processor time, that of making the ledger, time."""
    making = make(generator, folder, entries)
    start = time.monotonic()
    process = subprocess.Popen([audit, "verify", "--bundle", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    shutil.rmtree(folder, ignore_errors=True)
    size = int(re.search(r": (\d+) entries", text).group(1))
    if os.waitstatus_to_exitcode(status) != 0 or size < 0.9 * entries:
        sys.exit(f"{size} entries, exit status {status}:\n{text}")
    used = processors(usage)
    print(f"{size} entries: {wall:.1f} s, {used:.1f} s of processors ({used / wall:.2f} at once), {used / making:.2f} of making them, "
          f"{usage.ru_maxrss / 1024:.0f} MiB", flush=True)
    return usage.ru_maxrss, used, making, wall


def check_append(bench):
    """Against a store without a ledger, in one process; waiting for the disk is no processor time."""
    for line in subprocess.run([bench], check=True, capture_output=True, text=True).stdout.splitlines():
        print(line)
        figure = json.loads(line)
        if figure["name"] == "ledger/append" and figure["value"] >= 1000:
            sys.exit(f"an entry costs the coordinator's store {figure['value']:.0f} us of processor time")


def main():
    generator, audit, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    entries = int(os.environ.get("VEILSUM_ENTRIES", "100000"))
    quiet = is_quiet()
    few, used_few, making_few, _ = verify(generator, audit, folder / "long", entries // 5)
    many, used, making, wall = verify(generator, audit, folder / "long", entries)
    ratio = (used - used_few) / (making - making_few)
    print(f"verifying an entry takes {ratio:.2f} times what making it takes", flush=True)
    if many > 1.25 * few:
        sys.exit(f"memory grows with entries: {few} KiB, then {many} KiB")
    if entries >= FEWEST_FOR_RATIO and ratio > MOST_RATIO:
        sys.exit(f"which may be {MOST_RATIO} at most")
    if quiet and entries <= 100000 and wall > MOST_SECONDS:
        sys.exit(f"{wall:.1f} s on a quiet machine, at most {MOST_SECONDS}")
    if len(sys.argv) > 4:
        check_append(sys.argv[4])


if __name__ == "__main__":
    main()
