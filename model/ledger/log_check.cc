#include "model/ledger/log_check.h"

#include <algorithm>
#include <deque>
#include <future>
#include <thread>

#include "model/ledger/hash_tiles.h"
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {
namespace {

// Bundles of 256 entries under way. Two for each processor: with one, a processor has nothing to do
// whenever the thread that takes them in, in order, has the next one to wait for.
constexpr unsigned kBundlesEach = 2, kMostBundles = 16;
// On a thread, or when the answer is needed where there is no thread to be had.
constexpr auto kWhenever = std::launch::async | std::launch::deferred;

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

  // A plan or contract that is not there says nothing about the ledger, so no finding comes of it.
  BlobReader Noting(BlobReader blobs) {
    return [blobs = std::move(blobs), lost = lost_](const Hash32& sha256) {
      absl::StatusOr<std::string> text = blobs(sha256);
      if (absl::IsNotFound(text.status())) lost->push_back("blob/" + HexEncode(sha256));
      return text;
    };
  }

  // Whether a file of the evidence was read.
  bool Noted(const std::string& path, const absl::Status& read) {
    if (absl::IsNotFound(read))
      out_.missing.push_back(path);
    else if (!read.ok())
      Find("L009", tree_.size(), Message(read));
    return read.ok();
  }

  bool OpenHead() {
    const absl::StatusOr<Bytes> bytes = files_("checkpoint");
    if (!Noted("checkpoint", bytes.status())) return false;
    const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(AsText(*bytes));
    const absl::StatusOr<tlog::Checkpoint> head =
        note.ok() ? policy_.Open(*note) : absl::StatusOr<tlog::Checkpoint>(note.status());
    if (!head.ok()) {
      Find(absl::IsFailedPrecondition(head.status()) ? "L006" : "L001", 0, Message(head.status()));
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

  // Bundles are read in order, prepared several at once, and taken in in order.
  struct Waiting {
    tlog::Tile tile;
    absl::Status read;
    std::future<absl::StatusOr<std::vector<PreparedLeaf>>> leaves;  // where it was read
  };

  void ReadEntries() {
    const std::uint64_t bundles = (out_.head.size + tlog::kTileWidth - 1) / tlog::kTileWidth;
    const std::size_t most =
        std::clamp(kBundlesEach * std::thread::hardware_concurrency(), 1u, kMostBundles) + 1;
    std::deque<Waiting> waiting;
    CompareRoots();
    for (std::uint64_t next = 0; next < bundles || !waiting.empty();) {
      while (next < bundles && waiting.size() < most) waiting.push_back(Begin(next++));
      Waiting bundle = std::move(waiting.front());
      waiting.pop_front();
      if (!TakeIn(bundle)) return;  // no entry after it can be judged
    }
    tiles_.Finish();
  }

  // With the keys that are known by now.
  Waiting Begin(std::uint64_t number) {
    Waiting out;
    out.tile = tlog::TileAt(tlog::Tile::kEntries, number, out_.head.size);
    absl::StatusOr<Bytes> bytes = files_(out.tile.Path());
    out.read = bytes.status();
    if (!bytes.ok()) return out;
    // Handed over as a copy: where no thread can be had, libstdc++ asks what it has moved from.
    const auto task = [width = out.tile.width,
                       bundle = std::make_shared<const Bytes>(*std::move(bytes)),
                       keys = out_.rules.Keys()] { return Prepare(width, *bundle, keys); };
    out.leaves = std::async(kWhenever, task);
    return out;
  }

  static absl::StatusOr<std::vector<PreparedLeaf>> Prepare(std::uint64_t width, const Bytes& bundle,
                                                           const ActorKeys& keys) {
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<Bytes> entries, tlog::ParseBundle(bundle, width));
    std::vector<PreparedLeaf> out;
    out.reserve(entries.size());
    for (const Bytes& entry : entries) out.push_back(PrepareLeaf(entry, keys));
    return out;
  }

  bool TakeIn(Waiting& bundle) {
    if (!Noted(bundle.tile.Path(), bundle.read)) return false;
    absl::StatusOr<std::vector<PreparedLeaf>> leaves = bundle.leaves.get();
    if (!leaves.ok()) {
      Find("L002", tree_.size(), bundle.tile.Path() + ": " + Message(leaves.status()));
      return false;
    }
    return std::ranges::all_of(*leaves,
                               [&](PreparedLeaf& leaf) { return TakeIn(std::move(leaf)); });
  }

  bool TakeIn(PreparedLeaf prepared) {
    std::vector<Finding> findings = out_.rules.Apply(std::move(prepared));
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
    if (!stored.ok()) return Find("L009", tree_.size(), Message(stored.status()));
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
