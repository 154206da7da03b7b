#include <nlohmann/json.hpp>

#include "client/serve/printable.h"
#include "client/serve/segments.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr char kJoint[] =
    "These segments are the release's, the same at every merchant; whose they are was not sent.";
constexpr char kAtHome[] = "These segments are this merchant's own; nothing of them was sent.";

ordered_json JsonOf(const Trait& trait) {
  ordered_json out = {{"feature", trait.feature}};
  if (trait.value) out["value"] = *trait.value;
  out["effect"] = trait.effect;
  out["segment"] = trait.segment;
  out["all"] = trait.all;
  return out;
}

ordered_json JsonOf(const Segment& segment, std::size_t number) {
  ordered_json traits = ordered_json::array();
  for (const Trait& trait : segment.traits) traits.push_back(JsonOf(trait));
  ordered_json out = {{"segment", number}, {"rows", segment.rows}, {"share", segment.share}};
  if (segment.stated_share)
    out["share_stated"] = *segment.stated_share;
  else
    out["score"] = segment.score;
  if (!segment.likeliest.empty()) out["likeliest"] = segment.likeliest;
  out["distance"] = segment.distance;
  out["traits"] = traits;
  return out;
}

std::string TextOf(const Trait& trait) {
  const std::string name =
      !trait.value ? trait.feature : trait.feature + " = " + Printable(*trait.value);
  return absl::StrFormat("    %+6.2f  %s: %.4g, of all %.4g\n", trait.effect, name, trait.segment,
                         trait.all);
}

std::string TextOf(const Segment& segment, std::size_t number) {
  std::string out =
      absl::StrFormat("segment %d: %d rows (%.1f%%), ", number, segment.rows, 100 * segment.share);
  out += segment.stated_share
             ? absl::StrFormat("of all merchants' %.1f%%", 100 * *segment.stated_share)
             : absl::StrFormat("mean score %.4g", segment.score);
  if (!segment.likeliest.empty()) out += " of " + segment.likeliest;
  out += "\n";
  for (const Trait& trait : segment.traits) out += TextOf(trait);
  return out;
}

}  // namespace

std::string SegmentsJson(const Predictor& predictor, const SegmentsQuestion& question,
                         const Segments& segments) {
  const release::Manifest& manifest = predictor.release().manifest;
  ordered_json tried = ordered_json::array(), each = ordered_json::array();
  for (const TriedK& t : segments.tried)
    tried.push_back({{"k", t.k}, {"silhouette", t.silhouette}});
  for (std::size_t s = 0; s < segments.segments.size(); ++s)
    each.push_back(JsonOf(segments.segments[s], s + 1));
  if (segments.joint)
    return ordered_json{{"model", {{"model_id", manifest.model_id}, {"version", manifest.version}}},
                        {"width", segments.width},
                        {"rows", segments.rows},
                        {"k", segments.segments.size()},
                        {"mean_squared_distance", *segments.mean_squared_distance},
                        {"segments", each},
                        {"note", kJoint}}
               .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
           "\n";
  return ordered_json{{"model", {{"model_id", manifest.model_id}, {"version", manifest.version}}},
                      {"width", segments.width},
                      {"rows", segments.rows},
                      {"sampled", segments.sampled},
                      {"seed", question.seed},
                      {"k", segments.segments.size()},
                      {"tried", tried},
                      {"segments", each},
                      {"note", kAtHome}}
             .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}

std::string SegmentsText(const SegmentsQuestion& question, const Segments& segments) {
  std::string out =
      segments.joint ? absl::StrFormat(
                           "the release's %d segments of %d rows, mean squared distance %.4g\n",
                           segments.segments.size(), segments.rows, *segments.mean_squared_distance)
                     : absl::StrFormat("%d segments of %d rows, found on %d of them\n",
                                       segments.segments.size(), segments.rows, segments.sampled);
  for (const TriedK& t : segments.tried)
    out += absl::StrFormat("  silhouette of %d: %.3f\n", t.k, t.silhouette);
  out += "\n";
  for (std::size_t s = 0; s < segments.segments.size(); ++s)
    out += TextOf(segments.segments[s], s + 1);
  out += "\nEffects are in deviations of all rows.\n";
  if (!question.out.empty()) out += "Each row's segment is in " + question.out + ".\n";
  return out + (segments.joint ? kJoint : kAtHome) + "\n";
}

}  // namespace veilsum::client
