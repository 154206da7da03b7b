#include "client/witness/receipt.h"

#include "base/canonical_json.h"
#include "base/tlog/dsse.h"
#include "model/ledger/time_text.h"

namespace veilsum::client {

std::string SignReceipt(const Receipt& receipt, const Ed25519Signer& signer) {
  const Json statement = {{"_type", "https://in-toto.io/Statement/v1"},
                          {"predicateType", "https://" + receipt.federation + "/ledger/receipt/v1"},
                          {"predicate",
                           {{"actor", receipt.actor},
                            {"contract_hash", HexEncode(receipt.contract_hash)},
                            {"first", receipt.first},
                            {"last", receipt.last},
                            {"leaf", receipt.leaf},
                            {"leaf_sha256", HexEncode(receipt.leaf_sha256)},
                            {"size", receipt.head.size},
                            {"root_sha256", HexEncode(receipt.head.root)},
                            {"time", ledger::TimeText(receipt.time)}}},
                          {"subject",
                           {{{"digest", {{"sha256", HexEncode(receipt.leaf_sha256)}}},
                             {"name", absl::StrFormat("leaf/%d", receipt.leaf)}}}}};
  const std::string payload = statement.dump();
  tlog::Envelope envelope;
  envelope.payload_type = "application/vnd.in-toto+json";
  envelope.payload.assign(payload.begin(), payload.end());
  envelope.Sign(receipt.actor, signer);
  return envelope.ToJson();
}

}  // namespace veilsum::client
