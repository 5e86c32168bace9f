#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/verify/banks/beat.hpp"

namespace gradpath::verify {

/// In place of the chance of a stall: the receiver is ready as soon as a beat is offered, and not
/// before. A sender that waits for it to be ready is stuck. (To a sender: full rate.)
inline constexpr std::uint32_t kWaitsForAnOffer = 256;

/// Whether a receiver with that chance of a stall in 256ths is ready; dice: a random byte.
[[nodiscard]] inline bool is_ready(std::uint32_t stall, bool is_offered, std::uint32_t dice) {
  return stall == kWaitsForAnOffer ? is_offered : (dice & 0xff) >= stall;
}

/// Offers beats in order; one once offered stays until it is accepted.
class StreamSource {
 public:
  /// stall: chance in 256ths that a cycle begins without an offer.
  StreamSource(std::span<const Beat> beats, std::uint32_t stall)
      : beats_(beats), stall_(stall == kWaitsForAnOffer ? 0 : stall) {}

  /// The offer of this cycle; dice: a random byte.
  [[nodiscard]] std::optional<Beat> offer(std::uint32_t dice) {
    offering_ = next_ < beats_.size() && (offering_ || (dice & 0xff) >= stall_);
    return offering_ ? std::optional(beats_[next_]) : std::nullopt;
  }
  /// Tells whether the receiver was ready in this cycle.
  void clock(bool ready) {
    if (!offering_ || !ready) return;
    ++next_;
    offering_ = false;
  }
  [[nodiscard]] std::size_t accepted() const { return next_; }

 private:
  std::span<const Beat> beats_;
  std::uint32_t stall_;
  std::size_t next_ = 0;
  bool offering_ = false;
};

/// Takes beats and keeps them, with the ticks of the bank in which they were taken.
class StreamSink {
 public:
  explicit StreamSink(std::uint32_t stall) : stall_(stall) {}

  /// Whether it is ready in this cycle, in which `beat` is offered; dice: a random byte.
  [[nodiscard]] bool ready(const std::optional<Beat>& beat, std::uint32_t dice) {
    ready_ = is_ready(stall_, beat.has_value(), dice);
    return ready_;
  }
  /// What the sender shows in this cycle.
  void clock(const std::optional<Beat>& beat, std::uint64_t tick) {
    if (!beat || !ready_) return;
    beats_.push_back(*beat);
    ticks_.push_back(tick);
  }
  [[nodiscard]] const std::vector<Beat>& beats() const { return beats_; }
  [[nodiscard]] const std::vector<std::uint64_t>& ticks() const { return ticks_; }

 private:
  std::uint32_t stall_;
  bool ready_ = false;
  std::vector<Beat> beats_;
  std::vector<std::uint64_t> ticks_;
};

}  // namespace gradpath::verify
