// One entry of a federation's ledger: who says what about which object. Its bytes are a DSSE
// envelope around an in-toto statement (v1) in canonical JSON; what may be in it is decided by
// ledger_rules.h. Bytes of an entry, once signed, are never written anew: they are what the log's
// tree commits to.
#pragma once

#include <map>
#include <string>

#include "base/canonical_json.h"
#include "base/tlog/dsse.h"

namespace veilsum::ledger {

// Longer lists go into blobs that the entry names by digest.
inline constexpr std::size_t kMaxEntryBytes = 32 * 1024;

struct Header {
  std::uint64_t seq = 0;      // index of the leaf
  Hash32 prev{};              // leaf hash of seq - 1; zero for the first
  std::string federation;     // trust domain: the ledger's own name
  std::string tenant = "*";   // whom it concerns; "*": everybody
  std::string actor;          // SPIFFE URI of who signs it
  std::string time;           // RFC 3339 with milliseconds, UTC
  std::uint64_t term = 1;     // of the coordinator's lease
  Hash32 binary{}, config{};  // SHA-256 of what runs
  ByteArray<16> idem{};       // the same request twice is one entry
  // Digests of values that only some may see, by field: HiddenDigest.
  std::map<std::string, Hash32> hidden;
  friend bool operator==(const Header&, const Header&) = default;
};

struct Entry {
  Header header;
  std::string type;            // "round.committed"
  std::string subject;         // "round/7"
  Hash32 subject_sha256{};     // of the object that it is about
  Json body = Json::object();  // the fields of the type, beside those of the header
};

// The bytes of a leaf. InvalidArgument: a field that canonical JSON or its own form cannot hold, a
// body that repeats a header's field, more than kMaxEntryBytes.
absl::StatusOr<Bytes> SignEntry(const Entry& entry, const Ed25519Signer& signer);

struct SignedEntry {
  Entry entry;
  tlog::Envelope envelope;  // not verified
};
// InvalidArgument: any bytes that SignEntry would not write.
absl::StatusOr<SignedEntry> ParseEntry(ByteView leaf);

// SHA-256("veilsum-hide-v1" || 0x00 || salt || canonical JSON of value): commits to a value that is
// kept elsewhere with its salt, and can be forgotten there.
absl::StatusOr<Hash32> HiddenDigest(const ByteArray<16>& salt, const Json& value);

}  // namespace veilsum::ledger
