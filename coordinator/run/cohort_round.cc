#include "coordinator/run/cohort_round.h"

#include <algorithm>

#include "secure_agg/wire/upload_codec.h"

namespace veilsum::coordinator {
namespace {

constexpr int kUnmask = 2;  // RoundStage::phase_number

}  // namespace

absl::StatusOr<CohortRound> CohortRound::Open(const World& world,
                                              const secure_agg::SlotRequest& request,
                                              ByteView model, const std::set<std::string>& holders,
                                              const std::set<std::string>& silent,
                                              Clock::Duration deadline, Clock::Time now) {
  CohortRound out(world, request.round.value(), deadline);
  out.opened_ = now;
  MemberList uploaders;
  std::vector<std::pair<RoundStage*, v1::ServerMessage>> starts;
  for (std::size_t g = 0; g < out.lanes_.size(); ++g) {
    Lane& lane = out.lanes_[g];
    if (!world.batch.MayOpen(g, holders)) {
      lane.failed = Aborted("too few merchants had its keys");
      lane.takes_uploads = false;
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(
        RoundStage::Opened opened,
        RoundStage::Open(*world.batch.of(g), request, holders, silent, world.port));
    lane.stage = std::make_unique<RoundStage>(std::move(opened.stage));
    lane.deadline = now + deadline;
    uploaders.insert(uploaders.end(), lane.stage->present().begin(), lane.stage->present().end());
    v1::ServerMessage start;
    *start.mutable_start() = std::move(opened.start);
    if (model.size() <= secure_agg::kMaxFrameBytes) start.set_model(std::string(AsText(model)));
    starts.emplace_back(lane.stage.get(), std::move(start));
  }
  const secure_agg::SumShape shape = world.terms.session()->sums()[request.sum];
  world.port.AdmitUploads(out.round_, shape.UploadBytes(), uploaders);
  for (const auto& [stage, start] : starts) stage->SendToPresent(start);
  return out;
}

absl::Status CohortRound::OnUpload(const std::string& seat, std::uint64_t round, ByteView words) {
  Lane& lane = LaneOf(seat);
  if (!lane.stage) return FailedPrecondition("SA-21: round %d takes no upload now", round);
  return lane.stage->OnUpload(seat, round, words);
}

void CohortRound::OnMessage(const std::string& seat, const v1::ClientMessage& message) {
  if (Lane& lane = LaneOf(seat); lane.stage) lane.stage->OnMessage(seat, message);
}

void CohortRound::OnGone(const std::string& seat) {
  if (Lane& lane = LaneOf(seat); lane.stage) lane.stage->OnGone(seat);
}

void CohortRound::OnTime(Clock::Time now) {
  for (Lane& lane : lanes_)
    if (lane.stage && now >= lane.deadline) lane.stage->OnDeadline();
}

Clock::Time CohortRound::next_deadline() const {
  Clock::Time next = Clock::Time::max();
  for (const Lane& lane : lanes_)
    if (lane.stage) next = std::min(next, lane.deadline);
  return next;
}

std::set<std::string> CohortRound::silent() const {
  std::set<std::string> all;
  for (const Lane& lane : lanes_)
    if (lane.stage) all.insert(lane.stage->silent().begin(), lane.stage->silent().end());
  return all;
}

std::vector<RoundPhase> CohortRound::Phases(Clock::Time now) const {
  std::vector<RoundPhase> out = {{"uploads", frozen_at_.value_or(now) - opened_}};
  if (frozen_at_) out.push_back({"signatures", signed_at_.value_or(now) - opened_});
  if (signed_at_) out.push_back({"shares", now - opened_});
  return out;
}

std::vector<absl::Status> CohortRound::failures() const {
  std::vector<absl::Status> all;
  for (const Lane& lane : lanes_)
    if (!lane.failed.ok()) all.push_back(lane.failed);
  return all;
}

// A stage that waits for its U to be stored has no deadline: it waits for the other cohorts', each
// of which has one.
void CohortRound::Settle(Lane& lane, Clock::Time now) {
  if (!lane.stage) return;
  std::optional<absl::StatusOr<RoundSum>> outcome = lane.stage->TakeOutcome();
  if (!outcome) {
    if (lane.stage->frozen()) {
      lane.deadline = Clock::Time::max();
    } else if (std::exchange(lane.phase, lane.stage->phase_number()) !=
               lane.stage->phase_number()) {
      lane.deadline = now + deadline_;
    }
    return;
  }
  lane.stage.reset();
  lane.failed = outcome->ok() ? Add(lane, **std::move(outcome)) : outcome->status();
}

// SA-21: nothing more is read from the members of a cohort whose U is fixed.
void CohortRound::EndUploads() {
  MemberList ended;
  bool open = false, changed = false;
  for (Lane& lane : lanes_) {
    const bool takes = lane.stage && lane.stage->TakesUploads();
    open = open || takes;
    if (!lane.takes_uploads || takes) continue;
    lane.takes_uploads = false;
    changed = true;
    if (lane.stage)
      ended.insert(ended.end(), lane.stage->present().begin(), lane.stage->present().end());
  }
  if (!open && changed) return world_.port.AdmitUploads(0, 0, {});
  if (!ended.empty()) world_.port.EndUploads(ended);
}

void CohortRound::FreezeAll() {
  MemberList all;
  for (Lane& lane : lanes_)
    if (lane.stage) {
      lane.frozen = lane.stage->Survivors();
      all.insert(all.end(), lane.frozen.begin(), lane.frozen.end());
    }
  if (all.empty()) return;
  std::ranges::sort(all);
  const absl::Status stored =  // SA-22
      world_.store.Freeze(world_.terms.contract().run_id, round_, all);
  for (Lane& lane : lanes_) {
    if (!lane.stage) continue;
    if (stored.ok())
      lane.stage->Release();
    else
      lane.stage->Fail(stored);
  }
}

absl::Status CohortRound::Add(Lane& lane, RoundSum sum) {
  if (total_.values.empty()) {
    total_.values = std::move(sum.values);
  } else {
    std::vector<std::int64_t> added(total_.values);
    for (std::size_t i = 0; i < added.size(); ++i)
      if (__builtin_add_overflow(added[i], sum.values[i], &added[i]))
        return Aborted("the cohorts' total leaves 64 bits at element %d", i);
    total_.values = std::move(added);
  }
  total_.survivors.insert(total_.survivors.end(), sum.survivors.begin(), sum.survivors.end());
  lane.frozen.clear();
  return absl::OkStatus();
}

std::optional<absl::StatusOr<RoundSum>> CohortRound::TakeOutcome(Clock::Time now) {
  for (Lane& lane : lanes_) Settle(lane, now);
  EndUploads();
  const auto running = [&] {
    return std::ranges::any_of(lanes_, [](const Lane& lane) { return lane.stage != nullptr; });
  };
  const bool waiting = std::ranges::all_of(
      lanes_, [](const Lane& lane) { return !lane.stage || lane.stage->frozen(); });
  if (!frozen_ && waiting && running()) {
    frozen_ = true;
    frozen_at_ = now;
    FreezeAll();
    for (Lane& lane : lanes_) Settle(lane, now);
  }
  const bool waits_for_shares = std::ranges::all_of(
      lanes_, [](const Lane& l) { return !l.stage || l.stage->phase_number() == kUnmask; });
  if (frozen_ && !signed_at_ && waits_for_shares) signed_at_ = now;
  if (running()) return std::nullopt;
  const auto failed = std::ranges::find_if(lanes_, [](const Lane& l) { return !l.failed.ok(); });
  if (total_.survivors.empty()) return failed->failed;
  for (std::size_t g = 0; g < lanes_.size(); ++g) {
    if (lanes_[g].failed.ok()) continue;
    total_.lost.insert(total_.lost.end(), lanes_[g].frozen.begin(), lanes_[g].frozen.end());
    world_.port.Log(absl::StrFormat("round %d is without cohort %d: %s", round_, g,
                                    std::string(lanes_[g].failed.message())));
  }
  std::ranges::sort(total_.survivors);
  std::ranges::sort(total_.lost);
  return std::move(total_);
}

}  // namespace veilsum::coordinator
