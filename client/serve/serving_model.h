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
  // `personal`: of this merchant's own model, which serves in place of the release that it was made
  // from, and of no other; empty: none.
  StoreFollower(std::filesystem::path store, ServingModel& model,
                std::filesystem::path personal = {})
      : store_(std::move(store)), personal_file_(std::move(personal)), model_(model) {}
  // Looks at the store once. True: another release serves now, or none. What cannot be loaded is an
  // error, and the one before keeps serving while the store still has it; one that the store has
  // given up (revoked) stops.
  absl::StatusOr<bool> Look();
  // Why the personal model does not serve with the present release; OK where it does, or there is
  // none.
  const absl::Status& personal() const { return personal_; }

 private:
  absl::StatusOr<std::shared_ptr<const Predictor>> PredictorOf(release::Release release);
  const std::filesystem::path store_, personal_file_;
  ServingModel& model_;
  std::string digest_;  // of what serves; empty: nothing
  absl::Status personal_;
};

}  // namespace veilsum::client
