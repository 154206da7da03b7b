// Owning handles of OpenSSL's objects, for the files of this folder only.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum::openssl {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
inline void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }  // not what is in it
using X509Ptr = std::unique_ptr<X509, Deleter<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<&BIO_free_all>>;
using StorePtr = std::unique_ptr<X509_STORE, Deleter<&X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Deleter<&X509_STORE_CTX_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<&GENERAL_NAMES_free>>;
using StackPtr = std::unique_ptr<STACK_OF(X509), Deleter<&FreeStack>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Deleter<&PKCS8_PRIV_KEY_INFO_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, Deleter<&X509_REQ_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Deleter<&BN_free>>;

// What failed, with OpenSSL's newest reason; empties its queue, so that no later call sees an old
// error.
inline absl::Status Error(std::string_view action) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return Internal("%s: %s", action, reason == nullptr ? "failed" : reason);
}

inline BioPtr ReadOnly(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Whether the subjectAltName holds any URI.
inline bool HasUri(const X509* x509) {
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i)
    if (sk_GENERAL_NAME_value(names.get(), i)->type == GEN_URI) return true;
  return false;
}

// The private key of a PKCS#8 PEM; null when malformed. Never asks for a passphrase.
KeyPtr ParsePrivateKey(std::string_view pem);
absl::StatusOr<std::string> PrivateKeyPem(EVP_PKEY* key);

}  // namespace veilsum::openssl
