#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "models/error.hpp"
#include "sim/python/arrays.hpp"
#include "traces/safetensors_writer.hpp"
#include "traces/tensor_data.hpp"
#include "traces/trace.hpp"

namespace gradpath::python {
namespace {

namespace py = pybind11;
using Shape = std::vector<std::int64_t>;

const Tensor& tensor_of(const Trace& trace, const std::string& name) {
  const Tensor* tensor = trace.file().find(name);
  if (tensor == nullptr) throw py::key_error(name);
  return *tensor;
}

/// The file's own bytes, read-only; they keep the file open.
struct TensorBytes {
  std::shared_ptr<Trace> trace;
  std::span<const std::byte> bytes;
};

/// name, dtype as safetensors names it, shape, contiguous elements.
using Written = std::tuple<std::string, std::string, Shape, py::buffer>;

void write_tensors(const std::string& path, const std::vector<Written>& tensors,
                   const std::map<std::string, std::string>& metadata) {
  std::vector<TensorDeclaration> declared;
  for (const auto& [name, dtype, shape, data] : tensors) {
    const auto type = find_dtype(dtype);
    if (!type) throw UserError(fmt::format("tensor {}: dtype {} is unknown", name, dtype));
    declared.push_back({name, *type, shape});
  }
  SafetensorsWriter writer(path, declared, metadata);
  for (const auto& [name, dtype, shape, data] : tensors) {
    const py::buffer_info info = data.request();
    writer.append(std::span(static_cast<const std::byte*>(info.ptr),
                            static_cast<std::size_t>(info.size * info.itemsize)));
  }
  writer.commit();
}

}  // namespace

void add_traces(py::module_& module) {
  py::class_<TensorBytes>(module, "TensorBytes", py::buffer_protocol())
      .def_buffer([](TensorBytes& tensor) {
        const auto size = static_cast<py::ssize_t>(tensor.bytes.size());
        return py::buffer_info(const_cast<std::byte*>(tensor.bytes.data()), 1, "B", 1, {size}, {1},
                               /*readonly=*/true);
      });
  py::class_<Trace, std::shared_ptr<Trace>>(module, "Trace")
      .def(py::init<const std::string&>())
      .def_property_readonly("names",
                             [](const Trace& trace) {
                               std::vector<std::string> names;
                               for (const Tensor& t : trace.tensors()) names.push_back(t.name);
                               return names;
                             })
      .def_property_readonly("metadata", [](const Trace& trace) { return trace.file().metadata(); })
      .def("dtype",
           [](const Trace& trace, const std::string& name) {
             return std::string(dtype_name(tensor_of(trace, name).dtype));
           })
      .def("shape",
           [](const Trace& trace, const std::string& name) { return tensor_of(trace, name).shape; })
      .def("bytes",
           [](const std::shared_ptr<Trace>& trace, const std::string& name) {
             return TensorBytes{trace, tensor_of(*trace, name).bytes};
           })
      .def("read_floats",
           [](const Trace& trace, const std::string& name, const py::buffer& output) {
             const Elements<float> out(output, true);
             const Tensor& tensor = tensor_of(trace, name);
             const py::gil_scoped_release unlocked;
             read_floats(tensor, 0, out.span());
           });
  module.def("write_tensors", &write_tensors);
}

}  // namespace gradpath::python
