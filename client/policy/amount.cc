#include "client/policy/amount.h"

#include <algorithm>

namespace veilsum::client {
namespace {

__extension__ typedef unsigned __int128 Units;
constexpr int kDecimals = 18;
constexpr std::uint64_t kOne = 1'000'000'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The digits of a decimal without its point, and the power of ten that they are multiplied by.
struct Scientific {
  std::string digits;
  int exponent = 0;
};

bool Split(std::string_view text, Scientific& out) {
  const auto take_digits = [&] {
    std::size_t n = 0;
    while (n < text.size() && IsDigit(text[n])) ++n;
    out.digits += text.substr(0, n);
    text.remove_prefix(n);
    return static_cast<int>(n);
  };
  if (take_digits() == 0) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const int fraction = take_digits();
    if (fraction == 0) return false;
    out.exponent = -fraction;
  }
  if (text.empty()) return true;
  if (text[0] != 'e') return false;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 3 || !std::ranges::all_of(text, IsDigit)) return false;
  int value = 0;
  for (const char c : text) value = 10 * value + (c - '0');
  out.exponent += negative ? -value : value;
  return true;
}

}  // namespace

absl::StatusOr<Amount> Amount::Parse(std::string_view text, Rounding rounding) {
  Scientific parts;
  if (text.size() > 64 || !Split(text, parts))
    return InvalidArgument("%s is not a decimal amount", text.substr(0, 64));
  const int keep = static_cast<int>(parts.digits.size()) + parts.exponent +
                   kDecimals;  // digits at or above 1e-18
  constexpr Units kLimit = static_cast<Units>(kOne) * 1'000'000'000'000;
  Units units = 0;
  bool rest = false;
  for (int i = 0; i < std::max<int>(keep, static_cast<int>(parts.digits.size())); ++i) {
    const int digit = i < static_cast<int>(parts.digits.size())
                          ? parts.digits[static_cast<std::size_t>(i)] - '0'
                          : 0;
    if (i >= keep) {
      rest |= digit != 0;
      continue;
    }
    units = 10 * units + static_cast<Units>(digit);
    if (units > kLimit) return InvalidArgument("amount %s is above 1e12", text);
  }
  if (rest && rounding == Rounding::kUp) ++units;
  return Amount(units);
}

absl::StatusOr<Amount> Amount::Times(std::uint64_t count) const {
  constexpr Units kLimit = static_cast<Units>(kOne) * kOne;
  if (count != 0 && units_ > kLimit / count)
    return ResourceExhausted("%d times %s is above 1e18", count, ToString());
  return Amount(units_ * count);
}

std::string Amount::ToString() const {
  const auto whole = static_cast<std::uint64_t>(units_ / kOne);
  const auto fraction = static_cast<std::uint64_t>(units_ % kOne);
  std::string text = absl::StrFormat("%d.%018d", whole, fraction);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace veilsum::client
