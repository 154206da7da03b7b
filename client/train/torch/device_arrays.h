// A host's arrays as tensors on a device.
#pragma once

#include <ATen/ATen.h>

#include "client/train/torch/batch.h"

namespace veilsum::client::torch_engine {

// rows x columns, fp32; undefined for null.
at::Tensor ToDevice(const float* data, std::size_t rows, std::size_t columns,
                    const at::Device& device);
at::Tensor IdsOnDevice(const IdList& list, std::size_t rows, const at::Device& device);  // int64
at::Tensor WeightsOnDevice(const IdList& list, std::size_t rows, const at::Device& device);

// Writes a tensor's numbers; returns where the next ones go.
double* CopyTo(const at::Tensor& tensor, double* out);

// Takes one array after the other out of a longer one.
class Reader {
 public:
  Reader(const float* data, const at::Device& device) : data_(data), device_(device) {}
  at::Tensor Next(std::size_t rows, std::size_t columns) {
    const float* from = data_;
    data_ += rows * columns;
    return ToDevice(from, rows, columns, device_);
  }

 private:
  const float* data_;
  const at::Device& device_;
};

}  // namespace veilsum::client::torch_engine
