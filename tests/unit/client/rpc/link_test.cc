// The client's end of the connection: whom it trusts, and that no call waits for ever.
#include <future>

#include "client/rpc/grpc_coordinator_link.h"
#include "coordinator/rpc/rpc_server.h"
#include "tests/support/fake_backends.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

class LinkTest : public testing::Test {
 protected:
  void Serve(std::shared_ptr<const TlsIdentity> tls) {
    auto server =
        coordinator::RpcServer::Start({"127.0.0.1:0", std::move(tls), {}}, rounds_, admin_);
    ASSERT_OK(server);
    server_ = *std::move(server);
    config_.target = absl::StrFormat("127.0.0.1:%d", server_->port());
    config_.coordinator_id = TestPki::CoordinatorUri();
    config_.tls = pki_.Client("acme");
    config_.connect_timeout = std::chrono::seconds(20);
  }
  const TestPki pki_;
  coordinator::FakeRounds rounds_;
  coordinator::FakeAdmin admin_;
  std::unique_ptr<coordinator::RpcServer> server_;
  LinkConfig config_;
};

TEST_F(LinkTest, RefusesAnotherCoordinatorOfTheSameCaAndHost) {  // SA-38
  Serve(pki_.Tls("spiffe://fed.test/coordinator/node2"));
  EXPECT_THAT(ConnectToCoordinator(config_),
              StatusIs(StatusCode::kUnavailable, "coordinator/node2"));
  EXPECT_EQ(rounds_.connected, 0);
}

TEST_F(LinkTest, RefusesAServerThatIsAClient) {
  openssl::CertificateRequest request = TestPki::GoodRequest(TestPki::ClientUri("bolt"));
  Serve(pki_.Spoiled(request, TestPki::CoordinatorUri()));  // it believes that it is a coordinator
  EXPECT_THAT(ConnectToCoordinator(config_), StatusIs(StatusCode::kUnavailable, "tenant/bolt"));
}

TEST_F(LinkTest, RefusesAServerOfAnotherCa) {
  const TestPki theirs;
  Serve(theirs.Coordinator());
  config_.connect_timeout = std::chrono::milliseconds(500);
  EXPECT_THAT(ConnectToCoordinator(config_), StatusIs(StatusCode::kUnavailable, ""));
}

TEST_F(LinkTest, NobodyThereIsUnavailable) {
  Serve(pki_.Coordinator());
  server_.reset();
  config_.connect_timeout = std::chrono::milliseconds(200);
  EXPECT_THAT(ConnectToCoordinator(config_), StatusIs(StatusCode::kUnavailable, config_.target));
  config_.coordinator_id = TestPki::ClientUri("acme");
  EXPECT_THAT(ConnectToCoordinator(config_),
              StatusIs(StatusCode::kInvalidArgument, "not a coordinator"));
}

TEST_F(LinkTest, CloseFromAnotherThreadEndsARead) {
  Serve(pki_.Coordinator());
  ASSERT_OK_AND_ASSIGN(const auto link, ConnectToCoordinator(config_));
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  auto read = std::async(std::launch::async, [&] { return link->Read().status(); });
  link->Close();
  EXPECT_THAT(read.get(), StatusIs(StatusCode::kUnavailable, "closed"));
  EXPECT_THAT(link->Read(), StatusIs(StatusCode::kUnavailable, "closed"));
  EXPECT_THAT(link->Write({}), StatusIs(StatusCode::kUnavailable, ""));
  EXPECT_THAT(link->Upload(1, Bytes(8)), StatusIs(StatusCode::kUnavailable, ""));
  EXPECT_THAT(link->FetchModel(Hash32{}, 8), StatusIs(StatusCode::kUnavailable, ""));
  EXPECT_TRUE(rounds_.Await([&] { return rounds_.disconnected == 1; }));
}

TEST_F(LinkTest, CloseEndsAnUploadThatWaits) {
  Serve(pki_.Coordinator());
  rounds_.expected = {{1, 8}};
  rounds_.hold_uploads = true;
  ASSERT_OK_AND_ASSIGN(const auto link, ConnectToCoordinator(config_));
  auto upload = std::async(std::launch::async, [&] { return link->Upload(1, Bytes(8)); });
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.held.size() == 1; }));
  link->Close();
  EXPECT_THAT(upload.get(), StatusIs(StatusCode::kUnavailable, ""));
  rounds_.held[0](absl::OkStatus());  // late: to no effect
}

TEST_F(LinkTest, AReadThatFindsNothingLeavesTheLinkUsable) {
  Serve(pki_.Coordinator());
  config_.read_timeout = std::chrono::milliseconds(20);
  ASSERT_OK_AND_ASSIGN(const auto link, ConnectToCoordinator(config_));
  EXPECT_THAT(link->Read(), StatusIs(StatusCode::kDeadlineExceeded, "20 ms"));
  coordinator::v1::ClientMessage join;
  join.mutable_join()->set_protocol(1);
  ASSERT_OK(link->Write(join));
  absl::StatusOr<coordinator::v1::ServerMessage> answer = link->Read();
  for (int i = 0; i < 200 && answer.status().code() == StatusCode::kDeadlineExceeded; ++i)
    answer = link->Read();
  EXPECT_OK(answer);
}

TEST_F(LinkTest, ReadsMoreThanItHoldsAhead) {
  Serve(pki_.Coordinator());
  ASSERT_OK_AND_ASSIGN(const auto link, ConnectToCoordinator(config_));
  ASSERT_TRUE(rounds_.Await([&] { return rounds_.connected == 1; }));
  coordinator::v1::ServerMessage message;
  for (std::uint64_t r = 1; r <= 500; ++r) {
    message.mutable_closed()->set_round(r);
    rounds_.links[TestPki::ClientUri("acme")]->Send(message);
  }
  for (std::uint64_t r = 1; r <= 500; ++r) {
    ASSERT_OK_AND_ASSIGN(const auto read, link->Read());
    ASSERT_EQ(read.closed().round(), r);
  }
}

TEST_F(LinkTest, AVanishedCoordinatorIsUnavailable) {
  Serve(pki_.Coordinator());
  ASSERT_OK_AND_ASSIGN(const auto link, ConnectToCoordinator(config_));
  server_.reset();
  EXPECT_THAT(link->Read(), StatusIs(StatusCode::kUnavailable, ""));
}

}  // namespace
}  // namespace veilsum::client
