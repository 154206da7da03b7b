// A fuzz target: what libFuzzer calls, and valid inputs to start from. Without libFuzzer,
// replay_main.cc runs a corpus and mutations of it through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace veilsum::fuzz {

// Inputs that reach deep, made by the product's own encoders: the corpus is generated from these.
std::vector<std::string> Seeds();

// What a target must never see: prints the reason and aborts, which libFuzzer and ctest both
// notice.
void Require(bool condition, const char* promise);

}  // namespace veilsum::fuzz
