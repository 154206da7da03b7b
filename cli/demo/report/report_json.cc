#include "cli/demo/report/report_json.h"

#include <cmath>

#include "model/release/score_histogram.h"

namespace veilsum::cli {
namespace {

using Object = nlohmann::ordered_json;

template <class T>
Object OrNull(const std::optional<T>& value) {
  return value ? Object(*value) : Object(nullptr);
}
template <>
Object OrNull(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Object(*value) : Object(nullptr);
}

Object FederationJson(const FederationFacts& f) {
  return {{"merchants", f.merchants},
          {"survivors_min", OrNull(f.survivors_min)},
          {"rounds", f.rounds},
          {"aborted", f.aborted},
          {"declined", f.declined}};
}

Object SegmentsJson(const SegmentFacts& s) {
  return {{"mean_squared_distance", s.mean_squared_distance},
          {"explained", OrNull(s.explained)},
          {"local_only_mean_squared_distance", OrNull(s.local_only_mean_squared_distance)},
          {"sizes", s.sizes}};
}

Object MerchantsJson(const std::vector<MerchantQuality>& merchants) {
  Object all = Object::array();
  for (const MerchantQuality& m : merchants) {
    all.push_back({{"name", m.name},
                   {"holdout_rows", m.holdout_rows},
                   {"roc_auc", OrNull(m.roc_auc)},
                   {"local_only_roc_auc", OrNull(m.local_only_roc_auc)},
                   {"accuracy", OrNull(m.accuracy)},
                   {"log_loss", OrNull(m.log_loss)},
                   {"rmse", OrNull(m.rmse)},
                   {"local_only_rmse", OrNull(m.local_only_rmse)}});
    if (m.segments) all.back()["segments"] = SegmentsJson(*m.segments);
  }
  return all;
}

Object FigureJson(const std::optional<PrivateFigure>& figure, bool interval) {
  if (!figure) return nullptr;
  if (!interval) return figure->value;
  return Object::array({figure->interval.first, figure->interval.second});
}

Object GroupsJson(const std::vector<PrivateGroupQuality>& groups) {
  Object all = Object::array();
  for (const PrivateGroupQuality& g : groups) {
    Object out = {{"name", g.name}};
    for (const auto& [name, figure] : {std::pair("roc_auc", &g.roc_auc),
                                       {"selected", &g.selected},
                                       {"true_positives", &g.true_positives},
                                       {"false_positives", &g.false_positives}}) {
      out[name] = FigureJson(*figure, false);
      out[std::string(name) + "_interval"] = FigureJson(*figure, true);
    }
    out["positives"] = OrNull(g.positives);
    out["negatives"] = OrNull(g.negatives);
    out["unusable"] = g.unusable.empty() ? Object(nullptr) : Object(g.unusable);
    all.push_back(std::move(out));
  }
  return all;
}

Object QualityJson(const QualityFacts& q) {
  Object interval = nullptr;
  if (q.roc_auc_private_interval)
    interval =
        Object::array({q.roc_auc_private_interval->first, q.roc_auc_private_interval->second});
  Object bins = Object::array();
  for (const CalibrationPoint& bin : q.calibration)
    bins.push_back(
        {{"count", bin.count}, {"predicted", bin.predicted}, {"observed", bin.observed}});
  Object noisy_bins = Object::array();
  for (const PrivateCalibrationPoint& bin : q.calibration_private)
    noisy_bins.push_back({{"predicted", bin.predicted},
                          {"observed", bin.observed},
                          {"error", bin.error},
                          {"customers", bin.customers}});
  Object out = {{"task", q.task},
                {"roc_auc", OrNull(q.roc_auc)},
                {"pr_auc", OrNull(q.pr_auc)},
                {"accuracy", OrNull(q.accuracy)},
                {"majority_accuracy", OrNull(q.majority_accuracy)},
                {"log_loss", OrNull(q.log_loss)},
                {"rmse", OrNull(q.rmse)},
                {"mae", OrNull(q.mae)},
                {"r2", OrNull(q.r2)},
                {"local_only_rmse", OrNull(q.local_only_rmse)},
                {"roc_auc_private", OrNull(q.roc_auc_private)},
                {"roc_auc_private_interval", interval},
                {"roc_auc_private_noise", OrNull(q.roc_auc_private_noise)},
                {"accuracy_private", FigureJson(q.accuracy_private, false)},
                {"accuracy_private_interval", FigureJson(q.accuracy_private, true)},
                {"log_loss_private", FigureJson(q.log_loss_private, false)},
                {"log_loss_private_interval", FigureJson(q.log_loss_private, true)},
                {"local_only_roc_auc", OrNull(q.local_only_roc_auc)},
                {"per_merchant", MerchantsJson(q.per_merchant)},
                {"calibration", bins},
                {"calibration_private", noisy_bins},
                {"groups_private", GroupsJson(q.groups_private)},
                {"exact", true}};
  if (q.score_histogram)
    if (const auto histogram = release::ScoreHistogramJson(*q.score_histogram))
      out["score_histogram"] = *histogram;
  if (q.segments) {  // absent of other tasks
    out["segments"] = SegmentsJson(*q.segments);
    out["segments"]["shares_private"] = q.segment_shares;
  }
  for (const HeadQuality& head : q.heads)  // absent where there is one head
    out["heads"].push_back({{"label", head.label},
                            {"rows", head.rows},
                            {"roc_auc", OrNull(head.roc_auc)},
                            {"accuracy", OrNull(head.accuracy)},
                            {"majority_accuracy", OrNull(head.majority_accuracy)},
                            {"rmse", OrNull(head.rmse)},
                            {"mae", OrNull(head.mae)}});
  if (q.policy)  // absent where nothing is known of the logged actions' probabilities
    out["policy"] = {{"decisions", q.policy->decisions},
                     {"customers", q.policy->customers},
                     {"logged", q.policy->logged},
                     {"logged_error", q.policy->logged_error},
                     {"value", q.policy->value},
                     {"value_error", q.policy->value_error},
                     {"effective_customers", q.policy->effective_customers}};
  return out;
}

Object CostJson(const CostFacts& c) {
  return {{"seconds", c.seconds},
          {"rounds_per_second", OrNull(c.rounds_per_second)},
          {"upload_bytes_per_client_round", OrNull(c.upload_bytes_per_client_round)},
          {"plain_bytes_per_client_round", OrNull(c.plain_bytes_per_client_round)},
          {"padding_overhead", OrNull(c.padding_overhead)},
          {"coordinator_peak_rss_bytes", OrNull(c.coordinator_peak_rss_bytes)},
          {"client_peak_rss_bytes", OrNull(c.client_peak_rss_bytes)}};
}

Object CurveJson(const std::vector<CurvePoint>& curve, bool by_value) {
  Object all = Object::array();
  for (const CurvePoint& p : curve) {
    all.push_back({{"round", p.round},
                   {"step", p.step},
                   {"epsilon", OrNull(p.epsilon)},
                   {"loss", p.loss},
                   {"log_loss", by_value ? Object(nullptr) : Object(p.loss)},
                   {"roc_auc", OrNull(p.roc_auc)},
                   {"rmse", OrNull(p.rmse)}});
    if (p.mean_squared_distance) all.back()["mean_squared_distance"] = *p.mean_squared_distance;
  }
  return all;
}

Object RecommendationJson(const ReleaseFacts& r) {
  if (!r.recommendation) return nullptr;
  const RecommendationFact& best = *r.recommendation;
  Object popularity = nullptr;
  if (const auto& p = best.popularity)
    popularity = {{"hit_rate", p->hit_rate},
                  {"ndcg", p->ndcg},
                  {"margin", p->margin},
                  {"interval", {p->low, p->high}}};
  return {{"merchant", r.predicted_at}, {"kind", best.kind},         {"of", best.of},
          {"best", best.best},          {"hit_rate", best.hit_rate}, {"chance", best.chance},
          {"ndcg", best.ndcg},          {"popularity", popularity}};
}

Object ReleaseJson(const std::optional<ReleaseFacts>& release) {
  if (!release) return nullptr;
  const ReleaseFacts& r = *release;
  Object rollout = Object::array(), attribution = Object::array(), variants = Object::array();
  for (const VariantFact& v : r.variants)
    variants.push_back({{"name", v.name},
                        {"max_abs_logit_diff", v.max_abs_logit_diff},
                        {"auc_delta", OrNull(v.auc_delta)}});
  for (const RolloutFact& step : r.rollout)
    rollout.push_back({{"stage", step.stage}, {"percent", step.percent}, {"reason", step.reason}});
  for (const AttributionFact& by : r.attribution)
    attribution.push_back({{"column", by.column}, {"mean_absolute", by.mean_absolute}});
  Object compared = Object::array();
  for (const ComparisonFact& c : r.compared)
    compared.push_back({{"merchant", c.merchant},
                        {"figure", c.figure},
                        {"rows", c.rows},
                        {"before", c.before},
                        {"after", c.after},
                        {"difference", c.difference},
                        {"interval", {c.low, c.high}}});
  return {{"model_id", r.model_id},
          {"version", r.version},
          {"digest", r.digest},
          {"folder", r.folder},
          {"variants", variants},
          {"rollout", rollout},
          {"canary", r.canary},
          {"installed", r.installed},
          {"refused", r.refused},
          {"compared_with", "starting_model"},
          {"compared", compared},
          {"recommendation", RecommendationJson(r)},
          {"prediction",
           {{"merchant", r.predicted_at},
            {"rows", r.predicted_rows},
            {"mean_probability", OrNull(r.predicted_mean)},
            {"attribution_method", "integrated_gradients"},
            {"attribution", attribution}}}};
}

}  // namespace

Object PrivacyJson(const PrivacyFacts& p) {
  return {
      {"private", p.is_private},
      {"epsilon", OrNull(p.epsilon)},
      {"delta", OrNull(p.delta)},
      {"accountant", p.accountant},
      {"epsilon_rdp", OrNull(p.epsilon_rdp)},
      {"epsilon_outsider", OrNull(p.epsilon_outsider)},
      {"epsilon_coordinator", OrNull(p.epsilon_coordinator)},
      {"epsilon_coordinator_plus_t", OrNull(p.epsilon_coordinator_plus_t)},
      {"epsilon_all_others", OrNull(p.epsilon_all_others)},
      {"epsilon_customer", OrNull(p.epsilon_customer)},
      {"epsilon_person", {{"2", OrNull(p.epsilon_person_2)}, {"3", OrNull(p.epsilon_person_3)}}},
      {"epsilon_filter", OrNull(p.epsilon_filter)},
      {"delta_slack", OrNull(p.delta_slack)},
      {"colluders", p.colluders},
      {"unit", p.unit},
      {"noise_multiplier", OrNull(p.noise_multiplier)},
      {"sampling_rate", OrNull(p.sampling_rate)},
      {"mode", p.mode},
      {"bands", p.bands},
      {"local_steps", p.local_steps},
      {"steps", p.steps},
      {"attempts", p.attempts},
      {"attempts_max", p.attempts_max},
      {"clip_norm", OrNull(p.clip_norm)},
      {"statistics_epsilon", OrNull(p.statistics_epsilon)},
      {"evaluation_epsilon", OrNull(p.evaluation_epsilon)},
      {"unprotected", p.unprotected}};
}

Object ReportJson(const Report& r) {
  return {{"schema", "veilsum.report.v1"},
          {"outcome", r.outcome},
          {"reason", r.reason},
          {"seed", r.seed},
          {"plan", {{"name", r.plan.name}, {"sha256", r.plan.sha256}}},
          {"data", {{"source", r.data.source}, {"synthetic", r.data.synthetic}}},
          {"federation", FederationJson(r.federation)},
          {"privacy", PrivacyJson(r.privacy)},
          {"quality", QualityJson(r.quality)},
          {"cost", CostJson(r.cost)},
          {"ledger",
           {{"size", OrNull(r.ledger.size)},
            {"root", OrNull(r.ledger.root)},
            {"verified", OrNull(r.ledger.verified)}}},
          {"model",
           {{"version", OrNull(r.model.version)},
            {"sha256", OrNull(r.model.sha256)},
            {"files", r.model.files}}},
          {"release", ReleaseJson(r.release)},
          {"environment",
           {{"engine", r.environment.engine},
            {"device", r.environment.device},
            {"threads", r.environment.threads},
            {"version", r.environment.version}}},
          {"curve", CurveJson(r.curve, r.quality.by_value() || r.quality.of_segments())},
          {"notes", r.notes}};
}

}  // namespace veilsum::cli
