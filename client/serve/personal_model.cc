#include "client/serve/personal_model.h"

#include <cmath>

#include "base/file.h"
#include "model/safetensors.h"

namespace veilsum::client {
namespace {

constexpr const char* kKind = "veilsum/personal-model/v1";

}  // namespace

absl::StatusOr<PersonalModel> PersonalModel::Create(const release::Release& parent,
                                                    model::ModelVector numbers) {
  if (numbers.size() != parent.layout.size())
    return InvalidArgument("personal model has %d numbers, must have %d", numbers.size(),
                           parent.layout.size());
  for (const float number : numbers)
    if (!std::isfinite(number)) return InvalidArgument("personal model has a number not finite");
  return PersonalModel(parent, std::move(numbers));
}

absl::StatusOr<PersonalModel> PersonalModel::Load(const std::filesystem::path& file,
                                                  const release::Release& parent) {
  const std::size_t most = parent.layout.size() * sizeof(float) + model::kMaxSafetensorsHeader + 8;
  VEILSUM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file, most));
  VEILSUM_ASSIGN_OR_RETURN(const model::Safetensors read, model::ReadSafetensors(AsBytes(bytes)));
  const auto said = [&](const char* key) {
    const auto found = read.metadata.find(key);
    return found == read.metadata.end() ? std::string() : found->second;
  };
  if (said("kind") != kKind) return InvalidArgument("%s is no personal model", file.string());
  if (const std::string digest = HexEncode(parent.digest); said("release") != digest)
    return FailedPrecondition(
        "%s was made from release %s, the release here is %s: make it anew with veilsum-client "
        "model personalise",
        file.string(), said("release").substr(0, 64), digest);
  VEILSUM_ASSIGN_OR_RETURN(model::ModelVector numbers,
                           model::ReadModel(AsBytes(bytes), parent.layout));
  return Create(parent, std::move(numbers));
}

absl::Status PersonalModel::Save(const std::filesystem::path& file) const {
  const Bytes bytes = model::WriteSafetensors(layout_, numbers_,
                                              {{"kind", kKind}, {"release", HexEncode(parent_)}});
  return WriteFile(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                   FileMode::kPrivate);
}

}  // namespace veilsum::client
