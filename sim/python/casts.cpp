#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <pybind11/operators.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "models/mac/accumulator.hpp"
#include "models/mac/gemm.hpp"
#include "models/mac/low_precision_gemm.hpp"
#include "models/quantize/quantizer.hpp"
#include "models/scale/log_moments.hpp"
#include "models/scale/scaling.hpp"
#include "models/scale/shift_squeeze.hpp"
#include "models/schemes/schemes.hpp"
#include "models/stats/counts.hpp"
#include "sim/explore/tensor_scaling.hpp"
#include "sim/python/arrays.hpp"

namespace gradpath::python {
namespace {

namespace py = pybind11;

using Shape = std::vector<std::int64_t>;

/// What `cast` and `encode` are told, read once.
struct CastRequest {
  CastRequest(const Format& format, const std::string& rounding, const std::string& overflow,
              const std::string& nan, const std::string& flush, const std::string& scale,
              int block_axis, std::uint64_t seed, const std::string& name)
      : quantizer(format, {.rounding = parse_rounding(rounding),
                           .overflow = parse_overflow(overflow),
                           .nan = parse_nan_policy(nan),
                           .flush = parse_flush(flush)}),
        scaling(parse_scaling(scale)),
        axis(block_axis),
        random(tensor_seed(Seed{seed}, RandomUnit::quantizer, name)) {}

  Quantizer quantizer;
  Scaling scaling;
  int axis;
  CounterRandom random;
};

/// The scale of a cast: one number, or one a block with the blocks' shape, or the two of S2FP8.
struct Scales {
  std::vector<float> values = {1.0f};
  Shape shape = {};
};

// In the slices of `gradpath cast`, as the sum's rounding depends on them.
LogMoments sliced_log_moments(std::span<const float> in) {
  LogMoments whole;
  for (std::size_t begin = 0; begin < in.size(); begin += kStatisticsSlice) {
    whole.merge(log_moments(in.subspan(begin, std::min(kStatisticsSlice, in.size() - begin))));
  }
  return whole;
}

/// Casts one tensor, one overload for each alternative of Scaling.
struct Caster {
  const CastRequest& request;
  std::span<const float> in;
  const Shape& shape;
  CastResults out;

  Scales operator()(const ScalePolicy& policy) const {
    return by_factor(
        resolve_scale(policy, request.quantizer.format(), scale_statistics(policy, in)));
  }
  Scales operator()(const MeanLogScaling& /*policy*/) const {
    return by_factor(mean_log_scale(sliced_log_moments(in)));
  }
  Scales operator()(const DelayedScaling& /*policy*/) const { fail_history(); }
  Scales operator()(const LossScaling& /*policy*/) const { fail_history(); }
  Scales operator()(const ShiftSqueezeScaling& /*policy*/) const {
    const ShiftSqueeze transform =
        shift_squeeze(request.quantizer.format(), sliced_log_moments(in));
    std::vector<float> transformed(in.size());
    apply(transform, in, transformed);
    Caster{request, transformed, shape, out}.by_factor(1.0f);
    if (const auto* values = std::get_if<std::span<float>>(&out)) {
      undo(transform, *values, *values);
    }
    return {{transform.alpha, transform.beta}, {2}};
  }
  Scales operator()(const BlockScaling& scaling) const {
    const BlockLayout layout = block_layout(shape, request.axis, scaling.block);
    const double amax = scaling.kind == BlockScaling::Kind::nvfp4 ? count_tensor(in).amax() : 0.0;
    const BlockQuantizer blocks(request.quantizer, scaling, layout, static_cast<float>(amax));
    const GroupRange all{0, layout.groups()};
    std::vector<std::uint8_t> codes(layout.blocks());
    blocks.find_scales(in, all, codes);
    std::visit(
        [&](auto results) {
          if constexpr (std::is_same_v<decltype(results), std::span<float>>) {
            blocks.to_values(in, all, codes, results, request.random);
          } else {
            blocks.to_codes(in, all, codes, results, request.random);
          }
        },
        out);
    Scales scales{{}, block_scale_shape(shape, request.axis, scaling.block)};
    for (const std::uint8_t code : codes) scales.values.push_back(blocks.multiplier(code));
    return scales;
  }

 private:
  Scales by_factor(float scale) const {
    std::visit(
        [&](auto results) {
          if constexpr (std::is_same_v<decltype(results), std::span<float>>) {
            request.quantizer.to_values(in, results, scale, request.random);
          } else {
            request.quantizer.to_codes(in, results, scale, request.random);
          }
        },
        out);
    return {{scale}, {}};
  }
  [[noreturn]] void fail_history() const {
    throw UserError(
        fmt::format("scale '{}' depends on earlier steps, and there is one tensor; give a number, "
                    "none, amax, amax-po2, expected-max, mean-log, s2fp8, mx or nvfp4",
                    scaling_name(request.scaling)));
  }
};

/// The cast of one tensor into `out`, whose item size says what is wanted if `as_codes`.
Scales cast(const CastRequest& request, const py::buffer& input, const Shape& shape,
            const py::buffer& output, bool as_codes) {
  const Elements<const float> in(input);
  const auto run = [&](auto elements) {
    const CastResults out = elements.span();
    const py::gil_scoped_release unlocked;
    return std::visit(Caster{request, in.span(), shape, out}, request.scaling);
  };
  if (!as_codes) return run(Elements<float>(output, true));
  const int bits = request.quantizer.format().bits();
  if (bits <= 8) return run(Elements<std::uint8_t>(output, true));
  if (bits <= 16) return run(Elements<std::uint16_t>(output, true));
  return run(Elements<std::uint32_t>(output, true));
}

template <class CodeT>
void decode_as(const Format& format, const py::buffer& codes, const py::buffer& output,
               float scale) {
  const Elements<const CodeT> in(codes);
  const Elements<float> out(output, true);
  const py::gil_scoped_release unlocked;
  for (const CodeT code : in.span()) {
    if (code < format.code_count()) continue;
    throw UserError(fmt::format("code {:#x} is none of {}, which has {} bits", code,
                                format_name(format), format.bits()));
  }
  Quantizer(format, {}).decode_codes(in.span(), out.span(), scale);
}

void decode_codes(const Format& format, const py::buffer& codes, const py::buffer& output,
                  float scale) {
  if (format.bits() <= 8) return decode_as<std::uint8_t>(format, codes, output, scale);
  if (format.bits() <= 16) return decode_as<std::uint16_t>(format, codes, output, scale);
  decode_as<std::uint32_t>(format, codes, output, scale);
}

/// A scheme of the literature on one tensor: values, and the scale and code book they are made of.
std::pair<float, std::vector<float>> cast_by_scheme(const std::string& specification,
                                                    const std::string& nan, std::uint64_t seed,
                                                    const std::string& name,
                                                    const py::buffer& input,
                                                    const py::buffer& output) {
  const auto scheme = parse_scheme(specification);
  const NanPolicy policy = parse_nan_policy(nan);
  const Elements<const float> in(input);
  const Elements<float> out(output, true);
  const py::gil_scoped_release unlocked;
  const auto prepared =
      scheme->prepare(tensor_statistics(in.span()), {.tensor = name, .cast = {.nan = policy}});
  prepared->to_values(in.span(), out.span(),
                      CounterRandom(tensor_seed(Seed{seed}, RandomUnit::quantizer, name)), 0);
  return {prepared->info().scale, prepared->info().book};
}

FormatMatrix cast_matrix(const CastRequest& request, std::span<const float> values, Shape shape,
                         float& scale) {
  const auto* policy = std::get_if<ScalePolicy>(&request.scaling);
  if (policy == nullptr) {
    throw UserError(
        fmt::format("scale '{}' is none of a product; expected none, a number, amax, "
                    "amax-po2 or expected-max",
                    scaling_name(request.scaling)));
  }
  const Format& format = request.quantizer.format();
  scale = resolve_scale(*policy, format, scale_statistics(*policy, values));
  std::vector<std::uint32_t> codes(values.size());
  request.quantizer.to_codes<std::uint32_t>(values, codes, scale, request.random);
  FormatMatrix matrix{format, shape.at(0), shape.at(1), {}};
  for (const std::uint32_t code : codes) matrix.values.push_back(decode(format, code));
  return matrix;
}

void gemm(const CastRequest& a, const py::buffer& a_values, const Shape& a_shape,
          const CastRequest& b, const py::buffer& b_values, const Shape& b_shape,
          const std::string& accumulator, const py::buffer& output) {
  const Accumulator sum = parse_accumulator(accumulator);
  const Elements<const float> a_in(a_values);
  const Elements<const float> b_in(b_values);
  const Elements<float> d(output, true);
  const py::gil_scoped_release unlocked;
  float a_scale = 1.0f;
  float b_scale = 1.0f;
  const FormatMatrix a_matrix = cast_matrix(a, a_in.span(), a_shape, a_scale);
  const FormatMatrix b_matrix = cast_matrix(b, b_in.span(), b_shape, b_scale);
  run_gemm(LowPrecisionGemm(sum, a_matrix, b_matrix), d.span());
  unscale(d.span(), a_scale, b_scale);
}

py::list formats() {
  py::list names;
  for (const NamedFormat& row : named_formats()) names.append(std::string(row.name));
  return names;
}

}  // namespace

void add_casts(py::module_& module) {
  py::class_<Format>(module, "Format")
      .def(py::init([](const std::string& name) { return parse_format(name); }))
      .def_property_readonly("name", &format_name)
      .def_property_readonly("bits", &Format::bits)
      .def_readonly("exponent_bits", &Format::exponent_bits)
      .def_readonly("mantissa_bits", &Format::mantissa_bits)
      .def_readonly("bias", &Format::bias)
      .def_property_readonly("non_finite",
                             [](const Format& f) { return static_cast<int>(f.non_finite); })
      .def_property_readonly("has_nan", &Format::has_nan)
      .def_property_readonly("has_infinity", &Format::has_infinity)
      .def_property_readonly("max_finite", &max_finite)
      .def_property_readonly("min_normal", &min_normal)
      .def_property_readonly("min_subnormal", &min_subnormal)
      .def_property_readonly(
          "is_plain", [](const Format& f) { return f.is_signed && f.has_zero && f.has_subnormals; })
      .def("decode_all",
           [](const Format& f, const py::buffer& output) {
             const Elements<double> out(output, true);
             for (Code code = 0; code < out.span().size(); ++code) {
               out.span()[code] = decode(f, code);
             }
           })
      .def(py::self == py::self)
      .def("__hash__", [](const Format& f) { return py::hash(py::str(format_name(f))); });
  py::class_<CastRequest>(module, "CastRequest")
      .def(py::init<const Format&, const std::string&, const std::string&, const std::string&,
                    const std::string&, const std::string&, int, std::uint64_t,
                    const std::string&>());
  module.def("formats", &formats);
  module.def("cast", [](const CastRequest& request, const py::buffer& in, const Shape& shape,
                        const py::buffer& out, bool as_codes) {
    Scales scales = cast(request, in, shape, out, as_codes);
    return std::pair(std::move(scales.values), std::move(scales.shape));
  });
  module.def("decode", &decode_codes);
  module.def("cast_by_scheme", &cast_by_scheme);
  module.def("gemm", &gemm);
  module.def("tensor_seed", [](std::uint64_t seed, bool is_pruner, const std::string& name) {
    const RandomUnit unit = is_pruner ? RandomUnit::pruner : RandomUnit::quantizer;
    return tensor_seed(Seed{seed}, unit, name).value;
  });
  module.def("rounding", [](const std::string& text) {
    const Rounding rounding = parse_rounding(text);
    return std::pair(static_cast<int>(rounding.mode), rounding.random_bits);
  });
}

}  // namespace gradpath::python
