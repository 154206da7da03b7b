#include "cli/demo/run/admin_run_control.h"

#include <poll.h>

#include <atomic>
#include <mutex>

namespace veilsum::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kBetweenAttempts{200};
constexpr milliseconds kConnect{3000};
constexpr std::size_t kModelLimit = std::size_t{1} << 30;

class AdminRunControl final : public RunControl {
 public:
  AdminRunControl(client::LinkConfig config, milliseconds patience, int cancel)
      : config_(std::move(config)), patience_(patience), cancel_(cancel) {}

  absl::StatusOr<admin::v1::StartRunResponse> Start(
      const admin::v1::StartRunRequest& request) override {
    VEILSUM_ASSIGN_OR_RETURN(const auto client, Connected());
    return client->StartRun(
        request);  // idempotent for equal input, but the caller decides whether to try again
  }

  absl::Status Watch(
      const std::string& run_id,
      const std::function<bool(const admin::v1::RunProgress&)>& on_progress) override {
    while (true) {
      VEILSUM_ASSIGN_OR_RETURN(const auto client, Connected());
      const absl::Status status = client->WatchRun(run_id, on_progress);
      if (!absl::IsUnavailable(status) || interrupted_) return status;
      Forget(client);
    }
  }

  absl::StatusOr<Bytes> Model(const std::string& run_id, ByteView model_hash) override {
    VEILSUM_ASSIGN_OR_RETURN(const auto client, Connected());
    return client->GetModel(run_id, model_hash, kModelLimit);
  }

  absl::Status Stop(const std::string& run_id, const std::string& reason) override {
    client::LinkConfig config = config_;
    config.connect_timeout = kConnect;
    VEILSUM_ASSIGN_OR_RETURN(const auto client, client::AdminClient::Connect(config));
    return client->StopRun(run_id, reason);
  }

  void Interrupt() override {
    interrupted_ = true;
    const std::lock_guard lock(mutex_);
    if (client_) client_->Close();
  }

  // The connection, made when there is none: tried again until `patience` is over.
  absl::StatusOr<std::shared_ptr<client::AdminClient>> Connected() {
    const auto deadline = steady_clock::now() + patience_;
    while (true) {
      if (interrupted_) return absl::UnavailableError("stopped");
      const absl::StatusOr<std::shared_ptr<client::AdminClient>> client = ConnectOnce();
      if (client.ok() || !absl::IsUnavailable(client.status()) || steady_clock::now() >= deadline)
        return client;
      pollfd wait{.fd = cancel_, .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, static_cast<int>(kBetweenAttempts.count())) > 0) return client;
    }
  }

 private:
  absl::StatusOr<std::shared_ptr<client::AdminClient>> ConnectOnce() {
    {
      const std::lock_guard lock(mutex_);
      if (client_) return client_;
    }
    client::LinkConfig config = config_;
    config.connect_timeout = kConnect;
    VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<client::AdminClient> made,
                             client::AdminClient::Connect(config));
    const std::lock_guard lock(mutex_);
    if (!client_) client_ = std::move(made);
    if (interrupted_) client_->Close();
    return client_;
  }

  void Forget(const std::shared_ptr<client::AdminClient>& client) {
    const std::lock_guard lock(mutex_);
    if (client_ == client) client_.reset();
  }

  const client::LinkConfig config_;
  const milliseconds patience_;
  const int cancel_;
  std::atomic<bool> interrupted_ = false;
  std::mutex mutex_;
  std::shared_ptr<client::AdminClient> client_;  // guarded by mutex_
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunControl>> ConnectRunControl(const client::LinkConfig& config,
                                                              milliseconds patience, int cancel) {
  auto control = std::make_unique<AdminRunControl>(config, patience, cancel);
  VEILSUM_RETURN_IF_ERROR(control->Connected().status());
  return control;
}

}  // namespace veilsum::cli
