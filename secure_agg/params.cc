#include "secure_agg/params.h"

#include <algorithm>

#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::uint64_t kMaxUploadBytes = std::uint64_t{1} << 36;

// The identifier up to the next '/', or all of it; empty when there is none.
std::string_view TakeSegment(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view segment = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return segment;
}

absl::Status CheckSums(const std::vector<SumShape>& sums) {
  if (sums.empty() || sums.size() > kMaxSums)
    return InvalidArgument("sums has %d entries, must have 1 to %d", sums.size(), kMaxSums);
  for (const SumShape& sum : sums) {
    if (sum.dim == 0 || sum.dim > kMaxUploadBytes / WordBytes(sum.bits))  // SA-40
      return InvalidArgument("SA-40: dim is %d, must be positive and at most 2^36 bytes", sum.dim);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Seat>> SeatsOf(const std::vector<std::string>& members) {
  std::vector<Seat> seats;
  for (const std::string& uri : members) {
    VEILSUM_ASSIGN_OR_RETURN(const MemberId id, MemberIdOf(uri));
    seats.push_back({id, uri});
  }
  std::ranges::sort(seats, {}, &Seat::id);
  const auto twin = std::ranges::adjacent_find(seats, {}, &Seat::id);
  if (twin != seats.end()) return InvalidArgument("SA-01: seat %s is listed twice", twin->uri);
  return seats;
}

}  // namespace

absl::StatusOr<RingBits> ParseRingBits(std::uint64_t bits) {
  if (bits != 16 && bits != 32 && bits != 64)
    return InvalidArgument("bits is %d, must be 16, 32 or 64", bits);
  return static_cast<RingBits>(bits);
}

absl::StatusOr<MemberId> MemberIdOf(std::string_view uri) {
  constexpr std::string_view kScheme = "spiffe://";
  std::string_view rest = uri;
  if (!rest.starts_with(kScheme)) return InvalidArgument("seat '%s' is not a SPIFFE URI", uri);
  rest.remove_prefix(kScheme.size());
  const std::string_view domain = TakeSegment(rest);
  const bool tenant = TakeSegment(rest) == "tenant";
  const std::string_view tid = TakeSegment(rest);
  const bool client = TakeSegment(rest) == "client";
  const std::string_view cid = TakeSegment(rest);
  if (domain.empty() || !tenant || tid.empty() || !client || cid.empty() || !rest.empty() ||
      uri.ends_with('/'))
    return InvalidArgument("seat '%s' is not spiffe://<domain>/tenant/<tid>/client/<cid>", uri);
  return Transcript("fsa/v1/member").AddText(tid).AddText("/").AddText(cid).Sha256();
}

absl::StatusOr<SessionParams> SessionParams::Create(ContractTerms terms) {
  if (terms.colluders < 1 || terms.colluders > kMaxMembers)
    return InvalidArgument("SA-02: colluders is %d, must be 1 to %d", terms.colluders, kMaxMembers);
  if (terms.slots < 1 || terms.slots > kMaxSlots)
    return InvalidArgument("SA-02: slots is %d, must be 1 to %d", terms.slots, kMaxSlots);
  VEILSUM_RETURN_IF_ERROR(CheckSums(terms.sums));
  const std::uint16_t least = std::max(3, terms.colluders + 2);
  if (terms.min_members == 0) terms.min_members = least;
  if (terms.min_members < least)
    return InvalidArgument("SA-03: min_members is %d, must be at least %d", terms.min_members,
                           least);
  if (terms.min_members > terms.members.size() || terms.min_survivors > terms.members.size())
    return InvalidArgument("SA-03: min_members %d and min_survivors %d must not exceed %d members",
                           terms.min_members, terms.min_survivors, terms.members.size());
  VEILSUM_ASSIGN_OR_RETURN(std::vector<Seat> seats, SeatsOf(terms.members));
  SessionParams params(std::move(terms));
  params.seats_ = std::move(seats);
  return params;
}

Hash32 SessionParams::SumsHash() const { return secure_agg::SumsHash(terms_.sums); }

const Seat* SessionParams::FindSeat(const MemberId& id) const {
  const auto seat = std::ranges::lower_bound(seats_, id, {}, &Seat::id);
  return seat != seats_.end() && seat->id == id ? &*seat : nullptr;
}

const Seat* SessionParams::FindSeat(std::string_view uri) const {
  const auto seat = std::ranges::find(seats_, uri, &Seat::uri);
  return seat != seats_.end() ? &*seat : nullptr;
}

absl::StatusOr<Thresholds> Thresholds::Create(std::size_t n, const SessionParams& params) {
  if (n > kMaxMembers) return InvalidArgument("SA-44: a roster of %d exceeds %d", n, kMaxMembers);
  if (n < params.min_members())
    return InvalidArgument("SA-03: a roster of %d is below the contract's %d", n,
                           params.min_members());
  Thresholds out;
  out.n = static_cast<std::uint16_t>(n);
  out.colluders = params.colluders();
  out.quorum = out.shares = static_cast<std::uint16_t>((n + params.colluders()) / 2 + 1);
  out.floor = std::max(out.quorum, params.min_survivors());
  if (out.quorum > n || out.floor > n)
    return InvalidArgument("SA-03: quorum %d and survivors %d must not exceed a roster of %d",
                           out.quorum, out.floor, n);
  return out;
}

}  // namespace veilsum::secure_agg
