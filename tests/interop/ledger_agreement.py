#!/usr/bin/env python3
"""ledger_agreement.py BUNDLES VEILSUM_AUDIT FOLDER: random and tampered ledgers through veilsum-audit and through ledger_verifier.py, which
must give the same exit code and the same finding codes, but for what the second one does not compute. Every third as a tenant would check it,
with a signing certificate of its own; every fifth result is signed, and the second verifier checks that as well.

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


def certificate_of(seat, key, folder):
    """A signing certificate (PEM) of `key` (32 bytes) for the seat, by some authority: whose it is, is no question here."""
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "interop")])
    begin = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder(name, name, Ed25519PublicKey.from_public_bytes(key), 7, begin, begin + datetime.timedelta(days=900))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(seat)]), False)
    path = folder / "seat.pem"
    from cryptography.hazmat.primitives.serialization import Encoding
    path.write_bytes(builder.sign(Ed25519PrivateKey.generate(), None).public_bytes(Encoding.PEM))
    return path


def auditor_key(folder):
    """Private key file for veilsum-audit, and the public key (32 bytes)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, path = Ed25519PrivateKey.generate(), folder / "auditor.key"
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path, key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def first_key(verifier, bundle):
    """Seat and key that the ledger registers first; None where its entries cannot be read."""
    try:
        size = int(verifier.Note(verifier.read(str(bundle), "checkpoint")).text.split("\n")[1])
        width = min(256, size)
        for raw in verifier.split_bundle(verifier.read(str(bundle), verifier.tile_path("entries", 0, width)), width):
            body = verifier.statement(raw)[0]
            if body["predicateType"].endswith("/key.registered/v1"):
                return body["predicate"]["spiffe_id"], bytes.fromhex(body["predicate"]["key"])
    except (verifier.Wrong, verifier.Missing, ValueError, KeyError, IndexError):
        pass
    return None


def check_result(verifier, report, key, bundle):
    """What is wrong with a signed result; None: nothing."""
    raw, checkpoint = (report / "result.intoto.json").read_bytes(), verifier.read(str(bundle), "checkpoint")
    try:
        passed = "VEILSUM_AUDIT_PASSED" in verifier.signed_result(raw, key, checkpoint)
    except verifier.Wrong as error:
        return str(error)
    if passed != (json.loads((report / "report.json").read_bytes())["verdict"] == "passed"):
        return "the result says another verdict than the report"
    flipped = bytes([key[0] ^ 1]) + key[1:]
    for other_key, other in ((flipped, checkpoint), (key, checkpoint + b"x")):
        try:
            verifier.signed_result(raw, other_key, other)
            return "it holds for another key or checkpoint"
        except verifier.Wrong:
            pass
    return None


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
    key_file, key = auditor_key(folder)
    for i in range(count):
        bundle, previous = bundles / str(i), bundles / f"{i}.previous"
        command, seats = [audit, "verify", "--bundle", str(bundle), "--previous", str(previous), "--json"], []
        known = first_key(ledger_verifier, bundle) if i % 3 == 0 else None
        if known and ledger_verifier.tenant_of(known[0]):  # every second time the tenant has another key
            certificate = certificate_of(known[0], known[1] if i % 2 == 0 else key, folder)
            command, seats = command + ["--seat", str(certificate)], [certificate.read_bytes()]
        if i % 5 == 0:
            command += ["--report", str(folder / "report"), "--sign-key", str(key_file)]
        answer = subprocess.run(command, capture_output=True)
        if answer.returncode not in (0, 2, 3):
            sys.exit(f"ledger {i}: veilsum-audit ended with {answer.returncode}: {answer.stderr.decode()}")
        report = json.loads(answer.stdout)
        theirs = {finding["code"] for finding in report["findings"]}
        code, ours, missing = ledger_verifier.verify(str(bundle), [previous.read_bytes()], seats)
        verdicts[code] = verdicts.get(code, 0) + 1
        codes |= ours
        if theirs - BY_ACCOUNTING != ours - BY_ACCOUNTING or (answer.returncode != code and theirs - ours != theirs & BY_ACCOUNTING):
            disagreements += 1
            print(f"ledger {i} (seed {seed + i}): veilsum-audit {answer.returncode} {sorted(theirs)} {report['missing']}, "
                  f"ledger_verifier {code} {sorted(ours)} {missing}")
        if i % 5 == 0 and report["ledger"]["checkpoint_sha256"].strip("0"):
            wrong = check_result(ledger_verifier, folder / "report", key, bundle)
            if wrong:
                disagreements += 1
                print(f"ledger {i} (seed {seed + i}): result.intoto.json: {wrong}")
    print(f"{count} ledgers, verdicts {verdicts}, codes {sorted(codes)}: {disagreements} disagreements")
    shutil.rmtree(bundles, ignore_errors=True)
    one_sided = count >= 40 and set(verdicts) != {0, 2, 3}
    if one_sided:
        print("sound, faulty and torn ledgers were made, and not all three were told apart")
    sys.exit(1 if disagreements or one_sided else 0)


if __name__ == "__main__":
    main()
