#include "cli/demo/release/release_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/file.h"
#include "base/secure_rng.h"
#include "cli/release/release_ledger.h"
#include "cli/release/release_of_run.h"
#include "client/data/dataset.h"
#include "client/release/updater.h"
#include "client/serve/compare.h"
#include "client/serve/ranking.h"
#include "client/serve/ranking_quality.h"
#include "coordinator/rollout/conductor.h"
#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "model/release/refusal.h"
#include "model/rollout/cohort.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
using coordinator::EventHead;
using coordinator::ServingCounters;
using rollout::Role;
using rollout::Seconds;

constexpr Seconds kDay = 86'400;
constexpr std::size_t kExplainedRows = 64, kColumnsShown = 5, kBestClasses = 3;

// A coordinator that is being started again is waited for: what it is told may be told twice.
absl::Status Patiently(const std::function<absl::Status()>& call) {
  constexpr int kTries = 100;
  absl::Status status = call();
  for (int i = 1; i < kTries && absl::IsUnavailable(status); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    status = call();
  }
  return status;
}

std::string ModelId(const std::string& plan_name) {
  std::string id;
  for (const char c : plan_name)
    id += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ? c : '-';
  return id.substr(0, 64);
}

class ReleaseDemo {
 public:
  explicit ReleaseDemo(const ReleaseRequest& request)
      : request_(request),
        folder_(request.out / "release"),
        now_(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())),
        signers_{{Role::kRoot, {&offline_}},
                 {Role::kTargets, {&offline_}},
                 {Role::kSnapshot, {&online_}},
                 {Role::kTimestamp, {&online_}},
                 {Role::kDirector, {&online_}}} {}

  absl::StatusOr<ReleaseFacts> Run() {
    std::error_code error;
    fs::remove_all(folder_, error);
    fs::create_directories(folder_, error);
    VEILSUM_RETURN_IF_ERROR(MakePackage());
    VEILSUM_RETURN_IF_ERROR(MakeRepository());
    VEILSUM_RETURN_IF_ERROR(RollOut());
    VEILSUM_RETURN_IF_ERROR(Predict());
    return facts_;
  }

 private:
  absl::Status MakePackage() {
    release::Manifest facts;
    facts.model_id = facts_.model_id = ModelId(request_.plan.name);
    facts.version = facts_.version = "1.0.0";
    facts.federation_id = request_.federation;
    facts.min_client = request_.version;
    facts.created = now_;
    facts.not_after = now_ + 90 * kDay;
    facts.license = "proprietary";
    facts.intended_use = "demonstration";
    VEILSUM_ASSIGN_OR_RETURN(const std::string model, ReadFile(request_.out / "model.safetensors"));
    VEILSUM_ASSIGN_OR_RETURN(
        release::ReleaseInput input,
        InputOfRun(request_.report, model::PlanToJson(request_.plan), AsBytes(model),
                   std::move(facts), "veilsum " + request_.version));
    MeasureVariants(input);
    VEILSUM_ASSIGN_OR_RETURN(const P256Signer signer, P256Signer::Generate());
    release_key_ = signer.public_key().pem();
    VEILSUM_RETURN_IF_ERROR(WriteFile(folder_ / "release.pub.pem", release_key_));
    VEILSUM_ASSIGN_OR_RETURN(package_, release::BuildPackage(input));
    VEILSUM_RETURN_IF_ERROR(release::SignPackage(package_, signer));
    const std::string name = facts_.model_id + "-" + facts_.version + ".veilmodel";
    facts_.folder = "release/" + name;
    VEILSUM_ASSIGN_OR_RETURN(const release::Manifest manifest,
                             release::Manifest::Parse(package_["manifest.json"]));
    for (std::size_t i = 0; i < manifest.variants.size(); ++i)
      facts_.variants.push_back(
          {manifest.variants[i].name, manifest.variants[i].max_abs_logit_diff, auc_deltas_[i]});
    facts_.digest = HexEncode(release::RootDigest(package_));
    return release::WritePackage(package_, folder_ / name);
  }

  // What fewer bits cost in ROC-AUC. Exact: only who owns every hold-out can say it (SE-17).
  void MeasureVariants(release::ReleaseInput& input) {
    const model::Layout layout = model::LayoutOf(input.plan);
    const std::optional<double> full = request_.auc_of(input.model);
    for (const release::Precision precision :
         {release::Precision::kFloat16, release::Precision::kInt8}) {
      const std::optional<double> small =
          request_.auc_of(release::RoundedTo(precision, layout, input.model));
      auc_deltas_.push_back(full && small ? std::optional(*small - *full) : std::nullopt);
      input.facts.variants.push_back(
          {std::string(release::PrecisionName(precision)), "", "",
           auc_deltas_.back() ? release::DecimalOf(*auc_deltas_.back()) : ""});
    }
  }

  absl::Status MakeRepository() {
    rollout::Root root;
    root.expires = now_ + rollout::LifetimeOf(Role::kRoot);
    root.federation_id = request_.federation;
    for (const auto& [role, signers] : signers_)
      root.roles[role] = {{signers.front()->public_key()}, 1};
    root.release_keys = {release_key_};
    VEILSUM_ASSIGN_OR_RETURN(
        rollout::Repository repository,
        rollout::Repository::Create(folder_ / "repository", root, signers_, now_));
    VEILSUM_RETURN_IF_ERROR(repository.Publish(package_, signers_, now_));
    repository_.emplace(std::move(repository));
    VEILSUM_ASSIGN_OR_RETURN(
        const std::string trusted,
        ReadFile(folder_ / "repository" / MetadataPath(Role::kRoot, root.version)));
    for (const ReleaseSeat& seat : request_.seats) {
      VEILSUM_ASSIGN_OR_RETURN(
          client::ModelStore store,
          client::ModelStore::Create(folder_ / "clients" / seat.name, trusted));
      stores_.push_back(std::move(store));
      clients_.push_back({seat.uri, false});
    }
    return absl::OkStatus();
  }

  // The smallest percentage that has anybody in it.
  std::uint32_t FirstPercent(const std::string& rollout_id) const {
    std::uint32_t lowest = rollout::kBuckets;
    for (const ReleaseSeat& seat : request_.seats)
      lowest = std::min(lowest, rollout::BucketOf(rollout_id, seat.uri));
    return lowest / 100 + 1;
  }

  EventHead Head() { return {absl::StrFormat("demo-%d", ++events_), 1, now_}; }

  // The ledger's entry, and the report's line once it has it.
  absl::Status Record(const coordinator::RolloutSpec& spec, const coordinator::Transition& t) {
    VEILSUM_RETURN_IF_ERROR(
        Patiently([&] { return RecordTransition(*request_.operators.front().admin, spec, t); }));
    facts_.rollout.push_back({std::string(StageName(t.to)), t.percent, t.reason});
    return absl::OkStatus();
  }

  // Two operators, each over its own connection: the engine and the ledger both ask for them.
  absl::Status ApproveStable() {
    for (const DemoOperator& one : request_.operators) {
      VEILSUM_RETURN_IF_ERROR(Patiently([&] {
        return Approve(*one.admin, facts_.digest, conductor_->rollout().spec.rollout_id).status();
      }));
      VEILSUM_RETURN_IF_ERROR(conductor_->Do(coordinator::Approved{Head(), one.uri}));
    }
    return absl::OkStatus();
  }

  // Every merchant that the director addresses looks for its release.
  ServingCounters Update() {
    ServingCounters counters;
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      if (!repository_->AssignedTo(request_.seats[i].uri).ok()) continue;
      client::FolderSource source(folder_ / "repository");
      client::UpdaterConfig config;
      config.client = request_.seats[i].uri;
      config.client_version = request_.version;
      const client::UpdateReport report =
          client::Updater(stores_[i], source, clock_, config).Check(now_);
      if (report.kind != client::UpdateReport::Kind::kRefused) {
        ++counters.installed;
      } else if (report.code == "M505" || report.code == "M506") {
        ++counters.refused_numbers;
      } else {
        ++counters.refused_integrity;
      }
    }
    return counters;
  }

  static std::vector<coordinator::GateResult> Gates(const ServingCounters& counters) {
    return {coordinator::IntegrityGate(counters), coordinator::NumericGate(counters)};
  }

  absl::Status BeginRollout() {
    coordinator::RolloutSpec spec;
    spec.rollout_id = facts_.model_id + "-" + facts_.version;
    spec.model_id = facts_.model_id;
    spec.digest = facts_.digest;
    spec.shadow = 0;
    spec.steps = {{FirstPercent(spec.rollout_id), 0}};
    coordinator::ConductorParts parts{folder_, clients_, &*repository_, &signers_, {}};
    parts.record = [this](const auto& of, const auto& t) { return Record(of, t); };
    VEILSUM_ASSIGN_OR_RETURN(coordinator::RolloutConductor conductor,
                             coordinator::RolloutConductor::Begin(std::move(parts), spec));
    conductor_.emplace(std::move(conductor));
    return absl::OkStatus();
  }

  absl::Status RollOut() {
    // Before any client: our own loader, as a client of its own.
    VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(release_key_));
    VEILSUM_ASSIGN_OR_RETURN(const release::Release opened, release::OpenPackage(package_, key));
    VEILSUM_RETURN_IF_ERROR(
        Patiently([&] { return RecordPublished(*request_.operators.front().admin, opened); }));
    VEILSUM_RETURN_IF_ERROR(BeginRollout());
    ServingCounters own;
    own.installed = 1;
    VEILSUM_RETURN_IF_ERROR(conductor_->Do(coordinator::Validated{Head(), Gates(own)}));
    VEILSUM_RETURN_IF_ERROR(conductor_->Do(coordinator::Looked{Head(), Gates(own)}));
    const ServingCounters canary = Update();
    for (std::size_t i = 0; i < stores_.size(); ++i)
      if (!stores_[i].state().current.empty()) facts_.canary.push_back(request_.seats[i].name);
    VEILSUM_RETURN_IF_ERROR(conductor_->Do(coordinator::Looked{Head(), Gates(canary)}));
    VEILSUM_RETURN_IF_ERROR(ApproveStable());
    const ServingCounters all = Update();
    VEILSUM_RETURN_IF_ERROR(conductor_->Do(coordinator::Looked{Head(), Gates(all)}));
    facts_.installed = all.installed;
    facts_.refused = all.refused_numbers + all.refused_integrity;
    const coordinator::Rollout& rollout = conductor_->rollout();
    if (rollout.stage != coordinator::Stage::kStable)
      return Internal("the demo's rollout ended as %s: %s", StageName(rollout.stage),
                      rollout.reason);
    return absl::OkStatus();
  }

  // The first merchant of the canary, from what its updater installed.
  absl::Status Predict() {
    std::size_t seat = 0;
    while (request_.seats[seat].name != facts_.canary.front()) ++seat;
    VEILSUM_ASSIGN_OR_RETURN(release::Release installed, stores_[seat].LoadCurrent());
    VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const client::Predictor> predictor,
                             client::Predictor::Create(std::move(installed)));
    const release::Release& release = predictor->release();
    VEILSUM_ASSIGN_OR_RETURN(const client::Dataset data,
                             client::LoadDataset(release.plan, request_.seats[seat].folders));
    const model::Examples& rows = data.holdout;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<client::Prediction> predictions,
                             predictor->Predict(rows, false));
    facts_.predicted_at = request_.seats[seat].name;
    facts_.predicted_rows = rows.rows();
    VEILSUM_RETURN_IF_ERROR(CompareWithStart(*predictor));
    if (rows.rows() == 0) return absl::OkStatus();
    if (release.plan.task == model::Task::kMultiClass ||
        release.plan.task == model::Task::kRecommend) {
      VEILSUM_ASSIGN_OR_RETURN(facts_.recommendation, BestClasses(release.plan, rows, predictions));
    }
    if (release.plan.task != model::Task::kBinary) return absl::OkStatus();
    double sum = 0;
    for (const client::Prediction& p : predictions) sum += p.probability;
    facts_.predicted_mean = sum / static_cast<double>(rows.rows());
    facts_.recommendation = BestCustomers(rows, predictions);
    return Explain(release, rows);
  }

  // Merchants with too few held out for an interval are left out.
  absl::Status CompareWithStart(const client::Predictor& now) {
    release::Release start = now.release();
    start.model = request_.starting;
    // Centres begin among standardised numbers: after the statistics, whose round is the first.
    if (now.plan().task == model::Task::kSegments)
      std::copy_n(now.release().model.begin(), start.layout.buffers(), start.model.begin());
    VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const client::Predictor> before,
                             client::Predictor::Create(std::move(start)));
    for (const ReleaseSeat& seat : request_.seats) {
      VEILSUM_ASSIGN_OR_RETURN(const client::Dataset data,
                               client::LoadDataset(now.plan(), seat.folders));
      const absl::StatusOr<client::Comparison> c = client::Compare(*before, now, data.holdout);
      if (absl::IsInvalidArgument(c.status())) continue;
      VEILSUM_RETURN_IF_ERROR(c.status());
      const model::Difference& d = c->difference;
      facts_.compared.push_back(
          {seat.name, c->figure, c->rows, d.before, d.after, d.value, d.low, d.high});
    }
    return absl::OkStatus();
  }

  static RecommendationFact BestCustomers(const model::Examples& rows,
                                          const std::vector<client::Prediction>& predictions) {
    std::vector<double> scores, gains(rows.labels.begin(), rows.labels.end());
    for (const client::Prediction& p : predictions) scores.push_back(p.probability);
    const std::size_t best = std::max<std::size_t>(1, rows.rows() / 10);
    RecommendationFact out{"customers", rows.rows(), best, 0, 0, 0};
    for (const std::size_t row : client::TopK(scores, best))
      out.hit_rate += gains[row] / static_cast<double>(best);
    for (const double gain : gains) out.chance += gain / static_cast<double>(gains.size());
    out.ndcg = client::NdcgAt(scores, gains, best);
    return out;
  }

  static absl::StatusOr<RecommendationFact> BestClasses(
      const model::Plan& plan, const model::Examples& rows,
      const std::vector<client::Prediction>& predictions) {
    const std::size_t classes = plan.label.values.size(), best = std::min(kBestClasses, classes);
    std::vector<double> scores;
    for (const client::Prediction& p : predictions)
      scores.insert(scores.end(), p.probabilities.begin(), p.probabilities.end());
    const std::vector<std::size_t> chosen(rows.labels.begin(), rows.labels.end());
    VEILSUM_ASSIGN_OR_RETURN(const client::RankingQuality model,
                             client::MeasureRanking(scores, chosen, classes, best));
    VEILSUM_ASSIGN_OR_RETURN(const client::RankingQuality popular,
                             client::MeasurePopularity(chosen, chosen, classes, best));
    const client::Margin margin = client::HitMargin(model, popular);
    const double half = 1.96 * margin.error, of = static_cast<double>(classes);
    return RecommendationFact{"classes",
                              classes,
                              best,
                              model.hit_rate,
                              static_cast<double>(best) / of,
                              model.ndcg,
                              PopularityFact{popular.hit_rate, popular.ndcg, margin.difference,
                                             margin.difference - half, margin.difference + half}};
  }

  absl::Status Explain(const release::Release& release, const model::Examples& rows) {
    const std::size_t count = std::min(rows.rows(), kExplainedRows);
    std::vector<AttributionFact> by;
    for (const model::Feature& feature : release.plan.features)
      by.push_back({feature.table + "." + feature.column, 0});
    for (std::size_t row = 0; row < count; ++row) {
      VEILSUM_ASSIGN_OR_RETURN(
          const client::Attribution why,
          client::Attribute(release.plan, release.layout, release.model, rows, row));
      for (std::size_t f = 0; f < by.size(); ++f)
        by[f].mean_absolute += std::abs(why.features[f]) / static_cast<double>(count);
    }
    std::ranges::stable_sort(by, std::ranges::greater(), &AttributionFact::mean_absolute);
    by.resize(std::min(by.size(), kColumnsShown));
    facts_.attribution = std::move(by);
    return absl::OkStatus();
  }

  const ReleaseRequest& request_;
  const fs::path folder_;
  const Seconds now_;
  SystemRng rng_;
  const Ed25519Signer offline_{rng_.NewSecret<32>()}, online_{rng_.NewSecret<32>()};
  const rollout::RoleSigners signers_;
  SteadyClock clock_;
  std::string release_key_;
  std::vector<std::optional<double>> auc_deltas_;  // fp16, int8
  release::Files package_;
  std::optional<rollout::Repository> repository_;
  std::vector<client::ModelStore> stores_;
  std::vector<coordinator::RolloutClient> clients_;
  std::optional<coordinator::RolloutConductor> conductor_;
  int events_ = 0;
  ReleaseFacts facts_;
};

}  // namespace

absl::StatusOr<ReleaseFacts> ReleaseModel(const ReleaseRequest& request) {
  absl::StatusOr<ReleaseFacts> facts = ReleaseDemo(request).Run();
  if (!facts.ok() && !release::RefusalCode(facts.status()).empty())
    return Internal("the demo's own release was refused: %s",
                    std::string(facts.status().message()));
  return facts;
}

}  // namespace veilsum::cli
