// Reads one object of a configuration: each getter checks a value and its bound, Done() refuses the
// keys nobody asked for. The first error is kept; getters go on with harmless values, so that a
// reader is a list of lines and not of branches.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/canonical_json.h"
#include "model/plan/decimal.h"

namespace veilsum::model {

// What all objects of one document share.
struct FieldErrors {
  // Text in front of a message about `path`, such as "plan.toml:12: "; may be empty.
  std::function<std::string(const std::string& path)> where;
  absl::Status first;

  void Report(const std::string& path, std::string_view what);
};

class Fields {
 public:
  // `path` names the object in messages; empty for the document. Both references outlive this.
  Fields(const Json& object, std::string path, FieldErrors& errors);

  bool Has(const char* key) const { return object_->contains(key); }
  std::uint64_t Int(const char* key, std::uint64_t low, std::uint64_t high);
  std::uint64_t Int(const char* key, std::uint64_t low, std::uint64_t high,
                    std::uint64_t otherwise);
  bool Flag(const char* key, bool otherwise);
  // 1 to `longest` bytes without control characters.
  std::string Text(const char* key, std::size_t longest = 128);
  std::string Text(const char* key, std::size_t longest, std::string_view otherwise);
  std::string Sha256Text(const char* key);  // 64 lower-case hex digits
  // One of `words`; returns its place.
  std::size_t Choice(const char* key, std::span<const char* const> words);
  std::size_t Choice(const char* key, std::span<const char* const> words, std::size_t otherwise);
  // A decimal in a string, or a whole number.
  Decimal Signed(const char* key);
  // As above but not negative; `above` says whether low itself is refused, `below` whether high is.
  struct Range {
    Rational low, high;
    bool above = false, below = false;
  };
  Rational Real(const char* key, const Range& range);
  Rational Real(const char* key, const Range& range, const Rational& otherwise);
  // A probability in (0, 1]: "a/b", a decimal, or {"den":b,"num":a}.
  Rational Probability(const char* key);
  std::vector<std::uint64_t> Ints(const char* key, std::size_t most, std::uint64_t low,
                                  std::uint64_t high);
  std::vector<std::string> Texts(const char* key, std::size_t fewest, std::size_t most);

  Fields Section(const char* key);
  // Each element an object; at most `most`.
  std::vector<Fields> List(const char* key, std::size_t fewest, std::size_t most);
  // `<path>.<key> <what>`, or about the object itself when `key` is empty.
  void Refuse(std::string_view key, std::string_view what);
  // Every key that is there must have been asked for.
  void Done();

 private:
  const Json* Find(const char* key, bool required);
  std::string PathOf(std::string_view key) const;

  const Json* object_;
  std::string path_;
  FieldErrors* errors_;
  std::set<std::string> known_;
};

}  // namespace veilsum::model
