// A plan that runs in milliseconds: three numeric inputs, one categorical of four values, four
// hidden units.
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"

namespace veilsum::model {

struct SmallPlan {
  bool is_private = true;
  bool statistics = true;
  int steps = 5;
  int attempts_max = 12;
  int key_batch = 4;
  int min_survivors = 0;
  int colluders = 0;
  int deadline_ms = 5000;
  std::string averaging;  // empty: none
  int cohorts = 0;        // 0: no such section
  std::string beacon, members_sha256;
  int evaluation_attempts = 0;     // 0: no evaluation
  bool evaluation_groups = false;  // of t.g, "a" and "b"
  int bands = 1;
  std::string sampling_rate = "1/2";
  int local_steps = 0;     // 0: distributed
  int merchant_steps = 0;  // 0: not in merchant mode
  std::string initial_clip = "1";
  int quantile_bins = 0;  // 0: statistics are means and variances
  std::string training;   // more lines of [training]
};

inline std::string SmallPlanToml(const SmallPlan& small) {
  const auto number = [](const char* key, int value) {
    return std::string(key) + " = " + std::to_string(value) + "\n";
  };
  std::string text =
      "name = \"small\"\ntask = \"binary\"\n[unit]\ncolumn = \"id\"\n"
      "[holdout]\nhash = \"fnv1a64\"\nmod = 5\nequals = 0\n[[table]]\nname = \"t\"\nfile = "
      "\"t.csv\"\n";
  for (const char* column : {"a", "b", "c"})
    text += std::string("[[feature]]\ncolumn = \"t.") + column +
            "\"\nkind = \"numeric\"\nlo = -1\nhi = 1\n";
  text +=
      "[[feature]]\ncolumn = \"t.d\"\nkind = \"categorical\"\nbuckets = 4\n"
      "[label]\ncolumn = \"t.y\"\nkind = \"binary\"\n[model]\nhidden = [4]\n"
      "[training]\nexpected_batch = 16\nclip_norm = \"1\"\n"
      "learning_rate = \"0.01\"\n";
  text += "sampling_rate = \"" + small.sampling_rate + "\"\n";
  text += number("steps", small.steps) + number("attempts_max", small.attempts_max);
  if (small.merchant_steps != 0)
    text += "mode = \"merchant\"\nexpected_merchants = 5\nbit_noise = \"2\"\ninitial_clip = \"" +
            small.initial_clip + "\"\n" + number("local_steps", small.merchant_steps);
  else
    text += small.local_steps == 0 ? "mode = \"distributed\"\n"
                                   : "mode = \"local\"\nupdate_clamp = \"1\"\n" +
                                         number("local_steps", small.local_steps);
  text += small.training;
  if (small.bands != 1) text += number("bands", small.bands);
  if (!small.averaging.empty()) text += "averaging = \"" + small.averaging + "\"\n";
  text += "[privacy]\nepsilon = \"8\"\ndelta = \"1e-5\"\naccountant = \"rdp\"\n";
  if (small.statistics) text += "statistics_share = \"0.2\"\n";
  text += "[aggregation]\nscale_log2 = 16\n" + number("key_batch", small.key_batch) +
          number("min_survivors", small.min_survivors) + number("colluders", small.colluders);
  if (small.quantile_bins != 0)
    text += "[statistics]\nkind = \"quantiles\"\n" + number("bins", small.quantile_bins);
  if (small.cohorts != 0) text += "[cohorts]\n" + number("count", small.cohorts);
  if (!small.beacon.empty())
    text +=
        "beacon = \"" + small.beacon + "\"\nmembers_sha256 = \"" + small.members_sha256 + "\"\n";
  if (small.evaluation_attempts != 0)
    text += "[evaluation]\nbins = 8\n" + number("attempts_max", small.evaluation_attempts);
  if (small.evaluation_groups) text += "group = \"t.g\"\ngroups = [\"a\", \"b\"]\n";
  text += "[rounds]\ntick_ms = 1\n" + number("deadline_ms", small.deadline_ms);
  return text + "[population]\nminimum_customers = 1\n";
}

inline Plan MakeSmallPlan(const SmallPlan& small = {}) {
  absl::StatusOr<Plan> plan = ParsePlanToml(SmallPlanToml(small), "small.toml");
  VEILSUM_CHECK(plan.ok());
  if (small.is_private) return *std::move(plan);
  Plan open = WithoutPrivacy(*std::move(plan));
  open.training.bands = static_cast<std::uint32_t>(small.bands);  // a test may want exact rows
  return open;
}

// Member i of a federation "fed.test"; ascending with i below 10.
inline std::string SmallSeat(std::size_t i, const std::string& tenants = "m") {
  return "spiffe://fed.test/tenant/" + tenants + std::to_string(i) + "/client/a";
}
inline std::vector<std::string> SmallSeats(std::size_t members, const std::string& tenants = "m") {
  std::vector<std::string> seats;
  for (std::size_t i = 0; i < members; ++i) seats.push_back(SmallSeat(i, tenants));
  return seats;
}

// As a contract states a number: the shortest decimal.
inline std::string Scaled(const std::string& number, double factor) {
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), std::stod(number) * factor,
                                 std::chars_format::fixed);
  return std::string(text.data(), end.ptr);
}

}  // namespace veilsum::model
