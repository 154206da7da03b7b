// A market of synthetic shops: the generative model behind `veilsum demo` without --data.
//
//   product p     category c(p), features v_p ~ N(centre of c(p), 0.5^2) in R^4, price by category
//   shop m        size, region's taste mean mu_m ~ N(0, 0.4^2), share of each category in its
//   range, mobile share customer u    taste x_u ~ N(mu_m, 1) in R^4, engagement e_u ~ N(0, 1),
//   thrift s_u ~ N(0, 1) purchases     orders ~ Poisson(exp(0.8 + 0.8 e)), products ~ softmax_p(1.5
//   x.v_p) over the shop's range; the column
//                 `category` is the category most bought (by taste, when nothing was bought)
//   browsing      sessions ~ Poisson(exp(1.5 + 0.7 e)), pages and seconds grow with sessions,
//   device, month last seen searches      searches ~ Poisson(exp(0.8 + 0.6 e)), top query: a word
//   of the category liked most, sometimes noise label         buys from the next collection:
//   Bernoulli(sigmoid(-2 + 1.8 x.w + 1.6 e - 0.4 s + month + device))
//
//   next purchase  after all of that: one more product ~ softmax_p(1.5 x.v_p) over the shop's range
//
// The label depends on latent values that the columns show only in part, and alike at every shop:
// what one shop has too few customers to learn, all of them together have.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace veilsum::cli {

inline constexpr int kTastes = 4;
using Taste = std::array<double, kTastes>;

struct Shop {
  std::string name;  // shop_1 ...
  int customers;
  Taste taste_mean;
  std::vector<double> range;  // weight of each category on its shelves
  double mobile_share;
};

// One row of each of the four tables.
struct Customer {
  std::string id;
  int orders;
  double total_spent;  // whole cents
  int days_since_last;
  std::string category;
  int sessions, pages, seconds;
  std::string device, month;
  int searches;
  std::string top_query;
  bool label;
  std::vector<std::size_t> history;  // products bought, oldest first
  std::size_t next;                  // the product bought next
};

// What nobody sees of a customer.
struct Latent {
  Taste taste;
  double engagement, thrift;
};

class Market {
 public:
  // The same market for the same seed and number of shops (2 to 200), on every machine with IEEE
  // doubles.
  Market(std::uint64_t seed, int shops);
  const std::vector<Shop>& shops() const { return shops_; }
  // Customer `index` of shop `shop`: a pure function of the seed and both numbers.
  Customer MakeCustomer(std::size_t shop, int index) const;
  Latent LatentOf(std::size_t shop, int index) const;
  std::size_t products() const { return products_.size(); }
  // "p07": one word, whatever reads it.
  static std::string ProductName(std::size_t product);
  static std::size_t categories();
  static std::string CategoryName(std::size_t category);
  // Where a category's products are around.
  static const Taste& CategoryCentre(std::size_t category);
  std::uint64_t seed() const { return seed_; }

 private:
  struct Product {
    std::size_t category;
    Taste features;
    double price;
  };
  std::vector<double> Appeal(const Taste& taste, const Shop& shop) const;
  std::uint64_t seed_;
  std::vector<Product> products_;
  Taste collection_;  // w: what the next collection is like
  std::vector<Shop> shops_;
};

}  // namespace veilsum::cli
