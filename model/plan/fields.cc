#include "model/plan/fields.h"

namespace veilsum::model {
namespace {

const Json& EmptyObject() {
  static const Json empty = Json::object();
  return empty;
}

bool Inside(const Rational& value, const Fields::Range& range) {
  const auto less = [](const Rational& a, const Rational& b) {
    return static_cast<unsigned __int128>(a.numerator()) * b.denominator() <
           static_cast<unsigned __int128>(b.numerator()) * a.denominator();
  };
  if (less(value, range.low) || less(range.high, value)) return false;
  return !(range.above && value == range.low) && !(range.below && value == range.high);
}

// The text of a real: a string as it is, or a whole number. Floating point is not exact and never
// hashed.
absl::StatusOr<std::string> RealText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return absl::StrFormat("%d", value.get<std::uint64_t>());
  if (value.is_number_integer()) return absl::StrFormat("%d", value.get<std::int64_t>());
  if (value.is_number_float())
    return InvalidArgument("must be exact: write it in quotes, such as \"0.005\"");
  return InvalidArgument("must be a decimal in quotes, such as \"0.005\"");
}

std::string RangeText(const Fields::Range& range) {
  return absl::StrFormat("%s %s and %s %s", range.above ? "above" : "at least",
                         DecimalText(range.low), range.below ? "below" : "at most",
                         DecimalText(range.high));
}

bool IsPlainText(const std::string& text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

}  // namespace

void FieldErrors::Report(const std::string& path, std::string_view what) {
  if (first.ok())
    first =
        InvalidArgument("%s%s %s", where ? where(path) : "", path.empty() ? "plan" : path, what);
}

Fields::Fields(const Json& object, std::string path, FieldErrors& errors)
    : object_(&object), path_(std::move(path)), errors_(&errors) {
  if (object.is_object()) return;
  errors.Report(path_, "must be a section of keys and values");
  object_ = &EmptyObject();
}

std::string Fields::PathOf(std::string_view key) const {
  if (key.empty()) return path_;
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Fields::Refuse(std::string_view key, std::string_view what) {
  errors_->Report(PathOf(key), what);
}

const Json* Fields::Find(const char* key, bool required) {
  known_.insert(key);
  const auto found = object_->find(key);
  if (found != object_->end()) return &*found;
  if (required) Refuse(key, "is missing");
  return nullptr;
}

std::uint64_t Fields::Int(const char* key, std::uint64_t low, std::uint64_t high) {
  const Json* value = Find(key, true);
  if (value == nullptr) return low;
  if (!value->is_number_integer() ||
      (!value->is_number_unsigned() && value->get<std::int64_t>() < 0)) {
    Refuse(key, absl::StrFormat("must be a whole number from %d to %d", low, high));
    return low;
  }
  const std::uint64_t number = value->get<std::uint64_t>();
  if (number >= low && number <= high) return number;
  Refuse(key, absl::StrFormat("is %d, must be %d to %d", number, low, high));
  return low;
}

std::uint64_t Fields::Int(const char* key, std::uint64_t low, std::uint64_t high,
                          std::uint64_t otherwise) {
  return Find(key, false) == nullptr ? otherwise : Int(key, low, high);
}

bool Fields::Flag(const char* key, bool otherwise) {
  const Json* value = Find(key, false);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) Refuse(key, "must be true or false");
  return value->is_boolean() && value->get<bool>();
}

std::string Fields::Text(const char* key, std::size_t longest) {
  const Json* value = Find(key, true);
  if (value == nullptr) return "?";
  const std::string text = value->is_string() ? value->get<std::string>() : "";
  if (!text.empty() && text.size() <= longest && IsPlainText(text)) return text;
  Refuse(key, absl::StrFormat("must be a text of 1 to %d bytes", longest));
  return "?";
}

std::string Fields::Text(const char* key, std::size_t longest, std::string_view otherwise) {
  return Find(key, false) == nullptr ? std::string(otherwise) : Text(key, longest);
}

std::string Fields::Sha256Text(const char* key) {
  const std::string text = Text(key, 64);
  if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    Refuse(key, "must be 64 lower-case hex digits");
  return text;
}

std::size_t Fields::Choice(const char* key, std::span<const char* const> words) {
  const Json* value = Find(key, true);
  if (value == nullptr) return 0;
  const std::string text = value->is_string() ? value->get<std::string>() : "";
  std::string all;
  std::size_t place = 0;
  for (const char* word : words) {
    if (text == word) return place;
    all += (place++ == 0 ? "" : ", ") + std::string(word);
  }
  Refuse(key, absl::StrFormat("must be one of: %s", all));
  return 0;
}

std::size_t Fields::Choice(const char* key, std::span<const char* const> words,
                           std::size_t otherwise) {
  return Find(key, false) == nullptr ? otherwise : Choice(key, words);
}

Decimal Fields::Signed(const char* key) {
  const Json* value = Find(key, true);
  if (value == nullptr) return Decimal();
  absl::StatusOr<std::string> text = RealText(*value);
  if (!text.ok()) {
    Refuse(key, std::string(text.status().message()));
    return Decimal();
  }
  const absl::StatusOr<Decimal> number = Decimal::Parse(*text);
  if (number.ok()) return *number;
  Refuse(key, absl::StrFormat("is \"%s\", must be a decimal such as \"-0.5\"", *text));
  return Decimal();
}

Rational Fields::Real(const char* key, const Range& range) {
  const Json* value = Find(key, true);
  if (value == nullptr) return range.high;
  absl::StatusOr<std::string> text = RealText(*value);
  if (!text.ok()) {
    Refuse(key, std::string(text.status().message()));
    return range.high;
  }
  const absl::StatusOr<Rational> number = Rational::Parse(*text);
  if (number.ok() && text->find('/') == std::string::npos && Inside(*number, range)) return *number;
  Refuse(key, absl::StrFormat("is \"%s\", must be a decimal %s", *text, RangeText(range)));
  return range.high;
}

Rational Fields::Real(const char* key, const Range& range, const Rational& otherwise) {
  return Find(key, false) == nullptr ? otherwise : Real(key, range);
}

Rational Fields::Probability(const char* key) {
  const Json* value = Find(key, true);
  if (value == nullptr) return Exactly(1);
  std::string text;
  if (value->is_object()) {
    Fields parts = Section(key);
    const std::uint64_t num = parts.Int("num", 1, 1'000'000'000),
                        den = parts.Int("den", 1, 1'000'000'000);
    parts.Done();
    text = absl::StrFormat("%d/%d", num, den);
  } else {
    const absl::StatusOr<std::string> real = RealText(*value);
    if (!real.ok()) {
      Refuse(key, std::string(real.status().message()));
      return Exactly(1);
    }
    text = *real;
  }
  const absl::StatusOr<Rational> number = Rational::Parse(text);
  if (number.ok() && number->numerator() > 0 && number->numerator() <= number->denominator() &&
      number->denominator() <= 1'000'000'000)
    return *number;
  Refuse(key, absl::StrFormat(
                  "is \"%s\", must be a rational above 0 and at most 1 in quotes, such as \"1/10\"",
                  text));
  return Exactly(1);
}

std::vector<std::uint64_t> Fields::Ints(const char* key, std::size_t most, std::uint64_t low,
                                        std::uint64_t high) {
  const Json* value = Find(key, true);
  std::vector<std::uint64_t> out;
  if (value == nullptr) return out;
  const auto fits = [&](const Json& item) {
    return item.is_number_integer() &&
           (item.is_number_unsigned() || item.get<std::int64_t>() >= 0) &&
           item.get<std::uint64_t>() >= low && item.get<std::uint64_t>() <= high;
  };
  bool good = value->is_array() && value->size() <= most;
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    good = fits((*value)[i]);
    if (good) out.push_back((*value)[i].get<std::uint64_t>());
  }
  if (!good)
    Refuse(key, absl::StrFormat("must be a list of at most %d whole numbers from %d to %d", most,
                                low, high));
  return out;
}

std::vector<std::string> Fields::Texts(const char* key, std::size_t fewest, std::size_t most) {
  const Json* value = Find(key, true);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  bool good = value->is_array() && value->size() >= fewest && value->size() <= most;
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    const Json& item = (*value)[i];
    good = item.is_string() && !item.get_ref<const std::string&>().empty() &&
           item.get_ref<const std::string&>().size() <= 256 &&
           IsPlainText(item.get_ref<const std::string&>());
    if (good) out.push_back(item.get<std::string>());
  }
  if (!good) Refuse(key, absl::StrFormat("must be a list of %d to %d texts", fewest, most));
  return out;
}

Fields Fields::Section(const char* key) {
  const Json* value = Find(key, true);
  return Fields(value == nullptr ? EmptyObject() : *value, PathOf(key), *errors_);
}

std::vector<Fields> Fields::List(const char* key, std::size_t fewest, std::size_t most) {
  const Json* value = Find(key, fewest != 0);
  std::vector<Fields> out;
  if (value == nullptr) return out;
  if (!value->is_array() || value->size() < fewest || value->size() > most) {
    Refuse(key, absl::StrFormat("must be given %d to %d times, as [[%s]]", fewest, most, key));
    return out;
  }
  for (std::size_t i = 0; i < value->size(); ++i)
    out.emplace_back((*value)[i], absl::StrFormat("%s[%d]", PathOf(key), i + 1), *errors_);
  return out;
}

void Fields::Done() {
  for (const auto& [key, value] : object_->items())
    if (!known_.contains(key)) Refuse(key, "is not a key of a plan");
}

}  // namespace veilsum::model
