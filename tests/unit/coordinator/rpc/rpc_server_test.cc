// A real server and real clients on loopback, with real certificates: who gets in, what an upload
// may be, what is bounded.
#include "coordinator/rpc/rpc_server.h"

#include <arpa/inet.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "client/rpc/admin_client.h"
#include "client/rpc/grpc_coordinator_link.h"
#include "client/rpc/secure_channel.h"
#include "coordinator/admin/record_backend.h"
#include "coordinator/rpc/buffer_pool.h"
#include "tests/support/fake_backends.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using client::ConnectToCoordinator;
using client::CoordinatorLink;
using client::LinkConfig;

class CountingObserver final : public RpcObserver {
 public:
  void Denied(std::string_view reason) override { Count(reason); }
  void Limited(std::string_view limit, std::string_view who) override {
    Count(limit);
    Count(std::string(limit) + " of " + std::string(who));
  }
  int of(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return counts_[what];
  }

 private:
  void Count(std::string_view what) {
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(what)];
  }
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

// Says who has asked.
class FakeRecords final : public RecordBackend {
 public:
  absl::StatusOr<admin::v1::ApproveResponse> Approve(
      const SpiffeId& caller, const admin::v1::ApproveRequest& request) override {
    admin::v1::ApproveResponse response;
    response.add_approvers(caller.ToString() + " " + request.rollout_id());
    return response;
  }
  absl::StatusOr<admin::v1::RecordResponse> Record(
      const SpiffeId& caller, const admin::v1::RecordRequest& request) override {
    if (!request.has_revoked()) return FailedPrecondition("S208: not published");
    admin::v1::RecordResponse response;
    response.set_checkpoint(caller.ToString());
    return response;
  }
};

class RpcServerTest : public testing::Test {
 protected:
  void SetUp() override { Start(RpcLimits()); }
  void Start(const RpcLimits& limits) {
    server_.reset();
    RpcServerConfig config{"127.0.0.1:0", pki_.Coordinator(), limits};
    config.observer = &observer_;
    config.records = &records_;
    config.answered = [this](std::string_view method, int code, std::chrono::nanoseconds took) {
      EXPECT_GE(took.count(), 0);
      const std::lock_guard lock(answered_mutex_);
      answered_.emplace(method, code);
    };
    auto server = RpcServer::Start(config, rounds_, admin_);
    ASSERT_OK(server);
    server_ = *std::move(server);
  }
  LinkConfig Config(std::shared_ptr<const TlsIdentity> tls) const {
    LinkConfig config;
    config.target = absl::StrFormat("127.0.0.1:%d", server_->port());
    config.coordinator_id = TestPki::CoordinatorUri();
    config.tls = std::move(tls);
    config.connect_timeout = config.read_timeout = config.transfer_timeout =
        std::chrono::minutes(1);
    return config;
  }
  std::unique_ptr<CoordinatorLink> Connect(const std::string& tenant) {
    auto link = ConnectToCoordinator(Config(pki_.Client(tenant)));
    EXPECT_OK(link);
    return link.ok() ? *std::move(link) : nullptr;
  }
  static v1::ClientMessage Join() {
    v1::ClientMessage message;
    message.mutable_join()->set_protocol(1);
    return message;
  }
  // Connects and joins: the error that either gives.
  absl::Status TryToJoin(std::shared_ptr<const TlsIdentity> tls, int timeout_ms = 10'000) {
    LinkConfig config = Config(std::move(tls));
    config.connect_timeout = std::chrono::milliseconds(timeout_ms);
    VEILSUM_ASSIGN_OR_RETURN(const auto link, ConnectToCoordinator(config));
    if (!link->Write(Join()).ok()) return link->Read().status();
    return link->Read().status();
  }

  const TestPki pki_;
  FakeRounds rounds_;
  FakeAdmin admin_;
  FakeRecords records_;
  CountingObserver observer_;
  std::mutex answered_mutex_;
  std::multiset<std::pair<std::string, int>> answered_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RpcServerTest, AClientJoinsAsTheSeatOfItsCertificate) {  // SA-38
  const auto link = Connect("acme");
  ASSERT_OK(link->Write(Join()));
  ASSERT_OK_AND_ASSIGN(const v1::ServerMessage answer, link->Read());
  EXPECT_EQ(answer.contract().contract(), TestPki::ClientUri("acme"));
}

TEST_F(RpcServerTest, AnOperatorIsToldWhatARunIs) {
  ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Operator())));
  ASSERT_OK_AND_ASSIGN(const admin::v1::GetRunResponse run, admin->GetRun("run-a"));
  EXPECT_EQ(run.plan(), "a plan");
  EXPECT_THAT(admin->GetRun("run-b"), StatusIs(StatusCode::kNotFound, "run-b"));
}

TEST_F(RpcServerTest, TellsHowOperatorsCallsEndAndNobodyElses) {
  {
    ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Operator())));
    ASSERT_OK(admin->GetRun("run-a"));
    EXPECT_FALSE(admin->GetRun("run-b").ok());
    const auto link = Connect("acme");
    ASSERT_OK(link->Write(Join()));
    ASSERT_OK(link->Read());
  }
  server_.reset();  // every call is over
  const std::lock_guard lock(answered_mutex_);
  EXPECT_THAT(answered_, testing::ElementsAre(std::pair("GetRun", 0), std::pair("GetRun", 5)));
}

TEST_F(RpcServerTest, RefusesBadCertificates) {  // SA-38
  const std::string acme = TestPki::ClientUri("acme");
  ASSERT_OK(TryToJoin(pki_.Spoiled(TestPki::GoodRequest(acme), acme)));
  const auto refused = [&](const char* what, void (*spoil)(openssl::CertificateRequest&)) {
    openssl::CertificateRequest request = TestPki::GoodRequest(acme);
    spoil(request);
    EXPECT_FALSE(TryToJoin(pki_.Spoiled(request, acme), 300).ok()) << what;
  };
  refused("expired", [](auto& r) {
    r.not_before -= 3 * kDay;
    r.not_after -= 3 * kDay;
  });
  refused("not yet valid", [](auto& r) { r.not_before += kDay / 2; });
  refused("two URIs", [](auto& r) { r.uris.push_back("spiffe://fed.test/tenant/bolt/client/c1"); });
  refused("CN only", [](auto& r) {
    r.common_name = r.uris[0];
    r.uris.clear();
  });
  refused("no SPIFFE id", [](auto& r) { r.uris = {"https://fed.test/tenant/acme/client/c1"}; });
  refused("another trust domain",
          [](auto& r) { r.uris = {"spiffe://other.test/tenant/acme/client/c1"}; });
  refused("a CA", [](auto& r) { r.is_ca = true; });
  EXPECT_EQ(rounds_.connected, 1);
}

TEST_F(RpcServerTest, RefusesAnotherCa) {
  const TestPki theirs;
  const auto stranger = theirs.Client("acme");
  // It trusts our root, so that only the server's check is left.
  const auto mixed = std::make_shared<const TlsIdentity>(
      TlsIdentity{pki_.ca().root(), stranger->certificate,
                  SecretText(std::string(stranger->key_pem.Expose())), stranger->id});
  EXPECT_THAT(TryToJoin(mixed, 300), StatusIs(StatusCode::kUnavailable, ""));
  EXPECT_EQ(rounds_.connected, 0);
}

TEST_F(RpcServerTest, RefusesAPeerWithoutACertificate) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = pki_.ca().root().ToPem();
  const auto channel = grpc::CreateChannel(absl::StrFormat("127.0.0.1:%d", server_->port()),
                                           grpc::SslCredentials(options));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  v1::Rounds::Stub stub(channel);
  const auto reader = stub.FetchModel(&context, v1::FetchModelRequest());
  v1::ModelFrame frame;
  EXPECT_FALSE(reader->Read(&frame));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(RpcServerTest, RolesStayApart) {
  EXPECT_THAT(TryToJoin(pki_.Operator()), StatusIs(StatusCode::kPermissionDenied, "role client"));
  EXPECT_THAT(TryToJoin(pki_.Coordinator()),
              StatusIs(StatusCode::kPermissionDenied, "role client"));
  ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Client("acme"))));
  admin::v1::StartRunRequest request;
  request.set_plan("a");
  EXPECT_THAT(admin->StartRun(request), StatusIs(StatusCode::kPermissionDenied, "role operator"));
  EXPECT_THAT(admin->StopRun("run-a", ""),
              StatusIs(StatusCode::kPermissionDenied, "role operator"));
  EXPECT_THAT(admin->WatchRun("run-a", [](const auto&) { return true; }),
              StatusIs(StatusCode::kPermissionDenied, "role operator"));
  EXPECT_THAT(admin->GetModel("run-a", {}, 10),
              StatusIs(StatusCode::kPermissionDenied, "role operator"));
  ASSERT_OK_AND_ASSIGN(const auto channel, client::OpenSecureChannel(Config(pki_.Operator())));
  v1::Rounds::Stub stub(channel);
  grpc::ClientContext context;
  secagg::v1::UploadReceipt receipt;
  const auto writer = stub.Upload(&context, &receipt);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

// One handshake by OpenSSL itself with at most `version`; the version that was agreed, or "" when
// it failed.
std::string Handshake(int port, int version, const TlsIdentity& own) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_use_certificate(context.get(), own.certificate.handle());
  const openssl::KeyPtr key = openssl::ParsePrivateKey(own.key_pem.Expose());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string agreed;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
    constexpr unsigned char kH2[] = {2, 'h', '2'};
    SSL_set_alpn_protos(ssl.get(), kH2, sizeof kH2);
    SSL_set_fd(ssl.get(), fd);
    if (SSL_connect(ssl.get()) == 1) agreed = SSL_get_version(ssl.get());
  }
  close(fd);
  ERR_clear_error();
  return agreed;
}

TEST_F(RpcServerTest, SpeaksTls13AndNothingBelow) {  // SA-38
  const auto own = pki_.Client("acme");
  EXPECT_EQ(Handshake(server_->port(), TLS1_3_VERSION, *own), "TLSv1.3");
  EXPECT_EQ(Handshake(server_->port(), TLS1_2_VERSION, *own), "");
}

TEST_F(RpcServerTest, TakesAnUploadOfExactlyTheExpectedLength) {  // SA-20
  Bytes words(kFrameBytes * 2 + 40);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint8_t>(i * 7);
  rounds_.expected = {{1, words.size()}, {2, kFrameBytes}};
  const auto link = Connect("acme");
  ASSERT_OK(link->Upload(1, words));
  EXPECT_EQ(rounds_.uploads[TestPki::ClientUri("acme")], words);
  EXPECT_OK(link->Upload(2, ByteView(words).first(kFrameBytes)));
  EXPECT_THAT(link->Upload(1, ByteView(words).first(words.size() - 1)),
              StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  words.push_back(0);
  EXPECT_THAT(link->Upload(1, words), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  EXPECT_THAT(link->Upload(1, {}), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  EXPECT_THAT(link->Upload(7, words), StatusIs(StatusCode::kFailedPrecondition, "SA-21"));
}

TEST_F(RpcServerTest, RefusesOddFrames) {  // SA-20
  rounds_.expected = {{1, 2 * kFrameBytes}};
  ASSERT_OK_AND_ASSIGN(const auto channel, client::OpenSecureChannel(Config(pki_.Client("acme"))));
  v1::Rounds::Stub stub(channel);
  const auto send = [&](std::vector<std::pair<std::uint64_t, std::size_t>> frames) {
    grpc::ClientContext context;
    secagg::v1::UploadReceipt receipt;
    const auto writer = stub.Upload(&context, &receipt);
    for (const auto& [round, size] : frames) {
      secagg::v1::UploadFrame frame;
      frame.set_round(round);
      frame.set_words(std::string(size, 'x'));
      writer->Write(frame);
    }
    writer->WritesDone();
    return client::FromGrpc(writer->Finish());
  };
  EXPECT_THAT(send({}), StatusIs(StatusCode::kInvalidArgument, "without a frame"));
  EXPECT_THAT(send({{1, kFrameBytes + 1}}), StatusIs(StatusCode::kInvalidArgument, "at most"));
  EXPECT_THAT(send({{1, 8}, {1, 8}}), StatusIs(StatusCode::kInvalidArgument, "first frame"));
  EXPECT_THAT(send({{1, 8}, {0, 0}}), StatusIs(StatusCode::kInvalidArgument, "empty frame"));
  EXPECT_OK(send({{1, 0}, {0, kFrameBytes}, {0, kFrameBytes}}));
}

TEST_F(RpcServerTest, AdmitsAtMostWUploads) {  // SE-19
  RpcLimits limits;
  limits.uploads_admitted = 2;
  Start(limits);
  rounds_.expected = {{1, 64}};
  rounds_.hold_uploads = true;
  const Bytes words(64, 1);
  std::vector<std::unique_ptr<CoordinatorLink>> links;
  std::vector<std::future<absl::Status>> uploads;
  for (const char* tenant : {"acme", "bolt", "cara", "dora", "emil"}) {
    links.push_back(Connect(tenant));
    uploads.push_back(std::async(std::launch::async, [&words, link = links.back().get()] {
      return link->Upload(1, words);
    }));
  }
  for (std::size_t taken = 0; taken < links.size();) {
    ASSERT_TRUE(rounds_.Await(
        [&] { return rounds_.held.size() >= std::min<std::size_t>(2, links.size() - taken); }));
    std::function<void(absl::Status)> done;
    rounds_.Change([&] {
      EXPECT_LE(rounds_.held.size(), 2u);
      EXPECT_LE(static_cast<std::size_t>(rounds_.expected_asked),
                taken + 2);  // nothing is asked for those who wait
      done = rounds_.held.front();
      rounds_.held.erase(rounds_.held.begin());
    });
    done(absl::OkStatus());
    ++taken;
  }
  for (auto& upload : uploads) EXPECT_OK(upload.get());
}

// With many members and few places most of an upload's time is waiting: that must not count as a
// transfer.
TEST_F(RpcServerTest, AnUploadMayWaitForItsTurnLongerThanATransferTakes) {  // SE-19
  RpcLimits limits;
  limits.uploads_admitted = 1;
  Start(limits);
  rounds_.expected = {{1, 64}};
  rounds_.hold_uploads = true;
  const Bytes words(64, 1);
  const auto first = Connect("acme");
  LinkConfig config = Config(pki_.Client("bolt"));
  config.transfer_timeout = std::chrono::milliseconds(1);
  ASSERT_OK_AND_ASSIGN(const auto second, client::ConnectToCoordinator(config));
  auto admitted = std::async(std::launch::async, [&] { return first->Upload(1, words); });
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.held.size() == 1; }));
  auto waits = std::async(std::launch::async, [&] { return second->Upload(1, words); });
  EXPECT_EQ(waits.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  const auto let_go = [&] {
    std::function<void(absl::Status)> done;
    rounds_.Change([&] { done = std::exchange(rounds_.held, {}).front(); });
    done(absl::OkStatus());
  };
  let_go();
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.held.size() == 1; }));
  let_go();
  EXPECT_OK(admitted.get());
  EXPECT_OK(waits.get());
}

TEST_F(RpcServerTest, AStalledUploadGivesItsPlaceBack) {
  RpcLimits limits;
  limits.uploads_admitted = 1;
  limits.upload_deadline = std::chrono::milliseconds(200);
  Start(limits);
  rounds_.expected = {{1, 64}};
  ASSERT_OK_AND_ASSIGN(const auto channel, client::OpenSecureChannel(Config(pki_.Client("acme"))));
  v1::Rounds::Stub stub(channel);
  grpc::ClientContext context;
  secagg::v1::UploadReceipt receipt;
  const auto stalled = stub.Upload(&context, &receipt);
  secagg::v1::UploadFrame frame;
  frame.set_round(1);
  ASSERT_TRUE(stalled->Write(frame));
  ASSERT_TRUE(rounds_.Await([&] { return true; }));
  EXPECT_OK(Connect("bolt")->Upload(1, Bytes(64)));
  EXPECT_FALSE(stalled->Finish().ok());
}

TEST_F(RpcServerTest, ServesModelsInFramesAndBounded) {
  Bytes model(3 * kFrameBytes + 12);
  for (std::size_t i = 0; i < model.size(); ++i) model[i] = static_cast<std::uint8_t>(i % 251);
  const Hash32 hash{1}, other{2}, empty{3};
  rounds_.models = {{hash, std::make_shared<const Bytes>(model)},
                    {empty, std::make_shared<const Bytes>()}};
  const auto link = Connect("acme");
  ASSERT_OK_AND_ASSIGN(const Bytes fetched, link->FetchModel(hash, model.size()));
  EXPECT_EQ(fetched, model);
  ASSERT_OK_AND_ASSIGN(const Bytes nothing, link->FetchModel(empty, 10));
  EXPECT_TRUE(nothing.empty());
  EXPECT_THAT(link->FetchModel(hash, model.size() - 1),
              StatusIs(StatusCode::kResourceExhausted, "more than"));
  EXPECT_THAT(link->FetchModel(other, 10), StatusIs(StatusCode::kNotFound, "no such model"));
}

TEST_F(RpcServerTest, TellsTheRoundsWhenAClientGoes) {
  auto link = Connect("acme");
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  link.reset();
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.disconnected == 1; }));
}

TEST_F(RpcServerTest, SendsWhatWasSentBeforeAClose) {
  const auto link = Connect("acme");
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  const auto theirs = rounds_.links[TestPki::ClientUri("acme")];
  v1::ServerMessage message;
  for (std::uint64_t r = 1; r <= 100; ++r) {
    message.mutable_closed()->set_round(r);
    theirs->Send(message);
  }
  theirs->Close(FailedPrecondition("the run is over"));
  message.mutable_closed()->set_round(101);
  theirs->Send(message);
  for (std::uint64_t r = 1; r <= 100; ++r) {
    ASSERT_OK_AND_ASSIGN(const v1::ServerMessage read, link->Read());
    ASSERT_EQ(read.closed().round(), r);
  }
  EXPECT_THAT(link->Read(), StatusIs(StatusCode::kFailedPrecondition, "the run is over"));
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.disconnected == 1; }));
}

TEST_F(RpcServerTest, ANewerStreamOfASeatReplacesTheOlder) {
  const auto old = Connect("acme");
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  const auto fresh = Connect("acme");
  EXPECT_THAT(old->Read(), StatusIs(StatusCode::kAborted, "newer stream"));
  ASSERT_OK(fresh->Write(Join()));
  EXPECT_OK(fresh->Read());
}

TEST_F(RpcServerTest, CutsAClientThatTakesNothing) {
  RpcLimits limits;
  limits.queued_bytes = 1 << 20;
  Start(limits);
  ASSERT_OK_AND_ASSIGN(const auto channel, client::OpenSecureChannel(Config(pki_.Client("acme"))));
  v1::Rounds::Stub stub(channel);
  grpc::ClientContext context;
  const auto stream = stub.Participate(&context);  // and never reads
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  v1::ServerMessage message;
  message.mutable_contract()->set_plan(std::string(200'000, 'x'));
  for (int i = 0; i < 200; ++i) rounds_.links[TestPki::ClientUri("acme")]->Send(message);
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.disconnected == 1; }));
  stream->WritesDone();
  context.TryCancel();
  EXPECT_FALSE(stream->Finish().ok());
}

// ---- A hostile tenant: what it takes is taken from nobody else
// ----------------------------------------------------------------------------------

TEST_F(RpcServerTest, AFloodOfMessagesWaitsAtItsSender) {
  const std::string hostile = TestPki::ClientUri("acme");
  rounds_.hold_messages_of = hostile;
  const auto flood = Connect("acme"), honest = Connect("bolt");
  for (int i = 0; i < 300; ++i) ASSERT_OK(flood->Write(Join()));
  const int most = static_cast<int>(RpcLimits().unconsumed_messages);
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.held_messages == most; }));
  for (int i = 0; i < 50; ++i) {  // the others are served as if nothing were
    ASSERT_OK(honest->Write(Join()));
    ASSERT_OK(honest->Read());
  }
  std::shared_ptr<ClientLink> link;
  rounds_.Change([&] {
    EXPECT_EQ(rounds_.messages_of[hostile], most) << "read beyond its share";
    rounds_.hold_messages_of.clear();
    link = rounds_.links[hostile];
  });
  for (int i = 0; i < most; ++i) link->Consumed();
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.messages_of[hostile] == 300; }))
      << "nothing is lost that was only late";
}

TEST_F(RpcServerTest, MessagesFasterThanTheLimitEndTheStream) {
  RpcLimits limits;
  limits.messages = {0.001, 20};
  Start(limits);
  const auto flood = Connect("acme"), honest = Connect("bolt");
  for (int i = 0; i < 30; ++i)
    if (!flood->Write(Join()).ok()) break;
  absl::StatusOr<v1::ServerMessage> last = flood->Read();
  while (last.ok()) last = flood->Read();
  EXPECT_THAT(last, StatusIs(StatusCode::kResourceExhausted, "messages a second"));
  EXPECT_EQ(observer_.of("messages"), 1);
  EXPECT_EQ(observer_.of("messages of " + TestPki::ClientUri("acme")), 1);
  ASSERT_OK(honest->Write(Join()));
  EXPECT_OK(honest->Read());
}

TEST_F(RpcServerTest, CallsOfATenantAreCountedTogetherAndOfNobodyElse) {
  RpcLimits limits;
  limits.tenant_calls = {0.001, 6};
  Start(limits);
  const auto first =
      ConnectToCoordinator(Config(pki_.Tls("spiffe://fed.test/tenant/acme/client/a")));
  const auto second =
      ConnectToCoordinator(Config(pki_.Tls("spiffe://fed.test/tenant/acme/client/b")));
  ASSERT_OK(first);
  ASSERT_OK(second);
  for (int i = 0; i < 2; ++i)
    for (const auto& link : {&first, &second})
      EXPECT_THAT((**link)->FetchModel(Hash32{9}, 10), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_THAT((*first)->FetchModel(Hash32{9}, 10),
              StatusIs(StatusCode::kResourceExhausted, "too many calls"));
  EXPECT_GE(observer_.of("calls"), 1);
  EXPECT_EQ(observer_.of("calls of acme"), observer_.of("calls"));
  EXPECT_THAT(Connect("bolt")->FetchModel(Hash32{9}, 10), StatusIs(StatusCode::kNotFound, ""));
}

TEST_F(RpcServerTest, StreamsOfATenantBeyondItsNumberAreCut) {
  RpcLimits limits;
  limits.tenant_streams = 2;
  Start(limits);
  std::vector<std::unique_ptr<CoordinatorLink>> links;
  for (const char* node : {"a", "b", "c"}) {
    auto link = ConnectToCoordinator(
        Config(pki_.Tls(absl::StrFormat("spiffe://fed.test/tenant/acme/client/%s", node))));
    ASSERT_OK(link);
    links.push_back(*std::move(link));
    const int begun = static_cast<int>(links.size());
    ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == begun; }));
  }
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.disconnected == 1; }));
  EXPECT_FALSE(links[2]->Read().ok());
  EXPECT_EQ(observer_.of("streams"), 1);
  EXPECT_EQ(observer_.of("streams of acme"), 1);
  const auto honest = Connect("bolt");
  for (CoordinatorLink* link : {links[0].get(), links[1].get(), honest.get()}) {
    ASSERT_OK(link->Write(Join()));
    EXPECT_OK(link->Read());
  }
}

TEST_F(RpcServerTest, WhoIsRefusedIsCounted) {
  EXPECT_FALSE(TryToJoin(pki_.Operator()).ok());
  EXPECT_GE(observer_.of("permission"), 1);
  const TestPki other;
  EXPECT_FALSE(TryToJoin(other.Client("acme"), 300).ok());
}

TEST_F(RpcServerTest, ManySeatsJoin) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kSeats = 16;  // the same paths; handshakes by the dozen are slow there
#else
  constexpr int kSeats = 64;
#endif
  std::vector<std::unique_ptr<CoordinatorLink>> links;
  for (int i = 0; i < kSeats; ++i) links.push_back(Connect(absl::StrFormat("shop-%d", i)));
  for (const auto& link : links) ASSERT_OK(link->Write(Join()));
  for (int i = 0; i < kSeats; ++i) {
    ASSERT_OK_AND_ASSIGN(const v1::ServerMessage answer,
                         links[static_cast<std::size_t>(i)]->Read());
    EXPECT_EQ(answer.contract().contract(), TestPki::ClientUri(absl::StrFormat("shop-%d", i)));
  }
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.connected == kSeats; }));
  links.clear();
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.disconnected == kSeats; }));
}

TEST_F(RpcServerTest, ShutdownTellsEverybodyAndLeavesNobody) {
  const auto link = Connect("acme");
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  server_->Shutdown(std::chrono::seconds(5));
  EXPECT_EQ(rounds_.disconnected, 1);
  EXPECT_THAT(link->Read(), StatusIs(StatusCode::kUnavailable, "shutting down"));
}

TEST_F(RpcServerTest, AddressTakenOrAStrangeIdentityIsAnError) {
  const std::string taken = absl::StrFormat("127.0.0.1:%d", server_->port());
  EXPECT_THAT(RpcServer::Start({taken, pki_.Coordinator(), {}}, rounds_, admin_),
              StatusIs(StatusCode::kUnavailable, taken));
  EXPECT_THAT(RpcServer::Start({"127.0.0.1:0", pki_.Client("acme"), {}}, rounds_, admin_),
              StatusIs(StatusCode::kInvalidArgument, "coordinator"));
}

TEST_F(RpcServerTest, OperatorsStartWatchStopAndFetch) {
  admin_.model.assign(kFrameBytes + 5, 9);
  ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Operator())));
  admin::v1::StartRunRequest request;
  EXPECT_THAT(admin->StartRun(request), StatusIs(StatusCode::kInvalidArgument, "plan is empty"));
  request.set_plan("broken");
  const auto broken = admin->StartRun(request);
  EXPECT_THAT(broken,
              StatusIs(StatusCode::kInternal, "internal error"));  // what it was stays inside
  EXPECT_EQ(broken.status().message().find("row 7"), absl::string_view::npos);
  request.set_plan("a");
  ASSERT_OK_AND_ASSIGN(const auto started, admin->StartRun(request));
  EXPECT_EQ(started.run_id(), "run-a");
  std::vector<std::uint64_t> steps;
  EXPECT_OK(admin->WatchRun("run-a", [&](const auto& progress) {
    steps.push_back(progress.step());
    return true;
  }));
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_THAT(admin->WatchRun("run-b", [](const auto&) { return true; }),
              StatusIs(StatusCode::kNotFound, "run-b"));
  EXPECT_THAT(admin->StopRun("run-b", "x"), StatusIs(StatusCode::kNotFound, "run-b"));
  ASSERT_OK_AND_ASSIGN(const Bytes model, admin->GetModel("run-a", {}, 1 << 20));
  EXPECT_EQ(model, admin_.model);
  EXPECT_THAT(admin->GetModel("run-a", {}, 100),
              StatusIs(StatusCode::kResourceExhausted, "more than"));
  EXPECT_THAT(admin->GetModel("run-a", Bytes(31), 100),
              StatusIs(StatusCode::kInvalidArgument, "model_hash"));
}

TEST_F(RpcServerTest, WhatOperatorsRecordIsTheirsByCertificate) {
  const std::string own = pki_.Operator()->id.ToString();
  ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Operator())));
  admin::v1::ApproveRequest approve;
  approve.set_rollout_id("r-1");
  ASSERT_OK_AND_ASSIGN(const auto approved, admin->Approve(approve));
  EXPECT_EQ(approved.approvers(0), own + " r-1");
  admin::v1::RecordRequest record;
  EXPECT_THAT(admin->Record(record), StatusIs(StatusCode::kFailedPrecondition, "S208"));
  record.mutable_revoked();
  ASSERT_OK_AND_ASSIGN(const auto recorded, admin->Record(record));
  EXPECT_EQ(recorded.checkpoint(), own);
  ASSERT_OK_AND_ASSIGN(const auto client,
                       client::AdminClient::Connect(Config(pki_.Client("acme"))));
  EXPECT_THAT(client->Record(record), StatusIs(StatusCode::kPermissionDenied, "role operator"));
  EXPECT_THAT(client->Approve(approve), StatusIs(StatusCode::kPermissionDenied, "role operator"));
}

TEST_F(RpcServerTest, AWatcherMayStopAndIsForgotten) {
  admin_.ends = false;
  ASSERT_OK_AND_ASSIGN(const auto admin, client::AdminClient::Connect(Config(pki_.Operator())));
  EXPECT_THAT(admin->WatchRun("run-a", [](const auto& progress) { return progress.step() < 3; }),
              StatusIs(StatusCode::kCancelled, ""));
  server_->Shutdown(std::chrono::seconds(5));
  EXPECT_EQ(admin_.unwatched, 1);
}

TEST(BufferPool, KeepsSoManyAndNeverTooSmallOnes) {
  BufferPool pool(1);
  Bytes first = pool.Take(100), second = pool.Take(100);
  const std::uint8_t* const memory = first.data();
  pool.Give(std::move(first));
  pool.Give(std::move(second));  // one too many
  Bytes again = pool.Take(64);
  EXPECT_EQ(again.data(), memory);
  EXPECT_EQ(again.size(), 64u);
  EXPECT_EQ(pool.Take(100).size(), 100u);
  pool.Give(std::move(again));
  EXPECT_EQ(pool.Take(1000).size(), 1000u);
}

}  // namespace
}  // namespace veilsum::coordinator
