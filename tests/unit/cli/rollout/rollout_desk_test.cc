// An operator's commands on a folder: each may be repeated, whatever failed or crashed in between.
#include "cli/rollout/rollout_desk.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "cli/rollout/rollout_status.h"
#include "coordinator/rollout/veto_vote.h"
#include "model/release/score_histogram.h"
#include "tests/support/noisy_scores.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using coordinator::ClientReport;
using coordinator::Stage;

class Desk : public testing::Test {
 protected:
  Desk() {
    SystemRng rng;
    auto keys = RolloutKeys::Make(keys_, rng);
    VEILSUM_CHECK(keys.ok());
    VEILSUM_CHECK(MakeRepository(folder_, "fed.test", release::SampleSigner().public_key().pem(),
                                 **keys, Clock())
                      .ok());
    for (const char* tenant : {"acme", "bolt", "cara"})
      clients_.push_back(absl::StrFormat("spiffe://fed.test/tenant/%s/client/a", tenant));
  }
  static rollout::Seconds Clock() {
    return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  }
  RolloutLedger Ledger() {
    RolloutLedger out;
    out.publish = [this](const release::Release& release) {
      if (!ledger_.ok()) return ledger_;
      told_.push_back("published " + release.manifest.version);
      return absl::OkStatus();
    };
    out.record = [this](const coordinator::RolloutSpec&, const coordinator::Transition& t) {
      if (!ledger_.ok()) return ledger_;
      told_.push_back(std::string(StageName(t.to)));
      return absl::OkStatus();
    };
    out.approve = [this](const std::string&,
                         const std::string& rollout) -> absl::StatusOr<std::vector<std::string>> {
      if (!ledger_.ok()) return ledger_;
      std::vector<std::string>& who = approvers_[rollout];
      if (std::ranges::find(who, me_) == who.end()) who.push_back(me_);
      return who;
    };
    return out;
  }
  // As a command of its own: everything is read again.
  absl::Status With(const std::function<absl::Status(RolloutDesk&)>& action) {
    VEILSUM_ASSIGN_OR_RETURN(const auto desk, RolloutDesk::Open(folder_, keys_, me_, Ledger()));
    return action(*desk);
  }
  absl::Status Start(std::uint64_t release,
                     std::vector<coordinator::CanaryStep> steps = {{99, 0}}) {
    StartRequest request;
    request.clients = clients_;
    request.shadow = 0;
    request.steps = std::move(steps);
    request.veto_gate = veto_gate_;
    request.evaluation_gates = evaluation_gates_;
    return With([&](RolloutDesk& desk) { return desk.Start(Files(release), request); });
  }
  absl::Status Look() {
    return With([](RolloutDesk& desk) { return desk.Look(std::chrono::seconds(0)); });
  }
  // A release whose metrics have the histogram of 400,000 customers, scores `apart` standard
  // deviations between the labels.
  void Evaluated(std::uint64_t counter, double apart) {
    release::ReleaseInput input = release::SampleInput(counter);
    input.metrics["score_histogram"] =
        *release::ScoreHistogramJson(NoisyScores(apart, 400'000, counter));
    release::Files files = release::BuildPackage(input).value();
    ASSERT_OK(release::SignPackage(files, release::SampleSigner()));
    evaluated_[counter] = std::move(files);
  }
  const release::Files& Files(std::uint64_t counter) const {
    static std::map<std::uint64_t, release::Files> all;
    if (evaluated_.contains(counter)) return evaluated_.at(counter);
    if (!all.contains(counter)) all[counter] = release::SampleFiles(counter);
    return all[counter];
  }
  std::string DigestOf(std::uint64_t counter) const {
    return HexEncode(release::RootDigest(Files(counter)));
  }
  std::string Stage() const {
    auto status = RolloutStatus(folder_);
    return status.ok() ? (*status)["stage"].get<std::string>() : status.status().ToString();
  }
  void Report(const std::string& client, const std::string& result, const std::string& code,
              const std::string& has, const std::string& wanted) {
    ClientReport report;
    report.client = client;
    report.time = 1;
    report.result = result;
    report.code = code;
    report.digest = has;
    report.wanted = wanted;
    ASSERT_OK(SaveReport(folder_, report));
  }
  void EverybodyHas(std::uint64_t release) {
    for (const std::string& client : clients_)
      Report(client, "installed", "", DigestOf(release), DigestOf(release));
  }
  void MakeStable(std::uint64_t release) {
    ASSERT_OK(Start(release));
    ASSERT_OK(Look());
    EverybodyHas(release);
    ASSERT_OK(Look());
    for (const char* who : {"spiffe://fed.test/operator/a", "spiffe://fed.test/operator/b"}) {
      me_ = who;
      ASSERT_OK(With([](RolloutDesk& desk) { return desk.Approve(); }));
    }
    ASSERT_EQ(Stage(), "stable");
  }

  TempFolder temp_;
  const fs::path folder_ = temp_.path() / "rollouts", keys_ = temp_.path() / "keys";
  std::vector<std::string> clients_;
  std::string me_ = "spiffe://fed.test/operator/a";
  bool veto_gate_ = false;
  std::set<coordinator::EvaluationGate> evaluation_gates_;
  std::map<std::uint64_t, release::Files> evaluated_;
  absl::Status ledger_;  // what it answers
  std::vector<std::string> told_;
  std::map<std::string, std::vector<std::string>> approvers_;
};

TEST_F(Desk, AReleaseGoesToSomeThenToAllWithTwoApprovals) {
  MakeStable(1);
  EXPECT_THAT(told_,
              testing::ElementsAre("published 1.1.0", "validated", "shadow", "canary", "stable"));
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["approved"].size(), 2u);
  for (const auto& client : status["clients"]) EXPECT_EQ(client["to_have"], DigestOf(1));
}

TEST_F(Desk, ACommandGoesOnWhereALedgerThatWasDownLeftIt) {
  ledger_ = Unavailable("down");
  EXPECT_EQ(Start(1).code(), StatusCode::kUnavailable);
  EXPECT_EQ(RolloutStatus(folder_).status().code(), StatusCode::kNotFound) << "nothing was begun";
  ledger_ = absl::OkStatus();
  ASSERT_OK(Start(1));
  ASSERT_OK(Start(1));
  EXPECT_EQ(told_.size(), 3u) << "and nothing is told twice";
  ledger_ = Unavailable("down");
  EXPECT_EQ(Look().code(), StatusCode::kUnavailable);
  ASSERT_OK_AND_ASSIGN(auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["stage"], "canary");
  EXPECT_EQ(status["untold"], 1);
  for (const auto& client : status["clients"])
    EXPECT_EQ(client["to_have"], "") << "no client is given what the ledger does not know of";
  ledger_ = absl::OkStatus();
  ASSERT_OK(With([](RolloutDesk& desk) { return desk.Refresh(); }));
  ASSERT_OK_AND_ASSIGN(status, RolloutStatus(folder_));
  EXPECT_EQ(status["untold"], 0);
  EXPECT_EQ(told_.back(), "canary");
}

TEST_F(Desk, ARollBackDoesNotWaitForTheLedger) {
  MakeStable(1);
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  ledger_ = Unavailable("down");
  const auto back = [](RolloutDesk& desk) { return desk.RollBack(); };
  EXPECT_EQ(With(back).code(), StatusCode::kUnavailable);
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["stage"], "rolled_back");
  for (const auto& client : status["clients"]) EXPECT_EQ(client["to_have"], DigestOf(1));
  ledger_ = absl::OkStatus();
  ASSERT_OK(With(back));
  ASSERT_OK(With(back));
  EXPECT_EQ(told_.back(), "rolled_back");
  EXPECT_EQ(std::ranges::count(told_, "rolled_back"), 1);
}

TEST_F(Desk, WhoeverCannotVerifyItTakesItBackAndOwnPoliciesDoNot) {
  MakeStable(1);
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  for (const std::string& client : clients_)
    Report(client, "installed", "", DigestOf(2), DigestOf(2));
  Report(clients_[0], "refused", "P301", DigestOf(1), DigestOf(2));
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "canary");
  Report(clients_[0], "refused", "M501", DigestOf(1), DigestOf(2));
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "rolled_back");
}

TEST_F(Desk, NoReportsAreNoGoodNews) {
  ASSERT_OK(Start(1));
  ASSERT_OK(Look());
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "paused");
  EXPECT_EQ(Look().code(), StatusCode::kFailedPrecondition);
  ASSERT_OK(With([](RolloutDesk& desk) { return desk.Pause(); })) << "it is paused already";
  ASSERT_OK(With([](RolloutDesk& desk) { return desk.Resume(); }));
  EXPECT_EQ(Stage(), "canary");
}

TEST_F(Desk, ServingIsJudgedAgainstWhoHasTheReleaseBefore) {
  MakeStable(1);
  StartRequest request;
  request.shadow = 0;
  request.steps = {{50, 0}};
  request.serving_gates = true;
  ASSERT_OK(With([&](RolloutDesk& desk) { return desk.Start(Files(2), request); }));
  ASSERT_OK(Look());
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  ASSERT_EQ(status["clients"].size(), 3u) << "those of the rollout before";
  int holders = 0;
  for (const auto& client : status["clients"]) {
    const bool has_new = client["to_have"] == DigestOf(2);
    holders += has_new;
    ClientReport report;
    report.client = client["client"].get<std::string>();
    report.result = "up_to_date";
    report.digest = report.wanted = has_new ? DigestOf(2) : DigestOf(1);
    report.requests = 100'000;
    report.errors = has_new ? 5'000 : 10;
    report.latency.assign(40, 0);
    report.latency.push_back(report.requests);
    ASSERT_OK(SaveReport(folder_, report));
  }
  ASSERT_GT(holders, 0);
  ASSERT_LT(holders, 3);
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "rolled_back") << "five errors in a hundred";
}

TEST_F(Desk, PauseAndResumeMayBeRepeated) {
  MakeStable(1);
  ASSERT_OK(Start(2));
  const auto pause = [](RolloutDesk& desk) { return desk.Pause(); };
  const auto resume = [](RolloutDesk& desk) { return desk.Resume(); };
  ASSERT_OK(With(pause));
  ASSERT_OK(With(pause));
  EXPECT_EQ(Stage(), "paused");
  ASSERT_OK(With(resume));
  const std::size_t told = told_.size();
  ASSERT_OK(With(resume));
  EXPECT_EQ(Stage(), "shadow");
  EXPECT_EQ(told_.size(), told) << "nothing is told twice";
  ASSERT_OK(With([](RolloutDesk& desk) { return desk.RollBack(); }));
  EXPECT_EQ(With(resume).code(), StatusCode::kFailedPrecondition);
}

TEST_F(Desk, MerchantsWhoObjectTakeItBackAndTheLedgerHasIt) {
  MakeStable(1);
  veto_gate_ = true;
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  EverybodyHas(2);
  ASSERT_OK_AND_ASSIGN(auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["veto"]["verdict"], "inconclusive");
  for (const std::string& client : clients_)
    ASSERT_OK(coordinator::SaveVote(folder_,
                                    {client, DigestOf(2), "canary", client == clients_[0], 0, 1}));
  ASSERT_OK_AND_ASSIGN(status, RolloutStatus(folder_));
  EXPECT_EQ(status["veto"]["bits_raised"], 1);
  EXPECT_THAT(StatusText(status), testing::HasSubstr("veto: breach, 1 bits of 3 votes"));
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "rolled_back");
  EXPECT_EQ(told_.back(), "rolled_back");
  ASSERT_OK_AND_ASSIGN(status, RolloutStatus(folder_));
  EXPECT_EQ(status["reason"], "gate veto: 0.3333, limit 0.25");
}

TEST_F(Desk, VotesThatShowNothingPauseIt) {
  MakeStable(1);
  veto_gate_ = true;
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  EverybodyHas(2);
  for (const std::string& client : clients_)
    ASSERT_OK(coordinator::SaveVote(folder_, {client, DigestOf(2), "canary", false, 1000, 1}));
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "paused");
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["reason"],
            "gate veto is inconclusive: 3 votes could not show it if all were vetoes");
}

TEST_F(Desk, WhatHoldOutsSaidTakesAWorseReleaseBackBeforeAnybodyHasIt) {
  Evaluated(1, 1.0);
  Evaluated(2, 0.96);  // 0.01 of ROC-AUC less
  MakeStable(1);
  evaluation_gates_ = {coordinator::EvaluationGate::kQuality};
  ASSERT_OK(Start(2));
  for (int look = 0; look < 2 && Stage() == "shadow"; ++look) ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "rolled_back");
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_THAT(status["reason"].get<std::string>(), testing::StartsWith("gate quality: 0.01"));
  for (const auto& client : status["clients"]) EXPECT_EQ(client["to_have"], DigestOf(1));
}

TEST_F(Desk, AReleaseAsGoodPassesEveryGateOfHoldOuts) {
  Evaluated(1, 1.0);
  Evaluated(2, 1.06);
  MakeStable(1);
  evaluation_gates_ = {coordinator::EvaluationGate::kQuality, coordinator::EvaluationGate::kDrift,
                       coordinator::EvaluationGate::kCalibration};
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_EQ(Stage(), "canary") << status["reason"];
}

TEST_F(Desk, WithoutAnEvaluationItsGatesCannotTell) {
  Evaluated(2, 1.0);
  MakeStable(1);
  evaluation_gates_ = {coordinator::EvaluationGate::kDrift};
  ASSERT_OK(Start(2));
  ASSERT_OK(Look());
  EXPECT_EQ(Stage(), "paused");
  ASSERT_OK_AND_ASSIGN(const auto status, RolloutStatus(folder_));
  EXPECT_EQ(status["reason"], "gate drift is inconclusive: the release has no private evaluation");
}

TEST_F(Desk, AnOperatorOfAnotherFederationIsSentAway) {
  me_ = "spiffe://fed.other/operator/a";
  EXPECT_EQ(Start(1).code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(told_.empty());
}

TEST(RolloutKeys, EachRoleMayHaveItsOwn) {
  TempFolder temp;
  RolloutKeyFiles files(temp.path() / "keys");
  files.files[rollout::Role::kRoot] = temp.path() / "vault-root.key";
  files.files[rollout::Role::kDirector] = temp.path() / "director.key";
  SystemRng rng;
  ASSERT_OK_AND_ASSIGN(const auto made, RolloutKeys::Make(files, rng));
  ASSERT_OK(MakeRepository(temp.path() / "r", "fed.test",
                           release::SampleSigner().public_key().pem(), *made, 1'800'000'000));
  ASSERT_OK_AND_ASSIGN(const rollout::Repository repository,
                       rollout::Repository::Open(temp.path() / "r"));
  std::set<Ed25519PublicKey> keys;
  for (const auto& [role, allowed] : repository.root().roles) keys.insert(allowed.keys.front());
  EXPECT_EQ(keys.size(), 4u) << "root, targets, director; snapshot and timestamp share one";
  // Without the vault everything works that a root is not needed for.
  fs::remove(temp.path() / "vault-root.key");
  ASSERT_OK_AND_ASSIGN(const auto read, RolloutKeys::Read(files));
  EXPECT_TRUE(read->can_revoke());
  EXPECT_FALSE(read->signers().contains(rollout::Role::kRoot));
  EXPECT_EQ(read->signers().at(rollout::Role::kDirector).front()->public_key(),
            repository.root().roles.at(rollout::Role::kDirector).keys.front());
  fs::remove(temp.path() / "director.key");
  EXPECT_EQ(RolloutKeys::Read(files).status().code(), StatusCode::kNotFound);
}

TEST_F(Desk, OneRolloutAtATime) {
  ASSERT_OK(Start(1));
  EXPECT_EQ(Start(2).code(), StatusCode::kFailedPrecondition);
  ASSERT_OK_AND_ASSIGN(const auto open, RolloutDesk::Open(folder_, keys_, me_, Ledger()));
  EXPECT_EQ(Look().code(), StatusCode::kUnavailable) << "another command works on it";
}

TEST_F(Desk, ARevocationNeedsTwoAndTheOfflineKey) {
  MakeStable(1);
  const auto revoke = [](RolloutDesk& desk) { return desk.Revoke("it leaks"); };
  fs::rename(keys_ / "offline.key", temp_.path() / "elsewhere");
  EXPECT_EQ(With(revoke).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Start(2).code(), StatusCode::kFailedPrecondition) << "publishing needs it too";
  fs::rename(temp_.path() / "elsewhere", keys_ / "offline.key");
  ASSERT_OK(With(revoke));
  EXPECT_EQ(Stage(), "stable");
  me_ = "spiffe://fed.test/operator/a";
  ASSERT_OK(With(revoke));
  EXPECT_EQ(Stage(), "revoked");
  ASSERT_OK_AND_ASSIGN(const auto repository, rollout::Repository::Open(folder_));
  EXPECT_TRUE(repository.targets().IsRevoked(DigestOf(1)));
}

TEST_F(Desk, AReleaseThatNobodySignedIsNotBegun) {
  release::Files files = Files(1);
  files["model.safetensors"][200] ^= 1;
  StartRequest request;
  request.clients = clients_;
  EXPECT_EQ(With([&](RolloutDesk& desk) { return desk.Start(files, request); }).code(),
            StatusCode::kFailedPrecondition);
  request.clients.clear();
  EXPECT_EQ(With([&](RolloutDesk& desk) { return desk.Start(Files(1), request); }).code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(told_.empty());
}

}  // namespace
}  // namespace veilsum::cli
