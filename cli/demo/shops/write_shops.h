// Writes a market as the folder that `--data` reads: manifest.json and merchants/<shop>/*.csv.
#pragma once

#include <filesystem>

#include "base/status.h"
#include "cli/demo/shops/market.h"

namespace veilsum::cli {

// The manifest's dataset name, and so the name of the example plan.
inline constexpr std::string_view kSyntheticDataset = "synthetic_shops";

// Tables per shop, one row per customer (of offers.csv one per visit), in the order of their
// numbers:
//   purchases.csv  user_id,orders,total_spent,days_since_last,category
//   browsing.csv   user_id,sessions,pages,seconds,device,month
//   searches.csv   user_id,searches,top_query
//   labels.csv     user_id,label
//   next.csv       user_id,bought,item (bought: product after product, oldest first)
//   offers.csv     user_id,day,visit,mood,offer,reward,propensity (offers.h)
// Errors of WriteFile, and of making the folders (Internal).
absl::Status WriteShops(const Market& market, const std::filesystem::path& folder);

}  // namespace veilsum::cli
