#include "base/pki/credentials.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
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

namespace {

constexpr std::string_view kEncrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
// scrypt's cost: 16 MiB, the most that OpenSSL opens without being asked to, and some 50 ms.
constexpr std::uint64_t kScryptN = 1 << 14, kScryptR = 8, kScryptP = 1;

absl::Status CheckPrivate(const std::filesystem::path& file, const char* what) {
  struct stat info;
  if (stat(file.c_str(), &info) != 0) return NotFound("%s: no such %s", file.string(), what);
  if (info.st_uid != geteuid())
    return PermissionDenied("%s: the %s belongs to another user", file.string(), what);
  if ((info.st_mode & 077) != 0)
    return PermissionDenied("%s: mode is %04o, a private key must be 0600", file.string(),
                            info.st_mode & 07777);
  return absl::OkStatus();
}

absl::StatusOr<SecretText> Decrypt(std::string_view pem, const SecretText& passphrase) {
  const openssl::BioPtr input = openssl::ReadOnly(pem);
  const auto give = [](char* buffer, int size, int, void* secret) {
    const std::string_view text = static_cast<const SecretText*>(secret)->Expose();
    if (text.size() > static_cast<std::size_t>(size)) return -1;
    std::copy(text.begin(), text.end(), buffer);
    return static_cast<int>(text.size());
  };
  const openssl::KeyPtr key(
      PEM_read_bio_PrivateKey(input.get(), nullptr, give, const_cast<SecretText*>(&passphrase)));
  ERR_clear_error();
  if (key == nullptr) return InvalidArgument("the passphrase does not open the private key");
  VEILSUM_ASSIGN_OR_RETURN(std::string plain, openssl::PrivateKeyPem(key.get()));
  return SecretText(std::move(plain));
}

absl::StatusOr<std::string> Encrypt(const SecretText& key_pem, const SecretText& passphrase) {
  const openssl::KeyPtr key = openssl::ParsePrivateKey(key_pem.Expose());
  if (key == nullptr) return InvalidArgument("not a PEM private key");
  const openssl::Pkcs8Ptr plain(EVP_PKEY2PKCS8(key.get()));
  X509_ALGOR* scheme =
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP);
  const std::string_view text = passphrase.Expose();
  X509_SIG* sealed =
      plain == nullptr || scheme == nullptr
          ? nullptr
          : PKCS8_set0_pbe(text.data(), static_cast<int>(text.size()), plain.get(), scheme);
  if (sealed == nullptr) {
    X509_ALGOR_free(scheme);
    return openssl::Error("encrypting a private key");
  }
  const openssl::BioPtr output(BIO_new(BIO_s_mem()));
  const bool written = output != nullptr && PEM_write_bio_PKCS8(output.get(), sealed) == 1;
  X509_SIG_free(sealed);
  if (!written) return openssl::Error("writing a private key");
  char* out = nullptr;
  const long size = BIO_get_mem_data(output.get(), &out);
  return std::string(out, static_cast<std::size_t>(size));
}

}  // namespace

absl::StatusOr<SecretText> ReadPrivateKey(const std::filesystem::path& file,
                                          const SecretText* passphrase) {
  VEILSUM_RETURN_IF_ERROR(CheckPrivate(file, "key file"));
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, ReadFile(file, kMaxPemText));
  if (pem.find(kEncrypted) == std::string::npos) return SecretText(std::move(pem));
  if (passphrase == nullptr)
    return InvalidArgument("%s: the key is encrypted, and no passphrase file is configured",
                           file.string());
  auto plain = Decrypt(pem, *passphrase);
  if (!plain.ok()) return Annotate(plain.status(), file.string());
  return plain;
}

absl::Status WritePrivateKey(const std::filesystem::path& file, const SecretText& key_pem,
                             const SecretText* passphrase) {
  if (passphrase == nullptr) return WriteFile(file, key_pem.Expose(), FileMode::kPrivate);
  VEILSUM_ASSIGN_OR_RETURN(const std::string sealed, Encrypt(key_pem, *passphrase));
  return WriteFile(file, sealed, FileMode::kPrivate);
}

absl::StatusOr<SecretText> ReadPassphrase(const std::filesystem::path& file) {
  VEILSUM_RETURN_IF_ERROR(CheckPrivate(file, "passphrase file"));
  VEILSUM_ASSIGN_OR_RETURN(std::string text, ReadFile(file, 1024));
  const std::size_t end = text.find_first_of("\r\n");
  if (end != std::string::npos) {
    sodium_memzero(text.data() + end, text.size() - end);
    text.resize(end);
  }
  SecretText passphrase(std::move(text));
  if (passphrase.Expose().size() < 12)
    return InvalidArgument("%s: a passphrase must have at least 12 bytes", file.string());
  return passphrase;
}

absl::StatusOr<TlsIdentity> LoadTlsIdentity(const std::filesystem::path& root_file,
                                            const std::filesystem::path& certificate_file,
                                            const std::filesystem::path& key_file, WallTime now,
                                            const SecretText* passphrase) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string root_pem, ReadFile(root_file, kMaxPemText));
  auto root = Certificate::FromPem(root_pem);
  if (!root.ok()) return Annotate(root.status(), root_file.string());
  VEILSUM_ASSIGN_OR_RETURN(const std::string leaf_pem, ReadFile(certificate_file, kMaxPemText));
  auto chain = CertificateChain::FromPem(leaf_pem);
  if (!chain.ok()) return Annotate(chain.status(), certificate_file.string());
  VEILSUM_ASSIGN_OR_RETURN(SecretText key, ReadPrivateKey(key_file, passphrase));
  auto id = VerifyChain(*chain, *root, now);
  if (!id.ok()) return Annotate(id.status(), certificate_file.string());
  if (const absl::Status matches = CheckKeyMatches(chain->leaf(), key); !matches.ok())
    return Annotate(matches, key_file.string());
  return TlsIdentity{*std::move(root), chain->leaf(), std::move(key), *std::move(id),
                     chain->issuer()};
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
