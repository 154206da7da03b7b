#include "client/data/table.h"

#include <limits>

#include "client/data/columns.h"
#include "client/data/ngrams.h"
#include "client/data/rows.h"
#include "client/data/times.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);

// A feature of this table and the column of the file that it is read from.
struct Source {
  const model::Feature* feature;
  std::size_t column;
  std::size_t first_input;
};

// A text feature, and the columns that its text is in.
struct TextSource {
  const model::Feature* feature;
  std::vector<std::size_t> columns;
};

// What to do with each row of one file.
struct Recipe {
  std::size_t fields = 0;
  std::size_t id = 0;
  std::vector<Source> numeric, categorical;
  std::vector<TextSource> texts;
  std::size_t label = kNoColumn;
  bool customers = false;          // a row is a customer's, and has no label
  std::vector<std::size_t> heads;  // columns of the side heads of this table
  std::size_t holdout = kNoColumn;
  std::size_t time = kNoColumn;
  std::size_t reward = kNoColumn;
  std::size_t propensity = kNoColumn;
  std::size_t group = kNoColumn;
};

absl::StatusOr<TextSource> FindText(const model::Feature& feature,
                                    const std::vector<std::string>& header,
                                    const std::string& name) {
  TextSource text{&feature, {}};
  std::vector<std::string> wanted = {feature.column};
  wanted.insert(wanted.end(), feature.more_columns.begin(), feature.more_columns.end());
  for (const std::string& each : wanted) {
    VEILSUM_ASSIGN_OR_RETURN(const std::size_t column, FindColumn(header, each, name));
    text.columns.push_back(column);
  }
  return text;
}

bool HasGroups(const model::Plan& plan, const model::Table& table) {
  return plan.evaluation && !plan.evaluation->groups.empty() &&
         plan.evaluation->group_table == table.name;
}

absl::StatusOr<std::size_t> FindGroup(const model::Plan& plan,
                                      const std::vector<std::string>& header,
                                      const std::string& name) {
  const absl::StatusOr<std::size_t> column =
      FindColumn(header, plan.evaluation->group_column, name);
  if (column.ok()) return column;
  return InvalidArgument("%s; it is evaluation.group of plan %s",
                         std::string(column.status().message()), plan.name);
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
    if (feature.kind == model::FeatureKind::kText) {
      VEILSUM_ASSIGN_OR_RETURN(TextSource text, FindText(feature, header, out.name));
      recipe.texts.push_back(std::move(text));
      out.list_places.push_back(places[i].ordinal);
      out.lists.push_back({feature.buckets, feature.max_terms, {}, {}});
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(const std::size_t column,
                             FindColumn(header, feature.column, out.name));
    const bool numeric = feature.kind == model::FeatureKind::kNumeric;
    (numeric ? recipe.numeric : recipe.categorical)
        .push_back({&feature, column, places[i].first_input});
    (numeric ? out.numeric_places : out.categorical_places).push_back(places[i].ordinal);
  }
  out.numeric = recipe.numeric.size();
  out.categorical = recipe.categorical.size();
  for (std::size_t h = 0; h < plan.heads.size(); ++h) {
    if (plan.heads[h].label.table != table.name) continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::size_t column,
                             FindColumn(header, plan.heads[h].label.column, out.name));
    recipe.heads.push_back(column);
    out.head_places.push_back(h);
  }
  if (HasGroups(plan, table)) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.group, FindGroup(plan, header, out.name));
  }
  if (plan.label.table != table.name) return recipe;
  recipe.customers = plan.task == model::Task::kSegments;
  if (!recipe.customers) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.label, FindColumn(header, plan.label.column, out.name));
  }
  if (!plan.label.time.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.time, FindColumn(header, plan.label.time, out.name));
  }
  if (plan.q_learning) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.reward, FindColumn(header, plan.q_learning->reward, out.name));
  }
  if (plan.q_learning && !plan.q_learning->propensity.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(recipe.propensity,
                             FindColumn(header, plan.q_learning->propensity, out.name));
  }
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
  std::int64_t time = 0;
  if (recipe.time != kNoColumn) {
    const absl::StatusOr<std::int64_t> parsed = ParseTime(row.fields[recipe.time]);
    if (!parsed.ok()) return wrong(plan.label.time, parsed.status());
    time = *parsed;
  }
  std::vector<float> more;
  for (std::size_t h = 0; h < recipe.heads.size(); ++h) {
    const std::string& text = row.fields[recipe.heads[h]];
    if (text.empty()) {
      more.push_back(std::numeric_limits<float>::quiet_NaN());
      continue;
    }
    const model::Label& wanted = plan.heads[out.head_places[h]].label;
    const absl::StatusOr<float> label = ParseLabel(wanted, text);
    if (!label.ok()) return wrong(wanted.column, label.status());
    more.push_back(*label);
  }
  float reward = 0, propensity = 0;
  if (recipe.reward != kNoColumn) {
    const absl::StatusOr<float> parsed = ParseReward(*plan.q_learning, row.fields[recipe.reward]);
    if (!parsed.ok()) return wrong(plan.q_learning->reward, parsed.status());
    reward = *parsed;
  }
  if (recipe.propensity != kNoColumn) {
    const absl::StatusOr<float> parsed = ParsePropensity(row.fields[recipe.propensity]);
    if (!parsed.ok()) return wrong(plan.q_learning->propensity, parsed.status());
    propensity = *parsed;
  }
  if (recipe.label != kNoColumn) {
    const absl::StatusOr<float> label = ParseLabel(plan.label, row.fields[recipe.label]);
    if (!label.ok()) return wrong(plan.label.column, label.status());
    out.labels.push_back(*label);
  }
  if (recipe.customers) out.labels.push_back(0);
  out.more_labels.insert(out.more_labels.end(), more.begin(), more.end());
  if (recipe.reward != kNoColumn) out.rewards.push_back(reward);
  if (recipe.propensity != kNoColumn) out.propensities.push_back(propensity);
  if (recipe.time != kNoColumn) out.times.push_back(time);
  if (recipe.holdout != kNoColumn)
    out.held_out.push_back(row.fields[recipe.holdout] == plan.holdout.value);
  if (recipe.group != kNoColumn)
    out.groups.push_back(EncodeGroup(*plan.evaluation, row.fields[recipe.group]));
  out.numeric_values.insert(out.numeric_values.end(), numeric.begin(), numeric.end());
  for (const Source& source : recipe.categorical)
    out.active_inputs.push_back(static_cast<std::uint32_t>(source.first_input) +
                                EncodeCategorical(*source.feature, row.fields[source.column]));
  for (std::size_t i = 0; i < recipe.texts.size(); ++i) {
    std::vector<std::string_view> texts;
    for (const std::size_t column : recipe.texts[i].columns) texts.push_back(row.fields[column]);
    AppendText(*recipe.texts[i].feature, texts, out.lists[i]);
  }
  out.ids.push_back(id);
  out.lines.push_back(row.line);
  return absl::OkStatus();
}

absl::StatusOr<Recipe> ReadHeader(const model::Plan& plan, const model::Table& table, Rows& rows,
                                  EncodedTable& out) {
  CsvRow header;
  VEILSUM_ASSIGN_OR_RETURN(const bool any, rows.Next(header));
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
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Rows> rows, OpenRows(table, folder));
  out.name = rows->name();
  VEILSUM_ASSIGN_OR_RETURN(const Recipe recipe, ReadHeader(plan, table, *rows, out));
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> next = rows->Next(row);
    if (next.ok() && !*next) break;
    const absl::Status status = next.ok() ? EncodeRow(plan, recipe, row, out) : next.status();
    if (status.ok()) continue;
    if (!rows->can_continue()) return status;
    VEILSUM_RETURN_IF_ERROR(bad.Add(status));
    if (recipe.id < row.fields.size()) out.skipped.insert(row.fields[recipe.id]);
  }
  if (out.ids.empty())
    return InvalidArgument("%s:1: there is a header but no row that can be used", out.name);
  return out;
}

}  // namespace veilsum::client
