// Before a run: preflight verdicts, the output folder, the progress line.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/demo/live/progress.h"
#include "cli/demo/setup/output_folder.h"
#include "cli/demo/setup/preflight.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::cli {
namespace {

using Kind = PreflightVerdict::Kind;

TEST(ParseVerdict, ReadsEachAnswer) {
  EXPECT_EQ(ParseVerdict(R"({"eligible":true,"size_class":4096})", {}).kind, Kind::kEligible);
  EXPECT_EQ(ParseVerdict(R"({"eligible":true,"size_class":4096})", {}).size_class, 4096u);
  EXPECT_EQ(ParseVerdict(R"({"eligible":false,"reason":"few"})", {}).kind, Kind::kTooSmall);
  EXPECT_EQ(ParseVerdict(R"({"eligible":false,"reason":"few"})", {.exit_code = 2}).kind,
            Kind::kTooSmall);
  const auto error =
      ParseVerdict(R"({"eligible":false,"data_error":"a.csv:3: no"})", {.exit_code = 2});
  EXPECT_EQ(error.kind, Kind::kDataError);
  EXPECT_EQ(error.reason, "a.csv:3: no");
}

TEST(ParseVerdict, TrustsNothingElse) {
  for (const char* answer :
       {"", "null", "[]", "{}", "{", R"({"eligible":1})", R"({"eligible":true})",
        R"({"eligible":true,"size_class":-4})", R"({"eligible":false})"})
    EXPECT_EQ(ParseVerdict(answer, {}).kind, Kind::kFailed) << answer;
  EXPECT_EQ(ParseVerdict(R"({"eligible":true,"size_class":64})", {.exit_code = 1}).kind,
            Kind::kFailed);
  EXPECT_EQ(ParseVerdict(R"({"eligible":true,"size_class":64})", {.signal = 9}).kind,
            Kind::kFailed);
}

std::vector<PreflightSeat> Seats(std::size_t count) {
  std::vector<PreflightSeat> seats;
  for (std::size_t i = 0; i < count; ++i) seats.push_back({"m" + std::to_string(i), ""});
  return seats;
}

TEST(CheckVerdicts, TellsEveryMerchantsDataError) {
  const std::vector<PreflightVerdict> verdicts = {{Kind::kDataError, 0, "x.csv:7: not a number"},
                                                  {Kind::kEligible, 64, ""},
                                                  {Kind::kDataError, 0, "y.csv:1: empty"}};
  const absl::Status status = CheckVerdicts(Seats(3), verdicts);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "m0: x.csv:7: not a number"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "m2: y.csv:1: empty"));
}

TEST(CheckVerdicts, NeedsThreeEligibleMerchants) {
  std::vector<PreflightVerdict> verdicts(4, {Kind::kEligible, 64, ""});
  verdicts[0] = {Kind::kTooSmall, 0, "few"};
  EXPECT_OK(CheckVerdicts(Seats(4), verdicts));
  verdicts[1] = verdicts[0];
  EXPECT_THAT(CheckVerdicts(Seats(4), verdicts),
              StatusIs(absl::StatusCode::kFailedPrecondition, "only 2 merchants"));
}

TEST(RunPreflights, AsksEverySeatAndReadsItsAnswer) {
  const TempFolder of_test;
  const auto folder = of_test.path() / "with a space";
  std::filesystem::create_directories(folder);
  const auto program = folder / "client";
  std::ofstream(program)
      << "#!/bin/sh\n[ \"$1 $2 $4\" = 'preflight --config --json' ] || exit 64\ncat \"$3\"\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  std::vector<PreflightSeat> seats;
  for (int i = 0; i < 7; ++i) {
    seats.push_back({"m" + std::to_string(i), folder / std::to_string(i)});
    std::ofstream(seats.back().config)
        << "{\"eligible\":true,\"size_class\":" << 64 * (i + 1) << "}";
  }
  ASSERT_OK_AND_ASSIGN(const auto verdicts, RunPreflights(program, seats, folder, -1));
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(verdicts[i].size_class, 64 * (i + 1));
}

TEST(OutputFolder, TakesOverItsOwnAndNothingElse) {
  const TempFolder of_test;
  const auto folder = of_test.path() / "out of a run";
  {
    ASSERT_OK_AND_ASSIGN(const OutputFolder out, OutputFolder::Open(folder));
    std::ofstream(out.path() / "report.json") << "old";
    std::ofstream(out.path() / "mine.txt") << "kept";
    EXPECT_THAT(OutputFolder::Open(folder),
                StatusIs(absl::StatusCode::kUnavailable, "another demo"));
  }
  ASSERT_OK(OutputFolder::Open(folder));
  EXPECT_FALSE(std::filesystem::exists(folder / "report.json"));
  EXPECT_TRUE(std::filesystem::exists(folder / "mine.txt"));
  std::filesystem::remove(folder / ".veilsum-demo");
  EXPECT_THAT(OutputFolder::Open(folder),
              StatusIs(absl::StatusCode::kFailedPrecondition, "not empty"));
  EXPECT_TRUE(std::filesystem::exists(folder / "mine.txt"));
}

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now; }
  Time now{};
};

TEST(ProgressText, FitsItsWidth) {
  const ProgressState state{.state = "training",
                            .round = 128,
                            .step = 120,
                            .steps = 300,
                            .aborted = 8,
                            .survivors = 5,
                            .members = 6,
                            .epsilon = 1.234,
                            .rounds_per_second = 24.3,
                            .loss = 0.5123};
  for (const int width : {10, 40, 80, 120, 200})
    EXPECT_LE(ProgressText(state, width).size(), static_cast<std::size_t>(width));
  const std::string text = ProgressText(state, 0);
  for (const char* part : {"training 120/300", "round 128", "24.3 rounds/s", "loss 0.5123",
                           "epsilon 1.234", "5/6 clients", "8 lost"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  EXPECT_NE(ProgressText(state, 160).find('#'), std::string::npos);
}

TEST(ProgressLine, IsQuietWithoutATerminal) {
  ManualClock clock;
  std::FILE* out = std::tmpfile();
  ProgressLine line(out, clock);
  for (std::uint64_t step = 0; step < 100; ++step) {
    line.Show({.state = "training",
               .step = step,
               .steps = 100,
               .epsilon = {},
               .rounds_per_second = {},
               .loss = {}});
    clock.now += std::chrono::milliseconds(100);  // ten seconds in all
  }
  line.Say("done");
  std::rewind(out);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), out));
  std::fclose(out);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(RateMeter, MeasuresTheLastSeconds) {
  ManualClock clock;
  RateMeter meter(clock);
  EXPECT_FALSE(meter.PerSecond());
  for (std::uint64_t round = 0; round < 150; ++round) {
    meter.Add(round);
    clock.now += std::chrono::milliseconds(round < 50 ? 500 : 50);
  }
  EXPECT_NEAR(meter.PerSecond().value_or(0), 20, 0.5);
}

}  // namespace
}  // namespace veilsum::cli
