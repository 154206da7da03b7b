#include "base/rational.h"

#include <charconv>
#include <numeric>

namespace veilsum {
namespace {

absl::StatusOr<std::uint64_t> ParseUnsigned(std::string_view text, std::string_view whole) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return InvalidArgument("\"%s\" is not a rational such as 1/10 or 0.005", whole);
  return value;
}

absl::StatusOr<Rational> ParseDecimal(std::string_view text) {
  std::string_view mantissa = text;
  std::int64_t exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    mantissa = text.substr(0, e);
    std::string_view tail = text.substr(e + 1);
    const bool negative = tail.starts_with('-');
    if (negative) tail.remove_prefix(1);
    VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t size, ParseUnsigned(tail, text));
    if (size > 18) return InvalidArgument("\"%s\" has an exponent beyond 18", text);
    exponent = negative ? -static_cast<std::int64_t>(size) : static_cast<std::int64_t>(size);
  }
  std::string digits(mantissa);
  if (const auto dot = digits.find('.'); dot != std::string::npos) {
    exponent -= static_cast<std::int64_t>(digits.size() - dot - 1);
    digits.erase(dot, 1);
  }
  VEILSUM_ASSIGN_OR_RETURN(std::uint64_t value, ParseUnsigned(digits, text));
  if (exponent < -18 || exponent > 18)
    return InvalidArgument("\"%s\" has more than 18 decimals", text);
  std::uint64_t scale = 1;
  for (std::int64_t i = 0; i < (exponent < 0 ? -exponent : exponent); ++i) scale *= 10;
  if (exponent >= 0 && value > UINT64_MAX / scale)
    return InvalidArgument("\"%s\" is too large", text);
  return exponent < 0 ? Rational::Create(value, scale) : Rational::Create(value * scale, 1);
}

}  // namespace

absl::StatusOr<Rational> Rational::Create(std::uint64_t numerator, std::uint64_t denominator) {
  if (denominator == 0) return InvalidArgument("a rational with denominator 0");
  const std::uint64_t divisor = std::gcd(numerator, denominator);
  return Rational(numerator / divisor, denominator / divisor);
}

absl::StatusOr<Rational> Rational::Parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return ParseDecimal(text);
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t numerator,
                           ParseUnsigned(text.substr(0, slash), text));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t denominator,
                           ParseUnsigned(text.substr(slash + 1), text));
  return Create(numerator, denominator);
}

std::string Rational::ToString() const {
  return denominator_ == 1 ? absl::StrFormat("%d", numerator_)
                           : absl::StrFormat("%d/%d", numerator_, denominator_);
}

}  // namespace veilsum
