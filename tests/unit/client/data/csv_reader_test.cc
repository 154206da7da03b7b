// RFC 4180, sentence by sentence, and the ways in which real files depart from it.
#include "client/data/csv_reader.h"

#include "client/data/utf8.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::client {
namespace {

struct Read {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;
  absl::Status status;
};

Read ReadText(const std::string& text, CsvLimits limits = {}) {
  const TempFolder folder;
  folder.Write("t.csv", text);
  Read out;
  absl::StatusOr<CsvReader> reader = CsvReader::Open(folder.path() / "t.csv", "t.csv", limits);
  out.status = reader.status();
  CsvRow row;
  while (out.status.ok()) {
    const absl::StatusOr<bool> next = reader->Next(row);
    out.status = next.status();
    if (!next.ok() || !*next) break;
    out.rows.push_back(row.fields);
    out.lines.push_back(row.line);
  }
  return out;
}

using Rows = std::vector<std::vector<std::string>>;

TEST(CsvReader, ReadsPlainRowsWithLfCrlfAndWithoutALastLineEnd) {
  const Rows expected = {{"a", "b"}, {"1", ""}, {"", "2"}};
  EXPECT_EQ(ReadText("a,b\n1,\n,2\n").rows, expected);
  EXPECT_EQ(ReadText("a,b\r\n1,\r\n,2\r\n").rows, expected);
  EXPECT_EQ(ReadText("a,b\n1,\r\n,2").rows, expected);
}

TEST(CsvReader, ReadsQuotesCommasAndLineBreaksInsideQuotes) {
  const Read read = ReadText("\"a,b\",\"say \"\"hi\"\"\",\"x\r\ny\nz\"\nnext,\"\",\"\"\"\"\n");
  EXPECT_EQ(read.rows, (Rows{{"a,b", "say \"hi\"", "x\r\ny\nz"}, {"next", "", "\""}}));
  EXPECT_EQ(read.lines, (std::vector<std::size_t>{1, 4}));  // as an editor counts
}

TEST(CsvReader, SkipsAByteOrderMarkAndKeepsUtf8) {
  EXPECT_EQ(ReadText("\xef\xbb\xbf"
                     "a,\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92\n")
                .rows,
            (Rows{{"a", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92"}}));
}

TEST(CsvReader, AnEmptyFileHasNoRowAndAnEmptyLineOneEmptyField) {
  EXPECT_TRUE(ReadText("").rows.empty());
  EXPECT_OK(ReadText("").status);
  EXPECT_EQ(ReadText("a\n\nb\n").rows, (Rows{{"a"}, {""}, {"b"}}));
}

struct Broken {
  const char* name;
  std::string text;
  const char* complaint;
};
class CsvReaderRefuses : public testing::TestWithParam<Broken> {};

TEST_P(CsvReaderRefuses, NamingFileAndLine) {
  EXPECT_THAT(ReadText(GetParam().text, {.field_bytes = 10, .row_bytes = 20, .fields = 4}).status,
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Files, CsvReaderRefuses,
    testing::Values(
        Broken{"OpenQuote", "a,b\n1,\"2\n3,4\n", "t.csv:2: a quoted field is never closed"},
        Broken{"TextAfterQuote", "a\n\"1\"2\n", "t.csv:2: text after the closing quote"},
        Broken{"QuoteInside", "a\n\n1\"2\n", "t.csv:3: a quote inside a field"},
        Broken{"LoneCarriageReturn", "a\rb\n", "t.csv:1: a carriage return without a line feed"},
        Broken{"ZeroByte", std::string("a\nb\0c\n", 6), "t.csv:2: a zero byte"},
        Broken{"FieldTooLong", "a\n01234567890\n", "t.csv:2: a field of more than 10 bytes"},
        Broken{"RowTooLong", "0123456789,0123456789,0\n",
               "t.csv:1: a field of more than 10 bytes or a row of more than 20"},
        Broken{"TooManyFields", "a\n1,2,3,4,5\n", "t.csv:2: more than 4 fields"},
        Broken{"Latin1", "a\nb\nJos\xe9\n", "t.csv:3: not UTF-8"},
        Broken{"HalfAMark",
               "\xef\xbb"
               "a\n",
               "t.csv:1: not UTF-8"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CsvReader, GoesOnAfterABrokenRow) {
  const TempFolder folder;
  folder.Write("t.csv", "a\n1\"\n\"2\"x\nJos\xe9\n3\n");
  ASSERT_OK_AND_ASSIGN(CsvReader reader, CsvReader::Open(folder.path() / "t.csv", "t.csv"));
  CsvRow row;
  ASSERT_OK(reader.Next(row));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(reader.Next(row).ok());
    EXPECT_TRUE(reader.can_continue());
  }
  ASSERT_OK(reader.Next(row));
  EXPECT_EQ(row.fields, std::vector<std::string>{"3"});
  EXPECT_EQ(row.line, 5u);
}

TEST(CsvReader, NamesWhatIsNoFile) {
  const TempFolder folder;
  EXPECT_THAT(CsvReader::Open(folder.path() / "no.csv", "shop/no.csv"),
              StatusIs(absl::StatusCode::kNotFound, "shop/no.csv: there is no such file"));
  EXPECT_THAT(CsvReader::Open(folder.path(), "shop"),
              StatusIs(absl::StatusCode::kInvalidArgument, "shop: not a regular file"));
}

TEST(Utf8, AcceptsTheEdgesAndRefusesWhatIsBeyond) {
  for (const char* good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(IsUtf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2", "\xe2\x82",
        "\xc2"
        "a"})
    EXPECT_FALSE(IsUtf8(bad)) << bad;
}

}  // namespace
}  // namespace veilsum::client
