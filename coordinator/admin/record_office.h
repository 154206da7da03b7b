// Publications, revocations and rollout stages on their way into a ledger, and the approvals that
// some of them need: of two different operators, each by its own certificate
// (audit-rollout-tenancy-operations B3). Approvals lie in a file beside the store and are never
// taken back; what they are for can happen once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "coordinator/admin/record_backend.h"
#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/ledger_view.h"

namespace veilsum::coordinator {

class RecordOffice final : public RecordBackend {
 public:
  // What to append goes to `append`, as LedgerAppender::AppendEntries, and may be made after it has
  // given up; `ledger` shows the result and must outlive the office. DataLoss: the file is not what
  // an office wrote.
  using Append = std::function<absl::Status(const LedgerAppender::Make& make)>;
  static absl::StatusOr<std::unique_ptr<RecordOffice>> Open(std::filesystem::path approvals,
                                                            Append append, LedgerView& ledger);

  absl::StatusOr<admin::v1::ApproveResponse> Approve(
      const SpiffeId& caller, const admin::v1::ApproveRequest& request) override;
  absl::StatusOr<admin::v1::RecordResponse> Record(
      const SpiffeId& caller, const admin::v1::RecordRequest& request) override;

 private:
  struct Subject {
    std::string release, rollout;  // hex; empty: the revocation
    friend auto operator<=>(const Subject&, const Subject&) = default;
  };
  using Approvals = std::map<Subject, std::set<std::string>>;
  RecordOffice(std::filesystem::path file, Append append, LedgerView& ledger)
      : file_(std::move(file)), append_(std::move(append)), ledger_(ledger) {}
  static std::string JsonOf(const Approvals& approvals);
  absl::Status Load();
  std::vector<std::string> ApproversOf(const Subject& subject) const;
  absl::Status Publish(const admin::v1::ReleasePublished& published);
  absl::Status Revoke(const admin::v1::ReleaseRevoked& revoked,
                      std::vector<std::string>& approvers);
  absl::Status Move(const SpiffeId& caller, const admin::v1::RolloutTransition& moved,
                    std::vector<std::string>& approvers);

  const std::filesystem::path file_;
  const Append append_;
  LedgerView& ledger_;
  mutable std::mutex mutex_;
  Approvals approvals_;  // guarded by mutex_
};

}  // namespace veilsum::coordinator
