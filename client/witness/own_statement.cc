#include "client/witness/own_statement.h"

#include "base/file.h"
#include "dp/ledger/budget_filter.h"
#include "model/ledger/statement_file.h"
#include "model/release/manifest.h"

namespace veilsum::client {

absl::StatusOr<PolicyStatement> StatePolicy(const Policy& policy) {
  PolicyStatement out;
  out.body = {{"epsilon_cap", release::DecimalOf(policy.epsilon_cap)},
              {"delta_cap", release::DecimalOf(policy.delta_cap)}};
  if (policy.block_epsilon == 0) return out;
  out.leaves_block_out = policy.block_order == 0;
  if (out.leaves_block_out) return out;
  if (policy.block_order > dp::kLargestBlockOrder)
    return InvalidArgument("block_order is %d, must be at most %d", policy.block_order,
                           dp::kLargestBlockOrder);
  VEILSUM_RETURN_IF_ERROR(dp::BudgetFilter::Create({policy.block_epsilon, policy.block_delta,
                                                    static_cast<std::uint32_t>(policy.block_order)})
                              .status());
  out.body["block"] = {{"epsilon", release::DecimalOf(policy.block_epsilon)},
                       {"delta", release::DecimalOf(policy.block_delta)},
                       {"order", policy.block_order}};
  return out;
}

absl::StatusOr<std::string> SignedFile(const Speaker& speaker, const std::string& type, Json body,
                                       const std::map<std::string, Hash32>& hidden) {
  const ledger::TenantStatement statement{type,         speaker.federation, speaker.seat,
                                          speaker.time, std::move(body),    hidden};
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signed_bytes,
                           ledger::SignStatement(statement, speaker.signer));
  return ledger::WriteStatementFile(signed_bytes, speaker.certificate);
}

absl::Status EraseAndState(const Speaker& speaker, DisclosureStore& disclosures,
                           const Hash32& digest, const std::filesystem::path& out) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string file,
                           SignedFile(speaker, "erasure.performed", {{"kind", "disclosure"}}));
  VEILSUM_RETURN_IF_ERROR(disclosures.Erase(digest));  // from here on there is no way back
  return WriteFile(out, file);
}

}  // namespace veilsum::client
