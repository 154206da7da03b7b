#include "client/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/fnv1a.h"
#include "client/data/select_customers.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::client {
namespace {

using testing::ElementsAre;

// Two tables; hold-out is "id mod 2 == 0" by hash, so that both parts get somebody.
const std::string kPlan = R"(name = "test"
task = "binary"
[unit]
column = "id"
max_rows = 1
[holdout]
hash = "fnv1a64"
mod = 2
equals = 0
[[table]]
name = "visits"
file = "visits.csv"
[[table]]
name = "labels"
file = "labels.csv"
[[feature]]
column = "visits.device"
kind = "categorical"
buckets = 8
[[feature]]
column = "visits.pages"
kind = "numeric"
lo = 0
hi = 10
[[feature]]
column = "labels.age"
kind = "numeric"
lo = 0
hi = 100
[label]
column = "labels.label"
kind = "binary"
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

model::Plan PlanWith(std::string_view from = "", std::string_view to = "",
                     std::string_view tail = "") {
  std::string text = kPlan;
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  const absl::StatusOr<model::Plan> plan =
      model::ParsePlanToml(text + std::string(tail), "test.toml");
  EXPECT_OK(plan);
  return *plan;
}

const char* const kVisits = "id,pages,device\nu1,5,phone\nu2,0,tablet\nu3,10,phone\n";
const char* const kLabels = "label,id,age\n1,u3,50\nfalse,u1,100\n0,u2,0\n";

absl::StatusOr<Dataset> Load(const std::string& visits, const std::string& labels,
                             const model::Plan& plan = PlanWith()) {
  const TempFolder folder;
  folder.Write("shop/visits.csv", visits);
  folder.Write("shop/labels.csv", labels);
  return LoadDataset(plan, {folder.path() / "shop"});
}

// All customers, training first, as they are named.
std::vector<std::string> Customers(const Dataset& data) {
  std::vector<std::string> out = data.training.customer_ids;
  out.insert(out.end(), data.holdout.customer_ids.begin(), data.holdout.customer_ids.end());
  std::ranges::sort(out);
  return out;
}

TEST(LoadDataset, JoinsTablesByCustomerAndKeepsPlanOrder) {
  ASSERT_OK_AND_ASSIGN(
      const Dataset data,
      Load(kVisits, kLabels, PlanWith("mod = 2\nequals = 0", "mod = 1000\nequals = 999")));
  const model::Examples& e = data.training;
  EXPECT_EQ(e.numeric, 2);
  EXPECT_EQ(e.categorical, 1);
  EXPECT_THAT(e.customer_ids, ElementsAre("u3", "u1", "u2"));
  EXPECT_THAT(e.labels, ElementsAre(1.0f, 0.0f, 0.0f));
  EXPECT_THAT(e.first_row, ElementsAre(0u, 1u, 2u, 3u));
  EXPECT_THAT(e.numeric_values,
              ElementsAre(1.0f, 0.0f, 0.0f, 1.0f, -1.0f, -1.0f));  // (pages, age) of u3, u1, u2
  EXPECT_EQ(e.active_inputs[0], e.active_inputs[1]);
  for (const std::uint32_t input : e.active_inputs) {
    EXPECT_GE(input, 2u);
    EXPECT_LT(input, 10u);
  }
  EXPECT_EQ(data.holdout.customers(), 0u);
}

const char* const kGroups = "[evaluation]\ngroup = \"visits.country\"\ngroups = [\"at\", \"be\"]\n";

TEST(LoadDataset, ReadsTheGroupsOfAnEvaluation) {
  const std::string visits =
      "id,pages,device,country\nu1,5,phone,be\nu2,0,tablet,ch\nu3,10,phone,at\nu4,1,phone,\n";
  const std::string labels = std::string(kLabels) + "0,u4,1\n";
  const auto plan = PlanWith("mod = 2\nequals = 0", "mod = 1000\nequals = 999", kGroups);
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(visits, labels, plan));
  EXPECT_THAT(data.training.customer_ids, ElementsAre("u3", "u1", "u2", "u4"));
  EXPECT_THAT(data.training.groups, ElementsAre(0u, 1u, 2u, 2u)) << "others are the last group";
  const model::Examples some = SelectCustomers(data.training, {false, true, true, false});
  EXPECT_THAT(some.groups, ElementsAre(1u, 2u));
  EXPECT_THAT(Load(kVisits, kLabels, plan),
              StatusIs(kInvalid,
                       "shop/visits.csv:1: the column country is missing; there are: id, "
                       "pages, device; it is evaluation.group of plan test"));
}

TEST(LoadDataset, ACustomerIsInTheGroupOfItsFirstRowThatIsKept) {
  const std::string labels =
      "label,id,age,country\n1,u3,50,be\n0,u1,1,ch\n0,u3,9,at\n1,u1,2,at\n0,u2,0,at\n";
  std::string tail = kGroups;
  tail.replace(tail.find("visits."), 7, "labels.");
  model::Plan plan = PlanWith("mod = 2\nequals = 0", "mod = 1000\nequals = 999", tail);
  plan.unit.max_rows = 2;
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(kVisits, labels, plan));
  EXPECT_THAT(data.training.customer_ids, ElementsAre("u3", "u1", "u2"));
  EXPECT_THAT(data.training.groups, ElementsAre(1u, 2u, 0u));
}

TEST(LoadDataset, SplitsByTheHashOfTheId) {
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(kVisits, kLabels));
  EXPECT_EQ(data.training.customers() + data.holdout.customers(), 3u);
  for (const std::string& id : data.training.customer_ids) EXPECT_EQ(Fnv1a64(id) % 2, 1u) << id;
  for (const std::string& id : data.holdout.customer_ids) EXPECT_EQ(Fnv1a64(id) % 2, 0u) << id;
}

TEST(LoadDataset, SplitsByAColumn) {
  const model::Plan plan =
      PlanWith("hash = \"fnv1a64\"\nmod = 2\nequals = 0", "column = \"age\"\nvalue = \"50\"");
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(kVisits, kLabels, plan));
  EXPECT_THAT(data.holdout.customer_ids, ElementsAre("u3"));
  EXPECT_THAT(data.training.customer_ids, ElementsAre("u1", "u2"));
}

TEST(LoadDataset, ReadsQuotedFieldsAndALineFeedInThem) {
  ASSERT_OK_AND_ASSIGN(
      const Dataset data,
      Load("id,pages,device\nu1,5,\"pho\nne\"\nu2,0,\"a,b\"\nu3,\"10\",phone\n", kLabels));
  EXPECT_EQ(Customers(data).size(), 3u);
}

TEST(LoadDataset, LeavesOutCustomersWithoutALabel) {
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(std::string(kVisits) + "u9,1,phone\n", kLabels));
  EXPECT_EQ(Customers(data), (std::vector<std::string>{"u1", "u2", "u3"}));
  EXPECT_EQ(data.unlabelled, 1u);
}

struct BrokenFile {
  const char* name;
  std::string visits;
  std::string labels;
  const char* complaint;
};
class LoadDatasetRefuses : public testing::TestWithParam<BrokenFile> {};

TEST_P(LoadDatasetRefuses, NamingFileLineAndColumn) {
  EXPECT_THAT(Load(GetParam().visits, GetParam().labels),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Merchants, LoadDatasetRefuses,
    testing::Values(
        BrokenFile{"EmptyFile", "", kLabels, "shop/visits.csv:1: the file is empty"},
        BrokenFile{"EmptyLabels", kVisits, "", "shop/labels.csv:1: the file is empty"},
        BrokenFile{"HeaderOnly", kVisits, "label,id,age\n",
                   "shop/labels.csv:1: there is a header but no row"},
        BrokenFile{"MissingColumn", "id,pages\nu1,1\n", kLabels,
                   "shop/visits.csv:1: the column device is missing; there are: id, pages"},
        BrokenFile{"MissingId", "pages,device\n1,phone\n", kLabels,
                   "shop/visits.csv:1: the column id is missing"},
        BrokenFile{"MissingLabel", kVisits, "id,age\nu1,1\n",
                   "shop/labels.csv:1: the column label is missing"},
        BrokenFile{"ColumnTwice", "id,pages,device,pages\nu1,1,a,1\n", kLabels,
                   "shop/visits.csv:1: the column pages is there twice"},
        BrokenFile{"ShortRow", "id,pages,device\nu1,5,phone\nu2,0\nu3,1,a\n", kLabels,
                   "shop/visits.csv:3: 2 fields, the header has 3"},
        BrokenFile{"LongRow", "id,pages,device\nu1,5,phone,x\n", kLabels,
                   "shop/visits.csv:2: 4 fields, the header has 3"},
        BrokenFile{"OpenQuote", "id,pages,device\nu1,5,\"phone\nu2,0,a\n", kLabels,
                   "shop/visits.csv:2: a quoted field is never closed"},
        BrokenFile{"TextInANumber", "id,pages,device\nu1,5,phone\nu2,abc,a\n", kLabels,
                   "shop/visits.csv:3: column pages: \"abc\" is not a number"},
        BrokenFile{"LineAfterQuotedNewline", "id,pages,device\nu1,5,\"a\n\nb\"\nu2,abc,a\n",
                   kLabels, "shop/visits.csv:5: column pages: \"abc\""},
        BrokenFile{"NotANumberNan", "id,pages,device\nu1,NaN,phone\n", kLabels,
                   "shop/visits.csv:2: column pages: \"NaN\" is not a finite number"},
        BrokenFile{"Infinite", kVisits, "label,id,age\n1,u1,inf\n",
                   "shop/labels.csv:2: column age: \"inf\" is not a finite number"},
        BrokenFile{"EmptyNumber", "id,pages,device\nu1,,phone\n", kLabels,
                   "shop/visits.csv:2: column pages: is empty, must be a number"},
        BrokenFile{"BadLabel", kVisits, "label,id,age\n1,u1,1\nmaybe,u2,1\n",
                   "shop/labels.csv:3: column label: \"maybe\" is not a label"},
        BrokenFile{"EmptyId", "id,pages,device\n,5,phone\n", kLabels,
                   "shop/visits.csv:2: the customer's id is empty"},
        BrokenFile{"VisitTwice", "id,pages,device\nu1,5,a\nu2,1,a\nu1,6,b\nu3,1,a\n", kLabels,
                   "shop/visits.csv:4: customer \"u1\" is there twice, first on line 2"},
        BrokenFile{"LabelTwice", kVisits, "label,id,age\n1,u1,1\n0,u2,1\n0,u1,1\n",
                   "shop/labels.csv:4: customer \"u1\" is there twice, first on line 2"},
        BrokenFile{"NoPartner", "id,pages,device\nu1,5,phone\nu2,0,a\n", kLabels,
                   "shop/labels.csv:2: customer \"u3\" has no row in shop/visits.csv"},
        BrokenFile{"NotUtf8", "id,pages,device\nu1,5,phone\nu2,0,caf\xe9\n", kLabels,
                   "shop/visits.csv:3: not UTF-8"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(LoadDataset, NamesAMissingFile) {
  const TempFolder folder;
  folder.Write("shop/labels.csv", kLabels);
  EXPECT_THAT(LoadDataset(PlanWith(), {folder.path() / "shop"}),
              StatusIs(absl::StatusCode::kNotFound, "shop/visits.csv: there is no such file"));
}

TEST(LoadDataset, SkipsAsManyBadRowsAsThePlanAllows) {
  const std::string visits = "id,pages,device\nu1,5,phone\nu2,abc,a\nu3\nu4,1,b\n";
  const std::string labels = "label,id,age\n1,u1,1\n0,u2,1\n1,u3,1\n1,u4,1\n";
  ASSERT_OK_AND_ASSIGN(const Dataset data,
                       Load(visits, labels, PlanWith("", "", "[data]\nmax_bad_rows = 2\n")));
  EXPECT_EQ(Customers(data), (std::vector<std::string>{"u1", "u4"}));
  EXPECT_EQ(data.bad_rows, 2u);
  EXPECT_THAT(Load(visits, labels, PlanWith("", "", "[data]\nmax_bad_rows = 1\n")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "shop/visits.csv:4: 1 fields, the header has 3 (bad row number 2; the "
                       "plan's data.max_bad_rows is 1)"));
}

TEST(LoadDataset, ABadLabelRowLeavesItsCustomerOut) {
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(kVisits, "label,id,age\n1,u1,1\n?,u2,1\n0,u3,1\n",
                                                PlanWith("", "", "[data]\nmax_bad_rows = 1\n")));
  EXPECT_EQ(Customers(data), (std::vector<std::string>{"u1", "u3"}));
  EXPECT_EQ(data.unlabelled, 0u);
}

TEST(LoadDataset, SamplesDownACustomersRowsByThatCustomerAlone) {
  std::string labels = "label,id,age\n";
  for (int i = 0; i < 10; ++i) labels += absl::StrFormat("%d,u1,%d\n", i % 2, 10 * i);
  const model::Plan plan = PlanWith("max_rows = 1", "max_rows = 3");
  ASSERT_OK_AND_ASSIGN(const Dataset alone, Load(kVisits, labels + "1,u2,5\n", plan));
  ASSERT_OK_AND_ASSIGN(const Dataset shifted,
                       Load(kVisits, "label,id,age\n1,u3,5\n" + labels.substr(13), plan));
  const auto rows_of = [](const Dataset& data, const std::string& id) {
    std::vector<float> ages;
    for (const model::Examples* part : {&data.training, &data.holdout})
      for (std::size_t u = 0; u < part->customers(); ++u)
        for (std::uint32_t row = part->first_row[u];
             part->customer_ids[u] == id && row < part->first_row[u + 1]; ++row)
          ages.push_back(part->NumericOf(row)[1]);
    return ages;
  };
  EXPECT_EQ(rows_of(alone, "u1").size(), 3u);
  EXPECT_EQ(rows_of(alone, "u1"), rows_of(shifted, "u1"));
  EXPECT_EQ(rows_of(alone, "u2").size(), 1u);
}

TEST(LoadDataset, RefusesACustomerOnBothSidesOfTheSplit) {
  model::Plan plan =
      PlanWith("hash = \"fnv1a64\"\nmod = 2\nequals = 0", "column = \"age\"\nvalue = \"50\"");
  plan.unit.max_rows = 2;
  EXPECT_THAT(Load(kVisits, "label,id,age\n1,u1,50\n1,u1,51\n", plan),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "shop/labels.csv:3: customer \"u1\" is in training and in the hold-out"));
}

TEST(LoadDataset, PoolsFoldersAndRefusesACustomerInTwo) {
  const TempFolder folder;
  folder.Write("a/visits.csv", kVisits);
  folder.Write("a/labels.csv", kLabels);
  folder.Write("b/visits.csv", "id,pages,device\nv1,5,phone\n");
  folder.Write("b/labels.csv", "label,id,age\n1,v1,3\n");
  ASSERT_OK_AND_ASSIGN(const Dataset data,
                       LoadDataset(PlanWith(), {folder.path() / "a", folder.path() / "b"}));
  EXPECT_EQ(Customers(data), (std::vector<std::string>{"u1", "u2", "u3", "v1"}));
  EXPECT_THAT(LoadDataset(PlanWith(), {folder.path() / "a", folder.path() / "a"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "is in two folders of the pool"));
}

TEST(LoadDataset, ReadsSideHeadsOfEveryTableAndLeavesMissingOnesOut) {
  const TempFolder folder;
  folder.Write("a/visits.csv",
               "id,pages,device,spent\nu1,5,phone,10\nu2,0,tablet,\nu3,10,phone,0\n");
  folder.Write("a/labels.csv", "id,label,age,kind\nu1,1,20,b\nu2,0,30,\nu3,1,40,a\n");
  const std::string heads =
      "[[head]]\ncolumn = \"labels.kind\"\nkind = \"class\"\nvalues = [\"a\", \"b\"]\n"
      "[[head]]\ncolumn = \"visits.spent\"\nkind = \"value\"\nlo = 0\nhi = 10\n";
  const model::Plan plan = PlanWith("", "", heads);
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan, {folder.path() / "a"}));
  std::map<std::string, std::pair<float, float>> found;
  for (const model::Examples* part : {&data.training, &data.holdout})
    for (std::size_t u = 0; u < part->customers(); ++u)
      found[part->customer_ids[u]] = {part->more_labels[2 * u], part->more_labels[2 * u + 1]};
  EXPECT_EQ(found.at("u1"), std::pair(1.0f, 1.0f));
  EXPECT_TRUE(std::isnan(found.at("u2").first) && std::isnan(found.at("u2").second));
  EXPECT_EQ(found.at("u3"), std::pair(0.0f, -1.0f));
  folder.Write("a/labels.csv", "id,label,age,kind\nu1,1,20,c\nu2,0,30,\nu3,1,40,a\n");
  EXPECT_THAT(LoadDataset(plan, {folder.path() / "a"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "column kind"));
  folder.Write("a/labels.csv", "id,label,age\nu1,1,20\n");
  EXPECT_THAT(LoadDataset(plan, {folder.path() / "a"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "kind"));
}

TEST(LoadDataset, RefusesAPlanThatThisBuildCannotRun) {
  model::Plan plan = PlanWith();
  plan.task = model::Task::kMultiTask;
  EXPECT_THAT(Load(kVisits, kLabels, plan),
              StatusIs(absl::StatusCode::kFailedPrecondition, "multi_task"));
}

// Rows of a customer become one sequence by their times, the latest are kept, and rewards come
// along, clipped and scaled by public bounds.
// Segments: no label is looked for, the table's rows are the customers, and its time bounds events.
TEST(LoadDataset, SegmentsNeedNoLabel) {
  std::string text = kPlan;
  const auto replace = [&](std::string_view from, std::string_view to) {
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
  };
  replace("\"binary\"", "\"segments\"");
  replace("[label]\ncolumn = \"labels.label\"\nkind = \"binary\"\n[model]\nhidden = []\n",
          "[segments]\ntable = \"visits\"\ncount = 2\ntime = \"day\"\n");
  replace("[[table]]\nname = \"labels\"\nfile = \"labels.csv\"\n",
          "[[table]]\nname = \"buys\"\nfile = \"buys.csv\"\ntime = \"at\"\n");
  replace("[[feature]]\ncolumn = \"visits.device\"\nkind = \"categorical\"\nbuckets = 8\n", "");
  replace("column = \"labels.age\"\nkind = \"numeric\"\nlo = 0\nhi = 100\n",
          "column = \"buys.paid\"\nkind = \"numeric\"\nlo = 0\nhi = 100\naggregate = \"sum\"\n"
          "window_days = 30\n");
  absl::StatusOr<model::Plan> plan = model::ParsePlanToml(text, "p");
  ASSERT_OK(plan);
  plan->holdout = {2, 9, "", ""};  // nobody
  const TempFolder folder;
  folder.Write("a/visits.csv",
               "id,pages,day\nu1,5,2026-03-31\nu2,10,2026-03-31\nu3,0,2026-01-05\n");
  folder.Write("a/buys.csv",
               "id,paid,at\nu1,20,2026-03-30\nu1,30,2026-03-02\nu1,50,2026-01-01\n"
               "u2,100,2026-04-01\nu3,75,2026-01-04\n");
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(*plan, {folder.path() / "a"}));
  EXPECT_THAT(data.training.customer_ids, ElementsAre("u1", "u2", "u3"));
  EXPECT_THAT(data.training.labels, ElementsAre(0, 0, 0));
  EXPECT_THAT(data.training.numeric_values, ElementsAre(0, 0, 1, -1, -1, 0.5f));
}

TEST(LoadDataset, DecisionsAreInOrderAndHaveRewards) {
  model::Plan plan = PlanWith();
  plan.task = model::Task::kQLearning;
  plan.unit.max_rows = 3;
  plan.label.kind = model::LabelKind::kClass;
  plan.label.values = {"x", "y"};
  plan.label.time = "day";
  plan.q_learning.emplace();
  plan.q_learning->reward = "paid";
  plan.q_learning->lo = model::Decimal::Parse("-2").value();
  plan.q_learning->hi = model::Decimal::Parse("4").value();
  const std::string visits = "id,device,pages\nu1,a,1\nu2,b,2\nu3,a,3\n";
  const std::string labels =
      "id,label,age,day,paid\n"
      "u1,y,10,2026-01-03,4\nu2,x,20,2026-01-01,1\nu1,x,30,2026-01-01,-9\n"
      "u1,x,40,2026-01-04,99\nu1,y,50,2026-01-02,2\nu3,y,60,2026-01-01,0\n";
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(visits, labels, plan));
  std::map<std::string, std::pair<std::vector<float>, std::vector<float>>> found;
  for (const model::Examples* part : {&data.training, &data.holdout}) {
    ASSERT_EQ(part->rewards.size(), part->rows());
    for (std::size_t u = 0; u < part->customers(); ++u)
      for (std::size_t row = part->first_row[u]; row < part->first_row[u + 1]; ++row) {
        found[part->customer_ids[u]].first.push_back(part->labels[row]);
        found[part->customer_ids[u]].second.push_back(part->rewards[row]);
      }
  }
  EXPECT_THAT(found["u1"].first, ElementsAre(1, 1, 0));
  EXPECT_THAT(found["u1"].second, ElementsAre(0.5f, 1.0f, 1.0f));
  EXPECT_THAT(found["u2"].second, ElementsAre(0.25f));
  EXPECT_THAT(Load(visits, "id,label,age,day,paid\nu1,x,10,2026-01-03,much\n", plan),
              StatusIs(absl::StatusCode::kInvalidArgument, "column paid"));
  EXPECT_THAT(Load(visits, "id,label,age,day\nu1,x,10,2026-01-03\n", plan),
              StatusIs(absl::StatusCode::kInvalidArgument, "paid"));
}

TEST(SelectCustomers, KeepsAllRowsOfThoseWhoStay) {
  model::Examples all;
  all.numeric = 1;
  all.lists = {{.buckets = 9, .slots = 2, .ids = {}, .weights = {}}};
  for (std::uint32_t row = 0; row < 4; ++row) {
    all.numeric_values.push_back(static_cast<float>(row));
    for (std::uint32_t slot = 0; slot < 2; ++slot) {
      all.lists[0].ids.push_back(2 * row + slot);
      all.lists[0].weights.push_back(1);
    }
    all.labels.push_back(static_cast<float>(row % 2));
  }
  all.first_row = {0, 1, 3, 4};
  all.customer_ids = {"a", "b", "c"};
  const model::Examples some = SelectCustomers(all, {false, true, true});
  EXPECT_THAT(some.customer_ids, ElementsAre("b", "c"));
  EXPECT_THAT(some.first_row, ElementsAre(0u, 2u, 3u));
  EXPECT_THAT(some.numeric_values, ElementsAre(1, 2, 3));
  EXPECT_THAT(some.labels, ElementsAre(1, 0, 1));
  EXPECT_THAT(some.lists[0].ids, ElementsAre(2u, 3u, 4u, 5u, 6u, 7u));
  EXPECT_EQ(some.lists[0].buckets, 9u);
  EXPECT_EQ(SelectCustomers(all, {false, false, false}).customers(), 0u);
}

TEST(CheckPopulation, DoesNotTellTheCount) {
  model::Plan plan = PlanWith();
  ASSERT_OK_AND_ASSIGN(const Dataset data, Load(kVisits, kLabels, plan));
  const absl::Status status = CheckPopulation(plan, data.training, "shop");
  EXPECT_THAT(
      status,
      StatusIs(
          absl::StatusCode::kFailedPrecondition,
          "shop has fewer training customers than population.minimum_customers, 100: pool it"));
  plan.minimum_customers = 0;
  EXPECT_OK(CheckPopulation(plan, data.training, "shop"));
}

// The first rows of region_1 of online_shoppers, so that the worked example is checked without the
// data set too.
TEST(LoadDataset, TheWorkedExampleOfTheReferenceInline) {
  const TempFolder folder;
  folder.Write(
      "r/browsing.csv",
      "user_id,Administrative,Administrative_Duration,Informational,Informational_Duration,"
      "ProductRelated,"
      "ProductRelated_Duration,BounceRates,ExitRates,SpecialDay,Month,OperatingSystems,Browser,"
      "TrafficType,"
      "VisitorType,Weekend\ns00001,0,0,0,0,2,64,0,0.1,0,Feb,2,2,2,Returning_Visitor,FALSE\n");
  folder.Write("r/labels.csv", "user_id,label\ns00001,0\n");
  ASSERT_OK_AND_ASSIGN(const model::Plan plan,
                       model::ReadPlanFile("deploy/examples/online_shoppers.toml"));
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan, {folder.path() / "r"}));
  ASSERT_EQ(data.training.rows(), 1u);
  const float expected[] = {-1, -1, -1, -1, -0.681965f, -0.246438f, -1, 0.045517f, -1};
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_NEAR(data.training.NumericOf(0)[i], expected[i], 1e-6) << i;
  EXPECT_THAT(data.training.ActiveOf(0), ElementsAre(22u, 42u, 85u, 130u, 172u, 177u));
}

}  // namespace
}  // namespace veilsum::client
