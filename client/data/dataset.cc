#include "client/data/dataset.h"

#include <algorithm>
#include <unordered_map>

#include "base/fnv1a.h"
#include "client/data/events.h"

namespace veilsum::client {
namespace {

using RowOf = std::unordered_map<std::string, std::size_t>;  // customer -> row

// A joined table with its rows by customer.
struct Joined {
  EncodedTable table;
  RowOf row_of;
};

absl::StatusOr<Joined> IndexRows(EncodedTable table) {
  Joined joined{std::move(table), {}};
  const EncodedTable& t = joined.table;
  joined.row_of.reserve(t.ids.size());
  for (std::size_t row = 0; row < t.ids.size(); ++row) {
    const auto [other, added] = joined.row_of.emplace(t.ids[row], row);
    if (!added)
      return InvalidArgument("%s:%d: customer %s is there twice, first on line %d", t.name,
                             t.lines[row], Quote(t.ids[row]), t.lines[other->second]);
  }
  return joined;
}

// A customer's rows in the label's table, at most max_rows of them. Which ones depends on this
// customer alone (DP-09).
std::vector<std::size_t> SampleDown(std::vector<std::size_t> rows, const std::string& customer,
                                    std::size_t max_rows) {
  if (rows.size() <= max_rows) return rows;
  std::vector<std::pair<std::uint64_t, std::size_t>> ranked;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint64_t rank = Fnv1a64(absl::StrFormat("/%d", i), Fnv1a64(customer));
    rank = (rank ^ (rank >> 32)) *
           0x9e3779b97f4a7c15ULL;  // FNV's last byte hardly reaches the upper bits
    ranked.emplace_back(rank ^ (rank >> 32), rows[i]);
  }
  std::ranges::sort(ranked);
  rows.clear();
  for (std::size_t i = 0; i < max_rows; ++i) rows.push_back(ranked[i].second);
  std::ranges::sort(rows);
  return rows;
}

// A customer's decisions in the order of their times, at most the latest max_rows of them: what
// follows a row that is kept is kept.
std::vector<std::size_t> InOrder(std::vector<std::size_t> rows, const EncodedTable& labels,
                                 std::size_t max_rows) {
  if (!labels.times.empty())
    std::ranges::stable_sort(rows, {}, [&](std::size_t row) { return labels.times[row]; });
  if (rows.size() > max_rows)
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(max_rows));
  return rows;
}

std::ptrdiff_t Offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

// Room for one row more in `to`, all zero, with `heads` labels of side heads.
void AppendEmptyRow(std::size_t heads, model::Examples& to) {
  to.more_labels.resize(to.more_labels.size() + heads);
  to.numeric_values.resize(to.numeric_values.size() + static_cast<std::size_t>(to.numeric));
  to.active_inputs.resize(to.active_inputs.size() + static_cast<std::size_t>(to.categorical));
  for (model::IdList& list : to.lists) {
    list.ids.resize(list.ids.size() + list.slots);
    list.weights.resize(list.weights.size() + list.slots);
  }
}

// Copies the features and side labels of one row of `table` to their places in the last row of
// `to`.
void PlaceFeatures(const EncodedTable& table, std::size_t row, std::size_t heads,
                   model::Examples& to) {
  const std::size_t last = to.rows();
  for (std::size_t i = 0; i < table.numeric; ++i)
    to.numeric_values[last * static_cast<std::size_t>(to.numeric) + table.numeric_places[i]] =
        table.numeric_values[row * table.numeric + i];
  for (std::size_t i = 0; i < table.categorical; ++i)
    to.active_inputs[last * static_cast<std::size_t>(to.categorical) +
                     table.categorical_places[i]] =
        table.active_inputs[row * table.categorical + i];
  for (std::size_t i = 0; i < table.lists.size(); ++i) {
    const model::IdList& from = table.lists[i];
    model::IdList& list = to.lists[table.list_places[i]];
    std::ranges::copy(from.IdsOf(row), list.ids.begin() + Offset(last * list.slots));
    std::ranges::copy(from.WeightsOf(row), list.weights.begin() + Offset(last * list.slots));
  }
  const std::size_t here = table.head_places.size();
  for (std::size_t i = 0; i < here; ++i)
    to.more_labels[last * heads + table.head_places[i]] = table.more_labels[row * here + i];
}

// One folder: the label's table and the others.
class Folder {
 public:
  static absl::StatusOr<Folder> Load(const model::Plan& plan, const std::filesystem::path& path,
                                     BadRows& bad) {
    Folder folder;
    for (const model::Table& table : plan.tables) {
      if (table.is_events()) continue;
      VEILSUM_ASSIGN_OR_RETURN(EncodedTable encoded, LoadTable(plan, table, path, bad));
      if (table.name == plan.label.table) {
        folder.labels_ = std::move(encoded);
      } else {
        VEILSUM_ASSIGN_OR_RETURN(Joined joined, IndexRows(std::move(encoded)));
        folder.others_.push_back(std::move(joined));
      }
    }
    for (const model::Table& table : plan.tables) {  // after the times of the labels are known
      if (!table.is_events()) continue;
      VEILSUM_ASSIGN_OR_RETURN(EncodedTable events,
                               LoadEvents(plan, table, path, folder.labels_, bad));
      folder.events_.push_back(std::move(events));
    }
    return folder;
  }

  absl::Status AddTo(const model::Plan& plan, BadRows& bad, Dataset& out) const {
    RowOf place;
    std::vector<std::vector<std::size_t>> rows;  // of each customer
    for (std::size_t row = 0; row < labels_.ids.size(); ++row) {
      const auto [found, added] = place.emplace(labels_.ids[row], rows.size());
      if (added) rows.emplace_back();
      rows[found->second].push_back(row);
    }
    for (const std::vector<std::size_t>& mine : rows)
      VEILSUM_RETURN_IF_ERROR(AddCustomer(plan, mine, bad, out));
    for (const Joined& other : others_)
      for (const std::string& id : other.table.ids)
        out.unlabelled += !place.contains(id) && !labels_.skipped.contains(id);
    return absl::OkStatus();
  }

 private:
  absl::Status AddCustomer(const model::Plan& plan, const std::vector<std::size_t>& rows,
                           BadRows& bad, Dataset& out) const {
    const std::string& id = labels_.ids[rows.front()];
    if (labels_.skipped.contains(id)) return absl::OkStatus();
    for (const EncodedTable& events : events_)
      if (events.skipped.contains(id)) return absl::OkStatus();
    if (plan.unit.max_rows == 1 && rows.size() > 1)
      return InvalidArgument(
          "%s:%d: customer %s is there twice, first on line %d; unit.max_rows is 1", labels_.name,
          labels_.lines[rows[1]], Quote(id), labels_.lines[rows[0]]);
    for (const Joined& other : others_) {
      if (other.row_of.contains(id)) continue;
      if (other.table.skipped.contains(id)) return absl::OkStatus();
      return bad.Add(InvalidArgument("%s:%d: customer %s has no row in %s", labels_.name,
                                     labels_.lines[rows.front()], Quote(id), other.table.name));
    }
    const bool held_out =
        plan.holdout.mod != 0 ? IsHeldOutByHash(plan.holdout, id) : labels_.held_out[rows.front()];
    for (const std::size_t row : rows)
      if (plan.holdout.mod == 0 && labels_.held_out[row] != held_out)
        return InvalidArgument("%s:%d: customer %s is in training and in the hold-out (SE-11)",
                               labels_.name, labels_.lines[row], Quote(id));
    Append(plan.q_learning ? InOrder(rows, labels_, plan.unit.max_rows)
                           : SampleDown(rows, id, plan.unit.max_rows),
           id, plan.heads.size(), held_out ? out.holdout : out.training);
    return absl::OkStatus();
  }

  void Append(const std::vector<std::size_t>& rows, const std::string& id, std::size_t heads,
              model::Examples& to) const {
    for (const std::size_t row : rows) {
      AppendEmptyRow(heads, to);
      PlaceFeatures(labels_, row, heads, to);
      for (const Joined& other : others_)
        PlaceFeatures(other.table, other.row_of.at(id), heads, to);
      for (const EncodedTable& events : events_) PlaceFeatures(events, row, heads, to);
      to.labels.push_back(labels_.labels[row]);
      if (!labels_.rewards.empty()) to.rewards.push_back(labels_.rewards[row]);
      if (!labels_.propensities.empty()) to.propensities.push_back(labels_.propensities[row]);
    }
    AppendGroup(rows.front(), id, to);
    to.first_row.push_back(static_cast<std::uint32_t>(to.rows()));
    to.customer_ids.push_back(id);
  }

  // The customer's group is that of `row`, the first of its rows that are kept.
  void AppendGroup(std::size_t row, const std::string& id, model::Examples& to) const {
    if (!labels_.groups.empty()) to.groups.push_back(labels_.groups[row]);
    for (const Joined& other : others_)
      if (!other.table.groups.empty()) to.groups.push_back(other.table.groups[other.row_of.at(id)]);
  }

  EncodedTable labels_;
  std::vector<Joined> others_;
  std::vector<EncodedTable> events_;  // row by row as labels_
};

// In a pool, two merchants' customers of one name would be one privacy unit in two places.
absl::Status CheckDistinct(const Dataset& data) {
  std::vector<std::string_view> ids(data.training.customer_ids.begin(),
                                    data.training.customer_ids.end());
  ids.insert(ids.end(), data.holdout.customer_ids.begin(), data.holdout.customer_ids.end());
  std::ranges::sort(ids);
  const auto twice = std::ranges::adjacent_find(ids);
  if (twice == ids.end()) return absl::OkStatus();
  return InvalidArgument("customer %s is in two folders of the pool", Quote(*twice));
}

}  // namespace

absl::StatusOr<Dataset> LoadDataset(const model::Plan& plan,
                                    const std::vector<std::filesystem::path>& folders) {
  VEILSUM_RETURN_IF_ERROR(model::CheckRunnable(plan));
  Dataset out;
  for (model::Examples* part : {&out.training, &out.holdout}) {
    part->numeric = static_cast<int>(plan.numeric_inputs());
    for (const model::Feature& feature : plan.features) {
      part->categorical += feature.kind == model::FeatureKind::kCategorical;
      if (feature.is_list()) part->lists.push_back({feature.buckets, feature.slots(), {}, {}});
    }
  }
  BadRows bad(plan.max_bad_rows);
  for (const std::filesystem::path& path : folders) {
    VEILSUM_ASSIGN_OR_RETURN(const Folder folder, Folder::Load(plan, path, bad));
    VEILSUM_RETURN_IF_ERROR(folder.AddTo(plan, bad, out));
  }
  VEILSUM_RETURN_IF_ERROR(CheckDistinct(out));
  out.bad_rows = bad.count();
  return out;
}

absl::Status CheckPopulation(const model::Plan& plan, const model::Examples& training,
                             std::string_view merchant) {
  if (training.customers() >= plan.minimum_customers) return absl::OkStatus();
  return FailedPrecondition(
      "%s has fewer training customers than population.minimum_customers, %d: pool it with another "
      "merchant ([[pool]] in the plan) or leave it out",
      merchant, plan.minimum_customers);
}

}  // namespace veilsum::client
