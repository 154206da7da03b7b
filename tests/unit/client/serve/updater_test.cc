// The attack set of TUF and Uptane against a client: each attack has its code, and the release that
// served before keeps serving.
#include "client/release/updater.h"

#include <unistd.h>

#include "base/file.h"
#include "base/secure_rng.h"
#include "client/serve/serving_model.h"
#include "model/release/refusal.h"
#include "model/rollout/cohort.h"
#include "model/rollout/repository.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using rollout::Channel;
using rollout::Repository;
using rollout::Role;
using rollout::SignMetadata;
using Kind = UpdateReport::Kind;

constexpr rollout::Seconds kNow = 1'800'000'100, kHour = 3600, kDay = 24 * kHour;
constexpr char kClient[] = "spiffe://fed.test/tenant/acme/client/01";
constexpr char kOther[] = "spiffe://fed.test/tenant/acme/client/02";

class FakeClock final : public Clock {
 public:
  Time Now() const override { return now; }
  Time now{};
};

// The repository, but for what the attacker puts in its way.
class HostileSource final : public ReleaseSource {
 public:
  HostileSource(const fs::path& folder, FakeClock& clock) : honest_(folder), clock_(clock) {}
  absl::Status Fetch(const std::string& path, const Sink& sink) override {
    for (const auto& [part, bytes] : replaced)
      if (path.find(part) != std::string::npos) return sink(bytes);
    if (!endless.empty() && path.find(endless) != std::string::npos)
      while (true) VEILSUM_RETURN_IF_ERROR(sink(std::string(1 << 16, 'x')));
    if (!slow.empty() && path.find(slow) != std::string::npos)
      return honest_.Fetch(path, [&](std::string_view chunk) -> absl::Status {
        for (const char c : chunk) {
          clock_.now += std::chrono::seconds(1);
          VEILSUM_RETURN_IF_ERROR(sink({&c, 1}));
        }
        return absl::OkStatus();
      });
    return honest_.Fetch(path, sink);
  }
  std::map<std::string, std::string> replaced;  // part of a path -> bytes
  std::string endless, slow;

 private:
  FolderSource honest_;
  FakeClock& clock_;
};

class Client : public testing::Test {
 protected:
  Client()
      : folder_(fs::path(testing::TempDir()) / absl::StrFormat("updater-%d", getpid())),
        source_(folder_ / "repository", clock_) {
    fs::remove_all(folder_);
    for (auto* keys : {&root_keys_, &release_keys_})
      for (int i = 0; i < 3; ++i) keys->emplace_back(rng_.NewSecret<32>());
    signers_ = {{Role::kRoot, {&root_keys_[0], &root_keys_[1]}},
                {Role::kTargets, {&release_keys_[0], &release_keys_[2]}},
                {Role::kSnapshot, {&online_}},
                {Role::kTimestamp, {&online_}},
                {Role::kDirector, {&director_}}};
    repository_.emplace(
        Repository::Create(folder_ / "repository", RootOf(), signers_, kNow).value());
    for (std::uint64_t i = 1; i <= 2; ++i) {
      const release::Files files = release::SampleFiles(i);
      digest_[i] = HexEncode(release::RootDigest(files));
      VEILSUM_CHECK(repository_->Publish(files, signers_, kNow).ok());
    }
    store_.emplace(ModelStore::Create(folder_ / "store",
                                      ReadFile(folder_ / "repository/metadata/1.root.json").value())
                       .value());
    config_.client = kClient;
    config_.client_version = "0.1.0";
  }
  ~Client() override { fs::remove_all(folder_); }

  rollout::Root RootOf() const {
    rollout::Root root;
    root.expires = kNow + 365 * kDay;
    root.federation_id = "fed.test";
    for (const auto& [role, signers] : signers_) {
      root.roles[role].threshold = signers.size();
      for (const Ed25519Signer* signer : signers)
        root.roles[role].keys.push_back(signer->public_key());
    }
    root.roles[Role::kTargets].keys.push_back(release_keys_[1].public_key());
    root.release_keys = {release::SampleSigner().public_key().pem()};
    return root;
  }
  void Assign(std::uint64_t release, bool rollback = false, rollout::Seconds now = kNow) {
    ASSERT_OK(
        repository_->Assign(kClient, Channel::kStable, digest_[release], rollback, signers_, now));
  }
  UpdateReport Check(rollout::Seconds now = kNow) {
    return Updater(*store_, source_, clock_, config_).Check(now);
  }
  // A client on release 1, to which release 2 is offered.
  void Begin() {
    Assign(1);
    ASSERT_EQ(Check().kind, Kind::kInstalled);
    Assign(2);
  }
  // The attack has this code, release 1 still serves; without the attack release 2 comes.
  void ExpectRefused(const std::string& code, rollout::Seconds now = kNow) {
    const UpdateReport report = Check(now);
    EXPECT_EQ(report.kind, Kind::kRefused);
    EXPECT_EQ(report.code, code) << report.status;
    EXPECT_EQ(report.digest, digest_[1]);
    ASSERT_OK_AND_ASSIGN(const release::Release serving, store_->LoadCurrent());
    EXPECT_EQ(HexEncode(serving.digest), digest_[1]);
  }
  void ExpectRecovers(rollout::Seconds now = kNow) {
    source_.replaced.clear();
    source_.endless = source_.slow = "";
    const UpdateReport report = Check(now);
    EXPECT_EQ(report.kind, Kind::kInstalled) << report.status;
    EXPECT_EQ(report.digest, digest_[2]);
  }
  std::string FileOf(const std::string& path) const {
    return ReadFile(folder_ / "repository" / path).value();
  }

  SystemRng rng_;
  std::vector<Ed25519Signer> root_keys_, release_keys_;
  Ed25519Signer online_{rng_.NewSecret<32>()}, director_{rng_.NewSecret<32>()};
  rollout::RoleSigners signers_;
  fs::path folder_;
  FakeClock clock_;
  HostileSource source_;
  std::optional<Repository> repository_;
  std::optional<ModelStore> store_;
  UpdaterConfig config_;
  std::map<std::uint64_t, std::string> digest_;
};

TEST_F(Client, InstallsServesAndKeepsTheLastTwo) {
  Begin();
  ExpectRecovers();
  EXPECT_EQ(Check().kind, Kind::kUpToDate);
  EXPECT_EQ(store_->state().previous.digest, digest_[1]);
  EXPECT_TRUE(fs::exists(store_->PackageFolder(digest_[1])));
  // As after a restart.
  ASSERT_OK_AND_ASSIGN(const ModelStore again, ModelStore::Open(folder_ / "store"));
  ASSERT_OK_AND_ASSIGN(const release::Release release, again.LoadCurrent());
  EXPECT_EQ(release.manifest.version, "1.2.0");
  const std::string json = Check().ToJson(kClient);
  EXPECT_THAT(json, testing::HasSubstr("\"result\":\"up_to_date\""));
}

TEST_F(Client, RefusesAClockThatWasSetBack) {  // T601
  Begin();
  ExpectRefused("T601", kNow - 1);
  ExpectRecovers();
}

TEST_F(Client, FollowsOnlyRootsThatBothOldAndNewKeysSign) {  // T602
  Begin();
  const Ed25519Signer thief(rng_.NewSecret<32>());
  rollout::Root next = RootOf();
  next.version = 2;
  next.roles[Role::kRoot] = {{thief.public_key()}, 1};
  source_.replaced["2.root.json"] = SignMetadata(ToJson(next), {&thief});
  ExpectRefused("T602");
  next = RootOf();
  next.version = 2;
  next.roles[Role::kRoot].keys.push_back(thief.public_key());
  next.roles[Role::kRoot].threshold = 3;
  source_.replaced["2.root.json"] = SignMetadata(ToJson(next), {&root_keys_[0], &root_keys_[1]});
  ExpectRefused("T602");
  source_.replaced.clear();
  // A proper change of the online key: old signatures no longer count.
  const Ed25519Signer online(rng_.NewSecret<32>());
  next = RootOf();
  for (const Role role : {Role::kSnapshot, Role::kTimestamp})
    next.roles[role] = {{online.public_key()}, 1};
  ASSERT_OK(repository_->Rotate(next, signers_[Role::kRoot]));
  ExpectRefused("T603");
  signers_[Role::kSnapshot] = signers_[Role::kTimestamp] = {&online};
  ASSERT_OK(repository_->RequireCounter("sample", 1, signers_, kNow));
  ExpectRecovers();
}

TEST_F(Client, RefusesForgedAndUnsignedMetadata) {  // T603
  Begin();
  const Ed25519Signer thief(rng_.NewSecret<32>());
  const std::string payload = rollout::PayloadOf(FileOf("metadata/timestamp.json")).value();
  source_.replaced["timestamp.json"] = SignMetadata(payload, {&thief});
  ExpectRefused("T603");
  // The director's key is good for nothing else, and one release key is no threshold.
  source_.replaced["timestamp.json"] = SignMetadata(payload, {&director_});
  ExpectRefused("T603");
  signers_[Role::kTargets] = {&release_keys_[0]};
  source_.replaced.clear();
  ASSERT_OK(repository_->RequireCounter("sample", 1, signers_, kNow));
  ExpectRefused("T603");
  signers_[Role::kTargets] = {&release_keys_[1], &release_keys_[0]};
  ASSERT_OK(repository_->RequireCounter("sample", 1, signers_, kNow));
  ExpectRecovers();
}

TEST_F(Client, RefusesAFreeze) {  // T604
  Begin();
  ExpectRefused("T604", kNow + 25 * kHour);
  EXPECT_FALSE(Check(kNow + 26 * kHour).offline_alarm);
  EXPECT_TRUE(Check(kNow + 31 * kDay).offline_alarm);
}

TEST_F(Client, RefusesARollbackOfMetadata) {  // T605
  Begin();
  const std::string old_timestamp = FileOf("metadata/timestamp.json");
  const std::string old_director = FileOf(rollout::DirectorPath(kClient));
  ASSERT_OK(repository_->Refresh(signers_, kNow));
  Assign(2);
  source_.replaced["packages/"] = "";  // sees the new metadata, installs nothing
  EXPECT_EQ(Check().code, "M501");
  source_.replaced = {{"timestamp.json", old_timestamp}};
  ExpectRefused("T605");
  source_.replaced = {{"director/", old_director}};
  ExpectRefused("T605");
  ExpectRecovers();
}

TEST_F(Client, RefusesMixAndMatch) {  // T606
  Begin();
  // A timestamp of now with a snapshot of before, both truly signed.
  source_.replaced["3.snapshot.json"] = FileOf("metadata/2.snapshot.json");
  ExpectRefused("T606");
  source_.replaced = {{"3.targets.json", FileOf("metadata/2.targets.json")}};
  ExpectRefused("T606");
  ExpectRecovers();
}

TEST_F(Client, RefusesEndlessDataAndMetadata) {  // T607, T615
  Begin();
  source_.endless = "timestamp.json";
  ExpectRefused("T607");
  source_.endless = "model.safetensors";
  ExpectRefused("T615");
  ExpectRecovers();
}

TEST_F(Client, RefusesMalformedMetadata) {  // T608
  Begin();
  source_.replaced["timestamp.json"] = "{}";
  ExpectRefused("T608");
  source_.replaced["timestamp.json"] = SignMetadata("{\"type\":\"timestamp\"}", {&online_});
  ExpectRefused("T608");
  // Another role's document under this role's key.
  source_.replaced["timestamp.json"] =
      SignMetadata(rollout::PayloadOf(FileOf("metadata/3.snapshot.json")).value(), {&online_});
  ExpectRefused("T608");
  ExpectRecovers();
}

TEST_F(Client, RefusesWhatIsAddressedToAnother) {  // T609
  Begin();
  ASSERT_OK(repository_->Assign(kOther, Channel::kStable, digest_[2], false, signers_, kNow));
  source_.replaced["director/"] = FileOf(rollout::DirectorPath(kOther));
  ExpectRefused("T609");
  ExpectRecovers();
}

TEST_F(Client, RefusesAReleaseThatOnlyTheDirectorKnows) {  // T610
  Begin();
  rollout::Director lie = repository_->AssignedTo(kClient).value();
  ++lie.version;
  lie.digest = std::string(64, 'a');
  source_.replaced["director/"] = SignMetadata(ToJson(lie), {&director_});
  ExpectRefused("T610");
  lie.digest = digest_[2];
  lie.release_counter = 99;
  source_.replaced["director/"] = SignMetadata(ToJson(lie), {&director_});
  ExpectRefused("T610");
  ++lie.version;
  Assign(2);
  Assign(2);
  ExpectRecovers();
}

TEST_F(Client, GoesBackOnlyWhenToldAndOnlyToWhatItHad) {  // T611
  Begin();
  ExpectRecovers();
  Assign(1);
  EXPECT_EQ(Check().code, "T611");
  EXPECT_EQ(store_->state().current.digest, digest_[2]);
  Assign(1, true);
  EXPECT_EQ(Check().kind, Kind::kInstalled);
  EXPECT_EQ(store_->state().current.digest, digest_[1]);
  // What the release keys call unsafe, no director brings back.
  Assign(2);
  EXPECT_EQ(Check().kind, Kind::kInstalled);
  ASSERT_OK(repository_->RequireCounter("sample", 2, signers_, kNow));
  Assign(1, true);
  EXPECT_EQ(Check().code, "T611");
  EXPECT_EQ(store_->state().current.digest, digest_[2]);
}

TEST_F(Client, GoesBackAlsoWhenTheNewReleaseWasItsFirst) {
  Assign(2);
  EXPECT_EQ(Check().kind, Kind::kInstalled);
  Assign(1);
  EXPECT_EQ(Check().code, "T611");
  Assign(1, true);
  EXPECT_EQ(Check().kind, Kind::kInstalled);
  EXPECT_EQ(store_->state().current.digest, digest_[1]);
}

TEST_F(Client, FallsBackFromARevokedReleaseAtOnce) {  // T612
  Begin();
  ExpectRecovers();
  ASSERT_OK(repository_->Revoke(digest_[2], "wrong labels", signers_, kNow));
  const UpdateReport report = Check();
  EXPECT_TRUE(report.fell_back);
  EXPECT_EQ(report.code, "T612");  // the director still names it
  EXPECT_EQ(report.digest, digest_[1]);
  EXPECT_THAT(repository_->Assign(kClient, Channel::kStable, digest_[2], false, signers_, kNow),
              StatusIs(StatusCode::kFailedPrecondition, "revoked"));
  ASSERT_OK(repository_->Revoke(digest_[1], "too", signers_, kNow));
  EXPECT_EQ(Check().digest, "");  // the merchant's baseline, never what was revoked
  EXPECT_THAT(store_->LoadCurrent(), StatusIs(StatusCode::kNotFound, "no release"));
}

// What serves follows the store, and a revoked release does not outlive its revocation.
TEST_F(Client, ServesWhatItsStoreHas) {
  ServingModel model;
  StoreFollower follower(folder_ / "store", model);
  EXPECT_FALSE(follower.Look().value());
  EXPECT_EQ(model.Get(), nullptr);
  Begin();
  EXPECT_TRUE(follower.Look().value());
  EXPECT_FALSE(follower.Look().value());
  const std::shared_ptr<const Predictor> first = model.Get();
  EXPECT_EQ(HexEncode(first->release().digest), digest_[1]);
  ExpectRecovers();
  const fs::path weights = folder_ / "store/models" / digest_[2] / "model.safetensors";
  const std::string good = ReadFile(weights).value();
  ASSERT_OK(WriteFile(weights, good.substr(1)));
  EXPECT_FALSE(follower.Look().ok());
  EXPECT_EQ(model.Get(), first);  // damaged on disk: the last good one goes on
  ASSERT_OK(WriteFile(weights, good));
  EXPECT_TRUE(follower.Look().value());
  ASSERT_OK(repository_->Revoke(digest_[1], "too", signers_, kNow));
  ASSERT_OK(repository_->Revoke(digest_[2], "wrong labels", signers_, kNow));
  Check();
  EXPECT_TRUE(follower.Look().value());
  EXPECT_EQ(model.Get(), nullptr);
}

// A merchant's own model serves with the release that it was made from, and with no other.
TEST_F(Client, ServesAPersonalModelWithItsReleaseAlone) {
  Begin();
  ASSERT_OK_AND_ASSIGN(const release::Release first, store_->LoadCurrent());
  ASSERT_OK_AND_ASSIGN(const PersonalModel personal, PersonalModel::Create(first, first.model));
  const fs::path file = folder_ / "personal";
  ASSERT_OK(personal.Save(file));
  ServingModel model;
  StoreFollower follower(folder_ / "store", model, file);
  EXPECT_TRUE(follower.Look().value());
  EXPECT_OK(follower.personal());
  EXPECT_TRUE(model.Get()->is_personal());
  ExpectRecovers();  // another release is the present one
  EXPECT_TRUE(follower.Look().value());
  EXPECT_FALSE(model.Get()->is_personal());
  EXPECT_EQ(HexEncode(model.Get()->release().digest), digest_[2]);
  EXPECT_THAT(follower.personal(), StatusIs(StatusCode::kFailedPrecondition, "make it anew"));
}

TEST_F(Client, RefusesAReleasePastItsDate) {  // T613
  Begin();
  const rollout::Seconds late = kNow + 91 * kDay;
  ASSERT_OK(repository_->RequireCounter("sample", 1, signers_, late));
  Assign(2, false, late);
  ExpectRefused("T613", late);
}

TEST_F(Client, RefusesWhatItCannotServe) {  // T614
  Begin();
  config_.client_version = "0.0.9";
  ExpectRefused("T614");
  config_.client_version = "0.1.0";
  config_.policy.schema_sha256 = std::string(64, '0');
  ExpectRefused("T614");
  config_.policy.schema_sha256 = "";
  ExpectRecovers();
}

TEST_F(Client, RefusesASlowSource) {  // T616
  Begin();
  source_.slow = "model.onnx";
  ExpectRefused("T616");
  ExpectRecovers();
}

TEST_F(Client, RefusesTamperedMissingAndForgedPackages) {  // M501, M502
  Begin();
  std::string file = FileOf(rollout::PackagePath(digest_[2], "privacy.json"));
  file[12] ^= 1;
  source_.replaced["privacy.json"] = file;
  ExpectRefused("M501");
  fs::rename(folder_ / "repository" / rollout::PackagePath(digest_[2], "plan.json"),
             folder_ / "away");
  source_.replaced.clear();
  ExpectRefused("M501");
  // All metadata keys in the wrong hands, but not the release key.
  const P256Signer thief = P256Signer::Generate().value();
  release::Files files = release::BuildPackage(release::SampleInput(3)).value();
  ASSERT_OK(release::SignPackage(files, thief));
  ASSERT_OK(repository_->Publish(files, signers_, kNow));
  digest_[3] = HexEncode(release::RootDigest(files));
  Assign(3);
  ExpectRefused("M502");
}

TEST_F(Client, KeepsToItsMerchantsPolicy) {  // L001, P301
  Begin();
  config_.policy.epsilon_max = 2.5;
  ExpectRefused("P301");
  config_.policy.epsilon_max = 3;
  config_.policy.pinned = digest_[1];
  ExpectRefused("P301");
  config_.policy.pinned = "";
  config_.policy.frozen_until = kNow + 1;
  ExpectRefused("P301");
  config_.policy.frozen_until = 0;
  config_.policy.require_ledger_proof = true;
  ExpectRefused("L001");
  config_.policy.require_ledger_proof = false;
  ExpectRecovers();
}

TEST_F(Client, ImportsFromAStick) {
  Assign(1);
  FolderSource stick(folder_ / "repository", folder_ / "repository/packages" / digest_[1]);
  const UpdateReport report = Updater(*store_, stick, clock_, config_).Check(kNow);
  EXPECT_EQ(report.kind, Kind::kInstalled) << report.status;
  FolderSource wrong(folder_ / "repository", folder_ / "repository/packages" / digest_[1]);
  Assign(2);
  EXPECT_EQ(Updater(*store_, wrong, clock_, config_).Check(kNow).code, "M501");
}

TEST_F(Client, SeesARepositoryThatGrowsInOrder) {
  EXPECT_EQ(repository_->Resolve("sample", "1.2.0").value().digest, digest_[2]);
  EXPECT_THAT(repository_->Resolve("sample", "9.9.9"), StatusIs(StatusCode::kNotFound, "9.9.9"));
  EXPECT_THAT(repository_->Publish(release::SampleFiles(2), signers_, kNow),
              StatusIs(StatusCode::kAlreadyExists, "published"));
  release::ReleaseInput again = release::SampleInput(2);
  again.model[0] += 1;
  release::Files files = release::BuildPackage(again).value();
  ASSERT_OK(release::SignPackage(files, release::SampleSigner()));
  EXPECT_THAT(repository_->Publish(files, signers_, kNow),
              StatusIs(StatusCode::kFailedPrecondition, "must be above 2"));
  ASSERT_OK_AND_ASSIGN(const Repository opened, Repository::Open(folder_ / "repository"));
  EXPECT_EQ(ToJson(opened.targets()), ToJson(repository_->targets()));
}

TEST_F(Client, SignsWhatIsPastHalfOfItsLifeAnew) {
  Assign(1);
  const rollout::Seconds later = kNow + 4 * kDay;  // the snapshot has three days left
  rollout::RoleSigners online = signers_;
  online.erase(Role::kTargets);
  ASSERT_OK(repository_->Refresh(online, later));
  Assign(1, false, later);
  ASSERT_EQ(Check(later).kind, Kind::kInstalled);
  const rollout::Seconds much_later = kNow + 8 * kDay;  // past the first snapshot's date
  ASSERT_OK(repository_->Refresh(online, much_later));
  Assign(1, false, much_later);
  EXPECT_EQ(Check(much_later).kind, Kind::kUpToDate);
  EXPECT_THAT(repository_->Revoke(digest_[1], "x", online, much_later),
              StatusIs(StatusCode::kFailedPrecondition, "the key of targets is not here"));
  EXPECT_FALSE(repository_->targets().IsRevoked(digest_[1]));
}

TEST(RepositoryPath, IsAPlaceOfARepositoryAndNothingElse) {
  const std::string digest(64, 'a');
  for (const std::string& path :
       {std::string("metadata/timestamp.json"), std::string("metadata/12.root.json"),
        std::string("metadata/1.targets.json"), std::string("metadata/3.snapshot.json"),
        "director/" + digest + ".json", "packages/" + digest + "/model.safetensors",
        "packages/" + digest + "/variants/fp16/model.onnx"})
    EXPECT_TRUE(rollout::IsRepositoryPath(path)) << path;
  for (const std::string& path : {std::string(),
                                  std::string("metadata/"),
                                  std::string("metadata/01.root.json"),
                                  std::string("metadata/1.timestamp.json"),
                                  std::string("metadata/1.root.json/x"),
                                  std::string("metadata/root.json"),
                                  std::string("/metadata/timestamp.json"),
                                  "director/" + digest,
                                  "director/" + std::string(63, 'a') + ".json",
                                  "director/" + std::string(64, 'A') + ".json",
                                  "packages/" + digest,
                                  "packages/" + digest + "/",
                                  "packages/" + digest + "/../x",
                                  "packages/" + digest + "/a//b",
                                  "packages/" + digest + "/.hidden",
                                  "packages/" + digest + "/a b",
                                  "packages/" + digest + "/a\\b",
                                  "packages/" + digest + "/" + std::string(101, 'a'),
                                  "packages/" + digest + "/a/a/a/a/a/a/a/a/a",
                                  std::string("reports/") + digest,
                                  std::string("metadata/timestamp.json\0", 24)})
    EXPECT_FALSE(rollout::IsRepositoryPath(path)) << path;
}

TEST(Cohort, HasTheVectorsOfTheSpecification) {
  const std::string id = "spiffe://fed.example/tenant/acme/client/";
  EXPECT_EQ(rollout::BucketOf("rollout-0001", id + "01"), 1352u);
  EXPECT_EQ(rollout::BucketOf("rollout-0001", id + "02"), 3218u);
  EXPECT_EQ(rollout::BucketOf("rollout-0001", id + "03"), 6122u);
}

TEST(Cohort, GrowsAndNeverLosesAnyone) {
  int inside = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string id = std::to_string(i);
    bool was = false;
    for (const std::uint32_t percent : {1u, 5u, 25u, 50u, 100u}) {
      const bool is = rollout::IsInCohort("r", id, percent);
      ASSERT_TRUE(is || !was);
      was = is;
      inside += percent == 25 && is;
    }
    ASSERT_TRUE(was);
  }
  EXPECT_NEAR(inside, 500, 60);
}

}  // namespace
}  // namespace veilsum::client
