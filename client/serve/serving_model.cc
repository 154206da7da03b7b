#include "client/serve/serving_model.h"

#include "client/release/model_store.h"

namespace veilsum::client {

std::shared_ptr<const Predictor> ServingModel::Get() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

void ServingModel::Set(std::shared_ptr<const Predictor> model) {
  const std::lock_guard lock(mutex_);
  model_.swap(model);  // the old one is destroyed by whoever holds it last, not under the lock
}

absl::StatusOr<std::shared_ptr<const Predictor>> StoreFollower::PredictorOf(
    release::Release release) {
  if (personal_file_.empty()) return Predictor::Create(std::move(release));
  absl::StatusOr<PersonalModel> personal = PersonalModel::Load(personal_file_, release);
  personal_ = personal.status();
  if (!personal.ok()) return Predictor::Create(std::move(release));
  return Predictor::Create(std::move(release), *std::move(personal));
}

absl::StatusOr<bool> StoreFollower::Look() {
  VEILSUM_ASSIGN_OR_RETURN(const ModelStore store, ModelStore::Open(store_));
  const StoreState& state = store.state();
  if (state.current.digest == digest_) return false;
  absl::StatusOr<release::Release> release = store.LoadCurrent();
  absl::StatusOr<std::shared_ptr<const Predictor>> next =
      release.ok() ? PredictorOf(*std::move(release)) : release.status();
  if (next.ok()) {
    digest_ = state.current.digest;
    model_.Set(*std::move(next));
    return true;
  }
  if (digest_ != state.previous.digest || digest_.empty()) {
    const bool served = !digest_.empty();
    digest_.clear();
    model_.Set(nullptr);
    if (state.current.empty()) return served;
  }
  return next.status();
}

}  // namespace veilsum::client
