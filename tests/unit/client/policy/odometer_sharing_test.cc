// Several processes of one merchant with one odometer: one trains, others read and vote.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <latch>
#include <thread>

#include "client/policy/blocks.h"
#include "client/policy/odometer.h"
#include "client/policy/veto.h"
#include "dp/mechanism/randomised_response.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

const dp::BlockBudget kSharedBudget{4, 1e-6, 12};
constexpr std::uint32_t kVoteMillis = 200;
constexpr std::uint64_t kFailed = ~std::uint64_t{0};

dp::AttemptCharge Price() { return dp::ChargeOfResponse(kVoteMillis, kSharedBudget.order); }
// How many of them the block holds.
std::uint64_t Room() {
  return static_cast<std::uint64_t>(dp::RenyiLimit(kSharedBudget) / Price().rdp);
}
BlockCharge ChargeOf(std::uint64_t attempts) {
  return {HoldoutBlock(1), kSharedBudget, {{"evaluation", Price(), attempts}}};
}
Hash32 ContractOf(std::size_t who, std::uint64_t number) {
  return Hash32{static_cast<std::uint8_t>(who + 1), static_cast<std::uint8_t>(number)};
}

// Charges one attempt after the other, each under a contract of its own, until nothing is left.
absl::StatusOr<std::uint64_t> TrainUntilFull(Odometer& odometer, std::size_t who) {
  for (std::uint64_t charged = 0;; ++charged) {
    const absl::Status approved = odometer.Approve(ContractOf(who, charged), 1, ChargeOf(1));
    if (absl::IsResourceExhausted(approved)) return charged;
    VEILSUM_RETURN_IF_ERROR(approved);
    VEILSUM_RETURN_IF_ERROR(odometer.Spend(ContractOf(who, charged), 1, 1));
  }
}

absl::StatusOr<std::uint64_t> VoteUntilFull(Odometer& odometer, std::size_t who) {
  Policy policy;
  policy.block_epsilon = kSharedBudget.epsilon;
  policy.block_delta = kSharedBudget.delta;
  policy.block_order = kSharedBudget.order;
  SystemRng rng;
  for (std::uint64_t charged = 0;; ++charged) {
    const VetoQuestion question{absl::StrFormat("%d-%d", who, charged), "canary", true};
    const auto vote = Vote(question, {VetoMode::kRandomised, kVoteMillis}, policy, odometer, rng);
    if (absl::IsResourceExhausted(vote.status())) return charged;
    VEILSUM_RETURN_IF_ERROR(vote.status());
  }
}

// A process of its own, forked while this one has no odometer open: `work` begins at Go, and what
// it says can be read.
class Child {
 public:
  explicit Child(const std::function<void(Child&)>& work) {
    VEILSUM_CHECK(pipe(go_) == 0 && pipe(said_) == 0);
    pid_ = fork();
    if (pid_ != 0) {
      close(said_[1]);
      return;
    }
    char byte = 0;
    if (read(go_[0], &byte, 1) == 1) work(*this);
    _exit(0);
  }
  ~Child() {
    Kill();
    for (const int fd : {go_[0], go_[1], said_[0]}) close(fd);
  }
  void Go() { VEILSUM_CHECK(write(go_[1], "g", 1) == 1); }
  void Say(std::uint64_t number) {
    if (write(said_[1], &number, sizeof number) != sizeof number) _exit(1);
  }
  void SayWhy(const absl::Status& failed) {
    std::cerr << failed << "\n";
    Say(kFailed);
  }
  std::optional<std::uint64_t> Hear() {
    std::uint64_t number = 0;
    if (read(said_[0], &number, sizeof number) != sizeof number) return std::nullopt;
    return number;
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  int go_[2], said_[2];
  pid_t pid_ = 0;
};

class OdometerSharingTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "odometer.sqlite"; }
  void ExpectFull(std::uint64_t charged) {
    EXPECT_EQ(charged, Room());
    ASSERT_OK_AND_ASSIGN(const auto odometer, Odometer::Open(file()));
    ASSERT_OK_AND_ASSIGN(const BlockTotals totals, odometer->Totals(HoldoutBlock(1)));
    EXPECT_NEAR(totals.spent, static_cast<double>(charged) * Price().rdp, 1e-9);
    EXPECT_LE(totals.spent, totals.limit * (1 + 1e-12));
    EXPECT_EQ(totals.reserved, 0);
  }
  TestFolder folder_;
};

TEST_F(OdometerSharingTest, AHandleSeesAtOnceWhatAnotherOneDid) {
  ASSERT_OK_AND_ASSIGN(const auto trainer, Odometer::Open(file()));
  ASSERT_OK_AND_ASSIGN(const auto reader, Odometer::Open(file()));
  const Hash32 contract{1};
  ASSERT_OK(trainer->Approve(contract, 5, ChargeOf(5)));
  EXPECT_NEAR(reader->Totals(HoldoutBlock(1))->reserved, 5 * Price().rdp, 1e-12);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    ASSERT_OK((i % 2 == 0 ? *trainer : *reader).Spend(contract, i, i));
    for (Odometer* each : {trainer.get(), reader.get()}) {
      EXPECT_EQ(*each->SpentThrough(contract), i);
      EXPECT_NEAR(each->Totals(HoldoutBlock(1))->spent, static_cast<double>(i) * Price().rdp,
                  1e-12);
      EXPECT_THAT(each->Spend(contract, i, i), StatusIs(StatusCode::kFailedPrecondition, "SA-15"));
    }
  }
  EXPECT_TRUE(reader->GroupingSecret()->Equals(*trainer->GroupingSecret()));
  const std::vector<std::string> ann = {"ann"};
  EXPECT_EQ(*trainer->ClaimCustomers(ann), std::vector<bool>({true}));
  ASSERT_OK(reader->OpenEpoch("a new year", 1));
  EXPECT_EQ(*trainer->ClaimCustomers(ann), std::vector<bool>({false}));
  EXPECT_EQ(trainer->Epochs()->size(), 2u);
  EXPECT_THAT(trainer->Spend(contract, 5, 5), StatusIs(StatusCode::kResourceExhausted, "closed"));
}

TEST_F(OdometerSharingTest, ManyHandlesOpenedAtOnceNeverChargeABlockBeyondItsBudget) {
  constexpr std::size_t kHandles = 8;
  std::latch start(kHandles);
  std::array<absl::StatusOr<std::uint64_t>, kHandles> charged;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kHandles; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      const auto odometer = Odometer::Open(file());
      charged[i] = !odometer.ok() ? absl::StatusOr<std::uint64_t>(odometer.status())
                   : i % 2 == 0   ? TrainUntilFull(**odometer, i)
                                  : VoteUntilFull(**odometer, i);
    });
  for (std::thread& thread : threads) thread.join();
  std::uint64_t all = 0;
  for (const auto& each : charged) {
    ASSERT_OK(each);
    all += *each;
  }
  ExpectFull(all);
}

TEST_F(OdometerSharingTest, ATrainerAndVotersInProcessesOfTheirOwnShareABlock) {
  std::vector<std::unique_ptr<Child>> children;
  for (std::size_t i = 0; i < 3; ++i)
    children.push_back(std::make_unique<Child>([this, i](Child& child) {
      const auto lock =
          i == 0 ? LockForTraining(file()) : absl::StatusOr<FileLock>(NotFound("a voter"));
      const auto odometer = Odometer::Open(file());
      if (i == 0 && !lock.ok()) return child.SayWhy(lock.status());
      if (!odometer.ok()) return child.SayWhy(odometer.status());
      const auto charged = i == 0 ? TrainUntilFull(**odometer, i) : VoteUntilFull(**odometer, i);
      if (!charged.ok()) return child.SayWhy(charged.status());
      child.Say(*charged);
    }));
  for (const auto& child : children) child->Go();
  std::uint64_t all = 0;
  for (const auto& child : children) {
    const std::optional<std::uint64_t> charged = child->Hear();
    ASSERT_TRUE(charged.has_value());
    ASSERT_NE(*charged, kFailed);
    all += *charged;
  }
  ExpectFull(all);
}

TEST_F(OdometerSharingTest, ReadersWorkBesideATrainerAndASecondOneIsRefusedUntilItIsKilled) {
  Child trainer([this](Child& child) {
    const auto lock = LockForTraining(file());
    const auto odometer = Odometer::Open(file());
    const Hash32 contract{1};
    if (!lock.ok() || !odometer.ok() || !(*odometer)->Approve(contract, 1'000'000).ok()) return;
    for (std::uint64_t i = 1; (*odometer)->Spend(contract, i, i).ok(); ++i) child.Say(i);
  });
  trainer.Go();
  ASSERT_TRUE(trainer.Hear().has_value());
  ASSERT_OK_AND_ASSIGN(const auto reader, Odometer::Open(file()));
  std::uint64_t acknowledged = 1;
  for (int i = 0; i < 20; ++i) {
    acknowledged = trainer.Hear().value_or(0);
    EXPECT_GE(*reader->SpentThrough(Hash32{1}), acknowledged);
    ASSERT_OK(reader->KeepVote({absl::StrFormat("%d", i), "canary", true, 0}));
  }
  EXPECT_THAT(LockForTraining(file()), StatusIs(StatusCode::kUnavailable, "another process"));
  trainer.Kill();
  EXPECT_OK(LockForTraining(file()));
  while (const auto more = trainer.Hear()) acknowledged = *more;
  EXPECT_GE(*reader->SpentThrough(Hash32{1}), acknowledged);
  EXPECT_LE(*reader->SpentThrough(Hash32{1}), acknowledged + 1);
  EXPECT_EQ(reader->Votes()->size(), 20u);
}

TEST_F(OdometerSharingTest, ATrainingLockIsOnesOwnAndIsNotInherited) {
  const std::filesystem::path other = folder_.path() / "by-another-name.sqlite";
  ASSERT_OK(Odometer::Open(file()));
  std::filesystem::create_symlink(file(), other);
  pid_t sleeper = 0;
  {
    ASSERT_OK_AND_ASSIGN(const FileLock lock, LockForTraining(file()));
    EXPECT_THAT(LockForTraining(other), StatusIs(StatusCode::kUnavailable, "another process"));
    char name[] = "sleep", time[] = "1000";
    char* const arguments[] = {name, time, nullptr};
    ASSERT_EQ(posix_spawnp(&sleeper, name, nullptr, nullptr, arguments, environ), 0);
  }
  EXPECT_OK(LockForTraining(other));
  kill(sleeper, SIGKILL);
  waitpid(sleeper, nullptr, 0);
  EXPECT_THAT(LockForTraining(folder_.path() / "none" / "odometer.sqlite"),
              StatusIs(StatusCode::kUnavailable, "cannot write"));
}

}  // namespace
}  // namespace veilsum::client
