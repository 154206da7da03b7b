#include "tests/bench/network_clients.h"

#include "client/rpc/secure_channel.h"
#include "dp/mechanism/noise_share.h"
#include "secure_agg/pki/pinned_root_verifier.h"
#include "secure_agg/wire/upload_codec.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::bench {
namespace {

client::LinkConfig LinkOf(const NetworkWorld& world, std::size_t member, int port) {
  client::LinkConfig config;
  config.target = absl::StrFormat("127.0.0.1:%d", port);
  config.coordinator_id = world.coordinator()->id.ToString();
  config.tls = world.members()[member].tls;
  config.connect_timeout = std::chrono::minutes(1);
  config.transfer_timeout = std::chrono::minutes(10);
  return config;
}

absl::Status Noted(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status;
}

class FixedContribution final : public client::Contribution {
 public:
  FixedContribution(const NetworkWorld& world, std::size_t member, Turnstile& turnstile,
                    SecureRng& rng)
      : world_(world), member_(member), turnstile_(turnstile), rng_(rng) {}
  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose&,
                                           const model::ModelVector&) override {
    if (!world_.Contributes(member_) && !world_.HangsUp(member_))
      return Aborted("bench: absent from this round");
    turnstile_.acquire();
    return dp::NoiseShare::CreateWithoutPrivacy().AddTo(
        dp::ClippedSum::FromCertifiedContributions(world_.InputOf(member_)), rng_);
  }

 private:
  const NetworkWorld& world_;
  const std::size_t member_;
  Turnstile& turnstile_;
  SecureRng& rng_;
};

// Sends the first half of an upload, which the coordinator must have begun to read for that: it is
// more than a stream's window. Then the connection is gone.
void SendHalf(const client::LinkConfig& config, std::uint64_t round, ByteView words) {
  const auto channel = client::OpenSecureChannel(config);
  if (!Noted(channel.status()).ok()) return;
  coordinator::v1::Rounds::Stub stub(*channel);
  grpc::ClientContext context;
  secagg::v1::UploadReceipt receipt;
  const auto writer = stub.Upload(&context, &receipt);
  secagg::v1::UploadFrame frame;
  frame.set_round(round);
  for (std::size_t at = 0; at < words.size() / 2; at += secure_agg::kMaxFrameBytes) {
    const ByteView part = words.subspan(at, secure_agg::kMaxFrameBytes);
    frame.set_words(part.data(), part.size());
    if (!writer->Write(frame)) break;
    frame.clear_round();
  }
  context.TryCancel();
  (void)writer->Finish();
}

// A real link whose upload gives the place at the turnstile back, and may be cut off on the way.
class PatientLink final : public client::CoordinatorLink {
 public:
  PatientLink(std::unique_ptr<client::CoordinatorLink> link, Turnstile& turnstile,
              std::function<void(std::uint64_t round, ByteView words)> send_half)
      : link_(std::move(link)), turnstile_(turnstile), send_half_(std::move(send_half)) {}
  absl::StatusOr<coordinator::v1::ServerMessage> Read() override { return link_->Read(); }
  absl::Status Write(const coordinator::v1::ClientMessage& message) override {
    const absl::Status sent = link_->Write(message);
    if (message.has_upload()) turnstile_.release();  // of a small vector
    return sent;
  }
  absl::Status Upload(std::uint64_t round, ByteView words) override {
    const absl::Status sent =
        send_half_ ? HangUp(round, words) : Noted(link_->Upload(round, words));
    turnstile_.release();
    return sent;
  }
  absl::StatusOr<Bytes> FetchModel(const Hash32& model_hash, std::size_t limit) override {
    absl::StatusOr<Bytes> model = link_->FetchModel(model_hash, limit);
    (void)Noted(model.status());
    return model;
  }
  void Close() override { link_->Close(); }

 private:
  absl::Status HangUp(std::uint64_t round, ByteView words) {
    send_half_(round, words);
    link_->Close();
    return Unavailable("bench: hung up");  // the participant connects again
  }

  const std::unique_ptr<client::CoordinatorLink> link_;
  Turnstile& turnstile_;
  const std::function<void(std::uint64_t round, ByteView words)> send_half_;  // null: all of it
};

}  // namespace

NetworkClients::NetworkClients(const NetworkWorld& world, int port)
    : world_(world),
      turnstile_(world.shape().uploads_admitted),
      verifier_(std::make_unique<secure_agg::PinnedRootVerifier>(
          world.root(), [] { return std::chrono::system_clock::now(); })) {
  for (std::size_t i = 0; i < world.members().size(); ++i) {
    auto client = std::make_unique<Client>();
    client->odometer =
        client::Odometer::Open(folder_.path() / absl::StrFormat("spent%d", i)).value();
    client::ParticipantConfig config;
    config.own = {world.members()[i].seat, "fed.test", world.RootFingerprint()};
    config.identity = world.members()[i].signing;
    client->participant =
        std::make_unique<client::Participant>(std::move(config), WorldOf(i, *client, port));
    client->thread = std::thread([raw = client.get()] { raw->end = raw->participant->Run(); });
    clients_.push_back(std::move(client));
  }
}

client::ParticipantWorld NetworkClients::WorldOf(std::size_t member, Client& client, int port) {
  client::ParticipantWorld world;
  world.connect = [this, member,
                   port]() -> absl::StatusOr<std::unique_ptr<client::CoordinatorLink>> {
    VEILSUM_ASSIGN_OR_RETURN(auto link, client::ConnectToCoordinator(LinkOf(world_, member, port)));
    std::function<void(std::uint64_t, ByteView)> send_half;
    if (world_.HangsUp(member))
      send_half = [this, member, port](std::uint64_t round, ByteView words) {
        SendHalf(LinkOf(world_, member, port), round, words);
        ++hung_up_;
      };
    return std::make_unique<PatientLink>(std::move(link), turnstile_, std::move(send_half));
  };
  world.prepare = [this, member, &rng = client.rng](const client::ApprovedRun&) {
    return client::Prepared{std::make_unique<FixedContribution>(world_, member, turnstile_, rng),
                            16};
  };
  world.policy = [] {
    client::Policy policy;
    policy.allow_no_privacy = true;
    return policy;
  };
  world.verifier = verifier_.get();
  world.odometer = client.odometer.get();
  world.rng = &client.rng;
  world.waiter = &waiter_;
  world.log = [](std::string_view) {};
  return world;
}

void NetworkClients::Join() {
  for (const auto& client : clients_) {
    client->thread.join();
    if (!client->end.ok()) std::fprintf(stderr, "%s\n", client->end.ToString().c_str());
    VEILSUM_CHECK(client->end.ok());
  }
}

BareClients::BareClients(const NetworkWorld& world, int port) : shape_(world.shape()) {
  for (std::size_t i = 0; i < shape_.members; ++i)
    links_.push_back(client::ConnectToCoordinator(LinkOf(world, i, port)).value());
}

template <class Work>
void BareClients::Each(std::size_t count, std::size_t threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < threads; ++i)
    workers.emplace_back([&] {
      for (std::size_t at = next++; at < count; at = next++) work(*links_[at]);
    });
  for (std::thread& worker : workers) worker.join();
}

void BareClients::FetchModels() {
  Each(shape_.members, shape_.members, [&](client::CoordinatorLink& link) {
    VEILSUM_CHECK(Noted(link.FetchModel(Hash32{}, words_.size()).status()).ok());
  });
}

void BareClients::Upload() {
  Each(shape_.members - shape_.absent, static_cast<std::size_t>(shape_.uploads_admitted),
       [&](client::CoordinatorLink& link) { VEILSUM_CHECK(Noted(link.Upload(1, words_)).ok()); });
}

}  // namespace veilsum::bench
