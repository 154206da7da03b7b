#include "coordinator/run/cohort_keying.h"

#include <algorithm>

namespace veilsum::coordinator {

CohortKeying::CohortKeying(const RunTerms& terms, const secure_agg::BatchId& batch,
                           const secure_agg::SeatVerifier& verifier, RunPort& port,
                           const std::set<std::string>& present, Clock::Duration deadline,
                           Clock::Time now)
    : terms_(terms),
      port_(port),
      deadline_(deadline),
      lanes_(terms.cohorts()),
      batches_(terms.cohorts()) {
  for (std::size_t g = 0; g < lanes_.size(); ++g) {
    std::set<std::string> here = MembersIn(terms, g, present);
    const absl::Status enough =
        secure_agg::Thresholds::Create(here.size(), *terms.session(g)).status();
    if (!enough.ok()) {
      lanes_[g].failed = enough;
      continue;
    }
    lanes_[g].deadline = now + deadline_;
    lanes_[g].keying =
        std::make_unique<Keying>(terms.session(g), batch, verifier, port, std::move(here));
  }
}

std::set<std::string> CohortKeying::MembersIn(const RunTerms& terms, std::size_t cohort,
                                              const std::set<std::string>& present) {
  std::set<std::string> here;
  for (const std::string& seat : present)
    if (terms.CohortOf(seat) == cohort) here.insert(seat);
  return here;
}

bool CohortKeying::CanBegin(const RunTerms& terms, const std::set<std::string>& present) {
  std::vector<std::size_t> here(terms.cohorts(), 0);
  for (const std::string& seat : present) ++here[terms.CohortOf(seat)];
  for (std::size_t g = 0; g < here.size(); ++g)
    if (secure_agg::Thresholds::Create(here[g], *terms.session(g)).ok()) return true;
  return false;
}

void CohortKeying::OnMessage(const std::string& seat, const v1::ClientMessage& message) {
  Lane& lane = lanes_[terms_.CohortOf(seat)];
  if (lane.keying) lane.keying->OnMessage(seat, message);
}

void CohortKeying::OnGone(const std::string& seat) {
  Lane& lane = lanes_[terms_.CohortOf(seat)];
  if (lane.keying) lane.keying->OnGone(seat);
}

void CohortKeying::OnTime(Clock::Time now) {
  for (Lane& lane : lanes_)
    if (lane.keying && now >= lane.deadline) lane.keying->OnDeadline();
}

Clock::Time CohortKeying::next_deadline() const {
  Clock::Time next = Clock::Time::max();
  for (const Lane& lane : lanes_)
    if (lane.keying) next = std::min(next, lane.deadline);
  return next;
}

void CohortKeying::Settle(std::size_t cohort, Clock::Time now) {
  Lane& lane = lanes_[cohort];
  if (!lane.keying) return;
  std::optional<absl::StatusOr<secure_agg::ServerBatch>> outcome = lane.keying->TakeOutcome();
  if (!outcome) {
    if (std::exchange(lane.phase, lane.keying->phase_number()) != lane.keying->phase_number())
      lane.deadline = now + deadline_;
    return;
  }
  lane.keying.reset();
  if (outcome->ok())
    batches_[cohort].emplace(**std::move(outcome));
  else
    lane.failed = outcome->status();
}

std::optional<absl::StatusOr<BatchSet>> CohortKeying::TakeOutcome(Clock::Time now) {
  for (std::size_t g = 0; g < lanes_.size(); ++g) Settle(g, now);
  if (std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.keying != nullptr; }))
    return std::nullopt;
  const auto failed = std::ranges::find_if(lanes_, [](const Lane& l) { return !l.failed.ok(); });
  if (std::ranges::none_of(batches_, [](const auto& batch) { return batch.has_value(); }))
    return failed->failed;
  for (std::size_t g = 0; g < lanes_.size(); ++g)
    if (!lanes_[g].failed.ok())
      port_.Log(absl::StrFormat("cohort %d has no keys until the next batch: %s", g,
                                std::string(lanes_[g].failed.message())));
  return BatchSet(std::move(batches_));
}

}  // namespace veilsum::coordinator
