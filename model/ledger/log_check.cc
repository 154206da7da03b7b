#include "model/ledger/log_check.h"

#include <algorithm>

namespace veilsum::ledger {
namespace {

class Checker {
 public:
  Checker(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs)
      : policy_(policy), files_(files), out_{{}, {}, {}, LedgerRules(std::move(blobs))} {}

  LogCheck Run(const std::vector<tlog::Note>& earlier) {
    if (!OpenHead()) return std::move(out_);
    OpenEarlier(earlier);
    ReadEntries();
    CheckRoots();
    return std::move(out_);
  }

 private:
  void Find(const char* code, std::uint64_t leaf, std::string details) {
    if (out_.findings.size() < kMostFindings) out_.findings.push_back({code, leaf, details});
  }
  static std::string Text(const absl::Status& status) { return std::string(status.message()); }

  bool OpenHead() {
    const absl::StatusOr<Bytes> bytes = files_("checkpoint");
    if (!bytes.ok()) {
      out_.missing.push_back("checkpoint");
      return false;
    }
    const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(AsText(*bytes));
    const absl::StatusOr<tlog::Checkpoint> head =
        note.ok() ? policy_.Open(*note) : absl::StatusOr<tlog::Checkpoint>(note.status());
    if (!head.ok()) {
      Find("L001", 0, Text(head.status()));
      return false;
    }
    out_.head = *head;
    return true;
  }

  // An earlier checkpoint needs the log's signature only: it is evidence of what the log has said.
  void OpenEarlier(const std::vector<tlog::Note>& earlier) {
    for (const tlog::Note& note : earlier)
      for (const tlog::VerifierKey& log : policy_.logs()) {
        const absl::StatusOr<tlog::Checkpoint> seen = tlog::OpenCheckpoint(note, log);
        if (!seen.ok() || seen->origin != out_.head.origin) continue;
        if (seen->size > out_.head.size)
          Find("L004", out_.head.size,
               absl::StrFormat("a checkpoint of size %d is known, this one has %d", seen->size,
                               out_.head.size));
        roots_.emplace(seen->size, seen->root);
      }
  }

  void ReadEntries() {
    const std::uint64_t bundles = (out_.head.size + tlog::kTileWidth - 1) / tlog::kTileWidth;
    CompareRoots();
    for (std::uint64_t number = 0; number < bundles; ++number) {
      const tlog::Tile tile = tlog::TileAt(tlog::Tile::kEntries, number, out_.head.size);
      const absl::StatusOr<Bytes> bytes = files_(tile.Path());
      if (!bytes.ok()) {
        out_.missing.push_back(tile.Path());
        return;  // no entry after it can be judged
      }
      const absl::StatusOr<std::vector<Bytes>> entries = tlog::ParseBundle(*bytes, tile.width);
      if (!entries.ok())
        return Find("L002", tree_.size(), tile.Path() + ": " + Text(entries.status()));
      for (const Bytes& entry : *entries) TakeIn(entry);
    }
  }

  void TakeIn(const Bytes& entry) {
    for (Finding& finding : out_.rules.Apply(entry))
      if (out_.findings.size() < kMostFindings) out_.findings.push_back(std::move(finding));
    tree_.Append(out_.rules.last_leaf());
    CompareRoots();
  }

  // With the checkpoints of exactly this size.
  void CompareRoots() {
    const auto [begin, end] = roots_.equal_range(tree_.size());
    for (auto it = begin; it != end; ++it)
      if (it->second != tree_.Root())
        Find("L004", tree_.size(),
             absl::StrFormat("a checkpoint of size %d has the root %s, this log %s", tree_.size(),
                             HexEncode(it->second), HexEncode(tree_.Root())));
  }

  void CheckRoots() {
    if (tree_.size() == out_.head.size && tree_.Root() != out_.head.root)
      Find("L003", tree_.size(),
           absl::StrFormat("the entries' root is %s, the checkpoint's %s", HexEncode(tree_.Root()),
                           HexEncode(out_.head.root)));
    const std::string& key = out_.rules.log_key();
    const bool known = std::ranges::any_of(
        policy_.logs(), [&](const tlog::VerifierKey& log) { return log.ToString() == key; });
    if (tree_.size() != 0 && !known) Find("L005", 0, "the genesis names " + key);
  }

  const tlog::TrustPolicy& policy_;
  const FileReader& files_;
  LogCheck out_;
  tlog::Frontier tree_;
  std::multimap<std::uint64_t, Hash32> roots_;
};

}  // namespace

LogCheck CheckLog(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs,
                  const std::vector<tlog::Note>& earlier) {
  return Checker(policy, files, std::move(blobs)).Run(earlier);
}

}  // namespace veilsum::ledger
