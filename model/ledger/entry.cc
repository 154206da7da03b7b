#include "model/ledger/entry.h"

#include <algorithm>

#include "base/tlog/in_toto.h"
#include "model/ledger/fields.h"

namespace veilsum::ledger {
namespace {

constexpr int kVersion = 1;

std::string PredicateType(const std::string& federation, const std::string& type) {
  return "https://" + federation + "/ledger/" + type + "/v1";
}

// 2026-11-21T20:00:00.000Z; which day there is in a month is not looked at.
bool IsTime(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  return text.size() == kForm.size() && std::ranges::equal(text, kForm, [](char c, char form) {
           return form == '0' ? c >= '0' && c <= '9' : c == form;
         });
}

// Two words of lower-case letters.
bool IsType(const std::string& text) {
  const std::size_t dot = text.find('.');
  return dot != std::string::npos && dot != 0 && dot + 1 != text.size() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '.'; }) &&
         text.find('.', dot + 1) == std::string::npos;
}

Json HiddenJson(const Header& header) {
  Json hidden = Json::object();
  for (const auto& [field, digest] : header.hidden) hidden[field] = HexEncode(digest);
  return hidden;
}

Json HeaderJson(const Header& header) {
  return {{"v", kVersion},
          {"seq", header.seq},
          {"prev", HexEncode(header.prev)},
          {"federation_id", header.federation},
          {"tenant", header.tenant},
          {"actor", header.actor},
          {"ts", header.time},
          {"term", header.term},
          {"binary_sha256", HexEncode(header.binary)},
          {"config_sha256", HexEncode(header.config)},
          {"idem", HexEncode(header.idem)},
          {"hidden", HiddenJson(header)}};
}

absl::StatusOr<std::string> Payload(const Entry& entry) {
  if (!IsTime(entry.header.time)) return InvalidArgument("ts \"%s\" is no time", entry.header.time);
  if (!IsType(entry.type)) return InvalidArgument("\"%s\" is no type", entry.type);
  Json predicate = HeaderJson(entry.header);
  for (const auto& [key, value] : entry.body.items()) {
    if (predicate.contains(key)) return InvalidArgument("%s is a field of the header", key);
    predicate[key] = value;
  }
  // Only the predicate is ours to name; the rest keeps in-toto's spelling, keys in order.
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(predicate));
  VEILSUM_ASSIGN_OR_RETURN(
      const std::string subject,
      EncodeCanonical(Json::array(
          {{{"digest", {{"sha256", HexEncode(entry.subject_sha256)}}}, {"name", entry.subject}}})));
  VEILSUM_ASSIGN_OR_RETURN(
      const std::string type,
      EncodeCanonical(Json(PredicateType(entry.header.federation, entry.type))));
  return absl::StrFormat(R"({"_type":"%s","predicate":%s,"predicateType":%s,"subject":%s})",
                         tlog::kInTotoStatementType, text, type, subject);
}

absl::StatusOr<Header> TakeHeader(Json& predicate) {
  Fields fields(predicate);
  Header out;
  if (fields.Int("v") != kVersion) fields.Wrong("v");
  out.seq = fields.Int("seq");
  out.prev = fields.Hex<32>("prev");
  out.federation = fields.Text("federation_id");
  out.tenant = fields.Text("tenant");
  out.actor = fields.Text("actor");
  out.time = fields.Text("ts");
  out.term = fields.Int("term");
  out.binary = fields.Hex<32>("binary_sha256");
  out.config = fields.Hex<32>("config_sha256");
  out.idem = fields.Hex<16>("idem");
  Json hidden = fields.Take("hidden");
  Fields digests(hidden);
  std::vector<std::string> names;
  for (const auto& [name, digest] : hidden.items()) names.push_back(name);
  for (const std::string& name : names) out.hidden[name] = digests.Hex<32>(name.c_str());
  VEILSUM_RETURN_IF_ERROR(digests.status());
  VEILSUM_RETURN_IF_ERROR(fields.status());
  return out;
}

// What is read loosely here is compared with its one form afterwards.
absl::StatusOr<Entry> FromStatement(Json statement) {
  Entry out;
  Fields top(statement);
  Json predicate = top.Take("predicate");
  const std::string kind = top.Text("predicateType");
  Json subjects = top.Take("subject");
  VEILSUM_RETURN_IF_ERROR(top.status());
  if (!predicate.is_object() || !subjects.is_array() || subjects.size() != 1)
    return InvalidArgument("entry: predicate or subject is wrong");
  VEILSUM_ASSIGN_OR_RETURN(out.header, TakeHeader(predicate));
  out.body = std::move(predicate);
  const std::string before = PredicateType(out.header.federation, "");
  const std::size_t front = before.size() - std::string_view("/v1").size();
  if (kind.size() <= before.size()) return InvalidArgument("entry: predicateType is wrong");
  out.type = kind.substr(front, kind.size() - before.size());
  Fields subject(subjects[0]);
  out.subject = subject.Text("name");
  Json digest = subject.Take("digest");
  Fields digests(digest);
  out.subject_sha256 = digests.Hex<32>("sha256");
  VEILSUM_RETURN_IF_ERROR(subject.status());
  VEILSUM_RETURN_IF_ERROR(digests.status());
  return out;  // fields that were left over are seen when it is written again
}

}  // namespace

absl::StatusOr<Bytes> SignEntry(const Entry& entry, const Ed25519Signer& signer) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, Payload(entry));
  tlog::Envelope envelope;
  envelope.payload_type = tlog::kInTotoPayloadType;
  envelope.payload.assign(payload.begin(), payload.end());
  envelope.Sign(entry.header.actor, signer);
  const std::string json = envelope.ToJson();
  if (json.size() > kMaxEntryBytes)
    return InvalidArgument("entry %s has %d bytes, at most %d", entry.type, json.size(),
                           kMaxEntryBytes);
  return Bytes(json.begin(), json.end());
}

absl::StatusOr<SignedEntry> ParseEntry(ByteView leaf) {
  if (leaf.size() > kMaxEntryBytes)
    return InvalidArgument("entry has %d bytes, at most %d", leaf.size(), kMaxEntryBytes);
  SignedEntry out;
  VEILSUM_ASSIGN_OR_RETURN(out.envelope, tlog::Envelope::Parse(AsText(leaf)));
  if (out.envelope.payload_type != tlog::kInTotoPayloadType || out.envelope.signatures.size() != 1)
    return InvalidArgument("entry: not one signature of an in-toto statement");
  const std::string_view payload = AsText(out.envelope.payload);
  Json statement = Json::parse(payload, nullptr, false);
  if (!statement.is_object()) return InvalidArgument("entry: not a statement");
  VEILSUM_ASSIGN_OR_RETURN(out.entry, FromStatement(std::move(statement)));
  VEILSUM_ASSIGN_OR_RETURN(const std::string again, Payload(out.entry));
  if (again != payload) return InvalidArgument("entry: the statement is not in its one form");
  return out;
}

absl::StatusOr<Hash32> HiddenDigest(const ByteArray<16>& salt, const Json& value) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(value));
  return Transcript("veilsum-hide-v1").Add(salt).AddText(text).Sha256();
}

}  // namespace veilsum::ledger
