#include "model/plan/decimal.h"

namespace veilsum::model {
namespace {

// Digits after the point that write 1/denominator exactly, or -1 when no number of digits does.
int Decimals(std::uint64_t denominator) {
  int twos = 0, fives = 0;
  for (; denominator % 2 == 0; denominator /= 2) ++twos;
  for (; denominator % 5 == 0; denominator /= 5) ++fives;
  return denominator == 1 ? std::max(twos, fives) : -1;
}

}  // namespace

std::string DecimalText(const Rational& value) {
  const int decimals = Decimals(value.denominator());
  if (decimals < 0) return value.ToString();
  unsigned __int128 scaled = value.numerator() % value.denominator();
  for (int i = 0; i < decimals; ++i) scaled *= 10;
  scaled /= value.denominator();
  std::string text = absl::StrFormat("%d", value.numerator() / value.denominator());
  if (decimals == 0) return text;
  std::string tail(static_cast<std::size_t>(decimals), '0');
  for (auto digit = tail.rbegin(); digit != tail.rend(); ++digit, scaled /= 10)
    *digit = static_cast<char>('0' + static_cast<int>(scaled % 10));
  return text + "." + tail;
}

absl::StatusOr<Decimal> Decimal::Parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view size = negative ? text.substr(1) : text;
  if (size.find('/') != std::string_view::npos)
    return InvalidArgument("\"%s\" is not a decimal", text);
  VEILSUM_ASSIGN_OR_RETURN(const Rational magnitude, Rational::Parse(size));
  return Decimal(negative && magnitude.numerator() != 0, magnitude);
}

std::string Decimal::ToString() const { return (negative_ ? "-" : "") + DecimalText(magnitude_); }

}  // namespace veilsum::model
