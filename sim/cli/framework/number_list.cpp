#include "sim/cli/framework/number_list.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/arguments.hpp"

namespace gradpath::cli {
namespace {

constexpr std::size_t kMostNumbers = 1'000'000;
constexpr double kWholeStep = 1e-9;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

double to_15_digits(double value) {
  return std::strtod(fmt::format("{:.15g}", value).c_str(), nullptr);
}

class ListReader {
 public:
  ListReader(std::string_view what, double least, double most)
      : what_(what), least_(least), most_(most) {}

  std::vector<double> read(std::string_view text) {
    for (const std::string_view item : split(text, ',')) {
      if (item.empty()) {
        throw UserError(
            fmt::format("{}: '{}' has an empty item; separate items with one comma", what_, text));
      }
      const std::vector<std::string_view> parts = split(item, ':');
      if (parts.size() > 3) fail_range(item, "has more than three parts");
      if (parts.size() == 1) {
        add(parse_real(what_, item, least_, most_));
      } else {
        add_range(item, parts);
      }
    }
    return std::move(numbers_);
  }

 private:
  void add_range(std::string_view item, const std::vector<std::string_view>& parts) {
    const double first = parse_real(what_, parts[0], least_, most_);
    const double last = parse_real(what_, parts[1], least_, most_);
    if (last < first) fail_range(item, "goes down");
    std::string_view step = parts.size() == 3 ? parts[2] : "1";
    const bool is_factor = step.starts_with('x');
    if (is_factor) step.remove_prefix(1);
    const double by = parse_real(what_, step, -HUGE_VAL, HUGE_VAL);
    if (is_factor) {
      if (!(by > 1.0) || !(first > 0.0)) {
        fail_range(item, "needs a positive start and a factor above 1");
      }
      const double steps = std::floor(std::log(last / first) / std::log(by) + kWholeStep);
      for (double i = 0.0; i <= steps; i += 1.0) add(to_15_digits(first * std::pow(by, i)));
    } else {
      if (!(by > 0.0)) fail_range(item, "needs a step above 0");
      const double steps = std::floor((last - first) / by + kWholeStep);
      for (double i = 0.0; i <= steps; i += 1.0) add(to_15_digits(first + i * by));
    }
  }

  void add(double number) {
    if (numbers_.size() == kMostNumbers) {
      throw UserError(
          fmt::format("{}: more than {} numbers; take a larger step", what_, kMostNumbers));
    }
    // The last of a range may stand a rounding past its end.
    numbers_.push_back(std::min(std::max(number, least_), most_));
  }

  [[noreturn]] void fail_range(std::string_view item, std::string_view why) const {
    throw UserError(
        fmt::format("{}: range '{}' {}; expected FIRST:LAST:STEP, as 1:2:0.5 or 10:1000:x10", what_,
                    item, why));
  }

  std::string_view what_;
  double least_;
  double most_;
  std::vector<double> numbers_;
};

}  // namespace

std::vector<double> parse_number_list(std::string_view what, std::string_view text, double least,
                                      double most) {
  return ListReader(what, least, most).read(text);
}

std::vector<std::int64_t> parse_integer_list(std::string_view what, std::string_view text,
                                             std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> integers;
  for (const double number :
       parse_number_list(what, text, static_cast<double>(least), static_cast<double>(most))) {
    if (number != std::floor(number)) {
      throw UserError(fmt::format("{}: '{}' has {:g}, expected integers from {} to {}", what, text,
                                  number, least, most));
    }
    integers.push_back(static_cast<std::int64_t>(number));
  }
  return integers;
}

}  // namespace gradpath::cli
