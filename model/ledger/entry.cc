#include "model/ledger/entry.h"

#include <algorithm>
#include <optional>

#include "base/tlog/in_toto.h"
#include "model/ledger/fields.h"
#include "model/ledger/time_text.h"

namespace veilsum::ledger {
namespace {

constexpr int kVersion = 1;

std::string PredicateType(const std::string& federation, const std::string& type) {
  return "https://" + federation + "/ledger/" + type + "/v1";
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
  if (!IsTimeText(entry.header.time))
    return InvalidArgument("ts \"%s\" is no time", entry.header.time);
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
  if (!hidden.is_object()) fields.Wrong("hidden");
  for (const auto& [name, digest] : hidden.items()) names.push_back(name);
  for (const std::string& name : names) out.hidden[name] = digests.Hex<32>(name.c_str());
  VEILSUM_RETURN_IF_ERROR(digests.status());
  VEILSUM_RETURN_IF_ERROR(fields.status());
  return out;
}

// A statement's parts, as they stand in it. A quotation mark within a string is escaped, so that no
// string can hold what ends one of them.
struct Statement {
  std::string_view predicate, type, subject;
};
std::optional<Statement> PartsOf(std::string_view payload) {
  constexpr std::string_view kEnd = "}";
  const std::string front =
      absl::StrFormat(R"({"_type":"%s","predicate":)", tlog::kInTotoStatementType);
  constexpr std::string_view kType = R"(,"predicateType":)", kSubject = R"(,"subject":)";
  if (!payload.starts_with(front) || !payload.ends_with(kEnd)) return std::nullopt;
  payload.remove_prefix(front.size());
  payload.remove_suffix(kEnd.size());
  const std::size_t type = payload.find(kType);
  if (type == std::string_view::npos) return std::nullopt;
  const std::size_t subject = payload.find(kSubject, type);
  if (subject == std::string_view::npos) return std::nullopt;
  Statement out;
  out.predicate = payload.substr(0, type);
  out.type = payload.substr(type + kType.size(), subject - type - kType.size());
  out.subject = payload.substr(subject + kSubject.size());
  return out;
}

absl::Status TakeSubject(std::string_view text, Entry& out) {
  VEILSUM_ASSIGN_OR_RETURN(Json subjects, ParseCanonical(text));
  if (!subjects.is_array() || subjects.size() != 1 || !subjects[0].is_object())
    return InvalidArgument("entry: subject is wrong");
  Fields subject(subjects[0]);
  out.subject = subject.Text("name");
  Json digest = subject.Take("digest");
  Fields digests(digest);
  out.subject_sha256 = digests.Hex<32>("sha256");
  VEILSUM_RETURN_IF_ERROR(subject.Done());
  return digests.Done();
}

// Each part in its one form, hence the whole.
absl::StatusOr<Entry> FromStatement(std::string_view payload) {
  const std::optional<Statement> parts = PartsOf(payload);
  if (!parts) return InvalidArgument("entry: not a statement in its one form");
  Entry out;
  VEILSUM_ASSIGN_OR_RETURN(out.body, ParseCanonical(parts->predicate));
  if (!out.body.is_object()) return InvalidArgument("entry: predicate is wrong");
  VEILSUM_ASSIGN_OR_RETURN(out.header, TakeHeader(out.body));
  if (!IsTimeText(out.header.time)) return InvalidArgument("ts \"%s\" is no time", out.header.time);
  // {"https://<federation>/ledger/} <type> {/v1"}, of which the quotation marks are not the type's.
  const std::size_t around = PredicateType(out.header.federation, "").size() + 2;
  const std::size_t behind = std::string_view(R"(/v1")").size();
  if (parts->type.size() <= around) return InvalidArgument("entry: predicateType is wrong");
  out.type = parts->type.substr(around - behind, parts->type.size() - around);
  if (!IsType(out.type)) return InvalidArgument("\"%s\" is no type", out.type);
  VEILSUM_ASSIGN_OR_RETURN(const std::string type,
                           EncodeCanonical(Json(PredicateType(out.header.federation, out.type))));
  if (type != parts->type) return InvalidArgument("entry: predicateType is wrong");
  VEILSUM_RETURN_IF_ERROR(TakeSubject(parts->subject, out));
  return out;
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
  VEILSUM_ASSIGN_OR_RETURN(out.entry, FromStatement(AsText(out.envelope.payload)));
  return out;
}

absl::StatusOr<Hash32> HiddenDigest(const ByteArray<16>& salt, const Json& value) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(value));
  return Transcript("veilsum-hide-v1").Add(salt).AddText(text).Sha256();
}

}  // namespace veilsum::ledger
