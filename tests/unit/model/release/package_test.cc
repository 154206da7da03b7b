#include "model/release/package.h"

#include <unistd.h>

#include "base/crypto/sha256.h"
#include "model/centres.h"
#include "model/release/onnx_reader.h"
#include "model/release/refusal.h"
#include "model/release/rounding.h"
#include "model/safetensors.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::release {
namespace {

using absl::StatusCode;
namespace fs = std::filesystem;

absl::Status Open(const Files& files) {
  return OpenPackage(files, SampleSigner().public_key()).status();
}
// Signed again, so that only what the package says of itself is left to refuse it.
absl::Status OpenResigned(Files files) {
  files[std::string(kSignatureFile)] = SignFiles("sample", files, SampleSigner()).value();
  return Open(files);
}

TEST(ReleasePackage, IsAFunctionOfItsInput) {
  EXPECT_EQ(BuildPackage(SampleInput()).value(), BuildPackage(SampleInput()).value());
  EXPECT_NE(BuildPackage(SampleInput()).value(), BuildPackage(SampleInput(2)).value());
}

TEST(ReleasePackage, OpensAsWhatWasReleased) {
  const ReleaseInput input = SampleInput();
  const Files files = SampleFiles();
  ASSERT_OK_AND_ASSIGN(const Release release, OpenPackage(files, SampleSigner().public_key()));
  EXPECT_EQ(release.model, input.model);
  EXPECT_EQ(release.manifest.version, "1.1.0");
  EXPECT_EQ(release.digest, RootDigest(files));
  EXPECT_EQ(release.manifest.variants.size(), 2u);
  EXPECT_EQ(release.privacy["epsilon"], "3");
}

TEST(ReleasePackage, HasNoReleaseWithoutNoise) {
  ReleaseInput input = SampleInput();
  input.plan.privacy.mechanism = model::Mechanism::kNone;
  EXPECT_THAT(BuildPackage(input), StatusIs(StatusCode::kFailedPrecondition, "SE-12"));
  input = SampleInput();
  input.privacy.erase("delta");
  EXPECT_THAT(BuildPackage(input), StatusIs(StatusCode::kInvalidArgument, "delta"));
  input = SampleInput();
  input.model[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(BuildPackage(input), StatusIs(StatusCode::kInvalidArgument, "not finite"));
}

TEST(ReleasePackage, RefusesTamperedMissingAndExtraFilesEachByItsCode) {
  for (const auto& [path, bytes] : SampleFiles()) {
    if (path == kSignatureFile) continue;
    Files files = SampleFiles();
    files[path][files[path].size() / 2] ^= 1;
    EXPECT_EQ(RefusalCode(Open(files)), "M501") << path;
    files = SampleFiles();
    files.erase(path);
    EXPECT_EQ(RefusalCode(Open(files)), "M501") << path;
  }
  Files files = SampleFiles();
  files["extra.bin"] = "x";
  EXPECT_EQ(RefusalCode(Open(files)), "M503");
  files = SampleFiles();
  files[std::string(kLedgerProofFile)] = "authenticates itself";
  EXPECT_OK(Open(files));
}

TEST(ReleasePackage, RefusesAForgedSignature) {
  const P256Signer stranger = P256Signer::Generate().value();
  Files files = SampleFiles();
  ASSERT_OK(SignPackage(files, stranger));
  EXPECT_EQ(RefusalCode(Open(files)), "M502");
  // The stranger's signature under our name.
  std::string& bundle = files[std::string(kSignatureFile)];
  const std::string theirs = stranger.public_key().Hint();
  bundle.replace(bundle.find(theirs), theirs.size(), SampleSigner().public_key().Hint());
  EXPECT_THAT(Open(files), StatusIs(StatusCode::kFailedPrecondition, "M502: the signature"));
  files.erase(std::string(kSignatureFile));
  EXPECT_EQ(RefusalCode(Open(files)), "M502");
  files[std::string(kSignatureFile)] = "{}";
  EXPECT_EQ(RefusalCode(Open(files)), "M502");
}

// A release key that signs nonsense: still nothing but a consistent package is used.
TEST(ReleasePackage, RefusesWhatContradictsItself) {
  struct Case {
    const char* path;
    std::function<void(std::string&)> change;
    const char* code;
  };
  const Case cases[] = {
      {"model.onnx", [](std::string& s) { s[s.size() / 2] ^= 1; }, "M50"},
      {"schema.json", [](std::string& s) { s = "{}"; }, "M504"},
      {"privacy.json", [](std::string& s) { s = "{}"; }, "M504"},
      {"plan.json", [](std::string& s) { s = "{}"; }, "M504"},
      {"manifest.json", [](std::string& s) { s.insert(1, "\"a\":1,"); }, "M504"},
      {"model.safetensors", [](std::string& s) { s.resize(s.size() - 4); }, "M504"},
      {"model.safetensors",
       [](std::string& s) { s.replace(s.size() - 4, 4, std::string("\0\0\xc0\x7f", 4)); }, "M505"},
      {"selftest.json", [](std::string& s) { s[s.find("\"logits\":[\"") + 12] ^= 1; }, "M50"},
  };
  for (const Case& c : cases) {
    Files files = SampleFiles();
    c.change(files[c.path]);
    Manifest m = Manifest::Parse(SampleFiles()["manifest.json"]).value();
    for (Manifest::File& file : m.files) {
      file.bytes = files[file.path].size();
      file.sha256 = HexEncode(Sha256(files[file.path]));
    }
    if (std::string(c.path) != "manifest.json") files["manifest.json"] = m.ToJson();
    EXPECT_THAT(std::string(RefusalCode(OpenResigned(files))), testing::StartsWith(c.code))
        << c.path;
  }
}

TEST(ReleasePackage, ComesBackFromAFolder) {
  const fs::path folder = fs::path(testing::TempDir()) / absl::StrFormat("package-%d", getpid());
  fs::remove_all(folder);
  ASSERT_OK(WritePackage(SampleFiles(), folder));
  ASSERT_OK_AND_ASSIGN(const Files files, ReadPackage(folder));
  EXPECT_OK(Open(files));
  EXPECT_THAT(WritePackage(SampleFiles(), folder), StatusIs(StatusCode::kAlreadyExists, "there"));
  fs::create_symlink("/etc/passwd", folder / "link");
  EXPECT_EQ(RefusalCode(ReadPackage(folder).status()), "M504");
  fs::remove_all(folder);
}

TEST(Rounding, OfHalvesIsToNearestAndBack) {
  EXPECT_EQ(ToHalf(1.0f), 0x3c00);
  EXPECT_EQ(ToHalf(-2.0f), 0xc000);
  EXPECT_EQ(ToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(ToHalf(1e9f), 0x7bff);
  EXPECT_EQ(ToHalf(5.960464477539063e-8f), 0x0001);  // the smallest subnormal
  EXPECT_EQ(ToHalf(1.0f + 1.0f / 2048), 0x3c00);     // a tie, to even
  EXPECT_EQ(ToHalf(1.0f + 3.0f / 2048), 0x3c02);
  EXPECT_EQ(ToHalf(0.99999f), 0x3c00);
  for (int half = 0; half < 0x7c00; ++half)
    ASSERT_EQ(ToHalf(FromHalf(static_cast<std::uint16_t>(half))), half);
}

TEST(Rounding, OfEightBitsIsWithinHalfAStepOfEachColumn) {
  const std::vector<float> matrix = {1.0f, -0.01f, 0.5f, 0.004f, -0.3f, 0.0f};
  const Int8Matrix small = ToInt8(matrix, 2);
  for (std::size_t i = 0; i < matrix.size(); ++i)
    EXPECT_NEAR(small.scales[i % 2] * static_cast<float>(small.values[i]), matrix[i],
                small.scales[i % 2] * 0.5001f);
  EXPECT_EQ(ToInt8(std::vector<float>{0, 0}, 1).scales[0], 1.0f);
}

TEST(OnnxReader, AcceptsWhatTheWriterWritesAndNothingBeside) {
  for (const Precision precision : {Precision::kFloat32, Precision::kFloat16, Precision::kInt8}) {
    const model::Plan plan = SamplePlan();
    const model::Layout layout = model::LayoutOf(plan);
    const std::string file = WriteOnnx(plan, layout, SampleModel(layout), precision);
    ASSERT_OK_AND_ASSIGN(const OnnxSummary summary, CheckOnnx(file));
    EXPECT_TRUE(summary.outputs.contains("probability"));
    EXPECT_TRUE(summary.inputs.contains("list1.ids"));
    // Appended fields: external data of a model (field 25: functions), an unknown field.
    EXPECT_EQ(RefusalCode(CheckOnnx(file + std::string("\xca\x01\x00", 3)).status()), "M504");
    EXPECT_EQ(RefusalCode(CheckOnnx(file.substr(0, file.size() - 1)).status()), "M504");
    std::string other = file;
    for (std::size_t at; (at = other.find("Relu")) != std::string::npos;)
      other.replace(at, 4, "Evil");
    EXPECT_THAT(CheckOnnx(other), StatusIs(StatusCode::kFailedPrecondition, "Evil"));
  }
  EXPECT_EQ(RefusalCode(CheckOnnx("nonsense").status()), "M504");
  EXPECT_EQ(RefusalCode(CheckOnnx("").status()), "M504");
}

TEST(OnnxReader, AcceptsLayerNormAndAReleaseOfItOpens) {
  ReleaseInput input = SampleInput();
  input.plan.network.layer_norm = true;
  const model::Layout layout = model::LayoutOf(input.plan);
  input.model = SampleModel(layout);
  const std::string file = WriteOnnx(input.plan, layout, input.model, Precision::kFloat32);
  ASSERT_OK_AND_ASSIGN(const OnnxSummary summary, CheckOnnx(file));
  EXPECT_TRUE(summary.operators.contains("Sqrt") && summary.operators.contains("Div"));
  ASSERT_OK_AND_ASSIGN(Files files, BuildPackage(input));
  ASSERT_OK(SignPackage(files, SampleSigner()));
  ASSERT_OK_AND_ASSIGN(const Release release, OpenPackage(files, SampleSigner().public_key()));
  EXPECT_TRUE(release.layout.layer_norm()) << "what is predicted with is what was trained";
}

// Weights are as they were trained; the network's biases are those of scores.
TEST(ReleasePackage, OfSegmentsHasANetworkOfScores) {
  ReleaseInput input = SampleInput();
  input.plan = SegmentsPlan();
  const model::Layout layout = model::LayoutOf(input.plan);
  input.model = SampleModel(layout);
  ASSERT_OK_AND_ASSIGN(Files files, BuildPackage(input));
  ASSERT_OK(SignPackage(files, SampleSigner()));
  ASSERT_OK_AND_ASSIGN(const Release opened, OpenPackage(files, SampleSigner().public_key()));
  EXPECT_EQ(opened.model, input.model);
  EXPECT_EQ(opened.plan.label.segments, 3u);
  const model::ModelVector scoring = model::ScoringModel(layout, input.model);
  EXPECT_NE(scoring, input.model);
  EXPECT_EQ(files["model.onnx"], WriteOnnx(input.plan, layout, scoring, Precision::kFloat32));
  EXPECT_NE(files["model.onnx"], WriteOnnx(input.plan, layout, input.model, Precision::kFloat32));
  const Json schema = Json::parse(files["schema.json"]);
  EXPECT_EQ(schema["segments"], 3);
  EXPECT_FALSE(schema.contains("label"));
  EXPECT_NE(files["card.cdx.json"].find("clustering"), std::string::npos);
  EXPECT_NE(files["manifest.json"].find("the largest is the nearest"), std::string::npos);
}

// What was trained is columns of attributes; what others run has a column for each item.
TEST(ReleasePackage, OfItemsWithAttributesHasANetworkOfItems) {
  ReleaseInput input = SampleInput();
  input.plan.task = model::Task::kRecommend;
  input.plan.label.kind = model::LabelKind::kClass;
  input.plan.label.values = {"boot", "shoe", "hat", "cap"};
  input.plan.label.attributes = {{"foot", "warm"}, {"foot"}, {"head", "warm"}, {"head"}};
  const model::Layout layout = model::LayoutOf(input.plan);
  EXPECT_EQ(layout.layers().back().out, 3u);
  input.model = SampleModel(layout);
  ASSERT_OK_AND_ASSIGN(Files files, BuildPackage(input));
  ASSERT_OK(SignPackage(files, SampleSigner()));
  ASSERT_OK_AND_ASSIGN(const Release opened, OpenPackage(files, SampleSigner().public_key()));
  EXPECT_EQ(opened.model, input.model);
  EXPECT_EQ(opened.layout.outputs(), 4u);
  EXPECT_EQ(opened.manifest.outputs[0]["shape"][1], "4");
  const model::Folded folded = model::FoldItems(layout, input.model);
  EXPECT_EQ(files["model.onnx"],
            WriteOnnx(input.plan, folded.layout, folded.model, Precision::kFloat32));
}

TEST(OnnxReader, RefusesNumbersThatAreNotFinite) {
  const model::Plan plan = SamplePlan();
  const model::Layout layout = model::LayoutOf(plan);
  model::ModelVector model = SampleModel(layout);
  model.back() = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RefusalCode(CheckOnnx(WriteOnnx(plan, layout, model, Precision::kFloat32)).status()),
            "M505");
}

TEST(DecimalOf, IsCanonical) {
  EXPECT_EQ(DecimalOf(0.25), "0.25");
  EXPECT_EQ(DecimalOf(1e-5), "1e-5");
  EXPECT_EQ(DecimalOf(0), "0");
  EXPECT_EQ(DecimalOf(-0.0), "0");
  EXPECT_EQ(DecimalOf(1e30), "1e30");
}

TEST(ParseVersion, TakesThreeNumbers) {
  EXPECT_EQ(ParseVersion("1.20.3").value()[1], 20u);
  for (const char* bad : {"", "1", "1.2", "1.2.3.4", "1.02.3", "v1.2.3", "1.2.3-rc", "1.-2.3"})
    EXPECT_FALSE(ParseVersion(bad).ok()) << bad;
}

}  // namespace
}  // namespace veilsum::release
