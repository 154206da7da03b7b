#include "coordinator/rpc/answered_calls.h"

#include <algorithm>
#include <array>
#include <optional>

namespace veilsum::coordinator {
namespace {

using grpc::experimental::InterceptionHookPoints;

constexpr std::string_view kAdmin = "/veilsum.admin.v1.Admin/";
constexpr std::array<std::string_view, 7> kMethods = {"StartRun", "WatchRun", "StopRun", "GetModel",
                                                      "GetRun",   "Approve",  "Record"};

std::optional<std::string_view> MethodOf(std::string_view path) {
  if (!path.starts_with(kAdmin)) return std::nullopt;
  const auto* const found = std::ranges::find(kMethods, path.substr(kAdmin.size()));
  if (found == kMethods.end()) return std::nullopt;
  return *found;
}

class AnswerWatch final : public grpc::experimental::Interceptor {
 public:
  AnswerWatch(std::string_view method, const CallAnswered& answered)
      : method_(method), answered_(answered) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA))
      began_ = std::chrono::steady_clock::now();
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS))
      answered_(method_, methods->GetSendStatus().error_code(),
                std::chrono::steady_clock::now() - began_);
    methods->Proceed();
  }

 private:
  const std::string_view method_;
  const CallAnswered& answered_;  // of the factory, which the server keeps
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

class AnswerWatchFactory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit AnswerWatchFactory(CallAnswered answered) : answered_(std::move(answered)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const std::optional<std::string_view> method = MethodOf(info->method());
    return method ? new AnswerWatch(*method, answered_) : nullptr;
  }

 private:
  const CallAnswered answered_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> WatchAnsweredCalls(
    CallAnswered answered) {
  return std::make_unique<AnswerWatchFactory>(std::move(answered));
}

}  // namespace veilsum::coordinator
