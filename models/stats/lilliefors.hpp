#pragma once

#include <cstdint>

namespace gradpath {

/// Laws whose parameters are estimated from the sample that is tested, as fit.hpp estimates them.
enum class TestedLaw : std::uint8_t {
  normal,       ///< mean and standard deviation; also of ln|x|, for the lognormal
  laplace,      ///< median and mean distance from it
  halfnormal,   ///< root mean square
  exponential,  ///< mean
};

/// Probability that a sample of n independent values of this law has a Kolmogorov-Smirnov distance
/// of at least `distance` (Lilliefors 1967): from a table made by simulation
/// (scripts/lilliefors.py), within a few percent of itself down to 0.0005, extrapolated as exp(-c
/// D^2 n) below. NaN for fewer than 10 values or where distance is NaN.
[[nodiscard]] double lilliefors_p_value(TestedLaw law, double distance, double n);

}  // namespace gradpath
