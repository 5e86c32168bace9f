#pragma once

#include <cmath>

namespace gradpath {

/// Neumaier's compensated sum (1974): the error of a sum of n terms is about one rounding of the
/// result plus n 2^-106 of the sum of magnitudes, whatever n.
class CompensatedSum {
 public:
  void add(double term) {
    const double sum = sum_ + term;
    lost_ += std::abs(sum_) >= std::abs(term) ? (sum_ - sum) + term : (term - sum) + sum_;
    sum_ = sum;
  }
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0.0;
  double lost_ = 0.0;
};

}  // namespace gradpath
