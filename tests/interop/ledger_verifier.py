#!/usr/bin/env python3
"""ledger_verifier.py BUNDLE [PREVIOUS...] [--seat CERTIFICATE]... [--result FILE --auditor-key PEM]: a second verifier of a federation's
ledger, written from docs/formats.md and docs/audit.md alone.

Prints one JSON line: the exit code that an auditor gives, the finding codes, and what is missing; with --result also whether that
result.intoto.json is signed by the auditor's public key (SubjectPublicKeyInfo PEM) and about this bundle's checkpoint. It does not compute noise
anew: of P302 it finds what contract, plan and entries say, and P304 it does not find. Needs the package `cryptography` for Ed25519 and X.509.
"""
import argparse
import base64
import hashlib
import json
import os
import re
import stat
import struct
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LIMITS = {"checkpoint": 1 << 16, "trust.policy": 1 << 20, "blob": 1 << 20, "model": 1 << 30, "receipts": 1 << 16, "disclosures": 2 << 20}
ENTRY_MAX = 32 * 1024
LARGEST_ORDER = 1024
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "application/vnd.veilsum.statement+json"
STAGES = ("draft", "validated", "shadow", "canary", "stable", "paused", "rolled_back", "revoked")
KIND = "https://in-toto.io/Statement/v1"
HEADER = ("v", "seq", "prev", "federation_id", "tenant", "actor", "ts", "term", "binary_sha256", "config_sha256", "idem", "hidden")
HEX64 = re.compile(r"[0-9a-f]{64}\Z")
TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)\.\d{3}Z\Z", re.ASCII)
REAL = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?(e-?[0-9]+)?\Z", re.ASCII)


class Wrong(Exception):
    """What is read has not its form."""


class Missing(Exception):
    """Evidence that is not there."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def need(condition, text="wrong form"):
    if not condition:
        raise Wrong(text)


# ---------------------------------------------------------------- files

def read(root, path):
    names = path.split("/")
    here = root
    for i, name in enumerate(names):
        need(re.match(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\Z", name), path)
        here = os.path.join(here, name)
        try:
            mode = os.lstat(here).st_mode
        except FileNotFoundError:
            raise Missing(path)
        need(stat.S_ISREG(mode) if i + 1 == len(names) else stat.S_ISDIR(mode), path)
    limit = LIMITS.get(names[0], 256 * (2 + 65535) if path.startswith("tile/entries/") else 8192)
    need(os.path.getsize(here) <= limit, path)
    with open(here, "rb") as file:
        return file.read()


def listed(root, path):
    here = root
    for name in path.split("/"):
        here = os.path.join(here, name)
        if not os.path.lexists(here):
            return []
        need(stat.S_ISDIR(os.lstat(here).st_mode), path)
    return sorted(os.listdir(here))


# ---------------------------------------------------------------- canonical JSON

def no_twice(pairs):
    out = {}
    for key, value in pairs:
        out[key] = value
    return out


def parse(text):
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=no_twice)
    except (ValueError, RecursionError) as error:
        raise Wrong(str(error))


def dump(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=True).encode("utf-8", "surrogatepass")


def unlawful_number(value):
    if isinstance(value, dict):
        return any(unlawful_number(child) for child in value.values())
    if isinstance(value, list):
        return any(unlawful_number(child) for child in value)
    if isinstance(value, bool) or isinstance(value, str):
        return False
    return value is None or isinstance(value, float) or abs(value) > 2**53 - 1


def check_canonical(value, depth=0):
    need(depth <= 16, "too deep")
    if isinstance(value, dict):
        for key, child in value.items():
            need(re.match(r"[a-z0-9_]+\Z", key, re.ASCII), "key")
            check_canonical(child, depth + 1)
    elif isinstance(value, list):
        for child in value:
            check_canonical(child, depth + 1)
    else:
        need(not unlawful_number(value), "number")


def canonical(text):
    value = parse(text)
    check_canonical(value)
    need(dump(value) == text, "not canonical")
    return value


def b64(text):
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Wrong("base64")
    need(base64.b64encode(raw).decode() == text, "base64")
    return raw


# ---------------------------------------------------------------- notes, keys, policies

def ed25519(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


class Key:
    def __init__(self, vkey, kind):
        parts = vkey.split("+", 2)
        need(len(parts) == 3 and parts[0] and not re.search(r"[\s\x00-\x1f]", parts[0]), "key")
        self.text, self.name = vkey, parts[0]
        raw = b64(parts[2])
        need(len(raw) == 33 and raw[0] == kind, "key")
        self.key, self.id = raw[1:], sha(self.name.encode(), b"\n", raw)[:4]
        need(parts[1] == self.id.hex(), "key id")


class Note:
    def __init__(self, raw):
        need(len(raw) <= 1 << 16, "note size")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Wrong("note")
        need(not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text), "note")
        end = text.rfind("\n\n")
        need(end >= 0 and text.endswith("\n"), "note")
        self.text, lines = text[:end + 1], text[end + 2:].split("\n")[:-1]
        need(0 < len(lines) <= 100, "note")
        self.signatures = []
        for line in lines:
            words = line.split(" ")
            need(len(words) == 3 and words[0] == "\u2014" and words[1], "note")
            need("+" not in words[1], "note")
            signature = b64(words[2])
            need(len(signature) >= 5, "note")
            self.signatures.append((words[1], signature[:4], signature[4:]))

    def by(self, key):
        return [s for name, id, s in self.signatures if name == key.name and id == key.id]

    def checkpoint(self, log):
        """None: not signed by the log. Wrong: a signature of it is."""
        own = self.by(log)
        if not own:
            return None
        need(all(len(s) == 64 and ed25519(log.key, self.text.encode(), s) for s in own), "signature")
        lines = self.text.split("\n")
        need(len(lines) == 4 and lines[3] == "" and lines[0] == log.name, "checkpoint")
        need(re.match(r"(0|[1-9][0-9]*)\Z", lines[1], re.ASCII) and int(lines[1]) < 2**63, "checkpoint")
        root = b64(lines[2])
        need(len(root) == 32, "checkpoint")
        return lines[0], int(lines[1]), root

    def cosigned(self, witness):
        own = self.by(witness)
        for s in own:
            need(len(s) == 72 and s[0] < 128, "cosignature")
            message = b"cosignature/v1\ntime %d\n" % struct.unpack(">Q", s[:8]) + self.text.encode()
            need(ed25519(witness.key, message, s[8:]), "cosignature")
        return bool(own)


class Policy:
    def __init__(self, raw):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        need(text.endswith("\n") or not text, "policy")
        self.logs, self.parties, self.quorum, taken, keys = [], {}, None, set(), set()
        for line in text.split("\n")[:-1]:
            need(not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line), "policy")
            words = re.findall(r"[^ \t]+", line)
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log" and len(words) in (2, 3):
                key = Key(words[1], 1)
                need(key.key not in [log.key for log in self.logs], "policy")
                self.logs.append(key)
            elif words[0] == "witness" and len(words) in (3, 4):
                key = Key(words[2], 4)
                need(key.key not in keys, "policy")
                keys.add(key.key)
                self.add(words[1], key)
            elif words[0] == "group" and len(words) >= 4:
                members = words[3:]
                for member in members:
                    need(member in self.parties and member not in taken, "policy")
                    taken.add(member)
                count = {"any": 1, "all": len(members)}.get(words[2])
                if count is None:
                    need(re.match(r"(0|[1-9][0-9]*)\Z", words[2], re.ASCII), "policy")
                    count = int(words[2])
                need(1 <= count <= len(members), "policy")
                self.add(words[1], (count, members))
            elif words[0] == "quorum" and len(words) == 2:
                need(self.quorum is None and (words[1] == "none" or words[1] in self.parties), "policy")
                self.quorum = words[1]
            else:
                raise Wrong("policy")
        need(self.quorum is not None, "policy")

    def add(self, name, party):
        need(name != "none" and name not in self.parties, "policy")
        self.parties[name] = party

    def met(self, note, name):
        if name == "none":
            return True
        party = self.parties[name]
        if isinstance(party, Key):
            return note.cosigned(party)
        return sum([self.met(note, member) for member in party[1]]) >= party[0]


# ---------------------------------------------------------------- tree

class Tree:
    def __init__(self):
        self.size, self.peaks = 0, []

    def append(self, leaf):
        self.peaks.append(leaf)
        self.size += 1
        n = self.size
        while n % 2 == 0:
            right = self.peaks.pop()
            self.peaks[-1] = sha(b"\x01", self.peaks[-1], right)
            n //= 2

    def root(self):
        if not self.peaks:
            return sha()
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = sha(b"\x01", left, node)
        return node


def number_path(number):
    groups = ["%03d" % (number % 1000)]
    while number >= 1000:
        number //= 1000
        groups.insert(0, "x%03d" % (number % 1000))
    return "/".join(groups)


def tile_path(level, number, width):
    return "tile/%s/%s%s" % (level, number_path(number), "" if width == 256 else ".p/%d" % width)


def split_bundle(raw, count):
    out = []
    while raw and len(out) < count:
        need(len(raw) >= 2, "bundle")
        size = raw[0] * 256 + raw[1]
        need(len(raw) >= 2 + size, "bundle")
        out.append(raw[2:2 + size])
        raw = raw[2 + size:]
    need(not raw and len(out) == count, "bundle")
    return out


# ---------------------------------------------------------------- envelopes and identities

def open_envelope(raw):
    value = parse(raw)
    need(isinstance(value, dict) and sorted(value) == ["payload", "payloadType", "signatures"], "envelope")
    need(isinstance(value["payload"], str) and isinstance(value["payloadType"], str) and isinstance(value["signatures"], list), "envelope")
    need(value["signatures"], "envelope")
    for one in value["signatures"]:
        need(isinstance(one, dict) and sorted(one) == ["keyid", "sig"] and all(isinstance(x, str) for x in one.values()), "envelope")
        b64(one["sig"])
    payload = b64(value["payload"])
    need(dump(value) == raw, "envelope")
    return value, payload


def statement(raw):
    value, payload = open_envelope(raw)
    need(value["payloadType"] == PAYLOAD_TYPE and len(value["signatures"]) == 1, "statement")
    body = parse(payload)
    need(isinstance(body, dict) and sorted(body) == ["_type", "predicate", "predicateType", "subject"], "statement")
    need(body["_type"] == KIND and isinstance(body["predicate"], dict) and isinstance(body["predicateType"], str), "statement")
    check_canonical(body["predicate"])
    subject = body["subject"]
    need(isinstance(subject, list) and len(subject) == 1 and isinstance(subject[0], dict) and sorted(subject[0]) == ["digest", "name"], "subject")
    need(isinstance(subject[0]["name"], str) and isinstance(subject[0]["digest"], dict) and list(subject[0]["digest"]) == ["sha256"], "subject")
    need(is_hex(subject[0]["digest"]["sha256"]), "subject")
    need(dump(body) == payload, "statement")
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    return body, signed, value["signatures"][0]


def is_hex(value, size=64):
    return isinstance(value, str) and re.match(r"[0-9a-f]{%d}\Z" % size, value) is not None


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


SEGMENT = r"(?!\.\.?(?:/|\Z))[A-Za-z0-9._-]{1,64}"
SPIFFE = re.compile(r"spiffe://([a-z0-9._-]{1,255})/(?:tenant/([a-z0-9-]{3,40})/(client|operator)|(coordinator|operator|auditor|witness))/(%s)\Z"
                    % SEGMENT)


def identity(uri):
    """Domain, tenant (of its clients only), name, and whether it is a coordinator or an operator of the federation."""
    match = SPIFFE.match(uri)
    if match is None:
        return None
    tenant = match.group(2) if match.group(3) == "client" else ""
    return match.group(1), tenant, match.group(5), match.group(4) in ("coordinator", "operator")


def tenant_of(uri):
    found = identity(uri)
    return found[1] if found else ""


def real(text):
    if text == "inf":
        return None
    if not REAL.match(text):
        return None
    return float(text)


# ---------------------------------------------------------------- the ledger's rules

class Run:
    def __init__(self, contract, plan, claim):
        self.contract, self.plan, self.claim = contract, plan, claim
        self.reserved, self.open, self.members = set(), set(), []
        self.through = self.opened = 0
        self.last_model = ""
        self.ended = False
        self.attempts = [s["attempts_max"] for s in contract["sums"]]

    def cohort(self, seat):
        for cohort in self.contract["cohorts"]:
            if seat in cohort["members"]:
                return cohort
        return None

    def begins_a_sum(self, number):
        first = 1
        for attempts in self.attempts:
            if number == first:
                return True
            first += attempts
        return False


class Ledger:
    def __init__(self, blob):
        self.blob, self.found = blob, set()
        self.size = self.term = 0
        self.last, self.time, self.federation, self.log_key = b"\0" * 32, "", None, None
        self.keys, self.policies, self.runs = {}, {}, {}
        self.stated, self.persons, self.releases, self.counters, self.rollouts = {}, {}, {}, {}, {}
        self.entry = None

    def find(self, code):
        self.found.add(code)

    def take(self, raw):
        self.entry = None
        try:
            if len(raw) > ENTRY_MAX:
                self.find("E107")
                raise Wrong("size")
            body, signed, signature = statement(raw)
            p = body["predicate"]
            self.check_form(body, p)
        except Wrong:
            if "E107" not in self.found or len(raw) <= ENTRY_MAX:
                self.find(self.code_of_no_entry(raw))
        else:
            kind = body["predicateType"][len("https://%s/ledger/" % p["federation_id"]):-len("/v1")]
            fields = {k: v for k, v in p.items() if k not in HEADER}
            self.check_header(p)
            if self.size == 0:
                self.genesis(p, kind, fields)
                self.check_signature(p, signed, signature)
            else:
                self.check_signature(p, signed, signature)
                self.apply(p, kind, fields)
            self.term, self.time = max(self.term, p["term"]), max(self.time, p["ts"])
            self.entry = (kind, fields, p)
        self.last = sha(b"\0", raw)
        self.size += 1

    @staticmethod
    def code_of_no_entry(raw):
        try:
            _, payload = open_envelope(raw)
            return "E108" if unlawful_number(parse(payload)) else "E101"
        except Wrong:
            return "E101"

    @staticmethod
    def check_form(body, p):
        need(all(key in p for key in HEADER), "header")
        need(p["v"] == 1 and is_int(p["v"]) and is_int(p["seq"]) and is_int(p["term"]), "header")
        need(all(is_hex(p[key]) for key in ("prev", "binary_sha256", "config_sha256")) and is_hex(p["idem"], 32), "header")
        need(all(isinstance(p[key], str) for key in ("federation_id", "tenant", "actor", "ts")), "header")
        need(isinstance(p["hidden"], dict) and all(is_hex(x) for x in p["hidden"].values()), "hidden")
        need(TIME.match(p["ts"]), "ts")
        front = "https://%s/ledger/" % p["federation_id"]
        kind = body["predicateType"]
        need(kind.startswith(front) and kind.endswith("/v1"), "type")
        need(re.match(r"[a-z]+\.[a-z]+\Z", kind[len(front):-3], re.ASCII), "type")

    def check_header(self, p):
        if p["prev"] != self.last.hex():
            self.find("E104")
        if p["seq"] > self.size:
            self.find("E109")
        if p["seq"] < self.size:
            self.find("E110")
        if p["term"] < self.term or (p["term"] == self.term and p["ts"] < self.time):
            self.find("E105")
        if self.size != 0 and p["federation_id"] != self.federation:
            self.find("E106")

    def check_signature(self, p, signed, signature):
        known = self.keys.get(p["actor"])
        if known is None:
            return self.find("K701")
        if known[1]:
            self.find("K702")
        raw = b64(signature["sig"])
        if len(raw) != 64 or not ed25519(known[0], signed, raw):
            self.find("E102")

    def shape(self, fields, **kinds):
        """Whether exactly these fields are there, each of its kind."""
        good = sorted(fields) == sorted(kinds)
        for key, kind in kinds.items():
            good = good and key in fields and kind(fields[key])
        if not good:
            self.find("E103")
        return good

    def genesis(self, p, kind, fields):
        if kind != "federation.genesis":
            return self.find("S201")
        self.log_key = fields.get("log_key")
        if not self.shape(fields, root_ca_sha256=is_hex, log_key=is_text, key=is_hex):
            return
        try:
            Key(self.log_key, 1)
        except Wrong:
            self.find("E103")
        who = identity(p["actor"])
        if who is None or not who[3]:
            self.find("K704")
        self.federation = p["federation_id"]
        self.keys[p["actor"]] = (bytes.fromhex(fields["key"]), False)

    def apply(self, p, kind, fields):
        handler = {"key.registered": self.key, "key.revoked": self.key, "policy.set": self.policy, "dataset.declared": self.dataset,
                   "erasure.performed": self.erasure, "plan.registered": self.plan, "budget.reserved": self.reserve,
                   "rounds.opened": self.opened, "round.committed": self.ends, "round.aborted": self.ends, "run.ended": self.run_ended,
                   "release.published": self.published, "release.revoked": self.revoked, "rollout.transition": self.rollout}.get(kind)
        if handler is None:
            return self.find("E103")
        who = identity(p["actor"])
        if kind not in ("policy.set", "dataset.declared", "erasure.performed") and (who is None or not who[3]):
            return self.find("K704")
        handler(p, kind, fields)

    def key(self, p, kind, fields):
        revokes = kind == "key.revoked"
        if not (self.shape(fields, spiffe_id=is_text, reason=is_text) if revokes else self.shape(fields, spiffe_id=is_text, key=is_hex)):
            return
        name = fields["spiffe_id"]
        who = identity(name)
        if who is None or who[0] != self.federation:
            return self.find("K703")
        known = self.keys.get(name)
        if revokes:
            if known is None:
                return self.find("K701")
            self.keys[name] = (known[0], True)
            return
        key = bytes.fromhex(fields["key"])
        if known and not known[1] and known[0] != key:
            return self.find("K703")
        self.keys[name] = (key, False)

    def said_by_tenant(self, p, kind, fields):
        """The fields of the type, once it is clear that the entry's tenant has said them."""
        tenant, who = p["tenant"], identity(p["actor"])
        if who is None or not who[3]:
            if not tenant or tenant_of(p["actor"]) != tenant:
                return self.find("K703")
            self.stated[(tenant, kind)] = max(self.stated.get((tenant, kind), ""), p["ts"])
            return fields
        fields = dict(fields)
        seat, issued, signature = (fields.pop(key, None) for key in ("seat", "issued", "signature"))
        try:
            need(all(isinstance(x, str) for x in (seat, issued, signature)))
            signature = b64(signature)
            need(len(signature) == 64 and TIME.match(issued))
        except Wrong:
            return self.find("E103")
        if not tenant or tenant_of(seat) != tenant:
            return self.find("K703")
        payload = dump({"body": fields, "federation_id": p["federation_id"], "hidden": p["hidden"], "issued": issued, "seat": seat,
                        "type": kind})
        signed = b"DSSEv1 %d %s %d %s" % (len(STATEMENT), STATEMENT.encode(), len(payload), payload)
        known = self.keys.get(seat)
        if known is None or known[1] or not ed25519(known[0], signed, signature):
            return self.find("K705")
        if issued <= self.stated.get((tenant, kind), ""):
            self.find("S210")
        self.stated[(tenant, kind)] = issued
        return fields

    def policy(self, p, kind, fields):
        fields = self.said_by_tenant(p, kind, fields)
        if fields is None:
            return
        block = fields.pop("block", None)
        if not self.shape(fields, epsilon_cap=is_text, delta_cap=is_text):
            return
        if block is not None:
            if not is_block(block):
                return self.find("E103")
            block = real(block["epsilon"]), real(block["delta"]), block["order"]
        caps = real(fields["epsilon_cap"]), real(fields["delta_cap"])
        if None in caps or caps[1] >= 1:
            return self.find("E103")
        tenant = p["tenant"]
        before = self.policies.get(tenant, (None, None))[1]
        if before is not None and block != before:
            self.find("P306")
            block = before
        self.policies[tenant] = (caps, block)

    def dataset(self, p, kind, fields):
        fields = self.said_by_tenant(p, kind, fields)
        if fields is None or not self.shape(fields, unit=is_text, adjacency=lambda x: x in ("add_remove", "replace"),
                                            contribution_bound=is_positive, n_upper=is_positive,
                                            overlap_bound=lambda x: is_positive(x) and x <= 1000):
            return
        self.persons[p["tenant"]] = fields["n_upper"]

    def erasure(self, p, kind, fields):
        fields = self.said_by_tenant(p, kind, fields)
        if fields is not None:
            self.shape(fields, kind=lambda x: x in ("objection", "erasure", "disclosure"))

    def published(self, p, kind, fields):
        run = self.run_of(fields)
        if not self.shape(fields, contract_hash=is_text, model_id=is_text, version=is_text, release_counter=is_int, release_sha256=is_hex,
                          manifest_sha256=is_hex, model_sha256=is_hex) or run is None:
            return
        if fields["release_sha256"] in self.releases:
            return self.find("S208")
        if not run.contract["private"]:
            self.find("P308")
        if run.last_model != fields["model_sha256"]:
            self.find("M503")
        newest = self.counters.get(fields["model_id"], 0)
        if fields["release_counter"] <= newest:
            self.find("S208")
        self.counters[fields["model_id"]] = max(newest, fields["release_counter"])
        self.releases[fields["release_sha256"]] = False

    def revoked(self, p, kind, fields):
        if not self.shape(fields, release_sha256=is_hex, reason=is_text, approvers=is_names):
            return
        if self.releases.get(fields["release_sha256"], True):
            return self.find("S208")
        self.releases[fields["release_sha256"]] = True

    def rollout(self, p, kind, fields):
        if not self.shape(fields, rollout_id=is_text, release_sha256=is_hex, **{"from": lambda x: x in STAGES}, to=lambda x: x in STAGES,
                          percent=lambda x: is_int(x) and x <= 100, reason=is_text, approvers=is_names,
                          gate_report_sha256=lambda x: x == "" or is_hex(x)):
            return
        release, after = fields["release_sha256"], fields["to"]
        if release not in self.releases or (self.releases[release] and after not in ("revoked", "rolled_back", "paused")):
            self.find("S208")
        if self.rollouts.get(fields["rollout_id"], (release, "draft")) != (release, fields["from"]):
            self.find("S209")
        self.rollouts[fields["rollout_id"]] = (release, after)

    def plan(self, p, kind, fields):
        if not self.shape(fields, plan_sha256=is_hex, contract_sha256=is_hex, contract_hash=is_text, run_id=is_text, claim_epsilon=is_text,
                          claim_delta=is_text):
            return
        name = fields["contract_hash"]
        if name in self.runs:
            return self.find("S207")
        plan_raw, contract_raw = self.blob(fields["plan_sha256"]), self.blob(fields["contract_sha256"])
        if sha(plan_raw).hex() != fields["plan_sha256"] or sha(contract_raw).hex() != fields["contract_sha256"]:
            return self.find("P305")
        try:
            plan, contract = canonical(plan_raw), canonical(contract_raw)
        except Wrong:
            return self.find("P302")
        if (contract["plan_sha256"] != fields["plan_sha256"] or contract["run_id"] != fields["run_id"]
                or sha(b"fsa/v1/plan\0", contract_raw).hex() != name):
            return self.find("P302")
        private = plan["privacy"]["mechanism"] != "none"
        if fields["claim_epsilon"] != (plan["privacy"]["epsilon"] if private else "inf") or fields["claim_delta"] != plan["privacy"]["delta"]:
            self.find("P302")
        epsilon = real(fields["claim_epsilon"]) if private else float("inf")
        self.runs[name] = Run(contract, plan, (epsilon, real(fields["claim_delta"])))

    def run_of(self, fields):
        run = self.runs.get(fields.get("contract_hash"))
        if run is None:
            self.find("S202")
        return run

    def reserve(self, p, kind, fields):
        run = self.run_of(fields)
        if not self.shape(fields, contract_hash=is_text, sums=lambda x: True) or run is None:
            return
        if fields["sums"] != [{"attempts": s["attempts_max"], "purpose": s["purpose"]} for s in run.contract["sums"]]:
            self.find("P302")
        tenant = p["tenant"]
        caps = self.policies.get(tenant, (None, None))[0]
        if caps and None not in run.claim and (run.claim[0] > caps[0] or run.claim[1] > caps[1]):
            self.find("P303")
        if run.contract["private"] and None not in run.claim and run.claim[1] * self.persons.get(tenant, 0) >= 1:
            self.find("P307")
        if tenant not in {tenant_of(seat) for cohort in run.contract["cohorts"] for seat in cohort["members"]}:
            self.find("S206")
        if tenant in run.reserved:
            return self.find("S207")
        run.reserved.add(tenant)

    def names(self, fields, key):
        """The list, from a blob if the entry names one; the fields with the list in place."""
        fields = dict(fields)
        digest = fields.pop(key + "_sha256", None)
        if digest is not None:
            good = is_hex(digest)
            raw = self.blob(digest) if good else b""
            try:
                fields[key] = canonical(raw) if good and sha(raw).hex() == digest else None
            except Wrong:
                fields[key] = None
        return fields

    def opened(self, p, kind, fields):
        run = self.run_of(fields)
        fields = self.names(fields, "members")
        if not self.shape(fields, contract_hash=is_text, first=is_int, last=is_int, members=is_names) or run is None:
            return
        first, last = fields["first"], fields["last"]
        for seat in fields["members"]:
            if run.cohort(seat) is None:
                self.find("S206")
            if tenant_of(seat) not in run.reserved:
                self.find("S203")
        follows = first == run.through + 1 or (first > run.through and run.begins_a_sum(first))
        if run.ended or not follows or last < first or last - first >= 64:
            return self.find("S204")
        if run.open:
            self.find("S204")
        if last > sum(run.attempts):
            self.find("P301")
        run.open.update(range(first, last + 1))
        run.through, run.members = last, fields["members"]
        run.opened += last - first + 1

    def ends(self, p, kind, fields):
        run = self.run_of(fields)
        committed = kind == "round.committed"
        if committed:
            fields = self.names(fields, "survivors")
            good = self.shape(fields, contract_hash=is_text, round=is_int, survivors=is_names, aggregate_sha256=is_hex,
                              model_sha256=lambda x: isinstance(x, str) and len(x) in (0, 64))
        else:
            good = self.shape(fields, contract_hash=is_text, round=is_int, reason=is_text)
        if not good or run is None:
            return
        if fields["round"] not in run.open:
            return self.find("S205")
        run.open.remove(fields["round"])
        if committed:
            run.last_model = fields["model_sha256"] or run.last_model
            self.check_survivors(run, fields["survivors"])

    def check_survivors(self, run, survivors):
        counts = {}
        for seat in survivors:
            if seat not in run.members:
                return self.find("S206")
            cohort = run.cohort(seat)
            if cohort is not None:
                counts.setdefault(id(cohort), [0, cohort["min_survivors"]])[0] += 1
        if not survivors or any(count < least for count, least in counts.values()):
            self.find("S206")

    def run_ended(self, p, kind, fields):
        run = self.run_of(fields)
        if not self.shape(fields, contract_hash=is_text, outcome=is_text, attempts=is_int) or run is None:
            return
        if run.ended:
            self.find("S205")
        if fields["attempts"] != run.opened:
            self.find("P301")
        run.ended = True


def is_text(value):
    return isinstance(value, str)


def is_positive(value):
    return is_int(value) and value > 0


def is_real(value):
    return isinstance(value, str) and real(value) is not None and real(value) > 0


def is_block(value):
    return (isinstance(value, dict) and sorted(value) == ["delta", "epsilon", "order"] and is_int(value["order"])
            and 2 <= value["order"] <= LARGEST_ORDER and is_real(value["epsilon"]) and real(value["epsilon"]) < float("inf")
            and is_real(value["delta"]) and 1e-15 <= real(value["delta"]) < 1)


def is_names(value):
    return isinstance(value, list) and all(isinstance(x, str) for x in value) and all(a < b for a, b in zip(value, value[1:]))


# ---------------------------------------------------------------- receipts

def read_receipt(raw):
    need(len(raw) <= ENTRY_MAX, "receipt")
    body, signed, signature = statement(raw)
    p = body["predicate"]
    need(sorted(p) == ["actor", "contract_hash", "first", "last", "leaf", "leaf_sha256", "root_sha256", "size", "time"], "receipt")
    need(all(isinstance(p[k], str) for k in ("actor", "contract_hash", "time")) and all(is_int(p[k]) for k in ("first", "last", "leaf", "size")), "receipt")
    need(is_hex(p["leaf_sha256"]) and is_hex(p["root_sha256"]), "receipt")
    who = identity(p["actor"])
    need(who and who[1] and p["first"] >= 1 and p["last"] >= p["first"] and p["size"] > p["leaf"], "receipt")
    need(body["predicateType"] == "https://%s/ledger/receipt/v1" % who[0], "receipt")
    need(body["subject"] == [{"digest": {"sha256": p["leaf_sha256"]}, "name": "leaf/%d" % p["leaf"]}], "receipt")
    return p, signed, b64(signature["sig"])


class Receipts:
    def __init__(self, root, find):
        self.root, self.find, self.files, self.roots, self.confirmed, self.charges = root, find, {}, {}, 0, 0
        for tenant in listed(root, "receipts"):
            for client in listed(root, "receipts/" + tenant):
                for name in listed(root, "receipts/%s/%s" % (tenant, client)):
                    match = re.match(r"(0|[1-9][0-9]*)\.json\Z", name, re.ASCII)
                    if match is None or int(match.group(1)) >= 2**63:
                        find("C401")
                    else:
                        self.files.setdefault(int(match.group(1)), set()).add((tenant, client))

    def see(self, index, leaf, ledger):
        if ledger.entry is None or ledger.entry[0] != "rounds.opened":
            return
        fields = ledger.entry[1]
        run = ledger.runs.get(fields.get("contract_hash"))
        if run is None:
            return
        waiting = self.files.get(index, set())
        for seat in run.members:
            self.charges += 1
            who = identity(seat)
            if who and (who[1], who[2]) in waiting:
                waiting.remove((who[1], who[2]))
                self.check("receipts/%s/%s/%d.json" % (who[1], who[2], index), index, leaf, seat, ledger, fields)
        if waiting:
            self.find("C405")
        self.files.pop(index, None)

    def check(self, path, index, leaf, seat, ledger, fields):
        try:
            p, signed, signature = read_receipt(read(self.root, path))
        except Wrong:
            return self.find("C401")
        known = ledger.keys.get(seat)
        if p["actor"] != seat or p["leaf"] != index or not known or known[1] or len(signature) != 64 or not ed25519(known[0], signed, signature):
            return self.find("C401")
        if p["leaf_sha256"] != leaf.hex():
            return self.find("C404")
        if p["contract_hash"] != fields["contract_hash"]:
            return self.find("C402")
        if p["first"] < fields.get("first", 0) or p["last"] > fields.get("last", 0):
            return self.find("C403")
        self.confirmed += 1
        self.roots.setdefault(p["size"], []).append(p["root_sha256"])

    def root_at(self, size, tree):
        seen = self.roots.pop(size, None)
        if seen is not None and any(root != tree.root().hex() for root in seen):
            self.find("C404")

    def finish(self):
        if self.roots:
            self.find("C404")
        if self.files:
            self.find("C402")


# ---------------------------------------------------------------- hidden values

class Disclosures:
    """Values that tenants show: each is what its digest says, and an entry of the tenant has committed to it under its field."""

    def __init__(self, root, find):
        self.root, self.find, self.listed, self.at_once = root, find, {}, set()
        for tenant in self.names("disclosures"):
            for name in self.names("disclosures/" + tenant):
                if re.match(r"[0-9a-f]{64}\.json\Z", name):
                    self.listed[(tenant, name[:64])] = set()
                else:
                    self.at_once.add("C406")

    def names(self, folder):
        try:
            return listed(self.root, folder)
        except Wrong:
            self.at_once.add("L009")
            return []

    def see(self, ledger):
        if ledger.entry is None:
            return
        header = ledger.entry[2]
        for field, digest in header["hidden"].items():
            if (header["tenant"], digest) in self.listed:
                self.listed[(header["tenant"], digest)].add(field)

    def finish(self):
        for code in self.at_once:
            self.find(code)
        for (tenant, digest), fields in self.listed.items():
            try:
                raw = read(self.root, "disclosures/%s/%s.json" % (tenant, digest))
            except (Wrong, Missing):
                self.find("L009")
                continue
            try:
                value = canonical(raw)
                need(isinstance(value, dict) and sorted(value) == ["field", "salt", "value"])
                need(isinstance(value["field"], str) and is_hex(value["salt"], 32))
                salt = bytes.fromhex(value["salt"])
                need(sha(b"veilsum-hide-v1\0", salt, dump(value["value"])).hex() == digest)
            except Wrong:
                self.find("C406")
                continue
            if value["field"] not in fields:
                self.find("C407")


# ---------------------------------------------------------------- what a tenant knows

class Seats:
    """Keys of a tenant's seats, from its signing certificates: the ledger must know no other."""

    def __init__(self, certificates, find):
        self.find, self.keys = find, set()
        for pem in certificates:
            leaf = x509.load_pem_x509_certificate(pem)
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
            raw = leaf.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            self.keys.add((uri, raw.hex()))
        self.tenants = {tenant_of(uri) for uri, _ in self.keys}

    def see(self, ledger):
        if ledger.entry is None or ledger.entry[0] != "key.registered":
            return
        name, key = ledger.entry[1].get("spiffe_id"), ledger.entry[1].get("key")
        if isinstance(name, str) and isinstance(key, str) and tenant_of(name) in self.tenants - {""} and (name, key) not in self.keys:
            self.find("K706")


# ---------------------------------------------------------------- results of an audit

def signed_result(raw, key, checkpoint):
    """Properties of a result.intoto.json, once it is clear that `key` (32 bytes) has signed it and that it is about this checkpoint."""
    value, payload = open_envelope(raw)
    need(value["payloadType"] == PAYLOAD_TYPE, "result: of another type")
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    need(any(ed25519(key, signed, b64(one["sig"])) for one in value["signatures"]), "result: not signed by this key")
    body = parse(payload)
    need(isinstance(body, dict) and body.get("_type") == KIND, "result: no statement")
    need(body.get("predicateType") == "https://in-toto.io/attestation/svr/v0.2", "result: of another predicate")
    digests = [subject["digest"].get("sha256") for subject in body["subject"]]
    need(digests == [sha(checkpoint).hex()], "result: of another checkpoint")
    return body["predicate"]["properties"]


# ---------------------------------------------------------------- models

def layout(plan):
    """Tensors of a plan without text and events: name and shape in order."""
    numeric = sum(f["kind"] == "numeric" for f in plan["feature"])
    width = numeric + sum(f["buckets"] for f in plan["feature"] if f["kind"] == "categorical")
    out = []
    if real(plan["privacy"].get("statistics_share", "0")):
        out += [("input.mean", [numeric]), ("input.scale", [numeric])]
    for i, size in enumerate(plan["model"]["hidden"] + [1]):
        out += [("layers.%d.weight" % i, [width, size]), ("layers.%d.bias" % i, [size])]
        width = size
    return out


def model_hash(raw, plan):
    need(len(raw) >= 8, "model")
    length = struct.unpack("<Q", raw[:8])[0]
    need(length <= 1 << 20 and 8 + length <= len(raw), "model")
    header, data = parse(raw[8:8 + length].rstrip(b" ")), raw[8 + length:]
    need(isinstance(header, dict), "model")
    header.pop("__metadata__", None)
    at = 0
    for name, shape in layout(plan) if plan else [(n, None) for n in header]:
        tensor = header.pop(name, None)
        need(isinstance(tensor, dict) and tensor.get("dtype") == "F32" and (shape is None or tensor.get("shape") == shape), "model")
        size = 4
        for n in tensor["shape"]:
            size *= n
        need(tensor.get("data_offsets") == [at, at + size], "model")
        at += size
    need(not header and at == len(data), "model")
    need(all(x - x == 0 for x in struct.unpack("<%df" % (len(data) // 4), data)), "model")
    return sha(b"fsa/v1/model\0", data).hex()


def check_models(root, ledger, made, last, find, missing):
    listing = []
    for name in listed(root, "model"):
        if re.match(r"[0-9a-f]{64}\.safetensors\Z", name):
            listing.append(name[:64])
        else:
            find("M501")
    for name in listing:
        if name not in made:
            find("M502")
        try:
            plan = ledger.runs[made[name]].plan if name in made and made[name] in ledger.runs else None
            if model_hash(read(root, "model/%s.safetensors" % name), plan) != name:
                find("M501")
        except (Wrong, KeyError, TypeError, struct.error):
            find("M501")
    missing += ["model/%s.safetensors" % name for name in last.values() if name not in listing]


# ---------------------------------------------------------------- all of it

def verify(root, previous=(), seats=()):
    found, missing = set(), []
    complete = False
    try:
        complete = check(root, previous, seats, found, missing)
    except Missing as path:
        missing.append(str(path))
    return (2 if found else 0 if complete and not missing else 3), found, missing


def check(root, previous, seats, found, missing):
    try:
        policy = Policy(read(root, "trust.policy"))
    except Wrong:
        found.add("L010")
        return False
    receipts, disclosures = Receipts(root, found.add), Disclosures(root, found.add)
    keys = Seats(seats, found.add)
    try:
        note = Note(read(root, "checkpoint"))
        log = next((key for key in policy.logs if note.by(key)), None)
        need(log is not None, "log")
        origin, size, head = note.checkpoint(log)
        if not policy.met(note, policy.quorum):
            found.add("L006")
            return False
    except Wrong:
        found.add("L001")
        return False
    kept = {}
    for raw in previous:
        seen = None
        try:
            old = Note(raw)
            for key in policy.logs:
                seen = seen or old.checkpoint(key)
        except Wrong:
            seen = None
        if seen is None:
            found.add("X901")
            continue
        if seen[1] > size:
            found.add("L008")
        kept.setdefault(seen[1], []).append(seen[2])
    return follow(root, policy, size, head, kept, receipts, disclosures, keys, found, missing)


def follow(root, policy, size, head, kept, receipts, disclosures, keys, found, missing):
    ledger = Ledger(lambda digest: read(root, "blob/" + digest))
    ledger.found = found
    tree, levels, made, last = Tree(), [], {}, {}

    def tile(level, number, width, hashes):
        try:
            if read(root, tile_path(level, number, width)) != hashes:
                found.add("L007")
        except Missing:
            pass
        except Wrong:
            found.add("L009")

    def push(level, node):
        if level == len(levels):
            levels.append([0, []])
        here = levels[level]
        here[1].append(node)
        if len(here[1]) == 256:
            tile(level, here[0], 256, b"".join(here[1]))
            subtree = Tree()
            for each in here[1]:
                subtree.append(each)
            here[0], here[1] = here[0] + 1, []
            push(level + 1, subtree.root())

    def roots():
        if any(root_kept != tree.root() for root_kept in kept.get(tree.size, [])):
            found.add("L004")

    roots()
    while tree.size < size:
        width = min(256, size - tree.size)
        try:
            entries = split_bundle(read(root, tile_path("entries", tree.size // 256, width)), width)
        except Wrong:
            found.add("L002")
            break
        for raw in entries:
            ledger.take(raw)
            tree.append(ledger.last)
            push(0, ledger.last)
            roots()
            receipts.see(tree.size - 1, ledger.last, ledger)
            receipts.root_at(tree.size, tree)
            disclosures.see(ledger)
            keys.see(ledger)
            if ledger.entry and ledger.entry[0] == "round.committed":
                fields = ledger.entry[1]
                model, contract = fields.get("model_sha256"), fields.get("contract_hash")
                if isinstance(model, str) and isinstance(contract, str) and is_int(fields.get("round")) and model:
                    made.setdefault(model, contract)
                    last[contract] = model
    else:
        for level, (number, hashes) in enumerate(levels):
            if hashes:
                tile(level, number, len(hashes), b"".join(hashes))
    if tree.size == size and tree.root() != head:
        found.add("L003")
    if tree.size and ledger.log_key not in [key.text for key in policy.logs]:
        found.add("L005")
    if tree.size != size or size == 0:
        return False
    receipts.finish()
    disclosures.finish()
    check_models(root, ledger, made, last, found.add, missing)
    if receipts.charges and not receipts.confirmed:
        missing.append("receipts")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("bundle")
    parser.add_argument("previous", nargs="*")
    parser.add_argument("--seat", action="append", default=[])
    parser.add_argument("--result")
    parser.add_argument("--auditor-key")
    arguments = parser.parse_args()

    def contents(path):
        with open(path, "rb") as file:
            return file.read()

    code, found, missing = verify(arguments.bundle, [contents(path) for path in arguments.previous], [contents(path) for path in arguments.seat])
    answer = {"exit_code": code, "codes": sorted(found), "missing": missing}
    if arguments.result:
        if not arguments.auditor_key:
            parser.error("--result needs --auditor-key")
        key = serialization.load_pem_public_key(contents(arguments.auditor_key))
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        try:
            answer["result"] = signed_result(contents(arguments.result), raw, read(arguments.bundle, "checkpoint"))
        except (Wrong, Missing, KeyError, TypeError) as error:
            answer["result_wrong"] = str(error)
    print(json.dumps(answer))
    sys.exit(code if "result_wrong" not in answer else 2)


if __name__ == "__main__":
    main()
