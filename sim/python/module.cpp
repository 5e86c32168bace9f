#include <exception>
#include <utility>

#include <pybind11/pybind11.h>

#include "models/error.hpp"
#include "models/version.hpp"
#include "sim/python/arrays.hpp"

// What the package `gradpath` is made of: the functions here take arrays that are known to be good
// and write into arrays that are given; gradpath/__init__.py is what users see.
PYBIND11_MODULE(_gradpath, module) {
  pybind11::register_exception_translator([](std::exception_ptr failure) {
    try {
      std::rethrow_exception(std::move(failure));
    } catch (const gradpath::UserError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });
  module.attr("version") = GRADPATH_VERSION;
  gradpath::python::add_casts(module);
  gradpath::python::add_statistics(module);
  gradpath::python::add_traces(module);
}
