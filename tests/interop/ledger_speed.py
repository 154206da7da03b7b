#!/usr/bin/env python3
"""ledger_speed.py BUNDLES VEILSUM_AUDIT FOLDER: what veilsum-audit needs for a long ledger: time, processor time, and memory, which must not
grow with entries. VEILSUM_ENTRIES says how many entries (default 100000)."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time


def verify(generator, audit, folder, entries):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([generator, "--long", str(folder), str(entries)], check=True)
    start = time.monotonic()
    process = subprocess.Popen([audit, "verify", "--bundle", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    shutil.rmtree(folder, ignore_errors=True)
    size = int(re.search(r": (\d+) entries", text).group(1))
    if os.waitstatus_to_exitcode(status) != 0 or size < 0.9 * entries:
        sys.exit(f"{size} entries, exit status {status}:\n{text}")
    print(f"{size} entries: {wall:.1f} s, {usage.ru_utime + usage.ru_stime:.1f} s of processors, {usage.ru_maxrss / 1024:.0f} MiB", flush=True)
    return usage.ru_maxrss


def main():
    generator, audit, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    entries = int(os.environ.get("VEILSUM_ENTRIES", "100000"))
    few, many = (verify(generator, audit, folder / "long", count) for count in (entries // 5, entries))
    if many > 1.25 * few:
        sys.exit(f"memory grows with entries: {few} KiB, then {many} KiB")


if __name__ == "__main__":
    main()
