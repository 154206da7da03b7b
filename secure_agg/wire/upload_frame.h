// An UploadFrame read straight from a transport's buffers: the words of a masked vector are copied
// once, into their place, instead of into a message first (the Protocol Buffers wire format, fields
// in order).
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include "base/bytes.h"

namespace veilsum::secure_agg {

// ReadHead once, then ReadWords once. InvalidArgument with SA-37, both: not such a message.
class UploadFrameReader {
 public:
  // `frame` is one message, in pieces of any size; it must outlive the reader.
  explicit UploadFrameReader(google::protobuf::io::ZeroCopyInputStream* frame) : input_(frame) {}

  absl::Status ReadHead();
  std::uint64_t round() const { return round_; }  // 0: the frame names none
  std::size_t size() const { return size_; }      // bytes of words, as claimed: to be bounded first
  // Copies the words; `out` has exactly size() bytes. Nothing may follow them.
  absl::Status ReadWords(std::span<std::uint8_t> out);

 private:
  google::protobuf::io::CodedInputStream input_;
  std::uint64_t round_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace veilsum::secure_agg
