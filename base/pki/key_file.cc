#include "base/pki/key_file.h"

#include "base/base64.h"
#include "base/file.h"

namespace veilsum {
namespace {

// RFC 8410, section 7: PrivateKeyInfo of an Ed25519 seed up to the seed itself.
constexpr std::uint8_t kDerPrefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

SecretText PemOf(const Secret<32>& seed) {
  std::array<std::uint8_t, sizeof kDerPrefix + 32> der;
  std::ranges::copy(kDerPrefix, der.begin());
  std::ranges::copy(seed.Expose(), der.begin() + sizeof kDerPrefix);
  SecretText body(Base64Encode(der));
  sodium_memzero(der.data(), der.size());
  std::string pem;
  pem.reserve(256);  // so that no part of it is left behind in a smaller buffer
  pem.append("-----BEGIN PRIVATE KEY-----\n").append(body.Expose());
  pem.append("\n-----END PRIVATE KEY-----\n");
  return SecretText(std::move(pem));
}

}  // namespace

absl::StatusOr<Ed25519Signer> ReadKeyFile(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return NotFound("there is no key in %s", file.string());
  VEILSUM_ASSIGN_OR_RETURN(const SecretText pem, ReadPrivateKey(file));
  absl::StatusOr<Ed25519Signer> signer = ReadEd25519Signer(pem);
  if (!signer.ok()) return Annotate(signer.status(), file.string());
  return signer;
}

absl::StatusOr<Ed25519Signer> MakeKeyFile(const std::filesystem::path& file, SecureRng& rng) {
  if (std::filesystem::exists(file)) return AlreadyExists("%s is there", file.string());
  Secret<32> seed = rng.NewSecret<32>();
  VEILSUM_RETURN_IF_ERROR(WriteFile(file, PemOf(seed).Expose(), FileMode::kPrivate));
  return Ed25519Signer(std::move(seed));
}

absl::Status MakePrivateFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return Unavailable("cannot make the folder %s: %s", folder.string(), error.message());
  return absl::OkStatus();
}

}  // namespace veilsum
