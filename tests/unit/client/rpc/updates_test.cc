// Releases over the coordinator: a real server and a real updater on loopback, what nobody is
// given, and a server that sends without end or not at all.
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/secure_rng.h"
#include "client/release/updater.h"
#include "client/rpc/updates_client.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/veto_vote.h"
#include "coordinator/rpc/rpc_server.h"
#include "model/release/refusal.h"
#include "model/rollout/repository.h"
#include "tests/support/fake_backends.h"
#include "tests/support/temp_folder.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/release/sample.h"
#include "veilsum/rollout/v1/rollout.grpc.pb.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using rollout::Role;
using rollout::v1::FetchFileRequest;
using rollout::v1::FilePart;
using rollout::v1::ReportRequest;

constexpr rollout::Seconds kToday = 1'800'000'100;

// Sends what it is told to, whatever it is asked for.
class HostileUpdates final : public rollout::v1::Updates::Service {
 public:
  grpc::Status FetchFile(grpc::ServerContext* context, const FetchFileRequest* request,
                         grpc::ServerWriter<FilePart>* writer) override {
    FilePart part;
    part.set_data(std::string(16 << 10, 'x'));
    if (request->path().ends_with("root.json"))
      return {grpc::StatusCode::NOT_FOUND, "there is no such file"};
    if (breaks) return OnePart(*request, *writer);
    if (!endless) writer->Write(part);
    while (endless && writer->Write(part)) ++parts;
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::CANCELLED;
  }
  std::atomic<bool> endless{true}, breaks{false};
  std::atomic<int> parts{0};

 private:
  // One letter a call, then the connection is lost.
  static grpc::Status OnePart(const FetchFileRequest& request,
                              grpc::ServerWriter<FilePart>& writer) {
    constexpr std::string_view kAll = "abcde";
    if (request.offset() >= kAll.size()) return grpc::Status::OK;
    FilePart part;
    part.set_data(std::string(1, kAll[request.offset()]));
    writer.Write(part);
    return {grpc::StatusCode::UNAVAILABLE, "lost"};
  }
};

class UpdatesTest : public testing::Test {
 protected:
  UpdatesTest() {
    rollout::Root root;
    root.expires = kToday + 86'400;
    root.federation_id = "fed.test";
    root.release_keys = {release::SampleSigner().public_key().pem()};
    for (const Role role :
         {Role::kRoot, Role::kTargets, Role::kSnapshot, Role::kTimestamp, Role::kDirector}) {
      signers_[role] = {&key_};
      root.roles[role] = {{key_.public_key()}, 1};
    }
    auto repository = rollout::Repository::Create(folder_.path() / "r", root, signers_, kToday);
    VEILSUM_CHECK(repository.ok());
    const release::Files files = release::SampleFiles(1);
    digest_ = HexEncode(release::RootDigest(files));
    VEILSUM_CHECK(repository->Publish(files, signers_, kToday).ok());
    for (const char* tenant : {"acme", "bolt"})
      VEILSUM_CHECK(repository
                        ->Assign(TestPki::ClientUri(tenant), rollout::Channel::kStable, digest_,
                                 false, signers_, kToday)
                        .ok());
    store_.emplace(ModelStore::Create(folder_.path() / "store",
                                      ReadFile(folder_.path() / "r/metadata/1.root.json").value())
                       .value());
  }
  void Serve(const fs::path& releases, bool standby = false) {
    coordinator::RpcServerConfig config;
    config.tls = pki_.Coordinator();
    config.releases = releases;
    config.standby = standby;
    auto server = coordinator::RpcServer::Start(config, rounds_, admin_);
    ASSERT_OK(server);
    server_ = *std::move(server);
    port_ = server_->port();
  }
  void ServeHostile() {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    const auto tls = pki_.Coordinator();
    options.pem_root_certs = tls->root.ToPem();
    options.pem_key_cert_pairs = {{std::string(tls->key_pem.Expose()), tls->chain().ToPem()}};
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterService(&hostile_);
    hostile_server_ = builder.BuildAndStart();
    ASSERT_NE(hostile_server_, nullptr);
  }
  ~UpdatesTest() override {
    if (hostile_server_) hostile_server_->Shutdown(std::chrono::system_clock::now());
  }
  std::unique_ptr<UpdatesClient> As(const std::shared_ptr<const TlsIdentity>& tls,
                                    std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    LinkConfig config;
    config.target = absl::StrFormat("127.0.0.1:%d", port_);
    config.coordinator_id = TestPki::CoordinatorUri();
    config.tls = tls;
    config.connect_timeout = std::chrono::seconds(20);
    auto client = UpdatesClient::Connect(config, patience);
    EXPECT_OK(client);
    return client.ok() ? *std::move(client) : nullptr;
  }
  std::unique_ptr<UpdatesClient> As(const std::string& tenant) { return As(pki_.Client(tenant)); }
  static absl::StatusOr<std::string> Get(UpdatesClient& client, const std::string& path,
                                         std::size_t* largest = nullptr) {
    std::string out;
    const absl::Status status = client.Fetch(path, [&](std::string_view chunk) {
      out += chunk;
      if (largest != nullptr) *largest = std::max(*largest, chunk.size());
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return out;
  }
  UpdateReport Check(UpdatesClient& source) {
    UpdaterConfig config;
    config.client = TestPki::ClientUri("acme");
    config.client_version = "0.1.0";
    return Updater(*store_, source, clock_, config).Check(kToday);
  }
  static ReportRequest GoodReport() {
    ReportRequest report;
    report.set_result("installed");
    report.set_digest(std::string(64, 'a'));
    report.set_wanted(std::string(64, 'a'));
    report.set_client_version("0.1.0");
    report.set_requests(60);
    report.set_errors(1);
    report.add_latency(59);
    return report;
  }

  TempFolder folder_;
  SystemRng rng_;
  Ed25519Signer key_{rng_.NewSecret<32>()};
  rollout::RoleSigners signers_;
  std::string digest_;
  SteadyClock clock_;
  std::optional<ModelStore> store_;
  const TestPki pki_;
  coordinator::FakeRounds rounds_;
  coordinator::FakeAdmin admin_;
  std::unique_ptr<coordinator::RpcServer> server_;
  HostileUpdates hostile_;
  std::unique_ptr<grpc::Server> hostile_server_;
  int port_ = 0;
};

TEST_F(UpdatesTest, AReleaseArrivesAndIsVerified) {
  Serve(folder_.path() / "r");
  const auto acme = As("acme");
  const UpdateReport report = Check(*acme);
  EXPECT_EQ(report.kind, UpdateReport::Kind::kInstalled) << report.status;
  EXPECT_EQ(report.digest, digest_);
  EXPECT_EQ(report.wanted, digest_);
  EXPECT_EQ(Check(*acme).kind, UpdateReport::Kind::kUpToDate);
}

TEST_F(UpdatesTest, AFileComesWholeInBoundedFrames) {
  std::string big;
  for (int i = 0; i < 700'000; ++i) big += static_cast<char>('a' + i % 23);
  const std::string path = rollout::PackagePath(digest_, "big.bin");
  folder_.Write("r/" + path, big);
  Serve(folder_.path() / "r");
  const auto acme = As("acme");
  std::size_t largest = 0;
  ASSERT_OK_AND_ASSIGN(const std::string got, Get(*acme, path, &largest));
  EXPECT_EQ(got, big);
  EXPECT_LE(largest, coordinator::kFrameBytes);
}

TEST_F(UpdatesTest, OnlyTheRepositoryIsHandedOutAndADirectorFileToItsClientAlone) {
  folder_.Write("r/reports/x.json", "secret");
  folder_.Write("r/lock", "secret");
  folder_.Write("outside.json", "secret");
  fs::create_symlink(folder_.path() / "outside.json", folder_.path() / "r/metadata/9.root.json");
  Serve(folder_.path() / "r");
  const auto acme = As("acme");
  const std::string own = rollout::DirectorPath(TestPki::ClientUri("acme"));
  EXPECT_OK(Get(*acme, own));
  EXPECT_OK(Get(*acme, "metadata/timestamp.json"));
  for (const std::string& path :
       {rollout::DirectorPath(TestPki::ClientUri("bolt")), std::string("reports/x.json"),
        std::string("lock"), std::string("../outside.json"), std::string("metadata/../lock"),
        std::string("/etc/hostname"), std::string("metadata/9.root.json"), std::string("metadata"),
        std::string(""), std::string("metadata/2.targets.json/../../lock"),
        std::string("packages/") + digest_, std::string(4096, 'a')})
    EXPECT_EQ(Get(*acme, path).status().code(), StatusCode::kNotFound) << path;
  EXPECT_EQ(Get(*As("bolt"), own).status().code(), StatusCode::kNotFound);
}

TEST_F(UpdatesTest, AReportIsOfItsSenderAloneAndReplacesTheOneBefore) {
  Serve(folder_.path() / "r");
  ReportRequest report = GoodReport();
  ASSERT_OK(As("acme")->Report(report));
  ASSERT_OK(As("bolt")->Report(report));
  report.set_result("refused");
  report.set_code("M501");
  report.set_digest("");
  ASSERT_OK(As("acme")->Report(report));
  ASSERT_OK_AND_ASSIGN(const auto all, coordinator::LoadReports(folder_.path() / "r"));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at(TestPki::ClientUri("acme")).code, "M501");
  EXPECT_EQ(all.at(TestPki::ClientUri("bolt")).requests, 60u);
  EXPECT_EQ(As(pki_.Operator())->Report(report).code(), StatusCode::kPermissionDenied);
}

TEST_F(UpdatesTest, AReportOutOfBoundsIsRefused) {
  Serve(folder_.path() / "r");
  const auto acme = As("acme");
  const auto refused = [&](void (*spoil)(ReportRequest&)) {
    ReportRequest report = GoodReport();
    spoil(report);
    return acme->Report(report).code() == StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_result("fine"); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_code("T6055"); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_digest("aa"); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_wanted(std::string(64, 'A')); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_client_version(std::string(33, '1')); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_errors(61); }));
  EXPECT_TRUE(refused([](ReportRequest& r) { r.set_requests(std::uint64_t{1} << 53); }));
  EXPECT_TRUE(refused([](ReportRequest& r) {
    for (int i = 0; i < 96; ++i) r.add_latency(0);
  }));
  EXPECT_FALSE(fs::exists(folder_.path() / "r/reports"));
}

TEST_F(UpdatesTest, AVoteIsOnTheReleaseAndStageThatTheClientWasGivenAndStays) {
  auto repository = rollout::Repository::Open(folder_.path() / "r");
  ASSERT_OK(repository);
  ASSERT_OK(repository->Assign(TestPki::ClientUri("acme"), rollout::Channel::kCanary, digest_,
                               false, signers_, kToday));
  Serve(folder_.path() / "r");
  const auto vote = [&](const std::string& tenant, const std::string& release,
                        const std::string& stage, bool veto, std::uint32_t epsilon_millis) {
    ReportRequest report = GoodReport();
    report.mutable_veto()->set_release(release);
    report.mutable_veto()->set_stage(stage);
    report.mutable_veto()->set_veto(veto);
    report.mutable_veto()->set_epsilon_millis(epsilon_millis);
    return As(tenant)->Report(report);
  };
  const auto refused = [](const absl::Status& status, StatusCode code, std::string_view text) {
    return status.code() == code && std::string(status.message()).find(text) != std::string::npos;
  };
  // Before its own vote: of other releases, stages and epsilons.
  EXPECT_TRUE(refused(vote("acme", std::string(64, 'b'), "canary", true, 1000),
                      StatusCode::kPermissionDenied, "V701"));
  EXPECT_TRUE(refused(vote("acme", "../../metadata", "canary", true, 1000),
                      StatusCode::kInvalidArgument, "veto.release"));
  EXPECT_TRUE(refused(vote("acme", digest_, "stable", true, 1000), StatusCode::kInvalidArgument,
                      "veto.stage"));
  EXPECT_TRUE(refused(vote("acme", digest_, "canary", true, 99), StatusCode::kInvalidArgument,
                      "veto.epsilon_millis"));
  EXPECT_TRUE(
      refused(vote("bolt", digest_, "canary", true, 1000), StatusCode::kPermissionDenied, "V702"))
      << "bolt has it as stable";
  EXPECT_TRUE(
      refused(vote("cara", digest_, "canary", true, 1000), StatusCode::kPermissionDenied, "V701"))
      << "cara was given nothing";
  EXPECT_FALSE(fs::exists(folder_.path() / "r/votes"));
  // Its own, again, and another.
  ASSERT_OK(vote("acme", digest_, "canary", true, 1000));
  ASSERT_OK(vote("acme", digest_, "canary", true, 1000));
  EXPECT_TRUE(
      refused(vote("acme", digest_, "canary", false, 1000), StatusCode::kAlreadyExists, "V703"));
  EXPECT_TRUE(
      refused(vote("acme", digest_, "canary", true, 2000), StatusCode::kAlreadyExists, "V703"));
  ASSERT_OK(As("acme")->Report(GoodReport()));  // a report without it takes it away from nobody
  ASSERT_OK_AND_ASSIGN(const auto votes, coordinator::LoadVotes(folder_.path() / "r", digest_));
  ASSERT_EQ(votes.size(), 1u);
  EXPECT_TRUE(votes.at(TestPki::ClientUri("acme")).veto);
  EXPECT_EQ(votes.at(TestPki::ClientUri("acme")).epsilon_millis, 1000u);
  EXPECT_EQ(Get(*As("acme"), "votes/" + digest_).status().code(), StatusCode::kNotFound);
}

TEST_F(UpdatesTest, TheFolderOfAnotherFederationIsNotServed) {
  rollout::Root root;
  root.expires = kToday + 86'400;
  root.federation_id = "fed.other";
  root.release_keys = {release::SampleSigner().public_key().pem()};
  for (const auto& [role, signers] : signers_) root.roles[role] = {{key_.public_key()}, 1};
  ASSERT_OK(rollout::Repository::Create(folder_.path() / "theirs", root, signers_, kToday));
  Serve(folder_.path() / "theirs");
  EXPECT_THAT(Get(*As("acme"), "metadata/timestamp.json"),
              StatusIs(StatusCode::kFailedPrecondition, "is of federation fed.other"));
  EXPECT_EQ(As("acme")->Report(GoodReport()).code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(fs::exists(folder_.path() / "theirs/reports"));
}

TEST_F(UpdatesTest, ACoordinatorWithoutAFolderAndAStandbyHandOutNothing) {
  Serve({});
  EXPECT_EQ(Get(*As("acme"), "metadata/timestamp.json").status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(As("acme")->Report(GoodReport()).code(), StatusCode::kFailedPrecondition);
  Serve({}, /*standby=*/true);
  EXPECT_EQ(Get(*As("acme"), "metadata/timestamp.json").status().code(), StatusCode::kUnavailable);
}

TEST_F(UpdatesTest, ATransferThatBreaksOffGoesOnWhereItWas) {
  hostile_.breaks = true;
  ServeHostile();
  ASSERT_OK_AND_ASSIGN(const std::string got, Get(*As("acme"), "metadata/timestamp.json"));
  EXPECT_EQ(got, "abcde");
}

TEST_F(UpdatesTest, EndlessDataAreCutOff) {  // T607, T615
  ServeHostile();
  const auto acme = As("acme");
  // Metadata have their role's bound, what signed metadata name has its stated length.
  EXPECT_EQ(Check(*acme).code, "T607");
  std::size_t taken = 0;
  const absl::Status status =
      acme->Fetch("packages/x", [&](std::string_view chunk) -> absl::Status {
        taken += chunk.size();
        return taken > (std::size_t{1} << 20)
                   ? release::Refuse(release::Refusal::kEndlessData, "enough")
                   : absl::OkStatus();
      });
  EXPECT_EQ(release::RefusalCode(status), "T615");
  EXPECT_LT(taken, (std::size_t{1} << 20) + (std::size_t{16} << 10) + 1);
}

TEST_F(UpdatesTest, ASourceThatFallsSilentIsLeft) {  // T616
  hostile_.endless = false;
  ServeHostile();
  const auto acme = As(pki_.Client("acme"), std::chrono::milliseconds(300));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(release::RefusalCode(Get(*acme, "metadata/timestamp.json").status()), "T616");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace veilsum::client
