// Events before the label's time: aggregates, windows, the last ones; times; the same from a SQLite
// database.
#include "client/data/events.h"

#include "base/fnv1a.h"
#include "base/sqlite/database.h"
#include "client/data/dataset.h"
#include "client/data/times.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::client {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

const std::string kEventsPlan = R"(name = "events"
task = "binary"
[unit]
column = "id"
max_rows = 2
[holdout]
hash = "fnv1a64"
mod = 1000000
equals = 999999
[[table]]
name = "purchases"
file = "purchases.csv"
time = "at"
[[table]]
name = "labels"
file = "labels.csv"
[label]
column = "labels.label"
kind = "binary"
time = "asked"
[model]
hidden = []
[training]
mode = "distributed"
steps = 1
attempts_max = 1
sampling_rate = "1"
expected_batch = 1
clip_norm = "1"
learning_rate = "1"
[privacy]
epsilon = "1"
delta = "1e-5"
accountant = "rdp"
)";

std::string Number(const std::string& aggregate, int window_days) {
  return "[[feature]]\ncolumn = \"purchases.amount\"\nkind = \"numeric\"\nlo = -100\nhi = 100\n"
         "aggregate = \"" +
         aggregate + "\"\n" +
         (window_days == 0 ? "" : "window_days = " + std::to_string(window_days) + "\n");
}

const std::string kLast =
    "[[feature]]\ncolumn = \"purchases.product\"\nkind = \"events\"\nlast = 3\nbuckets = 1000\n"
    "direct = true\n";

model::Plan PlanOf(const std::string& features) {
  const absl::StatusOr<model::Plan> plan =
      model::ParsePlanToml(kEventsPlan + features, "plan.toml");
  EXPECT_OK(plan);
  return plan.ok() ? *plan : model::Plan();
}

std::uint32_t Product(const std::string& name) {
  return static_cast<std::uint32_t>(Fnv1a64("product=" + name) % 1000);
}

class Events : public testing::Test {
 protected:
  Events() {
    folder_.Write("shop/labels.csv", "id,asked,label\na,2026-03-01,1\nb,2026-03-01,0\n");
    folder_.Write("shop/purchases.csv",
                  "id,at,amount,product\n"
                  "a,2026-02-28 12:00:00,30,hat\n"
                  "a,2026-01-01,5,shoe\n"
                  "a,2026-02-20,-10,bag\n"
                  "c,2026-02-20,77,hat\n"         // no label
                  "a,2026-03-01 00:00:00,99,x\n"  // at the very time
                  "a,2027-01-01,99,y\n");         // later
  }
  absl::StatusOr<Dataset> Load(const model::Plan& plan) {
    return LoadDataset(plan, {folder_.path() / "shop"});
  }
  // The numeric features of `a` as they were before bounds made them a share of 100.
  std::vector<float> ValuesOfA(const std::string& features) {
    const absl::StatusOr<Dataset> data = Load(PlanOf(features));
    EXPECT_OK(data);
    if (!data.ok()) return {};
    std::vector<float> values;
    for (const float share : data->training.NumericOf(0)) values.push_back(share * 100);
    return values;
  }
  TempFolder folder_;
};

TEST_F(Events, AreFoldedByCountMoneyFrequencyAndRecency) {
  EXPECT_THAT(ValuesOfA(Number("count", 0) + Number("sum", 0) + Number("mean", 0) +
                        Number("max", 0) + Number("last", 0) + Number("recency", 0)),
              ElementsAre(FloatNear(3, 1e-4), FloatNear(25, 1e-4), FloatNear(25.0 / 3, 1e-4),
                          FloatNear(30, 1e-4), FloatNear(30, 1e-4), FloatNear(0.5, 1e-4)));
}

TEST_F(Events, WindowsReachBackFromTheLabelsTime) {
  EXPECT_THAT(ValuesOfA(Number("count", 1) + Number("count", 9) + Number("count", 59) +
                        Number("sum", 9) + Number("max", 59)),
              ElementsAre(FloatNear(1, 1e-4), FloatNear(2, 1e-4), FloatNear(3, 1e-4),
                          FloatNear(20, 1e-4), FloatNear(30, 1e-4)));
}

TEST_F(Events, NothingAtOrAfterTheLabelsTimeHasAnEffect) {
  const std::string features = Number("sum", 0) + Number("last", 0) + kLast;
  ASSERT_OK_AND_ASSIGN(const Dataset with, Load(PlanOf(features)));
  folder_.Write("shop/purchases.csv",
                "id,at,amount,product\na,2026-01-01,5,shoe\na,2026-02-20,-10,bag\n"
                "a,2026-02-28 12:00:00,30,hat\n");
  ASSERT_OK_AND_ASSIGN(const Dataset without, Load(PlanOf(features)));
  EXPECT_EQ(with.training.numeric_values, without.training.numeric_values);
  EXPECT_EQ(with.training.lists[0].ids, without.training.lists[0].ids);
}

TEST_F(Events, ALogThatWasWrittenTwiceCountsOnce) {
  folder_.Write("shop/labels.csv",
                "id,asked,label\na,2026-03-01,1\na,2026-02-01,0\nb,2026-03-01,0\n");
  folder_.Write("shop/purchases.csv",
                "id,at,amount,product\n"
                "a,2026-02-25,8,late\n"  // the row of February does not see it ...
                "a,2026-01-01,5,late\n"  // ... so that it hides nothing from that one
                "a,2026-01-02,7,hat\n"
                "b,2026-01-02,7,hat\n"  // another customer's
                "a,2026-01-02,7,hat\n"
                "a,2026-01-03,9,hat\n");
  model::Plan plan = PlanOf(Number("sum", 0) + Number("count", 0));
  const auto sums = [&](const std::vector<std::string>& unique) {
    plan.tables[0].unique = unique;
    const Dataset data = Load(plan).value();
    std::vector<int> out;  // of a's rows and of b's
    for (std::size_t row = 0; row < 3; ++row)
      out.push_back(static_cast<int>(std::lround(data.training.NumericOf(row)[0] * 100)));
    return out;
  };
  EXPECT_EQ(sums({}), (std::vector<int>{36, 28, 7}));
  EXPECT_EQ(sums({"product"}), (std::vector<int>{15, 12, 7}));
  EXPECT_EQ(sums({"product", "at"}), (std::vector<int>{29, 21, 7}));
  EXPECT_EQ(sums({"product", "amount"}), (std::vector<int>{29, 21, 7}));
  plan.tables[0].unique = {"order"};
  EXPECT_THAT(Load(plan), StatusIs(absl::StatusCode::kInvalidArgument, "order"));
}

TEST_F(Events, ACustomerWithoutEventsHasZerosAndTheLongestRecency) {
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(PlanOf(Number("sum", 0) + Number("max", 0) +
                                                       Number("recency", 0) + kLast)));
  EXPECT_THAT(data.training.NumericOf(1), ElementsAre(0, 0, 1));
  EXPECT_THAT(data.training.lists[0].WeightsOf(1), ElementsAre(0, 0, 0));
}

TEST_F(Events, TheLastOnesAreAListOldestFirst) {
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(PlanOf(kLast)));
  EXPECT_THAT(data.training.lists[0].IdsOf(0),
              ElementsAre(Product("shoe"), Product("bag"), Product("hat")));
  EXPECT_THAT(data.training.lists[0].WeightsOf(0), testing::Each(1.0f / 3));
  model::Plan two = PlanOf(kLast);
  two.features[0].last = 2;
  ASSERT_OK_AND_ASSIGN(const Dataset fewer, Load(two));
  EXPECT_THAT(fewer.training.lists[0].IdsOf(0), ElementsAre(Product("bag"), Product("hat")));
  two.features[0].last = 5;
  ASSERT_OK_AND_ASSIGN(const Dataset more, Load(two));
  EXPECT_THAT(more.training.lists[0].WeightsOf(0), ElementsAre(1.0f / 3, 1.0f / 3, 1.0f / 3, 0, 0));
}

TEST_F(Events, EachRowOfACustomerHasItsOwnTime) {
  folder_.Write("shop/labels.csv", "id,asked,label\na,2026-03-01,1\na,2026-01-02,0\n");
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(PlanOf(Number("count", 0))));
  ASSERT_EQ(data.training.rows(), 2u);
  EXPECT_NEAR(data.training.NumericOf(0)[0], 0.03, 1e-6);
  EXPECT_NEAR(data.training.NumericOf(1)[0], 0.01, 1e-6);
}

TEST_F(Events, ErrorsNameFileLineAndField) {
  const auto refuses = [&](const std::string& row, const std::string& why) {
    folder_.Write("shop/purchases.csv", "id,at,amount,product\na,2026-01-01,5,shoe\n" + row + "\n");
    EXPECT_THAT(Load(PlanOf(Number("sum", 0))),
                StatusIs(absl::StatusCode::kInvalidArgument, "shop/purchases.csv:3: " + why));
  };
  refuses("a,yesterday,5,hat", "column at: \"yesterday\" is not a time");
  refuses("a,2026-01-01,five,hat", "column amount: \"five\" is not a number");
  refuses("a,2026-01-01,5", "3 fields, the header has 4");
  refuses(",2026-01-01,5,hat", "the customer's id is empty");
  folder_.Write("shop/purchases.csv", "id,when,amount,product\n");
  EXPECT_THAT(Load(PlanOf(Number("sum", 0))),
              StatusIs(absl::StatusCode::kInvalidArgument, "the column at is missing"));
  folder_.Write("shop/labels.csv", "id,asked,label\na,soon,1\n");
  EXPECT_THAT(Load(PlanOf(Number("sum", 0))),
              StatusIs(absl::StatusCode::kInvalidArgument, "shop/labels.csv:2: column asked"));
}

TEST_F(Events, ABadEventLeavesItsCustomerOutWhenThePlanAllowsIt) {
  folder_.Write("shop/purchases.csv", "id,at,amount,product\na,never,5,shoe\nb,2026-01-01,1,hat\n");
  model::Plan plan = PlanOf(Number("sum", 0));
  plan.max_bad_rows = 1;
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(plan));
  EXPECT_EQ(data.bad_rows, 1u);
  EXPECT_THAT(data.training.customer_ids, ElementsAre("b"));
}

TEST_F(Events, ComeFromADatabaseByQueryAsFromCsv) {
  const std::string features = Number("sum", 0) + Number("recency", 0) + kLast;
  ASSERT_OK_AND_ASSIGN(const Dataset csv, Load(PlanOf(features)));
  {
    ASSERT_OK_AND_ASSIGN(auto db, sqlite::Database::Open(folder_.path() / "shop/shop.sqlite"));
    ASSERT_OK(db.Execute(
        "CREATE TABLE orders(who TEXT, at INTEGER, amount REAL, product TEXT);"
        "INSERT INTO orders VALUES('a', unixepoch('2026-02-28 12:00:00'), 30, 'hat'),"
        "('a', unixepoch('2026-01-01'), 5, 'shoe'), ('a', unixepoch('2026-02-20'), -10, 'bag'),"
        "('a', unixepoch('2026-03-01'), 99, 'x'), ('b', NULL, 1, 'gone')"));
  }
  model::Plan plan = PlanOf(features);
  plan.tables[0].file = "shop.sqlite";
  plan.tables[0].query = "SELECT who AS id, at, amount, product FROM orders WHERE at IS NOT NULL";
  ASSERT_OK_AND_ASSIGN(const Dataset sql, Load(plan));
  EXPECT_EQ(csv.training.numeric_values, sql.training.numeric_values);
  EXPECT_EQ(csv.training.lists[0].ids, sql.training.lists[0].ids);
  const auto refuses = [&](const std::string& query, const std::string& why) {
    plan.tables[0].query = query;
    EXPECT_THAT(Load(plan), StatusIs(absl::StatusCode::kInvalidArgument, why)) << query;
  };
  refuses("SELECT who AS id, at, amount, product FROM orders",
          "shop/shop.sqlite:5: column at: \"\" is not a time");
  refuses("SELECT who FROM orders", "the column id is missing");
  refuses("SELECT * FROM missing", "no such table");
  refuses("DELETE FROM orders", "must be one SELECT");
  refuses("INSERT INTO orders VALUES(1,2,3,4) RETURNING *", "must be one SELECT");
  refuses("ATTACH 'other.sqlite' AS o", "must be one SELECT");
  plan.tables[0].file = "none.sqlite";
  EXPECT_THAT(Load(plan), StatusIs(absl::StatusCode::kNotFound, "shop/none.sqlite"));
}

TEST(ParseTime, ReadsSecondsAndDates) {
  const auto seconds = [](const char* text) { return ParseTime(text).value_or(-1); };
  EXPECT_EQ(seconds("0"), 0);
  EXPECT_EQ(seconds("1700000000"), 1700000000);
  EXPECT_EQ(seconds("1970-01-02"), kSecondsADay);
  EXPECT_EQ(seconds("2023-11-14 22:13:20"), 1700000000);
  EXPECT_EQ(seconds("2023-11-14T22:13:20Z"), 1700000000);
  EXPECT_EQ(seconds("2023-11-14 22:13"), 1699999980);
  EXPECT_EQ(seconds("2024-02-29"), 1709164800);
  for (const char* wrong : {"", "now", "2023-02-29", "2023-13-01", "2023-1-1", "2023-01-01 24:00",
                            "2023-01-01 10:00:60", "2023-01-01x", "2023-01-01 10", "1e9", "12.5",
                            "2023-01-01T10:00+01:00", "99999999999999"})
    EXPECT_THAT(ParseTime(wrong), StatusIs(absl::StatusCode::kInvalidArgument, "is not a time"))
        << wrong;
}

}  // namespace
}  // namespace veilsum::client
