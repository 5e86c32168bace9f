#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "models/round/random.hpp"
#include "sim/datapath/memory/memory_model.hpp"

namespace gradpath {

/// A stream of 64-byte requests to learn what a memory delivers.
struct MemoryPattern {
  std::string_view name;
  std::string_view help;
  std::string_view param;  ///< what the parameter is; empty: there is none
  double fallback = 0;     ///< the parameter where the user gives none
  double least_param = 0;
  double most_param = 0;
};

inline constexpr double kMostBytesApart = 1 << 28;

inline constexpr std::array kMemoryPatterns = {
    MemoryPattern{"seqr", "reads, one address after the other", ""},
    MemoryPattern{"seqw", "writes, likewise", ""},
    MemoryPattern{"streams3", "two reads and a write in turn, 1 KiB each",
                  "bytes by which the streams are staggered", 0, 0, kMostBytesApart},
    MemoryPattern{"streams2r", "the two reads alone", "bytes by which the streams are staggered", 0,
                  0, kMostBytesApart},
    MemoryPattern{"stride", "reads, so many bytes apart, within 256 MiB", "bytes", 256, 1,
                  kMostBytesApart},
    MemoryPattern{"random", "reads anywhere within 256 MiB", ""},
    MemoryPattern{"rate", "reads one after the other, at a pace", "fraction of the peak", 0.5, 1e-6,
                  1},
    MemoryPattern{"randrate", "reads anywhere, at a pace", "fraction of the peak", 0.2, 1e-6, 1},
    MemoryPattern{"lonehit", "a read every 997 ns, one after the other", ""},
    MemoryPattern{"lonerand", "a read every 997 ns, anywhere", ""},
};

/// The row of that name; UserError names them all.
[[nodiscard]] const MemoryPattern& find_memory_pattern(std::string_view name);

struct MemoryTraffic {
  std::string_view pattern = "seqr";
  double param = 0;
  std::uint64_t requests = 40000;
  std::uint32_t window = 32;  ///< requests outstanding at most
  Seed seed = {};
};

struct MemoryFigures {
  double bandwidth_gbps = 0;  ///< bytes over the time between the first and the last answer
  double peak_fraction = 0;
  double mean_latency_ns = 0;  ///< from a request's start, its wait for room included
  double row_hit_rate = 0;
};

/// Drives a fresh memory. A master starts at most one request a tick, and none while its last one
/// waits for room. std::invalid_argument on an unknown pattern, no requests or no window.
[[nodiscard]] MemoryFigures probe_memory(MemoryModel& memory, const MemoryTraffic& traffic);

}  // namespace gradpath
