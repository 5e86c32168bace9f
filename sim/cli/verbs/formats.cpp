#include "models/format/formats.hpp"

#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/verbs/commands.hpp"

namespace gradpath::cli {
namespace {

// A table is held in memory; nobody reads 2^32 codes.
constexpr int kMostBits = 20;

struct NonFiniteCounts {
  std::uint64_t infinities = 0;
  std::uint64_t nans = 0;
};

// How many codes are no numbers, from the format's definition: fp32 has too many to try them all.
NonFiniteCounts count_non_finite(const Format& format) {
  const std::uint64_t signs = format.is_signed ? 2 : 1;
  switch (format.non_finite) {
    case NonFinite::ieee:
      return {signs, signs * ((std::uint64_t{1} << format.mantissa_bits) - 1)};
    case NonFinite::nan_all_ones:
      return {0, signs};
    case NonFinite::nan_neg_zero:
      return {0, 1};
    case NonFinite::p3109_signed:
      return {2, 1};
    case NonFinite::p3109_unsigned:
      return {1, 1};
    case NonFinite::none:
      break;
  }
  return {};
}

std::string hex_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  return fmt::format("{:a}", value);
}

class FormatsCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "formats",
        .synopsis = "[NAME] [options]",
        .summary = "lists the number formats, or shows one format's every code",
        .examples = {{{"gradpath formats", "the formats with a name of their own"},
                      {"gradpath formats e3m2b4f --csv codes.csv",
                       "every code and value of a format with bias 4 and no infinity or NaN"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    options.positional("format", 1);
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    output_.setup(arguments);
    if (arguments.positional().empty()) return;
    name_ = arguments.positional().front();
    if (const int bits = parse_format(*name_).bits(); bits > kMostBits) {
      throw UserError(fmt::format(
          "format '{}' has {} bits, so 2^{} codes; formats of up to {} bits can be listed", *name_,
          bits, bits, kMostBits));
    }
  }

  ExitCode run(Session& session) override {
    output_.open();
    output_.write(name_ ? codes(parse_format(*name_)) : list(), session);
    return ExitCode::good;
  }

 private:
  static Table list() {
    Table table({"format", "bits", "exponent_bits", "mantissa_bits", "bias", "max_finite",
                 "min_normal", "min_subnormal", "infinities", "nans", "source"});
    for (const NamedFormat& row : named_formats()) {
      const Format& format = row.format;
      const NonFiniteCounts counts = count_non_finite(format);
      table.add_row({std::string(row.name), std::int64_t{format.bits()},
                     std::int64_t{format.exponent_bits}, std::int64_t{format.mantissa_bits},
                     std::int64_t{format.bias}, max_finite(format), min_normal(format),
                     min_subnormal(format), counts.infinities, counts.nans,
                     std::string(row.source)});
    }
    return table;
  }

  static Table codes(const Format& format) {
    Table table({"code", "value"});
    const int digits = (format.bits() + 3) / 4;
    for (std::uint64_t code = 0; code < format.code_count(); ++code) {
      table.add_row({fmt::format("0x{:0{}x}", code, digits),
                     hex_float(decode(format, static_cast<Code>(code)))});
    }
    return table;
  }

  TableOutput output_;
  std::optional<std::string> name_;
};

}  // namespace

CommandPtr make_formats_command() { return std::make_unique<FormatsCommand>(); }

}  // namespace gradpath::cli
