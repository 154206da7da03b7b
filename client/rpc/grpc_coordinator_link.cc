#include "client/rpc/grpc_coordinator_link.h"

#include <algorithm>
#include <mutex>

#include "client/rpc/open_calls.h"
#include "client/rpc/participate_stream.h"
#include "client/rpc/secure_channel.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kFrameBytes = 256 * 1024;

class GrpcCoordinatorLink final : public CoordinatorLink {
 public:
  GrpcCoordinatorLink(LinkConfig config, std::shared_ptr<grpc::Channel> channel)
      : config_(std::move(config)),
        stub_(channel),
        shown_(config_.tls),
        transfers_(std::make_shared<coordinator::v1::Rounds::Stub>(std::move(channel))),
        stream_(stub_) {}
  ~GrpcCoordinatorLink() override { Close(); }

  absl::StatusOr<coordinator::v1::ServerMessage> Read() override {
    return stream_.Read(config_.read_timeout);
  }
  absl::Status Write(const coordinator::v1::ClientMessage& message) override {
    return stream_.Write(message, config_.write_timeout);
  }

  absl::Status Upload(std::uint64_t round, ByteView words) override {
    OpenCall call(calls_, config_.upload_timeout);
    secagg::v1::UploadReceipt receipt;
    const auto stub = Transfers();
    const auto writer = stub->Upload(call.context(), &receipt);
    secagg::v1::UploadFrame frame;
    frame.set_round(round);
    do {
      const ByteView part = words.first(std::min(words.size(), kFrameBytes));
      words = words.subspan(part.size());
      frame.set_words(part.data(), part.size());
      if (!writer->Write(frame)) break;  // refused: Finish says why
      frame.clear_round();
    } while (!words.empty());
    writer->WritesDone();
    return FromGrpc(writer->Finish());
  }

  absl::StatusOr<Bytes> FetchModel(const Hash32& model_hash, std::size_t limit) override {
    OpenCall call(calls_, config_.transfer_timeout);
    coordinator::v1::FetchModelRequest request;
    request.set_model_hash(model_hash.data(), model_hash.size());
    const auto stub = Transfers();
    const auto reader = stub->FetchModel(call.context(), request);
    coordinator::v1::ModelFrame frame;
    Bytes model;
    const bool within = GatherFrames(*reader, frame, limit, model);
    if (!within) call.context()->TryCancel();
    const grpc::Status status = reader->Finish();
    if (!within) return ResourceExhausted("the model has more than %d bytes", limit);
    VEILSUM_RETURN_IF_ERROR(FromGrpc(status));
    return model;
  }

  void Close() override {
    calls_.CancelAll();
    stream_.Close();
  }

 private:
  // What transfers go over: a new connection once the leaf has been renewed. If that cannot be made
  // now, the old one may still do.
  std::shared_ptr<coordinator::v1::Rounds::Stub> Transfers() {
    const std::lock_guard lock(mutex_);
    const auto current = config_.current ? config_.current() : shown_;
    if (current != shown_) {
      LinkConfig config = config_;
      config.tls = current;
      if (auto channel = OpenSecureChannel(config); channel.ok()) {
        transfers_ = std::make_shared<coordinator::v1::Rounds::Stub>(*std::move(channel));
        shown_ = current;
      }
    }
    return transfers_;
  }

  const LinkConfig config_;
  coordinator::v1::Rounds::Stub stub_;
  std::mutex mutex_;
  std::shared_ptr<const TlsIdentity> shown_;                  // guarded by mutex_
  std::shared_ptr<coordinator::v1::Rounds::Stub> transfers_;  // likewise
  OpenCalls calls_;
  ParticipateStream stream_;  // last: it goes first, and waits for gRPC
};

}  // namespace

absl::StatusOr<std::unique_ptr<CoordinatorLink>> ConnectToCoordinator(const LinkConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, OpenSecureChannel(config));
  return std::make_unique<GrpcCoordinatorLink>(config, std::move(channel));
}

}  // namespace veilsum::client
