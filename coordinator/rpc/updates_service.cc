#include "coordinator/rpc/updates_service.h"

#include <fstream>

#include "base/file.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/veto_vote.h"
#include "coordinator/rpc/finished_calls.h"
#include "coordinator/rpc/office_call.h"
#include "model/release/package.h"
#include "model/rollout/metadata.h"

namespace veilsum::coordinator {
namespace {

using rollout::v1::FilePart;

// Sends an open file in frames, each read when the one before is on its way: a call holds one frame
// of it in memory. Deletes itself.
class FileCall final : public grpc::ServerWriteReactor<FilePart> {
 public:
  FileCall(grpc::CallbackServerContext* context, std::ifstream file,
           std::chrono::milliseconds deadline)
      : file_(std::move(file)), deadline_(context) {
    deadline_.Start(deadline);
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) return Next();
    Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the peer takes no more"));
  }
  void OnDone() override {
    deadline_.End();
    delete this;
  }

 private:
  void Next() {
    std::string& data = *part_.mutable_data();
    data.resize(kFrameBytes);
    file_.read(data.data(), static_cast<std::streamsize>(data.size()));
    data.resize(static_cast<std::size_t>(file_.gcount()));
    if (file_.bad()) return Finish(ToGrpc(Unavailable("the file cannot be read")));
    if (data.empty()) return Finish(grpc::Status::OK);
    StartWrite(&part_);
  }

  std::ifstream file_;
  CallDeadline deadline_;
  FilePart part_;
};

ClientReport ReportOf(const SpiffeId& caller, const rollout::v1::ReportRequest& request) {
  ClientReport out;
  out.client = caller.ToString();
  out.time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  out.result = request.result();
  out.code = request.code();
  out.digest = request.digest();
  out.wanted = request.wanted();
  out.shadow = request.shadow();
  out.fell_back = request.fell_back();
  out.offline_alarm = request.offline_alarm();
  out.client_version = request.client_version();
  out.requests = request.requests();
  out.errors = request.errors();
  out.latency = {request.latency().begin(), request.latency().end()};
  return out;
}

VetoVote VoteOf(const ClientReport& report, const rollout::v1::Veto& veto) {
  return {report.client, veto.release(),        veto.stage(),
          veto.veto(),   veto.epsilon_millis(), report.time};
}

// A folder is of the federation that its first root names; before there is one it is nobody's. Read
// at each call, because the folder may be made while the coordinator serves.
absl::Status CheckOwner(const std::filesystem::path& folder, const std::string& federation) {
  const absl::StatusOr<std::string> file =
      ReadFile(folder / veilsum::rollout::MetadataPath(veilsum::rollout::Role::kRoot, 1),
               veilsum::rollout::MaxBytes(veilsum::rollout::Role::kRoot));
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(file.status());
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, veilsum::rollout::PayloadOf(*file));
  VEILSUM_ASSIGN_OR_RETURN(const veilsum::rollout::Root root, veilsum::rollout::ParseRoot(payload));
  if (root.federation_id == federation) return absl::OkStatus();
  return FailedPrecondition("[rollout] repository is of federation %s, not of %s",
                            root.federation_id, federation);
}

}  // namespace

absl::Status UpdatesService::CheckServes(const SpiffeId& caller) const {
  if (standby_) return Unavailable("a standby: ask the coordinator that leads");
  if (folder_.empty()) return FailedPrecondition("this coordinator hands out no releases");
  return CheckOwner(folder_, caller.domain());
}

absl::StatusOr<std::filesystem::path> UpdatesService::FileFor(const SpiffeId& caller,
                                                              const std::string& path) const {
  VEILSUM_RETURN_IF_ERROR(CheckServes(caller));
  const absl::Status none = NotFound("there is no such file");
  if (!veilsum::rollout::IsRepositoryPath(path)) return none;
  if (path.starts_with("director/") && path != veilsum::rollout::DirectorPath(caller.ToString()))
    return none;
  const std::filesystem::path file = folder_ / path;
  std::error_code error;
  const auto status = std::filesystem::symlink_status(file, error);  // a link leads elsewhere
  if (error || !std::filesystem::is_regular_file(status)) return none;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error || size > release::kMaxPackageBytes) return none;
  return file;
}

grpc::ServerWriteReactor<FilePart>* UpdatesService::FetchFile(
    grpc::CallbackServerContext* context, const rollout::v1::FetchFileRequest* request) {
  auto file = [&]() -> absl::StatusOr<std::ifstream> {
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId caller,
                             gate_->Admit(context->auth_context().get(), SpiffeRole::kClient));
    VEILSUM_ASSIGN_OR_RETURN(const std::filesystem::path path, FileFor(caller, request->path()));
    if (request->offset() > release::kMaxPackageBytes)
      return InvalidArgument("offset is %d, at most %d", request->offset(),
                             release::kMaxPackageBytes);
    std::ifstream in(path, std::ios::binary);
    if (!in.seekg(static_cast<std::streamoff>(request->offset())))
      return NotFound("there is no such file");
    return in;
  }();
  if (!file.ok()) return new RefusedCall<grpc::ServerWriteReactor<FilePart>>(file.status());
  return new FileCall(context, *std::move(file), limits_.stream_deadline);
}

grpc::ServerUnaryReactor* UpdatesService::Report(grpc::CallbackServerContext* context,
                                                 const rollout::v1::ReportRequest* request,
                                                 rollout::v1::ReportResponse*) {
  return OfficeCall(context, *gate_, worker_, [this, request](const Principal& caller) {
    if (caller.id.role() != SpiffeRole::kClient)
      return PermissionDenied("reports are of clients, yours is %s", RoleName(caller.id.role()));
    VEILSUM_RETURN_IF_ERROR(CheckServes(caller.id));
    const ClientReport report = ReportOf(caller.id, *request);
    VEILSUM_RETURN_IF_ERROR(SaveReport(folder_, report));
    if (!request->has_veto()) return absl::OkStatus();
    return SaveVote(folder_, VoteOf(report, request->veto()));
  });
}

}  // namespace veilsum::coordinator
