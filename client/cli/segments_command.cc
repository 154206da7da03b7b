#include "client/cli/segments_command.h"

#include "client/cli/finish.h"

namespace veilsum::client {
namespace {

absl::Status PrintSegments(const SegmentsOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(release::Release release, LoadRelease(options.release));
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           Predictor::Create(std::move(release)));
  VEILSUM_ASSIGN_OR_RETURN(const Segments segments, FindSegments(*predictor, options.question));
  return PrintResult(options.json ? SegmentsJson(*predictor, options.question, segments)
                                  : SegmentsText(options.question, segments));
}

// Which of these is given is told: a release with segments of its own has no use for them.
void AddCounts(CLI::App& segments, SegmentsQuestion& question) {
  CLI::Option* k =
      segments.add_option("--k", question.k, "how many segments")->check(CLI::Range(1, 100));
  segments.add_option("--k-min", question.k_min, "without --k: the best silhouette from here")
      ->check(CLI::Range(2, 100))
      ->excludes(k)
      ->capture_default_str();
  segments.add_option("--k-max", question.k_max, "to here")
      ->check(CLI::Range(2, 100))
      ->excludes(k)
      ->capture_default_str();
  segments
      .add_option("--sample", question.sample, "rows that segments are found on, drawn from all")
      ->check(CLI::Range(100, 1'000'000))
      ->capture_default_str();
  segments.add_option("--seed", question.seed, "of the draw and of where k-means starts")
      ->capture_default_str();
  for (const char* name : {"--k", "--k-min", "--k-max", "--sample", "--seed"})
    segments.get_option(name)->each(
        [&question, name](const std::string&) { question.search = name; });
  segments.add_option("--traits", question.traits, "how many are told of each segment")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
}

}  // namespace

CLI::App* AddSegmentsCommand(CLI::App& app, SegmentsOptions& options) {
  CLI::App* segments = app.add_subcommand(
      "segments",
      "Groups of customers whom a released model sees alike; nothing leaves the machine");
  AddReleaseOptions(*segments, options.release);
  segments
      ->add_option("--data", options.question.data,
                   "rows as CSV or JSON lines, or a folder with the plan's tables; read twice")
      ->type_name("DATA")
      ->required();
  AddCounts(*segments, options.question);
  segments
      ->add_option("--out", options.question.out,
                   "the file that gets each row's segment, CSV, for its owner's eyes alone")
      ->type_name("FILE");
  segments->add_flag("--json", options.json, "One line of JSON on stdout");
  return segments;
}

ExitCode RunSegments(const SegmentsOptions& options) { return Finish(PrintSegments(options)); }

}  // namespace veilsum::client
