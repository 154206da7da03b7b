#include "cli/demo/setup/scenario.h"

#include "cli/demo/shops/write_shops.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
constexpr int kGeneratedShops = 6;

Outcome Configuration(const absl::Status& status) { return {status, ExitCode::kConfiguration}; }

Outcome FindData(const DemoOptions& options, const OutputFolder& out, Scenario& s) {
  if (options.data) {
    if (!fs::is_directory(*options.data))
      return Outcome::Usage(NotFound("--data: %s is not a folder", options.data->string()));
    s.data = fs::absolute(*options.data).lexically_normal();
    const fs::path name =
        s.data.filename().empty() ? s.data.parent_path().filename() : s.data.filename();
    s.source = name.string();
    return {};
  }
  s.data = out.data();
  s.source = "generated";
  s.synthetic = true;
  return WriteShops(
      Market(options.seed, static_cast<int>(options.merchants.value_or(kGeneratedShops))), s.data);
}

// Makes the plan name the release of --start-from.
absl::Status NameStart(const DemoOptions& options, model::Plan& plan, Scenario& s) {
  if (options.start_from) {
    VEILSUM_ASSIGN_OR_RETURN(s.start,
                             StartPackage::Open(*options.start_from, *options.release_key));
    return s.start->NameIn(plan);
  }
  if (plan.network.start.empty()) return absl::OkStatus();
  return InvalidArgument("model.start names release %s: give it with --start-from",
                         plan.network.start);
}

Outcome ChoosePlan(const DemoOptions& options, const client::Manifest& manifest,
                   const fs::path& examples, Scenario& s) {
  fs::path file = options.plan.value_or(examples / (manifest.dataset + ".toml"));
  if (!options.plan && (manifest.dataset.empty() || !fs::exists(file)))
    return Outcome::Usage(InvalidArgument(
        "no example plan is named after the dataset \"%s\" of %s; give one with --plan "
        "(`veilsum plan new` drafts one)",
        manifest.dataset, (s.data / "manifest.json").string()));
  const absl::StatusOr<model::Plan> plan = model::ReadPlanFile(file.string());
  if (!plan.ok()) return Configuration(Annotate(plan.status(), "--plan"));
  const model::Overrides overrides{.epsilon = options.epsilon,
                                   .delta = options.delta,
                                   .rounds = options.rounds,
                                   .min_survivors = options.min_survivors};
  absl::StatusOr<model::Plan> changed = model::WithOverrides(*plan, overrides);
  if (!changed.ok()) return Configuration(changed.status());
  if (const absl::Status runnable = model::CheckRunnable(*changed); !runnable.ok())
    return Configuration(runnable);
  if (const absl::Status named = NameStart(options, *changed, s); !named.ok())
    return Configuration(named);
  s.plan = *changed;
  s.plan_json = model::PlanToJson(s.plan);
  s.plan_sha256 = HexEncode(model::PlanSha256(s.plan));
  return {};
}

Outcome ChooseSeats(const DemoOptions& options, const client::Manifest& manifest, Scenario& s) {
  absl::StatusOr<std::vector<client::Seat>> seats = client::SeatsOf(s.data, manifest, s.plan.pools);
  if (!seats.ok()) return Configuration(seats.status());
  s.seats = *std::move(seats);
  if (!options.data || !options.merchants) return {};
  if (*options.merchants > s.seats.size())
    return Outcome::Usage(
        InvalidArgument("--merchants is %d, the data have %d", *options.merchants, s.seats.size()));
  s.seats.resize(*options.merchants);
  return {};
}

}  // namespace

Outcome PrepareScenario(const DemoOptions& options, const OutputFolder& out,
                        const fs::path& examples, Scenario& scenario) {
  if (Outcome found = FindData(options, out, scenario); !found.status.ok()) return found;
  const absl::StatusOr<client::Manifest> manifest = client::ReadManifest(scenario.data);
  if (!manifest.ok()) return {manifest.status(), ExitCode::kFindings};
  if (Outcome chosen = ChoosePlan(options, *manifest, examples, scenario); !chosen.status.ok())
    return chosen;
  return ChooseSeats(options, *manifest, scenario);
}

}  // namespace veilsum::cli
