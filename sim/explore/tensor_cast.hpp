#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/quantize/quantizer.hpp"
#include "models/scale/scaling.hpp"
#include "models/schemes/scheme.hpp"
#include "sim/explore/column.hpp"
#include "sim/explore/selected_tensor.hpp"
#include "sim/explore/tensor_scaling.hpp"
#include "traces/safetensors_writer.hpp"

namespace gradpath {

/// What a cast did to a tensor, added up over slices.
struct CastCounts {
  std::uint64_t zeros = 0;      ///< results that are zero
  std::uint64_t above_max = 0;  ///< finite inputs beyond the range of the format or scheme
  std::uint64_t infs = 0;       ///< results
  std::uint64_t nans = 0;       ///< results

  void add_results(std::span<const float> values);
  void add(const CastCounts& other);
};

/// The cast of one tensor, its statistics known. Safe to use from several threads at once.
class TensorCast {
 public:
  virtual ~TensorCast() = default;

  /// The one scale of the tensor; NaN if it has none.
  [[nodiscard]] virtual double scale() const = 0;
  /// Bits of a code, and how many values a code book has: 0 without one.
  [[nodiscard]] virtual int bits() const = 0;
  [[nodiscard]] virtual std::size_t levels() const { return 0; }
  [[nodiscard]] virtual DType code_dtype() const = 0;
  [[nodiscard]] virtual std::vector<std::unique_ptr<SideTensor>> side_tensors(
      bool as_values) const = 0;
  /// The first place at or after `element` where the tensor may be cut.
  [[nodiscard]] virtual std::uint64_t cut_at(std::uint64_t element) const { return element; }
  /// Casts elements first .. first + in.size() - 1, between two cuts; `in` is scratch afterwards.
  /// out: values, or codes as wide as code_dtype().
  virtual CastCounts cast(std::uint64_t first, std::span<float> in, CastResults out) const = 0;
};

/// The casts of all tensors, in their order.
struct PreparedCasts {
  std::vector<std::unique_ptr<TensorCast>> casts;
  std::vector<std::string> notes = {};  ///< what the user should know
};

/// Gathers what the scaling needs of the tensors. axis: of the blocks. UserError if the scaling
/// does not fit a tensor. The result refers to `quantizer` and the tensors.
[[nodiscard]] PreparedCasts prepare_casts(const Scaling& scaling, int axis,
                                          const Quantizer& quantizer,
                                          const std::vector<SelectedTensor>& tensors, Seed seed,
                                          unsigned threads);
/// The same of a quantizer of the literature, which has been loaded.
[[nodiscard]] PreparedCasts prepare_casts(const Scheme& scheme, const CastOptions& options,
                                          const std::vector<SelectedTensor>& tensors, Seed seed,
                                          unsigned threads);

/// What is written: what codes mean, then the results, so that wide elements come before narrow
/// ones and every tensor is aligned. result_dtype: what codes are declared as, if not as
/// code_dtype(). UserError if two have one name.
struct CastFile {
  CastFile(const std::vector<SelectedTensor>& tensors, const PreparedCasts& prepared,
           bool as_values, std::optional<DType> result_dtype);

  bool as_values;
  std::vector<TensorDeclaration> declarations;
  std::vector<std::unique_ptr<SideTensor>> wide;    ///< before the results
  std::vector<std::unique_ptr<SideTensor>> narrow;  ///< after them
};

/// Casts one tensor and hands the results to the writer, a few slices a thread at a time.
/// done(elements) is told of progress.
[[nodiscard]] CastCounts write_cast(const SelectedTensor& selected, const TensorCast& cast,
                                    bool as_values, SafetensorsWriter& writer, unsigned threads,
                                    const std::function<void(std::uint64_t)>& done);

/// A row of the verb's table.
struct CastRow {
  std::string trace;
  std::string tensor;
  std::uint64_t numel = 0;
  double scale = 0;
  CastCounts counts;
  int bits = 0;
  std::uint64_t levels = 0;
};
/// The columns; those of a scheme besides.
[[nodiscard]] std::span<const Column<CastRow>> cast_columns();
[[nodiscard]] std::span<const Column<CastRow>> scheme_columns();

}  // namespace gradpath
