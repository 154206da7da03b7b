// A released model as a set of files (docs/formats.md, "Release package"): model.safetensors is the
// truth, everything else is derived from it and from the plan, or says where it came from. But for
// model.sig the bytes are a function of the arguments.
#pragma once

#include <filesystem>
#include <optional>

#include "model/layout.h"
#include "model/plan/plan.h"
#include "model/release/manifest.h"
#include "model/release/onnx_writer.h"
#include "model/release/signature.h"

namespace veilsum::release {

inline constexpr std::size_t kMaxPackageFiles = 64;
inline constexpr std::size_t kMaxPackageBytes = std::size_t{1} << 30;

struct ReleaseInput {
  model::Plan plan;
  model::ModelVector model;
  // Identity, rounds, dates, texts. Digests, files, inputs, operators and the variants' largest
  // differences are filled in; auc_delta is taken from variants of the same name.
  Manifest facts;
  // Of the plan's claim, as in report.json: epsilon and delta as decimals, and more.
  Json privacy = Json::object();
  Json metrics = Json::object();
  std::string builder;  // who made it: "veilsum 0.1.0"
};

// All files but model.sig. InvalidArgument: facts that a manifest cannot hold, a model of another
// size or with numbers that are not finite, privacy without epsilon and delta. FailedPrecondition:
// the plan adds no noise (SE-12).
absl::StatusOr<Files> BuildPackage(const ReleaseInput& input);
absl::Status SignPackage(Files& files, const P256Signer& signer);

struct Release {
  Manifest manifest;
  Hash32 digest;  // RootDigest
  Json privacy = Json::object();
  Json metrics = Json::object();
  model::Plan plan;
  model::Layout layout;
  model::ModelVector model;
};

// Everything that can be checked of a package alone. Refusals: those of VerifyFiles; M504: the
// manifest, plan, schema, preprocessing, ONNX or safetensors are malformed or are not each other's;
// M505: a number is not finite; M506: the model's outputs on the self-test's rows differ from what
// the release states by more than 1e-4.
absl::StatusOr<Release> OpenPackage(const Files& files, const P256PublicKey& key);

// The folder's files, links and other things refused, at most kMaxPackageFiles of them and
// kMaxPackageBytes in all, each counted before it is read.
absl::StatusOr<Files> ReadPackage(const std::filesystem::path& folder);
// AlreadyExists: `folder` is there. It appears at once and whole, or not at all.
absl::Status WritePackage(const Files& files, const std::filesystem::path& folder);

}  // namespace veilsum::release
