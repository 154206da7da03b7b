#include "model/ledger/tenant_policy.h"

#include "model/contract/decimal_text.h"
#include "model/ledger/fields.h"
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {
namespace {

// NaN unless the text is a decimal as contracts have them; a fraction is none.
double DecimalReal(const std::string& text) {
  return model::IsDecimal(text) ? RealOf(text) : std::nan("");
}

// Of `fields`, which it finds wrong when it is not one.
dp::BlockBudget ParseBlock(Fields& fields) {
  Json block = fields.Take("block");
  Fields limits(block);
  const std::uint64_t order = limits.Int("order");
  const dp::BlockBudget budget{DecimalReal(limits.Text("epsilon")),
                               DecimalReal(limits.Text("delta")),
                               static_cast<std::uint32_t>(order)};
  if (!limits.Done().ok() || order > dp::kLargestBlockOrder ||
      !dp::BudgetFilter::Create(budget).ok())
    fields.Wrong("block");
  return budget;
}

}  // namespace

absl::StatusOr<TenantPolicy> ParseTenantPolicy(const Json& body) {
  Json rest = body;
  Fields fields(rest);
  TenantPolicy policy{
      {DecimalReal(fields.Text("epsilon_cap")), DecimalReal(fields.Text("delta_cap"))}, {}};
  if (fields.Has("block")) policy.block = ParseBlock(fields);
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  if (!(policy.cap.epsilon >= 0) || !(policy.cap.delta >= 0 && policy.cap.delta < 1))
    return InvalidArgument("epsilon_cap and delta_cap must be decimals, delta_cap below 1");
  return policy;
}

bool IsWithin(const TenantPolicy& stated, const TenantPolicy& own) {
  return stated.cap.epsilon <= own.cap.epsilon && stated.cap.delta <= own.cap.delta &&
         (!own.block || stated.block == own.block);
}

}  // namespace veilsum::ledger
