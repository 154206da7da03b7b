#include "model/release/package.h"

#include <algorithm>
#include <cmath>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "model/centres.h"
#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "model/release/documents.h"
#include "model/release/onnx_reader.h"
#include "model/release/refusal.h"
#include "model/safetensors.h"

namespace veilsum::release {
namespace {

namespace fs = std::filesystem;
using model::Layout;
using model::ModelVector;

constexpr float kSelfTestTolerance = 1e-4f;
constexpr Precision kVariants[] = {Precision::kFloat16, Precision::kInt8};

std::string VariantPath(Precision precision) {
  return absl::StrFormat("variants/%s/model.onnx", PrecisionName(precision));
}

const char* MediaType(std::string_view path) {
  const std::string_view end = path.substr(path.rfind('.') + 1);
  return end == "json" ? "application/json" : "application/octet-stream";
}

std::string WeightsFile(const Manifest& m, const Layout& layout, const ModelVector& model) {
  const Bytes file = model::WriteSafetensors(layout, model,
                                             {{"format", "pt"},
                                              {"model_id", m.model_id},
                                              {"version", m.version},
                                              {"run_id", m.run_id},
                                              {"plan_sha256", m.plan_sha256}});
  return std::string(AsText(file));
}

bool IsDecimal(const Json& object, const char* key) {
  if (!object.contains(key) || !object[key].is_string()) return false;
  const std::string text = object[key].get<std::string>();
  return !text.empty() && text.find_first_not_of("0123456789.e-") == std::string::npos;
}

// A model without a claim cannot be released (SE-12), and a statement without numbers is none.
absl::Status CheckPrivacy(const model::Plan& plan, const Json& privacy) {
  if (!plan.is_private())
    return FailedPrecondition("the plan adds no noise: such a model must not be released (SE-12)");
  for (const char* key : {"epsilon", "delta"})
    if (!IsDecimal(privacy, key))
      return InvalidArgument("privacy: %s must be a decimal in a string", key);
  return EncodeCanonical(privacy).status();
}

float LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference;  // also when it is not a number
  }
  return largest;
}

// What other programs run: of segments the network whose largest output is the nearest centre's, of
// items with attributes the one with a column for each item.
model::Folded NetworkOf(const model::Plan& plan, const Layout& layout, const ModelVector& model) {
  if (plan.task == model::Task::kSegments) return {layout, model::ScoringModel(layout, model)};
  return model::FoldItems(layout, model);
}

// The files whose bytes follow from plan and model: what a package states is compared with these.
struct Derived {
  Files files;
  std::vector<float> logits;  // of the self-test
};
Derived Derive(const model::Plan& plan, const Layout& layout, const ModelVector& model) {
  Derived out;
  const model::Folded network = NetworkOf(plan, layout, model);
  out.files["plan.json"] = model::PlanToJson(plan);
  out.files["schema.json"] = SchemaJson(plan);
  out.files["preprocess.json"] = PreprocessJson(plan, layout);
  out.files["model.onnx"] = WriteOnnx(plan, network.layout, network.model, Precision::kFloat32);
  for (const Precision precision : kVariants)
    out.files[VariantPath(precision)] = WriteOnnx(plan, network.layout, network.model, precision);
  out.logits = SelfTestLogits(plan, network.layout, network.model);
  return out;
}

Variant VariantOf(Precision precision, const ReleaseInput& input, const Layout& layout,
                  const std::vector<float>& logits) {
  const model::Folded network = NetworkOf(input.plan, layout, input.model);
  const std::vector<float> rounded = SelfTestLogits(
      input.plan, network.layout, RoundedTo(precision, network.layout, network.model));
  Variant out{std::string(PrecisionName(precision)), VariantPath(precision),
              DecimalOf(LargestDifference(rounded, logits)), ""};
  for (const Variant& given : input.facts.variants)
    if (given.name == out.name) out.auc_delta = given.auc_delta;
  return out;
}

void ListFiles(const Files& files, Manifest& manifest) {
  for (const auto& [path, bytes] : files)
    manifest.files.push_back({path, HexEncode(Sha256(bytes)), MediaType(path), bytes.size()});
}

const std::string* Find(const Files& files, const std::string& path) {
  const auto found = files.find(path);
  return found == files.end() ? nullptr : &found->second;
}

absl::Status Missing(const std::string& path) {
  return Refuse(Refusal::kPackage, "there is no %s", path);
}

absl::Status CheckListed(const Manifest& manifest, const Files& files) {
  Manifest have;
  for (const auto& [path, bytes] : files)
    if (path != "manifest.json" && path != kSignatureFile && path != kLedgerProofFile)
      have.files.push_back({path, HexEncode(Sha256(bytes)), MediaType(path), bytes.size()});
  const auto same = [](const Manifest::File& a, const Manifest::File& b) {
    return a.path == b.path && a.sha256 == b.sha256 && a.bytes == b.bytes &&
           a.media_type == b.media_type;
  };
  if (!std::ranges::equal(manifest.files, have.files, same))
    return Refuse(Refusal::kPackage, "manifest.json lists other files than there are");
  return absl::OkStatus();
}

absl::Status CheckDerived(const Files& files, const Release& release) {
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat16, Precision::kInt8}) {
    const std::string path =
        precision == Precision::kFloat32 ? "model.onnx" : VariantPath(precision);
    const std::string* onnx = Find(files, path);
    if (onnx == nullptr) return Missing(path);
    VEILSUM_RETURN_IF_ERROR(CheckOnnx(*onnx).status());
  }
  const Derived derived = Derive(release.plan, release.layout, release.model);
  for (const auto& [path, bytes] : derived.files) {
    const std::string* have = Find(files, path);
    if (have == nullptr) return Missing(path);
    if (*have != bytes)
      return Refuse(Refusal::kPackage, "%s is not what plan and model.safetensors make it", path);
  }
  const std::string* stated = Find(files, "selftest.json");
  if (stated == nullptr) return Missing("selftest.json");
  const absl::StatusOr<std::vector<float>> logits = ParseSelfTest(*stated);
  if (!logits.ok()) return RefuseAs(Refusal::kPackage, logits.status());
  if (!(LargestDifference(*logits, derived.logits) <= kSelfTestTolerance))
    return Refuse(Refusal::kSelfTest, "the model's outputs are not those that the release states");
  return absl::OkStatus();
}

absl::Status CheckDigests(const Manifest& m, const Files& files) {
  const auto named = [&](const char* path) { return HexEncode(Sha256(files.at(path))); };
  if (m.plan_sha256 != named("plan.json") || m.schema_sha256 != named("schema.json") ||
      m.preprocess_sha256 != named("preprocess.json"))
    return Refuse(Refusal::kPackage, "manifest.json names another plan, schema or preprocessing");
  return absl::OkStatus();
}

absl::StatusOr<model::Plan> ReadPlanOf(const Files& files) {
  const std::string* text = Find(files, "plan.json");
  if (text == nullptr) return Missing("plan.json");
  absl::StatusOr<model::Plan> plan = model::PlanFromJson(*text);
  if (!plan.ok()) return RefuseAs(Refusal::kPackage, plan.status());
  return plan;
}

absl::StatusOr<ModelVector> ReadWeights(const Files& files, const Layout& layout) {
  const std::string* text = Find(files, "model.safetensors");
  if (text == nullptr) return Missing("model.safetensors");
  absl::StatusOr<ModelVector> model = model::ReadModel(AsBytes(*text), layout);
  if (model.ok()) return model;
  const bool number = model.status().message().find("not finite") != absl::string_view::npos;
  return RefuseAs(number ? Refusal::kNumbers : Refusal::kPackage, model.status());
}

}  // namespace

absl::StatusOr<Files> BuildPackage(const ReleaseInput& input) {
  VEILSUM_RETURN_IF_ERROR(CheckPrivacy(input.plan, input.privacy));
  const Layout layout = model::LayoutOf(input.plan);
  VEILSUM_RETURN_IF_ERROR(
      model::ParseModelBytes(model::ModelBytes(input.model), layout.size()).status());
  Derived derived = Derive(input.plan, layout, input.model);
  for (const float logit : derived.logits)
    if (!std::isfinite(logit)) return InvalidArgument("the model's outputs are not finite");
  Files files = std::move(derived.files);
  Manifest m = input.facts;
  m.plan_sha256 = HexEncode(Sha256(files["plan.json"]));
  m.schema_sha256 = HexEncode(Sha256(files["schema.json"]));
  m.preprocess_sha256 = HexEncode(Sha256(files["preprocess.json"]));
  files["model.safetensors"] = WeightsFile(m, layout, input.model);
  files["selftest.json"] = SelfTestJson(derived.logits);
  VEILSUM_ASSIGN_OR_RETURN(files["privacy.json"], EncodeCanonical(input.privacy));
  VEILSUM_ASSIGN_OR_RETURN(files["metrics.json"], EncodeCanonical(input.metrics));
  VEILSUM_ASSIGN_OR_RETURN(const OnnxSummary onnx, CheckOnnx(files["model.onnx"]));
  m.opset = static_cast<std::uint64_t>(onnx.opset);
  m.ops.assign(onnx.operators.begin(), onnx.operators.end());
  m.inputs = InputsJson(input.plan, layout);
  m.outputs = OutputsJson(input.plan, layout);
  m.variants.clear();
  for (const Precision precision : kVariants)
    m.variants.push_back(VariantOf(precision, input, layout, derived.logits));
  files["card.cdx.json"] = CardJson(m, input.plan, input.privacy, input.metrics);
  files["provenance.intoto.json"] =
      ProvenanceJson(input, HexEncode(Sha256(files["model.safetensors"])));
  m.files.clear();
  ListFiles(files, m);
  files["manifest.json"] = m.ToJson();
  VEILSUM_RETURN_IF_ERROR(Manifest::Parse(files["manifest.json"]).status());
  return files;
}

absl::Status SignPackage(Files& files, const P256Signer& signer) {
  VEILSUM_ASSIGN_OR_RETURN(const Manifest m, Manifest::Parse(files["manifest.json"]));
  VEILSUM_ASSIGN_OR_RETURN(files[std::string(kSignatureFile)],
                           SignFiles(m.model_id + "-" + m.version, files, signer));
  return absl::OkStatus();
}

absl::StatusOr<Release> OpenPackage(const Files& files, const P256PublicKey& key) {
  VEILSUM_RETURN_IF_ERROR(VerifyFiles(files, key));
  const std::string* text = Find(files, "manifest.json");
  if (text == nullptr) return Missing("manifest.json");
  absl::StatusOr<Manifest> manifest = Manifest::Parse(*text);
  if (!manifest.ok()) return RefuseAs(Refusal::kPackage, manifest.status());
  VEILSUM_RETURN_IF_ERROR(CheckListed(*manifest, files));
  VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, ReadPlanOf(files));
  Layout layout = model::LayoutOf(plan);
  VEILSUM_ASSIGN_OR_RETURN(ModelVector model, ReadWeights(files, layout));
  const std::string* privacy = Find(files, "privacy.json");
  if (privacy == nullptr) return Missing("privacy.json");
  const std::string* metrics_text = Find(files, "metrics.json");
  if (metrics_text == nullptr) return Missing("metrics.json");
  absl::StatusOr<Json> statement = ParseCanonical(*privacy);
  if (!statement.ok() || !CheckPrivacy(plan, *statement).ok())
    return Refuse(Refusal::kPackage, "privacy.json states no epsilon and delta");
  absl::StatusOr<Json> metrics = ParseCanonical(*metrics_text);
  if (!metrics.ok()) return RefuseAs(Refusal::kPackage, metrics.status());
  Release release{*std::move(manifest), RootDigest(files), *std::move(statement),
                  *std::move(metrics),  std::move(plan),   std::move(layout),
                  std::move(model)};
  VEILSUM_RETURN_IF_ERROR(CheckDerived(files, release));
  VEILSUM_RETURN_IF_ERROR(CheckDigests(release.manifest, files));
  return release;
}

absl::StatusOr<Files> ReadPackage(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return NotFound("%s: there is no such folder", folder.string());
  Files files;
  std::size_t total = 0;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string path = fs::relative(it->path(), folder, error).generic_string();
    const fs::file_status status = it->symlink_status(error);
    if (fs::is_directory(status)) {
      if (it.depth() > 2) return Refuse(Refusal::kPackage, "%s: too deep", path);
      continue;
    }
    if (!fs::is_regular_file(status)) return Refuse(Refusal::kPackage, "%s: no plain file", path);
    if (files.size() == kMaxPackageFiles)
      return Refuse(Refusal::kPackage, "more than %d files", kMaxPackageFiles);
    total += it->file_size(error);
    if (total > kMaxPackageBytes)
      return Refuse(Refusal::kEndlessData, "more than %d bytes", kMaxPackageBytes);
    VEILSUM_ASSIGN_OR_RETURN(files[path], ReadFile(it->path(), kMaxPackageBytes));
  }
  if (error) return Unavailable("%s: %s", folder.string(), error.message());
  return files;
}

absl::Status WritePackage(const Files& files, const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error)) return AlreadyExists("%s is there already", folder.string());
  const fs::path part = folder.string() + ".part";
  fs::remove_all(part, error);
  for (const auto& [path, bytes] : files) {
    fs::create_directories((part / path).parent_path(), error);
    VEILSUM_RETURN_IF_ERROR(WriteFile(part / path, bytes));
  }
  fs::rename(part, folder, error);
  if (error) return Unavailable("%s: cannot create: %s", folder.string(), error.message());
  return absl::OkStatus();
}

}  // namespace veilsum::release
