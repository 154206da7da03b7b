#include "tests/bench/network_world.h"

#include "model/plan/plan_format.h"
#include "model/plan/variant.h"

namespace veilsum::bench {
namespace {

std::string PlanToml(const NetworkShape& shape) {
  return absl::StrFormat(R"(name = "network_round"
task = "binary"
[unit]
column = "id"
[holdout]
hash = "fnv1a64"
mod = 5
equals = 0
[[table]]
name = "t"
file = "t.csv"
[[feature]]
column = "t.a"
kind = "categorical"
buckets = 8
[label]
column = "t.y"
kind = "binary"
[model]
hidden = [%d, %d]
[training]
mode = "distributed"
sampling_rate = "1/2"
expected_batch = 16
clip_norm = "1"
learning_rate = "0.01"
steps = %d
attempts_max = %d
[privacy]
epsilon = "8"
delta = "1e-5"
accountant = "rdp"
[aggregation]
scale_log2 = 21
key_batch = %d
[rounds]
tick_ms = 1
deadline_ms = 600000
[population]
minimum_customers = 1
)",
                         shape.first, shape.second, shape.rounds, shape.rounds, shape.key_batch);
}

std::int64_t ValueAt(std::size_t member, std::size_t element) {
  return static_cast<std::int64_t>(member + 1) * (static_cast<std::int64_t>(element % 4001) - 2000);
}

}  // namespace

NetworkWorld::NetworkWorld(const NetworkShape& shape)
    : shape_(shape), coordinator_(pki_.Coordinator()) {
  absl::StatusOr<model::Plan> plan = model::ParsePlanToml(PlanToml(shape), "network.toml");
  if (!plan.ok()) std::fprintf(stderr, "%s\n", plan.status().ToString().c_str());
  VEILSUM_CHECK(plan.ok());
  plan_json_ = model::PlanToJson(model::WithoutPrivacy(*std::move(plan)));
  for (std::size_t i = 0; i < shape.members; ++i)
    members_.push_back(Made(absl::StrFormat("m%03d", i)));
}

NetworkWorld::Member NetworkWorld::Made(std::string_view tenant) const {
  const Validity validity = ValidFor(std::chrono::system_clock::now(), std::chrono::hours(1));
  Member member;
  member.tls = pki_.Client(std::string(tenant));
  member.seat = member.tls->id.ToString();
  const IssuedCertificate signing = pki_.ca().IssueSigning(member.tls->id, validity).value();
  member.signing = {
      member.seat,
      std::make_shared<const Ed25519Signer>(ReadEd25519Signer(signing.key_pem).value()),
      signing.certificate.der()};
  return member;
}

std::vector<std::int64_t> NetworkWorld::InputOf(std::size_t member) const {
  std::vector<std::int64_t> values(shape_.dim());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = ValueAt(member, i);
  return values;
}

Hash32 NetworkWorld::HashOfSum() const {
  Transcript transcript("veilsum/v1/sum");
  for (std::size_t i = 0; i < shape_.dim(); ++i) {
    std::int64_t sum = 0;
    for (std::size_t member = 0; member + shape_.absent < shape_.members; ++member)
      sum += ValueAt(member, i);
    transcript.AddU64(static_cast<std::uint64_t>(sum));
  }
  return transcript.Sha256();
}

}  // namespace veilsum::bench
