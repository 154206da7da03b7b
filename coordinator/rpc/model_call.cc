#include "coordinator/rpc/model_call.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>

#include "coordinator/rpc/rpc_server.h"

namespace veilsum::coordinator {
namespace {

using google::protobuf::io::CodedOutputStream;
using Model = std::shared_ptr<const Bytes>;

constexpr std::uint32_t kDataTag = v1::ModelFrame::kDataFieldNumber << 3 | 2;  // length-delimited
constexpr std::size_t kLongestHead = 10;  // two varints of 32 bits

grpc::Slice HeadOf(std::size_t size) {
  std::array<std::uint8_t, kLongestHead> head;
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(kDataTag, head.data());
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(size), end);
  return grpc::Slice(head.data(), static_cast<std::size_t>(end - head.data()));
}

grpc::Slice SliceOf(const Model& model, std::size_t offset, std::size_t size) {
  // gRPC only reads it.
  void* const bytes = const_cast<std::uint8_t*>(model->data()) + offset;
  return grpc::Slice(
      bytes, size, [](void* kept) { delete static_cast<Model*>(kept); }, new Model(model));
}

}  // namespace

grpc::ByteBuffer ModelFrameOf(const Model& model, std::size_t offset, std::size_t size) {
  const std::array<grpc::Slice, 2> slices = {HeadOf(size), SliceOf(model, offset, size)};
  return grpc::ByteBuffer(slices.data(), slices.size());
}

ModelCall::ModelCall(grpc::CallbackServerContext* context, Model model,
                     std::chrono::milliseconds deadline)
    : model_(std::move(model)), deadline_(context) {
  deadline_.Start(deadline);
  Next();
}

void ModelCall::OnWriteDone(bool ok) {
  if (ok) return Next();
  Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the peer takes no more"));
}

void ModelCall::OnDone() {
  deadline_.End();
  delete this;
}

void ModelCall::Next() {
  const std::size_t size = std::min(kFrameBytes, model_->size() - sent_);
  if (size == 0) return Finish(grpc::Status::OK);
  frame_ = ModelFrameOf(model_, sent_, size);
  sent_ += size;
  StartWrite(&frame_);
}

}  // namespace veilsum::coordinator
