#include "model/ledger/lineage_check.h"

#include "model/contract/privacy_terms.h"
#include "model/ledger/rules_support.h"
#include "model/plan/plan_format.h"
#include "model/safetensors.h"

namespace veilsum::ledger {
namespace {

constexpr std::string_view kModelSuffix = ".safetensors";

}  // namespace

LineageCheck::LineageCheck(Bundle bundle) : bundle_(std::move(bundle)) {
  const absl::StatusOr<std::vector<std::string>> names = bundle_.List("model");
  if (!names.ok()) Find("L009", 0, Message(names.status()));
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
    const std::string hash = name.substr(0, name.find('.'));
    if (name != hash + std::string(kModelSuffix) || hash.size() != 64 || !HexDecode(hash).ok())
      Find("M501", 0, "model/" + name + " is no model's name");
    else
      listed_.insert(hash);
  }
}

void LineageCheck::Find(const char* code, std::uint64_t leaf, std::string details) {
  if (findings_.size() < kMostFindings) findings_.push_back({code, leaf, std::move(details)});
}

void LineageCheck::OnEntry(std::uint64_t index, const Hash32&, const LedgerRules& rules) {
  const Entry* entry = rules.last_entry().get();
  if (entry == nullptr || entry->type != "round.committed") return;
  const auto model = entry->body.find("model_sha256"), contract = entry->body.find("contract_hash"),
             round = entry->body.find("round");
  if (model == entry->body.end() || contract == entry->body.end() || round == entry->body.end() ||
      !model->is_string() || !contract->is_string() || !round->is_number_unsigned())
    return;  // a finding of the entry's already
  const auto hash = model->get<std::string>();
  if (hash.empty()) return;
  const auto name = contract->get<std::string>();
  last_[name] = hash;
  if (const auto run = rules.runs().find(name); run != rules.runs().end())
    plans_[name] = run->second.contract.plan_sha256;
  if (listed_.contains(hash))
    models_.try_emplace(hash, Made{name, round->get<std::uint64_t>(), index});
}

void LineageCheck::Finish() {
  for (const std::string& hash : listed_) CheckFile(hash);
  for (const auto& [contract, hash] : last_)
    if (!listed_.contains(hash)) missing_.push_back(ModelPath(hash));
}

void LineageCheck::CheckFile(const std::string& hash) {
  const auto made = models_.find(hash);
  const std::uint64_t leaf = made == models_.end() ? 0 : made->second.leaf;
  if (made == models_.end()) Find("M502", 0, ModelPath(hash));
  const absl::StatusOr<model::ModelVector> values = ReadFile(hash);
  if (!values.ok())
    Find("M501", leaf, ModelPath(hash) + ": " + Message(values.status()));
  else if (const Hash32 is = model::ModelHash(*values); HexEncode(is) != hash)
    Find("M501", leaf, ModelPath(hash) + " has the hash " + HexEncode(is));
  else
    return;
  models_.erase(hash);
}

// With the tensors of its plan, where a round of the ledger made it.
absl::StatusOr<model::ModelVector> LineageCheck::ReadFile(const std::string& hash) const {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes file, bundle_.Read(ModelPath(hash)));
  const auto made = models_.find(hash);
  const auto plan = made == models_.end() ? plans_.end() : plans_.find(made->second.contract_hash);
  if (plan == plans_.end()) {
    VEILSUM_ASSIGN_OR_RETURN(model::Safetensors read, model::ReadSafetensors(file));
    return std::move(read.values);
  }
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, bundle_.Blobs()(plan->second));
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan parsed, model::PlanFromJson(text));
  return model::ReadModel(file, model::LayoutOf(parsed));
}

}  // namespace veilsum::ledger
