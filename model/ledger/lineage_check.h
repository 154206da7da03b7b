// Step 7 of an audit: every model in the evidence is the result of a committed round of its ledger
// (I7), and the last model of every run is there.
#pragma once

#include "model/layout.h"
#include "model/ledger/bundle.h"

namespace veilsum::ledger {

class LineageCheck final : public LogWatcher {
 public:
  explicit LineageCheck(Bundle bundle);
  void OnEntry(std::uint64_t index, const Hash32& leaf, const LedgerRules& rules) override;
  // After the last entry.
  void Finish();

  const std::vector<Finding>& findings() const { return findings_; }
  const std::vector<std::string>& missing() const { return missing_; }  // files
  struct Made {
    std::string contract_hash;
    std::uint64_t round = 0, leaf = 0;
  };
  // Of the models that are there and fit: where they were made first, by their hash.
  const std::map<std::string, Made>& models() const { return models_; }

 private:
  void CheckFile(const std::string& hash);
  absl::StatusOr<model::ModelVector> ReadFile(const std::string& hash) const;
  void Find(const char* code, std::uint64_t leaf, std::string details);

  Bundle bundle_;
  std::set<std::string> listed_;  // hashes that files are named by
  std::map<std::string, Made> models_;
  std::map<std::string, Hash32> plans_;      // by contract
  std::map<std::string, std::string> last_;  // by contract: the model of its last committed round
  std::vector<Finding> findings_;
  std::vector<std::string> missing_;
};

}  // namespace veilsum::ledger
