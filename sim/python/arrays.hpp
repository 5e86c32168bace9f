#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>

#include <pybind11/pybind11.h>

namespace gradpath::python {

/// The elements of an object with the buffer protocol, without a copy; valid as long as this. What
/// a user may hand in is checked by the package (gradpath/_arrays.py), which names the remedy.
template <class T>
class Elements {
 public:
  explicit Elements(const pybind11::buffer& buffer, bool writable = false)
      : info_(buffer.request(writable)) {
    pybind11::ssize_t stride = info_.itemsize;
    for (std::size_t i = info_.shape.size(); i-- > 0; stride *= info_.shape[i]) {
      if (info_.shape[i] > 1 && info_.strides[i] != stride) {
        throw std::invalid_argument("the array is not contiguous");
      }
    }
    if (info_.itemsize != sizeof(T)) throw std::invalid_argument("the array has another type");
  }

  [[nodiscard]] std::span<T> span() const {
    return {static_cast<T*>(info_.ptr), static_cast<std::size_t>(info_.size)};
  }

 private:
  pybind11::buffer_info info_;
};

// One function a file: each adds its part to the module.
void add_casts(pybind11::module_& module);       // casts.cpp
void add_statistics(pybind11::module_& module);  // statistics.cpp
void add_traces(pybind11::module_& module);      // traces.cpp

}  // namespace gradpath::python
