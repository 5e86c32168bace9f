#pragma once

#include "sim/datapath/memory/memory_model.hpp"

namespace gradpath {

/// So many bytes a cycle for reads and writes together, one request after the other; no latency and
/// no rows. Requests back to back share a cycle; the rest of a cycle is lost once it rests.
class IdealMemory : public MemoryModel {
 public:
  IdealMemory(std::uint64_t bytes_per_cycle, double cycle_ns)
      : bytes_per_cycle_(bytes_per_cycle), cycle_ns_(cycle_ns) {}

  [[nodiscard]] double tick_ns() const override { return cycle_ns_; }
  [[nodiscard]] double peak_bytes_per_ns() const override {
    return static_cast<double>(bytes_per_cycle_) / cycle_ns_;
  }
  [[nodiscard]] bool accepts(std::uint32_t /*bytes*/) const override { return end_ == kNever; }
  void push(const Request& request, Tick now) override {
    const std::uint64_t left_over = now == rested_ ? slack_ : 0;
    const std::uint64_t needed = request.bytes > left_over ? request.bytes - left_over : 0;
    const std::uint64_t cycles = (needed + bytes_per_cycle_ - 1) / bytes_per_cycle_;
    slack_ = left_over + cycles * bytes_per_cycle_ - request.bytes;
    id_ = request.id;
    end_ = now + static_cast<Tick>(cycles);
    ++counts_.bursts;
  }
  [[nodiscard]] Tick next() const override { return end_; }
  void step(std::vector<Response>& responses) override {
    responses.push_back({id_, end_});
    rested_ = end_;
    end_ = kNever;
  }
  [[nodiscard]] MemoryCounts counts() const override { return counts_; }

 private:
  std::uint64_t bytes_per_cycle_;
  double cycle_ns_;
  std::uint64_t id_ = 0;
  std::uint64_t slack_ = 0;  ///< bytes that the last cycle had left over
  Tick end_ = kNever;        ///< of the request in service
  Tick rested_ = -1;         ///< when the last one ended
  MemoryCounts counts_;
};

}  // namespace gradpath
