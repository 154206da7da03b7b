// Notes how operators' calls end: which, with what code, after how long.
#pragma once

#include <grpcpp/support/server_interceptor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

namespace veilsum::coordinator {

// Called from gRPC's threads. `method`: "StartRun" and the like, a literal; `code` is gRPC's.
using CallAnswered =
    std::function<void(std::string_view method, int code, std::chrono::nanoseconds took)>;

// For grpc::ServerBuilder. Calls of other services, and those that the guard has refused, are not
// noted.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> WatchAnsweredCalls(
    CallAnswered answered);

}  // namespace veilsum::coordinator
