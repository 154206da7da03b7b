#include "coordinator/admin/record_office.h"

#include <algorithm>

#include "base/canonical_json.h"
#include "base/file.h"
#include "model/ledger/approvals.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kMostApproved = 4096, kLargestFile = std::size_t{4} << 20;

absl::StatusOr<Hash32> DigestIn(const char* field, const std::string& wire) {
  return ParseFixed<32>(field, AsBytes(wire));
}

// It names an entry and a file: nothing that needs quoting anywhere.
absl::Status CheckRolloutId(const std::string& id) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (id.empty() || id.size() > 128 || !std::ranges::all_of(id, plain))
    return InvalidArgument("rollout_id must be 1 to 128 of letters, digits and . _ -");
  return absl::OkStatus();
}

absl::Status CheckApproved(const char* what, const std::vector<std::string>& approvers) {
  if (approvers.size() >= ledger::kApprovalsNeeded) return absl::OkStatus();
  std::string names;
  for (const std::string& name : approvers) names += (names.empty() ? ": " : ", ") + name;
  return FailedPrecondition(
      "S211: %s needs the approval of %d different operators, has that of %d%s", what,
      ledger::kApprovalsNeeded, approvers.size(), names);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordOffice>> RecordOffice::Open(std::filesystem::path approvals,
                                                                 Append append,
                                                                 LedgerView& ledger) {
  std::unique_ptr<RecordOffice> office(
      new RecordOffice(std::move(approvals), std::move(append), ledger));
  VEILSUM_RETURN_IF_ERROR(office->Load());
  return office;
}

std::string RecordOffice::JsonOf(const Approvals& approvals) {
  Json list = Json::array();
  for (const auto& [subject, approvers] : approvals)
    list.push_back(
        {{"release", subject.release}, {"rollout", subject.rollout}, {"approvers", approvers}});
  const absl::StatusOr<std::string> text = EncodeCanonical({{"approvals", list}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::Status RecordOffice::Load() {
  const absl::StatusOr<std::string> text = ReadFile(file_, kLargestFile);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(text.status());
  const absl::StatusOr<Json> json = ParseCanonical(*text);
  try {
    if (json.ok())
      for (const Json& one : json->at("approvals"))
        approvals_[{one.at("release").get<std::string>(), one.at("rollout").get<std::string>()}] =
            one.at("approvers").get<std::set<std::string>>();
  } catch (const Json::exception&) {
    approvals_.clear();
  }
  if (JsonOf(approvals_) != *text) return DataLoss("%s is damaged", file_.string());
  return absl::OkStatus();
}

std::vector<std::string> RecordOffice::ApproversOf(const Subject& subject) const {
  const std::lock_guard lock(mutex_);
  const auto found = approvals_.find(subject);
  if (found == approvals_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

absl::StatusOr<admin::v1::ApproveResponse> RecordOffice::Approve(
    const SpiffeId& caller, const admin::v1::ApproveRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 release,
                           DigestIn("release_sha256", request.release_sha256()));
  if (!request.rollout_id().empty()) VEILSUM_RETURN_IF_ERROR(CheckRolloutId(request.rollout_id()));
  const Subject subject{HexEncode(release), request.rollout_id()};
  VEILSUM_RETURN_IF_ERROR(
      append_([subject](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
        const auto known = rules.releases().find(subject.release);
        if (known == rules.releases().end() || known->second.revoked)
          return FailedPrecondition("S208: %s is not published, or is revoked", subject.release);
        return LedgerChange();
      }));
  const std::lock_guard lock(mutex_);
  Approvals next = approvals_;
  next[subject].insert(caller.ToString());
  if (next.size() > kMostApproved)
    return ResourceExhausted("more than %d things are approved", kMostApproved);
  VEILSUM_RETURN_IF_ERROR(WriteFile(file_, JsonOf(next), FileMode::kPrivate));
  approvals_ = std::move(next);
  admin::v1::ApproveResponse response;
  for (const std::string& who : approvals_[subject]) response.add_approvers(who);
  response.set_needed(ledger::kApprovalsNeeded);
  return response;
}

absl::StatusOr<admin::v1::RecordResponse> RecordOffice::Record(
    const SpiffeId& caller, const admin::v1::RecordRequest& request) {
  std::vector<std::string> approvers;
  switch (request.what_case()) {
    case admin::v1::RecordRequest::kPublished:
      VEILSUM_RETURN_IF_ERROR(Publish(request.published()));
      break;
    case admin::v1::RecordRequest::kRevoked:
      VEILSUM_RETURN_IF_ERROR(Revoke(request.revoked(), approvers));
      break;
    case admin::v1::RecordRequest::kTransition:
      VEILSUM_RETURN_IF_ERROR(Move(caller, request.transition(), approvers));
      break;
    default:
      return InvalidArgument("what is to be recorded is missing");
  }
  admin::v1::RecordResponse response;
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Note head, ledger_.SignedHead());
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::Checkpoint::Parse(head.text));
  response.set_checkpoint(head.ToString());
  response.set_size(checkpoint.size);
  for (const std::string& who : approvers) response.add_approvers(who);
  return response;
}

absl::Status RecordOffice::Publish(const admin::v1::ReleasePublished& published) {
  ReleaseFacts facts;
  facts.model_id = published.model_id();
  facts.version = published.version();
  facts.release_counter = published.release_counter();
  VEILSUM_ASSIGN_OR_RETURN(facts.release, DigestIn("release_sha256", published.release_sha256()));
  VEILSUM_ASSIGN_OR_RETURN(facts.manifest,
                           DigestIn("manifest_sha256", published.manifest_sha256()));
  VEILSUM_ASSIGN_OR_RETURN(facts.model, DigestIn("model_sha256", published.model_sha256()));
  return append_([facts, run_id = published.run_id()](
                     const ledger::LedgerRules& rules) mutable -> absl::StatusOr<LedgerChange> {
    VEILSUM_ASSIGN_OR_RETURN(facts.contract_hash, ContractOfRun(run_id, rules));
    return PublishedEntries(facts, rules);
  });
}

absl::Status RecordOffice::Revoke(const admin::v1::ReleaseRevoked& revoked,
                                  std::vector<std::string>& approvers) {
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 release,
                           DigestIn("release_sha256", revoked.release_sha256()));
  if (revoked.reason().empty()) return InvalidArgument("a revocation needs its reason");
  approvers = ApproversOf({HexEncode(release), ""});
  return append_([release, reason = revoked.reason(),
                  approvers](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
    LedgerChange change = RevokedEntries(release, reason, approvers, rules);
    if (!change.entries.empty()) VEILSUM_RETURN_IF_ERROR(CheckApproved("a revocation", approvers));
    return change;
  });
}

absl::Status RecordOffice::Move(const SpiffeId& caller, const admin::v1::RolloutTransition& moved,
                                std::vector<std::string>& approvers) {
  RolloutFacts facts;
  VEILSUM_RETURN_IF_ERROR(CheckRolloutId(moved.rollout_id()));
  VEILSUM_ASSIGN_OR_RETURN(facts.release, DigestIn("release_sha256", moved.release_sha256()));
  facts.rollout_id = moved.rollout_id();
  facts.from = moved.from();
  facts.to = moved.to();
  facts.percent = moved.percent();
  facts.reason = moved.reason();
  if (!moved.gate_report_sha256().empty()) {
    VEILSUM_ASSIGN_OR_RETURN(facts.gate_report,
                             DigestIn("gate_report_sha256", moved.gate_report_sha256()));
  }
  const bool revokes = facts.to == "revoked";
  const bool approved = revokes || facts.to == "stable";
  if (approved) {
    approvers = ApproversOf({HexEncode(facts.release), revokes ? "" : facts.rollout_id});
  } else {
    approvers = {caller.ToString()};
  }
  facts.approvers = approvers;
  return append_(
      [facts, approved, revokes](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
        LedgerChange change = TransitionEntries(facts, rules);
        if (approved && !change.entries.empty())
          VEILSUM_RETURN_IF_ERROR(
              CheckApproved(revokes ? "a revocation" : "the stage stable", facts.approvers));
        return change;
      });
}

}  // namespace veilsum::coordinator
