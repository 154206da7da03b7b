#include "model/ledger/receipt_check.h"

#include <algorithm>

#include "base/tlog/decimal.h"
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {
namespace {

constexpr std::string_view kReceiptSuffix = ".json";

std::string Joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

// "<tenant>/<client>" of a seat.
std::string PlaceOf(const std::string& seat) {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(seat);
  return id.ok() ? id->tenant() + "/" + id->name() : std::string();
}

}  // namespace

ReceiptCheck::ReceiptCheck(std::vector<Source> sources) : sources_(std::move(sources)) {
  for (std::size_t i = 0; i < sources_.size(); ++i) ListSource(i);
}

void ReceiptCheck::Find(const char* code, std::uint64_t leaf, std::string details) {
  if (findings_.size() < kMostFindings) findings_.push_back({code, leaf, std::move(details)});
}

void ReceiptCheck::ListSource(std::size_t source) {
  const auto& [bundle, folder] = sources_[source];
  const absl::StatusOr<std::vector<std::string>> tenants = bundle.List(folder);
  if (!tenants.ok()) return Find("L009", 0, Message(tenants.status()));
  for (const std::string& tenant : *tenants) {
    const auto clients = bundle.List(Joined(folder, tenant));
    if (!clients.ok()) {
      Find("L009", 0, Message(clients.status()));
      continue;
    }
    for (const std::string& client : *clients) ListClient(source, tenant, client);
  }
}

void ReceiptCheck::ListClient(std::size_t source, const std::string& tenant,
                              const std::string& client) {
  const std::string folder = Joined(Joined(sources_[source].folder, tenant), client);
  const absl::StatusOr<std::vector<std::string>> names = sources_[source].bundle.List(folder);
  if (!names.ok()) return Find("L009", 0, Message(names.status()));
  auto& files = files_[tenant + "/" + client];
  for (const std::string& name : *names) {
    const bool is_json = name.ends_with(kReceiptSuffix);
    const auto leaf = tlog::ParseDecimal(
        std::string_view(name).substr(0, name.size() - (is_json ? kReceiptSuffix.size() : 0)));
    if (!is_json || !leaf.ok())
      Find("C401", 0, folder + "/" + name + " is no receipt's name");
    else
      files.emplace(*leaf, File{source, folder});
  }
}

absl::StatusOr<SignedReceipt> ReceiptCheck::ReadReceipt(const std::string& path,
                                                        const File& file) const {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, sources_[file.source].bundle.Read(path));
  return ParseReceipt(bytes);
}

void ReceiptCheck::OnEntry(std::uint64_t index, const Hash32& leaf, const LedgerRules& rules) {
  const Entry* entry = rules.last_entry().get();
  if (entry == nullptr || entry->type != "rounds.opened") return;
  const auto name = entry->body.find("contract_hash");
  const auto run = name == entry->body.end() || !name->is_string()
                       ? rules.runs().end()
                       : rules.runs().find(name->get<std::string>());
  if (run == rules.runs().end()) return;
  for (const std::string& seat : run->second.members) {
    SeatReceipts& facts = seats_[seat];
    ++facts.batches;
    const auto files = files_.find(PlaceOf(seat));
    if (files == files_.end()) continue;
    const std::uint64_t before = confirmed_;
    const auto [begin, end] = files->second.equal_range(index);
    for (auto it = begin; it != end; ++it) {
      it->second.used = true;
      CheckReceipt(absl::StrFormat("%s/%d.json", it->second.folder, index), it->second, index, leaf,
                   seat, rules);
    }
    if (confirmed_ != before) ++facts.receipts;
  }
  for (auto& [place, files] : files_) {
    const auto [begin, end] = files.equal_range(index);
    for (auto it = begin; it != end; ++it) {
      if (it->second.used) continue;
      it->second.used = true;
      Find("C405", index, absl::StrFormat("%s/%d.json", it->second.folder, index));
    }
  }
}

void ReceiptCheck::CheckReceipt(const std::string& path, const File& file, std::uint64_t index,
                                const Hash32& leaf, const std::string& seat,
                                const LedgerRules& rules) {
  const absl::StatusOr<SignedReceipt> read = ReadReceipt(path, file);
  if (!read.ok()) return Find("C401", index, path + ": " + Message(read.status()));
  const Receipt& receipt = read->receipt;
  if (receipt.actor != seat || receipt.leaf != index)
    return Find("C401", index, path + " is the receipt of another entry or client");
  const std::optional<Ed25519PublicKey> key = rules.KeyOf(seat);
  if (!key || !read->envelope.IsSignedBy(*key))
    return Find("C401", index, path + " is not signed by " + seat);
  if (receipt.leaf_sha256 != leaf)
    return Find("C404", index,
                absl::StrFormat("%s names the leaf %s, this log has %s", path,
                                HexEncode(receipt.leaf_sha256), HexEncode(leaf)));
  const Json& body = rules.last_entry()->body;
  const auto number = [&](const char* field) {
    const auto found = body.find(field);
    return found != body.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  if (receipt.contract_hash != body.value("contract_hash", std::string()))
    return Find("C402", index, path + " names another contract");
  const std::uint64_t first = number("first"), last = number("last");
  if (receipt.first < first || receipt.last > last)
    return Find("C403", index,
                absl::StrFormat("%s charges rounds %d to %d, opened were %d to %d", path,
                                receipt.first, receipt.last, first, last));
  ++confirmed_;
  expected_.emplace(receipt.size, std::pair(path, receipt.root_sha256));
}

void ReceiptCheck::OnRoot(std::uint64_t size, const Hash32& root) {
  const auto [begin, end] = expected_.equal_range(size);
  for (auto it = begin; it != end; ++it)
    if (it->second.second != root)
      Find("C404", size,
           absl::StrFormat("%s has seen the root %s at size %d, this log has %s", it->second.first,
                           HexEncode(it->second.second), size, HexEncode(root)));
  expected_.erase(begin, end);
}

void ReceiptCheck::Finish(std::uint64_t size) {
  for (const auto& [seen, what] : expected_)
    Find("C404", size,
         absl::StrFormat("%s has seen size %d, this log has %d", what.first, seen, size));
  for (const auto& [place, files] : files_)
    for (const auto& [leaf, file] : files)
      if (!file.used)
        Find("C402", leaf,
             absl::StrFormat("%s/%d.json: entry %d opens no rounds", file.folder, leaf, leaf));
}

}  // namespace veilsum::ledger
