#include "base/crypto/aes256_ctr.h"

#include <algorithm>

namespace veilsum {

Aes256Ctr::Aes256Ctr(const Secret<32>& key, const CtrKernels& kernels) : kernels_(&kernels) {
  kernels_->start(state_, key.Expose().data());
}

Aes256Ctr::~Aes256Ctr() { kernels_->finish(state_); }

void Aes256Ctr::Seek(std::uint64_t block) {
  block_ = block;
  in_block_ = 0;
}

void Aes256Ctr::Generate(std::span<std::uint8_t> out) {
  if (in_block_ > 0) {  // the rest of a block that an earlier call began
    std::array<std::uint8_t, 16> block;
    Apply(KeystreamUse::kStore, block_, block);
    const std::size_t size = std::min(out.size(), block.size() - in_block_);
    std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(in_block_), size, out.begin());
    sodium_memzero(block.data(), block.size());
    out = out.subspan(size);
    in_block_ = (in_block_ + size) % block.size();
    block_ += in_block_ == 0 ? 1 : 0;
  }
  if (out.empty()) return;
  Apply(KeystreamUse::kStore, block_, out);
  block_ += out.size() / 16;
  in_block_ = out.size() % 16;
}

}  // namespace veilsum
