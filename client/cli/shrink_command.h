// `veilsum-client model shrink --package PKG --hidden 32,16 --data DIR --out PKG2`: a released
// model with fewer hidden units, kept only when it is as good on this merchant's hold-out.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/insight/small_model.h"

namespace veilsum::client {

struct ShrinkOptions {
  ReleaseChoice release;
  std::vector<std::size_t> hidden;
  std::vector<std::string> data;  // the merchant's folders
  std::string out, sign_key, model_id;
  std::string method = "distil";
  double max_loss = kMaxLoss;
  Distillation distillation;
};

// `model` is the command of that name.
CLI::App* AddShrinkCommand(CLI::App& model, ShrinkOptions& options);
// Prints one line of JSON. kFindings: the package or the data are refused, or the small model
// is worse by more than max_loss; nothing is written then.
ExitCode RunShrink(const ShrinkOptions& options, const std::string& version);

}  // namespace veilsum::client
