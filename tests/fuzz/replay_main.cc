// Runs a fuzz target without libFuzzer.
//
//   fuzz_x [--write DIR] [--mutations N] [FILE|DIR]...
//
// Every file given, every seed of the target, and N mutations of each (the same ones every time) go
// through the target once. --write puts the target's seeds into a folder instead.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void RunOne(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string Mutated(std::string input, std::mt19937_64& random) {
  for (std::size_t edits = 1 + random() % 4; edits > 0; --edits) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    switch (random() % 5) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(random());
        break;
      case 1:
        input.insert(at, 1 + random() % 4, static_cast<char>(random()));
        break;
      case 2:
        input.erase(at, 1 + random() % 8);
        break;
      case 3:
        if (!input.empty()) input[at] ^= static_cast<char>(1 << random() % 8);
        break;
      default:
        input.insert(at, input.substr(input.empty() ? 0 : random() % input.size(), random() % 16));
    }
  }
  return input;
}

int Main(int argc, char** argv) {
  std::size_t mutations = 0;
  std::vector<std::string> inputs;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--write" && i + 1 < argc) {
      const std::filesystem::path folder = argv[++i];
      std::filesystem::create_directories(folder);
      std::size_t number = 0;
      for (const std::string& seed : Seeds())
        std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
      return 0;
    }
    if (argument == "--mutations" && i + 1 < argc) {
      mutations = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::directory_iterator(argument))
        inputs.push_back(ReadAll(entry.path()));
    } else {
      inputs.push_back(ReadAll(argument));
    }
  }
  std::sort(inputs.begin(), inputs.end());
  for (std::string& seed : Seeds()) inputs.push_back(std::move(seed));
  std::mt19937_64 random(1);
  std::size_t runs = 0;
  for (const std::string& input : inputs) {
    RunOne(input);
    ++runs;
    for (std::size_t i = 0; i < mutations; ++i, ++runs) RunOne(Mutated(input, random));
  }
  std::printf("%zu inputs\n", runs);
  return runs == 0 ? 1 : 0;
}

}  // namespace
}  // namespace veilsum::fuzz

int main(int argc, char** argv) { return veilsum::fuzz::Main(argc, argv); }
