#include "cli/demo/shops/write_shops.h"

#include "base/canonical_json.h"
#include "base/file.h"

namespace veilsum::cli {
namespace {

struct Tables {
  std::string purchases = "user_id,orders,total_spent,days_since_last,category\n";
  std::string browsing = "user_id,sessions,pages,seconds,device,month\n";
  std::string searches = "user_id,searches,top_query\n";
  std::string labels = "user_id,label\n";

  void Add(const Customer& c) {
    absl::StrAppendFormat(&purchases, "%s,%d,%.2f,%d,%s\n", c.id, c.orders, c.total_spent,
                          c.days_since_last, c.category);
    absl::StrAppendFormat(&browsing, "%s,%d,%d,%d,%s,%s\n", c.id, c.sessions, c.pages, c.seconds,
                          c.device, c.month);
    absl::StrAppendFormat(&searches, "%s,%d,%s\n", c.id, c.searches, c.top_query);
    absl::StrAppendFormat(&labels, "%s,%d\n", c.id, c.label ? 1 : 0);
  }
};

absl::Status WriteShop(const Market& market, std::size_t index,
                       const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Internal("cannot make %s: %s", folder.string(), error.message());
  Tables tables;
  for (int i = 0; i < market.shops()[index].customers; ++i)
    tables.Add(market.MakeCustomer(index, i));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "purchases.csv", tables.purchases));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "browsing.csv", tables.browsing));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / "searches.csv", tables.searches));
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
