#include "cli/demo/shops/offers.h"

#include <algorithm>
#include <cmath>

#include "cli/demo/shops/counter_rng.h"

namespace veilsum::cli {
namespace {

constexpr std::uint64_t kOfferStream = 1ULL << 49, kShopStride = 1ULL << 32;
constexpr std::size_t kFirstMood = 1;
constexpr double kAnyOffer = 0.6;  // share of the log's visits with any offer alike

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

double Fit(const Latent& customer, std::size_t category) {
  double sum = 0;
  for (std::size_t i = 0; i < kTastes; ++i)
    sum += customer.taste[i] * Market::CategoryCentre(category)[i];
  return sum;
}

bool IsVoucher(std::size_t offer) { return offer == Market::categories(); }

double Chance(const Latent& customer, std::size_t mood, std::size_t offer) {
  if (IsVoucher(offer)) return Logistic(0.9 + 0.5 * customer.thrift);
  return Logistic(-1.6 + 0.8 * Fit(customer, offer) + 0.9 * (static_cast<double>(mood) - 1));
}

double Worth(std::size_t offer) { return IsVoucher(offer) ? 0.5 : 1; }

std::size_t MoodAfter(const Latent& customer, std::size_t mood, std::size_t offer) {
  const bool better = !IsVoucher(offer) && Fit(customer, offer) > 0;
  return better ? std::min(mood + 1, kMoods - 1) : mood - std::min<std::size_t>(mood, 1);
}

std::vector<double> LogPolicy(const Shop& shop) {
  double total = 0;
  for (const double share : shop.range) total += share;
  std::vector<double> policy(Offers(), kAnyOffer / static_cast<double>(Offers()));
  for (std::size_t c = 0; c < shop.range.size(); ++c)
    policy[c] += (1 - kAnyOffer) * shop.range[c] / total;
  return policy;
}

}  // namespace

std::size_t Offers() { return Market::categories() + 1; }

std::string OfferName(std::size_t offer) {
  return IsVoucher(offer) ? "voucher" : Market::CategoryName(offer);
}

std::vector<OfferVisit> LoggedVisits(const Market& market, std::size_t shop, int index) {
  CounterRng rng(market.seed(),
                 kOfferStream + kShopStride * (shop + 1) + static_cast<std::uint64_t>(index));
  const Latent customer = market.LatentOf(shop, index);
  const std::vector<double> policy = LogPolicy(market.shops()[shop]);
  std::vector<OfferVisit> visits;
  std::size_t mood = kFirstMood;
  for (std::size_t t = 0; t < kOfferVisits; ++t) {
    const std::size_t offer = rng.Pick(policy);
    const bool taken = rng.Chance(Chance(customer, mood, offer));
    visits.push_back({mood, offer, taken ? Worth(offer) : 0, policy[offer]});
    mood = MoodAfter(customer, mood, offer);
  }
  return visits;
}

double TrueValue(const Market& market, std::size_t shop, int index, double discount,
                 const OfferPolicy& policy) {
  const Latent customer = market.LatentOf(shop, index);
  std::vector<double> in(kMoods);  // probability of each mood
  in[kFirstMood] = 1;
  double value = 0;
  for (std::size_t t = 0; t < kOfferVisits; ++t) {
    std::vector<double> after(kMoods);
    for (std::size_t mood = 0; mood < kMoods; ++mood) {
      if (in[mood] == 0) continue;
      const std::vector<double> offers = policy(t, mood);
      for (std::size_t offer = 0; offer < offers.size(); ++offer) {
        const double probability = in[mood] * offers[offer];
        value += probability * std::pow(discount, t) * Worth(offer) * Chance(customer, mood, offer);
        after[MoodAfter(customer, mood, offer)] += probability;
      }
    }
    in = std::move(after);
  }
  return value;
}

}  // namespace veilsum::cli
