#include "client/cli/predict_command.h"

#include <cstdio>
#include <filesystem>

#include "client/cli/finish.h"
#include "client/data/dataset.h"
#include "client/serve/predictor.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBatch = 1024;

class Printer {
 public:
  Printer(const Predictor& predictor, const PredictOptions& options)
      : predictor_(predictor), options_(options) {}

  void Header() const {
    if (options_.json) return;
    std::printf("%s\n", PredictionCsvHeader(predictor_.plan(), options_.explain).c_str());
  }

  absl::Status Print(const model::Examples& rows) const {
    if (rows.rows() == 0) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                             predictor_.Predict(rows, options_.explain));
    std::string text;
    for (const Prediction& prediction : predictions) {
      if (options_.json) {
        AppendPredictionJson(predictor_.plan(), prediction, text);
      } else {
        text += PredictionCsvLine(predictor_.plan(), prediction);
      }
      text += '\n';
    }
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
      return Unavailable("stdout cannot be written");
    return absl::OkStatus();
  }

 private:
  const Predictor& predictor_;
  const PredictOptions& options_;
};

absl::Status PredictFolder(const Predictor& predictor, const PredictOptions& options,
                           const Printer& printer) {
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data, LoadDataset(predictor.plan(), {options.data}));
  printer.Header();
  VEILSUM_RETURN_IF_ERROR(printer.Print(data.training));
  return printer.Print(data.holdout);
}

absl::Status PredictRows(const Predictor& predictor, const PredictOptions& options,
                         const Printer& printer) {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, predictor.encoder());
  VEILSUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<RowSource> source,
      OpenRowSource(options.data, encoder->wanted(), predictor.plan().unit.column));
  printer.Header();
  model::Examples batch = encoder->Empty();
  FlatRow row;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
    if (more) VEILSUM_RETURN_IF_ERROR(encoder->Append(row, source->name(), batch));
    if (!more || batch.rows() == kBatch) {
      VEILSUM_RETURN_IF_ERROR(printer.Print(batch));
      batch = encoder->Empty();
    }
    if (!more) return absl::OkStatus();
  }
}

absl::Status Predict(const PredictOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> predictor,
                           LoadPredictor(options.release));
  if (options.explain) VEILSUM_RETURN_IF_ERROR(predictor->CheckExplains());
  const Printer printer(*predictor, options);
  std::error_code error;
  return options.data != "-" && fs::is_directory(options.data, error)
             ? PredictFolder(*predictor, options, printer)
             : PredictRows(*predictor, options, printer);
}

}  // namespace

CLI::App* AddPredictCommand(CLI::App& app, PredictOptions& options) {
  CLI::App* predict =
      app.add_subcommand("predict", "A released model's predictions; nothing leaves the machine");
  AddReleaseOptions(*predict, options.release);
  AddPersonalOption(*predict, options.release);
  predict
      ->add_option("--data", options.data,
                   "rows as CSV or JSON lines, - for stdin, or a folder with the plan's tables")
      ->type_name("DATA")
      ->required();
  predict->add_flag("--json", options.json, "JSON lines on stdout instead of CSV");
  predict->add_flag("--explain", options.explain,
                    "What each column adds to the logit: integrated gradients from an empty row");
  return predict;
}

ExitCode RunPredict(const PredictOptions& options) { return Finish(Predict(options)); }

}  // namespace veilsum::client
