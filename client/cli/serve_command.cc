#include "client/cli/serve_command.h"

#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>

#include "base/stop_on_signal.h"
#include "client/cli/finish.h"
#include "client/cli/release_updates.h"
#include "client/serve/http_endpoint.h"
#include "client/serve/rpc/grpc_endpoint.h"

namespace veilsum::client {
namespace {

constexpr std::chrono::milliseconds kLookEvery{200};

void Say(const std::string& line) { std::fprintf(stderr, "veilsum-client: %s\n", line.c_str()); }

absl::StatusOr<std::unique_ptr<FeedbackLog>> OpenFeedback(const ServeOptions& options,
                                                          const ServingModel& model) {
  if (options.feedback.empty()) return std::unique_ptr<FeedbackLog>();
  const std::shared_ptr<const Predictor> predictor = model.Get();
  if (predictor == nullptr)
    return FailedPrecondition("--feedback needs a release: its plan says what a row is");
  return FeedbackLog::Open(predictor->plan(), options.feedback,
                           {options.known.begin(), options.known.end()});
}

// An error that lasts is told once.
void Follow(StoreFollower& follower, std::string& told) {
  const absl::StatusOr<bool> changed = follower.Look();
  const std::string now(changed.ok() ? "" : changed.status().message());
  if (!now.empty() && now != told) Say(now);
  if (changed.ok() && *changed) {
    Say("another release serves");
    if (!follower.personal().ok())
      Say("without the personal model: " + std::string(follower.personal().message()));
  }
  told = now;
}

// Looks for releases and reports, on a thread of its own until it is destroyed. Looks are a whole
// number of `every` apart, whatever one of them has to do with the merchant's rows.
class UpdateLoop {
 public:
  UpdateLoop(ReleaseUpdates updates, std::chrono::seconds every, const ServingApi& api)
      : updates_(std::move(updates)), every_(every), api_(api), thread_([this] { Run(); }) {}
  ~UpdateLoop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  UpdateLoop(const UpdateLoop&) = delete;
  UpdateLoop& operator=(const UpdateLoop&) = delete;

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    for (auto next = std::chrono::steady_clock::now(); !stopping_;) {
      lock.unlock();
      Look();
      lock.lock();
      while (next <= std::chrono::steady_clock::now()) next += every_;
      wake_.wait_until(lock, next, [this] { return stopping_; });
    }
  }
  // An error that lasts is told once.
  void Look() {
    const absl::StatusOr<UpdateReport> report = updates_.Look(api_.Count());
    const absl::Status& status = report.ok() ? report->status : report.status();
    const std::string now(status.message());
    if (!now.empty() && now != told_) Say("no release was taken: " + now);
    told_ = now;
  }

  ReleaseUpdates updates_;
  const std::chrono::seconds every_;
  const ServingApi& api_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::string told_;
  std::thread thread_;  // last: it uses the rest
};

absl::StatusOr<std::unique_ptr<UpdateLoop>> LookForReleases(const ServeOptions& options,
                                                            const std::string& version,
                                                            const ServingApi& api) {
  if (options.config.empty()) return std::unique_ptr<UpdateLoop>();
  if (options.release.store.empty())
    return InvalidArgument("--config needs --store: releases are looked for into it");
  VEILSUM_ASSIGN_OR_RETURN(const ClientConfig config, ReadClientConfig(options.config));
  return std::make_unique<UpdateLoop>(ReleaseUpdates(config, options.release.store, version),
                                      std::chrono::seconds(options.look_seconds), api);
}

absl::Status Serve(const ServeOptions& options, const std::string& version) {
  std::promise<void> stop;
  const StopOnSignal signals([&](int) { stop.set_value(); });
  ServingModel model;
  std::optional<StoreFollower> follower;
  if (!options.release.store.empty()) {
    follower.emplace(options.release.store, model, options.release.personal);
    VEILSUM_RETURN_IF_ERROR(follower->Look().status());
    VEILSUM_RETURN_IF_ERROR(follower->personal());
  } else {
    VEILSUM_ASSIGN_OR_RETURN(std::shared_ptr<const Predictor> predictor,
                             LoadPredictor(options.release));
    model.Set(std::move(predictor));
  }
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<FeedbackLog> feedback,
                           OpenFeedback(options, model));
  ServingApi api(model, feedback.get());
  const bool six = options.address.find(':') != std::string::npos;
  const std::string host = six ? "[" + options.address + "]" : options.address;
  VEILSUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<HttpServer> endpoint,
      StartHttpEndpoint(
          {.address = absl::StrFormat("%s:%d", host, options.port), .threads = options.threads},
          api));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<UpdateLoop> updates,
                           LookForReleases(options, version, api));
  std::unique_ptr<GrpcEndpoint> rpc;
  if (options.grpc_port) {
    VEILSUM_ASSIGN_OR_RETURN(
        rpc, GrpcEndpoint::Start(absl::StrFormat("%s:%d", host, *options.grpc_port), api));
  }
  std::printf(
      "{\"address\":\"%s:%d\"%s}\n", host.c_str(), endpoint->port(),
      rpc == nullptr ? "" : absl::StrFormat(",\"grpc\":\"%s:%d\"", host, rpc->port()).c_str());
  std::fflush(stdout);
  std::string told;
  const std::future<void> stopped = stop.get_future();
  while (stopped.wait_for(kLookEvery) == std::future_status::timeout) {
    if (follower) Follow(*follower, told);
    if (rpc != nullptr) rpc->TellHealth();
  }
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddServeCommand(CLI::App& app, ServeOptions& options) {
  CLI::App* serve = app.add_subcommand("serve",
                                       "Predictions and recommendations over HTTP on loopback; "
                                       "what is asked and answered stays here");
  AddReleaseOptions(*serve, options.release);
  AddPersonalOption(*serve, options.release);
  serve->add_option("--address", options.address, "127.0.0.1 or ::1")->capture_default_str();
  serve->add_option("--port", options.port, "0: any free one")->capture_default_str();
  serve->add_option("--threads", options.threads, "connections at one time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  serve->add_option("--grpc-port", options.grpc_port,
                    "gRPC beside it at the same address; 0: any free one; default: none");
  serve
      ->add_option("--config", options.config,
                   "client.toml: look for releases at the coordinator, and report how they serve")
      ->type_name("FILE");
  serve->add_option("--look-seconds", options.look_seconds, "with --config: time between looks")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  serve
      ->add_option("--feedback", options.feedback,
                   "record what came of predictions here, as data for the next run")
      ->type_name("DIR");
  serve
      ->add_option("--data", options.known,
                   "with --feedback: the merchant's own data, whose customers are in training")
      ->type_name("DIR");
  return serve;
}

ExitCode RunServe(const ServeOptions& options, const std::string& version) {
  return Finish(Serve(options, version));
}

}  // namespace veilsum::client
