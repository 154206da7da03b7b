#include "cli/dp/event_list.h"

#include <algorithm>
#include <optional>

#include "cli/dp/privacy_query.h"

namespace veilsum::cli {
namespace {

constexpr std::uint64_t kMostSelections = 1000;  // of one entry
constexpr std::uint64_t kMostBands = 4096;

// One entry of the list as it was written.
struct Entry {
  PrivacyQuery event;
  std::optional<std::uint64_t> bands;
  std::optional<double> eta, gamma;
  const Json* events = nullptr;  // of a selection
};

absl::StatusOr<double> RealOf(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    VEILSUM_ASSIGN_OR_RETURN(const Rational real, Rational::Parse(value.get<std::string>()));
    return real.ToDouble();
  }
  return InvalidArgument("must be a number or a decimal string");
}

absl::Status ReadWhole(const std::string& key, const Json& value, Entry& entry) {
  if (!value.is_number_unsigned()) return InvalidArgument("must be an integer of at least 0");
  const auto number = value.get<std::uint64_t>();
  if (key == "count") entry.event.steps = number;
  if (key == "dimension") entry.event.dimension = number;
  if (key == "bands") entry.bands = number;
  if (key == "merchants")
    entry.event.merchants = static_cast<std::uint32_t>(std::min<std::uint64_t>(number, ~0u));
  return absl::OkStatus();
}

absl::Status ReadField(const std::string& key, const Json& value, Entry& entry) {
  PrivacyQuery& event = entry.event;
  if (key == "mechanism") {
    if (!value.is_string()) return InvalidArgument("must be a string");
    event.mechanism = value.get<std::string>();
    std::replace(event.mechanism.begin(), event.mechanism.end(), '_', '-');
    return absl::OkStatus();
  }
  if (key == "purpose") return absl::OkStatus();  // for people
  if (key == "sampling_rate") {
    if (!value.is_string() && !value.is_number())
      return InvalidArgument("must be a number or a string");
    event.sampling_rate = value.is_string() ? value.get<std::string>() : value.dump();
    return absl::OkStatus();
  }
  if (key == "count" || key == "merchants" || key == "dimension" || key == "bands")
    return ReadWhole(key, value, entry);
  if (key == "noise_multiplier" || key == "sensitivity" || key == "sensitivity_l1" ||
      key == "eta" || key == "gamma") {
    VEILSUM_ASSIGN_OR_RETURN(const double real, RealOf(value));
    if (key == "noise_multiplier") event.noise_multiplier = real;
    if (key == "sensitivity") event.sensitivity = real;
    if (key == "sensitivity_l1") event.sensitivity_l1 = real;
    if (key == "eta") entry.eta = real;
    if (key == "gamma") entry.gamma = real;
    return absl::OkStatus();
  }
  if (key == "events") {
    entry.events = &value;
    return absl::OkStatus();
  }
  return InvalidArgument("there is no such field");
}

absl::Status Unwanted(bool there, std::string_view field, const std::string& mechanism) {
  if (!there) return absl::OkStatus();
  return InvalidArgument("%s: a mechanism %s has none", field, mechanism);
}

// One release a row in which the customer's group takes part: the other rows that carry its
// gradient again are in the sensitivity, which noise_multiplier is against (DP-15).
absl::StatusOr<dp::PrivacyEvent> BandedEvent(Entry entry) {
  const std::uint64_t bands = entry.bands.value_or(0);
  if (bands < 1 || bands > kMostBands)
    return InvalidArgument("bands is %d, must be from 1 to %d", bands, kMostBands);
  PrivacyQuery rows = entry.event;
  rows.mechanism = "gaussian";
  rows.steps = rows.steps / bands + (rows.steps % bands != 0 ? 1 : 0);
  return EventOf(rows);
}

absl::Status AddList(const Json& list, const std::string& name, bool within, EventList& out);

absl::Status AddSelection(const Entry& entry, const std::string& place, bool within,
                          EventList& out) {
  if (within) return InvalidArgument("%s: a selection cannot be part of a selection", place);
  if (entry.events == nullptr || !entry.eta || !entry.gamma)
    return InvalidArgument("%s: a selection needs eta, gamma and events", place);
  if (entry.event.steps < 1 || entry.event.steps > kMostSelections)
    return InvalidArgument("%s: count is %d, must be from 1 to %d", place, entry.event.steps,
                           kMostSelections);
  EventList run;
  VEILSUM_RETURN_IF_ERROR(AddList(*entry.events, place + ".events", true, run));
  const dp::Selection selection = {run.schedule, {*entry.eta, *entry.gamma}};
  VEILSUM_RETURN_IF_ERROR(Annotate(dp::ValidateSelection(selection), place));
  out.selections.insert(out.selections.end(), entry.event.steps, selection);
  return absl::OkStatus();
}

absl::Status AddEntry(const Entry& entry, const std::string& place, bool within, EventList& out) {
  if (entry.event.mechanism == "select") return AddSelection(entry, place, within, out);
  const bool banded = entry.event.mechanism == "banded";
  absl::Status checked;
  checked.Update(Unwanted(entry.eta.has_value(), "eta", entry.event.mechanism));
  checked.Update(Unwanted(entry.gamma.has_value(), "gamma", entry.event.mechanism));
  checked.Update(Unwanted(entry.events != nullptr, "events", entry.event.mechanism));
  checked.Update(Unwanted(entry.bands && !banded, "bands", entry.event.mechanism));
  VEILSUM_RETURN_IF_ERROR(Annotate(checked, place));
  const absl::StatusOr<dp::PrivacyEvent> event = banded ? BandedEvent(entry) : EventOf(entry.event);
  if (!event.ok()) return Annotate(event.status(), place);
  out.schedule.push_back(*event);
  return absl::OkStatus();
}

absl::Status AddList(const Json& list, const std::string& name, bool within, EventList& out) {
  if (!list.is_array()) return InvalidArgument("%s: must be a JSON list of objects", name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = absl::StrFormat("%s[%d]", name, i);
    if (!list[i].is_object()) return InvalidArgument("%s: must be an object", place);
    Entry entry;
    for (const auto& [key, value] : list[i].items())
      if (const absl::Status read = ReadField(key, value, entry); !read.ok())
        return Annotate(read, place + "." + key);
    VEILSUM_RETURN_IF_ERROR(AddEntry(entry, place, within, out));
  }
  out.entries = list.size();
  return absl::OkStatus();
}

}  // namespace

std::uint64_t EventList::releases() const {
  std::uint64_t releases = selections.size();
  for (const dp::PrivacyEvent& event : schedule) releases += event.count;
  return releases;
}

absl::StatusOr<EventList> ParseEvents(const std::string& text) {
  EventList events;
  VEILSUM_RETURN_IF_ERROR(
      AddList(Json::parse(text, nullptr, /*allow_exceptions=*/false), "events", false, events));
  return events;
}

}  // namespace veilsum::cli
