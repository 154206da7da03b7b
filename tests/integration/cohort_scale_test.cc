// More members than one secure sum holds: a real run machine and real clients of the secure sum,
// every message as bytes through the codecs, uploads in frames, one after another on one thread.
// The total is compared with what the members put in, element by element. A small federation
// always; a thousand members and 100,000 elements nightly (VEILSUM_COHORT_MEMBERS, _COUNT,
// _WIDTH), with what it took as JSON lines.
#include <sys/resource.h>

#include <cstdlib>
#include <deque>
#include <fstream>

#include "client/round/secure_sum.h"
#include "coordinator/run/run_machine.h"
#include "dp/mechanism/noise_share.h"
#include "secure_agg/wire/upload_codec.h"
#include "tests/support/seeded_rng.h"
#include "tests/unit/model/small_plan.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum {
namespace {

using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;

std::size_t FromEnvironment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoul(text, nullptr, 10) : otherwise;
}

double CpuSeconds() {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}
std::size_t PeakBytes() {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

struct Size {
  std::size_t members = 24, cohorts = 3;
  std::size_t width = 64;  // of the first hidden layer; 304 makes 100,353 parameters
};

model::Plan PlanOf(const Size& size) {
  model::SmallPlan small;
  small.statistics = false;
  small.steps = 2;
  small.attempts_max = 2;
  small.key_batch = 2;
  small.cohorts = static_cast<int>(size.cohorts);
  small.beacon = "drawn after the list";
  small.members_sha256 = HexEncode(model::MembersSha256(model::SmallSeats(size.members)));
  std::string text = model::SmallPlanToml(small);
  const auto replace = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("hidden = [4]", absl::StrFormat("hidden = [%d, %d]", size.width, size.width + 16));
  replace("scale_log2 = 16", "scale_log2 = 19");  // a grid fine enough for so many numbers
  return model::ParsePlanToml(text, "cohorts.toml").value();
}

coordinator::RunTerms TermsOf(const Size& size) {
  admin::v1::StartRunRequest request;
  request.set_plan(model::PlanToJson(PlanOf(size)));
  for (const std::string& seat : model::SmallSeats(size.members)) {
    request.add_members(seat);
    request.add_size_classes(16);
  }
  absl::StatusOr<coordinator::RunTerms> terms =
      coordinator::RunTerms::Create(request, {"fed.test", Hash32{7}});
  if (!terms.ok()) std::fprintf(stderr, "%s\n", terms.status().ToString().c_str());
  VEILSUM_CHECK(terms.ok());
  return *std::move(terms);
}

class Scale final : public coordinator::RunPort {
 public:
  explicit Scale(const Size& size) : terms_(TermsOf(size)) {
    InitialiseCrypto();
    const dp::ClaimedNoise noise = model::ClaimedNoiseOf(terms_.plan(), terms_.contract()).value();
    share_.emplace(dp::NoiseShare::Create(noise.training.share_sigma).value());
    for (const auto& [seat, cohort] : terms_.members()) {
      Client& client = clients_[seat];
      client.signer = std::make_shared<const Ed25519Signer>(rng_.NewSecret<32>());
      const secure_agg::SigningIdentity identity{
          seat, client.signer, secure_agg::FakeCertificate(seat, client.signer->public_key())};
      client.sum = std::make_unique<client::SecureSum>(
          secure_agg::ClientSession::Create(*terms_.session(cohort), identity, RoundId(0)).value(),
          verifier_, rng_);
    }
  }

  void Run() {
    machine_ =
        coordinator::RunMachine::Start(terms_, 1, {store_.get(), this, &verifier_, &rng_, {}}, now_)
            .value();
    for (const auto& [seat, client] : clients_) {
      machine_->OnConnected(seat, now_);
      ClientMessage join;
      join.mutable_join()->set_protocol(1);
      Up(seat, join);
    }
    while (!machine_->ended()) {
      while (!queue_.empty()) {
        const auto [seat, bytes] = std::move(queue_.front());
        queue_.pop_front();
        ServerMessage message;
        ASSERT_TRUE(message.ParseFromString(*bytes));
        Down(seat, message);
      }
      now_ = std::max(now_, machine_->next_deadline());
      if (!machine_->ended()) machine_->OnTime(now_);
    }
  }

  // In round 2 every tenth member of a cohort is gone before its upload.
  bool Vanishes(const std::string& seat, std::uint64_t round) const {
    const std::vector<std::string>& cohort =
        terms_.contract().cohorts[terms_.CohortOf(seat)].members;
    const auto place = std::ranges::find(cohort, seat) - cohort.begin();
    return round == 2 && place < static_cast<std::ptrdiff_t>(cohort.size() / 10);
  }

  const coordinator::RunTerms& terms() const { return terms_; }
  const coordinator::RunMachine& machine() const { return *machine_; }
  coordinator::RoundRecord Round(std::uint64_t round) {
    return store_->LoadRound(terms_.contract().run_id, round).value();
  }
  Hash32 PlainHash(std::uint64_t round) {
    const auto bytes = std::as_bytes(std::span(plain_[round]));
    return Transcript("veilsum/v1/sum")
        .Add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})
        .Sha256();
  }
  std::uint64_t messages() const { return messages_; }

 private:
  struct Client {
    std::shared_ptr<const Ed25519Signer> signer;
    std::unique_ptr<client::SecureSum> sum;
  };

  // RunPort. A message to many is kept once.
  void Send(const std::string& seat, const ServerMessage& message) override {
    std::string bytes = message.SerializeAsString();
    if (last_ == nullptr || *last_ != bytes)
      last_ = std::make_shared<const std::string>(std::move(bytes));
    queue_.emplace_back(seat, last_);
  }
  void Disconnect(const std::string& seat, const absl::Status& reason) override {
    ADD_FAILURE() << seat << ": " << reason;
  }
  void AdmitUploads(std::uint64_t round, std::size_t bytes,
                    const std::vector<std::string>&) override {
    admitted_ = round;
    upload_bytes_ = bytes;
  }
  void EndUploads(const std::vector<std::string>&) override {}
  void OfferModel(const Hash32&, std::shared_ptr<const Bytes>) override {}
  void Changed() override {}
  void Log(std::string_view line) override {
    std::fprintf(stderr, "%s\n", std::string(line).c_str());
  }

  void Up(const std::string& seat, const ClientMessage& message) {
    ClientMessage arrived;
    ASSERT_TRUE(arrived.ParseFromString(message.SerializeAsString()));
    ++messages_;
    machine_->OnMessage(seat, arrived, now_);
  }

  void Down(const std::string& seat, const ServerMessage& message) {
    ++messages_;
    client::SecureSum& sum = *clients_[seat].sum;
    absl::StatusOr<ClientMessage> reply = ClientMessage();
    switch (message.message_case()) {
      case ServerMessage::kContract:
        reply = Approval(seat, message.contract());
        break;
      case ServerMessage::kBatch:
        reply = sum.OnOffer(message.batch());
        break;
      case ServerMessage::kRoster:
        reply = sum.OnRoster(message.roster());
        break;
      case ServerMessage::kDelivery:
        reply = sum.OnDelivery(message.delivery());
        break;
      case ServerMessage::kActive:
        reply = sum.OnActiveSet(message.active());
        break;
      case ServerMessage::kSetupCertificate:
        ASSERT_OK(sum.OnSetupCertificate(message.setup_certificate()));
        return;
      case ServerMessage::kStart:
        return Upload(seat, message.start());
      case ServerMessage::kCommit:
        reply = sum.OnCommit(message.commit());
        break;
      case ServerMessage::kCommitCertificate:
        reply = sum.OnCertificate(message.commit_certificate());
        break;
      default:
        sum.OnClosed(message.closed());
        return;
    }
    ASSERT_OK(reply) << seat;
    Up(seat, *reply);
  }

  ClientMessage Approval(const std::string& seat, const coordinator::v1::ContractOffer& offer) {
    const Client& client = clients_[seat];
    const Hash32 hash = model::ContractHash(offer.contract());
    ClientMessage message;
    auto& approval = *message.mutable_approval();
    approval.set_contract_hash(std::string(AsText(hash)));
    approval.set_signature(
        std::string(AsText(client.signer->Sign(Transcript("fsa/v1/approve").Add(hash).bytes()))));
    approval.set_certificate(
        std::string(AsText(secure_agg::FakeCertificate(seat, client.signer->public_key()))));
    return message;
  }

  // The merchant's own numbers are small and fixed; its share of noise is the contract's.
  std::vector<std::int64_t> Noised(const std::string& seat, std::uint64_t round) {
    std::vector<std::int64_t> grid(terms_.contract().sums[0].dimension);
    for (std::size_t e = 0; e < grid.size(); ++e)
      grid[e] = static_cast<std::int64_t>((seat.size() * 31 + seat[23] + round * e) % 1001) - 500;
    const dp::NoisedVector noised =
        share_->AddTo(dp::ClippedSum::FromCertifiedContributions(std::move(grid)), rng_);
    return {noised.integers().begin(), noised.integers().end()};
  }

  void Upload(const std::string& seat, const secagg::v1::RoundStart& wire) {
    client::SecureSum& sum = *clients_[seat].sum;
    ASSERT_OK_AND_ASSIGN(const secure_agg::RoundStart start, sum.ParseStart(wire));
    ASSERT_OK(sum.Open(start));
    if (Vanishes(seat, wire.round())) return;
    const std::vector<std::int64_t> noised = Noised(seat, wire.round());
    std::vector<std::int64_t>& plain = plain_[wire.round()];
    plain.resize(noised.size());
    for (std::size_t e = 0; e < noised.size(); ++e) plain[e] += noised[e];
    ASSERT_OK_AND_ASSIGN(const secure_agg::MaskedUpload masked, sum.Mask(noised));
    ASSERT_EQ(admitted_, wire.round());
    secure_agg::UploadAssembly assembly(upload_bytes_);
    for (std::size_t at = 0; at < masked.words->size(); at += secure_agg::kMaxFrameBytes) {
      secagg::v1::UploadFrame frame;
      ASSERT_TRUE(
          frame.ParseFromString(secure_agg::EncodeUploadFrame(masked, at).SerializeAsString()));
      ASSERT_OK(assembly.Add(frame));
      ++messages_;
    }
    ASSERT_OK_AND_ASSIGN(const Bytes words, std::move(assembly).Take());
    ASSERT_OK(machine_->OnUpload(seat, wire.round(), words, now_));
  }

  coordinator::RunTerms terms_;
  SeededRngForTests rng_{17};
  secure_agg::FakeSeatVerifier verifier_;
  std::unique_ptr<coordinator::RunStore> store_ = coordinator::NewMemoryRunStore();
  std::unique_ptr<coordinator::RunMachine> machine_;
  std::optional<dp::NoiseShare> share_;
  std::map<std::string, Client> clients_;
  std::deque<std::pair<std::string, std::shared_ptr<const std::string>>> queue_;
  std::shared_ptr<const std::string> last_;
  std::map<std::uint64_t, std::vector<std::int64_t>> plain_;  // by round
  std::uint64_t admitted_ = 0, messages_ = 0;
  std::size_t upload_bytes_ = 0;
  Clock::Time now_{std::chrono::seconds(100)};
};

TEST(CohortScale, TotalsAreExactAndMemoryIsBounded) {
  Size size;
  size.members = FromEnvironment("VEILSUM_COHORT_MEMBERS", size.members);
  size.cohorts = FromEnvironment("VEILSUM_COHORT_COUNT", size.cohorts);
  const bool full = size.members >= 1000;
  size.width = FromEnvironment("VEILSUM_COHORT_WIDTH", full ? 304 : size.width);
  Scale scale(size);
  const std::size_t before = PeakBytes();
  const double cpu = CpuSeconds();
  scale.Run();
  const double took = CpuSeconds() - cpu;
  EXPECT_EQ(scale.machine().Progress().state(), "finished") << scale.machine().Progress().reason();
  std::size_t gone = 0;
  for (const auto& [seat, cohort] : scale.terms().members()) gone += scale.Vanishes(seat, 2);
  for (const std::uint64_t round : {1, 2}) {
    const coordinator::RoundRecord record = scale.Round(round);
    EXPECT_EQ(record.survivors.size(), size.members - (round == 2 ? gone : 0));
    const Hash32 plain = scale.PlainHash(round);
    EXPECT_EQ(record.sum_hash, Bytes(plain.begin(), plain.end())) << "round " << round;
  }
  const std::size_t dimension = scale.terms().contract().sums[0].dimension;
  if (!full) return;
  // Every client of this process keeps its upload for a retry, and of each member of its cohort an
  // advert and shares, below 2 KiB.
  const std::size_t uploads = size.members * dimension * 4;
  const std::size_t peers = size.members * (size.members / size.cohorts) * 2048;
  EXPECT_LT(PeakBytes() - before, uploads + peers) << "beside what clients keep, little";
  const auto line = [&](const char* name, double value, const char* unit) {
    std::printf("{\"name\":\"secagg/cohorts/%zu/%zu/%zu/%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
                size.members, size.cohorts, dimension, name, value, unit);
  };
  line("cpu_two_rounds", took, "s");
  line("peak_rss", static_cast<double>(PeakBytes()), "bytes");
  line("clients_keep", static_cast<double>(uploads), "bytes");
  line("messages", static_cast<double>(scale.messages()), "1");
}

}  // namespace
}  // namespace veilsum
