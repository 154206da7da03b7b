#include "base/pki/credentials.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/pki/openssl_handles.h"

namespace veilsum {
namespace openssl {

KeyPtr ParsePrivateKey(std::string_view pem) {
  const BioPtr input = ReadOnly(pem);
  char no_passphrase[] = "";
  KeyPtr key(PEM_read_bio_PrivateKey(input.get(), nullptr, nullptr, no_passphrase));
  ERR_clear_error();
  return key;
}

absl::StatusOr<std::string> PrivateKeyPem(EVP_PKEY* key) {
  const BioPtr output(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (output == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(output.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error("writing a private key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(output.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace openssl

absl::StatusOr<SecretText> ReadPrivateKey(const std::filesystem::path& file) {
  struct stat info;
  if (stat(file.c_str(), &info) != 0) return NotFound("%s: no such key file", file.string());
  if (info.st_uid != geteuid())
    return PermissionDenied("%s: the key file belongs to another user", file.string());
  if ((info.st_mode & 077) != 0)
    return PermissionDenied("%s: mode is %04o, a private key must be 0600", file.string(),
                            info.st_mode & 07777);
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, ReadFile(file, kMaxPemText));
  return SecretText(std::move(pem));
}

absl::StatusOr<TlsIdentity> LoadTlsIdentity(const std::filesystem::path& root_file,
                                            const std::filesystem::path& certificate_file,
                                            const std::filesystem::path& key_file, WallTime now) {
  const auto read = [](const std::filesystem::path& file) -> absl::StatusOr<Certificate> {
    VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(file, kMaxPemText));
    auto certificate = Certificate::FromPem(pem);
    if (!certificate.ok()) return Annotate(certificate.status(), file.string());
    return certificate;
  };
  VEILSUM_ASSIGN_OR_RETURN(Certificate root, read(root_file));
  VEILSUM_ASSIGN_OR_RETURN(Certificate leaf, read(certificate_file));
  VEILSUM_ASSIGN_OR_RETURN(SecretText key, ReadPrivateKey(key_file));
  auto id = VerifyLeaf(leaf, root, now);
  if (!id.ok()) return Annotate(id.status(), certificate_file.string());
  if (const absl::Status matches = CheckKeyMatches(leaf, key); !matches.ok())
    return Annotate(matches, key_file.string());
  return TlsIdentity{std::move(root), std::move(leaf), std::move(key), *std::move(id)};
}

absl::StatusOr<Ed25519Signer> ReadEd25519Signer(const SecretText& key_pem) {
  const openssl::KeyPtr key = openssl::ParsePrivateKey(key_pem.Expose());
  ByteArray<32> seed;
  std::size_t size = seed.size();
  if (key == nullptr || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) != 1 || size != seed.size()) {
    ERR_clear_error();
    return InvalidArgument("not a PKCS#8 Ed25519 private key");
  }
  return Ed25519Signer(Secret<32>(std::span<std::uint8_t, 32>(seed)));
}

absl::Status CheckKeyMatches(const Certificate& certificate, const SecretText& key_pem) {
  const openssl::KeyPtr key = openssl::ParsePrivateKey(key_pem.Expose());
  if (key == nullptr) return InvalidArgument("not a PEM private key");
  const int same = X509_check_private_key(certificate.handle(), key.get());
  ERR_clear_error();
  if (same != 1) return InvalidArgument("the private key is not the certificate's");
  return absl::OkStatus();
}

}  // namespace veilsum
