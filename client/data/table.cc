#include "client/data/table.h"

#include "client/data/csv_reader.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

// A feature of this table and the column of the file that it is read from.
struct Source {
  const model::Feature* feature;
  std::size_t column;
  std::size_t first_input;
};

// What to do with each row of one file.
struct Recipe {
  std::size_t fields = 0;
  std::size_t id = 0;
  std::vector<Source> numeric, categorical;
  std::size_t label = kNoColumn;
  std::size_t holdout = kNoColumn;
};

absl::StatusOr<std::size_t> FindColumn(const std::vector<std::string>& header,
                                       const std::string& column, const std::string& name) {
  std::size_t found = kNoColumn;
  std::string all;
  for (std::size_t i = 0; i < header.size(); ++i) {
    all += (i == 0 ? "" : ", ") + header[i];
    if (header[i] != column) continue;
    if (found != kNoColumn)
      return InvalidArgument("%s:1: the column %s is there twice", name, column);
    found = i;
  }
  if (found == kNoColumn)
    return InvalidArgument("%s:1: the column %s is missing; there are: %s", name, column, all);
  return found;
}

absl::StatusOr<Recipe> MakeRecipe(const model::Plan& plan, const model::Table& table,
                                  const std::vector<std::string>& header, EncodedTable& out) {
  Recipe recipe;
  recipe.fields = header.size();
  VEILSUM_ASSIGN_OR_RETURN(recipe.id, FindColumn(header, table.join, out.name));
  const std::vector<FeaturePlace> places = FeaturePlaces(plan);
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const model::Feature& feature = plan.features[i];
    if (feature.table != table.name) continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::size_t column,
                             FindColumn(header, feature.column, out.name));
    const bool numeric = feature.kind == model::FeatureKind::kNumeric;
    (numeric ? recipe.numeric : recipe.categorical)
        .push_back({&feature, column, places[i].first_input});
    (numeric ? out.numeric_places : out.categorical_places).push_back(places[i].ordinal);
  }
  out.numeric = recipe.numeric.size();
  out.categorical = recipe.categorical.size();
  if (plan.label.table != table.name) return recipe;
  VEILSUM_ASSIGN_OR_RETURN(recipe.label, FindColumn(header, plan.label.column, out.name));
  if (plan.holdout.mod == 0) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.holdout, FindColumn(header, plan.holdout.column, out.name));
  }
  return recipe;
}

// Appends the row, or leaves `out` as it was.
absl::Status EncodeRow(const model::Plan& plan, const Recipe& recipe, const CsvRow& row,
                       EncodedTable& out) {
  const auto wrong = [&](const std::string& column, const absl::Status& status) {
    return InvalidArgument("%s:%d: column %s: %s", out.name, row.line, column,
                           std::string(status.message()));
  };
  if (row.fields.size() != recipe.fields)
    return InvalidArgument("%s:%d: %d fields, the header has %d", out.name, row.line,
                           row.fields.size(), recipe.fields);
  const std::string& id = row.fields[recipe.id];
  if (id.empty()) return InvalidArgument("%s:%d: the customer's id is empty", out.name, row.line);
  std::vector<float> numeric;
  for (const Source& source : recipe.numeric) {
    const absl::StatusOr<double> value = ParseNumber(row.fields[source.column]);
    if (!value.ok()) return wrong(source.feature->column, value.status());
    numeric.push_back(EncodeNumeric(*source.feature, *value));
  }
  if (recipe.label != kNoColumn) {
    const absl::StatusOr<float> label = ParseBinaryLabel(row.fields[recipe.label]);
    if (!label.ok()) return wrong(plan.label.column, label.status());
    out.labels.push_back(*label);
  }
  if (recipe.holdout != kNoColumn)
    out.held_out.push_back(row.fields[recipe.holdout] == plan.holdout.value);
  out.numeric_values.insert(out.numeric_values.end(), numeric.begin(), numeric.end());
  for (const Source& source : recipe.categorical)
    out.active_inputs.push_back(static_cast<std::uint32_t>(source.first_input) +
                                EncodeCategorical(*source.feature, row.fields[source.column]));
  out.ids.push_back(id);
  out.lines.push_back(row.line);
  return absl::OkStatus();
}

absl::StatusOr<Recipe> ReadHeader(const model::Plan& plan, const model::Table& table,
                                  CsvReader& reader, EncodedTable& out) {
  CsvRow header;
  VEILSUM_ASSIGN_OR_RETURN(const bool any, reader.Next(header));
  if (!any)
    return InvalidArgument("%s:1: the file is empty, must start with a row of column names",
                           out.name);
  return MakeRecipe(plan, table, header.fields, out);
}

}  // namespace

absl::Status BadRows::Add(const absl::Status& error) {
  if (++count_ <= allowed_) return absl::OkStatus();
  if (allowed_ == 0) return error;
  return InvalidArgument("%s (bad row number %d; the plan's data.max_bad_rows is %d)",
                         std::string(error.message()), count_, allowed_);
}

absl::StatusOr<EncodedTable> LoadTable(const model::Plan& plan, const model::Table& table,
                                       const std::filesystem::path& folder, BadRows& bad) {
  EncodedTable out;
  out.name = (folder.filename() / table.file).string();
  VEILSUM_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(folder / table.file, out.name));
  VEILSUM_ASSIGN_OR_RETURN(const Recipe recipe, ReadHeader(plan, table, reader, out));
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> next = reader.Next(row);
    if (next.ok() && !*next) break;
    const absl::Status status = next.ok() ? EncodeRow(plan, recipe, row, out) : next.status();
    if (status.ok()) continue;
    if (!reader.can_continue()) return status;
    VEILSUM_RETURN_IF_ERROR(bad.Add(status));
    if (recipe.id < row.fields.size()) out.skipped.insert(row.fields[recipe.id]);
  }
  if (out.ids.empty())
    return InvalidArgument("%s:1: there is a header but no row that can be used", out.name);
  return out;
}

}  // namespace veilsum::client
