#include "tests/bench/bare_transfer.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::bench {
namespace {

using grpc::ByteBuffer;

constexpr std::size_t kFrameBytes = 256 * 1024;  // SE-18, as the product's

ByteBuffer Serialised(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return ByteBuffer(&slice, 1);
}

// Frames as FetchModel sends them.
std::vector<ByteBuffer> FramesOf(std::size_t model_bytes) {
  std::vector<ByteBuffer> frames;
  for (std::size_t at = 0; at < model_bytes; at += kFrameBytes) {
    coordinator::v1::ModelFrame frame;
    frame.set_data(std::string(std::min(kFrameBytes, model_bytes - at), 'm'));
    frames.push_back(Serialised(frame));
  }
  return frames;
}

// Reads everything, then answers with an empty message.
class Sink final : public grpc::ServerGenericBidiReactor {
 public:
  Sink() { StartRead(&incoming_); }
  void OnReadDone(bool ok) override {
    if (ok) return StartRead(&incoming_);
    StartWriteAndFinish(&receipt_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  ByteBuffer incoming_;
  ByteBuffer receipt_ = Serialised(secagg::v1::UploadReceipt());
};

// Reads the request, then sends the frames.
class Source final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Source(const std::vector<ByteBuffer>& frames) : frames_(frames) { StartRead(&request_); }
  void OnReadDone(bool) override { Next(); }
  void OnWriteDone(bool) override { Next(); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (sent_ == frames_.size()) return Finish(grpc::Status::OK);
    outgoing_ = frames_[sent_++];  // refers to the same bytes
    StartWrite(&outgoing_);
  }
  const std::vector<ByteBuffer>& frames_;
  std::size_t sent_ = 0;
  ByteBuffer request_, outgoing_;
};

class Server final : public BareServer, private grpc::CallbackGenericService {
 public:
  Server(const TlsIdentity& identity, std::size_t model_bytes) : frames_(FramesOf(model_bytes)) {
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = identity.root.ToPem();
    tls.pem_key_cert_pairs.push_back(
        {std::string(identity.key_pem.Expose()), identity.certificate.ToPem()});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port_);
    builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE,
                               128 * 1024);  // memory: the product's
    // The product's clients ping a silent connection every minute; gRPC alone cuts off whoever does
    // so more often than once in five.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);  // the product's patience
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 30'000);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    VEILSUM_CHECK(server_ != nullptr);
  }
  ~Server() override { server_->Shutdown(std::chrono::system_clock::now()); }
  int port() const override { return port_; }

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method().ends_with("/FetchModel")) return new Source(frames_);
    return new Sink;
  }

  const std::vector<ByteBuffer> frames_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<BareServer> BareServer::Start(const TlsIdentity& identity,
                                              std::size_t model_bytes) {
  return std::make_unique<Server>(identity, model_bytes);
}

}  // namespace veilsum::bench
