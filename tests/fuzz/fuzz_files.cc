// Every binary or streamed format: the first byte says which, the rest is the file. Certificates go
// through the verifiers of both sides of a connection, with a root and a date that stay.
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto/sha256.h"
#include "base/pki/certificate.h"
#include "base/tlog/tile.h"
#include "client/data/csv_reader.h"
#include "client/data/feature_encoder.h"
#include "client/data/times.h"
#include "model/contract/privacy_terms.h"
#include "model/release/onnx_reader.h"
#include "model/rollout/metadata.h"
#include "model/safetensors.h"
#include "secure_agg/pki/pinned_root_verifier.h"
#include "tests/fuzz/target.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::fuzz {
namespace {

constexpr char kRoot[] = R"(-----BEGIN CERTIFICATE-----
MIICBzCCAY2gAwIBAgIQJesQCwNXwdR7ZJT6RAvcJDAKBggqhkjOPQQDAzAjMSEw
HwYDVQQDDBhWZWlsc3VtIHJvb3Qgb2YgZmVkLnRlc3QwHhcNMjYwMTAxMDAwMDAw
WhcNMzUxMjMwMDAwMDAwWjAjMSEwHwYDVQQDDBhWZWlsc3VtIHJvb3Qgb2YgZmVk
LnRlc3QwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAARwOkY/0JV36oaoq0mJ28sH5Th2
5OJ+VEpHDFw1KPww/y6IaJX64sexSVB4u8K9W/indQdKgi7t9COrLhBF1mcWAXJS
xvD/SKcL10OUtpYxx/785cwKMPDjt8GYYrX0NvajgYUwgYIwEgYDVR0TAQH/BAgw
BgEB/wIBADAdBgNVHQ4EFgQUw9YvhlahGl3SRIqrS3u6Aprwfi0wHwYDVR0jBBgw
FoAUw9YvhlahGl3SRIqrS3u6Aprwfi0wDgYDVR0PAQH/BAQDAgEGMBwGA1UdEQQV
MBOGEXNwaWZmZTovL2ZlZC50ZXN0MAoGCCqGSM49BAMDA2gAMGUCMQDYp+1EQTvR
+dl0JXE0XvL1txDapOwZm/q5S7Osje4ky/0tNwGo9oYJdxoSXziB5nQCMG859GaW
Ird12KMdWtXFyHcKAE3XeGQTyL311xp1S+9Q2EPCY9KoAuiUgrK5TFuAxg==
-----END CERTIFICATE-----
)";

const Certificate& Root() {
  static const Certificate root = Certificate::FromPem(kRoot).value();
  return root;
}
WallTime Now() { return std::chrono::sys_days(std::chrono::year(2027) / 1 / 1); }

void TryCertificate(const absl::StatusOr<Certificate>& certificate) {
  if (!certificate.ok()) return;
  const absl::StatusOr<Certificate> again = Certificate::FromDer(certificate->der());
  Require(again.ok() && again->der() == certificate->der(), "one certificate has one encoding");
  (void)certificate->Identity().ok();
  (void)certificate->Ed25519Key().ok();
  (void)VerifyLeaf(*certificate, Root(), Now()).ok();
  static const secure_agg::PinnedRootVerifier verifier(Root(), Now);
  (void)verifier.Verify(certificate->der(), Sha256(certificate->der())).ok();
}

void TrySafetensors(ByteView file) {
  const absl::StatusOr<model::Safetensors> read = model::ReadSafetensors(file);
  if (!read.ok()) return;
  std::size_t numbers = 0;
  for (const model::Tensor& tensor : read->tensors)
    numbers = std::max(numbers, tensor.offset + tensor.size);
  Require(numbers <= read->values.size(), "a tensor lies within the values");
}

void TryTile(ByteView file) {
  if (file.empty()) return;
  const std::size_t count = file[0];
  const absl::StatusOr<std::vector<Bytes>> entries = tlog::ParseBundle(file.subspan(1), count);
  if (!entries.ok()) return;
  Require(entries->size() == count, "as many as asked for");
  const Bytes again = tlog::EncodeBundle(*entries).value();
  Require(AsText(again) == AsText(file.subspan(1)), "one bundle has one encoding");
}

// The reader takes files; this one has no name and no disk.
void TryCsv(std::string_view text) {
  const int fd = memfd_create("csv", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
          "memory for a file");
  auto reader = client::CsvReader::Open("/proc/self/fd/" + std::to_string(fd), "fuzz.csv",
                                        {.field_bytes = 64, .row_bytes = 256, .fields = 16});
  client::CsvRow row;
  while (reader.ok()) {
    const absl::StatusOr<bool> more = reader->Next(row);
    if (more.ok() ? !*more : !reader->can_continue()) break;
    if (!more.ok()) continue;
    Require(row.fields.size() <= 16, "the number of fields is bounded");
    for (const std::string& field : row.fields) {
      Require(field.size() <= 64, "a field is bounded");
      (void)client::ParseNumber(field).ok();
      (void)client::ParseTime(field).ok();
      (void)client::ParseLabel({}, field).ok();
    }
  }
  close(fd);
}

void TryOnnx(std::string_view file) {
  const absl::StatusOr<release::OnnxSummary> summary = release::CheckOnnx(file);
  if (summary.ok()) Require(summary->opset == release::kOnnxOpset, "no other opset is accepted");
}

// What one key has signed, by every role's reader; the first byte of the payload's type is theirs
// to check.
void TryRelease(std::string_view text) {
  if (const auto m = release::Manifest::Parse(text); m.ok())
    Require(m->ToJson() == text, "one manifest has one form");
  if (const auto root = rollout::ParseRoot(text); root.ok())
    for (const auto& [role, keys] : root->roles)
      Require(keys.threshold > 0 && keys.threshold <= keys.keys.size(), "a threshold can be met");
  if (const auto targets = rollout::ParseTargets(text); targets.ok())
    for (const rollout::Target& target : targets->targets)
      for (const rollout::TargetFile& file : target.files)
        Require(file.path.find("..") == std::string::npos && file.path[0] != '/',
                "a path stays in its folder");
  (void)rollout::ParseTimestamp(text).ok();
  (void)rollout::ParseSnapshot(text).ok();
  (void)rollout::ParseDirector(text).ok();
  (void)rollout::OpenMetadata(rollout::Role::kRoot, text, {}).ok();
}

rollout::Targets SomeTargets() {
  rollout::Targets targets;
  targets.expires = 1'800'000'000;
  targets.targets.push_back({"m",
                             "1.0.0",
                             std::string(64, 'a'),
                             1,
                             "s",
                             "p",
                             "0.1.0",
                             22,
                             1'900'000'000,
                             {{"model.onnx", std::string(64, 'b'), 10}}});
  targets.revoked.push_back({std::string(64, 'c'), "why", 1});
  targets.min_safe["m"] = 1;
  return targets;
}

rollout::Root SomeRoot() {
  rollout::Root root;
  root.federation_id = "fed.test";
  for (const rollout::Role role :
       {rollout::Role::kRoot, rollout::Role::kTargets, rollout::Role::kSnapshot,
        rollout::Role::kTimestamp, rollout::Role::kDirector})
    root.roles[role] = {{Ed25519PublicKey{1}, Ed25519PublicKey{2}}, 2};
  return root;
}

}  // namespace

std::vector<std::string> Seeds() {
  const model::Layout layout = model::LayoutOf(model::MakeSmallPlan());
  const Bytes file =
      model::WriteSafetensors(layout, model::ModelVector(layout.size(), 0.5f), {{"format", "pt"}});
  const std::string onnx =
      release::WriteOnnx(model::MakeSmallPlan(), layout, model::ModelVector(layout.size(), 0.5f),
                         release::Precision::kInt8);
  rollout::Director director;
  director.client = "spiffe://fed.test/tenant/acme/client/a";
  return {
      '\x04' + onnx,
      '\x05' + ToJson(SomeTargets()),
      '\x05' + ToJson(SomeRoot()),
      '\x05' + ToJson(director),
      '\x05' + rollout::SignMetadata(ToJson(director), {}),
      '\x02' + std::string(AsText(file)),
      '\x03' + std::string("id,when,y\r\na,2026-01-31T10:00:00Z,1\r\n\"b,\"\"c\"\"\",-1.5e3,no\n"),
      '\x06' + std::string("\x02\x00\x03"
                           "abc"
                           "\x00\x01"
                           "d",
                           9)};
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  if (size == 0) return 0;
  const veilsum::ByteView rest(data + 1, size - 1);
  switch (data[0]) {
    case 0:
      TryCertificate(veilsum::Certificate::FromDer(rest));
      break;
    case 1:
      TryCertificate(veilsum::Certificate::FromPem(veilsum::AsText(rest)));
      break;
    case 2:
      TrySafetensors(rest);
      break;
    case 3:
      TryCsv(veilsum::AsText(rest));
      break;
    case 4:
      TryOnnx(veilsum::AsText(rest));
      break;
    case 5:
      TryRelease(veilsum::AsText(rest));
      break;
    case 6:
      TryTile(rest);
      break;
    default:
      break;
  }
  return 0;
}
