#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

grpc::Status ToGrpc(const absl::Status& status) {
  constexpr std::size_t kMaxMessage = 1024;  // it travels in a header
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const bool ours = status.code() == absl::StatusCode::kInternal ||
                    status.code() == absl::StatusCode::kDataLoss ||
                    status.code() == absl::StatusCode::kUnknown;
  if (ours) return grpc::Status(code, "internal error of the coordinator");
  return grpc::Status(code, std::string(status.message().substr(0, kMaxMessage)));
}

}  // namespace veilsum::coordinator
