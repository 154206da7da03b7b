#include <dlfcn.h>

#include <array>
#include <filesystem>

#include "client/train/device/device_sums.h"
#include "client/train/torch/plugin.h"

namespace veilsum::client {
namespace {

using torch_engine::Plugin;
using Message = std::array<char, 1024>;

class TorchSums final : public DeviceSums {
 public:
  TorchSums(const Plugin& plugin, void* group) : plugin_(plugin), group_(group) {}
  ~TorchSums() override { plugin_.close(group_); }
  TorchSums(const TorchSums&) = delete;

  absl::Status Sum(const float* parameters, const torch_engine::Batch& batch, double clip_norm,
                   std::span<double> sum) override {
    Message message = {};
    if (plugin_.sum(group_, parameters, batch, clip_norm, sum.data(), message.data(),
                    message.size()))
      return absl::OkStatus();
    return Internal("train.devices: %s", message.data());
  }

 private:
  const Plugin& plugin_;
  void* group_;
};

std::filesystem::path BesideTheProgram() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return program.parent_path() / "libveilsum_torch.so";
}

// Stays loaded: libtorch has threads and static objects of its own.
absl::StatusOr<const Plugin*> Load(const std::filesystem::path& file) {
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return FailedPrecondition(
        "train.devices needs libveilsum_torch.so, of a build where libtorch is: %s", dlerror());
  using Entry = const Plugin* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, torch_engine::kPluginSymbol));
  if (entry == nullptr || entry()->version != torch_engine::kPluginVersion)
    return FailedPrecondition("%s is not of this program's version", file.string());
  return entry();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceSums>> OpenDevices(const torch_engine::Net& net,
                                                        const Devices& devices) {
  if (const std::string error = NetError(net); !error.empty())
    return InvalidArgument("train.devices: %s", error);
  const std::filesystem::path file =
      devices.library.empty() ? BesideTheProgram() : std::filesystem::path(devices.library);
  VEILSUM_ASSIGN_OR_RETURN(const Plugin* plugin, Load(std::filesystem::absolute(file)));
  std::vector<const char*> names;
  for (const std::string& name : devices.names) names.push_back(name.c_str());
  Message message = {};
  void* const group = plugin->open(net, names.data(), names.size(), message.data(), message.size());
  if (group == nullptr) return FailedPrecondition("train.devices: %s", message.data());
  return std::make_unique<TorchSums>(*plugin, group);
}

}  // namespace veilsum::client
