#include "models/prune/magnitude_sum.hpp"

#include <cmath>

namespace gradpath {
namespace {

// Neumaier's sum.
void add_term(double term, double& high, double& low) {
  const double sum = high + term;
  low += std::abs(high) >= std::abs(term) ? (high - sum) + term : (term - sum) + high;
  high = sum;
}

}  // namespace

double MagnitudeSum::value() const {
  MagnitudeSum closed = *this;
  closed.close();
  return closed.high_ + closed.low_;
}

double MagnitudeSum::shortfall(std::uint64_t count, double x) const {
  MagnitudeSum closed = *this;
  closed.close();
  const auto n = static_cast<double>(count);
  const double product = n * x;
  const double rest = std::fma(n, x, -product);
  return (product - closed.high_) + (rest - closed.low_);
}

void MagnitudeSum::close() {
  const int exponent = (field_ == 0 ? 1 : static_cast<int>(field_)) - 150;
  add_term(std::ldexp(static_cast<double>(open_ >> 32), exponent + 32), high_, low_);
  add_term(std::ldexp(static_cast<double>(open_ & 0xffffffffu), exponent), high_, low_);
  open_ = 0;
}

}  // namespace gradpath
