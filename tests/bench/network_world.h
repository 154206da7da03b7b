// What both processes of the networked round know: the federation, its plan, and what every member
// puts into the sum.
#pragma once

#include "base/crypto/sha256.h"
#include "secure_agg/roster/seat_verifier.h"
#include "tests/support/test_pki.h"

namespace veilsum::bench {

struct NetworkShape {
  std::size_t members = 100;
  std::size_t absent = 10;     // the last ones take the round and decline to contribute, those
  std::size_t hanging_up = 5;  // of them that come first hang up when half of their upload has left
  std::size_t rounds = 7;
  int uploads_admitted = 4;  // W of SE-19
  // The plan trains the network 8 -> first -> second -> 1; as they are here it has 2^20 parameters.
  std::size_t first = 1167, second = 888;
  std::size_t key_batch = 8;

  std::size_t dim() const { return 9 * first + (first + 1) * second + second + 1; }
};

class NetworkWorld {
 public:
  explicit NetworkWorld(const NetworkShape& shape);

  const NetworkShape& shape() const { return shape_; }
  const std::shared_ptr<const TlsIdentity>& coordinator() const { return coordinator_; }
  Hash32 RootFingerprint() const { return pki_.ca().root().Fingerprint(); }
  const Certificate& root() const { return pki_.ca().root(); }
  const std::string& plan_json() const { return plan_json_; }

  struct Member {
    std::string seat;
    std::shared_ptr<const TlsIdentity> tls;
    secure_agg::SigningIdentity signing;
  };
  const std::vector<Member>& members() const { return members_; }
  // An identity that the federation has let in and no run has asked for.
  Member Made(std::string_view tenant) const;
  bool Contributes(std::size_t member) const { return member + shape_.absent < shape_.members; }
  bool HangsUp(std::size_t member) const {
    return !Contributes(member) && member + shape_.absent < shape_.members + shape_.hanging_up;
  }
  std::vector<std::int64_t> InputOf(std::size_t member) const;
  Hash32 HashOfSum() const;  // of those who contribute, as a commit states it

 private:
  const NetworkShape shape_;
  TestPki pki_;
  std::shared_ptr<const TlsIdentity> coordinator_;
  std::vector<Member> members_;
  std::string plan_json_;
};

}  // namespace veilsum::bench
