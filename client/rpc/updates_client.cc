#include "client/rpc/updates_client.h"

#include <grpcpp/completion_queue.h>

#include "client/rpc/secure_channel.h"
#include "model/release/refusal.h"
#include "veilsum/rollout/v1/rollout.grpc.pb.h"

namespace veilsum::client {
namespace {

using rollout::v1::FilePart;
using rollout::v1::Updates;

// One FetchFile, each step of which is given only so long.
class FileTransfer {
 public:
  FileTransfer(Updates::Stub& stub, const rollout::v1::FetchFileRequest& request,
               std::chrono::milliseconds patience)
      : patience_(patience), reader_(stub.PrepareAsyncFetchFile(&context_, request, &queue_)) {
    reader_->StartCall(this);
    open_ = Await();
  }
  ~FileTransfer() {
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  FileTransfer(const FileTransfer&) = delete;
  FileTransfer& operator=(const FileTransfer&) = delete;

  // False at the end, whatever it is.
  bool Read(FilePart& part) {
    if (!open_) return false;
    reader_->Read(&part, this);
    return open_ = Await();
  }
  void Cancel() { context_.TryCancel(); }
  // Of the call; DeadlineExceeded when a step took too long.
  absl::Status Finish() {
    grpc::Status status;
    reader_->Finish(&status, this);
    Await();
    return stalled_ ? absl::DeadlineExceededError("nothing comes") : FromGrpc(status);
  }
  bool stalled() const { return stalled_; }

 private:
  bool Await() {
    void* tag;
    bool ok = false;
    const auto deadline = std::chrono::system_clock::now() + patience_;
    if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) return ok;
    stalled_ = true;
    context_.TryCancel();
    queue_.Next(&tag, &ok);  // a cancelled step ends
    return false;
  }

  const std::chrono::milliseconds patience_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReader<FilePart>> reader_;
  bool open_ = false, stalled_ = false;
};

class GrpcUpdatesClient final : public UpdatesClient {
 public:
  GrpcUpdatesClient(const LinkConfig& config, std::shared_ptr<grpc::Channel> channel,
                    std::chrono::milliseconds patience)
      : timeout_(config.transfer_timeout), patience_(patience), stub_(std::move(channel)) {}

  absl::Status Fetch(const std::string& path, const Sink& sink) override {
    rollout::v1::FetchFileRequest request;
    request.set_path(path);
    for (;;) {
      const std::uint64_t before = request.offset();
      const absl::Status status = FetchFrom(request, sink);
      const bool broken = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                          absl::IsCancelled(status);
      if (!broken || request.offset() == before) return status;
    }
  }

  absl::Status Report(const rollout::v1::ReportRequest& report) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_);
    rollout::v1::ReportResponse response;
    return FromGrpc(stub_.Report(&context, report, &response));
  }

 private:
  // Moves the request's offset past what the sink was given.
  absl::Status FetchFrom(rollout::v1::FetchFileRequest& request, const Sink& sink) {
    FileTransfer transfer(stub_, request, patience_);
    FilePart part;
    absl::Status taken;
    while (transfer.Read(part)) {
      taken = sink(part.data());
      if (!taken.ok()) break;
      request.set_offset(request.offset() + part.data().size());
    }
    if (!taken.ok()) transfer.Cancel();
    const absl::Status status = transfer.Finish();
    if (!taken.ok()) return taken;
    if (transfer.stalled())
      return release::Refuse(release::Refusal::kTooSlow, "%s: nothing came for %d ms",
                             request.path(), patience_.count());
    return status;
  }

  const std::chrono::milliseconds timeout_, patience_;
  Updates::Stub stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<UpdatesClient>> UpdatesClient::Connect(
    const LinkConfig& config, std::chrono::milliseconds patience) {
  VEILSUM_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, OpenSecureChannel(config));
  return std::make_unique<GrpcUpdatesClient>(config, std::move(channel), patience);
}

}  // namespace veilsum::client
