#include "cli/release/start_package.h"

#include "base/file.h"
#include "model/transfer.h"

namespace veilsum::cli {

absl::StatusOr<StartPackage> StartPackage::Open(const std::filesystem::path& folder,
                                                const std::filesystem::path& key_file) {
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, ReadFile(key_file, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(release::Files files, release::ReadPackage(folder));
  VEILSUM_ASSIGN_OR_RETURN(release::Release opened, release::OpenPackage(files, key));
  return StartPackage{std::move(files), std::move(pem), std::move(opened)};
}

absl::Status StartPackage::NameIn(model::Plan& plan) const {
  std::string& start = plan.network.start;
  if (!start.empty() && start != digest())
    return InvalidArgument("model.start is %s, the package is %s", start, digest());
  VEILSUM_RETURN_IF_ERROR(model::StartFrom(release.plan, release.model, plan, 1).status());
  start = digest();
  return absl::OkStatus();
}

}  // namespace veilsum::cli
