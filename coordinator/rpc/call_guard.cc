#include "coordinator/rpc/call_guard.h"

#include <algorithm>

#include "coordinator/authz/permissions.h"
#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {
namespace {

constexpr std::chrono::milliseconds kSweep{500};

}  // namespace

absl::Status CallGuard::Check(std::string_view path, const grpc::AuthContext* context) const {
  if (anonymous_) {
    const Permission* permission = FindPermission(path);
    return permission != nullptr && permission->anonymous
               ? absl::OkStatus()
               : Unauthenticated("SA-38: this call needs a certificate");
  }
  VEILSUM_ASSIGN_OR_RETURN(const Principal principal, gate_->Identify(context));
  VEILSUM_RETURN_IF_ERROR(CheckPermission(path, principal.id.role()));
  const std::string& holder = QuotaHolder(principal.id);
  if (calls_ == nullptr || calls_->Take(holder, std::chrono::steady_clock::now()))
    return absl::OkStatus();
  if (observer_ != nullptr) observer_->Limited("calls", holder);
  return ResourceExhausted("%s begins too many calls", holder);
}

grpc::Status CallGuard::Process(const InputMetadata& metadata, grpc::AuthContext* context,
                                OutputMetadata*, OutputMetadata*) {
  const auto path = metadata.find(":path");
  if (path == metadata.end()) return ToGrpc(PermissionDenied("a call without a path is refused"));
  const absl::Status checked = Check({path->second.data(), path->second.size()}, context);
  if (observer_ != nullptr && !checked.ok() && !absl::IsResourceExhausted(checked))
    observer_->Denied(absl::IsUnauthenticated(checked) ? "certificate" : "permission");
  return ToGrpc(checked);
}

// Lives exactly as long as gRPC's own record of the call.
class OpenStreams::Watch final : public grpc::experimental::Interceptor {
 public:
  Watch(OpenStreams& all, grpc::ServerContextBase* context) : all_(all), context_(context) {}
  ~Watch() override { all_.Remove(this); }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::POST_RECV_INITIAL_METADATA))
      all_.Add(this);
    methods->Proceed();
  }
  grpc::ServerContextBase* context() const { return context_; }

 private:
  OpenStreams& all_;
  grpc::ServerContextBase* const context_;
};

class OpenStreams::WatchFactory final
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit WatchFactory(OpenStreams& all) : all_(all) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    // A unary call is over soon; it was checked when it began.
    if (info->type() == grpc::experimental::ServerRpcInfo::Type::UNARY) return nullptr;
    return new Watch(all_, info->server_context());
  }

 private:
  OpenStreams& all_;
};

OpenStreams::OpenStreams(std::shared_ptr<const PeerGate> gate, std::size_t of_a_tenant,
                         RpcObserver* observer)
    : gate_(std::move(gate)), of_a_tenant_(of_a_tenant), observer_(observer) {
  thread_ = std::thread([this] {
    std::unique_lock<std::recursive_mutex> lock(mutex_);
    while (!stopping_) {
      wake_.wait_for(lock, kSweep, [this] { return stopping_ || look_now_; });
      look_now_ = false;
      Sweep();
    }
  });
}

OpenStreams::~OpenStreams() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> OpenStreams::Factory() {
  return std::make_unique<WatchFactory>(*this);
}

void OpenStreams::Add(Watch* watch) {
  // The guard has let it in; a peer that is no longer good is refused by the handler as well.
  const auto peer = gate_->Identify(watch->context()->auth_context().get());
  if (!peer.ok()) return;
  const std::lock_guard lock(mutex_);
  const std::string& holder = QuotaHolder(peer->id);
  const auto same = std::ranges::count_if(open_, [&](const auto& entry) {
    return !entry.second.excess && QuotaHolder(entry.second.peer.id) == holder;
  });
  const bool excess = static_cast<std::size_t>(same) >= of_a_tenant_;
  open_.insert({watch, {*peer, excess}});
  if (!excess) return;
  // Not here: the call is only about to begin.
  if (observer_ != nullptr) observer_->Limited("streams", holder);
  look_now_ = true;
  wake_.notify_all();
}

void OpenStreams::Remove(Watch* watch) {
  const std::lock_guard lock(mutex_);
  open_.erase(watch);
}

// Under mutex_, so that no call is gone before it is cancelled.
void OpenStreams::Sweep() {
  const WallTime now = std::chrono::system_clock::now();
  const auto is_over = [&](const auto& entry) {
    const Principal& peer = entry.second.peer;
    return entry.second.excess || !gate_->CheckDenied(peer).ok() || now > gate_->LatestEnd(peer);
  };
  for (auto it = std::ranges::find_if(open_, is_over); it != open_.end();
       it = std::ranges::find_if(open_, is_over)) {
    grpc::ServerContextBase* const context = it->first->context();
    open_.erase(it);
    ++cut_;
    context->TryCancel();
  }
}

}  // namespace veilsum::coordinator
