// A small release for tests: every kind of input, one signing key for the whole program.
#pragma once

#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "model/release/package.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::release {

// Two numeric features, one categorical, a text with a bag and a text with a direct path.
inline model::Plan SamplePlan() {
  std::string toml = model::SmallPlanToml({});
  const std::string texts =
      "[[feature]]\ncolumn = \"t.e\"\nkind = \"text\"\nngrams = 1\nbuckets = 16\nmax_terms = "
      "4\nwidth = 3\n"
      "[[feature]]\ncolumn = \"t.f\"\nkind = \"text\"\nngrams = 1\nbuckets = 8\nmax_terms = "
      "5\ndirect = true\n";
  toml.insert(toml.find("[label]"), texts);
  absl::StatusOr<model::Plan> plan = model::ParsePlanToml(toml, "sample.toml");
  VEILSUM_CHECK(plan.ok());
  return *std::move(plan);
}

// Numbers of no meaning, but not of one size: small enough for every precision.
inline model::ModelVector SampleModel(const model::Layout& layout, float scale = 1) {
  model::ModelVector model(layout.size());
  for (std::size_t i = 0; i < model.size(); ++i)
    model[i] = scale * (static_cast<float>(i * 7919 % 401) - 200.0f) / 173.0f;
  for (std::size_t i = 0; i < layout.buffers() / 2; ++i)
    model[layout.numeric() + i] = 1.5f + static_cast<float>(i);
  return model;
}

inline Manifest SampleFacts(std::uint64_t counter = 1) {
  Manifest facts;
  facts.model_id = "sample";
  facts.version = absl::StrFormat("1.%d.0", counter);
  facts.release_counter = counter;
  facts.federation_id = "fed.test";
  facts.run_id = "run-1";
  facts.last_round = 7;
  facts.min_client = "0.1.0";
  facts.created = 1'800'000'000;
  facts.not_after = facts.created + 90 * 86'400;
  facts.license = "proprietary";
  facts.intended_use = "tests";
  return facts;
}

// Three segments of t.a, t.b and t.c.
inline model::Plan SegmentsPlan() {
  std::string toml = model::SmallPlanToml({});
  const std::size_t rest = toml.find("[[feature]]\ncolumn = \"t.d\"");
  toml.replace(rest, toml.find("[training]") - rest, "[segments]\ntable = \"t\"\ncount = 3\n");
  toml.replace(toml.find("\"binary\""), 8, "\"segments\"");
  absl::StatusOr<model::Plan> plan = model::ParsePlanToml(toml, "sample.toml");
  VEILSUM_CHECK(plan.ok());
  return *std::move(plan);
}

inline ReleaseInput SampleInput(std::uint64_t counter = 1) {
  ReleaseInput input;
  input.plan = SamplePlan();
  input.model = SampleModel(model::LayoutOf(input.plan), 1.0f / static_cast<float>(counter));
  input.facts = SampleFacts(counter);
  input.privacy = {{"epsilon", "3"}, {"delta", "1e-5"}, {"unit", "id"}};
  input.metrics = {{"roc_auc_private", "0.8"}};
  input.builder = "veilsum test";
  return input;
}

inline const P256Signer& SampleSigner() {
  static const P256Signer signer = P256Signer::Generate().value();
  return signer;
}

inline Files SampleFiles(std::uint64_t counter = 1) {
  Files files = BuildPackage(SampleInput(counter)).value();
  VEILSUM_CHECK(SignPackage(files, SampleSigner()).ok());
  return files;
}

}  // namespace veilsum::release
