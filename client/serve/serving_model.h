// The model that serves, and its exchange for another one: a request keeps the model that it began
// with, so that none is dropped or answered by two.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "client/serve/predictor.h"

namespace veilsum::client {

// Any thread.
class ServingModel {
 public:
  std::shared_ptr<const Predictor> Get() const;  // null: nothing serves
  void Set(std::shared_ptr<const Predictor> model);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Predictor> model_;
};

// Follows a model store that another process updates (`veilsum-client model import`).
class StoreFollower {
 public:
  StoreFollower(std::filesystem::path store, ServingModel& model)
      : store_(std::move(store)), model_(model) {}
  // Looks at the store once. True: another release serves now, or none. What cannot be loaded is an
  // error, and the one before keeps serving while the store still has it; one that the store has
  // given up (revoked) stops.
  absl::StatusOr<bool> Look();

 private:
  const std::filesystem::path store_;
  ServingModel& model_;
  std::string digest_;  // of what serves; empty: nothing
};

}  // namespace veilsum::client
