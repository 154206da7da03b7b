#include "model/ledger/prepared_leaf.h"

#include <algorithm>

#include "base/tlog/merkle.h"

namespace veilsum::ledger {
namespace {

// Whether canonical JSON has no such value: a float, a null, an integer beyond 2^53 - 1.
bool HasUnlawfulNumber(const Json& value) {
  if (value.is_structured())
    return std::ranges::any_of(value, [](const Json& child) { return HasUnlawfulNumber(child); });
  return value.is_null() || value.is_number_float() ||
         (value.is_number() && !EncodeCanonical(value).ok());
}

// Why bytes are no entry.
const char* CodeOfNoEntry(ByteView leaf) {
  if (leaf.size() > kMaxEntryBytes) return "E107";
  const absl::StatusOr<tlog::Envelope> envelope = tlog::Envelope::Parse(AsText(leaf));
  if (!envelope.ok()) return "E101";
  const Json statement = Json::parse(AsText(envelope->payload), nullptr, false);
  return !statement.is_discarded() && HasUnlawfulNumber(statement) ? "E108" : "E101";
}

}  // namespace

bool PreparedLeaf::IsSignedBy(const Ed25519PublicKey& key) const {
  return tried == key ? signed_by_it : parsed->envelope.IsSignedBy(key);
}

PreparedLeaf PrepareLeaf(ByteView leaf, const ActorKeys& keys) {
  PreparedLeaf out;
  out.hash = tlog::LeafHash(leaf);
  out.parsed = ParseEntry(leaf);
  if (!out.parsed.ok()) {
    out.code = CodeOfNoEntry(leaf);
  } else if (const auto key = keys.find(out.parsed->entry.header.actor); key != keys.end()) {
    out.tried = key->second;
    out.signed_by_it = out.parsed->envelope.IsSignedBy(key->second);
  }
  return out;
}

}  // namespace veilsum::ledger
