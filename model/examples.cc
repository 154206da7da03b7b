#include "model/examples.h"

#include "model/layout.h"

namespace veilsum::model {

absl::Status CheckLists(const Layout& layout, const Examples& examples) {
  for (const Bag& bag : layout.bags()) {
    if (bag.list >= examples.lists.size())
      return InvalidArgument("examples have %d lists of ids, the model needs number %d",
                             examples.lists.size(), bag.list);
    const IdList& list = examples.lists[bag.list];
    if (list.ids.size() != examples.rows() * list.slots || list.weights.size() != list.ids.size())
      return InvalidArgument("examples: list %d does not have %d slots a row", bag.list,
                             list.slots);
    for (const float weight : list.weights)
      if (weight < 0) return InvalidArgument("list %d has a weight below 0", bag.list);
    for (const std::uint32_t id : list.ids)
      if (id >= bag.buckets)
        return InvalidArgument("id %d in list %d, must be below %d", id, bag.list, bag.buckets);
  }
  return absl::OkStatus();
}

}  // namespace veilsum::model
