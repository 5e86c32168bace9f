#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gradpath {

/// Counts of a memory since its construction.
struct MemoryCounts {
  std::uint64_t bursts = 0;       ///< column commands
  std::uint64_t activations = 0;  ///< rows opened
  std::uint64_t refreshes = 0;

  /// Bursts that found their row open, of all.
  [[nodiscard]] double row_hit_rate() const {
    return bursts == 0 || activations > bursts
               ? 0.0
               : static_cast<double>(bursts - activations) / static_cast<double>(bursts);
  }
};

/// When a memory answers, without SystemC and without data. Whoever drives it pushes requests in
/// the order of time and calls step() whenever next() has come; it decides nothing before.
class MemoryModel {
 public:
  using Tick = std::int64_t;  ///< of the memory's own clock
  static constexpr Tick kNever = std::numeric_limits<Tick>::max();

  struct Request {
    std::uint64_t id = 0;
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;  ///< at most most_bytes(), inside one such block
    bool is_write = false;
  };
  struct Response {
    std::uint64_t id = 0;
    Tick at = 0;  ///< its last byte has moved
  };

  MemoryModel() = default;
  MemoryModel(const MemoryModel&) = delete;
  MemoryModel& operator=(const MemoryModel&) = delete;
  virtual ~MemoryModel() = default;

  [[nodiscard]] virtual double tick_ns() const = 0;
  [[nodiscard]] virtual double peak_bytes_per_ns() const = 0;
  /// It has room for a request of so many bytes.
  [[nodiscard]] virtual bool accepts(std::uint32_t bytes) const = 0;
  /// Only where accepts(). now: not before any earlier call's.
  virtual void push(const Request& request, Tick now) = 0;
  /// When it will decide something, if no request comes before; kNever if nothing waits.
  [[nodiscard]] virtual Tick next() const = 0;
  /// Does what is due at next(); appends the requests whose answer is thereby fixed.
  virtual void step(std::vector<Response>& responses) = 0;
  [[nodiscard]] virtual MemoryCounts counts() const = 0;
};

/// How a memory is chosen, beside its name.
struct MemoryOptions {
  std::string mapping = {};  ///< bgi, rbc or brc; empty: the memory's own
  bool refresh = true;
  double clock_ghz = 1.0;  ///< the cycle of `ideal:B`
};

/// Makes `ideal:B` (B bytes a cycle, no latency) or a preset of dram_timing.hpp; UserError names
/// them all.
[[nodiscard]] std::unique_ptr<MemoryModel> make_memory(std::string_view name,
                                                       const MemoryOptions& options = {});

}  // namespace gradpath
