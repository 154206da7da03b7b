// Private keys in PEM form: a text that is moved, never copied, and wiped when it goes.
#pragma once

#include <sodium.h>

#include <string>
#include <string_view>
#include <utility>

namespace veilsum {

class SecretText {
 public:
  SecretText() = default;
  // Takes the text and wipes the string that it came in.
  explicit SecretText(std::string&& source) : text_(source) { Wipe(source); }
  SecretText(SecretText&& other) noexcept : text_(other.text_) { Wipe(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    if (this != &other) {
      Wipe(text_);
      text_ = other.text_;
      Wipe(other.text_);
    }
    return *this;
  }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText() { Wipe(text_); }

  std::string_view Expose() const { return text_; }  // the one way out

 private:
  static void Wipe(std::string& text) {
    sodium_memzero(text.data(), text.size());
    text.clear();
  }
  std::string text_;
};

}  // namespace veilsum
