#include "model/release/manifest.h"

#include <charconv>
#include <cmath>

namespace veilsum::release {
namespace {

Json VariantsJson(const std::vector<Variant>& variants) {
  Json all = Json::array();
  for (const Variant& v : variants)
    all.push_back({{"name", v.name},
                   {"path", v.path},
                   {"precision", v.name},
                   {"derived_from", "model.safetensors"},
                   {"max_abs_logit_diff", v.max_abs_logit_diff},
                   {"auc_delta", v.auc_delta}});
  return all;
}

Json FilesJson(const std::vector<Manifest::File>& files) {
  Json all = Json::array();
  for (const Manifest::File& f : files)
    all.push_back(
        {{"path", f.path}, {"sha256", f.sha256}, {"bytes", f.bytes}, {"media_type", f.media_type}});
  return all;
}

// Reads the members of one object by name; the first that is missing or of another type is
// remembered. What was written again from what was read must be the same bytes, so nothing else
// needs checking here.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}
  template <class T>
  T Get(const char* key) {
    if (object_.is_object() && object_.contains(key)) {
      const Json& value = object_[key];
      if constexpr (std::is_same_v<T, std::string>) {
        if (value.is_string()) return value.get<T>();
      } else if constexpr (std::is_same_v<T, Json>) {
        return value;
      } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        if (const auto texts = Texts(value)) return *texts;
      } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        if (value.is_number_unsigned()) return value.get<T>();
      } else {
        if (value.is_number_integer()) return value.get<T>();
      }
    }
    if (wrong_.empty()) wrong_ = key;
    return T();
  }
  const std::string& wrong() const { return wrong_; }

 private:
  static std::optional<std::vector<std::string>> Texts(const Json& list) {
    if (!list.is_array()) return std::nullopt;
    std::vector<std::string> out;
    for (const Json& item : list) {
      if (!item.is_string()) return std::nullopt;
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  const Json& object_;
  std::string wrong_;
};

bool IsModelId(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

absl::StatusOr<std::vector<Variant>> ReadVariants(const Json& list) {
  std::vector<Variant> out;
  for (const Json& item : list) {
    Members m(item);
    out.push_back({m.Get<std::string>("name"), m.Get<std::string>("path"),
                   m.Get<std::string>("max_abs_logit_diff"), m.Get<std::string>("auc_delta")});
    if (!m.wrong().empty()) return InvalidArgument("manifest: variants: bad %s", m.wrong());
  }
  return out;
}

absl::StatusOr<std::vector<Manifest::File>> ReadFiles(const Json& list) {
  std::vector<Manifest::File> out;
  for (const Json& item : list) {
    Members m(item);
    out.push_back({m.Get<std::string>("path"), m.Get<std::string>("sha256"),
                   m.Get<std::string>("media_type"), m.Get<std::uint64_t>("bytes")});
    if (!m.wrong().empty()) return InvalidArgument("manifest: files: bad %s", m.wrong());
  }
  return out;
}

absl::Status Check(const Manifest& m) {
  if (!IsModelId(m.model_id))
    return InvalidArgument("manifest: model_id is \"%s\", must be [a-z0-9-]{1,64}", m.model_id);
  VEILSUM_RETURN_IF_ERROR(ParseVersion(m.version).status());
  VEILSUM_RETURN_IF_ERROR(ParseVersion(m.min_client).status());
  if (m.release_counter == 0 || m.min_safe_counter > m.release_counter)
    return InvalidArgument("manifest: release_counter is %d, must be at least 1 and %d",
                           m.release_counter, m.min_safe_counter);
  if (m.first_round == 0 || m.last_round < m.first_round)
    return InvalidArgument("manifest: rounds are %d to %d", m.first_round, m.last_round);
  if (m.not_after <= m.created)
    return InvalidArgument("manifest: not_after is not later than created");
  return absl::OkStatus();
}

}  // namespace

std::string Manifest::ToJson() const {
  const Json json = {{"format", kPackageFormat},
                     {"model_id", model_id},
                     {"version", version},
                     {"release_counter", release_counter},
                     {"min_safe_counter", min_safe_counter},
                     {"parents", parents},
                     {"federation_id", federation_id},
                     {"run_id", run_id},
                     {"plan_sha256", plan_sha256},
                     {"schema_sha256", schema_sha256},
                     {"preprocess_sha256", preprocess_sha256},
                     {"rounds", {{"first", first_round}, {"last", last_round}}},
                     {"inputs", inputs},
                     {"outputs", outputs},
                     {"calibration", {{"type", "none"}}},
                     {"runtime", {{"min_client", min_client}, {"opset", opset}, {"ops", ops}}},
                     {"variants", VariantsJson(variants)},
                     {"created", created},
                     {"not_after", not_after},
                     {"license", license},
                     {"intended_use", intended_use},
                     {"contacts", contacts},
                     {"files", FilesJson(files)}};
  const absl::StatusOr<std::string> text = EncodeCanonical(json);
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<Manifest> Manifest::Parse(std::string_view text) {
  if (text.size() > kMaxManifestBytes)
    return InvalidArgument("manifest: %d bytes, at most %d are accepted", text.size(),
                           kMaxManifestBytes);
  const absl::StatusOr<Json> json = ParseCanonical(text);
  if (!json.ok()) return Annotate(json.status(), "manifest");
  Members top(*json);
  const Json rounds = top.Get<Json>("rounds"), runtime = top.Get<Json>("runtime");
  Members r(rounds), t(runtime);
  Manifest m;
  m.model_id = top.Get<std::string>("model_id");
  m.version = top.Get<std::string>("version");
  m.release_counter = top.Get<std::uint64_t>("release_counter");
  m.min_safe_counter = top.Get<std::uint64_t>("min_safe_counter");
  m.parents = top.Get<std::vector<std::string>>("parents");
  m.federation_id = top.Get<std::string>("federation_id");
  m.run_id = top.Get<std::string>("run_id");
  m.plan_sha256 = top.Get<std::string>("plan_sha256");
  m.schema_sha256 = top.Get<std::string>("schema_sha256");
  m.preprocess_sha256 = top.Get<std::string>("preprocess_sha256");
  m.first_round = r.Get<std::uint64_t>("first");
  m.last_round = r.Get<std::uint64_t>("last");
  m.inputs = top.Get<Json>("inputs");
  m.outputs = top.Get<Json>("outputs");
  m.min_client = t.Get<std::string>("min_client");
  m.opset = t.Get<std::uint64_t>("opset");
  m.ops = t.Get<std::vector<std::string>>("ops");
  m.created = top.Get<std::int64_t>("created");
  m.not_after = top.Get<std::int64_t>("not_after");
  m.license = top.Get<std::string>("license");
  m.intended_use = top.Get<std::string>("intended_use");
  m.contacts = top.Get<std::vector<std::string>>("contacts");
  VEILSUM_ASSIGN_OR_RETURN(m.variants, ReadVariants(top.Get<Json>("variants")));
  VEILSUM_ASSIGN_OR_RETURN(m.files, ReadFiles(top.Get<Json>("files")));
  for (const Members* each : {&top, &r, &t})
    if (!each->wrong().empty())
      return InvalidArgument("manifest: %s is missing or of another type", each->wrong());
  VEILSUM_RETURN_IF_ERROR(Check(m));
  if (m.ToJson() != text)
    return InvalidArgument("manifest: format 1 has other keys, or other values for them");
  return m;
}

absl::StatusOr<std::array<std::uint64_t, 3>> ParseVersion(std::string_view version) {
  std::array<std::uint64_t, 3> out{};
  const char* at = version.data();
  const char* const end = at + version.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return InvalidArgument("not a version like 1.4.0");
    const char* const start = at;
    const auto [next, error] = std::from_chars(at, end, out[i]);
    if (error != std::errc() || (*start == '0' && next - start > 1))
      return InvalidArgument("not a version like 1.4.0");
    at = next;
  }
  if (at != end) return InvalidArgument("not a version like 1.4.0");
  return out;
}

std::string DecimalOf(double value) {
  VEILSUM_CHECK(std::isfinite(value));
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value + 0.0);
  std::string out(text.data(), end.ptr);
  // "1e-05" -> "1e-5", "1e+20" -> "1e20": exponents as the canonical form has them.
  const std::size_t e = out.find('e');
  if (e == std::string::npos) return out;
  std::string exponent = out.substr(e + 1);
  const bool negative = exponent[0] == '-';
  exponent.erase(0, std::min(exponent.find_first_not_of("+-0"), exponent.size() - 1));
  return out.substr(0, e) + (negative ? "e-" : "e") + exponent;
}

}  // namespace veilsum::release
