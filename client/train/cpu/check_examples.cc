#include "client/train/cpu/check_examples.h"

#include "client/train/trainer.h"

namespace veilsum::client::cpu {
namespace {

bool SizesAgree(const model::Examples& examples, const model::Heads& heads) {
  const auto numeric = static_cast<std::size_t>(examples.numeric);
  const auto categorical = static_cast<std::size_t>(examples.categorical);
  const std::size_t rows = examples.rows();
  return examples.numeric_values.size() == rows * numeric &&
         examples.active_inputs.size() == rows * categorical &&
         examples.more_labels.size() == rows * (heads.size() - 1) &&
         (heads.front().loss != model::Loss::kTemporal || examples.rewards.size() == rows) &&
         !examples.first_row.empty() && examples.first_row.front() == 0 &&
         examples.first_row.back() == rows;
}

absl::Status CheckCustomers(const model::Examples& examples, std::uint32_t max_rows) {
  for (std::size_t u = 0; u < examples.customers(); ++u)
    if (examples.first_row[u + 1] < examples.first_row[u] ||
        examples.first_row[u + 1] - examples.first_row[u] > max_rows)
      return InvalidArgument("a customer has more than max_rows = %d rows", max_rows);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckExamples(const model::Layout& layout, const model::Examples& examples,
                           std::uint32_t max_rows, const model::Heads& heads) {
  if (max_rows == 0 || max_rows > kMaxRowsPerCustomer)
    return InvalidArgument("max_rows is %d, must be from 1 to %d", max_rows, kMaxRowsPerCustomer);
  if (static_cast<std::size_t>(examples.numeric) != layout.numeric())
    return InvalidArgument("examples have %d numeric features, the model %d", examples.numeric,
                           layout.numeric());
  if (!SizesAgree(examples, heads))
    return InvalidArgument("examples: sizes of rows and customers do not agree");
  VEILSUM_RETURN_IF_ERROR(CheckCustomers(examples, max_rows));
  for (const std::uint32_t input : examples.active_inputs)
    if (input < layout.dense_inputs() || input >= layout.inputs())
      return InvalidArgument("active input %d is not from %d to %d", input, layout.dense_inputs(),
                             layout.inputs() - 1);
  return model::CheckLists(layout, examples);
}

}  // namespace veilsum::client::cpu
