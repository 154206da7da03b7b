#!/usr/bin/env python3
"""ledger_agreement.py BUNDLES VEILSUM_AUDIT FOLDER: random and tampered ledgers through veilsum-audit and through ledger_verifier.py, which
must give the same exit code and the same finding codes, but for what the second one does not compute.

VEILSUM_LEDGERS says how many (default 40), VEILSUM_LEDGERS_SEED from where. Exits with 77 (skipped) where `cryptography` cannot be had.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

PACKAGE = "cryptography==44.0.0"


def with_package(folder):
    """Goes on in a Python that has the package: this one, or one in a virtual environment of the build folder."""
    if importlib.util.find_spec("cryptography"):
        return
    python = folder / "ledger_venv" / "bin" / "python"
    if sys.executable == str(python):
        print(f"SKIPPED: {PACKAGE} does not work here")
        sys.exit(77)
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True, capture_output=True, timeout=120)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE], check=True,
                       capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"SKIPPED: {PACKAGE} cannot be installed here: {error}")
        sys.exit(77)
    os.execv(str(python), [str(python)] + sys.argv)


# Found by computing noise and divergences, which the second verifier leaves to veilsum-audit.
BY_ACCOUNTING = {"P302", "P304"}


def main():
    generator, audit, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    with_package(folder)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import ledger_verifier

    count, seed = int(os.environ.get("VEILSUM_LEDGERS", "40")), int(os.environ.get("VEILSUM_LEDGERS_SEED", "1"))
    bundles = folder / "ledgers"
    shutil.rmtree(bundles, ignore_errors=True)
    subprocess.run([generator, str(bundles), str(count), str(seed)], check=True)
    verdicts, codes, disagreements = {}, set(), 0
    for i in range(count):
        bundle, previous = bundles / str(i), bundles / f"{i}.previous"
        answer = subprocess.run([audit, "verify", "--bundle", str(bundle), "--previous", str(previous), "--json"], capture_output=True)
        if answer.returncode not in (0, 2, 3):
            sys.exit(f"ledger {i}: veilsum-audit ended with {answer.returncode}: {answer.stderr.decode()}")
        report = json.loads(answer.stdout)
        theirs = {finding["code"] for finding in report["findings"]}
        code, ours, missing = ledger_verifier.verify(str(bundle), [previous.read_bytes()])
        verdicts[code] = verdicts.get(code, 0) + 1
        codes |= ours
        if theirs - BY_ACCOUNTING != ours - BY_ACCOUNTING or (answer.returncode != code and theirs - ours != theirs & BY_ACCOUNTING):
            disagreements += 1
            print(f"ledger {i} (seed {seed + i}): veilsum-audit {answer.returncode} {sorted(theirs)} {report['missing']}, "
                  f"ledger_verifier {code} {sorted(ours)} {missing}")
    print(f"{count} ledgers, verdicts {verdicts}, codes {sorted(codes)}: {disagreements} disagreements")
    shutil.rmtree(bundles, ignore_errors=True)
    one_sided = count >= 40 and set(verdicts) != {0, 2, 3}
    if one_sided:
        print("sound, faulty and torn ledgers were made, and not all three were told apart")
    sys.exit(1 if disagreements or one_sided else 0)


if __name__ == "__main__":
    main()
