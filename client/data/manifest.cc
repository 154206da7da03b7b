#include "client/data/manifest.h"

#include <algorithm>
#include <set>

#include "base/canonical_json.h"
#include "base/file.h"

namespace veilsum::client {
namespace {

constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20;

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > 64 || text == "." || text == "..") return false;
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

absl::StatusOr<std::vector<std::string>> MerchantFolders(const std::filesystem::path& data) {
  const std::filesystem::path root = data / "merchants";
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator it(root, error);
  if (error) return NotFound("%s: there is no such folder", root.string());
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!std::filesystem::is_directory(it->path()) || name.starts_with('.')) continue;
    if (!IsName(name))
      return InvalidArgument(
          "%s: a merchant's folder may be named with at most 64 of A-Z a-z 0-9 . _ -",
          it->path().string());
    names.push_back(name);
  }
  if (names.empty())
    return InvalidArgument("%s: there is no merchant's folder in it", root.string());
  std::ranges::sort(names);
  return names;
}

absl::StatusOr<std::string> TextOf(const Json& json, const char* key, const std::string& file) {
  const auto found = json.find(key);
  if (found == json.end()) return std::string();
  if (!found->is_string()) return InvalidArgument("%s: %s must be a text", file, key);
  return found->get<std::string>();
}

absl::Status CheckListed(const Json& json, const std::vector<std::string>& folders,
                         const std::string& file) {
  const auto listed = json.find("merchants");
  if (listed == json.end()) return absl::OkStatus();
  if (!listed->is_object())
    return InvalidArgument("%s: merchants must be an object of names", file);
  for (const auto& [name, files] : listed->items())
    if (!std::ranges::binary_search(folders, name))
      return InvalidArgument("%s: it names the merchant %s, but there is no folder merchants/%s",
                             file, name, name);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Manifest> ReadManifest(const std::filesystem::path& data) {
  const std::string file = (data / "manifest.json").string();
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxManifestBytes));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return InvalidArgument("%s: not a JSON object", file);
  Manifest manifest;
  VEILSUM_ASSIGN_OR_RETURN(manifest.dataset, TextOf(json, "dataset", file));
  if (!manifest.dataset.empty() && !IsName(manifest.dataset))
    return InvalidArgument("%s: dataset may hold at most 64 of A-Z a-z 0-9 . _ -", file);
  VEILSUM_ASSIGN_OR_RETURN(manifest.label, TextOf(json, "label", file));
  VEILSUM_ASSIGN_OR_RETURN(manifest.merchants, MerchantFolders(data));
  VEILSUM_RETURN_IF_ERROR(CheckListed(json, manifest.merchants, file));
  return manifest;
}

absl::StatusOr<std::vector<Seat>> SeatsOf(const std::filesystem::path& data,
                                          const Manifest& manifest,
                                          const std::vector<model::Pool>& pools) {
  std::vector<Seat> seats;
  std::set<std::string> pooled;
  for (const model::Pool& pool : pools) {
    Seat seat{pool.name, {}};
    for (const std::string& member : pool.members) {
      if (!std::ranges::binary_search(manifest.merchants, member))
        return InvalidArgument("pool %s: there is no merchant %s", pool.name, member);
      pooled.insert(member);
      seat.folders.push_back(data / "merchants" / member);
    }
    seats.push_back(std::move(seat));
  }
  for (const std::string& name : manifest.merchants) {
    if (pooled.contains(name)) continue;
    for (const model::Pool& pool : pools)
      if (pool.name == name)
        return InvalidArgument("pool %s has the name of a merchant that is not in it", name);
    seats.push_back({name, {data / "merchants" / name}});
  }
  std::ranges::sort(seats, {}, &Seat::name);
  return seats;
}

}  // namespace veilsum::client
