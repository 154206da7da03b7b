// A deterministic world for the secure sum: virtual time, one queue of events, real clients and
// real server phases that exchange wire bytes over a network that loses, delays, reorders, repeats
// and parts, among members that crash, come back and lie, under a coordinator that crashes too. The
// same seed gives the same run. What is published is compared with the plain sum of the survivors'
// inputs.
#pragma once

#include <cstdint>
#include <string>

namespace veilsum::sim {

struct Faults {
  double loss = 0.01;               // of a message
  double repeat = 0.01;             // of a message, delivered twice
  double slow = 0.02;               // a message takes up to ten times as long
  double client_crash = 0.004;      // a client, each time it hears something
  double coordinator_crash = 0.01;  // each round
  double partition = 0.05;          // each round: some members are cut off for a while
  std::size_t liars = 0;            // members that lie about boxes, reports, signatures, shares
  double lie = 0.1;                 // of a liar's messages
};

struct SimulationOptions {
  std::size_t members = 8;
  std::uint16_t colluders = 1;
  std::uint64_t dim = 64;
  std::uint16_t slots = 16;
  std::uint64_t rounds = 100;  // to be attempted
  std::uint64_t seed = 1;
  Faults faults;
};

struct SimulationCounts {
  std::uint64_t rounds = 0;     // opened
  std::uint64_t published = 0;  // sums
  std::uint64_t wrong = 0;      // sums that are not that of the survivors' inputs
  std::uint64_t batches = 0, failed_setups = 0;
  std::uint64_t unpublished = 0;  // spent without a sum
  std::uint64_t alarms = 0;       // at honest clients; faults of a network must never raise one
  std::uint64_t refusals = 0;     // by clients
  std::uint64_t lies = 0, messages = 0, lost = 0, client_crashes = 0, coordinator_crashes = 0;
  std::string ToString() const;
};

SimulationCounts Simulate(const SimulationOptions& options);

}  // namespace veilsum::sim
