// Nodes of different releases talk to each other: every method, and a message of every kind with
// every field set, as the releases so far put them on the wire (wire_<version>.txt), must mean the
// same to today's code. What a field holds follows from the numbers on the way to it, so a field
// that was renumbered, re-used, removed or given another wire type shows. VEILSUM_REWRITE=1 writes
// the present version's file anew; the files of older ones are never written again.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "base/fnv1a.h"
#include "tests/support/status_matchers.h"
#include "veilsum/admin/v1/admin.pb.h"
#include "veilsum/coordinator/v1/rounds.pb.h"
#include "veilsum/enroll/v1/enroll.pb.h"
#include "veilsum/rollout/v1/rollout.pb.h"
#include "veilsum/serving/v1/serving.pb.h"
#include "veilsum/tenancy/v1/tenancy.pb.h"

namespace veilsum {
namespace {

namespace pb = google::protobuf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPresent[] = "tests/vectors/wire_0_1_0.txt";

// 1 to 2^31 - 1, from the field numbers on the way: "3.1[0].2".
std::int64_t NumberAt(const std::string& path) {
  return static_cast<std::int64_t>(Fnv1a64(path) % 0x7fffffff) + 1;
}

// Sets the field, or adds `element` of a repeated one, or says in what it differs from that.
class Field {
 public:
  Field(const pb::FieldDescriptor& field, int element, std::string path)
      : field_(field), element_(element), number_(NumberAt(path)), path_(std::move(path)) {}

  void Fill(pb::Message& message) const {
    const pb::Reflection& r = *message.GetReflection();
    const bool many = field_.is_repeated();
    switch (field_.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT32: {
        const auto value = static_cast<std::int32_t>(number_);
        return many ? r.AddInt32(&message, &field_, value) : r.SetInt32(&message, &field_, value);
      }
      case pb::FieldDescriptor::CPPTYPE_UINT32: {
        const auto value = static_cast<std::uint32_t>(number_);
        return many ? r.AddUInt32(&message, &field_, value) : r.SetUInt32(&message, &field_, value);
      }
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return many ? r.AddInt64(&message, &field_, number_)
                    : r.SetInt64(&message, &field_, number_);
      case pb::FieldDescriptor::CPPTYPE_UINT64: {
        const auto value = static_cast<std::uint64_t>(number_);
        return many ? r.AddUInt64(&message, &field_, value) : r.SetUInt64(&message, &field_, value);
      }
      case pb::FieldDescriptor::CPPTYPE_DOUBLE: {
        const auto value = static_cast<double>(number_);
        return many ? r.AddDouble(&message, &field_, value) : r.SetDouble(&message, &field_, value);
      }
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return many ? r.AddBool(&message, &field_, true) : r.SetBool(&message, &field_, true);
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return many ? r.AddString(&message, &field_, Text())
                    : r.SetString(&message, &field_, Text());
      default:
        ADD_FAILURE() << field_.full_name() << ": a type that this test does not know";
    }
  }

  bool Holds(const pb::Message& message) const {
    const pb::Reflection& r = *message.GetReflection();
    const bool many = field_.is_repeated();
    switch (field_.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_INT32:
        return number_ == (many ? r.GetRepeatedInt32(message, &field_, element_)
                                : r.GetInt32(message, &field_));
      case pb::FieldDescriptor::CPPTYPE_UINT32:
        return number_ == (many ? r.GetRepeatedUInt32(message, &field_, element_)
                                : r.GetUInt32(message, &field_));
      case pb::FieldDescriptor::CPPTYPE_INT64:
        return number_ == (many ? r.GetRepeatedInt64(message, &field_, element_)
                                : r.GetInt64(message, &field_));
      case pb::FieldDescriptor::CPPTYPE_UINT64:
        return static_cast<std::uint64_t>(number_) ==
               (many ? r.GetRepeatedUInt64(message, &field_, element_)
                     : r.GetUInt64(message, &field_));
      case pb::FieldDescriptor::CPPTYPE_DOUBLE:
        return static_cast<double>(number_) ==
               (many ? r.GetRepeatedDouble(message, &field_, element_)
                     : r.GetDouble(message, &field_));
      case pb::FieldDescriptor::CPPTYPE_BOOL:
        return many ? r.GetRepeatedBool(message, &field_, element_) : r.GetBool(message, &field_);
      case pb::FieldDescriptor::CPPTYPE_STRING:
        return Text() == (many ? r.GetRepeatedString(message, &field_, element_)
                               : r.GetString(message, &field_));
      default:
        return false;
    }
  }

 private:
  std::string Text() const { return path_; }
  const pb::FieldDescriptor& field_;
  const int element_;
  const std::int64_t number_;
  const std::string path_;
};

std::string PathOf(const std::string& parent, const pb::FieldDescriptor& field, int element) {
  std::string path = (parent.empty() ? "" : parent + ".") + std::to_string(field.number());
  if (field.is_repeated()) path += "[" + std::to_string(element) + "]";
  return path;
}

// Every field set, two elements where there may be many (of a map one); of a choice the one that is
// `variant`'s.
void FillAll(pb::Message& message, const std::string& parent, int variant) {
  const pb::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const pb::FieldDescriptor& field = *type.field(i);
    const pb::OneofDescriptor* choice = field.real_containing_oneof();
    if (choice != nullptr && choice->field(variant % choice->field_count()) != &field) continue;
    // A map has no order on the wire: one element of it.
    const int elements = field.is_repeated() && !field.is_map() ? 2 : 1;
    for (int element = 0; element < elements; ++element) {
      const std::string path = PathOf(parent, field, element);
      if (field.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        Field(field, element, path).Fill(message);
        continue;
      }
      const pb::Reflection& r = *message.GetReflection();
      FillAll(field.is_repeated() ? *r.AddMessage(&message, &field)
                                  : *r.MutableMessage(&message, &field),
              path, variant);
    }
  }
}

void Compare(const pb::Message& message, const std::string& parent,
             std::vector<std::string>& faults) {
  const pb::Reflection& r = *message.GetReflection();
  const std::string where = message.GetDescriptor()->full_name() + " at \"" + parent + "\": ";
  if (!r.GetUnknownFields(message).empty())
    faults.push_back(where + "field " +
                     std::to_string(r.GetUnknownFields(message).field(0).number()) +
                     " is not known any more");
  std::vector<const pb::FieldDescriptor*> set;
  r.ListFields(message, &set);
  for (const pb::FieldDescriptor* field : set) {
    const int elements = field->is_repeated() ? r.FieldSize(message, field) : 1;
    for (int element = 0; element < elements; ++element) {
      const std::string path = PathOf(parent, *field, element);
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        if (!Field(*field, element, path).Holds(message))
          faults.push_back(where + field->name() + " means something else");
        continue;
      }
      Compare(field->is_repeated() ? r.GetRepeatedMessage(message, field, element)
                                   : r.GetMessage(message, field),
              path, faults);
    }
  }
}

std::unique_ptr<pb::Message> NewMessage(const std::string& type) {
  const pb::Descriptor* known = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (known == nullptr) return nullptr;
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(known)->New());
}

// In what a message of another release differs from what it meant there.
std::vector<std::string> FaultsOf(const std::string& type, const Bytes& bytes) {
  const std::unique_ptr<pb::Message> message = NewMessage(type);
  if (message == nullptr) return {type + " is not known any more"};
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return {type + " cannot be read any more"};
  std::vector<std::string> faults;
  Compare(*message, "", faults);
  if (message->ByteSizeLong() != bytes.size()) faults.push_back(type + ": something was lost");
  return faults;
}

std::vector<const pb::ServiceDescriptor*> Services() {
  std::vector<const pb::ServiceDescriptor*> out;
  for (const pb::FileDescriptor* file : {coordinator::v1::ClientMessage::descriptor()->file(),
                                         admin::v1::StartRunRequest::descriptor()->file(),
                                         enroll::v1::RedeemRequest::descriptor()->file(),
                                         rollout::v1::ReportRequest::descriptor()->file(),
                                         serving::v1::PredictRequest::descriptor()->file(),
                                         tenancy::v1::CreateTenantRequest::descriptor()->file()})
    for (int i = 0; i < file->service_count(); ++i) out.push_back(file->service(i));
  return out;
}

std::string LineOf(const pb::MethodDescriptor& method) {
  return "rpc " + method.full_name() + (method.client_streaming() ? " stream " : " ") +
         method.input_type()->full_name() + (method.server_streaming() ? " stream " : " ") +
         method.output_type()->full_name();
}

// Of the types that it is made of, the most members of a choice.
int VariantsOf(const pb::Descriptor& type) {
  int most = 1;
  for (int i = 0; i < type.real_oneof_decl_count(); ++i)
    most = std::max(most, type.oneof_decl(i)->field_count());
  for (int i = 0; i < type.field_count(); ++i)
    if (const pb::Descriptor* inner = type.field(i)->message_type())
      most = std::max(most, VariantsOf(*inner));
  return most;
}

// What this release puts on the wire, a line each.
std::vector<std::string> PresentLines() {
  std::vector<std::string> lines;
  std::set<const pb::Descriptor*> types;
  for (const pb::ServiceDescriptor* service : Services())
    for (int i = 0; i < service->method_count(); ++i) {
      lines.push_back(LineOf(*service->method(i)));
      types.insert({service->method(i)->input_type(), service->method(i)->output_type()});
    }
  for (const pb::Descriptor* type : types)
    for (int variant = 0; variant < VariantsOf(*type); ++variant) {
      const std::unique_ptr<pb::Message> message = NewMessage(type->full_name());
      FillAll(*message, "", variant);
      lines.push_back(type->full_name() + " " + HexEncode(AsBytes(message->SerializeAsString())));
    }
  std::ranges::sort(lines);
  return lines;
}

TEST(WireMessages, ThoseOfEveryReleaseMeanWhatTheyMeant) {
  if (std::getenv("VEILSUM_REWRITE") != nullptr) {
    std::ofstream out(kPresent);
    for (const std::string& line : PresentLines()) out << line << "\n";
  }
  std::set<std::string> methods;
  for (const pb::ServiceDescriptor* service : Services())
    for (int i = 0; i < service->method_count(); ++i) methods.insert(LineOf(*service->method(i)));
  int messages = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/vectors")) {
    if (!entry.path().filename().string().starts_with("wire_") ||
        entry.path().extension() != ".txt")
      continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("rpc ")) {
        EXPECT_TRUE(methods.contains(line)) << entry.path() << ": not as it was: " << line;
        continue;
      }
      const std::size_t space = line.find(' ');
      ASSERT_OK_AND_ASSIGN(const Bytes bytes, HexDecode(line.substr(space + 1)));
      EXPECT_THAT(FaultsOf(line.substr(0, space), bytes), IsEmpty()) << entry.path();
      ++messages;
    }
  }
  EXPECT_GE(messages, 30);
}

// The present file has every method and message of today's: a new field is frozen with the release
// that brings it.
TEST(WireMessages, TheFileOfThisReleaseIsComplete) {
  std::ifstream in(kPresent);
  std::vector<std::string> frozen;
  for (std::string line; std::getline(in, line);) frozen.push_back(line);
  EXPECT_EQ(frozen, PresentLines()) << "VEILSUM_REWRITE=1 writes it, until the release is out";
}

TEST(WireMessages, WhatHasChangedIsSeen) {
  const std::string type = coordinator::v1::ClientMessage::descriptor()->full_name();
  const auto bytes_of = [](const coordinator::v1::ClientMessage& message) {
    const std::string text = message.SerializeAsString();
    return Bytes(text.begin(), text.end());
  };
  coordinator::v1::ClientMessage message;
  FillAll(message, "", 0);
  ASSERT_THAT(FaultsOf(type, bytes_of(message)), IsEmpty());
  ASSERT_TRUE(message.has_join());
  const std::uint32_t meant = message.join().protocol();
  message.mutable_join()->set_protocol(meant + 1);
  EXPECT_THAT(FaultsOf(type, bytes_of(message)), testing::Contains(HasSubstr("protocol means")));
  message.mutable_join()->set_protocol(meant);
  message.mutable_join()
      ->GetReflection()
      ->MutableUnknownFields(message.mutable_join())
      ->AddVarint(900, 1);
  EXPECT_THAT(FaultsOf(type, bytes_of(message)), testing::Contains(HasSubstr("field 900")));
  EXPECT_THAT(FaultsOf("veilsum.coordinator.v1.Gone", {}), Not(IsEmpty()));
}

}  // namespace
}  // namespace veilsum
