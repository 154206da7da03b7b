#include "model/ledger/disclosure.h"

#include <algorithm>

#include "model/ledger/rules_support.h"

namespace veilsum::ledger {
namespace {

constexpr std::string_view kDisclosureSuffix = ".json";

}  // namespace

absl::StatusOr<std::string> WriteDisclosure(const Disclosure& disclosure) {
  return EncodeCanonical({{"field", disclosure.field},
                          {"salt", HexEncode(disclosure.salt)},
                          {"value", disclosure.value}});
}

absl::StatusOr<Disclosure> ParseDisclosure(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(Json json, ParseCanonical(text));
  if (!json.is_object()) return InvalidArgument("disclosure: no object");
  Fields fields(json);
  Disclosure out;
  out.field = fields.Text("field");
  out.salt = fields.Hex<16>("salt");
  out.value = fields.Take("value");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  return out;
}

std::string DisclosurePath(const std::string& tenant, const Hash32& digest) {
  return absl::StrFormat("disclosures/%s/%s%s", tenant, HexEncode(digest), kDisclosureSuffix);
}

DisclosureCheck::DisclosureCheck(std::vector<Source> sources) : sources_(std::move(sources)) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const auto tenants = sources_[i].bundle.List(sources_[i].folder);
    if (!tenants.ok()) Find("L009", 0, Message(tenants.status()));
    if (!tenants.ok()) continue;
    for (const std::string& tenant : *tenants) List(i, tenant);
  }
}

std::string DisclosureCheck::PathIn(std::size_t source, const std::string& below) const {
  const std::string& folder = sources_[source].folder;
  return folder.empty() ? below : folder + "/" + below;
}

void DisclosureCheck::Find(const char* code, std::uint64_t leaf, std::string details) {
  if (findings_.size() < kMostFindings) findings_.push_back({code, leaf, std::move(details)});
}

void DisclosureCheck::List(std::size_t source, const std::string& tenant) {
  const std::string folder = PathIn(source, tenant);
  const auto names = sources_[source].bundle.List(folder);
  if (!names.ok()) return Find("L009", 0, Message(names.status()));
  for (const std::string& name : *names) {
    const std::string digest = name.substr(0, name.find('.'));
    if (name != digest + std::string(kDisclosureSuffix) || digest.size() != 64 ||
        !HexDecode(digest).ok())
      Find("C406", 0, folder + "/" + name + " is no disclosure's name");
    else
      listed_[{tenant, digest}].sources.insert(source);
  }
}

void DisclosureCheck::OnEntry(std::uint64_t index, const Hash32&, const LedgerRules& rules) {
  const Entry* entry = rules.last_entry().get();
  if (entry == nullptr || listed_.empty()) return;
  for (const auto& [field, digest] : entry->header.hidden) {
    const auto found = listed_.find({entry->header.tenant, HexEncode(digest)});
    if (found != listed_.end()) found->second.committed.try_emplace(field, index);
  }
}

void DisclosureCheck::Finish() {
  for (const auto& [place, listed] : listed_)
    for (const std::size_t source : listed.sources) Check(source, place, listed);
}

void DisclosureCheck::Check(std::size_t source, const Place& place, const Listed& listed) {
  const auto& [tenant, digest] = place;
  const std::string path = PathIn(source, tenant + "/" + digest + std::string(kDisclosureSuffix));
  const absl::StatusOr<Bytes> bytes = sources_[source].bundle.Read(path);
  if (!bytes.ok()) return Find("L009", 0, Message(bytes.status()));
  const absl::StatusOr<Disclosure> read = ParseDisclosure(AsText(*bytes));
  if (!read.ok()) return Find("C406", 0, path + ": " + Message(read.status()));
  const absl::StatusOr<Hash32> is = HiddenDigest(read->salt, read->value);
  if (!is.ok() || HexEncode(*is) != digest)
    return Find("C406", 0, path + " is not the value that its digest names");
  const auto entry = listed.committed.find(read->field);
  if (entry == listed.committed.end())
    return Find("C407", 0,
                absl::StrFormat("%s: no entry of %s has it as %s", path, tenant, read->field));
  if (source == *listed.sources.begin())
    shown_.push_back({tenant, read->field, entry->second, *is});
}

}  // namespace veilsum::ledger
