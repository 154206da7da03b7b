// The frozen transcript of the secure sum (docs/protocol.md): one batch of two slots among four
// members, one of which does not upload, d = 37; every private draw, hash, key, message and the
// sum. Then messages that must be refused, each with its check. VEILSUM_REWRITE=1 writes the files
// anew.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "client/round/secure_sum.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/server/key_phase.h"
#include "secure_agg/transcripts.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum {
namespace {

namespace sa = secure_agg;
using client::SecureSum;
using sa::Index;

constexpr char kGood[] = "tests/vectors/fsa1_good.txt", kBad[] = "tests/vectors/fsa1_bad.txt";
constexpr std::size_t kMembers = 4, kDim = 37;

class LoggedRng final : public SecureRng {
 public:
  explicit LoggedRng(std::uint64_t seed) : rng_(seed) {}
  void Fill(std::span<std::uint8_t> out) override {
    rng_.Fill(out);
    draws.emplace_back(out.begin(), out.end());
  }
  std::vector<Bytes> draws;

 private:
  SeededRngForTests rng_;
};

struct World {
  World() {
    SeededRngForTests twin(42);  // draws what the federation drew
    for (std::size_t i = 0; i < kMembers; ++i) {
      const Secret<32> seed = twin.NewSecret<32>();
      Pin("signing_seed", i, seed.Expose());
      Pin("certificate", i, federation.identity(i).certificate);
      Pin("member_id", i, federation.session(i)->member_id());
      rngs.push_back(std::make_unique<LoggedRng>(1000 + i));
      clients.push_back(
          std::make_unique<SecureSum>(federation.session(i), federation.verifier(), *rngs.back()));
    }
  }
  void Pin(const std::string& name, ByteView bytes) {
    lines.push_back(name + " " + HexEncode(bytes));
  }
  void Pin(const std::string& name, std::size_t i, ByteView bytes) {
    Pin(name + "." + std::to_string(i), bytes);
  }
  template <class Wire>
  void PinWire(const std::string& name, const Wire& wire) {
    Pin(name, AsBytes(wire.SerializeAsString()));
  }
  void Run();
  void SetUp();
  void RunSlot(std::uint16_t slot, std::uint64_t round, const std::vector<std::size_t>& uploaders);
  void PinSeeds(const sa::RoundStart& start);

  sa::Federation federation{{.members = kMembers,
                             .colluders = 1,
                             .slots = 2,
                             .sums = {{sa::RingBits::k32, kDim}},
                             .seed = 42}};
  std::vector<std::unique_ptr<LoggedRng>> rngs;
  std::vector<std::unique_ptr<SecureSum>> clients;
  std::optional<sa::ServerBatch> batch;
  const sa::WireLimits limits{kMembers, 2};
  std::vector<std::string> lines;
  std::map<std::string, std::string> wire;  // by name: what clients were sent, for the bad ones
};

std::int64_t InputOf(std::size_t member, std::size_t element) {
  return static_cast<std::int64_t>((member + 1) * 1000 + element) * (element % 2 == 0 ? 1 : -1);
}

void World::SetUp() {
  sa::KeyPhase keys(federation.params(), {federation.Offer(1).session, 1}, federation.verifier());
  const auto offer = sa::EncodeBatchOffer(keys.Offer());
  PinWire("batch_offer", offer);
  std::vector<sa::Advert> adverts;
  for (std::size_t i = 0; i < kMembers; ++i) {
    const auto reply = clients[i]->OnOffer(offer).value();
    adverts.push_back(sa::ParseAdvert(reply.advert(), 2).value());
    Pin("advert_secrets", i, rngs[i]->draws[0]);
    Pin("channel_secret", i, rngs[i]->draws[1]);
    Pin("advert_statement", i, sa::AdvertStatement(adverts.back()).bytes());
    PinWire("advert." + std::to_string(i), reply.advert());
    ASSERT_OK(keys.Add(federation.identity(i).uri, adverts.back()));
  }
  auto roster = std::move(keys).Close().value();
  const auto roster_wire = sa::EncodeRoster(roster.message);
  wire["roster"] = roster_wire.SerializeAsString();
  PinWire("roster", roster_wire);
  const Hash32 roster_hash = roster.next.roster().hash();
  Pin("sums_hash", federation.params()->SumsHash());
  Pin("roster_hash", roster_hash);
  for (std::size_t i = 0; i < kMembers; ++i) {
    const auto reply = clients[i]->OnRoster(roster_wire).value();
    for (std::size_t j = 0; j < kMembers; ++j) {
      if (j == i) continue;
      const auto agreed = sa::X25519Agree(std::span<const std::uint8_t, 32>(rngs[i]->draws[1]),
                                          adverts[j].channel_key)
                              .value();
      Pin("channel_key." + std::to_string(i) + "." + std::to_string(j),
          sa::ChannelKey(agreed, roster_hash, Index(i), Index(j)).Expose());
    }
    PinWire("shares." + std::to_string(i), reply.shares());
    ASSERT_OK(roster.next.Add(Index(i), sa::ParseShareUpload(reply.shares(), limits).value()));
  }
  auto reports = std::move(roster.next).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    const auto delivery = sa::EncodeShareDelivery(reports.DeliveryFor(Index(i)));
    if (i == 0) wire["delivery"] = delivery.SerializeAsString();
    const auto reply = clients[i]->OnDelivery(delivery).value();
    PinWire("report." + std::to_string(i), reply.report());
    ASSERT_OK(reports.Add(Index(i), sa::ParseShareReport(reply.report(), limits).value()));
  }
  auto active = std::move(reports).Close().value();
  const auto active_wire = sa::EncodeActiveSet(active.message);
  wire["active"] = active_wire.SerializeAsString();
  PinWire("active_set", active_wire);
  Pin("active_set_hash", active.message.members.SetHash());
  Pin("setup_statement", sa::SetupStatement(roster_hash, active.message.members).bytes());
  for (std::size_t i = 0; i < kMembers; ++i) {
    const auto reply = clients[i]->OnActiveSet(active_wire).value();
    PinWire("setup_signature." + std::to_string(i), reply.setup_signature());
    ASSERT_OK(active.next.Add(Index(i), sa::ParseSetupSignature(reply.setup_signature()).value()));
  }
  auto ready = std::move(active.next).Close().value();
  const auto certificate = sa::EncodeCertificate(ready.message);
  wire["setup_certificate"] = certificate.SerializeAsString();
  PinWire("setup_certificate", certificate);
  for (auto& client : clients) ASSERT_OK(client->OnSetupCertificate(certificate));
  Pin("setup_hash", ready.next.setup_hash());
  batch.emplace(std::move(ready.next));
}

// Pair and self seeds of one slot, from the private draws.
void World::PinSeeds(const sa::RoundStart& start) {
  const sa::SlotContext context = sa::ContextOf(start);
  Pin("step_hash", context.step_hash);
  const auto secret = [&](std::size_t i, std::size_t offset) {
    return std::span<const std::uint8_t>(rngs[i]->draws[0])
        .subspan(start.slot * 64 + offset)
        .first<32>();
  };
  for (std::size_t i = 0; i < kMembers; ++i) {
    Pin("self_seed", i, sa::SelfSeed(context, secret(i, 0), Index(i)).Expose());
    for (std::size_t j = i + 1; j < kMembers; ++j) {
      const auto key = sa::X25519Public(secret(j, 32));
      const auto agreed = sa::X25519Agree(secret(i, 32), key).value();
      Pin("pair_seed." + std::to_string(i) + "." + std::to_string(j),
          sa::PairSeed(context, agreed, Index(i), Index(j)).Expose());
    }
  }
}

void World::RunSlot(std::uint16_t slot, std::uint64_t round,
                    const std::vector<std::size_t>& uploaders) {
  sa::SlotRequest request;
  request.slot = slot;
  request.round = RoundId(round);
  request.model_hash.fill(0x4d);
  request.step = round - 1;
  request.config = {'{', '}'};
  auto opened = batch->OpenSlot(std::move(request)).value();
  const auto start = sa::EncodeRoundStart(opened.message);
  PinWire("round_start", start);
  PinSeeds(opened.message);
  for (const std::size_t i : uploaders) {
    std::vector<std::int64_t> input;
    for (std::size_t e = 0; e < kDim; ++e) input.push_back(InputOf(i, e));
    ASSERT_OK(clients[i]->Open(clients[i]->ParseStart(start).value()));
    const auto masked = clients[i]->Mask(input).value();
    Pin("upload", i, *masked.words);
    ASSERT_OK(opened.next.Add(Index(i), *masked.words));
  }
  auto frozen = std::move(opened.next).Freeze().value();
  const auto commit = sa::EncodeCommitRequest(frozen.message);
  PinWire("commit_request", commit);
  Pin("commit_statement",
      sa::CommitStatement(sa::ContextOf(opened.message), frozen.message.members).bytes());
  for (const std::size_t i : uploaders) {
    const auto reply = clients[i]->OnCommit(commit).value();
    PinWire("commit_signature." + std::to_string(i), reply.commit_signature());
    ASSERT_OK(
        frozen.next.Add(Index(i), sa::ParseCommitSignature(reply.commit_signature()).value()));
  }
  auto certified = std::move(frozen.next).Close().value();
  const auto certificate = sa::EncodeCommitCertificate(certified.message);
  PinWire("commit_certificate", certificate);
  if (slot == 0) {
    wire["start"] = start.SerializeAsString();
    wire["commit"] = commit.SerializeAsString();
    wire["certificate"] = certificate.SerializeAsString();
  }
  for (const std::size_t i : uploaders) {
    const auto reply = clients[i]->OnCertificate(certificate).value();
    PinWire("reveal." + std::to_string(i), reply.reveal());
    ASSERT_OK(certified.next.Add(Index(i), sa::ParseReveal(reply.reveal(), limits).value()));
  }
  const sa::SlotSum sum = std::move(certified.next).Close().value();
  std::vector<std::int64_t> expected(kDim);
  for (const std::size_t i : uploaders)
    for (std::size_t e = 0; e < kDim; ++e) expected[e] += InputOf(i, e);
  EXPECT_EQ(sum.values, expected);
  std::string text;
  for (const std::int64_t value : sum.values) text += " " + std::to_string(value);
  lines.push_back("sum" + text);
}

void World::Run() {
  lines.push_back("# setup");
  ASSERT_NO_FATAL_FAILURE(SetUp());
  lines.push_back("# slot 0, round 1: member 3 does not upload");
  ASSERT_NO_FATAL_FAILURE(RunSlot(0, 1, {0, 1, 2}));
  lines.push_back("# slot 1, round 5: everybody");
  ASSERT_NO_FATAL_FAILURE(RunSlot(1, 5, {0, 1, 2, 3}));
}

void CompareOrRewrite(const char* path, const std::vector<std::string>& lines) {
  if (std::getenv("VEILSUM_REWRITE") != nullptr) {
    std::ofstream out(path);
    for (const std::string& line : lines) out << line << "\n";
    return;
  }
  std::ifstream in(path);
  std::vector<std::string> frozen;
  for (std::string line; std::getline(in, line);) frozen.push_back(line);
  ASSERT_EQ(frozen.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(frozen[i], lines[i]);
}

TEST(FsaVectors, TheFrozenTranscript) {
  World world;
  ASSERT_NO_FATAL_FAILURE(world.Run());
  CompareOrRewrite(kGood, world.lines);
}

// Brings a fresh member 0 to where it would hear `message`, then lets it hear `bytes` instead.
absl::Status Hear(const World& original, const std::string& message, const std::string& bytes) {
  World fresh;
  SecureSum& client = *fresh.clients[0];
  const auto good = [&](const std::string& name, auto wire) {
    EXPECT_TRUE(wire.ParseFromString(original.wire.at(name)));
    return wire;
  };
  const auto parsed = [&](auto wire) {
    EXPECT_TRUE(wire.ParseFromString(bytes)) << "not even a message";
    return wire;
  };
  EXPECT_OK(client.OnOffer(sa::EncodeBatchOffer(fresh.federation.Offer(1))));
  if (message == "roster") return client.OnRoster(parsed(secagg::v1::Roster())).status();
  EXPECT_OK(client.OnRoster(good("roster", secagg::v1::Roster())));
  if (message == "delivery") return client.OnDelivery(parsed(secagg::v1::ShareDelivery())).status();
  EXPECT_OK(client.OnDelivery(good("delivery", secagg::v1::ShareDelivery())));
  if (message == "active") return client.OnActiveSet(parsed(secagg::v1::ActiveSet())).status();
  EXPECT_OK(client.OnActiveSet(good("active", secagg::v1::ActiveSet())));
  if (message == "setup_certificate")
    return client.OnSetupCertificate(parsed(secagg::v1::Certificate()));
  EXPECT_OK(client.OnSetupCertificate(good("setup_certificate", secagg::v1::Certificate())));
  const auto open = [&](const secagg::v1::RoundStart& wire) -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(const sa::RoundStart start, client.ParseStart(wire));
    return client.Open(start);
  };
  if (message == "start") return open(parsed(secagg::v1::RoundStart()));
  EXPECT_OK(open(good("start", secagg::v1::RoundStart())));
  EXPECT_OK(client.Mask(std::vector<std::int64_t>(kDim)));
  if (message == "commit") return client.OnCommit(parsed(secagg::v1::CommitRequest())).status();
  EXPECT_OK(client.OnCommit(good("commit", secagg::v1::CommitRequest())));
  return client.OnCertificate(parsed(secagg::v1::CommitCertificate())).status();
}

template <class Wire>
std::string Changed(const World& world, const std::string& name,
                    const std::function<void(Wire&)>& change) {
  Wire wire;
  EXPECT_TRUE(wire.ParseFromString(world.wire.at(name)));
  change(wire);
  return wire.SerializeAsString();
}

// Each line: the message, the check that refuses it, its bytes. Made from the good ones.
std::vector<std::tuple<std::string, std::string, std::string>> BadMessages(const World& world) {
  using namespace secagg::v1;  // NOLINT
  std::vector<std::tuple<std::string, std::string, std::string>> bad;
  const auto roster = [&](const char* check, const std::function<void(Roster&)>& change) {
    bad.emplace_back("roster", check, Changed<Roster>(world, "roster", change));
  };
  roster("SA-02", [](Roster& r) { r.set_colluders(2); });
  roster("SA-03", [](Roster& r) { r.mutable_adverts()->DeleteSubrange(2, 2); });
  roster("SA-04", [](Roster& r) { r.set_batch(2); });
  roster("SA-04", [](Roster& r) { r.mutable_adverts(1)->mutable_mask_keys(0)->at(0) ^= 1; });
  roster("SA-05", [](Roster& r) { r.mutable_adverts()->DeleteSubrange(0, 1); });
  roster("SA-06", [](Roster& r) { r.mutable_adverts()->SwapElements(1, 2); });
  roster("SA-06", [](Roster& r) { *r.mutable_adverts(2) = r.adverts(1); });
  roster("SA-37", [](Roster& r) { r.mutable_adverts(1)->mutable_signature()->pop_back(); });
  bad.emplace_back("delivery", "SA-37",
                   Changed<ShareDelivery>(world, "delivery", [](ShareDelivery& d) {
                     d.mutable_boxes(0)->mutable_box()->push_back(0);
                   }));
  const auto active = [&](const char* check, char bits) {
    bad.emplace_back("active", check, Changed<ActiveSet>(world, "active", [&](ActiveSet& a) {
                       a.set_members(std::string(1, bits));
                     }));
  };
  active("SA-11", '\x0e');  // without the client
  active("SA-11", '\x03');  // two members, the floor is three
  active("SA-37", '\x1f');  // a padding bit
  const auto certificate = [&](const char* check, const std::function<void(Certificate&)>& change) {
    bad.emplace_back("setup_certificate", check,
                     Changed<Certificate>(world, "setup_certificate", change));
  };
  certificate("SA-13", [](Certificate& c) { c.mutable_entries()->RemoveLast(); });
  certificate("SA-13",
              [](Certificate& c) { c.mutable_entries(1)->mutable_signature()->at(3) ^= 1; });
  certificate("SA-37", [](Certificate& c) { *c.mutable_entries(1) = c.entries(0); });
  const auto start = [&](const char* check, const std::function<void(RoundStart&)>& change) {
    bad.emplace_back("start", check, Changed<RoundStart>(world, "start", change));
  };
  start("SA-15", [](RoundStart& s) { s.mutable_setup_hash()->at(0) ^= 1; });
  start("SA-16", [](RoundStart& s) { s.set_sum(1); });
  start("SA-37", [](RoundStart& s) { s.set_slot(2); });
  start("SA-37", [](RoundStart& s) { s.set_round(0); });
  const auto commit = [&](const char* check, const std::function<void(CommitRequest&)>& change) {
    bad.emplace_back("commit", check, Changed<CommitRequest>(world, "commit", change));
  };
  commit("SA-23", [](CommitRequest& c) { c.set_members(std::string(1, '\x03')); });
  commit("SA-24", [](CommitRequest& c) { c.set_round(2); });
  const auto sealed = [&](const char* check,
                          const std::function<void(CommitCertificate&)>& change) {
    bad.emplace_back("certificate", check,
                     Changed<CommitCertificate>(world, "certificate", change));
  };
  sealed("SA-28",
         [](CommitCertificate& c) { c.mutable_certificate()->mutable_entries()->RemoveLast(); });
  sealed("SA-28", [](CommitCertificate& c) {
    c.mutable_certificate()->mutable_entries(0)->mutable_signature()->at(60) ^= 1;
  });
  sealed("SA-29", [](CommitCertificate& c) { c.set_round(9); });
  sealed("SA-30", [](CommitCertificate& c) { c.set_members(std::string(1, '\x0f')); });
  return bad;
}

TEST(FsaVectors, EveryBadMessageIsRefusedByItsCheck) {
  World world;
  ASSERT_NO_FATAL_FAILURE(world.Run());
  std::vector<std::string> lines;
  for (const auto& [message, check, bytes] : BadMessages(world)) {
    const absl::Status refusal = Hear(world, message, bytes);
    EXPECT_EQ(sa::CheckOf(refusal), check) << message << ": " << refusal;
    lines.push_back(message + " " + check + " " + HexEncode(AsBytes(bytes)));
  }
  CompareOrRewrite(kBad, lines);
}

}  // namespace
}  // namespace veilsum
