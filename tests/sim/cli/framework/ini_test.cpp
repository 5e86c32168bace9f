#include "sim/cli/framework/ini.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/error.hpp"

namespace gradpath::cli {
namespace {

TEST(Ini, ReadsSectionsKeysValuesAndLines) {
  const auto entries = parse_ini("f", "a = 1\r\n\n# note = 2\n[ s ]\n  b=x = y # z\nc =");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].section, "");
  EXPECT_EQ(entries[0].value, "1");
  EXPECT_EQ(entries[0].line, 1);
  EXPECT_EQ(entries[1].section, "s");
  EXPECT_EQ(entries[1].key, "b");
  EXPECT_EQ(entries[1].value, "x = y # z");
  EXPECT_EQ(entries[1].line, 5);
  EXPECT_EQ(entries[2].value, "");
}

TEST(Ini, RefusesOtherLinesNamingFileAndLine) {
  for (const char* text : {"\nword", "\n=1", "\n[open", "\n]"}) {
    try {
      (void)parse_ini("f.ini", text);
      ADD_FAILURE() << text;
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), ::testing::StartsWith("f.ini:2: ")) << text;
    }
  }
}

}  // namespace
}  // namespace gradpath::cli
