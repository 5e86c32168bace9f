#pragma once

#include <span>
#include <string_view>

#include "models/stats/fit.hpp"
#include "models/stats/lilliefors.hpp"

namespace gradpath {

/// A law that every tensor's finite nonzeros are fitted with and compared to.
struct Law {
  std::string_view name;        ///< its columns are ks_NAME and p_NAME
  double TensorFit::*distance;  ///< Kolmogorov-Smirnov
  TestedLaw tested;             ///< whose table gives the p-value
  /// Of ln|x| at log_x, under the fitted parameters.
  double (*log_density)(const TensorFit& fit, double log_x);
};

/// In the order of the columns. One more law is a row, its distance and its parameters in fit.cpp.
[[nodiscard]] std::span<const Law> fitted_laws();

}  // namespace gradpath
