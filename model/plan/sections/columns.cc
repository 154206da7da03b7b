#include "model/plan/sections/columns.h"

#include "model/plan/names.h"

namespace veilsum::model {
namespace {

bool IsName(std::string_view text) {
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
        c != '-' && c != '.')
      return false;
  return text != "." && text != "..";
}

}  // namespace

std::string Name(Fields& fields, const char* key) {
  const std::string text = fields.Text(key, 64);
  if (text != "?" && !IsName(text))
    fields.Refuse(key, absl::StrFormat("is \"%s\", may hold only A-Z a-z 0-9 . _ -", text));
  return text;
}

std::string OptionalText(Fields& fields, const char* key, std::size_t longest) {
  return fields.Has(key) ? fields.Text(key, longest) : std::string();
}

std::pair<std::string, std::string> ReadColumn(Fields& fields, const std::vector<Table>& tables,
                                               const char* key) {
  const std::string text = fields.Text(key, 256);
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    fields.Refuse(
        key, absl::StrFormat("is \"%s\", must be a table and a column, such as \"browsing.pages\"",
                             text));
    return {"?", "?"};
  }
  const std::string table = text.substr(0, dot);
  for (const Table& known : tables)
    if (known.name == table) return {table, text.substr(dot + 1)};
  fields.Refuse(key,
                absl::StrFormat("is \"%s\", but there is no [[table]] named \"%s\"", text, table));
  return {"?", "?"};
}

std::pair<Decimal, Decimal> ReadBounds(Fields& fields) {
  const Decimal lo = fields.Signed("lo"), hi = fields.Signed("hi");
  if (!(lo.ToDouble() < hi.ToDouble())) fields.Refuse("lo", "must be below hi");
  return {lo, hi};
}

}  // namespace veilsum::model
