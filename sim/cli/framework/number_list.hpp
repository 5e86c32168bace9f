#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gradpath::cli {

/// Reads a comma-separated list of numbers and ranges A:B:STEP: A, A + STEP, ... up to B, which is
/// among them if it is a whole number of steps away (to 1e-9 of a step). Of A:B the step is 1. With
/// x before it the step is a factor: 1:1000:x10 is 1, 10, 100, 1000. Sums are rounded to 15 digits,
/// so that 0:1:0.1 has 0.3. UserError, naming `what`, outside [least, most] and beyond a million
/// numbers.
[[nodiscard]] std::vector<double> parse_number_list(std::string_view what, std::string_view text,
                                                    double least, double most);

/// The same of integers.
[[nodiscard]] std::vector<std::int64_t> parse_integer_list(std::string_view what,
                                                           std::string_view text,
                                                           std::int64_t least, std::int64_t most);

}  // namespace gradpath::cli
