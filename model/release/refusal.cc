#include "model/release/refusal.h"

namespace veilsum::release {

std::string_view CodeOf(Refusal refusal) {
  constexpr std::string_view kCodes[] = {"T601", "T602", "T603", "T604", "T605", "T606",
                                         "T607", "T608", "T609", "T610", "T611", "T612",
                                         "T613", "T614", "T615", "T616", "M501", "M502",
                                         "M503", "M504", "M505", "M506", "L001", "P301"};
  static_assert(std::size(kCodes) == static_cast<std::size_t>(Refusal::kPolicy) + 1);
  return kCodes[static_cast<std::size_t>(refusal)];
}

absl::Status RefuseAs(Refusal why, const absl::Status& status) {
  if (status.ok() || !RefusalCode(status).empty()) return status;
  return Refuse(why, "%s", std::string(status.message()));
}

std::string_view RefusalCode(const absl::Status& status) {
  const std::string_view message(status.message().data(), status.message().size());
  if (message.size() < 5 || message[4] != ':' || message[0] < 'A' || message[0] > 'Z') return {};
  for (std::size_t i = 1; i < 4; ++i)
    if (message[i] < '0' || message[i] > '9') return {};
  return message.substr(0, 4);
}

}  // namespace veilsum::release
