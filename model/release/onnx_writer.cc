#include "model/release/onnx_writer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <bit>
#include <limits>

#include "model/release/rounding.h"
#include "veilsum/onnx/v1/onnx.pb.h"

namespace veilsum::release {
namespace {

namespace pb = onnx::v1;
using model::Bag;
using model::Layer;
using model::Layout;
using model::ModelVector;
using model::Tensor;

enum ElementType { kFloat = 1, kInt8 = 3, kInt64 = 7, kFloat16 = 10 };  // TensorProto.DataType
constexpr int kIntegerAttribute = 2;  // AttributeProto.AttributeType.INT
constexpr char kRows[] = "N";

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

template <class T>
std::string Raw(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

class Writer {
 public:
  Writer(const model::Plan& plan, const Layout& layout, const ModelVector& model,
         Precision precision)
      : plan_(plan), layout_(layout), model_(model), precision_(precision) {}

  std::string Write() {
    file_.set_ir_version(kOnnxIrVersion);
    file_.set_producer_name("veilsum");
    file_.add_opset_import()->set_version(kOnnxOpset);
    graph().set_name(plan_.name);
    for (const Tensor& tensor : layout_.tensors()) AddTensor(tensor);
    AddListInputs();
    std::string x = FirstLayer();
    for (std::size_t i = 1; i < layout_.layers().size(); ++i)
      x = Add("Gemm", {Add("Relu", {Normalised(i - 1, x)}), Weight(i), Bias(i)});
    for (std::size_t i = 0; i < layout_.bags().size(); ++i)
      if (layout_.bags()[i].direct) x = Add("Add", {x, BagOf(i)});
    AddOutputs(x);
    return Serialised();
  }

 private:
  pb::Graph& graph() { return *file_.mutable_graph(); }

  std::string Serialised() {
    std::string bytes;
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    VEILSUM_CHECK(file_.SerializeToCodedStream(&coded));
    coded.Trim();
    return bytes;
  }

  // A node with one output, whose name is returned.
  std::string Add(const char* op, std::vector<std::string> inputs,
                  const std::vector<std::pair<const char*, std::int64_t>>& attributes = {}) {
    pb::Node& node = *graph().add_node();
    for (std::string& input : inputs) node.add_input(std::move(input));
    const std::string name = absl::StrFormat("%s_%d", op, graph().node_size());
    node.add_output(name);
    node.set_name(name);
    node.set_op_type(op);
    for (const auto& [key, value] : attributes) {
      pb::Attribute& attribute = *node.add_attribute();
      attribute.set_name(key);
      attribute.set_i(value);
      attribute.set_type(kIntegerAttribute);
    }
    return name;
  }

  void AddInitializer(const std::string& name, ElementType type,
                      const std::vector<std::size_t>& shape, std::string raw) {
    pb::Tensor& tensor = *graph().add_initializer();
    for (const std::size_t n : shape) tensor.add_dims(static_cast<std::int64_t>(n));
    tensor.set_data_type(type);
    tensor.set_name(name);
    tensor.set_raw_data(std::move(raw));
  }

  // A one-dimensional constant of integers, made once.
  std::string Integers(const std::string& name, const std::vector<std::int64_t>& values) {
    for (const pb::Tensor& tensor : graph().initializer())
      if (tensor.name() == name) return name;
    AddInitializer(name, kInt64, {values.size()}, Raw(std::span(values)));
    return name;
  }

  // A tensor of the layout, and for a matrix in fewer bits the node that gives it as float32.
  void AddTensor(const Tensor& tensor) {
    const std::span<const float> values(model_.data() + tensor.offset, tensor.size);
    if (tensor.shape.size() != 2 || precision_ == Precision::kFloat32)
      return AddInitializer(tensor.name, kFloat, tensor.shape, Raw(values));
    if (precision_ == Precision::kFloat16) {
      std::vector<std::uint16_t> halves;
      for (const float value : values) halves.push_back(ToHalf(value));
      AddInitializer(tensor.name, kFloat16, tensor.shape,
                     Raw(std::span<const std::uint16_t>(halves)));
      full_[tensor.name] = Add("Cast", {tensor.name}, {{"to", kFloat}});
      return;
    }
    const Int8Matrix small = ToInt8(values, tensor.shape[1]);
    AddInitializer(tensor.name, kInt8, tensor.shape,
                   Raw(std::span<const std::int8_t>(small.values)));
    AddInitializer(tensor.name + ".scale", kFloat, {tensor.shape[1]},
                   Raw(std::span<const float>(small.scales)));
    full_[tensor.name] =
        Add("DequantizeLinear", {tensor.name, tensor.name + ".scale"}, {{"axis", 1}});
  }

  std::string Full(const std::string& name) const {
    const auto found = full_.find(name);
    return found == full_.end() ? name : found->second;
  }
  std::string Weight(std::size_t i) const { return Full(absl::StrFormat("layers.%d.weight", i)); }
  std::string Bias(std::size_t i) const { return absl::StrFormat("layers.%d.bias", i); }

  static void SetShape(pb::ValueInfo& value, const std::string& name, ElementType type,
                       std::size_t width) {
    value.set_name(name);
    pb::TensorType& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape()->add_dim()->set_dim_param(kRows);
    tensor.mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(width));
  }
  std::string Input(const std::string& name, ElementType type, std::size_t width) {
    SetShape(*graph().add_input(), name, type, width);
    return name;
  }

  void AddListInputs() {
    std::size_t list = 0;
    for (const model::Feature& feature : plan_.features) {
      if (!feature.is_list()) continue;
      const std::string name = absl::StrFormat("list%d", list++);
      list_ids_.push_back(Input(name + ".ids", kInt64, feature.slots()));
      list_weights_.push_back(Input(name + ".weights", kFloat, feature.slots()));
    }
  }

  // sum_k weight_k * table[id_k]: [N, slots, width] summed over the slots.
  std::string BagOf(std::size_t i) {
    const Bag& bag = layout_.bags()[i];
    const std::string rows =
        Add("Gather", {Full(absl::StrFormat("bags.%d.weight", i)), list_ids_[bag.list]});
    const std::string weights =
        Add("Unsqueeze", {list_weights_[bag.list], Integers("axis.2", {2})});
    return SumOverSlots(Add("Mul", {rows, weights}));
  }
  std::string SumOverSlots(const std::string& x) {
    return Add("ReduceSum", {x, Integers("axis.1", {1})}, {{"keepdims", 0}});
  }

  std::string Index(std::size_t value) {
    return Integers(absl::StrFormat("index.%d", value), {static_cast<std::int64_t>(value)});
  }
  // x[first:end] along an axis.
  std::string Part(const std::string& x, std::size_t axis, std::size_t first, std::size_t end) {
    return Add("Slice", {x, Index(first), Index(end), Index(axis)});
  }
  std::string Scalar(const std::string& name, float value) {
    AddInitializer(name, kFloat, {}, Raw(std::span<const float>(&value, 1)));
    return name;
  }

  // The channels of a sequence, [N, channels]: model/sequence.h.
  std::string SequenceOf(std::size_t i) {
    const model::Sequence& sequence = layout_.sequences()[i];
    const std::string name = absl::StrFormat("sequences.%d.", i);
    const std::string live = Add("Sign", {list_weights_[sequence.list]});
    const std::string rows = Add("Gather", {Full(name + "table"), list_ids_[sequence.list]});
    const std::string x = Add("Mul", {rows, Add("Unsqueeze", {live, Index(2)})});
    return sequence.encoder == model::Encoder::kConvolution ? Convolved(sequence, name, x, live)
                                                            : Recurred(sequence, name, x, live);
  }

  std::string Convolved(const model::Sequence& sequence, const std::string& name,
                        const std::string& x, const std::string& live) {
    const std::size_t windows = sequence.windows();
    std::string z = name + "bias";
    std::vector<std::string> events;
    for (std::size_t k = 0; k < sequence.kernel; ++k) {
      const std::string weight =
          Part(Full(name + "weight"), 0, k * sequence.embedding, (k + 1) * sequence.embedding);
      z = Add("Add", {Add("MatMul", {Part(x, 1, k, k + windows), weight}), z});
      events.push_back(Part(live, 1, k, k + windows));
    }
    const std::string mask = Add("Unsqueeze", {Add("Max", events), Index(2)});
    const std::string sum = SumOverSlots(Add("Mul", {Add("Relu", {z}), mask}));
    return Add("Mul", {sum, Scalar(name + "each", 1.0f / static_cast<float>(windows))});
  }

  // h' = h + live (1 - z) (n - h), slot after slot; the first h is 0.
  std::string Recurred(const model::Sequence& sequence, const std::string& name,
                       const std::string& x, const std::string& live) {
    const std::size_t units = sequence.channels;
    const std::string whole = Full(name + "weight"), one = Scalar(name + "one", 1);
    const std::string by_input = Part(whole, 0, 0, sequence.embedding);
    const std::string by_state = Part(whole, 0, sequence.embedding, sequence.rows());
    std::string h;
    for (std::size_t t = 0; t < sequence.slots; ++t) {
      const std::string at = SumOverSlots(Part(x, 1, t, t + 1));
      const std::string input = Add("Add", {Add("MatMul", {at, by_input}), name + "bias"});
      const std::string inner = h.empty() ? "" : Add("MatMul", {h, by_state});
      const auto gate = [&](std::size_t g) {
        const std::string a = Part(input, 1, g * units, (g + 1) * units);
        if (h.empty()) return a;
        return Add("Add", {a, Part(inner, 1, g * units, (g + 1) * units)});
      };
      std::string made = Part(input, 1, 2 * units, 3 * units);
      if (!h.empty())
        made = Add(
            "Add",
            {made, Add("Mul", {Add("Sigmoid", {gate(1)}), Part(inner, 1, 2 * units, 3 * units)})});
      made = Add("Tanh", {made});
      const std::string keep =
          Add("Mul", {Add("Sub", {one, Add("Sigmoid", {gate(0)})}), Part(live, 1, t, t + 1)});
      h = h.empty() ? Add("Mul", {keep, made})
                    : Add("Add", {h, Add("Mul", {keep, Add("Sub", {made, h})})});
    }
    return h;
  }

  std::string Numeric() {
    const std::string raw = Input("numeric", kFloat, layout_.numeric());
    if (!layout_.standardised()) return raw;
    const float bounds[] = {-4.0f, 4.0f};
    AddInitializer("clip.low", kFloat, {}, Raw(std::span<const float>(bounds, 1)));
    AddInitializer("clip.high", kFloat, {}, Raw(std::span<const float>(bounds + 1, 1)));
    return Add("Clip", {Add("Mul", {Add("Sub", {raw, "input.mean"}), "input.scale"}), "clip.low",
                        "clip.high"});
  }

  // Numeric inputs and bags through the first rows of the matrix, one row of it for each active
  // input.
  std::string FirstLayer() {
    std::vector<std::string> dense;
    if (layout_.numeric() != 0) dense.push_back(Numeric());
    for (std::size_t i = 0; i < layout_.bags().size(); ++i)
      if (!layout_.bags()[i].direct) dense.push_back(BagOf(i));
    for (std::size_t i = 0; i < layout_.sequences().size(); ++i) dense.push_back(SequenceOf(i));
    std::string x = Bias(0);
    if (!dense.empty()) {
      const auto rows = static_cast<std::int64_t>(layout_.dense_inputs());
      const std::string weights =
          Add("Slice", {Weight(0), Integers("dense.first", {0}), Integers("dense.end", {rows}),
                        Integers("axis.0", {0})});
      const std::string inputs = dense.size() == 1 ? dense[0] : Add("Concat", dense, {{"axis", 1}});
      x = Add("Add", {Add("MatMul", {inputs, weights}), x});
    }
    std::size_t categorical = 0;
    for (const model::Feature& feature : plan_.features)
      categorical += feature.kind == model::FeatureKind::kCategorical;
    if (categorical == 0) return x;
    const std::string active = Input("active", kInt64, categorical);
    return Add("Add", {SumOverSlots(Add("Gather", {Weight(0), active})), x});
  }

  // What layer norm makes of a hidden layer's outputs.
  std::string Normalised(std::size_t layer, const std::string& x) {
    if (!layout_.layer_norm()) return x;
    const std::string each = absl::StrFormat("layers.%d.each", layer);
    const float share = 1.0f / static_cast<float>(layout_.layers()[layer].out);
    AddInitializer(each, kFloat, {}, Raw(std::span<const float>(&share, 1)));
    const std::string epsilon = absl::StrFormat("layers.%d.epsilon", layer);
    AddInitializer(epsilon, kFloat, {}, Raw(std::span<const float>(&model::kLayerNormEpsilon, 1)));
    const auto mean = [&](const std::string& of) {
      const std::string sum = Add("ReduceSum", {of, Integers("axis.1", {1})}, {{"keepdims", 1}});
      return Add("Mul", {sum, each});
    };
    const std::string centred = Add("Sub", {x, mean(x)});
    const std::string variance = mean(Add("Mul", {centred, centred}));
    return Add("Div", {centred, Add("Sqrt", {Add("Add", {variance, epsilon})})});
  }

  void AddOutputs(const std::string& logits) {
    const std::size_t outputs = layout_.layers().back().out;
    Rename(logits, "logits");
    SetShape(*graph().add_output(), "logits", kFloat, outputs);
    if (plan_.task != model::Task::kBinary || !plan_.heads.empty()) return;
    Rename(Add("Sigmoid", {"logits"}), "probability");
    SetShape(*graph().add_output(), "probability", kFloat, 1);
  }
  // The output of the last node.
  void Rename(const std::string& from, const char* to) {
    pb::Node& last = *graph().mutable_node(graph().node_size() - 1);
    VEILSUM_CHECK(last.output(0) == from);
    last.set_output(0, to);
  }

  const model::Plan& plan_;
  const Layout& layout_;
  const ModelVector& model_;
  const Precision precision_;
  pb::Model file_;
  std::map<std::string, std::string> full_;  // a matrix in fewer bits -> its float32 value
  std::vector<std::string> list_ids_, list_weights_;
};

}  // namespace

std::string_view PrecisionName(Precision precision) {
  return precision == Precision::kFloat32   ? "fp32"
         : precision == Precision::kFloat16 ? "fp16"
                                            : "int8";
}

std::string WriteOnnx(const model::Plan& plan, const Layout& layout, const ModelVector& model,
                      Precision precision) {
  VEILSUM_CHECK(model.size() == layout.size());
  return Writer(plan, layout, model, precision).Write();
}

ModelVector RoundedTo(Precision precision, const Layout& layout, const ModelVector& model) {
  ModelVector out = model;
  if (precision == Precision::kFloat32) return out;
  for (const Tensor& tensor : layout.tensors()) {
    if (tensor.shape.size() != 2) continue;
    const std::span<float> values(out.data() + tensor.offset, tensor.size);
    if (precision == Precision::kFloat16) {
      for (float& value : values) value = FromHalf(ToHalf(value));
      continue;
    }
    const Int8Matrix small = ToInt8(values, tensor.shape[1]);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(small.values[i]) * small.scales[i % small.scales.size()];
  }
  return out;
}

}  // namespace veilsum::release
