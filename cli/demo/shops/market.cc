#include "cli/demo/shops/market.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "cli/demo/shops/counter_rng.h"

namespace veilsum::cli {
namespace {

struct Category {
  const char* name;
  Taste centre;
  double price;
  std::array<const char*, 3> queries;
};

constexpr std::array<Category, 6> kCategories = {{
    {"outdoor", {1.4, 0.2, -0.6, 0.0}, 80, {"rain jacket", "hiking boots", "tent"}},
    {"kitchen", {-0.8, 1.2, 0.2, 0.4}, 45, {"cast iron pan", "espresso cups", "knife"}},
    {"fashion", {0.3, -1.2, 1.0, 0.2}, 55, {"linen shirt", "summer dress", "sneakers"}},
    {"electronics", {0.6, 0.4, 0.9, -1.2}, 190, {"headphones", "usb charger", "monitor"}},
    {"books", {-1.3, -0.4, -0.8, -0.5}, 18, {"crime novel", "cookbook", "atlas"}},
    {"garden", {-0.2, 0.5, -1.0, 1.4}, 35, {"seeds", "watering can", "bird feeder"}},
}};
constexpr std::array<const char*, 4> kPlainQueries = {"sale", "gift", "returns", "opening hours"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
// Seasons: how much more often a visitor of that month buys (log-odds).
constexpr std::array<double, 12> kSeason = {-0.5, -0.6, -0.1, 0.0, 0.2, 0.1,
                                            -0.2, -0.2, 0.2,  0.4, 0.9, 0.6};
constexpr std::array<int, 6> kSizes = {3000, 2200, 1600, 1200, 900, 600};
constexpr int kProductsPerCategory = 8;

// Streams of the generator: shops and products from low numbers, customers above.
constexpr std::uint64_t kProductStream = 1, kShopStream = 2, kCustomerStream = 1ULL << 32,
                        kNextStream = 1ULL << 48;

double Dot(const Taste& a, const Taste& b) {
  double sum = 0;
  for (int i = 0; i < kTastes; ++i) sum += a[i] * b[i];
  return sum;
}

Taste NormalAround(const Taste& mean, double deviation, CounterRng& rng) {
  Taste taste;
  for (int i = 0; i < kTastes; ++i) taste[i] = mean[i] + deviation * rng.Normal();
  return taste;
}

Taste UnitLength(Taste taste) {
  const double length = std::sqrt(Dot(taste, taste));
  for (double& value : taste) value /= length;
  return taste;
}

// The first draws of a customer's stream.
Latent DrawLatent(const Shop& shop, CounterRng& rng) {
  Latent latent;
  latent.taste = NormalAround(shop.taste_mean, 1, rng);
  latent.engagement = rng.Normal();
  latent.thrift = rng.Normal();
  return latent;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::string TopQuery(std::size_t liked, CounterRng& rng) {
  if (rng.Chance(0.1)) return kPlainQueries[rng.Next() % kPlainQueries.size()];
  const auto& queries = kCategories[liked].queries;
  return queries[rng.Next() % queries.size()];
}

}  // namespace

Market::Market(std::uint64_t seed, int shops) : seed_(seed) {
  CounterRng products(seed, kProductStream);
  for (std::size_t c = 0; c < kCategories.size(); ++c)
    for (int i = 0; i < kProductsPerCategory; ++i)
      products_.push_back({c, NormalAround(kCategories[c].centre, 0.5, products),
                           kCategories[c].price * std::exp(0.5 * products.Normal())});
  collection_ = UnitLength(NormalAround({}, 1, products));
  CounterRng rng(seed, kShopStream);
  for (int m = 0; m < shops; ++m) {
    Shop shop{.name = absl::StrFormat("shop_%d", m + 1),
              .customers = kSizes[m % kSizes.size()],
              .taste_mean = NormalAround({}, 0.4, rng),
              .range = {},
              .mobile_share = 0.3 + 0.5 * rng.Uniform()};
    shop.customers += static_cast<int>(rng.Next() % 101) - 50;
    for (std::size_t c = 0; c < kCategories.size(); ++c)
      shop.range.push_back(std::exp(0.7 * rng.Normal()));
    shops_.push_back(std::move(shop));
  }
}

std::vector<double> Market::Appeal(const Taste& taste, const Shop& shop) const {
  std::vector<double> appeal;
  for (const Product& product : products_)
    appeal.push_back(shop.range[product.category] * std::exp(1.5 * Dot(taste, product.features)));
  return appeal;
}

std::string Market::ProductName(std::size_t product) { return absl::StrFormat("p%02d", product); }
std::size_t Market::categories() { return kCategories.size(); }
std::string Market::CategoryName(std::size_t category) { return kCategories[category].name; }
const Taste& Market::CategoryCentre(std::size_t category) { return kCategories[category].centre; }

Latent Market::LatentOf(std::size_t shop, int index) const {
  CounterRng rng(seed_, kCustomerStream * (shop + 1) + static_cast<std::uint64_t>(index));
  return DrawLatent(shops_[shop], rng);
}

Customer Market::MakeCustomer(std::size_t shop_index, int index) const {
  const Shop& shop = shops_[shop_index];
  const std::uint64_t stream =
      kCustomerStream * (shop_index + 1) + static_cast<std::uint64_t>(index);
  CounterRng rng(seed_, stream);
  const auto [taste, engagement, thrift] = DrawLatent(shop, rng);
  const std::vector<double> appeal = Appeal(taste, shop);

  Customer customer;
  customer.id = absl::StrFormat("s%d_u%05d", shop_index + 1, index + 1);
  std::array<int, kCategories.size()> bought{};
  double cents = 0;
  customer.orders = std::min(60, rng.Poisson(std::exp(0.8 + 0.8 * engagement)));
  for (int i = 0; i < customer.orders; ++i) {
    customer.history.push_back(rng.Pick(appeal));
    const Product& product = products_[customer.history.back()];
    ++bought[product.category];
    cents += std::round(100 * product.price * std::exp(-0.25 * thrift + 0.2 * rng.Normal()));
  }
  customer.total_spent = cents / 100;
  const std::size_t liked = products_[rng.Pick(appeal)].category;
  const auto most = static_cast<std::size_t>(std::ranges::max_element(bought) - bought.begin());
  customer.category = kCategories[customer.orders > 0 ? most : liked].name;
  customer.days_since_last =
      std::min(720, static_cast<int>(-60 * std::exp(-0.5 * engagement) * std::log(rng.Uniform())));

  customer.sessions = 1 + std::min(200, rng.Poisson(std::exp(1.5 + 0.7 * engagement)));
  customer.pages = customer.sessions + rng.Poisson(std::min(400.0, 4.0 * customer.sessions));
  customer.seconds = static_cast<int>(customer.pages * 35 * std::exp(0.4 * rng.Normal()));
  const bool mobile = rng.Chance(shop.mobile_share);
  customer.device = mobile ? "mobile" : rng.Chance(0.2) ? "tablet" : "desktop";
  const std::size_t month = rng.Next() % kMonths.size();
  customer.month = kMonths[month];
  customer.searches = std::min(100, rng.Poisson(std::exp(0.8 + 0.6 * engagement)));
  customer.top_query = customer.searches > 0 ? TopQuery(liked, rng) : "";

  customer.label = rng.Chance(Sigmoid(-2.0 + 1.8 * Dot(taste, collection_) + 1.6 * engagement -
                                      0.4 * thrift + kSeason[month] - (mobile ? 0.3 : 0.0)));
  CounterRng later(seed_, kNextStream + stream);
  customer.next = later.Pick(appeal);
  return customer;
}

}  // namespace veilsum::cli
