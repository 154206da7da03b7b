// `veilsum data generate`: synthetic shops as folders, to try a federation with.
#include <cstdio>
#include <memory>

#include "cli/demo/shops/write_shops.h"
#include "cli/operate/operate_commands.h"

namespace veilsum::cli {
namespace {

struct DataArguments {
  std::filesystem::path out;
  int shops = 3;
  std::uint64_t seed = 1;
};

}  // namespace

void AddDataCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* data = app.add_subcommand("data", "Data to try things with");
  data->require_subcommand(1);
  CLI::App* generate = data->add_subcommand(
      "generate", "Write synthetic shops: DIR/manifest.json and DIR/merchants/<shop>/*.csv");
  auto arguments = std::make_shared<DataArguments>();
  generate->add_option("--out", arguments->out, "Folder, made if it is not there")
      ->type_name("DIR")
      ->required();
  generate->add_option("--merchants", arguments->shops, "2 to 200")
      ->check(CLI::Range(2, 200))
      ->capture_default_str();
  generate->add_option("--seed", arguments->seed, "The same shops for the same seed")
      ->capture_default_str();
  generate->callback([arguments, &outcome] {
    outcome = WriteShops(Market(arguments->seed, arguments->shops), arguments->out);
  });
}

}  // namespace veilsum::cli
