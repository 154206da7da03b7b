// Offers that synthetic shops make to their visitors, as a log and as a world whose true rewards
// are known: to learn a policy from the one and to judge it by the other.
//
//   visits     kOfferVisits a customer, in each one offer: a category, or a voucher
//   mood       0 to 3, starts at 1, seen by the shop. A category that suits the taste (x.centre >
//   0)
//              raises it by one, another one lowers it, and so does a voucher: who gets one waits
//              for the next
//   reward     category c: 1 with probability sigmoid(-1.6 + 0.8 x.centre_c + 0.9 (mood - 1));
//              voucher: 0.5 with probability sigmoid(0.9 + 0.5 s), s the customer's thrift; else 0
//   log        with probability 0.6 any offer alike, else a category by its share of the range
//
// A voucher is worth most at once to those of whom little is known, and costs the visits after it:
// a policy that looks at the next reward alone gives too many.
#pragma once

#include <functional>

#include "cli/demo/shops/market.h"

namespace veilsum::cli {

inline constexpr std::size_t kOfferVisits = 3;
inline constexpr std::size_t kMoods = 4;

std::size_t Offers();  // the categories, then the voucher
std::string OfferName(std::size_t offer);

struct OfferVisit {
  std::size_t mood = 0, offer = 0;
  double reward = 0;
  double propensity = 0;  // with which the log's policy makes this offer
};

// Customer `index` of shop `shop` under the log's policy; a function of the market's seed.
std::vector<OfferVisit> LoggedVisits(const Market& market, std::size_t shop, int index);

// The probability of each offer at a visit in a mood.
using OfferPolicy = std::function<std::vector<double>(std::size_t visit, std::size_t mood)>;
// The true expected sum of discount^t * reward of one customer's visits under a policy: no chance
// is left in it.
double TrueValue(const Market& market, std::size_t shop, int index, double discount,
                 const OfferPolicy& policy);

}  // namespace veilsum::cli
