// ShareUpload, ShareDelivery, ShareReport, ActiveSet, SetupSignature, Certificate: good messages,
// and every field spoiled.
#include "secure_agg/wire/share_codec.h"

#include "secure_agg/wire/certificate_codec.h"
#include "tests/unit/secure_agg/wire/codec_fixture.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kBox = 64 * 2 + 16;

pb::ShareUpload GoodUpload() {
  pb::ShareUpload wire;
  for (std::uint32_t i = 1; i < 10; ++i) {
    pb::ShareBox* const box = wire.add_boxes();
    box->set_recipient(i);
    box->set_box(std::string(kBox, 'b'));
  }
  return wire;
}

pb::ShareDelivery GoodDelivery() {
  pb::ShareDelivery wire;
  for (const std::uint32_t dealer : {0u, 4u, 9u}) {
    pb::DeliveredBox* const box = wire.add_boxes();
    box->set_dealer(dealer);
    box->set_box(std::string(kBox, 'b'));
  }
  return wire;
}

pb::Certificate GoodCertificate() {
  pb::Certificate wire;
  for (const std::uint32_t signer : {0u, 3u, 9u}) {
    pb::Certificate::Entry* const entry = wire.add_entries();
    entry->set_signer(signer);
    entry->set_signature(std::string(64, 'x'));
  }
  return wire;
}

TEST(ShareUploadCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::ShareUpload>(
      GoodUpload(), [](const auto& wire) { return ParseShareUpload(wire, kLimits); },
      &EncodeShareUpload,
      {{"OneMissing", [](pb::ShareUpload& w) { w.mutable_boxes()->RemoveLast(); }, "boxes"},
       {"OneMore", [](pb::ShareUpload& w) { *w.add_boxes() = w.boxes(0); }, "boxes"},
       {"OutsideTheRoster", [](pb::ShareUpload& w) { w.mutable_boxes(8)->set_recipient(10); },
        "recipient"},
       {"Twice", [](pb::ShareUpload& w) { w.mutable_boxes(1)->set_recipient(1); }, "recipient"},
       {"BoxShort", [](pb::ShareUpload& w) { w.mutable_boxes(3)->mutable_box()->pop_back(); },
        "box"},
       {"BoxLong", [](pb::ShareUpload& w) { w.mutable_boxes(3)->mutable_box()->push_back('x'); },
        "box"},
       {"BoxWithMore", [](pb::ShareUpload& w) { AddUnknownField(*w.mutable_boxes(3)); }, "SA-37"}});
}

TEST(ShareDeliveryCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::ShareDelivery>(
      GoodDelivery(), [](const auto& wire) { return ParseShareDelivery(wire, kLimits); },
      &EncodeShareDelivery,
      {{"OutsideTheRoster", [](pb::ShareDelivery& w) { w.mutable_boxes(2)->set_dealer(10); },
        "dealer"},
       {"OutOfOrder", [](pb::ShareDelivery& w) { w.mutable_boxes(0)->set_dealer(5); }, "dealer"},
       {"TooMany",
        [](pb::ShareDelivery& w) {
          for (int i = 0; i < 7; ++i) *w.add_boxes() = w.boxes(0);
        },
        "boxes"},
       {"BoxEmpty", [](pb::ShareDelivery& w) { w.mutable_boxes(1)->clear_box(); }, "box"},
       {"BoxWithMore", [](pb::ShareDelivery& w) { AddUnknownField(*w.mutable_boxes(1)); },
        "SA-37"}});
}

TEST(ShareReportCodec, RefusesEverySpoiledField) {
  pb::ShareReport good;
  good.set_held(kSet);
  CheckCodec<pb::ShareReport>(
      good, [](const auto& wire) { return ParseShareReport(wire, kLimits); }, &EncodeShareReport,
      {{"Padding", [](pb::ShareReport& w) { w.set_held(kPadded); }, "held"},
       {"Short", [](pb::ShareReport& w) { w.mutable_held()->pop_back(); }, "held"},
       {"Long", [](pb::ShareReport& w) { w.mutable_held()->push_back(0); }, "held"}});
}

TEST(ActiveSetCodec, RefusesEverySpoiledField) {
  pb::ActiveSet good;
  good.set_members(kSet);
  CheckCodec<pb::ActiveSet>(
      good, [](const auto& wire) { return ParseActiveSet(wire, kLimits); }, &EncodeActiveSet,
      {{"Padding", [](pb::ActiveSet& w) { w.set_members(kPadded); }, "members"},
       {"Empty", [](pb::ActiveSet& w) { w.clear_members(); }, "members"}});
}

TEST(SetupSignatureCodec, RefusesEverySpoiledField) {
  pb::SetupSignature good;
  good.set_signature(std::string(64, 'x'));
  CheckCodec<pb::SetupSignature>(
      good, [](const auto& wire) { return ParseSetupSignature(wire); }, &EncodeSetupSignature,
      {{"Short", [](pb::SetupSignature& w) { w.mutable_signature()->pop_back(); }, "signature"},
       {"Long", [](pb::SetupSignature& w) { w.mutable_signature()->push_back('x'); },
        "signature"}});
}

TEST(CertificateCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::Certificate>(
      GoodCertificate(), [](const auto& wire) { return ParseCertificate(wire, kLimits); },
      &EncodeCertificate,
      {{"OutsideTheRoster", [](pb::Certificate& w) { w.mutable_entries(2)->set_signer(10); },
        "signer"},
       {"Twice", [](pb::Certificate& w) { w.mutable_entries(1)->set_signer(0); }, "signer"},
       {"TooMany",
        [](pb::Certificate& w) {
          for (int i = 0; i < 8; ++i) *w.add_entries() = w.entries(0);
        },
        "entries"},
       {"SignatureShort",
        [](pb::Certificate& w) { w.mutable_entries(0)->mutable_signature()->pop_back(); },
        "signature"},
       {"EntryWithMore", [](pb::Certificate& w) { AddUnknownField(*w.mutable_entries(0)); },
        "SA-37"}});
}

}  // namespace
}  // namespace veilsum::secure_agg
