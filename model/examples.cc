#include "model/examples.h"

#include "model/layout.h"

namespace veilsum::model {

namespace {

absl::Status CheckList(const Examples& examples, std::size_t index, std::size_t buckets) {
  if (index >= examples.lists.size())
    return InvalidArgument("examples have %d lists of ids, the model needs number %d",
                           examples.lists.size(), index);
  const IdList& list = examples.lists[index];
  if (list.ids.size() != examples.rows() * list.slots || list.weights.size() != list.ids.size())
    return InvalidArgument("examples: list %d does not have %d slots a row", index, list.slots);
  for (const float weight : list.weights)
    if (weight < 0) return InvalidArgument("list %d has a weight below 0", index);
  for (const std::uint32_t id : list.ids)
    if (id >= buckets)
      return InvalidArgument("id %d in list %d, must be below %d", id, index, buckets);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckLists(const Layout& layout, const Examples& examples) {
  for (const Bag& bag : layout.bags())
    VEILSUM_RETURN_IF_ERROR(CheckList(examples, bag.list, bag.buckets));
  for (const Sequence& sequence : layout.sequences()) {
    VEILSUM_RETURN_IF_ERROR(CheckList(examples, sequence.list, sequence.buckets));
    if (examples.lists[sequence.list].slots != sequence.slots)
      return InvalidArgument("list %d has %d slots a row, its sequence %d", sequence.list,
                             examples.lists[sequence.list].slots, sequence.slots);
  }
  return absl::OkStatus();
}

}  // namespace veilsum::model
