#pragma once

#include <utility>

#include "sim/datapath/front_end/stream_block.hpp"

namespace gradpath {

/// A register that holds a beat or nothing.
struct BeatRegister {
  bool valid = false;
  StreamBeat beat;
};

/// The two-entry buffer at every output (rtl/stream_buffer.sv): ready unless two beats are inside;
/// one cycle from entry to exit. Beats are swapped in, so that their memory is used again.
class ElasticBuffer {
 public:
  void clear() { head_.valid = tail_.valid = false; }
  [[nodiscard]] bool ready() const { return !tail_.valid; }
  [[nodiscard]] const StreamBeat* output() const { return head_.valid ? &head_.beat : nullptr; }

  /// A clock edge. A valid `input` is taken if the buffer is ready, and is not valid after that.
  void clock(BeatRegister& input, bool taken) {
    const bool enters = input.valid && ready();
    if (taken) head_.valid = false;
    if (!head_.valid && tail_.valid) std::swap(head_, tail_);
    if (enters) std::swap(head_.valid ? tail_ : head_, input);
  }

 private:
  BeatRegister head_;
  BeatRegister tail_;
};

}  // namespace gradpath
