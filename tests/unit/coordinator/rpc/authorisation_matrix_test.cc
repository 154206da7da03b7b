// Every RPC of every service that is described under proto/, called over a real connection by
// everybody who must not: refused each time. The rows come from the descriptors, so an RPC that is
// added without a row in coordinator/authz/permissions.cc fails here.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <condition_variable>
#include <filesystem>

#include "client/rpc/secure_channel.h"
#include "coordinator/authz/permissions.h"
#include "coordinator/rpc/enroll_server.h"
#include "coordinator/rpc/rpc_server.h"
#include "tests/support/fake_backends.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_office.h"
#include "veilsum/enroll/v1/enroll.grpc.pb.h"
#include "veilsum/tenancy/v1/tenancy.grpc.pb.h"

namespace veilsum::coordinator {
namespace {

namespace pb = google::protobuf;

// The methods of all services under proto/ that a coordinator has, which is relative to where tests
// run.
std::vector<const pb::MethodDescriptor*> AllMethods() {
  std::vector<const pb::MethodDescriptor*> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("proto")) {
    if (entry.path().extension() != ".proto") continue;
    // What a client answers to its own machine: the coordinator has no such service.
    if (entry.path().string().starts_with("proto/veilsum/serving/")) continue;
    std::string text;
    {
      auto read = ReadFile(entry.path());
      EXPECT_OK(read);
      text = *read;
    }
    if (text.find("\nservice ") == std::string::npos) continue;
    const std::string name = std::filesystem::relative(entry.path(), "proto").string();
    const pb::FileDescriptor* file = pb::DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) {
      ADD_FAILURE() << name << " has a service: link it into this test";
      continue;
    }
    for (int s = 0; s < file->service_count(); ++s)
      for (int m = 0; m < file->service(s)->method_count(); ++m)
        out.push_back(file->service(s)->method(m));
  }
  return out;
}

std::string PathOf(const pb::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

// A request that names a tenant wherever it can.
grpc::ByteBuffer RequestFor(const pb::MethodDescriptor& method, const std::string& tenant) {
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> message(factory.GetPrototype(method.input_type())->New());
  if (const pb::FieldDescriptor* field = method.input_type()->FindFieldByName("tenant"))
    message->GetReflection()->SetString(message.get(), field, tenant);
  if (const pb::FieldDescriptor* field = method.input_type()->FindFieldByName("name"))
    message->GetReflection()->SetString(message.get(), field, "c1");
  if (const pb::FieldDescriptor* field = method.input_type()->FindFieldByName("role"))
    message->GetReflection()->SetString(message.get(), field, "client");
  const grpc::Slice slice(message->SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// One message, then the end of the call: the wire of a unary call does for streams as well.
grpc::StatusCode Call(const std::shared_ptr<grpc::Channel>& channel,
                      const pb::MethodDescriptor& method, const std::string& tenant) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const grpc::ByteBuffer request = RequestFor(method, tenant);
  grpc::ByteBuffer response;
  std::mutex mutex;
  std::condition_variable done;
  std::optional<grpc::Status> status;
  stub.UnaryCall(&context, PathOf(method), {}, &request, &response, [&](grpc::Status ended) {
    const std::lock_guard lock(mutex);
    status = std::move(ended);
    done.notify_all();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return status.has_value(); });
  return status->error_code();
}

class AuthorisationMatrix : public testing::Test {
 protected:
  AuthorisationMatrix() : office_(pki_) {
    const Principal op = TestOffice::PrincipalOf(*pki_.Operator());
    for (const char* tenant : {"acme", "bolt", "gone"})
      EXPECT_OK(office_.office->CreateTenant(op, tenant));
    RpcServerConfig config;
    config.tls = pki_.Coordinator();
    config.deny = office_.deny;
    config.office = office_.office.get();
    server_ = *RpcServer::Start(config, rounds_, admin_);
    enroll_ = *EnrollServer::Start("127.0.0.1:0", pki_.Coordinator(), *office_.office);
  }
  // As somebody with any identity at all, without what our own client would check.
  std::shared_ptr<grpc::Channel> As(const TlsIdentity& tls) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = pki_.ca().root().ToPem();
    options.pem_private_key = std::string(tls.key_pem.Expose());
    options.pem_cert_chain = tls.chain().ToPem();
    return Dial(options, server_->port());
  }
  static std::shared_ptr<grpc::Channel> Dial(const grpc::SslCredentialsOptions& options, int port) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrFormat("127.0.0.1:%d", port),
                                     grpc::SslCredentials(options), arguments);
  }
  std::shared_ptr<const TlsIdentity> Spoiled(const std::string& uri,
                                             void (*spoil)(openssl::CertificateRequest&)) const {
    openssl::CertificateRequest request = TestPki::GoodRequest(uri);
    spoil(request);
    return pki_.Spoiled(request, uri);
  }
  static std::string UriOf(SpiffeRole role, const std::string& tenant) {
    switch (role) {
      case SpiffeRole::kClient:
        return TestPki::ClientUri(tenant);
      case SpiffeRole::kTenantOperator:
        return "spiffe://fed.test/tenant/" + tenant + "/operator/op";
      default:
        return absl::StrFormat("spiffe://fed.test/%s/x1", RoleName(role));
    }
  }
  static constexpr SpiffeRole kRoles[] = {SpiffeRole::kClient,   SpiffeRole::kCoordinator,
                                          SpiffeRole::kOperator, SpiffeRole::kTenantOperator,
                                          SpiffeRole::kAuditor,  SpiffeRole::kWitness};
  // Nobody can tell from these whether what was asked for exists.
  static bool Refused(grpc::StatusCode code) {
    return code == grpc::StatusCode::UNAUTHENTICATED ||
           code == grpc::StatusCode::PERMISSION_DENIED || code == grpc::StatusCode::UNAVAILABLE;
  }
  // Every RPC over one connection of somebody who is nobody here.
  void ExpectNothing(const std::shared_ptr<grpc::Channel>& channel, const char* who) {
    for (const pb::MethodDescriptor* method : AllMethods()) {
      EXPECT_TRUE(Refused(Call(channel, *method, "acme"))) << who << " " << PathOf(*method);
      ++asked_;
    }
  }

  const TestPki pki_;
  TestOffice office_;
  FakeRounds rounds_;
  FakeAdmin admin_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<EnrollServer> enroll_;
  int asked_ = 0;
};

TEST_F(AuthorisationMatrix, EveryRpcHasARow) {
  const auto methods = AllMethods();
  EXPECT_GE(methods.size(), 15u);
  for (const pb::MethodDescriptor* method : methods) {
    const Permission* permission = FindPermission(PathOf(*method));
    ASSERT_NE(permission, nullptr) << PathOf(*method) << " has no row in permissions.cc";
    EXPECT_NE(permission->roles.empty(), !permission->anonymous) << PathOf(*method);
  }
}

TEST_F(AuthorisationMatrix, WhoIsNobodyIsRefusedEverything) {
  // With the best role there is, so that nothing but the fault can be the reason.
  for (const SpiffeRole role : kRoles) {
    const std::string uri = UriOf(role, "acme");
    ExpectNothing(As(*Spoiled(uri,
                              [](auto& r) {
                                r.not_before -= 3 * kDay;
                                r.not_after -= 3 * kDay;
                              })),
                  "expired");
    ExpectNothing(
        As(*Spoiled(uri, [](auto& r) { r.uris.push_back("spiffe://fed.test/operator/op"); })),
        "two URIs");
    ExpectNothing(As(*Spoiled(uri,
                              [](auto& r) {
                                r.common_name = r.uris[0];
                                r.uris.clear();
                              })),
                  "CN only");
    ExpectNothing(As(*TestPki().Tls(uri)), "wrong CA");
  }
  grpc::SslCredentialsOptions none;
  none.pem_root_certs = pki_.ca().root().ToPem();
  ExpectNothing(Dial(none, server_->port()), "no certificate");
  std::printf("refused: %d calls\n", asked_);
}

TEST_F(AuthorisationMatrix, TheRevokedAreRefusedEverything) {
  for (const SpiffeRole role : kRoles) {
    const auto tls = pki_.Tls(UriOf(role, "acme"));
    const auto open = As(*tls);
    ASSERT_TRUE(open->WaitForConnected(std::chrono::system_clock::now() + kDay));
    office_.deny->Deny(DeniedKind::kSerial, tls->certificate.SerialHex());
    ExpectNothing(open, "revoked, on an open connection");
    ExpectNothing(As(*tls), "revoked, anew");
  }
  for (const SpiffeRole role : {SpiffeRole::kClient, SpiffeRole::kTenantOperator}) {
    ExpectNothing(As(*pki_.Tls(UriOf(role, "nowhere"))), "of a tenant that nobody created");
    office_.deny->Deny(DeniedKind::kTenant, "gone");
    ExpectNothing(As(*pki_.Tls(UriOf(role, "gone"))), "of a revoked tenant");
  }
}

TEST_F(AuthorisationMatrix, EachRoleCallsItsOwnRpcsAndNoOthers) {
  for (const SpiffeRole role : kRoles) {
    const auto channel = As(*pki_.Tls(UriOf(role, "acme")));
    for (const pb::MethodDescriptor* method : AllMethods()) {
      const bool may = FindPermission(PathOf(*method))->roles.contains(role);
      // The operator may revoke the tenant that it names.
      const grpc::StatusCode code =
          Call(channel, *method, role == SpiffeRole::kOperator ? "gone" : "acme");
      EXPECT_EQ(code == grpc::StatusCode::PERMISSION_DENIED, !may)
          << RoleName(role) << " " << PathOf(*method) << " gives " << code;
    }
  }
}

TEST_F(AuthorisationMatrix, AnotherTenantIsNotFound) {
  int asked = 0;
  for (const SpiffeRole role : {SpiffeRole::kClient, SpiffeRole::kTenantOperator}) {
    const auto channel = As(*pki_.Tls(UriOf(role, "bolt")));
    for (const pb::MethodDescriptor* method : AllMethods()) {
      if (!FindPermission(PathOf(*method))->roles.contains(role)) continue;
      if (method->input_type()->FindFieldByName("tenant") == nullptr) continue;
      ++asked;
      const grpc::StatusCode theirs = Call(channel, *method, "acme");
      EXPECT_EQ(theirs, grpc::StatusCode::NOT_FOUND) << PathOf(*method);
      EXPECT_EQ(Call(channel, *method, "no-such-tenant"), theirs) << "no oracle of existence";
      EXPECT_NE(Call(channel, *method, "bolt"), grpc::StatusCode::NOT_FOUND) << "its own";
    }
  }
  EXPECT_GE(asked, 3);
}

TEST_F(AuthorisationMatrix, TheEnrolmentPortOpensOneRpc) {
  grpc::SslCredentialsOptions none;
  none.pem_root_certs = pki_.ca().root().ToPem();
  const auto channel = Dial(none, enroll_->port());
  for (const pb::MethodDescriptor* method : AllMethods()) {
    const grpc::StatusCode code = Call(channel, *method, "acme");
    if (FindPermission(PathOf(*method))->anonymous)
      EXPECT_EQ(code, grpc::StatusCode::INVALID_ARGUMENT) << "an empty token";
    else
      EXPECT_EQ(code, grpc::StatusCode::UNAUTHENTICATED) << PathOf(*method);
  }
}

}  // namespace
}  // namespace veilsum::coordinator
