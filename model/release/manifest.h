// manifest.json of a released model: what it is, what it was made from, and every file of it.
// Canonical JSON (base/canonical_json.h), so that it has one form. docs/formats.md has the keys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/canonical_json.h"

namespace veilsum::release {

inline constexpr std::uint64_t kPackageFormat = 1;
inline constexpr std::size_t kMaxManifestBytes = std::size_t{256} << 10;

// A model in fewer bits: how far its logits are from the float32 ones on the self-test's rows, and
// what it costs in ROC-AUC where that is known.
struct Variant {
  std::string name, path;
  std::string max_abs_logit_diff;  // decimal
  std::string auc_delta;           // decimal; empty: not measured
};

struct Manifest {
  std::string model_id;                // [a-z0-9-]{1,64}
  std::string version;                 // semantic: 1.4.0
  std::uint64_t release_counter = 1;   // strictly increasing per model_id, from 1
  std::uint64_t min_safe_counter = 1;  // clients refuse what is below
  std::vector<std::string> parents;    // root digests
  std::string federation_id, run_id;
  std::string plan_sha256, schema_sha256, preprocess_sha256;
  std::uint64_t first_round = 1, last_round = 1;
  std::string min_client;  // the oldest client version that knows this format
  std::uint64_t opset = 0;
  std::vector<std::string> ops;
  Json inputs = Json::array(), outputs = Json::array();
  std::vector<Variant> variants;
  std::int64_t created = 0, not_after = 0;  // seconds since 1970, UTC
  std::string license, intended_use;
  std::vector<std::string> contacts;
  struct File {
    std::string path, sha256, media_type;
    std::uint64_t bytes = 0;
  };
  std::vector<File> files;  // by path

  std::string ToJson() const;
  // InvalidArgument naming the key: anything but what ToJson writes.
  static absl::StatusOr<Manifest> Parse(std::string_view json);
};

// "1.4.0" as three numbers; InvalidArgument otherwise.
absl::StatusOr<std::array<std::uint64_t, 3>> ParseVersion(std::string_view version);

// The shortest decimal that is this number: "0.25", "1e-5". Finite numbers only.
std::string DecimalOf(double value);

}  // namespace veilsum::release
