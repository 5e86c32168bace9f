#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "models/quantize/quantizer.hpp"
#include "models/scale/scaling.hpp"
#include "sim/explore/selected_tensor.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath {

/// Where the results of a cast go: values, or codes of a width.
using CastResults = std::variant<std::span<float>, std::span<std::uint8_t>,
                                 std::span<std::uint16_t>, std::span<std::uint32_t>>;

/// A tensor that is written beside the results, e.g. `NAME.scale`.
class SideTensor {
 public:
  virtual ~SideTensor() = default;
  [[nodiscard]] virtual const TensorDeclaration& declaration() const = 0;
  virtual void write(SafetensorsWriter& writer) const = 0;
};

/// One of numbers that are kept as they are written.
[[nodiscard]] std::unique_ptr<SideTensor> side_tensor(std::string name, std::vector<float> data);

/// How the elements of one tensor are cast: multiplied by one scale, by blocks, or transformed. Its
/// statistics are known once it is made. Safe to use from several threads at once.
class TensorScaling {
 public:
  virtual ~TensorScaling() = default;

  /// The one scale of the tensor; NaN if it has none.
  [[nodiscard]] virtual double scale() const = 0;
  [[nodiscard]] virtual std::vector<std::unique_ptr<SideTensor>> side_tensors() const = 0;
  /// The first place at or after `element` where a tensor may be cut.
  [[nodiscard]] virtual std::uint64_t cut_at(std::uint64_t element) const { return element; }
  /// What enters the cast: elements first .. first + in.size() - 1, between two cuts.
  virtual void scaled(std::uint64_t first, std::span<const float> in,
                      std::span<float> out) const = 0;
  /// The cast of the same elements.
  virtual void cast(std::uint64_t first, std::span<const float> in, CastResults out,
                    CounterRandom random) const = 0;
};

/// The scalings of all tensors of a cast.
struct ResolvedScaling {
  std::vector<std::unique_ptr<TensorScaling>> tensors;
  std::vector<std::string> notes;  ///< what the user should know
};

/// What the rule needs to know of a tensor in memory.
[[nodiscard]] ScaleStatistics scale_statistics(const ScalePolicy& policy,
                                               std::span<const float> values);

/// Gathers what the scaling needs of the tensors and makes one TensorScaling for each, in order.
/// axis: of the blocks. UserError if the scaling does not fit a tensor. The result refers to
/// `quantizer`.
[[nodiscard]] ResolvedScaling resolve_scaling(const Scaling& scaling, int axis,
                                              const Quantizer& quantizer,
                                              const std::vector<SelectedTensor>& tensors,
                                              unsigned threads);

}  // namespace gradpath
