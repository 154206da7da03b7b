#include "cli/demo/shops/write_shops.h"

#include "base/canonical_json.h"
#include "base/file.h"
#include "cli/demo/shops/offers.h"

namespace veilsum::cli {
namespace {

struct Tables {
  std::string purchases = "user_id,orders,total_spent,days_since_last,category\n";
  std::string browsing = "user_id,sessions,pages,seconds,device,month\n";
  std::string searches = "user_id,searches,top_query\n";
  std::string labels = "user_id,label\n";
  std::string next = "user_id,bought,item\n";
  std::string offers = "user_id,day,visit,mood,offer,reward,propensity\n";

  void Add(const Customer& c) {
    absl::StrAppendFormat(&purchases, "%s,%d,%.2f,%d,%s\n", c.id, c.orders, c.total_spent,
                          c.days_since_last, c.category);
    absl::StrAppendFormat(&browsing, "%s,%d,%d,%d,%s,%s\n", c.id, c.sessions, c.pages, c.seconds,
                          c.device, c.month);
    absl::StrAppendFormat(&searches, "%s,%d,%s\n", c.id, c.searches, c.top_query);
    absl::StrAppendFormat(&labels, "%s,%d\n", c.id, c.label ? 1 : 0);
    std::string bought;
    for (const std::size_t product : c.history)
      bought += (bought.empty() ? "" : " ") + Market::ProductName(product);
    absl::StrAppendFormat(&next, "%s,%s,%s\n", c.id, bought, Market::ProductName(c.next));
  }
  void Add(const std::string& id, const std::vector<OfferVisit>& visits) {
    for (std::size_t t = 0; t < visits.size(); ++t)
      absl::StrAppendFormat(&offers, "%s,2026-03-%02d,%d,%d,%s,%.2f,%.6f\n", id, 2 + 7 * t, t,
                            visits[t].mood, OfferName(visits[t].offer), visits[t].reward,
                            visits[t].propensity);
  }
};

absl::Status WriteShop(const Market& market, std::size_t index,
                       const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Internal("cannot make %s: %s", folder.string(), error.message());
  Tables tables;
  for (int i = 0; i < market.shops()[index].customers; ++i) {
    const Customer customer = market.MakeCustomer(index, i);
    tables.Add(customer);
    tables.Add(customer.id, LoggedVisits(market, index, i));
  }
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "purchases.csv", tables.purchases));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "browsing.csv", tables.browsing));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "searches.csv", tables.searches));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "next.csv", tables.next));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "offers.csv", tables.offers));
  return WriteFile(folder / "labels.csv", tables.labels);
}

Json ManifestOf(const Market& market) {
  Json merchants = Json::object();
  for (const Shop& shop : market.shops())
    merchants[shop.name] = {{"purchases", shop.customers},
                            {"browsing", shop.customers},
                            {"searches", shop.customers},
                            {"labels", shop.customers}};
  return {
      {"dataset", kSyntheticDataset},
      {"label", "buys from the next collection"},
      {"synthetic", true},
      {"numeric",
       {"orders", "total_spent", "days_since_last", "sessions", "pages", "seconds", "searches"}},
      {"categorical", {"category", "device", "month", "top_query"}},
      {"merchants", merchants}};
}

}  // namespace

absl::Status WriteShops(const Market& market, const std::filesystem::path& folder) {
  for (std::size_t i = 0; i < market.shops().size(); ++i)
    VEILSUM_RETURN_IF_ERROR(WriteShop(market, i, folder / "merchants" / market.shops()[i].name));
  return WriteFile(folder / "manifest.json", ManifestOf(market).dump(1) + "\n");
}

}  // namespace veilsum::cli
