// Quorum certificates: at least q members of an electorate (V) signed the same statement (SA-13,
// SA-28).
#pragma once

#include "secure_agg/roster/roster.h"

namespace veilsum::secure_agg {

// OK when `certificate` has between q and n strictly increasing signers, all in `electorate`, and
// every signature is valid over `statement`, which the caller has rebuilt itself. The error starts
// with `check`, such as "SA-28".
absl::Status VerifyCertificate(std::string_view check, const VerifiedRoster& roster,
                               const MemberSet& electorate, ByteView statement,
                               const Certificate& certificate);

// The coordinator's side: gathers signatures, each verified when it comes.
class SignatureCollection {
 public:
  SignatureCollection(std::shared_ptr<const VerifiedRoster> roster, MemberSet electorate,
                      Bytes statement)
      : roster_(std::move(roster)),
        electorate_(std::move(electorate)),
        statement_(std::move(statement)),
        signed_(roster_->size()),
        signatures_(roster_->size()) {}
  const MemberSet& electorate() const { return electorate_; }
  // PermissionDenied: not in the electorate. Unauthenticated: not valid over the statement. A
  // repeat is ignored.
  absl::Status Add(RosterIndex signer, const Ed25519Signature& signature);
  std::size_t size() const { return signed_.size(); }
  bool Enough() const { return size() >= roster_->thresholds().quorum; }
  MemberSet Missing() const { return electorate_.Minus(signed_); }
  Certificate ToCertificate() const;  // q of the signatures

 private:
  std::shared_ptr<const VerifiedRoster> roster_;
  MemberSet electorate_;
  Bytes statement_;
  MemberSet signed_;
  std::vector<Ed25519Signature> signatures_;
};

}  // namespace veilsum::secure_agg
