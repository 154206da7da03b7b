#include "model/release/onnx_reader.h"

#include <cmath>
#include <cstring>

#include "model/release/onnx_writer.h"
#include "model/release/refusal.h"
#include "model/release/rounding.h"
#include "veilsum/onnx/v1/onnx.pb.h"

namespace veilsum::release {
namespace {

namespace pb = onnx::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kMaxNodes = 4096;

const std::set<std::string, std::less<>>& AllowedOperators() {
  static const std::set<std::string, std::less<>> operators = {
      "Add",    "Cast", "Clip", "Concat",   "DequantizeLinear", "Div",     "Gather", "Gemm",
      "MatMul", "Max",  "Mul",  "Relu",     "ReduceSum",        "Sigmoid", "Sign",   "Slice",
      "Sqrt",   "Sub",  "Tanh", "Unsqueeze"};
  return operators;
}

absl::Status Wrong(std::string_view what, std::string_view name = {}) {
  return Refuse(Refusal::kPackage, "onnx: %s%s", what, name);
}

bool HasUnknownFields(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (reflection.GetUnknownFields(message).field_count() != 0) return true;
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasUnknownFields(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i)
      if (HasUnknownFields(reflection.GetRepeatedMessage(message, field, i))) return true;
  }
  return false;
}

std::size_t BytesOf(int type) {
  switch (type) {
    case 1:
      return 4;
    case 3:
      return 1;
    case 7:
      return 8;
    case 10:
      return 2;
    default:
      return 0;
  }
}

bool AllFinite(const pb::Tensor& tensor) {
  const std::string& raw = tensor.raw_data();
  if (tensor.data_type() == 1)
    for (std::size_t i = 0; i + 4 <= raw.size(); i += 4) {
      float value;
      std::memcpy(&value, raw.data() + i, 4);
      if (!std::isfinite(value)) return false;
    }
  if (tensor.data_type() == 10)
    for (std::size_t i = 0; i + 2 <= raw.size(); i += 2)
      if ((static_cast<unsigned char>(raw[i + 1]) & 0x7c) == 0x7c) return false;
  return true;
}

absl::Status CheckTensor(const pb::Tensor& tensor) {
  const std::size_t each = BytesOf(tensor.data_type());
  if (each == 0) return Wrong("a type that is not on the list, of tensor ", tensor.name());
  std::uint64_t bytes = each;
  for (const std::int64_t n : tensor.dims())
    if (n < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(n), &bytes))
      return Wrong("an impossible shape of tensor ", tensor.name());
  if (tensor.dims_size() > 2 || bytes != tensor.raw_data().size())
    return Wrong("the shape does not fit the bytes of tensor ", tensor.name());
  if (!AllFinite(tensor))
    return Refuse(Refusal::kNumbers, "onnx: a number of %s is not finite", tensor.name());
  return absl::OkStatus();
}

// Every value has one name, defined before it is used.
class Names {
 public:
  absl::Status Define(const std::string& name) {
    if (name.empty() || !defined_.insert(name).second)
      return Wrong("an empty name, or one that is there twice: ", name);
    return absl::OkStatus();
  }
  absl::Status Use(const std::string& name) const {
    return defined_.contains(name) ? absl::OkStatus()
                                   : Wrong("a value is used before it is there: ", name);
  }

 private:
  std::set<std::string> defined_;
};

absl::Status CheckNode(const pb::Node& node, Names& names) {
  if (!node.domain().empty() || !AllowedOperators().contains(node.op_type()))
    return Wrong("an operator that is not on the list: ", node.op_type());
  for (const std::string& input : node.input()) VEILSUM_RETURN_IF_ERROR(names.Use(input));
  for (const std::string& output : node.output()) VEILSUM_RETURN_IF_ERROR(names.Define(output));
  for (const pb::Attribute& attribute : node.attribute())
    if (attribute.type() != 2) return Wrong("an attribute that is no integer, of ", node.op_type());
  return absl::OkStatus();
}

absl::Status CheckGraph(const pb::Graph& graph, OnnxSummary& out) {
  if (graph.node_size() > kMaxNodes || graph.initializer_size() > kMaxNodes ||
      graph.input_size() > kMaxNodes || graph.output_size() > kMaxNodes)
    return Wrong("more than 4096 nodes, tensors or inputs");
  Names names;
  for (const pb::Tensor& tensor : graph.initializer()) {
    VEILSUM_RETURN_IF_ERROR(names.Define(tensor.name()));
    VEILSUM_RETURN_IF_ERROR(CheckTensor(tensor));
  }
  for (const pb::ValueInfo& input : graph.input()) {
    VEILSUM_RETURN_IF_ERROR(names.Define(input.name()));
    out.inputs.insert(input.name());
  }
  for (const pb::Node& node : graph.node()) {
    VEILSUM_RETURN_IF_ERROR(CheckNode(node, names));
    out.operators.insert(node.op_type());
  }
  for (const pb::ValueInfo& output : graph.output()) {
    VEILSUM_RETURN_IF_ERROR(names.Use(output.name()));
    out.outputs.insert(output.name());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OnnxSummary> CheckOnnx(std::string_view file) {
  if (file.size() > kMaxOnnxBytes) return Wrong("the file is too large");
  pb::Model model;
  if (!model.ParseFromArray(file.data(), static_cast<int>(file.size())))
    return Wrong("not a protobuf message");
  if (HasUnknownFields(model)) return Wrong("a field that a released model does not have");
  if (model.ir_version() != kOnnxIrVersion || model.opset_import_size() != 1 ||
      !model.opset_import(0).domain().empty() || model.opset_import(0).version() != kOnnxOpset)
    return Wrong("another IR version, domain or opset");
  OnnxSummary out;
  out.opset = model.opset_import(0).version();
  VEILSUM_RETURN_IF_ERROR(CheckGraph(model.graph(), out));
  return out;
}

}  // namespace veilsum::release
