#include "client/cli/recommend_command.h"

#include <cstdio>

#include "client/cli/finish.h"
#include "client/serve/folder_rows.h"
#include "client/serve/ranking.h"
#include "model/release/manifest.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kMaxRows = std::size_t{1} << 22;  // all of them are held at once

struct Candidates {
  model::Examples rows;
  std::vector<std::string> items;
};

// A folder's rows have the plan's classes as candidates.
absl::StatusOr<Candidates> ReadCandidateFolder(const Predictor& predictor,
                                               const RecommendOptions& options) {
  const model::Plan& plan = predictor.plan();
  if (!options.item.empty() || plan.label.kind != model::LabelKind::kClass)
    return InvalidArgument("%s: is a folder; candidates that are rows are given as a file of rows",
                           options.data);
  VEILSUM_ASSIGN_OR_RETURN(FolderRows read,
                           ReadFolder(plan, options.data, CustomersPart::kAll, {}, 0));
  return Candidates{std::move(read.examples), {}};
}

absl::StatusOr<Candidates> ReadCandidates(const Predictor& predictor,
                                          const RecommendOptions& options) {
  if (IsFolder(options.data)) return ReadCandidateFolder(predictor, options);
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, predictor.encoder());
  std::vector<WantedColumn> wanted = encoder->wanted();
  if (!options.item.empty()) wanted.push_back({"", options.item});
  VEILSUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<RowSource> source,
      OpenRowSource(options.data, std::move(wanted), predictor.plan().unit.column));
  Candidates out{encoder->Empty(), {}};
  FlatRow row;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
    if (!more) return out;
    if (out.rows.rows() == kMaxRows) return InvalidArgument("more than %d rows", kMaxRows);
    if (!options.item.empty()) out.items.push_back(row.values.back());
    VEILSUM_RETURN_IF_ERROR(encoder->Append(row, source->name(), out.rows));
  }
}

std::string JsonLine(const Recommendation& r) {
  nlohmann::ordered_json line, best = nlohmann::ordered_json::array();
  if (!r.id.empty()) line["id"] = r.id;
  for (const RankedItem& i : r.best) {
    best.push_back({{"row", i.row}, {"score", i.score}});
    if (!i.item.empty()) best.back()["item"] = i.item;
  }
  line["best"] = best;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string CsvLines(const Recommendation& r) {
  std::string out;
  for (std::size_t rank = 0; rank < r.best.size(); ++rank) {
    const RankedItem& i = r.best[rank];
    out += absl::StrFormat("%s,%d,%s,%d,%s\n", CsvField(r.id), rank + 1, CsvField(i.item), i.row,
                           release::DecimalOf(i.score));
  }
  return out;
}

absl::Status Recommend(const RecommendOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           LoadPredictor(options.release));
  VEILSUM_RETURN_IF_ERROR(CheckRanks(predictor->plan()));
  VEILSUM_ASSIGN_OR_RETURN(const Candidates candidates, ReadCandidates(*predictor, options));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor->Predict(candidates.rows, false));
  std::string text =
      options.json ? "" : CsvField(predictor->plan().unit.column) + ",rank,item,row,score\n";
  for (const Recommendation& r :
       client::Recommend(predictor->plan(), predictions, candidates.items, options.top))
    text += options.json ? JsonLine(r) : CsvLines(r);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return Unavailable("stdout cannot be written");
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddRecommendCommand(CLI::App& app, RecommendOptions& options) {
  CLI::App* recommend = app.add_subcommand(
      "recommend", "The best of each customer's candidates; nothing leaves the machine");
  AddReleaseOptions(*recommend, options.release);
  AddPersonalOption(*recommend, options.release);
  recommend
      ->add_option(
          "--data", options.data,
          "candidates as CSV or JSON lines, - for stdin: the rows of a customer; of a "
          "plan with classes these are the candidates of each row, and a folder with the plan's "
          "tables will do")
      ->type_name("DATA")
      ->required();
  recommend->add_option("--item", options.item, "the column that names a candidate");
  recommend->add_option("--top", options.top, "how many of each customer")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  recommend->add_flag("--json", options.json, "JSON lines on stdout instead of CSV");
  return recommend;
}

ExitCode RunRecommend(const RecommendOptions& options) { return Finish(Recommend(options)); }

}  // namespace veilsum::client
