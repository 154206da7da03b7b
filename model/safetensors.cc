#include "model/safetensors.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/canonical_json.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kLengthBytes = 8;

std::uint64_t LoadLength(ByteView file) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<std::uint64_t>(file[i]) << (8 * i);
  return length;
}

// JSON keeps the last of two equal keys; a file with two is refused instead, and so is deep
// nesting.
absl::StatusOr<Json> ParseStrictly(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // of each open object
  bool twice = false, deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    deep = deep || depth > 8;
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key)
      twice = !keys.back().insert(parsed.get<std::string>()).second || twice;
    return true;
  };
  Json header = Json::parse(text, watch, false);
  if (twice) return InvalidArgument("safetensors: a name is there twice in the header");
  if (deep || !header.is_object())
    return InvalidArgument("safetensors: the header is not a JSON object of tensors");
  return header;
}

// Whole numbers from a JSON list; false for anything else.
bool ReadSizes(const Json& list, std::size_t most, std::vector<std::uint64_t>& out) {
  if (!list.is_array() || list.size() > most) return false;
  for (const Json& item : list) {
    if (!item.is_number_unsigned()) return false;
    out.push_back(item.get<std::uint64_t>());
  }
  return true;
}

// Numbers in a tensor of this shape, or nothing on overflow.
std::optional<std::uint64_t> Product(const std::vector<std::uint64_t>& shape) {
  std::uint64_t product = 1;
  for (const std::uint64_t n : shape)
    if (__builtin_mul_overflow(product, n, &product)) return std::nullopt;
  return product;
}

absl::StatusOr<Tensor> ReadTensor(const std::string& name, const Json& entry, std::uint64_t bytes) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets"))
    return InvalidArgument("safetensors: tensor %s must have dtype, shape and data_offsets", name);
  if (entry["dtype"] != "F32")
    return InvalidArgument("safetensors: tensor %s: dtype must be F32", name);
  std::vector<std::uint64_t> shape, range;
  if (!ReadSizes(entry["shape"], 8, shape))
    return InvalidArgument("safetensors: tensor %s: bad shape", name);
  if (!ReadSizes(entry["data_offsets"], 2, range) || range.size() != 2 || range[0] > range[1] ||
      range[1] > bytes)
    return InvalidArgument("safetensors: tensor %s: bad data_offsets", name);
  const std::optional<std::uint64_t> count = Product(shape);
  if (!count || *count > bytes / sizeof(float) || *count * sizeof(float) != range[1] - range[0] ||
      range[0] % sizeof(float) != 0)
    return InvalidArgument("safetensors: tensor %s: its shape does not fit its data_offsets", name);
  return Tensor{name, {shape.begin(), shape.end()}, range[0] / sizeof(float), *count};
}

absl::Status ReadMetadata(const Json& entry, std::map<std::string, std::string>& out) {
  if (!entry.is_object())
    return InvalidArgument("safetensors: __metadata__ must be an object of texts");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string())
      return InvalidArgument("safetensors: __metadata__.%s must be a text", key);
    out[key] = value.get<std::string>();
  }
  return absl::OkStatus();
}

// Sorted by place: each begins where the one before it ended, and the last ends with the file.
absl::Status CheckCovering(const std::vector<Tensor>& tensors, std::uint64_t bytes) {
  std::size_t next = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.offset != next)
      return InvalidArgument("safetensors: tensor %s overlaps another or leaves a gap",
                             tensor.name);
    next += tensor.size;
  }
  if (next * sizeof(float) != bytes)
    return InvalidArgument("safetensors: tensors have %d bytes, the file has %d for them",
                           next * sizeof(float), bytes);
  return absl::OkStatus();
}

}  // namespace

Bytes WriteSafetensors(const Layout& layout, const ModelVector& model,
                       const std::map<std::string, std::string>& metadata) {
  VEILSUM_CHECK(model.size() == layout.size());
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const Tensor& tensor : layout.tensors())
    header[tensor.name] = {
        {"dtype", "F32"},
        {"shape", tensor.shape},
        {"data_offsets",
         {tensor.offset * sizeof(float), (tensor.offset + tensor.size) * sizeof(float)}}};
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  Bytes out(kLengthBytes);
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    out[i] = static_cast<std::uint8_t>(text.size() >> (8 * i));
  out.insert(out.end(), text.begin(), text.end());
  const Bytes numbers = ModelBytes(model);
  out.insert(out.end(), numbers.begin(), numbers.end());
  return out;
}

absl::StatusOr<Safetensors> ReadSafetensors(ByteView file) {
  if (file.size() < kLengthBytes)
    return InvalidArgument("safetensors: %d bytes, too short for a header", file.size());
  const std::uint64_t length = LoadLength(file);
  if (length > kMaxSafetensorsHeader)
    return InvalidArgument("safetensors: a header of %d bytes, at most %d are accepted", length,
                           kMaxSafetensorsHeader);
  if (length > file.size() - kLengthBytes)
    return InvalidArgument("safetensors: the header is longer than the file");
  const ByteView data = file.subspan(kLengthBytes + length);
  VEILSUM_ASSIGN_OR_RETURN(const Json header,
                           ParseStrictly(AsText(file.subspan(kLengthBytes, length))));
  if (header.size() > kMaxSafetensorsTensors + 1)
    return InvalidArgument("safetensors: %d tensors, at most %d are accepted", header.size(),
                           kMaxSafetensorsTensors);
  Safetensors out;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      VEILSUM_RETURN_IF_ERROR(ReadMetadata(entry, out.metadata));
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(name, entry, data.size()));
    out.tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(out.tensors, {}, [](const Tensor& t) { return std::pair(t.offset, t.size); });
  VEILSUM_RETURN_IF_ERROR(CheckCovering(out.tensors, data.size()));
  VEILSUM_ASSIGN_OR_RETURN(out.values, ParseModelBytes(data, data.size() / sizeof(float)));
  return out;
}

absl::StatusOr<ModelVector> ReadModel(ByteView file, const Layout& layout) {
  VEILSUM_ASSIGN_OR_RETURN(Safetensors read, ReadSafetensors(file));
  if (read.tensors.size() != layout.tensors().size())
    return InvalidArgument("safetensors: %d tensors, the layout has %d", read.tensors.size(),
                           layout.tensors().size());
  for (std::size_t i = 0; i < read.tensors.size(); ++i) {
    const Tensor &have = read.tensors[i], &want = layout.tensors()[i];
    if (have.name != want.name || have.shape != want.shape)
      return InvalidArgument("safetensors: tensor %s where the layout has %s, or another shape",
                             have.name, want.name);
  }
  return std::move(read.values);
}

}  // namespace veilsum::model
