#pragma once

#include <array>
#include <vector>

#include "sim/datapath/memory/dram_timing.hpp"
#include "sim/datapath/memory/memory_model.hpp"

namespace gradpath {

/// One DRAM channel and its controller, command by command, not cycle by cycle: a queue of bursts
/// shared by all banks; first ready, first come (of the commands that could go, the one that ends
/// first, the older request among equals); rows stay open until another is wanted and nobody in the
/// queue can use the open one; all banks are refreshed together.
class DramController : public MemoryModel {
 public:
  static constexpr std::size_t kQueue = 32;  ///< bursts

  DramController(const DramTiming& timing, AddressMapping mapping, bool refresh);

  [[nodiscard]] double tick_ns() const override { return timing_.tick_ns; }
  [[nodiscard]] double peak_bytes_per_ns() const override;
  [[nodiscard]] bool accepts(std::uint32_t bytes) const override;
  void push(const Request& request, Tick now) override;
  [[nodiscard]] Tick next() const override;
  void step(std::vector<Response>& responses) override;
  [[nodiscard]] MemoryCounts counts() const override { return counts_; }

 private:
  static constexpr Tick kLongAgo = -(Tick{1} << 40);
  enum class Kind : std::uint8_t { column, activate, precharge, refresh };

  struct Burst {
    std::uint64_t id;
    std::uint32_t bank;
    std::uint32_t row;
    bool is_write;
    Tick arrived;
  };
  struct Bank {
    std::int64_t row = -1;  ///< the open one
    Tick read = kLongAgo;   ///< from when on each command is allowed
    Tick write = kLongAgo;
    Tick precharge = kLongAgo;
    Tick activate = kLongAgo;
    std::size_t chosen = 0;  ///< burst of the queue that its next command is for
    std::uint64_t chosen_in = 0;
    bool hits = false;
  };
  struct Last {  ///< when the last command of a kind began, in a bank group or anywhere
    Tick read = kLongAgo;
    Tick write = kLongAgo;
    Tick activate = kLongAgo;
  };
  struct Command {
    Kind kind = Kind::column;
    Tick at = kNever;
    std::size_t burst = 0;
  };

  [[nodiscard]] Command decide();
  [[nodiscard]] Command command_for(std::size_t index) const;
  [[nodiscard]] std::uint32_t group(std::uint32_t bank) const { return bank % timing_.bank_groups; }
  void locate(std::uint64_t address, Burst& burst) const;
  void activate(const Burst& burst, Tick at);
  void column(const Burst& burst, Tick at, std::vector<Response>& responses);
  void refresh(Tick due);

  DramTiming timing_;
  AddressMapping mapping_;
  std::vector<Burst> queue_;  ///< oldest first
  std::vector<Bank> banks_;
  std::vector<Last> groups_;
  Last last_;
  std::array<Tick, 4> activates_;  ///< the last four, a ring
  std::size_t oldest_activate_ = 0;
  Tick column_bus_ = kLongAgo;  ///< free from here on
  Tick row_bus_ = kLongAgo;
  Tick next_refresh_;
  std::uint64_t decisions_ = 0;
  Command decided_;
  MemoryCounts counts_;
};

}  // namespace gradpath
