// A bad release among a federation of updating clients: it is stopped within two looks, and
// everybody ends on the good one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/secure_rng.h"
#include "client/release/updater.h"
#include "coordinator/rollout/evaluation_gates.h"
#include "coordinator/rollout/reconcile.h"
#include "model/safetensors.h"
#include "tests/support/noisy_scores.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum {
namespace {

namespace fs = std::filesystem;
using coordinator::GateLimits;
using coordinator::GateResult;
using coordinator::ServingCounters;
using coordinator::Stage;
using rollout::Role;

constexpr rollout::Seconds kNow = 1'800'000'100;
constexpr int kClients = 12;

GateResult QualityOf(const dp::ScoreHistogram& canary, const dp::ScoreHistogram& baseline) {
  return coordinator::EvaluationGates({coordinator::EvaluationGate::kQuality}, canary, baseline,
                                      GateLimits())
      .front();
}

ServingCounters Serving(double microseconds) {
  ServingCounters c;
  c.requests = 20'000;
  for (std::uint64_t i = 0; i < c.requests; ++i)
    ++c.latency[rollout::LatencyBucket(microseconds * (i % 40 == 0 ? 2 : 1))];
  return c;
}

class Federation : public testing::Test {
 protected:
  Federation() : folder_(fs::path(testing::TempDir()) / absl::StrFormat("rollout-%d", getpid())) {
    fs::remove_all(folder_);
    rollout::Root root;
    root.expires = kNow + 1000;
    root.federation_id = "fed.test";
    root.release_keys = {release::SampleSigner().public_key().pem()};
    for (const Role role :
         {Role::kRoot, Role::kTargets, Role::kSnapshot, Role::kTimestamp, Role::kDirector}) {
      signers_[role] = {&key_};
      root.roles[role] = {{key_.public_key()}, 1};
    }
    repository_.emplace(
        rollout::Repository::Create(folder_ / "repository", root, signers_, kNow).value());
    const std::string trusted = ReadFile(folder_ / "repository/metadata/1.root.json").value();
    for (int i = 0; i < kClients; ++i) {
      clients_.push_back({absl::StrFormat("spiffe://fed.test/tenant/m%d/client/a", i), false});
      stores_.push_back(
          client::ModelStore::Create(folder_ / absl::StrFormat("store%d", i), trusted).value());
    }
    good_ = Publish(release::SampleFiles(1));
  }
  ~Federation() override { fs::remove_all(folder_); }

  std::string Publish(const release::Files& files) {
    VEILSUM_CHECK(repository_->Publish(files, signers_, kNow).ok());
    return HexEncode(release::RootDigest(files));
  }

  // Everybody looks for an update.
  ServingCounters Update() {
    ServingCounters c;
    for (int i = 0; i < kClients; ++i) {
      client::FolderSource source(folder_ / "repository");
      client::UpdaterConfig config;
      config.client = clients_[static_cast<std::size_t>(i)].id;
      config.client_version = "0.1.0";
      const auto report =
          client::Updater(stores_[static_cast<std::size_t>(i)], source, clock_, config).Check(kNow);
      const bool numbers = report.code == "M505" || report.code == "M506";
      ++(report.status.ok() ? c.installed : numbers ? c.refused_numbers : c.refused_integrity);
    }
    return c;
  }

  void Do(const coordinator::RolloutEvent& event) {
    auto step = coordinator::Apply(rollout_, event);
    ASSERT_OK(step);
    rollout_ = std::move(step->next);
    for (const auto& t : step->transitions)
      story_ += std::string(story_.empty() ? "" : " ") + std::string(StageName(t.to));
    ASSERT_OK(Reconcile(rollout_, clients_, *repository_, signers_, kNow));
  }
  coordinator::EventHead Head() { return {absl::StrFormat("e%d", ++events_), 1, kNow}; }

  // The good release everywhere, then the other one to half of the clients.
  void BeginCanary(const std::string& digest) {
    rollout_.spec = {.rollout_id = "r",
                     .model_id = "sample",
                     .digest = digest,
                     .baseline = good_,
                     .shadow = 0,
                     .steps = {{50, 0}}};
    ASSERT_OK(Reconcile(rollout_, clients_, *repository_, signers_, kNow));
    ASSERT_EQ(Update().installed, std::uint64_t{kClients});
    ServingCounters own;
    own.installed = 1;
    Do(coordinator::Validated{Head(), {coordinator::IntegrityGate(own)}});
    Do(coordinator::Looked{Head(), {coordinator::IntegrityGate(own)}});
    ASSERT_EQ(rollout_.stage, Stage::kCanary);
  }
  int ClientsOn(const std::string& digest) const {
    int count = 0;
    for (const client::ModelStore& store : stores_)
      count += store.state().current.digest == digest && store.LoadCurrent().ok();
    return count;
  }
  void ExpectAllOnTheGoodOne() {
    EXPECT_EQ(rollout_.stage, Stage::kRolledBack);
    EXPECT_LE(rollout_.looks, 1u + 2u);  // shadow's, and at most two of the canary
    EXPECT_EQ(story_, "validated shadow canary rolled_back");
    Update();
    EXPECT_EQ(ClientsOn(good_), kClients);
  }

  SystemRng rng_;
  const Ed25519Signer key_{rng_.NewSecret<32>()};
  rollout::RoleSigners signers_;
  fs::path folder_;
  SteadyClock clock_;
  std::optional<rollout::Repository> repository_;
  std::vector<coordinator::RolloutClient> clients_;
  std::vector<client::ModelStore> stores_;
  coordinator::Rollout rollout_;
  std::string good_, story_;
  int events_ = 0;
};

TEST_F(Federation, GoesBackWhenTheRocAucFallsByAHundredth) {
  const std::string bad = Publish(release::SampleFiles(2));
  BeginCanary(bad);
  const ServingCounters reports = Update();
  EXPECT_GT(ClientsOn(bad), 0);
  EXPECT_LT(ClientsOn(bad), kClients);
  constexpr int kCustomers = 400'000;
  const GateResult gate =
      QualityOf(NoisyScores(0.96, kCustomers, 1), NoisyScores(1.0, kCustomers, 2));
  EXPECT_NEAR(gate.value, 0.01, 0.004);
  EXPECT_LT(gate.detectable, 0.011);
  Do(coordinator::Looked{Head(), {gate, coordinator::IntegrityGate(reports)}});
  ExpectAllOnTheGoodOne();
}

TEST_F(Federation, GoesBackWhenAnswersTakeHalfAsLongAgain) {
  BeginCanary(Publish(release::SampleFiles(2)));
  Update();
  Do(coordinator::Looked{Head(),
                         {coordinator::LatencyGate(Serving(450), Serving(300), GateLimits(), 1)}});
  ExpectAllOnTheGoodOne();
}

// A release key in bad hands signs weights that are not finite; metadata is in order.
TEST_F(Federation, NeverServesWeightsThatAreNotFinite) {
  release::Files files = release::SampleFiles(2);
  std::string& weights = files["model.safetensors"];
  weights.replace(weights.size() - 4, 4, std::string("\0\0\xc0\x7f", 4));
  release::Manifest manifest = release::Manifest::Parse(files["manifest.json"]).value();
  for (release::Manifest::File& file : manifest.files)
    if (file.path == "model.safetensors") file.sha256 = HexEncode(Sha256(weights));
  files["manifest.json"] = manifest.ToJson();
  ASSERT_OK(release::SignPackage(files, release::SampleSigner()));
  BeginCanary(Publish(files));
  const ServingCounters reports = Update();
  EXPECT_GT(reports.refused_numbers, 0u);
  EXPECT_EQ(ClientsOn(good_), kClients);
  Do(coordinator::Looked{Head(), {coordinator::NumericGate(reports)}});
  ExpectAllOnTheGoodOne();
}

// Hold-outs too small for the noise: no verdict, no promotion.
TEST_F(Federation, PausesWhenTheNoiseIsLargerThanTheQuestion) {
  BeginCanary(Publish(release::SampleFiles(2)));
  const GateResult gate = QualityOf(NoisyScores(1.0, 3000, 3), NoisyScores(1.0, 3000, 4));
  EXPECT_GT(gate.detectable, 0.03);
  Do(coordinator::Looked{Head(), {gate}});
  EXPECT_EQ(rollout_.stage, Stage::kPaused);
}

}  // namespace
}  // namespace veilsum
