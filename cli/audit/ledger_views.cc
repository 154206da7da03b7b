#include "cli/audit/ledger_views.h"

#include <algorithm>

#include "base/tlog/inclusion_file.h"
#include "cli/audit/audit_report.h"
#include "model/ledger/hash_tiles.h"

namespace veilsum::cli {
namespace {

std::uint64_t NumberOf(const Json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}
std::string TextOf(const Json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string CsvField(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// The entries of a bundle one after the other.
class EntryReader {
 public:
  static absl::StatusOr<EntryReader> Open(const ledger::Bundle& bundle) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, bundle.Read("checkpoint"));
    VEILSUM_ASSIGN_OR_RETURN(const tlog::Note note, tlog::Note::Parse(AsText(bytes)));
    VEILSUM_ASSIGN_OR_RETURN(const tlog::Checkpoint head, tlog::Checkpoint::Parse(note.text));
    return EntryReader(bundle, head, note);
  }
  std::uint64_t size() const { return size_; }
  const tlog::Checkpoint& head() const { return head_; }
  const tlog::Note& note() const { return note_; }
  // Of increasing indices.
  absl::StatusOr<Bytes> Read(std::uint64_t index) {
    const tlog::Tile tile = tlog::TileAt(tlog::Tile::kEntries, index / tlog::kTileWidth, size_);
    if (entries_.empty() || tile.number != number_) {
      VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, bundle_.Read(tile.Path()));
      VEILSUM_ASSIGN_OR_RETURN(entries_, tlog::ParseBundle(bytes, tile.width));
      number_ = tile.number;
    }
    return entries_[index % tlog::kTileWidth];
  }
  absl::Status CountFrom(std::uint64_t index, std::map<std::string, std::uint64_t>& types) {
    for (; index < size_; ++index) {
      VEILSUM_ASSIGN_OR_RETURN(const Bytes entry, Read(index));
      const absl::StatusOr<ledger::SignedEntry> parsed = ledger::ParseEntry(entry);
      ++types[parsed.ok() ? parsed->entry.type : "not an entry"];
    }
    return absl::OkStatus();
  }

 private:
  EntryReader(ledger::Bundle bundle, tlog::Checkpoint head, tlog::Note note)
      : bundle_(std::move(bundle)), head_(std::move(head)), note_(std::move(note)) {}
  ledger::Bundle bundle_;
  tlog::Checkpoint head_;
  tlog::Note note_;
  std::uint64_t size_ = head_.size, number_ = 0;
  std::vector<Bytes> entries_;
};

std::string YamlText(const std::string& text) {  // JSON strings are YAML strings
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void RoundStory::OnEntry(std::uint64_t index, const Hash32&, const ledger::LedgerRules& rules) {
  const ledger::Entry* entry = rules.last_entry().get();
  if (entry == nullptr) return;
  const Json& body = entry->body;
  const bool opens = entry->type == "rounds.opened";
  const bool ends = entry->type == "round.committed" || entry->type == "round.aborted";
  if (!opens && !ends) return;
  if (opens ? round_ < NumberOf(body, "first") || round_ > NumberOf(body, "last")
            : round_ != NumberOf(body, "round"))
    return;
  const std::string contract = TextOf(body, "contract_hash");
  const auto run = rules.runs().find(contract);
  if (run == rules.runs().end() ||
      (!run_.empty() && run->second.contract.run_id != run_ && !contract.starts_with(run_)))
    return;
  Json line = {{"members", run->second.members.size()},
               {"contract_hash", contract},
               {"leaf", index},
               {"run_id", run->second.contract.run_id},
               {"says", body},
               {"time", entry->header.time},
               {"type", entry->type}};
  for (const auto& [purpose, attempts] :
       {std::pair<std::string_view, std::uint64_t>{
            model::kTrain, model::AttemptsWithin(run->second.contract, round_, round_).training},
        {model::kStatistics,
         model::AttemptsWithin(run->second.contract, round_, round_).statistics},
        {model::kEvaluation,
         model::AttemptsWithin(run->second.contract, round_, round_).evaluation}})
    if (attempts != 0) line["purpose"] = purpose;
  lines_.push_back(std::move(line));
}

std::string RoundStory::ToText() const {
  std::string out;
  for (const Json& line : lines_) {
    const Json& says = line["says"];
    const auto type = line["type"].get<std::string>();
    out += absl::StrFormat("%s  entry %d  run %s, %s: ", line["time"].get<std::string>(),
                           line["leaf"].get<std::uint64_t>(), line["run_id"].get<std::string>(),
                           line.value("purpose", "no sum"));
    if (type == "rounds.opened")
      out += absl::StrFormat("opened with rounds %d to %d for %d members; all of them are charged",
                             NumberOf(says, "first"), NumberOf(says, "last"),
                             NumberOf(line, "members"));
    else if (type == "round.aborted")
      out += "aborted: " + TextOf(says, "reason") + "; charged all the same";
    else
      out += absl::StrFormat(
          "committed with %s survivors; aggregate %s; model %s",
          says.contains("survivors") ? std::to_string(says["survivors"].size())
                                     : "a blob's list of",
          TextOf(says, "aggregate_sha256"),
          TextOf(says, "model_sha256").empty() ? "none" : TextOf(says, "model_sha256"));
    out += "\n";
  }
  return out;
}

EntryTable::EntryTable(std::ostream& out) : out_(out) {
  out_ << "leaf,time,type,tenant,actor,contract_hash,first,last,round,leaf_sha256\r\n";
}

void EntryTable::OnEntry(std::uint64_t index, const Hash32& leaf,
                         const ledger::LedgerRules& rules) {
  const ledger::Entry* entry = rules.last_entry().get();
  if (entry == nullptr) {
    out_ << index << ",,,,,,,,," << HexEncode(leaf) << "\r\n";
    return;
  }
  const auto number = [&](const char* key) {
    const std::uint64_t value = NumberOf(entry->body, key);
    return value == 0 ? std::string() : std::to_string(value);
  };
  out_ << index;
  for (const std::string& field :
       {entry->header.time, entry->type, entry->header.tenant, entry->header.actor,
        TextOf(entry->body, "contract_hash"), number("first"), number("last"), number("round"),
        HexEncode(leaf)})
    out_ << ',' << CsvField(field);
  out_ << "\r\n";
}

absl::StatusOr<std::string> LastEntries(const ledger::Bundle& bundle, std::uint64_t count) {
  VEILSUM_ASSIGN_OR_RETURN(EntryReader entries, EntryReader::Open(bundle));
  std::string out = absl::StrFormat(
      "%s: %d entries, root %s, %d signatures\n", entries.head().origin, entries.size(),
      HexEncode(entries.head().root), entries.note().signatures.size());
  for (std::uint64_t i = entries.size() - std::min(entries.size(), count); i < entries.size();
       ++i) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, entries.Read(i));
    const absl::StatusOr<ledger::SignedEntry> parsed = ledger::ParseEntry(bytes);
    if (!parsed.ok()) {
      out += absl::StrFormat("%8d  not an entry\n", i);
      continue;
    }
    const ledger::Entry& entry = parsed->entry;
    out += absl::StrFormat("%8d  %s  %-18s %-12s %s\n", i, entry.header.time, entry.type,
                           entry.header.tenant, entry.subject);
  }
  return out;
}

absl::StatusOr<std::string> ProveEntry(const ledger::Bundle& bundle, std::uint64_t leaf) {
  VEILSUM_ASSIGN_OR_RETURN(EntryReader entries, EntryReader::Open(bundle));
  if (leaf >= entries.size())
    return InvalidArgument("there is no entry %d: the ledger has %d", leaf, entries.size());
  std::map<std::string, Bytes> files;
  tlog::Frontier tree;
  ledger::HashTiles tiles(
      [&](const tlog::Tile& tile, const Bytes& hashes) { files[tile.Path()] = hashes; });
  for (std::uint64_t i = 0; i < entries.size(); ++i) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes entry, entries.Read(i));
    const Hash32 hash = tlog::LeafHash(entry);
    tiles.Append(hash);
    tree.Append(hash);
  }
  tiles.Finish();
  if (tree.Root() != entries.head().root)
    return DataLoss("the entries are not those of the checkpoint");
  tlog::TileReader hashes(entries.size(), [&](const std::string& path) -> absl::StatusOr<Bytes> {
    return files.at(path);
  });
  tlog::InclusionFile file;
  file.index = leaf;
  VEILSUM_ASSIGN_OR_RETURN(file.proof, tlog::ProveInclusion(hashes, leaf, entries.size()));
  file.checkpoint = entries.note();
  return file.ToString();
}

std::string RegistryYaml(const Audit& audit) {
  const std::string person = "To be completed by the data curators.";
  std::string out;
  for (const AuditedRun& run : audit.runs) {
    if (!run.is_private) continue;
    const auto line = [&](const char* key, const std::string& value) {
      out += std::string("    ") + key + ": " + YamlText(value) + "\n";
    };
    out += "---\nstatus: Draft\ntier: 3\ndeployment:\n  basic:\n";
    line("name", audit.federation + ", run " + run.run_id);
    out += "    data_curators:\n";
    for (const TenantOfRun& tenant : run.tenants)
      out += "    - data_curator_name: " + YamlText(tenant.tenant) +
             "\n      data_curator_type: " + YamlText(person) + "\n";
    line("intended_use", person);
    line("data_product_type", "Machine learning model");
    line("data_product_region", person);
    line("description", "One model of plan " + run.plan_name +
                            ", trained by secure aggregation with distributed discrete Gaussian "
                            "noise; evidence: checkpoint " +
                            HexEncode(audit.checkpoint_sha256) + ".");
    line("publication_date", audit.last_time.substr(0, 10));
    out += "  dp_variant:\n";
    line("variant_name", "Approximate DP");
    line("data_domain", absl::StrFormat("Rows of the customers of %d members, clipped to L2 norm "
                                        "%s each.",
                                        run.members, run.clip_norm));
    line("unprotected_quantities",
         "Members, their size classes, survivors of each round, times of entries.");
    out += "  privacy_loss:\n";
    line("privacy_unit", "One customer at one merchant");
    line("privacy_unit_details",
         "All rows of one value of " + run.unit + " at one merchant, added or removed.");
    out += "    privacy_parameters:\n      epsilon: " + RealText(run.statement.epsilon) +
           "\n      delta: " + RealText(run.claim.delta) + "\n";
    out += "  deployment_model:\n";
    line("model_name", "Federated");
    line("model_name_details",
         absl::StrFormat("The coordinator with %d colluding members sees no sum without the noise "
                         "of %d others.",
                         run.colluders, run.min_survivors - run.colluders));
    line("actors", "The members, their coordinator, and whoever sees the model.");
    line("release_type", "One release");
    line("data_source_type", "Static");
    line("access_type", "Non-interactive");
    out += "  accounting:\n";
    line("post_processing", "Optimiser steps on released sums.");
    line("composition",
         absl::StrFormat("Over %d rounds, Poisson-sampled at %s: Renyi %s, privacy-loss "
                         "distribution %s.",
                         run.attempts_max, run.sampling_rate, ShownLoss(run.epsilon_rdp),
                         ShownLoss(run.epsilon_pld)));
    out += "  implementation:\n";
    line("preprocessing_and_hyperparameter_tuning", person);
    line("mechanisms", absl::StrFormat("Distributed discrete Gaussian, noise multiplier %.6g.",
                                       run.noise_multiplier));
    line("justification", person);
    out += "  administrative:\n    registry_authors:\n    - " + YamlText(person) + "\n";
  }
  return out;
}

std::string RecordsOfProcessing(const Audit& audit) {
  Json records = Json::array();
  for (const AuditedTenant& tenant : audit.tenants) {
    Json processing = Json::array();
    for (const AuditedRun& run : audit.runs)
      for (const TenantOfRun& each : run.tenants)
        if (each.tenant == tenant.tenant)
          processing.push_back({{"contract_hash", run.contract_hash},
                                {"epsilon_claim", RealText(run.claim.epsilon)},
                                {"delta_claim", RealText(run.claim.delta)},
                                {"epsilon_charged", RealText(each.epsilon)},
                                {"plan", run.plan_name},
                                {"rounds_charged", each.charged.total()},
                                {"run_id", run.run_id}});
    records.push_back(
        {{"controller", tenant.tenant},
         {"joint_controllers", audit.federation},
         {"processing", processing},
         {"recipients", {"coordinator of " + audit.federation}},
         {"security_measures",
          {"secure aggregation", "distributed differential privacy", "mutual TLS",
           "witnessed ledger of the privacy budget"}},
         {"to_be_completed",
          {"legal entity and contact", "data protection officer", "purposes",
           "categories of data subjects and data", "transfers to third countries and safeguards",
           "time limits for erasure"}}});
  }
  const Json out = {{"article", "GDPR 30(1)"},
                    {"checkpoint_sha256", HexEncode(audit.checkpoint_sha256)},
                    {"ledger", audit.origin},
                    {"records", records}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<LogDifference> CompareLogs(const ledger::Bundle& a, const ledger::Bundle& b) {
  VEILSUM_ASSIGN_OR_RETURN(EntryReader left, EntryReader::Open(a));
  VEILSUM_ASSIGN_OR_RETURN(EntryReader right, EntryReader::Open(b));
  LogDifference out;
  out.size_a = left.size();
  out.size_b = right.size();
  for (; out.common < std::min(out.size_a, out.size_b); ++out.common) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes one, left.Read(out.common));
    VEILSUM_ASSIGN_OR_RETURN(const Bytes other, right.Read(out.common));
    if (one != other) break;
  }
  VEILSUM_RETURN_IF_ERROR(left.CountFrom(out.common, out.only_a));
  VEILSUM_RETURN_IF_ERROR(right.CountFrom(out.common, out.only_b));
  return out;
}

std::string DifferenceText(const LogDifference& difference) {
  std::string out =
      absl::StrFormat("A has %d entries, B has %d, the first %d are the same: ", difference.size_a,
                      difference.size_b, difference.common);
  out += difference.forked()                      ? "the logs are forked\n"
         : difference.size_a == difference.size_b ? "the same log\n"
         : difference.common == difference.size_a ? "B continues A\n"
                                                  : "A continues B\n";
  for (const auto& [name, types] : {std::pair("A", &difference.only_a), {"B", &difference.only_b}})
    for (const auto& [type, count] : *types)
      out += absl::StrFormat("  only in %s: %d of %s\n", name, count, type);
  return out;
}

}  // namespace veilsum::cli
