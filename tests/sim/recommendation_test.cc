// Recommendation and Q-learning on generated shops: what the example plans learn beats popularity
// and chance by stated margins, without noise and under the noise of a federation of these shops.
// VEILSUM_SIM_STEPS makes the training longer (nightly: the plans' own), VEILSUM_SIM_EPSILON sets
// another epsilon than 3.
#include <cstdlib>

#include "cli/demo/shops/offers.h"
#include "client/data/feature_encoder.h"
#include "client/data/select_customers.h"
#include "client/serve/off_policy.h"
#include "client/serve/ranking_quality.h"
#include "model/contract/privacy_terms.h"
#include "tests/sim/learnt_shops.h"
#include "tests/support/status_matchers.h"

namespace veilsum::sim {
namespace {

// Steps of a training: fewer than the plan's, so that it is fast.
std::uint32_t Steps(std::uint32_t otherwise) {
  const char* wanted = std::getenv("VEILSUM_SIM_STEPS");
  return wanted == nullptr ? otherwise : static_cast<std::uint32_t>(std::atoi(wanted));
}

std::string Epsilon() {
  const char* wanted = std::getenv("VEILSUM_SIM_EPSILON");
  return wanted == nullptr ? "3" : wanted;
}

std::vector<std::size_t> Chosen(const model::Examples& rows) {
  return {rows.labels.begin(), rows.labels.end()};
}

void ExpectToBeatPopularity(bool noise, double margin, const char* plan = "synthetic_shops_next") {
  const cli::Market market(1, 4);
  const LearntShops shops = LearntShops::Load(market, plan, Epsilon());
  const std::size_t items = market.products();
  const auto chosen = Chosen(shops.holdout);
  const auto outputs =
      shops.Outputs(shops.Train(noise, Steps(noise ? 120 : 100), 1), shops.holdout);
  ASSERT_OK_AND_ASSIGN(const auto model, client::MeasureRanking(outputs, chosen, items, 10));
  ASSERT_OK_AND_ASSIGN(const auto popular,
                       client::MeasurePopularity(Chosen(shops.training), chosen, items, 10));
  const client::Margin beats = client::HitMargin(model, popular);
  std::printf(
      "[ measured ] noise %d: hit rate@10 %.3f, NDCG@10 %.3f; popularity %.3f, %.3f; "
      "margin %.3f, at least %.3f (99.5 %%), %zu rows\n",
      noise, model.hit_rate, model.ndcg, popular.hit_rate, popular.ndcg, beats.difference,
      beats.low(), model.rows);
  EXPECT_GT(beats.low(), margin);
  EXPECT_GT(model.ndcg, popular.ndcg);
}

TEST(NextPurchase, BeatsPopularityWithoutNoise) { ExpectToBeatPopularity(false, 0.20); }
TEST(NextPurchase, BeatsPopularityAtEpsilonThree) { ExpectToBeatPopularity(true, 0.05); }

TEST(NextPurchase, WithACatalogueBeatsPopularityToo) {
  ExpectToBeatPopularity(true, 0.05, "synthetic_shops_catalogue");
}

// ---- Products that nobody in training has bought next

constexpr std::size_t kProductsOfACategory = 8;
bool IsCold(std::size_t item) { return item % kProductsOfACategory == kProductsOfACategory - 1; }

// Nobody in training buys one product of each category next; in the catalogue these have only what
// they share with others.
void MakeCold(LearntShops& shops) {
  std::vector<bool> keep;
  for (std::size_t u = 0; u < shops.training.customers(); ++u)
    keep.push_back(
        !IsCold(static_cast<std::size_t>(shops.training.labels[shops.training.first_row[u]])));
  shops.training = client::SelectCustomers(shops.training, keep);
  for (std::size_t i = 0; i < shops.plan.label.attributes.size(); ++i)
    if (IsCold(i)) shops.plan.label.attributes[i].resize(1);
  shops.layout = model::LayoutOf(shops.plan);
}

// How many of the hold-out's customers who buy such a product next have it among their best ten.
double ColdHitRate(const char* plan, std::uint32_t steps) {
  const cli::Market market(1, 4);
  LearntShops shops = LearntShops::Load(market, plan, Epsilon());
  MakeCold(shops);
  std::vector<bool> keep;
  for (const std::size_t item : Chosen(shops.holdout)) keep.push_back(IsCold(item));
  const model::Examples rows = client::SelectCustomers(shops.holdout, keep);
  const auto found = client::MeasureRanking(shops.Outputs(shops.Train(true, steps, 1), rows),
                                            Chosen(rows), market.products(), 10);
  EXPECT_OK(found);
  std::printf("[ measured ] %s: hit rate@10 of cold products %.3f, %zu rows\n", plan,
              found->hit_rate, found->rows);
  return found->hit_rate;
}

TEST(ColdProducts, AreFoundByTheirAttributes) {
  const std::uint32_t steps = Steps(120);
  const double free = ColdHitRate("synthetic_shops_next", steps);
  EXPECT_GT(ColdHitRate("synthetic_shops_catalogue", steps), free + 0.10);
}

// ---- Offers

struct CustomerAt {
  std::size_t shop;
  int index;
};
CustomerAt PlaceOf(const std::string& id) {  // "s2_u00017"
  const std::size_t cut = id.find("_u");
  return {static_cast<std::size_t>(std::stoi(id.substr(1, cut - 1))) - 1,
          std::stoi(id.substr(cut + 2)) - 1};
}

// The rows of one customer in every visit and mood, from what is known at the first logged visit.
model::Examples AllStates(const LearntShops& shops, std::size_t customer) {
  const std::vector<client::FeaturePlace> places = client::FeaturePlaces(shops.plan);
  const std::size_t row = shops.holdout.first_row[customer];
  const auto numeric = shops.holdout.NumericOf(row);
  model::Examples out;
  out.numeric = shops.holdout.numeric;
  out.categorical = shops.holdout.categorical;
  for (std::size_t visit = 0; visit < cli::kOfferVisits; ++visit)
    for (std::size_t mood = 0; mood < cli::kMoods; ++mood) {
      out.numeric_values.insert(out.numeric_values.end(), numeric.begin(), numeric.end());
      std::vector<std::uint32_t> active(shops.holdout.ActiveOf(row).begin(),
                                        shops.holdout.ActiveOf(row).end());
      for (std::size_t f = 0; f < places.size(); ++f) {
        const model::Feature& feature = shops.plan.features[f];
        if (feature.table != "offers") continue;
        const std::size_t value = feature.column == "visit" ? visit : mood;
        active[places[f].ordinal] = static_cast<std::uint32_t>(places[f].first_input) +
                                    client::EncodeCategorical(feature, std::to_string(value));
      }
      out.active_inputs.insert(out.active_inputs.end(), active.begin(), active.end());
      out.labels.push_back(0);
    }
  out.first_row = {0, static_cast<std::uint32_t>(out.rows())};
  return out;
}

constexpr double kExplore = 0.5;  // of a policy that a log of mostly random offers can judge

struct TrueValues {
  double learnt = 0, exploring = 0, random = 0, popular = 0, best_constant = 0;
};

// Mean over the hold-out of what each policy really earns.
TrueValues Judge(const cli::Market& market, const LearntShops& shops,
                 const model::ModelVector& model, double discount) {
  TrueValues out;
  const std::size_t offers = cli::Offers();
  std::vector<double> constant(offers), times(offers);
  for (const float label : shops.training.labels) ++times[static_cast<std::size_t>(label)];
  for (std::size_t u = 0; u < shops.holdout.customers(); ++u) {
    const CustomerAt at = PlaceOf(shops.holdout.customer_ids[u]);
    const auto values = shops.Outputs(model, AllStates(shops, u));
    const auto earns = [&](const cli::OfferPolicy& policy) {
      return cli::TrueValue(market, at.shop, at.index, discount, policy);
    };
    const auto greedy = [&](std::size_t visit, std::size_t mood, double explore) {
      return client::GreedyPolicy(
          std::span(values).subspan((visit * cli::kMoods + mood) * offers, offers), explore);
    };
    out.learnt += earns([&](std::size_t t, std::size_t mood) { return greedy(t, mood, 0); });
    out.exploring +=
        earns([&](std::size_t t, std::size_t mood) { return greedy(t, mood, kExplore); });
    const std::vector<double> any(offers, 1.0 / static_cast<double>(offers));
    out.random += earns([&](std::size_t, std::size_t) { return any; });
    for (std::size_t offer = 0; offer < offers; ++offer) {
      std::vector<double> always(offers);
      always[offer] = 1;
      constant[offer] += earns([&](std::size_t, std::size_t) { return always; });
    }
  }
  const auto most = static_cast<std::size_t>(std::ranges::max_element(times) - times.begin());
  out.popular = constant[most];
  out.best_constant = *std::ranges::max_element(constant);
  for (double* sum : {&out.learnt, &out.exploring, &out.random, &out.popular, &out.best_constant})
    *sum /= static_cast<double>(shops.holdout.customers());
  return out;
}

// What the log's decisions of the hold-out say of the model's exploring policy.
client::OffPolicy Estimate(const cli::Market& market, const LearntShops& shops,
                           const model::ModelVector& model, double discount) {
  const auto values = shops.Outputs(model, shops.holdout);
  const std::size_t offers = cli::Offers();
  std::vector<client::Episode> episodes;
  for (std::size_t u = 0; u < shops.holdout.customers(); ++u) {
    const CustomerAt at = PlaceOf(shops.holdout.customer_ids[u]);
    client::Episode& episode = episodes.emplace_back();
    std::size_t row = shops.holdout.first_row[u];
    for (const cli::OfferVisit& visit : cli::LoggedVisits(market, at.shop, at.index)) {
      const auto mine = std::span(values).subspan(row++ * offers, offers);
      episode.push_back({visit.offer,
                         visit.reward,
                         visit.propensity,
                         client::GreedyPolicy(mine, kExplore),
                         {mine.begin(), mine.end()}});
    }
  }
  auto out = client::EvaluatePolicy(std::move(episodes), discount);
  EXPECT_OK(out);
  return *out;
}

// margin: over random and popular offers; above: over the best of the policies that always make the
// same offer.
void ExpectToBeatOtherPolicies(bool noise, double margin, double above) {
  const cli::Market market(1, 4);
  const LearntShops shops = LearntShops::Load(market, "synthetic_shops_offers", Epsilon());
  const double discount = shops.plan.q_learning->discount.ToDouble();
  const model::ModelVector model = shops.Train(noise, Steps(150), 1);
  const TrueValues truth = Judge(market, shops, model, discount);
  const client::OffPolicy off = Estimate(market, shops, model, discount);
  std::printf(
      "[ measured ] noise %d: learnt %.3f, random %.3f, popular %.3f, best constant %.3f; "
      "exploring "
      "%.3f, doubly robust %.3f +- %.3f, self-normalised %.3f +- %.3f (%.0f effective of %zu)\n",
      noise, truth.learnt, truth.random, truth.popular, truth.best_constant, truth.exploring,
      off.doubly_robust.value, off.doubly_robust.error, off.self_normalised.value,
      off.self_normalised.error, off.effective_episodes, off.episodes);
  EXPECT_GT(truth.learnt, truth.random + margin);
  EXPECT_GT(truth.learnt, truth.popular + margin);
  EXPECT_GT(truth.learnt, truth.best_constant + above);
  // The estimates know neither tastes nor the rewards' chances, and are right all the same.
  EXPECT_NEAR(off.doubly_robust.value, truth.exploring, 5 * off.doubly_robust.error);
  EXPECT_NEAR(off.self_normalised.value, truth.exploring, 5 * off.self_normalised.error);
  EXPECT_LT(off.doubly_robust.error, 0.15);
}

TEST(Offers, LearntPolicyBeatsOthersWithoutNoise) { ExpectToBeatOtherPolicies(false, 0.7, 0.4); }
TEST(Offers, LearntPolicyBeatsOthersAtEpsilonThree) { ExpectToBeatOtherPolicies(true, 0.4, 0.15); }

}  // namespace
}  // namespace veilsum::sim
