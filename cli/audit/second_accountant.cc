#include "cli/audit/second_accountant.h"

#include <limits>
#include <mutex>

namespace veilsum::cli {
namespace {

// What this process has computed, by contract hash.
class Computed {
 public:
  std::optional<double> Find(const std::string& contract) {
    const std::lock_guard lock(mutex_);
    const auto found = done_.find(contract);
    return found == done_.end() ? std::nullopt : std::optional(found->second);
  }
  void Add(const std::string& contract, double epsilon) {
    const std::lock_guard lock(mutex_);
    done_.emplace(contract, epsilon);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, double> done_;
};

Computed& Known() {
  static Computed computed;
  return computed;
}

double Compute(const model::CheckedPrivacy& privacy) {
  dp::RunPrivacyInput input = privacy.input;
  input.accountant = dp::AccountantKind::kPld;
  const auto other = dp::VerifyRun(input, privacy.noise);
  return other.ok() ? other->epsilon : std::numeric_limits<double>::infinity();
}

}  // namespace

void SecondAccountant::OnEntry(std::uint64_t, const Hash32&, const ledger::LedgerRules& rules) {
  const ledger::Entry* entry = rules.last_entry().get();
  if (entry == nullptr || entry->type != "plan.registered") return;
  const auto name = entry->body.find("contract_hash");
  if (name == entry->body.end() || !name->is_string()) return;
  const auto contract = name->get<std::string>();
  const model::CheckedPrivacy* privacy = rules.PrivacyOf(contract);
  if (privacy == nullptr || privacy->input.accountant == dp::AccountantKind::kPld ||
      Known().Find(contract) || begun_.contains(contract) || begun_.size() == kMostAtOnce)
    return;
  const auto task = [copy = *privacy] { return Compute(copy); };
  begun_[contract] = std::async(std::launch::async | std::launch::deferred, task);
}

double SecondAccountant::EpsilonOf(const std::string& contract,
                                   const model::CheckedPrivacy& privacy) {
  if (const std::optional<double> known = Known().Find(contract)) return *known;
  const auto found = begun_.find(contract);
  const double epsilon = found == begun_.end() ? Compute(privacy) : found->second.get();
  if (found != begun_.end()) begun_.erase(found);
  Known().Add(contract, epsilon);
  return epsilon;
}

}  // namespace veilsum::cli
