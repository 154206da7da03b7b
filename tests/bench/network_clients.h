// The members of the networked round: real participants over real links, one thread each, with a
// contribution that costs nothing.
#pragma once

#include <atomic>
#include <semaphore>
#include <thread>

#include "client/policy/odometer.h"
#include "client/round/participant.h"
#include "tests/bench/network_world.h"

namespace veilsum::bench {

// A hundred clients on one machine: this many mask and upload at a time, the others wait their
// turn.
using Turnstile = std::counting_semaphore<>;

// Starts every participant; Join waits for all of them to see the run end, and for each to be OK.
class NetworkClients {
 public:
  NetworkClients(const NetworkWorld& world, int port);
  void Join();
  std::size_t hung_up() const { return hung_up_; }  // uploads that were cut off so far

 private:
  struct Client {
    SystemRng rng;
    std::unique_ptr<client::Odometer> odometer;
    std::unique_ptr<client::Participant> participant;
    std::thread thread;
    absl::Status end;
  };
  client::ParticipantWorld WorldOf(std::size_t member, Client& client, int port);

  const NetworkWorld& world_;
  const TestFolder folder_;
  client::RealWaiter waiter_;
  Turnstile turnstile_;
  std::atomic<std::size_t> hung_up_{0};
  std::unique_ptr<secure_agg::SeatVerifier> verifier_;
  std::vector<std::unique_ptr<Client>> clients_;
};

// The same links to a server that does nothing: what moving the bytes costs.
class BareClients {
 public:
  BareClients(const NetworkWorld& world, int port);
  void FetchModels();  // every member, all at once
  void Upload();       // those who contribute, as many at a time as the coordinator admits

 private:
  // work(link) for the first `count` members, on `threads` threads.
  template <class Work>
  void Each(std::size_t count, std::size_t threads, const Work& work);

  const NetworkShape shape_;
  const Bytes words_ = Bytes(shape_.dim() * 4);
  std::vector<std::unique_ptr<client::CoordinatorLink>> links_;
};

}  // namespace veilsum::bench
