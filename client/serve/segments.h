// Segments of a merchant's own customers: k-means of the vectors that a released model makes of
// them (model::Representations), found on a sample, described on all rows. A release of task
// segments has centres of its own, the same for every merchant: its customers go to those.
#pragma once

#include "client/serve/segment_profile.h"

namespace veilsum::client {

struct SegmentsQuestion {
  std::string data;   // a file of flat rows, or a folder with the plan's tables; read twice
  std::string out;    // the file that gets each row's segment; empty: none
  std::size_t k = 0;  // 0: that of k_min to k_max with the best silhouette
  std::size_t k_min = 2, k_max = 8;
  std::size_t sample = 20'000;  // rows that centres are found on, drawn from all; at least 2
  std::uint64_t seed = 1;       // of the draw and the starts
  std::size_t traits = 5;       // told of each segment
  // An option that was given and says how segments are to be found ("--k"); empty: none.
  std::string search;
};

struct Segment {
  std::size_t rows = 0;
  double share = 0;
  std::optional<double>
      stated_share;       // of a release of task segments: of all merchants' rows, noisy
  double score = 0;       // mean probability of label 1, value, or, of classes, of the likeliest
  std::string likeliest;  // of plans whose label has classes: the one of the highest mean score
  double distance = 0;    // mean, to the segment's centre
  std::vector<Trait> traits;
};

struct TriedK {
  std::size_t k;
  double silhouette;  // on at most kSilhouetteRows of the sample
};
inline constexpr std::size_t kSilhouetteRows = 1000;

struct Segments {
  std::size_t rows = 0, sampled = 0, width = 0;
  std::vector<TriedK> tried;  // in order of k; one where k was given, none of k = 1
  // Most rows of the sample first; those of a release in its own order, which names them.
  std::vector<Segment> segments;
  bool joint = false;                           // of a release; nothing was sampled or tried then
  std::optional<double> mean_squared_distance;  // joint: of all rows to the nearest centre
};

// Memory is the sample's, however many rows there are. `out` is CSV: the plan's unit, line, segment
// (from 1), distance; readable by its owner alone; it appears whole or not at all.
// FailedPrecondition: the model has no hidden layer, or a flat row cannot hold its features.
// InvalidArgument: rows that cannot be read or change between the readings, data that is no file
// and no folder, or is or holds `out`, terms out of range, fewer different rows than k, `search` of
// a release of task segments. Unavailable: `out` cannot be written.
absl::StatusOr<Segments> FindSegments(const Predictor& predictor, const SegmentsQuestion& question);

// One JSON object on one line, or a text for people; both end with a line end.
std::string SegmentsJson(const Predictor& predictor, const SegmentsQuestion& question,
                         const Segments& segments);
std::string SegmentsText(const SegmentsQuestion& question, const Segments& segments);

}  // namespace veilsum::client
