// Values that an entry only commits to (Header::hidden), shown to an auditor by the tenant whose
// they are: field, salt and value in a file <tenant>/<digest>.json. Each must be what its digest
// says, and some entry of that tenant must have committed to it.
#pragma once

#include <set>

#include "model/ledger/bundle.h"

namespace veilsum::ledger {

struct Disclosure {
  std::string field;  // of Header::hidden
  ByteArray<16> salt{};
  Json value;
};

// Canonical JSON {field, salt, value}. InvalidArgument: canonical JSON cannot hold the value.
absl::StatusOr<std::string> WriteDisclosure(const Disclosure& disclosure);
// InvalidArgument: bytes that WriteDisclosure would not write.
absl::StatusOr<Disclosure> ParseDisclosure(std::string_view text);
std::string DisclosurePath(const std::string& tenant, const Hash32& digest);

class DisclosureCheck final : public LogWatcher {
 public:
  // `folder`: of <tenant>/<digest>.json, within a bundle ("disclosures") or a bundle by itself
  // (""), as somebody hands it over who does not want the operator to see it.
  struct Source {
    Bundle bundle;
    std::string folder;
  };
  explicit DisclosureCheck(std::vector<Source> sources);

  void OnEntry(std::uint64_t index, const Hash32& leaf, const LedgerRules& rules) override;
  // After the last entry: reads the values, one at a time.
  void Finish();

  struct Shown {
    std::string tenant, field;
    std::uint64_t leaf = 0;  // of the first entry that committed to it
    Hash32 digest{};
  };
  const std::vector<Shown>& shown() const { return shown_; }  // by tenant and digest
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  using Place = std::pair<std::string, std::string>;  // tenant, digest in hex
  struct Listed {
    std::set<std::size_t> sources;                   // where it is
    std::map<std::string, std::uint64_t> committed;  // by field, the first entry that has it so
  };
  void List(std::size_t source, const std::string& tenant);
  void Check(std::size_t source, const Place& place, const Listed& listed);
  std::string PathIn(std::size_t source, const std::string& below) const;
  void Find(const char* code, std::uint64_t leaf, std::string details);

  std::vector<Source> sources_;
  std::map<Place, Listed> listed_;
  std::vector<Shown> shown_;
  std::vector<Finding> findings_;
};

}  // namespace veilsum::ledger
