#include "dp/accountant/accountant.h"
#include "dp/accountant/pld_accountant.h"
#include "dp/accountant/rdp_accountant.h"

namespace veilsum::dp {

std::string_view NameOf(AccountantKind kind) {
  return kind == AccountantKind::kPld ? "pld" : "rdp";
}

absl::Status Accountant::ComposeSelection(const Selection&) {
  return Unimplemented("a selection among repeated runs has no bound by accountant %s: use rdp",
                       std::string(name()));
}

absl::StatusOr<std::unique_ptr<Accountant>> MakeAccountant(AccountantKind kind,
                                                           Neighbouring neighbouring) {
  if (kind == AccountantKind::kPld) return std::make_unique<PldAccountant>(neighbouring);
  if (neighbouring == Neighbouring::kReplaceOne)
    return Unimplemented(
        "neighbouring is replace-one, accountant rdp has add-remove only: use pld");
  return std::make_unique<RdpAccountant>();
}

}  // namespace veilsum::dp
