// A17 and A18 at a whole participant: whenever it is killed, started is spent and nothing is
// started twice; a copy of its memory draws other coins and noise; when and how much it uploads
// does not tell how many customers it had sampled.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "client/train/cpu/cpu_trainer.h"
#include "tests/unit/client/round/one_participant.h"

namespace veilsum::client {
namespace {

// ---- A17: crashes

// "spend a-b" and "compute r" in the order in which they happened.
void ExpectStartedIsSpent(const std::vector<std::string>& events) {
  std::uint64_t spent = 0;
  std::set<std::uint64_t> computed;
  for (const std::string& event : events) {
    std::uint64_t first = 0, last = 0;
    if (std::sscanf(event.c_str(), "spend %lu-%lu", &first, &last) == 2) {
      EXPECT_GT(first, spent) << "spent twice";
      spent = last;
    } else {
      ASSERT_EQ(std::sscanf(event.c_str(), "compute %lu", &first), 1) << event;
      EXPECT_LE(first, spent) << "computed before it was spent";
      EXPECT_TRUE(computed.insert(first).second) << "attempt " << first << " was started twice";
    }
  }
}

TEST(Attempts, A17_AKillBeforeEveryMessageLeavesStartedSpentAndNothingTwice) {
  int points = 0, went_on = 0;
  for (int fatal = 1;; ++fatal) {
    SCOPED_TRACE(fatal);
    OneParticipant p;
    int reads = 0;
    bool dead = false;
    p.before_read = [&](ServerMessage&) {
      dead = dead || ++reads == fatal;
      return dead ? absl::AbortedError("killed") : absl::OkStatus();
    };
    const absl::Status first = p.Run();
    const bool killed = dead;
    if (killed) {  // another process: only the odometer's file is left of this one
      EXPECT_EQ(first.code(), absl::StatusCode::kAborted);
      const std::uint64_t spent = p.odometer.entry.spent_through;
      p.before_read = [](ServerMessage&) { return absl::OkStatus(); };
      p.participant = std::make_unique<Participant>(p.Config(), p.World());
      const std::size_t before = p.events.size();
      (void)p.participant->Run().ok();  // the run may have no further use for it
      for (std::size_t i = before; i < p.events.size(); ++i)
        for (std::uint64_t old = 1; old <= spent; ++old)
          EXPECT_NE(p.events[i], absl::StrFormat("compute %d", old))
              << "an attempt that was spent before the kill";
      went_on += p.events.size() > before;
      ++points;
    }
    ExpectStartedIsSpent(p.events);
    EXPECT_EQ(p.world.state(), "finished") << p.world.reason();
    if (!killed) break;
  }
  EXPECT_GT(points, 12);
  EXPECT_GE(went_on, 1)
      << "one block holds the whole run: only a kill before it is spent leaves any";
}

// The odometer's own write is the point of no return: before it nothing is computed, after it the
// attempt is gone.
TEST(Attempts, A17_AKillAroundTheOdometersWriteSpendsOrDoesNotStart) {
  for (const bool written : {false, true}) {
    OneParticipant p;
    bool dead = false;
    p.before_read = [&](ServerMessage& message) {
      if (message.has_start() && !std::exchange(dead, true)) {
        if (written) p.odometer.entry.spent_through = 3;
        p.odometer.spend = absl::AbortedError("killed");
      } else if (dead) {
        return absl::Status(absl::AbortedError("killed"));
      }
      return absl::OkStatus();
    };
    EXPECT_EQ(p.Run().code(), absl::StatusCode::kAborted);
    EXPECT_THAT(p.events, testing::IsEmpty());
    p.odometer.spend = absl::OkStatus();
    p.before_read = [](ServerMessage&) { return absl::OkStatus(); };
    p.participant = std::make_unique<Participant>(p.Config(), p.World());
    (void)p.participant->Run().ok();
    ExpectStartedIsSpent(p.events);
    if (written) {
      EXPECT_FALSE(p.Computed(1)) << "spent is not started again";
    }
  }
}

// ---- A17: a snapshot of a machine that is resumed twice

model::Examples Customers(std::uint32_t count) {
  model::Examples examples;
  examples.numeric = 3;
  examples.categorical = 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (int j = 0; j < 3; ++j)
      examples.numeric_values.push_back(static_cast<float>((i * 7 + j * 3) % 11) / 5.5f - 1);
    examples.active_inputs.push_back(3 + i % 4);
    examples.labels.push_back(static_cast<float>(i % 2));
    examples.first_row.push_back(i + 1);
    examples.customer_ids.push_back(std::to_string(i));
  }
  return examples;
}

// What the same attempts give in two copies of this process, memory and all.
std::vector<std::vector<std::int64_t>> InTwoCopies(
    const std::function<std::vector<std::int64_t>()>& attempts) {
  std::vector<std::vector<std::int64_t>> seen;
  for (int copy = 0; copy < 2; ++copy) {
    int report[2];
    VEILSUM_CHECK(pipe(report) == 0);
    const pid_t child = fork();
    if (child == 0) {
      const std::vector<std::int64_t> values = attempts();
      const auto* bytes = reinterpret_cast<const char*>(values.data());
      std::size_t left = values.size() * sizeof(std::int64_t);
      for (ssize_t n; left > 0 && (n = write(report[1], bytes, left)) > 0; bytes += n)
        left -= static_cast<std::size_t>(n);
      _exit(left == 0 ? 0 : 1);
    }
    close(report[1]);
    std::vector<std::int64_t>& values = seen.emplace_back();
    std::int64_t value;
    while (read(report[0], &value, sizeof value) == static_cast<ssize_t>(sizeof value))
      values.push_back(value);
    close(report[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  return seen;
}

// Six attempts of a real contribution, one after another.
std::vector<std::int64_t> SixAttempts(Contribution& contribution, const model::ModelVector& model,
                                      std::size_t sum) {
  std::vector<std::int64_t> all;
  for (std::uint64_t attempt = 1; attempt <= 6; ++attempt) {
    const auto noised = contribution.Compute({sum, attempt}, model);
    VEILSUM_CHECK(noised.ok());
    all.insert(all.end(), noised->integers().begin(), noised->integers().end());
  }
  return all;
}

struct Prepared6 {
  std::unique_ptr<Contribution> contribution;
  model::ModelVector model;
};
Prepared6 PrepareSix(const model::SmallPlan& plan, SecureRng& rng) {
  const coordinator::RunTerms terms = coordinator::SmallTerms(plan, 5);
  const ApprovedRun run = ApprovedRun::Check(terms.plan_json(), terms.contract_json(),
                                             {model::SmallSeat(0), "fed.test", Hash32{7}})
                              .value();
  return {LocalContribution::Create(run, Customers(40), rng).value(),
          model::ModelVector(run.layout().size(), 0.1f)};
}

// Without noise the vector shows the coins: half of 40 customers, six times, alike by chance once
// in 2^200.
TEST(Attempts, A17_AResumedSnapshotTossesOtherCoins) {
  InitialiseCrypto();
  SystemRng rng;
  const Prepared6 p = PrepareSix(coordinator::QuickPlan(), rng);
  const auto seen = InTwoCopies([&] { return SixAttempts(*p.contribution, p.model, 0); });
  ASSERT_GT(seen[0].size(), 6u);
  ASSERT_EQ(seen[0].size(), seen[1].size());
  EXPECT_NE(seen[0], seen[1]);
}

// Statistics are over all customers: only the noise is left to differ, and does in every attempt.
TEST(Attempts, A17_AResumedSnapshotDrawsOtherNoise) {
  InitialiseCrypto();
  SystemRng rng;
  const Prepared6 p = PrepareSix(model::SmallPlan{}, rng);
  const auto seen = InTwoCopies([&] { return SixAttempts(*p.contribution, p.model, 0); });
  ASSERT_EQ(seen[0].size(), seen[1].size());
  ASSERT_EQ(seen[0].size(), 6u * 7);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < seen[0].size(); ++i) equal += seen[0][i] == seen[1][i];
  EXPECT_LE(equal, 2u) << "of 42 values whose noise has thousands of likely ones";
}

// What the two tests above would see: a generator whose state is in memory.
TEST(Attempts, A17_AGeneratorInMemoryWouldRepeatBoth) {
  SeededRngForTests rng(5);
  for (const model::SmallPlan& plan : {coordinator::QuickPlan(), model::SmallPlan{}}) {
    const Prepared6 p = PrepareSix(plan, rng);
    const auto seen = InTwoCopies([&] { return SixAttempts(*p.contribution, p.model, 0); });
    EXPECT_EQ(seen[0], seen[1]);
  }
}

// ---- A18: what an upload tells from outside

// Work of a shape that is fixed, a little more or less of it as the batch is large or small.
class WorkingContribution final : public Contribution {
 public:
  WorkingContribution(std::size_t size, std::vector<int> batches, FakeWaiter& waiter)
      : size_(size), batches_(std::move(batches)), waiter_(waiter) {}
  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose&,
                                           const model::ModelVector&) override {
    const int batch = batches_[round_++ % batches_.size()];
    waiter_.now += std::chrono::microseconds(100 + 8 * batch);  // at most 0.9 of the tick
    return dp::NoiseShare::CreateWithoutPrivacy().AddTo(
        dp::ClippedSum::FromCertifiedContributions(std::vector<std::int64_t>(size_, batch)), rng_);
  }

 private:
  std::size_t size_;
  std::vector<int> batches_;
  FakeWaiter& waiter_;
  std::size_t round_ = 0;
  SeededRngForTests rng_{3};
};

struct Upload {
  Clock::Duration after_start;
  std::size_t bytes;
  friend bool operator==(const Upload&, const Upload&) = default;
};

// The uploads of a run whose batches are these, as a network would see them.
std::vector<Upload> UploadsOf(const std::vector<int>& batches, bool as_call) {
  OneParticipant p;
  p.fetches = as_call;
  std::vector<Upload> uploads;
  Clock::Time started{};
  p.before_read = [&](ServerMessage& message) {
    if (message.has_start()) started = p.waiter.now;
    return absl::OkStatus();
  };
  p.before_upload = [&](std::uint64_t) {
    uploads.push_back({p.waiter.now - started, 0});
    return absl::OkStatus();
  };
  VEILSUM_CHECK(p.world.Start().ok());
  for (const std::string& seat : p.world.seats)
    if (seat != p.mine()) p.world.Join(seat);
  ParticipantWorld world = p.World();
  world.prepare = [&](const ApprovedRun& run) -> absl::StatusOr<Prepared> {
    return Prepared{
        std::make_unique<WorkingContribution>(run.layout().parameters(), batches, p.waiter), 12};
  };
  p.participant = std::make_unique<Participant>(p.Config(), world);
  EXPECT_OK(p.participant->Run());
  std::size_t at = 0;
  for (const ClientMessage& message : p.written)
    if (message.has_upload()) uploads.at(at++).bytes = message.ByteSizeLong();
  return uploads;
}

TEST(Attempts, A18_TickAndBytesAreThoseOfAnEmptyBatch) {
  for (const bool as_call : {false, true}) {
    const std::vector<Upload> empty = UploadsOf({0}, as_call);
    ASSERT_EQ(empty.size(), 3u);
    for (const Upload& upload : empty)
      EXPECT_EQ(upload.after_start, std::chrono::milliseconds(1)) << "the plan's tick";
    for (const std::vector<int>& batches :
         {std::vector{100}, std::vector{0, 100, 0}, std::vector{100, 0, 1}})
      EXPECT_EQ(UploadsOf(batches, as_call), empty);
  }
}

double Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const double n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n,
               mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

// The real step and the real clock: padded batches of nobody and of everybody in random order, the
// upload at the tick. Correlation beyond 5.33 / sqrt(n) has a chance of 1e-7 where time and size
// are unrelated.
struct Timing {
  double of_uploads, of_bare_work;
};
Timing CorrelationOfTimeAndSize(std::size_t rounds, bool padded) {
  const std::uint32_t customers = padded ? 160 : 4000;
  const model::Layout layout = model::Layout::Mlp(3, 4, {64, 32}, false);
  const model::Examples examples = Customers(customers);
  const auto trainer = MakeCpuTrainer(layout, examples, 1).value();
  const auto share = dp::NoiseShare::Create(4096).value();
  const model::ModelVector model(layout.size(), 0.05f);
  std::vector<std::uint32_t> everybody(customers);
  std::iota(everybody.begin(), everybody.end(), 0u);
  SystemRng rng;
  RealWaiter waiter;
  std::mt19937 order(1);
  std::vector<double> sizes, uploads, work;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const bool full = order() % 2 == 1;
    const std::vector<std::uint32_t> sampled = full ? everybody : std::vector<std::uint32_t>{};
    const StepShape shape{padded ? customers : full ? customers : 1, 1, 1 << 20};
    const Clock::Time start = waiter.Now();
    dp::ClippedSum sum = trainer->GradientSum(model, sampled, shape).value();
    const dp::NoisedVector noised = share.AddTo(std::move(sum), rng);
    const Clock::Time done = waiter.Now();
    const Clock::Duration tick = padded ? std::chrono::milliseconds(5) : Clock::Duration(1);
    waiter.WaitUntil(NextTick(start, tick, done));
    uploads.push_back(static_cast<double>((NextTick(start, tick, done) - start).count()));
    work.push_back(static_cast<double>((done - start).count()));
    sizes.push_back(full ? 1 : 0);
    EXPECT_TRUE(bytes == 0 || bytes == noised.integers().size());
    bytes = noised.integers().size();
  }
  return {Correlation(sizes, uploads), Correlation(sizes, work)};
}

std::size_t TimedRounds() {
  const char* const text = std::getenv("VEILSUM_TIMED_ROUNDS");
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

// VEILSUM_TIMED_ROUNDS of them, as the nightly label does; 30 otherwise, which see only gross
// leaks.
TEST(Attempts, A18_UploadTimeIsUnrelatedToTheBatch) {
  InitialiseCrypto();
  const std::size_t rounds = std::max<std::size_t>(30, TimedRounds());
  const Timing timing = CorrelationOfTimeAndSize(rounds, true);
  EXPECT_LT(std::abs(timing.of_uploads), 5.33 / std::sqrt(static_cast<double>(rounds)));
  std::printf("upload time r = %.3f, bare work r = %.3f, n = %zu\n", timing.of_uploads,
              timing.of_bare_work, rounds);
}
TEST(Attempts, A18_UploadTimeIsUnrelatedToTheBatchUnderLoad) {
  if (TimedRounds() == 0) GTEST_SKIP() << "nightly: set VEILSUM_TIMED_ROUNDS";
  InitialiseCrypto();
  std::atomic<bool> stop = false;
  std::vector<std::jthread> load;
  for (int i = 0; i < 3; ++i)
    load.emplace_back([&] {
      for (std::atomic<std::uint64_t> n = 0; !stop; ++n) {
      }
    });
  const Timing timing = CorrelationOfTimeAndSize(TimedRounds(), true);
  stop = true;
  EXPECT_LT(std::abs(timing.of_uploads), 5.33 / std::sqrt(static_cast<double>(TimedRounds())));
}
// Without padding and tick the same measurement sees the batch.
TEST(Attempts, A18_WithoutPaddingAndTickTheBatchShows) {
  if (TimedRounds() == 0) GTEST_SKIP() << "nightly: set VEILSUM_TIMED_ROUNDS";
  InitialiseCrypto();
  const Timing timing = CorrelationOfTimeAndSize(TimedRounds(), false);
  EXPECT_GT(timing.of_uploads, 5.33 / std::sqrt(static_cast<double>(TimedRounds())));
}

}  // namespace
}  // namespace veilsum::client
