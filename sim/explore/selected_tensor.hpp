#pragma once

#include <algorithm>
#include <cstdint>
#include <new>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "models/error.hpp"
#include "sim/explore/parallel.hpp"
#include "traces/tensor_data.hpp"
#include "traces/trace.hpp"

namespace gradpath {

/// A tensor to work on, with its file.
struct SelectedTensor {
  const Trace* trace = nullptr;
  const Tensor* tensor = nullptr;
};

/// UserError that names file and tensor.
[[noreturn]] void fail_in(const SelectedTensor& selected, std::string_view what);

/// Runs `work` and puts file and tensor before the message of a UserError that it throws, as the
/// models know neither. Memory that is not to be had is one too.
template <class Work>
auto for_tensor(const SelectedTensor& selected, Work&& work) {
  constexpr std::string_view kNoMemory =
      "needs more memory than there is; use fewer `threads` or select less";
  try {
    return work();
  } catch (const UserError& error) {
    fail_in(selected, error.what());
  } catch (const std::bad_alloc&) {
    fail_in(selected, kNoMemory);
  } catch (const std::length_error&) {
    fail_in(selected, kNoMemory);
  }
}

/// One thread's piece of a tensor.
inline constexpr std::uint64_t kTensorSlice = std::uint64_t{1} << 18;

/// What work(values) makes of every slice of a tensor of any size, in their order; several slices
/// at a time, none of them kept.
template <class Result, class Work>
std::vector<Result> for_slices(const SelectedTensor& selected, unsigned threads, Work work) {
  const Tensor& tensor = *selected.tensor;
  const std::uint64_t numel = tensor.numel();
  std::vector<Result> results((numel + kTensorSlice - 1) / kTensorSlice);
  parallel_for(results.size(), threads, [&](std::size_t s) {
    const std::uint64_t first = std::uint64_t{s} * kTensorSlice;
    std::vector<float> values(std::min(kTensorSlice, numel - first));
    read_floats(tensor, first, values);
    results[s] = work(std::span<const float>(values));
    selected.trace->file().release(tensor, first, values.size());
  });
  return results;
}

}  // namespace gradpath
