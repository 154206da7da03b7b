#include "coordinator/run/release_shelf.h"

#include "base/file.h"

namespace veilsum::coordinator {

absl::StatusOr<EarlierRelease> ReleaseShelf::Open(const std::string& digest) const {
  const std::filesystem::path folder = packages_ / digest;
  if (std::error_code error; !std::filesystem::is_directory(folder, error))
    return NotFound("model.start: there is no release %s in %s", digest, packages_.string());
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(release_key_, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(folder));
  absl::StatusOr<release::Release> opened = release::OpenPackage(files, key);
  if (!opened.ok()) return Annotate(opened.status(), "model.start");
  if (const std::string found = HexEncode(opened->digest); found != digest)
    return FailedPrecondition("model.start: the plan names release %s, %s holds %s", digest,
                              folder.string(), found);
  return std::make_shared<const release::Release>(*std::move(opened));
}

}  // namespace veilsum::coordinator
