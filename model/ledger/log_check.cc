#include "model/ledger/log_check.h"

#include <algorithm>

#include "model/ledger/hash_tiles.h"

namespace veilsum::ledger {
namespace {

class Checker {
 public:
  Checker(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs,
          LogWatcher* watcher)
      : policy_(policy),
        files_(files),
        watcher_(watcher),
        out_{{}, {}, {}, LedgerRules(Noting(std::move(blobs))), 0},
        tiles_([this](const tlog::Tile& tile, const Bytes& hashes) { Compare(tile, hashes); }) {}

  LogCheck Run(const std::vector<tlog::Note>& earlier) {
    if (!OpenHead()) return Result();
    OpenEarlier(earlier);
    ReadEntries();
    CheckRoots();
    return Result();
  }

 private:
  LogCheck Result() {
    out_.entries = tree_.size();
    return std::move(out_);
  }
  void Find(const char* code, std::uint64_t leaf, std::string details) {
    if (out_.findings.size() < kMostFindings) out_.findings.push_back({code, leaf, details});
  }
  static std::string Text(const absl::Status& status) { return std::string(status.message()); }

  // A plan or contract that is not there says nothing about the ledger, so no finding comes of it.
  BlobReader Noting(BlobReader blobs) {
    return [blobs = std::move(blobs), lost = lost_](const Hash32& sha256) {
      absl::StatusOr<std::string> text = blobs(sha256);
      if (absl::IsNotFound(text.status())) lost->push_back("blob/" + HexEncode(sha256));
      return text;
    };
  }

  bool Take(const std::string& path, Bytes& bytes) {
    absl::StatusOr<Bytes> read = files_(path);
    if (read.ok()) {
      bytes = *std::move(read);
      return true;
    }
    if (absl::IsNotFound(read.status()))
      out_.missing.push_back(path);
    else
      Find("L009", tree_.size(), Text(read.status()));
    return false;
  }

  bool OpenHead() {
    Bytes bytes;
    if (!Take("checkpoint", bytes)) return false;
    const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(AsText(bytes));
    const absl::StatusOr<tlog::Checkpoint> head =
        note.ok() ? policy_.Open(*note) : absl::StatusOr<tlog::Checkpoint>(note.status());
    if (!head.ok()) {
      Find(absl::IsFailedPrecondition(head.status()) ? "L006" : "L001", 0, Text(head.status()));
      return false;
    }
    out_.head = *head;
    return true;
  }

  // An earlier checkpoint needs the log's signature only: it is evidence of what the log has said.
  void OpenEarlier(const std::vector<tlog::Note>& earlier) {
    for (const tlog::Note& note : earlier) {
      bool known = false;
      for (const tlog::VerifierKey& log : policy_.logs()) {
        const absl::StatusOr<tlog::Checkpoint> seen = tlog::OpenCheckpoint(note, log);
        if (!seen.ok() || seen->origin != out_.head.origin) continue;
        known = true;
        if (seen->size > out_.head.size)
          Find("L008", out_.head.size,
               absl::StrFormat("a checkpoint of size %d is known, this one has %d", seen->size,
                               out_.head.size));
        roots_.emplace(seen->size, seen->root);
      }
      if (!known) Find("X901", 0, note.text.substr(0, note.text.find('\n')));
    }
  }

  void ReadEntries() {
    const std::uint64_t bundles = (out_.head.size + tlog::kTileWidth - 1) / tlog::kTileWidth;
    CompareRoots();
    for (std::uint64_t number = 0; number < bundles; ++number) {
      const tlog::Tile tile = tlog::TileAt(tlog::Tile::kEntries, number, out_.head.size);
      Bytes bytes;
      if (!Take(tile.Path(), bytes)) return;  // no entry after it can be judged
      const absl::StatusOr<std::vector<Bytes>> entries = tlog::ParseBundle(bytes, tile.width);
      if (!entries.ok())
        return Find("L002", tree_.size(), tile.Path() + ": " + Text(entries.status()));
      for (const Bytes& entry : *entries)
        if (!TakeIn(entry)) return;
    }
    tiles_.Finish();
  }

  bool TakeIn(const Bytes& entry) {
    std::vector<Finding> findings = out_.rules.Apply(entry);
    if (!lost_->empty()) {
      out_.missing.insert(out_.missing.end(), lost_->begin(), lost_->end());
      return false;
    }
    for (Finding& finding : findings)
      if (out_.findings.size() < kMostFindings) out_.findings.push_back(std::move(finding));
    const Hash32& leaf = out_.rules.last_leaf();
    tree_.Append(leaf);
    tiles_.Append(leaf);
    CompareRoots();
    if (watcher_ != nullptr) {
      watcher_->OnEntry(tree_.size() - 1, leaf, out_.rules);
      if (watcher_->WantsRoot(tree_.size())) watcher_->OnRoot(tree_.size(), tree_.Root());
    }
    return true;
  }

  // Tiles of hashes can be made from the entries: they need not be there, but they must not lie.
  void Compare(const tlog::Tile& tile, const Bytes& hashes) {
    const absl::StatusOr<Bytes> stored = files_(tile.Path());
    if (absl::IsNotFound(stored.status())) return;
    if (!stored.ok()) return Find("L009", tree_.size(), Text(stored.status()));
    if (*stored != hashes) Find("L007", tree_.size(), tile.Path());
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
  LogWatcher* const watcher_;
  const std::shared_ptr<std::vector<std::string>> lost_ =
      std::make_shared<std::vector<std::string>>();  // blobs
  LogCheck out_;
  tlog::Frontier tree_;
  HashTiles tiles_;
  std::multimap<std::uint64_t, Hash32> roots_;
};

}  // namespace

LogCheck CheckLog(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs,
                  const std::vector<tlog::Note>& earlier, LogWatcher* watcher) {
  return Checker(policy, files, std::move(blobs), watcher).Run(earlier);
}

}  // namespace veilsum::ledger
