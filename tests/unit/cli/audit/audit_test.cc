// An auditor against bundles that somebody tampered with: every way of doing it has its own
// finding, and nothing but a complete and honest bundle passes.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/tlog/inclusion_file.h"
#include "cli/audit/audit_html.h"
#include "cli/audit/audit_report.h"
#include "cli/audit/ledger_views.h"
#include "cli/audit/no_sockets.h"
#include "model/contract/round_schedule.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_bundle.h"

namespace veilsum::cli {
namespace {

using ledger::Entry;
using ledger::SmallBundle;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Files = SmallBundle::Files;
using Codes = std::set<std::string>;

// Every test starts from the same honest bundle.
const SmallBundle& Honest() {
  static const SmallBundle bundle;
  return bundle;
}

class AuditTest : public testing::Test {
 protected:
  AuditTest() : folder_(testing::TempDir() + "/audit_" + std::to_string(getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~AuditTest() override { std::filesystem::remove_all(folder_); }

  // A fresh folder with the files.
  AuditOptions Written(const Files& files) {
    const std::filesystem::path folder = folder_ / std::to_string(next_++);
    std::filesystem::create_directories(folder);
    SmallBundle::Write(files, folder);
    return {.bundle = folder};
  }
  std::filesystem::path Kept(const std::string& text) {
    const std::filesystem::path path = folder_ / ("kept" + std::to_string(next_++));
    std::filesystem::create_directories(folder_);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Audit Audited(const Files& files) { return RunAudit(Written(files)).value(); }

  static Codes CodesOf(const Audit& audit) {
    Codes codes;
    for (const ledger::Finding& finding : audit.findings) codes.insert(finding.code);
    return codes;
  }
  // What is found after `change`, in a bundle that is otherwise as its forger would make it.
  Codes After(const std::function<void(SmallBundle&)>& change) {
    SmallBundle bundle = Honest();
    change(bundle);
    const Audit audit = Audited(bundle.ToFiles());
    EXPECT_EQ(audit.exit_code(), audit.findings.empty() ? ExitCode::kDone : ExitCode::kFindings);
    return CodesOf(audit);
  }
  Codes AfterFiles(const std::function<void(Files&)>& change) {
    Files files = Honest().ToFiles();
    change(files);
    const Audit audit = Audited(files);
    EXPECT_EQ(audit.exit_code(), ExitCode::kFindings);
    return CodesOf(audit);
  }
  // The file of the bundle that begins so.
  static std::string PathOf(const Files& files, const std::string& front) {
    const auto found = files.lower_bound(front);
    EXPECT_TRUE(found != files.end() && found->first.starts_with(front)) << front;
    return found->first;
  }

  const std::filesystem::path folder_;
  int next_ = 0;
};

TEST_F(AuditTest, AnHonestBundlePasses) {
  const Audit audit = Audited(Honest().ToFiles());
  EXPECT_EQ(audit.exit_code(), ExitCode::kDone) << AuditSummary(audit);
  ASSERT_EQ(audit.steps.size(), 10u);
  for (const AuditStep& step : audit.steps)
    EXPECT_EQ(step.state, step.number <= 7 ? StepState::kPassed : StepState::kNotClaimed);
  ASSERT_EQ(audit.runs.size(), 1u);
  const AuditedRun& run = audit.runs[0];
  EXPECT_EQ(run.opened, 8u);
  EXPECT_LE(run.statement.epsilon, 8 * (1 + 1e-9));
  EXPECT_GT(run.statement.epsilon, 7.9);
  EXPECT_EQ(run.epsilon_rdp, run.statement.epsilon) << "the plan's accountant is Renyi";
  EXPECT_LT(run.epsilon_pld, run.epsilon_rdp);
  ASSERT_EQ(run.tenants.size(), 7u);
  EXPECT_EQ(run.tenants[0].charged.training, 7u);
  EXPECT_EQ(run.tenants[0].curve.size(), 2u);
  EXPECT_LT(run.tenants[0].curve[0].epsilon, run.tenants[0].curve[1].epsilon);
  EXPECT_LT(run.tenants[0].epsilon, run.statement.epsilon) << "not every attempt was opened";
  ASSERT_EQ(audit.tenants.size(), 7u);
  EXPECT_GT(audit.tenants[0].block_spent.value(), 0);
  EXPECT_EQ(audit.tenants[1].receipts, 2u);
  EXPECT_TRUE(audit.silent.empty());
  EXPECT_EQ(audit.models.size(), 1u);
}

TEST_F(AuditTest, TheSameEvidenceGivesTheSameReports) {
  const Audit first = Audited(Honest().ToFiles()), again = Audited(Honest().ToFiles());
  EXPECT_EQ(AuditJson(first), AuditJson(again));
  EXPECT_EQ(AuditHtml(first), AuditHtml(again));
  EXPECT_OK(ParseCanonical(AuditJson(first)).status());
  const std::string html = AuditHtml(first);
  EXPECT_THAT(html, HasSubstr("<svg"));
  for (const char* foreign : {"<script", "<link", "src=", "url(", "@import"})
    EXPECT_THAT(html, Not(HasSubstr(foreign)));
  const Json result = Json::parse(AuditResultJson(first, "1", "2026-11-22T00:00:00Z"));
  EXPECT_EQ(result["predicateType"], "https://in-toto.io/attestation/svr/v0.2");
  EXPECT_THAT(result["predicate"]["properties"].get<std::vector<std::string>>(),
              Contains("VEILSUM_AUDIT_PASSED"));
  EXPECT_EQ(result["subject"][0]["digest"]["sha256"], HexEncode(first.checkpoint_sha256));
}

TEST_F(AuditTest, AnOverspendByOneUnitInTheLastPlaceIsFound) {
  // A policy below the claim by one unit in the last place of a double, and the claim itself.
  const auto with_cap = [](const char* cap) {
    return [cap](SmallBundle& bundle) {
      bundle.Forge(bundle.IndexOf("policy.set"), [&](Entry& e) { e.body["epsilon_cap"] = cap; });
    };
  };
  EXPECT_EQ(After(with_cap("7.999999999999999")), (Codes{"C404", "P303"}));
  EXPECT_EQ(After(with_cap("8")), Codes{});
}

// ---- The tamper suite: changed by whoever holds the log's key and its witness. A client's receipt
// shows every history that was replaced (C404); the first code is the deed's own.

struct Forgery {
  const char* name;
  Codes codes;
  std::function<void(SmallBundle&)> change;
};

std::vector<Forgery> Forgeries() {
  const auto at = [](SmallBundle& b, std::size_t i) {
    return b.ledger.leaves.begin() + static_cast<std::ptrdiff_t>(i);
  };
  return {
      {"an entry dropped",
       {"E104", "E109"},
       [=](SmallBundle& b) { b.ledger.leaves.erase(at(b, b.IndexOf("round.committed", 6))); }},
      {"an entry twice",
       {"E110", "E104", "S205"},
       [=](SmallBundle& b) {
         const std::size_t i = b.IndexOf("round.committed", 6);
         b.ledger.leaves.insert(at(b, i), b.ledger.leaves[i]);
       }},
      {"entries in another order",
       {"E109", "E110", "E104"},
       [=](SmallBundle& b) {
         const std::size_t i = b.IndexOf("round.committed", 5);
         std::swap(b.ledger.leaves[i], b.ledger.leaves[i + 1]);
       }},
      {"an entry too large",
       {"E107"},
       [](SmallBundle& b) { b.ledger.leaves.back().resize(40'000, 'a'); }},
      {"a float",
       {"E108"},
       [](SmallBundle& b) {
         b.ForgePayload(b.ledger.leaves.size() - 1, R"("attempts":8)", R"("attempts":8.0)");
       }},
      {"a key twice",
       {"E101"},
       [](SmallBundle& b) {
         b.ForgePayload(b.ledger.leaves.size() - 1, R"("attempts":8)",
                        R"("attempts":8,"attempts":8)");
       }},
      {"time backwards",
       {"E105"},
       [=](SmallBundle& b) {
         b.Forge(b.ledger.leaves.size() - 1,
                 [](Entry& e) { e.header.time = "2020-01-01T00:00:00.000Z"; });
       }},
      {"one attempt more than reported",
       {"P301"},
       [](SmallBundle& b) {
         b.Forge(b.ledger.leaves.size() - 1, [](Entry& e) { e.body["attempts"] = 7; });
       }},
  };
}

TEST_F(AuditTest, ForgedEntries) {
  for (const Forgery& forgery : Forgeries()) {
    EXPECT_EQ(After(forgery.change), forgery.codes) << forgery.name;
  }
}

TEST_F(AuditTest, AKeyUsedAfterItsRevocation) {
  const SmallBundle bundle([](SmallBundle& b) {
    b.ledger.Add("key.revoked", {{"spiffe_id", ledger::LedgerSeats(1)[0]}, {"reason", "stolen"}});
    EXPECT_FALSE(
        b.AddAs(0, "policy.set", SmallBundle::Policy("9", SmallBundle::FittingBlock())).empty());
  });
  EXPECT_THAT(CodesOf(Audited(bundle.ToFiles())), Contains("K702"));
}

TEST_F(AuditTest, RoundsBeyondTheContract) {
  const SmallBundle bundle([](SmallBundle& b) {
    const std::uint64_t most = model::AttemptsMax(ledger::SmallRun::Get().contract);
    b.Open(1, most);
    for (std::uint64_t round = 1; round <= most; ++round) b.Abort(round);
    b.End(most);
  });
  SmallBundle forged = bundle;
  const std::size_t opened = forged.IndexOf("rounds.opened");
  forged.Forge(opened, [](Entry& e) { e.body["last"] = e.body["last"].get<int>() + 1; });
  EXPECT_THAT(CodesOf(Audited(forged.ToFiles())), Contains("P301"));
}

// ---- The tenants' runs together

TEST_F(AuditTest, RunsThatTogetherCostMoreThanABlock) {
  EXPECT_EQ(After([](SmallBundle& b) {
              b.Forge(b.IndexOf("policy.set"),
                      [](Entry& e) { e.body = SmallBundle::Policy("8", "1"); });
            }),
            (Codes{"C404", "P304"}));
  // Stated after the run was reserved, and too small for it.
  const SmallBundle late([](SmallBundle& b) {
    EXPECT_EQ(b.AddAs(1, "policy.set", SmallBundle::Policy("8", "1")).front().code, "P304");
    EXPECT_EQ(b.AddAs(0, "policy.set", SmallBundle::Policy("8", "900")).front().code, "P306");
  });
  EXPECT_THAT(CodesOf(Audited(late.ToFiles())), testing::IsSupersetOf({"P304", "P306"}));
}

// ---- Keys that only their tenant knows

// Whoever writes the ledger can register a key of its own for a tenant: only the tenant sees it.
TEST_F(AuditTest, AKeyThatIsNotItsTenantsIsFoundByTheTenant) {
  const TestPki pki;
  const std::string seat = ledger::LedgerSeats(1)[0],
                    other = "spiffe://fed.test/tenant/shop-0/client/b";
  const auto certificate = [&](const std::string& uri) {
    return pki.ca().IssueSigning(*SpiffeId::Parse(uri),
                                 ValidFor(std::chrono::system_clock::now(), kDay));
  };
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate own, certificate(seat));
  const std::string own_key = HexEncode(*own.certificate.Ed25519Key());
  // The bundle's shop-0 has another key: registered first, then replaced by its own.
  SmallBundle same = Honest();
  same.ledger.Add("key.revoked", {{"spiffe_id", seat}, {"reason", "renewed"}});
  same.ledger.Add("key.registered", {{"spiffe_id", seat}, {"key", own_key}});
  AuditOptions options = Written(same.ToFiles());
  options.seats = {Kept(own.certificate.ToPem())};
  ASSERT_OK_AND_ASSIGN(const Audit audit, RunAudit(options));
  ASSERT_EQ(audit.findings.size(), 1u) << "the first key, not its own";
  EXPECT_NE(audit.findings[0].leaf, same.ledger.leaves.size() - 1);
  // One more seat of the same tenant, and one of somebody else.
  for (const std::string& name : {other, std::string("spiffe://fed.test/tenant/else/client/a")})
    same.ledger.Add("key.registered", {{"spiffe_id", name}, {"key", std::string(64, 'a')}});
  options.bundle = Written(same.ToFiles()).bundle;
  ASSERT_OK_AND_ASSIGN(const Audit more, RunAudit(options));
  ASSERT_EQ(more.findings.size(), 2u);
  EXPECT_EQ(CodesOf(more), Codes{"K706"});
  EXPECT_THAT(more.findings[1].details, HasSubstr(other));
  options.seats = {Kept("no certificate")};
  EXPECT_FALSE(RunAudit(options).ok());
}

// ---- Bytes of each kind of file

TEST_F(AuditTest, EveryKindOfFileIsGuarded) {
  const auto flipped = [&](const std::string& front, std::size_t at) {
    return AfterFiles([&](Files& files) {
      Bytes& bytes = files[PathOf(files, front)];
      bytes[std::min(at, bytes.size() - 1)] ^= 0x01;
    });
  };
  EXPECT_EQ(flipped("checkpoint", 0), Codes{"L001"}) << "origin";
  EXPECT_EQ(flipped("checkpoint", 120), Codes{"L001"}) << "a signature";
  EXPECT_EQ(flipped("tile/0/", 40), Codes{"L007"});
  EXPECT_EQ(flipped("tile/entries/", 0), Codes{"L002"}) << "a length";
  EXPECT_THAT(flipped("tile/entries/", 300), Contains("L003"));
  EXPECT_EQ(flipped("trust.policy", 1), Codes{"L010"});
  EXPECT_EQ(flipped("model/", std::string::npos), Codes{"M501"}) << "a number";
  EXPECT_EQ(AfterFiles([&](Files& files) {
              Bytes& bytes = files[PathOf(files, "model/")];
              std::string text(AsText(bytes));
              text.replace(text.find("layers.0"), 8, "layers.7");
              bytes = SmallBundle::ToBytes(text);
            }),
            Codes{"M501"})
      << "the same numbers under another name";
  EXPECT_EQ(flipped("receipts/", 20), Codes{"C401"});
  const Hash32 plan = Sha256(ledger::SmallRun::Get().plan_json);
  EXPECT_THAT(flipped(ledger::BlobPath(plan), 9), Contains("P305"));
}

TEST_F(AuditTest, ACheckpointWithoutItsWitness) {
  EXPECT_EQ(AfterFiles([](Files& files) {
              tlog::Note note = tlog::Note::Parse(AsText(files["checkpoint"])).value();
              note.signatures.pop_back();
              files["checkpoint"] = SmallBundle::ToBytes(note.ToString());
            }),
            Codes{"L006"});
}

TEST_F(AuditTest, CheckpointsThatWereKept) {
  SmallBundle fork = Honest();
  fork.Forge(5, [](Entry& e) { e.header.idem[0] = 1; });
  SmallBundle shorter = Honest();
  shorter.ledger.leaves.pop_back();
  const auto kept = Kept(Honest().ledger.HeadOf(Honest().ledger.leaves.size()).ToString());
  const auto with = [&](const Files& files, const std::filesystem::path& previous) {
    AuditOptions options = Written(files);
    options.previous = {previous};
    return RunAudit(options).value();
  };
  EXPECT_EQ(with(Honest().ToFiles(), kept).exit_code(), ExitCode::kDone);
  EXPECT_THAT(CodesOf(with(fork.ToFiles(), kept)), Contains("L004"));
  EXPECT_EQ(CodesOf(with(shorter.ToFiles(), kept)), Codes{"L008"});
  tlog::Note note = Honest().ledger.HeadOf(3);
  note.signatures.pop_back();
  EXPECT_EQ(with(Honest().ToFiles(), Kept(note.ToString())).exit_code(), ExitCode::kDone)
      << "an earlier checkpoint does not need its witness";
  note.signatures[0].signature[7] ^= 1;
  EXPECT_EQ(CodesOf(with(Honest().ToFiles(), Kept(note.ToString()))), Codes{"X901"});
  EXPECT_EQ(CodesOf(with(Honest().ToFiles(), Kept("no note"))), Codes{"X901"});
}

TEST_F(AuditTest, EveryTrustPolicyIsMet) {
  AuditOptions options = Written(Honest().ToFiles());
  const std::string own = Honest().ledger.PolicyText();
  const std::string stranger =
      ledger::SmallKey(99).As("other.test/w", tlog::KeyType::kCosignature).ToString();
  options.trust = {Kept(own)};
  EXPECT_EQ(RunAudit(options)->exit_code(), ExitCode::kDone);
  EXPECT_FALSE(RunAudit(options)->own_trust);
  options.trust.push_back(
      Kept(own.substr(0, own.find('\n') + 1) + "witness x " + stranger + "\nquorum x\n"));
  EXPECT_EQ(CodesOf(RunAudit(options).value()), Codes{"L006"});
  options.trust = {Kept("quorum")};
  EXPECT_FALSE(RunAudit(options).ok()) << "an auditor's own mistake is no finding";
}

// ---- Evidence that is not there

TEST_F(AuditTest, WhatIsMissingIsNeverPassed) {
  for (const std::string front :
       {"checkpoint", "trust.policy", "tile/entries/", "blob/", "model/"}) {
    Files files = Honest().ToFiles();
    const std::string path = PathOf(files, front);
    files.erase(path);
    const Audit audit = Audited(files);
    EXPECT_EQ(audit.exit_code(), ExitCode::kIncomplete) << front << AuditSummary(audit);
    EXPECT_THAT(audit.missing, Contains(path));
  }
  Files files = Honest().ToFiles();
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("receipts/"); });
  EXPECT_EQ(Audited(files).exit_code(), ExitCode::kIncomplete);
  files = Honest().ToFiles();
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("tile/0/"); });
  EXPECT_EQ(Audited(files).exit_code(), ExitCode::kDone) << "they follow from the entries";
  EXPECT_EQ(Audited({}).exit_code(), ExitCode::kIncomplete);
  EXPECT_FALSE(RunAudit({.bundle = folder_ / "nothing"}).ok());
  SmallBundle empty = Honest();
  empty.ledger.leaves.clear();
  empty.extra.clear();
  EXPECT_EQ(Audited(empty.ToFiles()).exit_code(), ExitCode::kIncomplete);
}

TEST_F(AuditTest, OnlyAStepThatPassedCounts) {
  Audit audit = Audited(Honest().ToFiles());
  ASSERT_EQ(audit.exit_code(), ExitCode::kDone);
  for (int step = 0; step < 7; ++step)
    for (const StepState state : {StepState::kIncomplete, StepState::kNotClaimed}) {
      Audit skipped = audit;
      skipped.steps[static_cast<std::size_t>(step)].state = state;
      EXPECT_EQ(skipped.exit_code(), ExitCode::kIncomplete);
    }
  audit.steps.pop_back();
  EXPECT_EQ(audit.exit_code(), ExitCode::kIncomplete);
}

// ---- Receipts and models

TEST_F(AuditTest, ReceiptsThatTheLedgerDoesNotHave) {
  const std::size_t opened = Honest().IndexOf("rounds.opened");
  const auto with = [&](std::size_t leaf, const std::function<void(ledger::Receipt&)>& change) {
    return After([&](SmallBundle& b) {
      ledger::Receipt receipt = b.ReceiptFor(2, leaf, 1, 4);
      change(receipt);
      b.AddReceipt(2, receipt);
    });
  };
  EXPECT_EQ(with(opened, [](auto&) {}), Codes{});
  EXPECT_EQ(with(opened + 1, [](auto&) {}), Codes{"C402"}) << "an entry that opens nothing";
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.contract_hash = "00"; }), Codes{"C402"});
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.last = 5; }), Codes{"C403"})
      << "the odometer has more than the ledger";
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.last = 3; }), Codes{}) << "less is normal";
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.leaf_sha256[0] ^= 1; }), Codes{"C404"});
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.root_sha256[0] ^= 1; }), Codes{"C404"});
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.size = 1000; }), Codes{"C404"})
      << "the log was longer when the client saw it";
  EXPECT_EQ(with(opened, [](auto& receipt) { receipt.actor = ledger::LedgerSeats(1)[0]; }),
            Codes{"C401"});
  EXPECT_EQ(After([&](SmallBundle& b) {
              b.extra["receipts/shop-2/a/notes.txt"] = SmallBundle::ToBytes("x");
            }),
            Codes{"C401"});
  // Of a client that was no member: its receipt under a name of its own.
  EXPECT_EQ(After([&](SmallBundle& b) {
              b.extra[absl::StrFormat("receipts/shop-9/a/%d.json", opened)] =
                  b.extra[SmallBundle::ReceiptPath(2, opened)];
            }),
            Codes{"C405"});
}

TEST_F(AuditTest, TenantsHandOverReceiptsThemselves) {
  Files files = Honest().ToFiles(), receipts;
  for (const auto& [path, bytes] : files)
    if (path.starts_with("receipts/")) receipts[path.substr(9)] = bytes;
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("receipts/"); });
  AuditOptions options = Written(files);
  options.receipts = {Written(receipts).bundle};
  const Audit audit = RunAudit(options).value();
  EXPECT_EQ(audit.exit_code(), ExitCode::kDone) << AuditSummary(audit);
  EXPECT_TRUE(audit.silent.empty());
}

// ---- Hidden values

TEST_F(AuditTest, DisclosedValuesAreThoseThatWereCommittedTo) {
  SmallBundle declared = Honest();
  ASSERT_TRUE(declared.DeclareWithManifest(1).empty());
  const ledger::Disclosure manifest = SmallBundle::Manifest();
  const auto with = [&](const std::string& tenant, const ledger::Disclosure& shown) {
    SmallBundle bundle = declared;
    bundle.Show(tenant, shown);
    return Audited(bundle.ToFiles());
  };
  const Audit honest = with("shop-1", manifest);
  EXPECT_EQ(honest.exit_code(), ExitCode::kDone) << AuditSummary(honest);
  ASSERT_EQ(honest.disclosures.size(), 1u);
  EXPECT_EQ(honest.disclosures[0].leaf, declared.ledger.leaves.size() - 1);
  EXPECT_EQ(honest.disclosures[0].field, "manifest");
  const Json report = Json::parse(AuditJson(honest));
  EXPECT_EQ(report["disclosures"][0]["tenant"], "shop-1");
  EXPECT_THAT(AuditJson(honest), Not(HasSubstr("rows"))) << "the value is for the auditor alone";
  EXPECT_EQ(CodesOf(with("shop-2", manifest)), Codes{"C407"}) << "another tenant's";
  ledger::Disclosure other = manifest;
  other.field = "contact";
  EXPECT_EQ(CodesOf(with("shop-1", other)), Codes{"C407"}) << "another field";
  other = manifest;
  other.value["rows"] = 8;
  EXPECT_EQ(CodesOf(with("shop-1", other)), Codes{"C406"});
  other = manifest;
  other.salt[0] ^= 1;
  EXPECT_EQ(CodesOf(with("shop-1", other)), Codes{"C406"});
  for (const char* name : {"notes.txt", "00.json"})
    EXPECT_EQ(After([&](SmallBundle& b) {
                b.extra[std::string("disclosures/shop-1/") + name] = SmallBundle::ToBytes("{}");
              }),
              Codes{"C406"});
  EXPECT_EQ(After([&](SmallBundle& b) { b.Show("shop-1", manifest); }), Codes{"C407"})
      << "an entry that nobody wrote";
}

TEST_F(AuditTest, TellsWhatBecameOfAModel) {
  SmallBundle bundle = Honest();
  const std::string release = HexEncode(Hash32{9});
  const Json committed =
      ledger::ParseEntry(bundle.ledger.leaves[bundle.ledger.leaves.size() - 2]).value().entry.body;
  bundle.ledger.Add("release.published",
                    bundle.ledger.Named({{"model_id", "buy <again>"},
                                         {"version", "1.0.0"},
                                         {"release_counter", 1},
                                         {"release_sha256", release},
                                         {"manifest_sha256", HexEncode(Hash32{8})},
                                         {"model_sha256", committed["model_sha256"]}}));
  bundle.ledger.Add("rollout.transition", {{"rollout_id", "r1"},
                                           {"release_sha256", release},
                                           {"from", "draft"},
                                           {"to", "canary"},
                                           {"percent", 34},
                                           {"reason", "gates passed"},
                                           {"gate_report_sha256", ""},
                                           {"approvers", {"spiffe://fed.test/operator/a"}}});
  const Audit audit = Audited(bundle.ToFiles());
  ASSERT_EQ(audit.releases.size(), 2u);
  EXPECT_EQ(audit.releases[0].what, "published: buy <again> 1.0.0");
  EXPECT_EQ(audit.releases[1].what, "rollout r1, draft to canary (34 %): gates passed");
  EXPECT_EQ(audit.releases[1].leaf, bundle.ledger.leaves.size() - 1);
  const Json told = Json::parse(AuditJson(audit))["releases"][1];
  EXPECT_EQ(told["approvers"][0], "spiffe://fed.test/operator/a");
  EXPECT_EQ(told["release_sha256"], release);
  EXPECT_THAT(AuditHtml(audit), HasSubstr("buy &lt;again&gt; 1.0.0"));
}

TEST_F(AuditTest, TenantsShowValuesToTheAuditorAlone) {
  SmallBundle declared = Honest();
  ASSERT_TRUE(declared.DeclareWithManifest(1).empty());
  AuditOptions options = Written(declared.ToFiles());
  const std::string path =
      ledger::DisclosurePath("shop-1", SmallBundle::ManifestDigest()).substr(12);
  const std::string text = ledger::WriteDisclosure(SmallBundle::Manifest()).value();
  options.disclosures = {Written({{path, SmallBundle::ToBytes(text)}}).bundle};
  ASSERT_OK_AND_ASSIGN(const Audit audit, RunAudit(options));
  EXPECT_EQ(audit.exit_code(), ExitCode::kDone) << AuditSummary(audit);
  EXPECT_EQ(audit.disclosures.size(), 1u);
}

TEST_F(AuditTest, AResultIsSignedByItsAuditor) {
  const Audit audit = Audited(Honest().ToFiles());
  const std::string statement = AuditResultJson(audit, "1", "2026-11-22T00:00:00Z");
  const ledger::SmallKey key(77), other(78);
  ASSERT_OK_AND_ASSIGN(const tlog::Envelope envelope,
                       tlog::Envelope::Parse(SignedAuditResult(statement, *key.signer)));
  EXPECT_EQ(AsText(envelope.payload), statement);
  EXPECT_EQ(envelope.payload_type, "application/vnd.in-toto+json");
  EXPECT_TRUE(envelope.IsSignedBy(key.signer->public_key()));
  EXPECT_FALSE(envelope.IsSignedBy(other.signer->public_key()));
}

TEST_F(AuditTest, ModelsWithoutARound) {
  EXPECT_EQ(After([](SmallBundle& b) {
              const model::ModelVector values(4, 1.0f);
              const model::Layout layout = model::Layout::Mlp(3, 0, {}, false);
              b.extra[ledger::ModelPath(HexEncode(model::ModelHash(values)))] =
                  model::WriteSafetensors(layout, values, {});
            }),
            Codes{"M502"});
}

// ---- Hostile files

TEST_F(AuditTest, NoLinkIsFollowedAndNothingWaits) {
  const auto found = [&](const std::function<void(const std::filesystem::path&)>& change) {
    const AuditOptions options = Written(Honest().ToFiles());
    change(options.bundle);
    return CodesOf(RunAudit(options).value());
  };
  const auto replace = [](const std::filesystem::path& path, const std::filesystem::path& target) {
    std::filesystem::rename(path, path.string() + ".real");
    std::filesystem::create_symlink(target, path);
  };
  EXPECT_EQ(found([&](const auto& folder) { replace(folder / "checkpoint", "checkpoint.real"); }),
            Codes{"L009"});
  EXPECT_EQ(found([&](const auto& folder) { replace(folder / "tile", "tile.real"); }),
            Codes{"L009"});
  EXPECT_EQ(found([&](const auto& folder) { replace(folder / "receipts", "/etc"); }),
            Codes{"L009"});
  EXPECT_EQ(found([&](const auto& folder) {
              std::filesystem::remove(folder / "trust.policy");
              ASSERT_EQ(mkfifo((folder / "trust.policy").c_str(), 0600), 0);
            }),
            Codes{"L009"});
  EXPECT_EQ(found([&](const auto& folder) {
              std::filesystem::resize_file(folder / "checkpoint", 1 << 20);
            }),
            Codes{"L009"});
  const ledger::Bundle bundle = ledger::Bundle::Open(Written(Honest().ToFiles()).bundle).value();
  for (const char* path : {"", "/etc/passwd", "../x", "tile/../../x", "a//b", ".hidden", "a\nb"})
    EXPECT_TRUE(absl::IsInvalidArgument(bundle.Read(path).status())) << path;
}

TEST(NoSockets, AreLeftToAProgramThatForbadeThem) {
  EXPECT_EXIT(
      {
        const bool before = socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
        const absl::Status closed = ForbidSockets();
        int pair[2];
        const bool after = socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
                           socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ||
                           socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
        const int error = errno;
        const bool files = access("/", R_OK) == 0;
        _exit(before && closed.ok() && !after && error == EPERM && files ? 42 : 1);
      },
      testing::ExitedWithCode(42), "");
}

// ---- Views

TEST_F(AuditTest, TheStoryOfARound) {
  RoundStory story(3, "");
  AuditOptions options = Written(Honest().ToFiles());
  options.watcher = &story;
  ASSERT_OK(RunAudit(options).status());
  EXPECT_THAT(story.ToText(), HasSubstr("opened with rounds 1 to 4 for 7 members"));
  EXPECT_THAT(story.ToText(), HasSubstr("aborted: too few uploads; charged all the same"));
  EXPECT_EQ(story.ToJson().size(), 2u);
  EXPECT_EQ(story.ToJson()[0]["purpose"], "train");
  RoundStory none(9, "");
  options.watcher = &none;
  ASSERT_OK(RunAudit(options).status());
  EXPECT_TRUE(none.empty());
}

TEST_F(AuditTest, TablesAndRecords) {
  std::ostringstream csv;
  EntryTable table(csv);
  AuditOptions options = Written(Honest().ToFiles());
  options.watcher = &table;
  const Audit audit = RunAudit(options).value();
  const std::string text = csv.str();
  EXPECT_EQ(std::ranges::count(text, '\n'),
            static_cast<std::ptrdiff_t>(1 + Honest().ledger.leaves.size()));
  EXPECT_THAT(text, HasSubstr("rounds.opened,*,spiffe://fed.test/coordinator/c1," +
                              ledger::SmallRun::Get().name + ",5,8,,"));
  EXPECT_THAT(RegistryYaml(audit), HasSubstr("model_name: \"Federated\""));
  const Json records = Json::parse(RecordsOfProcessing(audit));
  ASSERT_EQ(records["records"].size(), 7u);
  EXPECT_EQ(records["records"][0]["processing"][0]["rounds_charged"], 8);
}

TEST_F(AuditTest, AnEntryIsProvedByItself) {
  const ledger::Bundle bundle = ledger::Bundle::Open(Written(Honest().ToFiles()).bundle).value();
  const std::size_t leaf = Honest().IndexOf("rounds.opened");
  ASSERT_OK_AND_ASSIGN(const std::string text, ProveEntry(bundle, leaf));
  const auto proof = tlog::InclusionFile::Parse(text).value();
  const auto policy = tlog::TrustPolicy::Parse(Honest().ledger.PolicyText()).value();
  EXPECT_OK(proof.Verify(Honest().ledger.leaves[leaf], policy).status());
  EXPECT_FALSE(proof.Verify(Honest().ledger.leaves[leaf + 1], policy).ok());
  EXPECT_FALSE(ProveEntry(bundle, Honest().ledger.leaves.size()).ok());
  EXPECT_THAT(LastEntries(bundle, 1).value(), HasSubstr("run.ended"));
  EXPECT_THAT(LastEntries(bundle, 1).value(), Not(HasSubstr("rounds.opened")));
}

TEST_F(AuditTest, WhereTwoLogsPart) {
  SmallBundle fork = Honest(), shorter = Honest();
  fork.Forge(5, [](Entry& e) { e.header.idem[0] = 1; });
  shorter.ledger.leaves.pop_back();
  const auto compare = [&](const SmallBundle& a, const SmallBundle& b) {
    return CompareLogs(ledger::Bundle::Open(Written(a.ToFiles()).bundle).value(),
                       ledger::Bundle::Open(Written(b.ToFiles()).bundle).value())
        .value();
  };
  EXPECT_THAT(DifferenceText(compare(Honest(), Honest())), HasSubstr("the same log"));
  const LogDifference grown = compare(shorter, Honest());
  EXPECT_FALSE(grown.forked());
  EXPECT_EQ(grown.only_b.at("run.ended"), 1u);
  EXPECT_THAT(DifferenceText(grown), HasSubstr("B continues A"));
  const LogDifference forked = compare(Honest(), fork);
  EXPECT_TRUE(forked.forked());
  EXPECT_EQ(forked.common, 5u);
}

}  // namespace
}  // namespace veilsum::cli
