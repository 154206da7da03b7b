// A contract that is not exactly what the plan makes of it is refused, naming what is wrong (SE-02,
// SE-04, DP-03).
#include "client/round/approved_run.h"

#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/coordinator/run/small_terms.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

struct Offer {
  std::string plan;
  model::RunContract contract;
  ApprovedRun::Own own{model::SmallSeat(1), "fed.test", Hash32{7}};

  absl::StatusOr<ApprovedRun> Check() const {
    VEILSUM_ASSIGN_OR_RETURN(const std::string json, model::ContractToJson(contract));
    return ApprovedRun::Check(plan, json, own);
  }
};

// Private, with statistics; the plan asks for two colluders and six of seven survivors.
Offer GoodOffer() {
  static const coordinator::RunTerms terms = [] {
    model::SmallPlan plan;
    plan.colluders = 2;
    plan.min_survivors = 6;
    return coordinator::SmallTerms(plan, 7);
  }();
  return {terms.plan_json(), terms.contract()};
}

TEST(ApprovedRun, TheHonestContractIsApproved) {
  const Offer offer = GoodOffer();
  ASSERT_OK_AND_ASSIGN(const ApprovedRun run, offer.Check());
  EXPECT_LE(run.privacy().epsilon, 8);
  EXPECT_GT(run.privacy().epsilon, 7);
  EXPECT_EQ(run.size_class(), 16u);
  EXPECT_LE(run.padded_customers(), 16u);
  EXPECT_EQ(run.layout().parameters(), offer.contract.sums.back().dimension);
  ASSERT_OK_AND_ASSIGN(const secure_agg::SessionParams session, run.SessionTerms());
  EXPECT_EQ(session.colluders(), 2);
  EXPECT_EQ(session.min_survivors(), 6);
  EXPECT_EQ(session.slots(), 4);
  EXPECT_EQ(session.contract_hash(), run.contract_hash());
  ASSERT_EQ(session.sums().size(), 2u);
  EXPECT_EQ(session.sums()[0].bits, secure_agg::RingBits::k64);
}

// Twelve members in two cohorts.
Offer SplitOffer() {
  static const coordinator::RunTerms terms = [] {
    model::SmallPlan plan;
    plan.cohorts = 2;
    return coordinator::SmallTerms(plan, 12);
  }();
  return {terms.plan_json(), terms.contract()};
}

TEST(ApprovedRun, TheSecureSumIsThatOfTheOwnCohort) {
  const Offer offer = SplitOffer();
  ASSERT_OK_AND_ASSIGN(const ApprovedRun run, offer.Check());
  EXPECT_EQ(run.cohort().members.size(), 6u);
  ASSERT_OK_AND_ASSIGN(const secure_agg::SessionParams session, run.SessionTerms());
  EXPECT_EQ(session.seats().size(), 6u);
  EXPECT_NE(session.FindSeat(offer.own.seat), nullptr);
  for (const model::Cohort& cohort : offer.contract.cohorts)
    for (const std::string& member : cohort.members)
      EXPECT_EQ(session.FindSeat(member) != nullptr, cohort == run.cohort()) << member;
}

TEST(ApprovedRun, SA45_AMemberThatIsMovedIsRefusedByEverybody) {
  Offer offer = SplitOffer();
  std::swap(offer.contract.cohorts[0].members[2], offer.contract.cohorts[1].members[3]);
  for (model::Cohort& cohort : offer.contract.cohorts) std::ranges::sort(cohort.members);
  for (const std::string& seat : model::SmallSeats(12)) {
    offer.own.seat = seat;
    EXPECT_THAT(offer.Check(),
                StatusIs(StatusCode::kPermissionDenied, "SA-45: contract: cohorts[0].members"));
  }
}

struct Tampering {
  const char* name;
  std::function<void(Offer&)> spoil;
  StatusCode code;
  const char* named;  // a part of the message
};

class ApprovedRunRefuses : public testing::TestWithParam<Tampering> {};

TEST_P(ApprovedRunRefuses, ATamperedOffer) {
  Offer offer = GoodOffer();
  GetParam().spoil(offer);
  EXPECT_THAT(offer.Check(), StatusIs(GetParam().code, GetParam().named));
}

INSTANTIATE_TEST_SUITE_P(
    Offers, ApprovedRunRefuses,
    testing::Values(
        Tampering{"PlanHash", [](Offer& o) { o.contract.plan_sha256[0] ^= 1; },
                  StatusCode::kInvalidArgument, "plan_sha256"},
        Tampering{"AnotherPlan",
                  [](Offer& o) { o.plan = model::PlanToJson(model::MakeSmallPlan()); },
                  StatusCode::kInvalidArgument, "plan_sha256"},
        Tampering{"PlanNotCanonical", [](Offer& o) { o.plan += " "; }, StatusCode::kInvalidArgument,
                  ""},
        Tampering{"ForeignCa", [](Offer& o) { o.contract.ca_sha256[31] ^= 1; },
                  StatusCode::kPermissionDenied, "ca_sha256"},
        Tampering{"Federation", [](Offer& o) { o.own.federation = "other.test"; },
                  StatusCode::kPermissionDenied, "federation"},
        Tampering{"NotAMember",
                  [](Offer& o) { o.own.seat = "spiffe://fed.test/tenant/x/client/a"; },
                  StatusCode::kNotFound, ""},
        Tampering{"TwoCohorts",
                  [](Offer& o) {
                    o.contract.cohorts.push_back(o.contract.cohorts[0]);
                    for (std::string& member : o.contract.cohorts[1].members) member += "2";
                  },
                  StatusCode::kPermissionDenied, "SA-45: contract: 2 cohorts"},
        Tampering{"FewerColluders", [](Offer& o) { o.contract.cohorts[0].colluders = 1; },
                  StatusCode::kPermissionDenied, "SA-02: contract: colluders"},
        Tampering{"FewerSurvivors", [](Offer& o) { o.contract.cohorts[0].min_survivors = 5; },
                  StatusCode::kPermissionDenied, "SA-02: contract: min_survivors"},
        Tampering{"NotPrivate", [](Offer& o) { o.contract.is_private = false; },
                  StatusCode::kPermissionDenied, "private"},
        Tampering{"MoreAttempts", [](Offer& o) { ++o.contract.sums[1].attempts_max; },
                  StatusCode::kInvalidArgument, "attempts"},
        Tampering{"MoreStatisticsAttempts", [](Offer& o) { ++o.contract.sums[0].attempts_max; },
                  StatusCode::kInvalidArgument, "statistics sum"},
        Tampering{"NarrowRing", [](Offer& o) { o.contract.sums[0].bits = 32; },
                  StatusCode::kInvalidArgument, "statistics sum"},
        Tampering{"Dimension", [](Offer& o) { ++o.contract.sums[1].dimension; },
                  StatusCode::kInvalidArgument, "train sum"},
        Tampering{"Scale", [](Offer& o) { ++o.contract.sums[1].scale_log2; },
                  StatusCode::kInvalidArgument, "scale"},
        Tampering{"SamplingRate", [](Offer& o) { o.contract.sums[1].sampling_rate = "1/4"; },
                  StatusCode::kInvalidArgument, "train sum"},
        Tampering{"SumsSwapped",
                  [](Offer& o) { std::swap(o.contract.sums[0], o.contract.sums[1]); },
                  StatusCode::kInvalidArgument, "sum"},
        Tampering{"SumMissing", [](Offer& o) { o.contract.sums.erase(o.contract.sums.begin()); },
                  StatusCode::kInvalidArgument, "sums"},
        Tampering{"OnePercentLessNoise",
                  [](Offer& o) {
                    for (std::string* s :
                         {&o.contract.sums[1].noise_sigma, &o.contract.sums[1].share_sigma,
                          &o.contract.sums[1].noise_multiplier})
                      *s = model::Scaled(*s, 0.99);
                  },
                  StatusCode::kPermissionDenied, "epsilon"},
        Tampering{"OnePercentSmallerShare",
                  [](Offer& o) {
                    o.contract.sums[1].share_sigma =
                        model::Scaled(o.contract.sums[1].share_sigma, 0.99);
                  },
                  StatusCode::kPermissionDenied, ""},
        Tampering{"OnePercentSmallerSensitivity",
                  [](Offer& o) {
                    o.contract.sums[1].sensitivity =
                        model::Scaled(o.contract.sums[1].sensitivity, 0.99);
                  },
                  StatusCode::kPermissionDenied, ""},
        Tampering{"OnePercentLessStatisticsNoise",
                  [](Offer& o) {
                    for (std::string* s :
                         {&o.contract.sums[0].noise_sigma, &o.contract.sums[0].share_sigma,
                          &o.contract.sums[0].noise_multiplier})
                      *s = model::Scaled(*s, 0.99);
                  },
                  StatusCode::kPermissionDenied, ""},
        Tampering{"NoNoise",
                  [](Offer& o) {
                    for (model::SumSpec& sum : o.contract.sums)
                      sum.noise_sigma = sum.share_sigma = sum.noise_multiplier = "0";
                  },
                  StatusCode::kPermissionDenied, ""}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(ApprovedRun, TextThatIsNoContractIsRefused) {
  const Offer offer = GoodOffer();
  const std::string json = model::ContractToJson(offer.contract).value();
  EXPECT_OK(ApprovedRun::Check(offer.plan, json, offer.own));
  for (const std::string& text : {std::string(), std::string("{}"), json + " ", json.substr(1)})
    EXPECT_THAT(ApprovedRun::Check(offer.plan, text, offer.own),
                StatusIs(StatusCode::kInvalidArgument, ""))
        << text.substr(0, 20);
}

}  // namespace
}  // namespace veilsum::client
