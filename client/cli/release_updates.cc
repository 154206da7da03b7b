#include "client/cli/release_updates.h"

#include <chrono>
#include <cstdio>
#include <limits>

#include "base/file.h"
#include "client/cli/veto_booth.h"
#include "client/rpc/updates_client.h"

namespace veilsum::client {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};
constexpr std::uint64_t kFewestRequests = 50;  // below, a count says too much about each of them

rollout::v1::ReportRequest RequestOf(const UpdateReport& report, const std::string& version,
                                     const ServingCount& serving) {
  rollout::v1::ReportRequest out;
  out.set_result(std::string(UpdateReport::NameOf(report.kind)));
  out.set_code(report.code);
  out.set_digest(report.digest);
  out.set_wanted(report.wanted);
  out.set_shadow(report.shadow);
  out.set_fell_back(report.fell_back);
  out.set_offline_alarm(report.offline_alarm);
  out.set_client_version(version);
  if (serving.requests < kFewestRequests) return out;
  out.set_requests(serving.requests);
  out.set_errors(serving.errors);
  for (const std::uint64_t count : serving.latency) out.add_latency(count);
  return out;
}

absl::StatusOr<TlsIdentity> ReadTls(const KeyFiles& keys) {
  std::optional<SecretText> passphrase;
  if (!keys.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(keys.passphrase));
  }
  return LoadTlsIdentity(keys.root, keys.tls_certificate, keys.tls_key,
                         std::chrono::system_clock::now(), passphrase ? &*passphrase : nullptr);
}

}  // namespace

absl::StatusOr<ModelStore> OpenOrCreateStore(const std::string& folder, const std::string& root) {
  absl::StatusOr<ModelStore> store = ModelStore::Open(folder);
  if (store.ok() || !absl::IsNotFound(store.status())) return store;
  if (root.empty())
    return InvalidArgument("%s has no store yet: give --root, received out of band", folder);
  VEILSUM_ASSIGN_OR_RETURN(const std::string file,
                           ReadFile(root, rollout::MaxBytes(rollout::Role::kRoot)));
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, rollout::PayloadOf(file));
  VEILSUM_RETURN_IF_ERROR(rollout::ParseRoot(payload).status());
  return ModelStore::Create(folder, file);
}

ServingCount ReleaseUpdates::SinceItServes(const std::string& digest, const ServingCount& serving) {
  if (digest != counted_) {
    // A process that has just begun has served nothing else yet.
    before_ = counted_.empty() ? ServingCount() : serving;
    counted_ = digest;
  }
  ServingCount out = serving;
  out.requests -= before_.requests;
  out.errors = std::min(out.errors - before_.errors, out.requests);  // some were under way
  out.rows -= before_.rows;
  for (std::size_t i = 0; i < out.latency.size(); ++i) out.latency[i] -= before_.latency[i];
  return out;
}

absl::StatusOr<UpdateReport> ReleaseUpdates::LookAt(const std::string& address,
                                                    const std::shared_ptr<const TlsIdentity>& tls,
                                                    const ServingCount& serving) {
  LinkConfig link;
  link.target = address;
  link.coordinator_id = config_.coordinator_id;
  link.tls = tls;
  link.connect_timeout = kConnectTimeout;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<UpdatesClient> source,
                           UpdatesClient::Connect(link));
  VEILSUM_ASSIGN_OR_RETURN(ModelStore store, ModelStore::Open(store_));
  const SteadyClock clock;
  UpdaterConfig updater;
  updater.client = client_;
  updater.client_version = version_;
  if (epsilon_max_ > 0) updater.policy.epsilon_max = epsilon_max_;
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const UpdateReport report = Updater(store, *source, clock, std::move(updater)).Check(now);
  if (absl::IsUnavailable(report.status)) return report.status;
  rollout::v1::ReportRequest request =
      RequestOf(report, version_, SinceItServes(report.digest, serving));
  AddVote(report, request);
  const absl::Status told = source->Report(request);
  if (!told.ok())
    std::fprintf(stderr, "veilsum-client: the report was not taken: %s\n",
                 std::string(told.message()).c_str());
  DrawVote(store, report);
  return report;
}

bool ReleaseUpdates::IsAsked(const UpdateReport& report) const {
  return config_.veto.mode != VetoMode::kOff && report.channel == "canary";
}

// A bit that an earlier look has drawn; without one the report goes all the same.
void ReleaseUpdates::AddVote(const UpdateReport& report, rollout::v1::ReportRequest& request) {
  if (!IsAsked(report)) return;
  if (voted_.release != report.wanted) {
    const absl::StatusOr<std::optional<KeptVote>> kept = VoteBefore(config_, report);
    if (!kept.ok() || !*kept) return;  // drawing it will say why not
    voted_ = **kept;
  }
  rollout::v1::Veto& veto = *request.mutable_veto();
  veto.set_release(voted_.release);
  veto.set_stage(voted_.stage);
  veto.set_veto(voted_.bit);
  veto.set_epsilon_millis(voted_.epsilon_millis);
}

// For the looks that follow: how long the rows took is not in the time of any report.
void ReleaseUpdates::DrawVote(const ModelStore& store, const UpdateReport& report) const {
  if (!IsAsked(report) || voted_.release == report.wanted) return;
  const absl::Status drawn = VoteOn(config_, store, report).status();
  if (!drawn.ok())
    std::fprintf(stderr, "veilsum-client: no veto bit is drawn: %s\n",
                 std::string(drawn.message()).c_str());
}

absl::StatusOr<UpdateReport> ReleaseUpdates::Look(const ServingCount& serving) {
  VEILSUM_ASSIGN_OR_RETURN(TlsIdentity read, ReadTls(config_.keys));
  const auto tls = std::make_shared<const TlsIdentity>(std::move(read));
  client_ = tls->id.ToString();
  absl::StatusOr<UpdateReport> report = Unavailable("there is no coordinator");
  for (const std::string& address : config_.coordinator_addresses) {
    report = LookAt(address, tls, serving);
    if (!absl::IsUnavailable(report.status())) break;
  }
  return report;
}

}  // namespace veilsum::client
