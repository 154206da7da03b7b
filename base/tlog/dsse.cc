#include "base/tlog/dsse.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/base64.h"

namespace veilsum::tlog {
namespace {

using Json = nlohmann::json;

absl::Status Wrong() { return InvalidArgument("not a DSSE envelope in its one form"); }

// The text of `key`; empty where it is not text.
std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Envelopes are long and public: libsodium's decoder, whose time tells nothing of the characters,
// is many times slower. absl's forgives blanks and padding, so that the text is made again and
// compared.
bool DecodeExactly(std::string_view text, Bytes& out) {
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes)) return false;
  if (absl::Base64Escape(bytes) != text) return false;
  out.assign(bytes.begin(), bytes.end());
  return true;
}

// Reads the one form where nothing in it is escaped, without a general parser. What it reads,
// ToJson writes again; what it does not may still be an envelope.
class PlainReader {
 public:
  explicit PlainReader(std::string_view json) : rest_(json) {}

  std::optional<Envelope> Read() {
    Envelope out;
    std::string_view text;
    if (!Skip(R"({"payload":)") || !Decoded(out.payload) || !Skip(R"(,"payloadType":)") ||
        !Text(text) || !Skip(R"(,"signatures":[)"))
      return std::nullopt;
    out.payload_type = text;
    do {
      Envelope::Signature one;
      if (!Skip(R"({"keyid":)") || !Text(text) || !Skip(R"(,"sig":)") || !Decoded(one.signature) ||
          !Skip("}"))
        return std::nullopt;
      one.key_id = text;
      out.signatures.push_back(std::move(one));
    } while (Skip(","));
    if (rest_ != "]}") return std::nullopt;
    return out;
  }

 private:
  bool Skip(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool Text(std::string_view& out) {
    if (!Skip("\"")) return false;
    out = rest_.substr(0, rest_.find('"'));
    if (std::ranges::any_of(out, [](char c) { return c < 0x20 || c > 0x7e || c == '\\'; }))
      return false;
    rest_.remove_prefix(out.size());
    return Skip("\"");
  }
  bool Decoded(Bytes& out) {
    std::string_view text;
    return Text(text) && DecodeExactly(text, out);
  }
  std::string_view rest_;
};

}  // namespace

std::string PreAuthenticationEncoding(std::string_view payload_type, ByteView payload) {
  return absl::StrFormat("DSSEv1 %d %s %d %s", payload_type.size(), payload_type, payload.size(),
                         AsText(payload));
}

std::string Envelope::ToJson() const {
  Json all = Json::array();
  for (const Signature& one : signatures)
    all.push_back({{"keyid", one.key_id}, {"sig", Base64Encode(one.signature)}});
  const Json envelope = {
      {"payload", Base64Encode(payload)}, {"payloadType", payload_type}, {"signatures", all}};
  return envelope.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Envelope> Envelope::Parse(std::string_view json) {
  if (std::optional<Envelope> plain = PlainReader(json).Read()) return *std::move(plain);
  const Json value = Json::parse(json, nullptr, false);
  if (!value.is_object() || !value.contains("signatures") || !value["signatures"].is_array() ||
      value["signatures"].empty())
    return Wrong();
  Envelope out;
  out.payload_type = TextOf(value, "payloadType");
  VEILSUM_ASSIGN_OR_RETURN(out.payload, Base64Decode(TextOf(value, "payload")));
  for (const Json& one : value["signatures"]) {
    if (!one.is_object()) return Wrong();
    VEILSUM_ASSIGN_OR_RETURN(Bytes signature, Base64Decode(TextOf(one, "sig")));
    out.signatures.push_back({TextOf(one, "keyid"), std::move(signature)});
  }
  if (out.ToJson() != json) return Wrong();
  return out;
}

void Envelope::Sign(const std::string& key_id, const Ed25519Signer& signer) {
  const Ed25519Signature signature =
      signer.Sign(AsBytes(PreAuthenticationEncoding(payload_type, payload)));
  signatures.push_back({key_id, Bytes(signature.begin(), signature.end())});
}

bool Envelope::IsSignedBy(const Ed25519PublicKey& key) const {
  const std::string message = PreAuthenticationEncoding(payload_type, payload);
  return std::ranges::any_of(signatures, [&](const Signature& one) {
    const absl::StatusOr<Ed25519Signature> signature = ParseFixed<64>("sig", one.signature);
    return signature.ok() && Ed25519Verify(key, AsBytes(message), *signature);
  });
}

}  // namespace veilsum::tlog
