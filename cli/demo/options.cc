#include "cli/demo/options.h"

#include <charconv>

#include "base/rational.h"

namespace veilsum::cli {
namespace {

absl::StatusOr<std::uint64_t> ParseWhole(std::string_view flag, const std::string& text,
                                         std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return InvalidArgument("%s is \"%s\", must be a whole number from %d to %d", flag, text, least,
                           most);
  return value;
}

// A decimal in (0, most], or [0, most] when `zero`; exact, since it enters the plan's hash.
absl::StatusOr<Rational> ParseDecimal(std::string_view flag, const std::string& text, double most,
                                      bool zero) {
  const absl::StatusOr<Rational> value = Rational::Parse(text);
  const bool good = value.ok() && value->ToDouble() <= most && (zero || value->numerator() > 0);
  if (!good)
    return InvalidArgument("%s is \"%s\", must be a number %s 0 and at most %g", flag, text,
                           zero ? "from" : "above", most);
  return *value;
}

template <class T>
absl::Status SetWhole(std::string_view flag, const std::string& text, std::uint64_t least,
                      std::uint64_t most, std::optional<T>& out) {
  if (text.empty()) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t value, ParseWhole(flag, text, least, most));
  out = static_cast<T>(value);
  return absl::OkStatus();
}

absl::Status SetDecimal(std::string_view flag, const std::string& text, double most,
                        std::optional<std::string>& out) {
  if (text.empty()) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(ParseDecimal(flag, text, most, /*zero=*/false).status());
  out = text;
  return absl::OkStatus();
}

}  // namespace

void AddDemoFlags(CLI::App& app, DemoArguments& a) {
  app.add_option(
         "--data", a.data,
         "folder with manifest.json and merchants/<name>/*.csv (default: shops are generated)")
      ->type_name("DIR");
  app.add_option("--plan", a.plan,
                 "plan, TOML (default: the example plan named after the manifest's dataset)")
      ->type_name("FILE");
  app.add_option("--merchants", a.merchants,
                 "how many shops to generate (6), or to take of DIR by name (all)")
      ->type_name("N");
  app.add_option("--epsilon", a.epsilon,
                 "privacy claim, or inf for a run without noise (default: the plan's)")
      ->type_name("E");
  app.add_option("--delta", a.delta, "its failure probability (default: the plan's)")
      ->type_name("D");
  app.add_option("--rounds", a.rounds, "training rounds to publish (default: the plan's)")
      ->type_name("T");
  app.add_option("--seed", a.seed,
                 "of initial weights, generated shops and --drop; never of noise (1)")
      ->type_name("S");
  app.add_option("--drop", a.drop, "share of the clients that vanish in each round (0)")
      ->type_name("FRACTION");
  app.add_option("--min-survivors", a.min_survivors,
                 "fewest clients for a round to count (default: the plan's)")
      ->type_name("U");
  app.add_option("--start-from", a.start_from,
                 "release whose weights the run begins with (default: those of --seed)")
      ->type_name("PKG");
  app.add_option("--release-key", a.release_key, "that signs --start-from, public, PEM")
      ->type_name("FILE");
  app.add_option("--out", a.out, "folder for the report, the model and logs (veilsum-demo)")
      ->type_name("DIR");
  app.add_flag("--json", a.json, "print the report as JSON");
}

absl::StatusOr<DemoOptions> ParseDemoOptions(const DemoArguments& a) {
  DemoOptions options;
  if (!a.data.empty()) options.data = a.data;
  if (!a.plan.empty()) options.plan = a.plan;
  if (!a.out.empty()) options.out = a.out;
  options.json = a.json;
  if (a.start_from.empty() != a.release_key.empty())
    return InvalidArgument("--start-from and --release-key go together");
  if (!a.start_from.empty()) options.start_from = a.start_from;
  if (!a.release_key.empty()) options.release_key = a.release_key;
  VEILSUM_RETURN_IF_ERROR(SetWhole("--merchants", a.merchants, 3, 200, options.merchants));
  VEILSUM_RETURN_IF_ERROR(SetWhole("--rounds", a.rounds, 1, 1'000'000, options.rounds));
  VEILSUM_RETURN_IF_ERROR(
      SetWhole("--min-survivors", a.min_survivors, 2, 255, options.min_survivors));
  std::optional<std::uint64_t> seed;
  VEILSUM_RETURN_IF_ERROR(SetWhole("--seed", a.seed, 0, (std::uint64_t{1} << 53) - 1, seed));
  options.seed = seed.value_or(options.seed);
  if (a.epsilon == "inf")
    options.epsilon = "inf";
  else
    VEILSUM_RETURN_IF_ERROR(SetDecimal("--epsilon", a.epsilon, 1000, options.epsilon));
  VEILSUM_RETURN_IF_ERROR(SetDecimal("--delta", a.delta, 0.1, options.delta));
  if (!a.drop.empty()) {
    VEILSUM_RETURN_IF_ERROR(ParseDecimal("--drop", a.drop, 0.5, /*zero=*/true).status());
    options.drop = a.drop;
  }
  return options;
}

}  // namespace veilsum::cli
