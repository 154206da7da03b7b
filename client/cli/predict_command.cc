#include "client/cli/predict_command.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "client/data/dataset.h"
#include "client/release/model_store.h"
#include "client/serve/attribution.h"
#include "client/serve/row_encoder.h"
#include "model/mlp.h"
#include "model/release/package.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBatch = 1024;

std::string NumberText(double value) {
  return std::isfinite(value) ? release::DecimalOf(value) : std::string("nan");
}

// RFC 4180.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

class Printer {
 public:
  Printer(const release::Release& release, const PredictOptions& options)
      : release_(release), options_(options) {}

  void Header() const {
    if (options_.json) return;
    std::string line = release_.plan.unit.column + ",probability,logit";
    if (options_.explain) {
      line += ",baseline";
      for (const model::Feature& f : release_.plan.features)
        line += "," + CsvField("by." + f.table + "." + f.column);
    }
    std::printf("%s\n", line.c_str());
  }

  absl::Status Print(const model::Examples& rows) const {
    if (rows.rows() == 0) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> logits,
                             model::Logits(release_.layout, release_.model, rows));
    const std::size_t outputs = logits.size() / rows.rows();
    std::string text;
    for (std::size_t u = 0; u < rows.customers(); ++u)
      for (std::size_t row = rows.first_row[u]; row < rows.first_row[u + 1]; ++row) {
        VEILSUM_ASSIGN_OR_RETURN(const std::string line,
                                 Line(rows, row, rows.customer_ids[u], logits[row * outputs]));
        text += line + "\n";
      }
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
      return Unavailable("stdout cannot be written");
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::string> Line(const model::Examples& rows, std::size_t row,
                                   const std::string& id, float logit) const {
    const double probability = 1 / (1 + std::exp(-static_cast<double>(logit)));
    Attribution why;
    if (options_.explain) {
      VEILSUM_ASSIGN_OR_RETURN(
          why, Attribute(release_.plan, release_.layout, release_.model, rows, row));
    }
    return options_.json ? JsonLine(id, probability, logit, why)
                         : CsvLine(id, probability, logit, why);
  }

  std::string CsvLine(const std::string& id, double probability, float logit,
                      const Attribution& why) const {
    std::string line =
        CsvField(id) + "," + NumberText(probability) + "," + NumberText(static_cast<double>(logit));
    if (!options_.explain) return line;
    line += "," + NumberText(static_cast<double>(why.baseline));
    for (const double by : why.features) line += "," + NumberText(by);
    return line;
  }

  std::string JsonLine(const std::string& id, double probability, float logit,
                       const Attribution& why) const {
    nlohmann::ordered_json line;
    if (!id.empty()) line["id"] = id;
    line["probability"] = probability;
    line["logit"] = static_cast<double>(logit);
    if (options_.explain) {
      nlohmann::ordered_json by = nlohmann::ordered_json::object();
      for (std::size_t f = 0; f < why.features.size(); ++f)
        by[release_.plan.features[f].table + "." + release_.plan.features[f].column] =
            why.features[f];
      line["explanation"] = {{"method", "integrated_gradients"},
                             {"baseline_logit", static_cast<double>(why.baseline)},
                             {"residual", why.residual},
                             {"by", by}};
    }
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }

  const release::Release& release_;
  const PredictOptions& options_;
};

absl::Status PredictFolder(const release::Release& release, const PredictOptions& options,
                           const Printer& printer) {
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data, LoadDataset(release.plan, {options.data}));
  printer.Header();
  VEILSUM_RETURN_IF_ERROR(printer.Print(data.training));
  return printer.Print(data.holdout);
}

absl::Status PredictRows(const release::Release& release, const PredictOptions& options,
                         const Printer& printer) {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder encoder, RowEncoder::Create(release.plan));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RowSource> source,
                           OpenRowSource(options.data, encoder.wanted(), release.plan.unit.column));
  printer.Header();
  model::Examples batch = encoder.Empty();
  FlatRow row;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
    if (more) VEILSUM_RETURN_IF_ERROR(encoder.Append(row, source->name(), batch));
    if (!more || batch.rows() == kBatch) {
      VEILSUM_RETURN_IF_ERROR(printer.Print(batch));
      batch = encoder.Empty();
    }
    if (!more) return absl::OkStatus();
  }
}

absl::StatusOr<release::Release> Load(const PredictOptions& options) {
  if (!options.store.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const ModelStore store, ModelStore::Open(options.store));
    return store.LoadCurrent();
  }
  if (options.package.empty()) return InvalidArgument("give --package or --store");
  if (options.key.empty())
    return InvalidArgument(
        "--package needs --key: a key that lies beside a package proves nothing");
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(options.key, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(options.package));
  return release::OpenPackage(files, key);
}

absl::Status Predict(const PredictOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, Load(options));
  if (release.plan.task != model::Task::kBinary)
    return FailedPrecondition(
        "predictions are for binary plans; model.onnx has the logits of others");
  const Printer printer(release, options);
  std::error_code error;
  return options.data != "-" && fs::is_directory(options.data, error)
             ? PredictFolder(release, options, printer)
             : PredictRows(release, options, printer);
}

}  // namespace

CLI::App* AddPredictCommand(CLI::App& app, PredictOptions& options) {
  CLI::App* predict =
      app.add_subcommand("predict", "A released model's predictions; nothing leaves the machine");
  CLI::Option* package =
      predict->add_option("--package", options.package, "folder of a release")->type_name("PKG");
  predict->add_option("--store", options.store, "this machine's releases: the one that serves")
      ->type_name("DIR")
      ->excludes(package);
  predict->add_option("--key", options.key, "with --package: the release key, received out of band")
      ->type_name("FILE")
      ->needs(package);
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

ExitCode RunPredict(const PredictOptions& options) {
  const absl::Status status = Predict(options);
  if (status.ok()) return ExitCode::kDone;
  std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  const bool data = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
                    absl::IsNotFound(status);
  return data ? ExitCode::kFindings : ExitCodeOf(status);
}

}  // namespace veilsum::client
