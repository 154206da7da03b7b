// SE-30: an objection takes effect from the next run, never within one.
#include "client/policy/objections.h"

#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

const std::vector<std::string> kCustomers = {"ann", "bob", "cyd", "d\xc3\xa9"};

class Objections : public testing::Test {
 protected:
  std::vector<bool> Kept(std::uint8_t contract, const CustomerIds& listed) {
    return WithoutObjections(store_, Hash32{contract}, listed, kCustomers).value();
  }
  CustomerIds Read(const std::string& text) {
    const auto file = folder_.path() / "list.txt";
    std::ofstream(file, std::ios::binary) << text;
    return ReadObjections(file).value();
  }
  const TestFolder folder_;
  const std::filesystem::path store_ = folder_.path() / "objections.sqlite";
};

using Keep = std::vector<bool>;

TEST_F(Objections, SE30TakeEffectFromTheNextRunAndNeverWithinOne) {
  EXPECT_EQ(Kept(1, {}), (Keep{true, true, true, true}));
  EXPECT_EQ(Kept(1, {"bob"}), (Keep{true, true, true, true})) << "the run had begun";
  EXPECT_EQ(Kept(2, {"bob", "d\xc3\xa9"}), (Keep{true, false, true, false}));
  EXPECT_EQ(Kept(2, {}), (Keep{true, false, true, false})) << "nor does anybody come back";
  EXPECT_EQ(Kept(3, {"nobody"}), (Keep{true, true, true, true}));
}

TEST_F(Objections, SE30NobodysNameIsKept) {
  EXPECT_EQ(Kept(1, {"a-customer-of-ours"}), (Keep{true, true, true, true}));
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(bytes.find("a-customer-of-ours"), std::string::npos) << entry.path();
  }
}

TEST_F(Objections, SE30AreReadOneALine) {
  EXPECT_EQ(Read(""), CustomerIds{});
  EXPECT_EQ(Read("ann\r\n\n bob\nann\nlast"), (CustomerIds{"ann", " bob", "last"}));
  EXPECT_THAT(ReadObjections(folder_.path() / "none"), StatusIs(StatusCode::kNotFound, ""));
  std::ofstream(folder_.path() / "long") << "a\n" << std::string(1025, 'x');
  EXPECT_THAT(ReadObjections(folder_.path() / "long"),
              StatusIs(StatusCode::kInvalidArgument, "long:2"));
}

}  // namespace
}  // namespace veilsum::client
