#include "client/train/torch/device_arrays.h"

#include <cstring>

namespace veilsum::client::torch_engine {
namespace {

std::vector<std::int64_t> Shape(std::size_t rows, std::size_t columns) {
  return {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
}

}  // namespace

at::Tensor ToDevice(const float* data, std::size_t rows, std::size_t columns,
                    const at::Device& device) {
  if (data == nullptr) return {};
  return at::from_blob(const_cast<float*>(data), Shape(rows, columns), at::kFloat).to(device);
}

at::Tensor IdsOnDevice(const IdList& list, std::size_t rows, const at::Device& device) {
  return at::from_blob(const_cast<std::uint32_t*>(list.ids), Shape(rows, list.slots), at::kInt)
      .to(device)
      .to(at::kLong);
}

at::Tensor WeightsOnDevice(const IdList& list, std::size_t rows, const at::Device& device) {
  if (list.weights != nullptr) return ToDevice(list.weights, rows, list.slots, device);
  return at::ones(Shape(rows, list.slots), at::TensorOptions().device(device));
}

double* CopyTo(const at::Tensor& tensor, double* out) {
  const at::Tensor host = tensor.cpu().to(at::kDouble).contiguous();
  std::memcpy(out, host.data_ptr<double>(), host.nbytes());
  return out + host.numel();
}

}  // namespace veilsum::client::torch_engine
