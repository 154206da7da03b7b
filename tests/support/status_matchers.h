// Matchers for absl::Status, which the abseil of Debian 12 does not have.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace veilsum {

inline constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <class T>
const absl::Status& GetStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}
// The code, and a part of the message.
MATCHER_P2(StatusIs, code, part, "has the given code and message") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         std::string_view(GetStatus(arg).message().data(), GetStatus(arg).message().size())
                 .find(part) != std::string_view::npos;
}

}  // namespace veilsum

#define ASSERT_OK(expression) ASSERT_THAT((expression), ::veilsum::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT((expression), ::veilsum::IsOk())
#define ASSERT_OK_AND_ASSIGN(lhs, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(VEILSUM_CONCAT(test_or_, __LINE__), lhs, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(temporary, lhs, expression) \
  auto temporary = (expression);                               \
  ASSERT_THAT(temporary, ::veilsum::IsOk());                   \
  lhs = *std::move(temporary)
