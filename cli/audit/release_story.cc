#include "cli/audit/release_story.h"

namespace veilsum::cli {
namespace {

std::string TextField(const Json& body, const char* key) {
  const auto value = body.find(key);
  return value != body.end() && value->is_string() ? value->get<std::string>() : std::string();
}

std::string StageOf(const Json& body) {
  const auto percent = body.find("percent");
  const std::string stage = TextField(body, "to");
  return stage == "canary" && percent != body.end() && percent->is_number_unsigned()
             ? absl::StrFormat("%s (%d %%)", stage, percent->get<std::uint64_t>())
             : stage;
}

// Empty: the entry is of another type.
std::string WhatHappened(const ledger::Entry& entry) {
  const Json& body = entry.body;
  if (entry.type == "release.published")
    return absl::StrFormat("published: %s %s", TextField(body, "model_id"), TextField(body, "version"));
  if (entry.type == "release.revoked") return "revoked: " + TextField(body, "reason");
  if (entry.type == "rollout.transition")
    return absl::StrFormat("rollout %s, %s to %s: %s", TextField(body, "rollout_id"),
                           TextField(body, "from"), StageOf(body), TextField(body, "reason"));
  return "";
}

}  // namespace

void ReleaseStory::OnEntry(std::uint64_t index, const Hash32&, const ledger::LedgerRules& rules) {
  const ledger::Entry* const entry = rules.last_entry().get();
  const std::string what = entry == nullptr ? "" : WhatHappened(*entry);
  if (what.empty()) return;
  if (events_.size() == kMost) {
    ++left_out_;
    return;
  }
  ReleaseEvent event{index, entry->header.time, TextField(entry->body, "release_sha256"), what, {}};
  if (const auto names = entry->body.find("approvers");
      names != entry->body.end() && names->is_array())
    for (const Json& name : *names)
      if (name.is_string()) event.approvers.push_back(name.get<std::string>());
  events_.push_back(std::move(event));
}

}  // namespace veilsum::cli
