// An odometer that asks another one, for tests that change what one call does.
#pragma once

#include "client/policy/odometer.h"

namespace veilsum::client {

class ForwardingOdometer : public Odometer {
 public:
  explicit ForwardingOdometer(Odometer& real) : real_(real) {}
  absl::Status Approve(const Hash32& c, std::uint64_t n,
                       std::span<const BlockCharge> charges) override {
    return real_.Approve(c, n, charges);
  }
  absl::StatusOr<OdometerEntry> Load(const Hash32& c) override { return real_.Load(c); }
  absl::StatusOr<std::uint64_t> SpentThrough(const Hash32& c) override {
    return real_.SpentThrough(c);
  }
  absl::Status Spend(const Hash32& c, std::uint64_t a, std::uint64_t b) override {
    return real_.Spend(c, a, b);
  }
  absl::Status CloseContract(const Hash32& c) override { return real_.CloseContract(c); }
  absl::StatusOr<Secret<32>> GroupingSecret() override { return real_.GroupingSecret(); }
  absl::StatusOr<std::vector<DataEpoch>> Epochs() override { return real_.Epochs(); }
  absl::StatusOr<DataEpoch> OpenEpoch(const std::string& r, std::int64_t t) override {
    return real_.OpenEpoch(r, t);
  }
  absl::StatusOr<std::vector<bool>> ClaimCustomers(std::span<const std::string> ids) override {
    return real_.ClaimCustomers(ids);
  }
  absl::StatusOr<std::vector<std::string>> Blocks() override { return real_.Blocks(); }
  absl::StatusOr<dp::BlockBudget> Budget(const std::string& b) override { return real_.Budget(b); }
  absl::StatusOr<BlockTotals> Totals(const std::string& b) override { return real_.Totals(b); }
  absl::Status KeepVote(const KeptVote& vote) override { return real_.KeepVote(vote); }
  absl::StatusOr<std::vector<KeptVote>> Votes() override { return real_.Votes(); }

 protected:
  Odometer& real_;
};

}  // namespace veilsum::client
