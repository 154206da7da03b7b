#include "cli/demo/report/html/parts.h"

#include "absl/strings/str_format.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {

const std::string_view kPageStyle = R"css(
:root { color-scheme: light; }
body { margin: 0; background: #f4f6fa; color: #1b2333; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 32px 24px 56px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 12px; }
.lead { color: #556; margin: 0 0 20px; }
.tag { display: inline-block; padding: 1px 9px; border-radius: 10px; font-size: 12px; font-weight: 600;
  background: #e3ebf8; color: #1f5fbf; margin-right: 6px; }
.tag.warn { background: #fbe9db; color: #a14a0c; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; }
.tile, figure, .panel { background: #fff; border: 1px solid #e1e5ee; border-radius: 8px; }
.tile { padding: 12px 16px; } .tile b { display: block; font-size: 24px; line-height: 1.3; }
.tile span { color: #667; font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 14px; }
figure { margin: 0; padding: 14px 16px 10px; } figcaption { font-weight: 600; margin-bottom: 6px; }
figcaption small { display: block; font-weight: 400; color: #667; }
.panel { padding: 6px 16px 12px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 6px 10px 6px 0; vertical-align: top; }
tr + tr > * { border-top: 1px solid #edf0f5; } th { font-weight: 600; color: #445; width: 34%; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; width: auto; }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 12px; }
.key .a { background: #1f5fbf; } .key .b { background: #e0a06f; }
.note { border-left: 4px solid #c8611a; background: #fdf4ec; padding: 10px 14px; border-radius: 0 6px 6px 0; margin: 14px 0; }
@media (max-width: 480px) { .figures { grid-template-columns: 1fr; } }
@media print {
  body { background: #fff; font-size: 11pt; } main { max-width: none; padding: 0; }
  figure, .tile, .panel { break-inside: avoid; } h2 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
}
)css";

std::string Tile(const std::string& value, std::string_view name) {
  return absl::StrFormat("<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", Escaped(value),
                         Escaped(name));
}

std::string TableRow(std::string_view name, const std::string& value) {
  return absl::StrFormat("<tr><th>%s</th><td>%s</td></tr>\n", Escaped(name), Escaped(value));
}

std::string Figure(std::string_view title, std::string_view detail, const std::string& body) {
  return absl::StrFormat("<figure><figcaption>%s<small>%s</small></figcaption>%s</figure>\n",
                         Escaped(title), Escaped(detail), body);
}

std::string Note(std::string_view text) {
  return absl::StrFormat("<p class=\"note\">%s</p>\n", Escaped(text));
}

}  // namespace veilsum::cli
