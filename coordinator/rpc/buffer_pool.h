// Buffers for uploads, kept from one to the next: fresh memory of a few MiB costs a page fault for
// every 4 KiB of it, more than copying an upload into it does.
#pragma once

#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace veilsum::coordinator {

// Thread-safe.
class BufferPool {
 public:
  explicit BufferPool(std::size_t kept) : kept_(kept) {}  // at most so many wait for their next use

  Bytes Take(std::size_t size) {  // of any content
    Bytes buffer;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        buffer = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (buffer.capacity() < size) buffer = Bytes();  // not copied into a larger one
    buffer.resize(size);
    return buffer;
  }
  void Give(Bytes buffer) {
    if (buffer.empty()) return;
    const std::lock_guard lock(mutex_);
    if (free_.size() < kept_) free_.push_back(std::move(buffer));
  }

 private:
  const std::size_t kept_;
  std::mutex mutex_;
  std::vector<Bytes> free_;
};

}  // namespace veilsum::coordinator
