// Which of several coordinators may write: one session of its own holds an advisory lock of the
// server's for as long as it lives, and each election raises the cluster's term. The lock says who
// begins; that whoever has lost it writes nothing more is the term's doing, which every transaction
// of the store checks (Kleppmann 2016, "How to do distributed locking": fencing tokens).
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "coordinator/store/postgres_database.h"

namespace veilsum::coordinator {

struct PostgresLeaseTiming {
  std::chrono::milliseconds ping{1000};
  // The server ends a session that has been silent for so long, and the lock with it: a leader that
  // stands still, or that nobody reaches, keeps the others waiting no longer.
  std::chrono::milliseconds silence{5000};
};

class PostgresLease {
 public:
  // `holder`: what others are told while this one leads, such as its address. Errors of
  // PostgresDatabase::Connect.
  static absl::StatusOr<std::unique_ptr<PostgresLease>> Connect(
      const PostgresPlace& place, std::string holder, const PostgresLeaseTiming& timing = {});
  ~PostgresLease();  // gives the lease back: when it returns another may have it

  // True: it is ours, the schema is as this program wants it, and `term` is a new one. False:
  // somebody else has it. FailedPrecondition: the schema is of a newer program. Not after an error.
  absl::StatusOr<bool> TryAcquire();
  std::uint64_t term() const { return term_; }  // 0: not acquired
  const PostgresPlace& place() const { return place_; }
  // Who has it, as it has called itself; empty: nobody yet.
  absl::StatusOr<std::string> Holder();
  // Whether there are entries of a ledger: with them goes a key that has to be there already.
  absl::StatusOr<bool> HasLedger();

  // Once acquired: asks the server again and again, on a thread of its own, until the destructor.
  // `lost` is called there, once, when it does not answer.
  void Watch(std::function<void(const absl::Status&)> lost);

 private:
  PostgresLease(PostgresPlace place, std::string holder, const PostgresLeaseTiming& timing,
                std::unique_ptr<PostgresDatabase> db)
      : place_(std::move(place)), holder_(std::move(holder)), timing_(timing), db_(std::move(db)) {}
  absl::Status Migrate();
  absl::Status Elect();
  absl::StatusOr<bool> HasTable(const std::string& name);

  const PostgresPlace place_;
  const std::string holder_;
  const PostgresLeaseTiming timing_;
  std::unique_ptr<PostgresDatabase> db_;
  std::uint64_t term_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread watch_;
};

}  // namespace veilsum::coordinator
