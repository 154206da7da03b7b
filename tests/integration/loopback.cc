#include "tests/integration/loopback.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <optional>

namespace veilsum {
namespace {

constexpr std::chrono::seconds kPatience{30};

}  // namespace

// Answers once, at the latest when the last copy of the question is dropped.
class LoopbackAnswer {
 public:
  void Give(absl::Status status) {
    const std::lock_guard lock(mutex_);
    if (!status_) status_ = std::move(status);
    given_.notify_all();
  }
  absl::Status Wait() {
    std::unique_lock lock(mutex_);
    if (!given_.wait_for(lock, kPatience, [&] { return status_.has_value(); }))
      return DeadlineExceeded("no answer");
    return *status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::optional<absl::Status> status_;
};

class LoopbackQuestion {
 public:
  explicit LoopbackQuestion(std::shared_ptr<LoopbackAnswer> answer) : answer_(std::move(answer)) {}
  ~LoopbackQuestion() { answer_->Give(Unavailable("the coordinator has gone")); }
  void Give(absl::Status status) { answer_->Give(std::move(status)); }

 private:
  std::shared_ptr<LoopbackAnswer> answer_;
};

// The coordinator's end of a stream, and the queue behind it.
class Loopback::Pipe final : public coordinator::ClientLink {
 public:
  explicit Pipe(Loopback& loopback) : loopback_(loopback) {}

  void Send(const coordinator::v1::ServerMessage& message) override {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    if (message.has_start())
      loopback_.NoteStart(message.start().round(), message.start().SerializeAsString());
    arrived_.push_back(message.SerializeAsString());
    changed_.notify_all();
  }
  void Close(const absl::Status& reason) override {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = reason.ok() ? Unavailable("the coordinator ended the stream") : reason;
    changed_.notify_all();
  }
  // What was sent before the end is still read.
  absl::StatusOr<coordinator::v1::ServerMessage> Read() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return end_ || !arrived_.empty(); }))
      return DeadlineExceeded("no message");
    if (arrived_.empty()) return *end_;
    coordinator::v1::ServerMessage message;
    VEILSUM_CHECK(message.ParseFromString(arrived_.front()));
    arrived_.pop_front();
    return message;
  }
  absl::Status End() {
    const std::lock_guard lock(mutex_);
    return end_ ? *end_ : absl::OkStatus();
  }

 private:
  Loopback& loopback_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> arrived_;
  std::optional<absl::Status> end_;
};

class LoopbackLink final : public client::CoordinatorLink {
 public:
  LoopbackLink(Loopback& loopback, std::string seat, std::uint64_t generation,
               std::shared_ptr<Loopback::Pipe> pipe)
      : loopback_(loopback),
        seat_(std::move(seat)),
        generation_(generation),
        pipe_(std::move(pipe)) {}
  ~LoopbackLink() override { Close(); }

  absl::StatusOr<coordinator::v1::ServerMessage> Read() override { return pipe_->Read(); }

  absl::Status Write(const coordinator::v1::ClientMessage& message) override {
    VEILSUM_RETURN_IF_ERROR(pipe_->End());
    coordinator::v1::ClientMessage copy;
    VEILSUM_CHECK(copy.ParseFromString(message.SerializeAsString()));
    return With([&](coordinator::RoundsBackend& backend) {
      backend.OnMessage(seat_, pipe_, std::move(copy));
      return absl::OkStatus();
    });
  }

  absl::Status Upload(std::uint64_t round, ByteView words) override {
    auto answer = std::make_shared<LoopbackAnswer>();
    VEILSUM_RETURN_IF_ERROR(With([&](coordinator::RoundsBackend& backend) -> absl::Status {
      VEILSUM_ASSIGN_OR_RETURN(const std::size_t expected, backend.ExpectUpload(seat_, round));
      if (expected != words.size())
        return InvalidArgument("SA-20: an upload of %d bytes, not %d", words.size(), expected);
      auto question = std::make_shared<LoopbackQuestion>(answer);
      const auto copy = std::make_shared<const Bytes>(words.begin(), words.end());
      backend.OnUpload(seat_, round, *copy, [question, copy](absl::Status status) {
        question->Give(std::move(status));
      });
      return absl::OkStatus();
    }));
    return answer->Wait();
  }

  absl::StatusOr<Bytes> FetchModel(const Hash32& model_hash, std::size_t limit) override {
    Bytes model;
    VEILSUM_RETURN_IF_ERROR(With([&](coordinator::RoundsBackend& backend) -> absl::Status {
      VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Bytes> bytes,
                               backend.ModelBytes(seat_, model_hash));
      if (bytes->size() > limit)
        return ResourceExhausted("the model has more than %d bytes", limit);
      model = *bytes;
      return absl::OkStatus();
    }));
    return model;
  }

  void Close() override {
    pipe_->Close(Unavailable("closed"));
    if (told_.exchange(true)) return;
    (void)With([&](coordinator::RoundsBackend& backend) {
      backend.OnDisconnected(seat_, pipe_);
      return absl::OkStatus();
    }).ok();
  }

 private:
  template <class F>
  absl::Status With(F f) {
    return loopback_.WithBackend(generation_, f);
  }
  Loopback& loopback_;
  const std::string seat_;
  const std::uint64_t generation_;
  const std::shared_ptr<Loopback::Pipe> pipe_;
  std::atomic<bool> told_ = false;
};

void Loopback::Attach(coordinator::RoundsBackend& backend) {
  const std::unique_lock lock(attached_mutex_);
  backend_ = &backend;
  ++generation_;
}

void Loopback::Detach() {
  const std::unique_lock lock(attached_mutex_);
  backend_ = nullptr;
  std::vector<std::weak_ptr<Pipe>> pipes;
  {
    const std::lock_guard notes(notes_mutex_);
    pipes = std::exchange(pipes_, {});
  }
  for (const auto& weak : pipes)
    if (const auto pipe = weak.lock()) pipe->Close(Unavailable("the coordinator has gone"));
}

absl::StatusOr<std::unique_ptr<client::CoordinatorLink>> Loopback::Connect(
    const std::string& seat) {
  const std::shared_lock lock(attached_mutex_);
  if (backend_ == nullptr) return Unavailable("no coordinator");
  auto pipe = std::make_shared<Pipe>(*this);
  {
    const std::lock_guard notes(notes_mutex_);
    pipes_.push_back(pipe);
  }
  backend_->OnConnected(seat, pipe);
  return std::make_unique<LoopbackLink>(*this, seat, generation_, std::move(pipe));
}

void Loopback::NoteStart(std::uint64_t round, const std::string& announcement) {
  const std::lock_guard lock(notes_mutex_);
  starts_[round].insert(announcement);
}

std::map<std::uint64_t, std::set<std::string>> Loopback::Starts() const {
  const std::lock_guard lock(notes_mutex_);
  return starts_;
}

}  // namespace veilsum
