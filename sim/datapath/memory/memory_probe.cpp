#include "sim/datapath/memory/memory_probe.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

using Tick = MemoryModel::Tick;

constexpr std::uint32_t kBytes = 64;
constexpr std::uint64_t kRegion = std::uint64_t{256} << 20;
constexpr std::uint64_t kStreamApart = std::uint64_t{64} << 20;
constexpr std::uint64_t kStreamTurn = 1024;
constexpr double kLoneNs = 997;

/// The requests of a pattern by number.
class Requests {
 public:
  Requests(const MemoryTraffic& traffic, const MemoryModel& memory)
      : traffic_(traffic), name_(find_memory_pattern(traffic.pattern).name) {
    if (name_ == "rate" || name_ == "randrate") {
      period_ = kBytes / (traffic.param * memory.peak_bytes_per_ns()) / memory.tick_ns();
    } else if (name_.starts_with("lone")) {
      period_ = kLoneNs / memory.tick_ns();
    }
  }

  [[nodiscard]] Tick earliest(std::uint64_t i) const {
    return static_cast<Tick>(std::ceil(static_cast<double>(i) * period_));
  }

  [[nodiscard]] bool is_paced() const { return period_ > 0; }

  [[nodiscard]] MemoryModel::Request request(std::uint64_t i) const {
    MemoryModel::Request request{.id = i, .bytes = kBytes};
    if (name_.starts_with("streams")) {
      const std::uint64_t streams = name_ == "streams3" ? 3 : 2;
      const std::uint64_t turn = i / (kStreamTurn / kBytes);
      const std::uint64_t stream = turn % streams;
      request.address = stream * (kStreamApart + static_cast<std::uint64_t>(traffic_.param)) +
                        turn / streams * kStreamTurn + i * kBytes % kStreamTurn;
      request.is_write = stream == 2;
    } else if (name_ == "stride") {
      request.address = i * static_cast<std::uint64_t>(traffic_.param) % kRegion;
    } else if (name_.find("rand") != std::string_view::npos) {
      request.address =
          splitmix64(traffic_.seed.value ^ splitmix64(i)) % (kRegion / kBytes) * kBytes;
    } else {
      request.address = i * kBytes;
      request.is_write = name_ == "seqw";
    }
    return request;
  }

 private:
  const MemoryTraffic& traffic_;
  std::string_view name_;
  double period_ = 0;  ///< ticks between requests
};

}  // namespace

const MemoryPattern& find_memory_pattern(std::string_view name) {
  const auto* const found = std::ranges::find(kMemoryPatterns, name, &MemoryPattern::name);
  if (found != kMemoryPatterns.end()) return *found;
  std::string known;
  for (const MemoryPattern& pattern : kMemoryPatterns) {
    known += (known.empty() ? "" : ", ") + std::string(pattern.name);
  }
  throw UserError(fmt::format("unknown pattern '{}', expected one of {}", name, known));
}

MemoryFigures probe_memory(MemoryModel& memory, const MemoryTraffic& traffic) {
  if (traffic.requests == 0 || traffic.window == 0) {
    throw std::invalid_argument("probe_memory: no requests, or no window");
  }
  const Requests requests(traffic, memory);
  std::priority_queue<Tick, std::vector<Tick>, std::greater<>> answers;  // of requests under way
  std::vector<Tick> begun(traffic.requests);
  std::vector<MemoryModel::Response> responses;
  std::uint64_t next = 0;    // request to be started
  std::uint64_t pushed = 0;  // requests that found room
  std::uint64_t answered = 0;
  double latency = 0;
  Tick first = MemoryModel::kNever;
  Tick last = 0;
  Tick free_to_begin = 0;
  for (Tick now = 0; answered < traffic.requests;) {
    while (!answers.empty() && answers.top() <= now) {
      answers.pop();
      ++answered;
    }
    if (next < traffic.requests && next - answered < traffic.window &&
        std::max(free_to_begin, requests.earliest(next)) <= now) {
      free_to_begin = MemoryModel::kNever;
      // Where a pace is set, a request is late from the moment it was due.
      begun[next] = requests.is_paced() ? requests.earliest(next) : now;
      ++next;
    }
    if (pushed < next && memory.accepts(kBytes)) {
      memory.push(requests.request(pushed++), now);
      free_to_begin = now + 1;
    }
    if (memory.next() <= now) {
      responses.clear();
      memory.step(responses);
      for (const MemoryModel::Response& response : responses) {
        answers.push(response.at);
        latency += static_cast<double>(response.at - begun[response.id]);
        first = std::min(first, response.at);
        last = std::max(last, response.at);
      }
      continue;  // its decision may have made room
    }
    Tick then = memory.next();
    if (!answers.empty()) then = std::min(then, answers.top());
    if (next < traffic.requests && next - answered < traffic.window) {
      then = std::min(then, std::max(free_to_begin, requests.earliest(next)));
    }
    now = std::max(now, then);
  }
  const auto count = static_cast<double>(traffic.requests);
  const double time_ns = static_cast<double>(last - first) * memory.tick_ns();
  MemoryFigures figures;
  figures.bandwidth_gbps = time_ns > 0 ? (count - 1) * kBytes / time_ns : 0.0;
  figures.peak_fraction = figures.bandwidth_gbps / memory.peak_bytes_per_ns();
  figures.mean_latency_ns = latency * memory.tick_ns() / count;
  figures.row_hit_rate = memory.counts().row_hit_rate();
  return figures;
}

}  // namespace gradpath
