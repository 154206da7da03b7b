#include "cli/operate/run_progress.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace veilsum::cli {
namespace {

std::string InWords(const char* name, const admin::v1::Figure& figure) {
  return absl::StrFormat("  %s %.4f (%.4f to %.4f)", name, figure.value(), figure.low(),
                         figure.high());
}

Json AsJson(const admin::v1::Figure& figure) {
  return Json{{"value", figure.value()}, {"low", figure.low()}, {"high", figure.high()}};
}

// Figures are there, or the reason why there are none.
Json AsJson(const admin::v1::EvaluationGroup& group) {
  Json out{{"name", group.name()}};
  if (!group.unusable().empty()) {
    out["unusable"] = group.unusable();
    return out;
  }
  out["roc_auc"] = AsJson(group.roc_auc());
  out["selected"] = AsJson(group.selected());
  out["true_positives"] = AsJson(group.true_positives());
  out["false_positives"] = AsJson(group.false_positives());
  return out;
}

Json AsJson(const admin::v1::Evaluation& evaluation) {
  Json groups = Json::array();
  for (const admin::v1::EvaluationGroup& group : evaluation.groups())
    groups.push_back(AsJson(group));
  Json out{{"step", evaluation.step()},
           {"survivors", evaluation.survivors()},
           {"groups", std::move(groups)}};
  if (!evaluation.unusable().empty()) {
    out["unusable"] = evaluation.unusable();
    return out;
  }
  out["roc_auc"] =
      Json{{"value", evaluation.roc_auc()}, {"low", evaluation.low()}, {"high", evaluation.high()}};
  out["accuracy"] = AsJson(evaluation.accuracy());
  out["log_loss"] = AsJson(evaluation.log_loss());
  return out;
}

}  // namespace

std::string ProgressLine(const admin::v1::RunProgress& progress) {
  return absl::StrFormat("%s  step %d of %d  round %d  aborted %d  epsilon %.4f  %s",
                         progress.state(), progress.step(), progress.steps(), progress.round(),
                         progress.aborted(), progress.epsilon(), progress.reason());
}

std::string GroupLines(const admin::v1::Evaluation& evaluation) {
  std::string text;
  for (const admin::v1::EvaluationGroup& group : evaluation.groups()) {
    absl::StrAppend(&text, "group ", group.name());
    if (group.unusable().empty())
      absl::StrAppend(&text, InWords("roc_auc", group.roc_auc()),
                      InWords("selected", group.selected()),
                      InWords("true_positives", group.true_positives()),
                      InWords("false_positives", group.false_positives()));
    else
      absl::StrAppend(&text, "  no figures: ", group.unusable());
    absl::StrAppend(&text, "\n");
  }
  return text;
}

Json ProgressJson(const admin::v1::RunProgress& progress) {
  Json out{{"schema", "veilsum.run_progress.v1"},
           {"state", progress.state()},
           {"reason", progress.reason()},
           {"round", progress.round()},
           {"step", progress.step()},
           {"steps", progress.steps()},
           {"aborted", progress.aborted()},
           {"attempts", progress.attempts()},
           {"epsilon", progress.epsilon()},
           {"survivors", progress.survivors()},
           {"model_hash", absl::BytesToHexString(progress.model_hash())}};
  if (progress.has_evaluation()) out["evaluation"] = AsJson(progress.evaluation());
  return out;
}

}  // namespace veilsum::cli
