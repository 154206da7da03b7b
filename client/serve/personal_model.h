// A release that one merchant's customers have moved, without noise: what it tells of them no claim
// bounds, so it stays with the merchant. Its numbers come out through a Predictor alone, and
// nothing makes a release of it.
#pragma once

#include <filesystem>

#include "model/release/package.h"

namespace veilsum::client {

class PersonalModel {
 public:
  // `numbers`: of the release's layout. InvalidArgument: another size, or not finite.
  static absl::StatusOr<PersonalModel> Create(const release::Release& parent,
                                              model::ModelVector numbers);
  // InvalidArgument: no personal model, or not of the release's layout; FailedPrecondition: of
  // another release.
  static absl::StatusOr<PersonalModel> Load(const std::filesystem::path& file,
                                            const release::Release& parent);
  // Whole or not at all, for its owner alone (0600); an earlier one there is replaced.
  absl::Status Save(const std::filesystem::path& file) const;

  const Hash32& parent() const { return parent_; }  // the release's digest

 private:
  friend class Predictor;
  PersonalModel(const release::Release& parent, model::ModelVector numbers)
      : parent_(parent.digest), layout_(parent.layout), numbers_(std::move(numbers)) {}

  Hash32 parent_;
  model::Layout layout_;
  model::ModelVector numbers_;
};

}  // namespace veilsum::client
