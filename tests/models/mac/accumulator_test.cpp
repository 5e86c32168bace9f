#include "models/mac/accumulator.hpp"

#include <string>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"

namespace gradpath {
namespace {

TEST(ParseAccumulator, TheMachinesHaveTheirPublishedGroups) {
  const auto expect = [](const char* name, FusedGroup fused) {
    EXPECT_EQ(parse_accumulator(name).kind, Accumulator::Kind::fused) << name;
    EXPECT_EQ(parse_accumulator(name).fused, fused) << name;
  };
  // arXiv 2511.10909: products a group, fraction bits kept, fraction bits of the result.
  expect("volta-fp16", {4, 23, 23});
  expect("turing-fp16", {8, 24, 23});
  expect("ampere-fp16", {8, 24, 23});
  expect("ada-fp8", {16, 13, 13});
  expect("hopper-fp16", {16, 25, 23});
  expect("hopper-fp8", {32, 13, 13});
  expect("blackwell-fp8", {32, 25, 23});
  EXPECT_EQ(named_accumulators().size(), 7u);
}

TEST(ParseAccumulator, ReadsEveryForm) {
  EXPECT_EQ(parse_accumulator("e6m9").format, parse_format("e6m9"));
  EXPECT_EQ(parse_accumulator("e6m9").kind, Accumulator::Kind::rounded);
  const Accumulator chunk = parse_accumulator("chunk:64:e6m9:fp16");
  EXPECT_EQ(chunk.kind, Accumulator::Kind::chunked);
  EXPECT_EQ(chunk.chunk, 64);
  EXPECT_EQ(chunk.inner, parse_format("e6m9"));
  EXPECT_EQ(chunk.format, parse_format("fp16"));
  EXPECT_EQ(parse_accumulator("exact").format, parse_format("fp32"));
  EXPECT_EQ(parse_accumulator("exact:bf16").format, parse_format("bf16"));
  EXPECT_EQ(parse_accumulator("fused:5:6:7").fused, (FusedGroup{5, 6, 7}));
}

TEST(ParseAccumulator, ReadsBackItsOwnNames) {
  for (const char* text : {"fp32", "e4m3b11fnuz", "chunk:7:e5m2:fp32", "fused:1:0:0", "exact:fp16",
                           "fused:32768:35:23"}) {
    EXPECT_EQ(accumulator_name(parse_accumulator(text)), text);
  }
  for (const Form& named : named_accumulators()) {
    const Accumulator accumulator = parse_accumulator(named.name);
    EXPECT_EQ(parse_accumulator(accumulator_name(accumulator)), accumulator);
  }
}

TEST(ParseAccumulator, RefusesWithTheReason) {
  const auto refused = [](const char* text, const char* reason) {
    try {
      static_cast<void>(parse_accumulator(text));
      FAIL() << text << " was accepted";
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos)
          << text << ": " << error.what();
    }
  };
  refused("hopper", "hopper-fp8");
  refused("", "not known");
  refused("fused:32:13", "fused:K:F:OUT");
  refused("fused:0:13:13", "K is '0'; expected 1 to 32768");
  refused("fused:32:36:13", "F is '36'");
  refused("fused:32:13:24", "OUT is '24'");
  refused("fused:32:13:+1", "OUT is '+1'");
  refused("fused:32:13:13:1", "5 parts");
  refused("chunk:0:fp32:fp32", "N is '0'");
  refused("chunk:64:fp32", "chunk:N:INNER:OUTER");
  refused("chunk:64:e9m9:fp32", "e9m9");
  refused("exact:", "''");
  refused("e8m0fnu", "no sign");
  refused("chunk:4:e8m0fnu:fp32", "no sign");
}

}  // namespace
}  // namespace gradpath
