// The cast and the pruner on a GPU, from the headers that define them on the CPU; called through
// ctypes by _cuda.py, on device memory and a stream of PyTorch's. Every function returns a
// cudaError_t. nvcc --expt-relaxed-constexpr makes device code of the headers' constexpr functions.
#include <cstdint>

#include "models/format/cast_definition.hpp"
#include "models/prune/prune_definition.hpp"
#include "models/round/random.hpp"

namespace {

using gradpath::Code;
using gradpath::CounterRandom;

constexpr int kThreads = 256;
constexpr int kMostBlocks = 1024;

// The order of elements in memory, [N][P][C], against that in which words are numbered, [N][C][P]:
// PyTorch's channels_last. C = 1 where the two are the same.
struct Order {
  std::uint64_t channels;
  std::uint64_t positions;
};

__device__ std::uint64_t element_index(const Order& order, std::uint64_t i) {
  if (order.channels == 1) return i;
  const std::uint64_t example = i / (order.channels * order.positions);
  const std::uint64_t rest = i % (order.channels * order.positions);
  return (example * order.channels + rest % order.channels) * order.positions +
         rest / order.channels;
}

__device__ std::uint64_t first_element() {
  return std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ std::uint64_t stride() { return std::uint64_t{gridDim.x} * blockDim.x; }

int blocks_for(std::uint64_t n) {
  const std::uint64_t blocks = (n + kThreads - 1) / kThreads;
  return static_cast<int>(blocks < 1 ? 1 : blocks > kMostBlocks ? kMostBlocks : blocks);
}

__global__ void cast_kernel(const float* in, float* out, std::uint64_t n, const float* scale,
                            const float* values, gradpath::Format format,
                            gradpath::CastOptions options, CounterRandom random, Order order,
                            int* nans) {
  const float factor = *scale;
  const bool draws = options.rounding.is_stochastic();
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    const std::uint32_t word = draws ? random.word(element_index(order, i)) : 0;
    // A product's NaN has lost its sign.
    const std::uint32_t bits = __float_as_uint(isnan(in[i]) ? in[i] : in[i] * factor);
    const Code code = gradpath::cast_bits(format, options, bits, word);
    if (code == gradpath::kNoCode) {
      atomicAdd(nans, 1);
      out[i] = __uint_as_float(0x7fc00000u);
    } else {
      const float value = values[code];
      out[i] = isnan(value) ? value : __fdiv_rn(value, factor);
    }
  }
}

__global__ void prune_kernel(const float* in, float* out, std::uint64_t n, const float* alpha,
                             int random_bits, CounterRandom random, Order order) {
  const std::uint32_t alpha_bits = __float_as_uint(*alpha);
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    const std::uint32_t word = random.word(element_index(order, i));
    out[i] = __uint_as_float(
        gradpath::prune_bits(__float_as_uint(in[i]), alpha_bits, random_bits, word));
  }
}

// The largest finite magnitude's bits: order of magnitudes is order of integers.
__global__ void amax_kernel(const float* in, std::uint64_t n, unsigned* amax) {
  unsigned most = 0;
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    const unsigned bits = __float_as_uint(in[i]) & 0x7fffffffu;
    if (bits < 0x7f800000u && bits > most) most = bits;
  }
  most = __reduce_max_sync(~0u, most);
  if (threadIdx.x % 32 == 0) atomicMax(amax, most);
}

// models/scale/scale.hpp: 1 where there is no finite nonzero.
enum ScaleKind { kFixed = 0, kAmax = 1, kAmaxPo2 = 2 };

__global__ void scale_kernel(const unsigned* amax_bits, int kind, float value, double max_finite,
                             float* scale) {
  const double amax = __uint_as_float(*amax_bits);
  if (kind == kFixed || amax == 0) {
    *scale = kind == kFixed ? value : 1.0f;
  } else if (kind == kAmax) {
    *scale = static_cast<float>(fmin(fmax(max_finite / amax, 0x1p-126), 0x1p127));
  } else {
    // The exponent of the quotient, from significands compared and not divided.
    int above = 0;
    int below = 0;
    const bool less = frexp(max_finite, &above) < frexp(amax, &below);
    const int exponent = above - below - (less ? 1 : 0);
    *scale = ldexpf(1.0f, exponent < -126 ? -126 : exponent > 127 ? 127 : exponent);
  }
}

// Sums of a block's threads in a fixed order; valid in thread 0.
template <int kSums>
__device__ void block_sums(double (&sums)[kSums]) {
  __shared__ double shared[kThreads];
  for (int s = 0; s < kSums; ++s) {
    shared[threadIdx.x] = sums[s];
    for (int width = kThreads / 2; width > 0; width /= 2) {
      __syncthreads();
      if (threadIdx.x < width) shared[threadIdx.x] += shared[threadIdx.x + width];
    }
    __syncthreads();
    sums[s] = shared[0];
    __syncthreads();
  }
}

// The last block to come here, once all have written, adds up their sums in the blocks' order.
template <int kSums>
__device__ bool grid_sums(double (&sums)[kSums], double* parts, unsigned* arrived) {
  __shared__ bool last;
  block_sums(sums);
  if (threadIdx.x == 0) {
    for (int s = 0; s < kSums; ++s) parts[blockIdx.x * kSums + s] = sums[s];
    __threadfence();
    last = atomicAdd(arrived, 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last) return false;
  for (int s = 0; s < kSums; ++s) sums[s] = 0;
  for (unsigned b = threadIdx.x; b < gridDim.x; b += kThreads) {
    for (int s = 0; s < kSums; ++s) {
      sums[s] += const_cast<volatile double*>(parts)[b * kSums + s];
    }
  }
  block_sums(sums);
  *arrived = 0;
  return true;
}

// One of Newton's steps for the threshold alpha at which the expected zeros are the target:
// in 1 / alpha the expectation is convex and piecewise linear, so from alpha = infinity the steps
// fall monotonically, and end.
__global__ void threshold_kernel(const float* in, std::uint64_t n, double target, float* alpha,
                                 double* state, double* parts, unsigned* arrived) {
  const double bound = state[0];
  if (state[1] != 0) return;   // found
  double sums[3] = {0, 0, 0};  // of |x| below, their number, zeros
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    const double x = fabs(static_cast<double>(in[i]));
    if (x == 0) sums[2] += 1;
    if (x > 0 && x < bound) {
      sums[0] += x;
      sums[1] += 1;
    }
  }
  if (!grid_sums(sums, parts, arrived) || threadIdx.x != 0) return;
  const double room = sums[1] + sums[2] - target * static_cast<double>(n);
  const bool nothing = sums[2] >= target * static_cast<double>(n);
  const double next = nothing ? 0 : sums[0] / room;
  // In doubles the last steps may go up by a rounding.
  state[1] = nothing || !(next < bound) ? 1 : 0;
  if (nothing || next < bound) {
    state[0] = next;
    *alpha = static_cast<float>(next);
  }
}

__global__ void start_threshold_kernel(float* alpha, double* state) {
  state[0] = static_cast<double>(__uint_as_float(0x7f800000u));
  state[1] = 0;
  *alpha = 0;
}

// A step of bisection for the magnitude of a rank, by its bits: state is where it lies.
__global__ void select_kernel(const float* in, std::uint64_t n, std::uint64_t rank, unsigned* state,
                              double* parts, unsigned* arrived) {
  const unsigned low = state[0];
  const unsigned high = state[1];
  const unsigned middle = low + (high - low) / 2;
  double sums[1] = {0};
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    sums[0] += (__float_as_uint(in[i]) & 0x7fffffffu) <= middle;
  }
  if (!grid_sums(sums, parts, arrived) || threadIdx.x != 0) return;
  if (sums[0] >= static_cast<double>(rank)) {
    state[1] = middle;
  } else {
    state[0] = middle + 1;
  }
}

// What became of a tensor: x^2, q^2, x q, |x|, sign(x) (q - x), zeros of x, zeros of q, and how
// many q are as large as results get.
__global__ void measure_kernel(const float* before, const float* after, std::uint64_t n,
                               float max_finite, const float* scale, double* result, double* parts,
                               unsigned* arrived) {
  const double most = __fdiv_rn(max_finite, *scale);
  double sums[8] = {};
  for (std::uint64_t i = first_element(); i < n; i += stride()) {
    const double x = before[i];
    const double q = after[i];
    sums[0] += x * x;
    sums[1] += q * q;
    sums[2] += x * q;
    sums[3] += fabs(x);
    sums[4] += x < 0 ? x - q : q - x;
    sums[5] += x == 0;
    sums[6] += q == 0;
    sums[7] += fabs(q) >= most;
  }
  if (!grid_sums(sums, parts, arrived) || threadIdx.x != 0) return;
  for (int s = 0; s < 8; ++s) result[s] = sums[s];
}

}  // namespace

extern "C" {

struct GradpathCast {
  int exponent_bits, mantissa_bits, bias, non_finite, rounding, random_bits, saturate, nan;
};

/// in, out: n floats; scale: one; values: those of all codes; nans: counts NaNs without a code.
int gradpath_cast(const float* in, float* out, std::uint64_t n, const float* scale,
                  const float* values, const GradpathCast* cast, std::uint64_t seed,
                  std::uint64_t channels, std::uint64_t positions, int* nans, cudaStream_t stream) {
  const gradpath::Format format{cast->exponent_bits, cast->mantissa_bits, cast->bias,
                                static_cast<gradpath::NonFinite>(cast->non_finite)};
  const gradpath::CastOptions options{
      .rounding = {static_cast<gradpath::Rounding::Mode>(cast->rounding), cast->random_bits},
      .overflow = cast->saturate ? gradpath::Overflow::saturate : gradpath::Overflow::standard,
      .nan = static_cast<gradpath::NanPolicy>(cast->nan)};
  cast_kernel<<<blocks_for(n), kThreads, 0, stream>>>(in, out, n, scale, values, format, options,
                                                      CounterRandom(gradpath::Seed{seed}),
                                                      Order{channels, positions}, nans);
  return cudaGetLastError();
}

int gradpath_prune(const float* in, float* out, std::uint64_t n, const float* alpha,
                   int random_bits, std::uint64_t seed, std::uint64_t channels,
                   std::uint64_t positions, cudaStream_t stream) {
  prune_kernel<<<blocks_for(n), kThreads, 0, stream>>>(in, out, n, alpha, random_bits,
                                                       CounterRandom(gradpath::Seed{seed}),
                                                       Order{channels, positions});
  return cudaGetLastError();
}

/// amax: one unsigned, 0 before.
int gradpath_scale(const float* in, std::uint64_t n, int kind, float value, double max_finite,
                   unsigned* amax, float* scale, cudaStream_t stream) {
  if (kind != kFixed) amax_kernel<<<blocks_for(n), kThreads, 0, stream>>>(in, n, amax);
  scale_kernel<<<1, 1, 0, stream>>>(amax, kind, value, max_finite, scale);
  return cudaGetLastError();
}

/// scratch: gradpath_scratch_bytes() bytes, all zero before the first use; used by one stream.
std::uint64_t gradpath_scratch_bytes() { return 64 + sizeof(double) * 8 * kMostBlocks; }

int gradpath_threshold(const float* in, std::uint64_t n, double target, int steps, float* alpha,
                       void* scratch, cudaStream_t stream) {
  auto* state = static_cast<double*>(scratch);
  auto* arrived = reinterpret_cast<unsigned*>(state + 2);
  start_threshold_kernel<<<1, 1, 0, stream>>>(alpha, state);
  for (int step = 0; step < steps; ++step) {
    threshold_kernel<<<blocks_for(n), kThreads, 0, stream>>>(in, n, target, alpha, state, state + 8,
                                                             arrived);
  }
  return cudaGetLastError();
}

/// state: two unsigned, 0 and 2^31 - 1 before; both are then the bits of the magnitude that `rank`
/// elements do not exceed.
int gradpath_select(const float* in, std::uint64_t n, std::uint64_t rank, unsigned* state,
                    void* scratch, cudaStream_t stream) {
  auto* words = static_cast<double*>(scratch);
  for (int bit = 0; bit < 31; ++bit) {
    select_kernel<<<blocks_for(n), kThreads, 0, stream>>>(in, n, rank, state, words + 8,
                                                          reinterpret_cast<unsigned*>(words + 2));
  }
  return cudaGetLastError();
}

/// max_finite: of the format, infinity without one; result: 8 doubles.
int gradpath_measure(const float* before, const float* after, std::uint64_t n, float max_finite,
                     const float* scale, double* result, void* scratch, cudaStream_t stream) {
  auto* state = static_cast<double*>(scratch);
  measure_kernel<<<blocks_for(n), kThreads, 0, stream>>>(before, after, n, max_finite, scale,
                                                         result, state + 8,
                                                         reinterpret_cast<unsigned*>(state + 2));
  return cudaGetLastError();
}
}
