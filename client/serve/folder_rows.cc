#include "client/serve/folder_rows.h"

#include <filesystem>
#include <set>

#include "client/data/columns.h"
#include "client/data/dataset.h"
#include "client/data/feature_encoder.h"
#include "client/data/rows.h"
#include "client/data/select_customers.h"
#include "model/plan/scale.h"

namespace veilsum::client {
namespace {

std::string LabelText(const model::Label& label, float value) {
  const auto place = static_cast<std::size_t>(value);
  if (label.kind == model::LabelKind::kClass) return label.values[place];
  return label.kind == model::LabelKind::kBinary
             ? std::to_string(place)
             : absl::StrFormat("%.17g", model::Scale(label).Decode(value));
}

bool IsLabel(const model::Plan& plan, const WantedColumn& column) {
  return column.column == plan.label.column &&
         (column.table.empty() || column.table == plan.label.table);
}

struct Place {
  const model::Table* table;
  std::string column;
};

// "table.column", or a column of the label's table.
absl::StatusOr<Place> PlaceOf(const model::Plan& plan, const WantedColumn& wanted) {
  Place label{nullptr, wanted.column};
  for (const model::Table& table : plan.tables) {
    if (wanted.column.starts_with(table.name + "."))
      return Place{&table, wanted.column.substr(table.name.size() + 1)};
    if (table.name == (wanted.table.empty() ? plan.label.table : wanted.table))
      label.table = &table;
  }
  if (label.table == nullptr) return InvalidArgument("the plan has no table %s", wanted.table);
  return label;
}

absl::StatusOr<std::vector<std::string>> DistinctTexts(const Place& place,
                                                       const std::string& folder,
                                                       std::size_t most) {
  if (place.table->is_events())
    return InvalidArgument("%s.%s: a customer has many rows of this table", place.table->name,
                           place.column);
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Rows> rows, OpenRows(*place.table, folder));
  CsvRow row;
  VEILSUM_ASSIGN_OR_RETURN(const bool header, rows->Next(row));
  if (!header) return InvalidArgument("%s: there are no rows", rows->name());
  VEILSUM_ASSIGN_OR_RETURN(const std::size_t at,
                           FindColumn(row.fields, place.column, rows->name()));
  std::set<std::string> texts;
  while (true) {
    const absl::StatusOr<bool> any = rows->Next(row);
    if (!any.ok() && rows->can_continue()) continue;  // counted when the data are read
    VEILSUM_RETURN_IF_ERROR(any.status());
    if (!*any) return std::vector<std::string>(texts.begin(), texts.end());
    if (at < row.fields.size()) texts.insert(row.fields[at]);
    if (texts.size() > most)
      return InvalidArgument("%s: column %s has more than %d values", rows->name(), place.column,
                             most);
  }
}

// The plan, with the other column as the groups of an evaluation: a dataset tells those by row.
absl::StatusOr<model::Plan> WithGroups(model::Plan plan, const std::string& folder,
                                       const std::vector<WantedColumn>& more, std::size_t most) {
  plan.evaluation.reset();
  for (const WantedColumn& column : more) {
    if (IsLabel(plan, column)) continue;
    if (plan.evaluation) return InvalidArgument("one column besides the label's can be read");
    VEILSUM_ASSIGN_OR_RETURN(const Place place, PlaceOf(plan, column));
    model::Evaluation groups;
    VEILSUM_ASSIGN_OR_RETURN(groups.groups, DistinctTexts(place, folder, most));
    groups.group_table = place.table->name;
    groups.group_column = place.column;
    plan.evaluation = std::move(groups);
  }
  return plan;
}

std::vector<std::string> ValuesOf(const model::Plan& plan, const model::Examples& examples,
                                  std::size_t row) {
  std::vector<std::string> out;
  const std::vector<FeaturePlace> places = FeaturePlaces(plan);
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const model::Feature& feature = plan.features[i];
    std::string value;
    if (feature.kind == model::FeatureKind::kNumeric)
      value = absl::StrFormat(
          "%.9g", model::Scale(feature).Decode(examples.NumericOf(row)[places[i].ordinal]));
    if (feature.kind == model::FeatureKind::kCategorical)
      value = absl::StrFormat("bucket %d",
                              examples.ActiveOf(row)[places[i].ordinal] - places[i].first_input);
    out.push_back(std::move(value));
    out.resize(out.size() + feature.more_columns.size());
  }
  return out;
}

void AddRow(const model::Plan& plan, const std::vector<WantedColumn>& more, std::size_t customer,
            std::size_t row, FolderRows& to) {
  const model::Examples& e = to.examples;
  to.rows.push_back({e.customer_ids[customer], ValuesOf(plan, e, row), row + 1});
  std::vector<std::string> texts;
  for (const WantedColumn& column : more)
    texts.push_back(IsLabel(plan, column) ? LabelText(plan.label, e.labels[row])
                                          : plan.evaluation->groups[e.groups[customer]]);
  to.more.push_back(std::move(texts));
}

}  // namespace

bool IsFolder(const std::string& data) {
  std::error_code error;
  return data != "-" && std::filesystem::is_directory(data, error);
}

absl::StatusOr<FolderRows> ReadFolder(const model::Plan& of_release, const std::string& folder,
                                      CustomersPart part, const std::vector<WantedColumn>& more,
                                      std::size_t most_values) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan,
                           WithGroups(of_release, folder, more, most_values));
  VEILSUM_ASSIGN_OR_RETURN(Dataset data, LoadDataset(plan, {folder}));
  FolderRows out;
  out.examples = std::move(data.holdout);
  if (part == CustomersPart::kAll) AppendCustomers(data.training, out.examples);
  for (std::size_t u = 0; u < out.examples.customers(); ++u)
    for (std::size_t row = out.examples.first_row[u]; row < out.examples.first_row[u + 1]; ++row)
      AddRow(plan, more, u, row, out);
  return out;
}

}  // namespace veilsum::client
