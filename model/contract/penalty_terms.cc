#include "model/contract/penalty_terms.h"

namespace veilsum::model {

dp::Penalty PenaltyOf(const Plan& plan, const Layout& layout) {
  const Regularisation& given = plan.training.regularisation;
  dp::Penalty penalty{
      .l1 = given.l1.ToDouble(), .l2 = given.l2.ToDouble(), .proximal = given.proximal.ToDouble()};
  for (const Tensor& tensor : layout.tensors())
    if (tensor.offset >= layout.buffers() && !tensor.name.ends_with(".bias"))
      penalty.weights.push_back({tensor.offset - layout.buffers(), tensor.size});
  return penalty;
}

}  // namespace veilsum::model
