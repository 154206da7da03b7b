// SHA-256 of bytes that come in parts: for hashes over megabytes, which a Transcript would copy
// first.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "base/bytes.h"

namespace veilsum {

// The hash of a transcript: its label and one zero byte, then all that is added, in order.
class Sha256Stream {
 public:
  explicit Sha256Stream(std::string_view label) : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    VEILSUM_CHECK(context_ != nullptr &&
                  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
    Add(Transcript(label).bytes());
  }
  Sha256Stream& Add(ByteView bytes) {
    VEILSUM_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    return *this;
  }
  // Once.
  Hash32 Finish() {
    Hash32 out;
    VEILSUM_CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace veilsum
