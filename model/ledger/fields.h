// Reading a JSON object field by field: takes out what is asked for and remembers the first that is
// missing, of the wrong kind, or left over.
#pragma once

#include <string>
#include <vector>

#include "base/canonical_json.h"

namespace veilsum::ledger {

class Fields {
 public:
  // `object` must outlive it and is emptied.
  explicit Fields(Json& object) : object_(object) {}

  bool Has(const std::string& key) const { return object_.contains(key); }
  Json Take(const char* key) {
    if (!object_.contains(key)) {
      Wrong(key);
      return Json();
    }
    Json value = std::move(object_[key]);
    object_.erase(key);
    return value;
  }
  std::string Text(const char* key) {
    const Json value = Take(key);
    if (value.is_string()) return value.get<std::string>();
    Wrong(key);
    return {};
  }
  std::uint64_t Int(const char* key) {
    const Json value = Take(key);
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    Wrong(key);
    return 0;
  }
  template <std::size_t N>
  ByteArray<N> Hex(const char* key) {
    const absl::StatusOr<Bytes> bytes = HexDecode(Text(key));
    if (bytes.ok() && bytes->size() == N) return *ParseFixed<N>(key, *bytes);
    Wrong(key);
    return {};
  }
  // Strictly ascending.
  std::vector<std::string> Names(const char* key) {
    const Json names = Take(key);
    if (!names.is_array()) Wrong(key);
    std::vector<std::string> out;
    for (const Json& name : names) {
      if (!names.is_array() || !name.is_string() ||
          (!out.empty() && name.get<std::string>() <= out.back())) {
        Wrong(key);
        return {};
      }
      out.push_back(name.get<std::string>());
    }
    return out;
  }
  void Wrong(std::string_view key) {
    if (status_.ok()) status_ = InvalidArgument("entry: %s is missing or wrong", key);
  }
  const absl::Status& status() const { return status_; }
  // InvalidArgument also when a field is left that nobody asked for.
  const absl::Status& Done() {
    if (status_.ok() && object_.is_object() && !object_.empty())
      status_ = InvalidArgument("entry: %s is not a field of it", object_.begin().key());
    return status_;
  }

 private:
  Json& object_;
  absl::Status status_;
};

}  // namespace veilsum::ledger
