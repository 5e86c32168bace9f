// Random stimulus for a clocked block, from the names of its ports: `P_valid_i`, its `P_ready_o`
// and every other input whose name begins with P_ are one stream and keep still while it stalls;
// ready inputs stall at random; resets come in mid-stream. Made along the unmutated block, so a
// mutant sees a sender that keeps the protocol for as long as it behaves like the block. Part of
// driver.cpp.
class Generator {
 public:
  static constexpr std::size_t kFirstCycle = 2;  // of those compared: reset before

  // sparse: half of all data words are zero, or of narrow codes.
  Generator(Word seed, bool sparse)
      : state_(seed * 2654435761u + 1), sparse_(sparse), row_(kInputWords) {
    for (const Port& port : kInputs) {
      Input input{port, ends(port.name, "valid_i"), -1, -1};
      if (ends(port.name, "valid_i")) {
        input.ready = output(port.name.substr(0, port.name.size() - 7) + "ready_o");
      }
      inputs_.push_back(input);
    }
    // The stream of an input: the valid port with the longest prefix of its name.
    for (Input& input : inputs_) {
      std::size_t longest = 0;
      for (std::size_t k = 0; k < inputs_.size(); ++k) {
        if (!inputs_[k].is_valid) continue;
        const std::string prefix = inputs_[k].port.name.substr(0, inputs_[k].port.name.size() - 7);
        if (input.port.name.starts_with(prefix) && prefix.size() >= longest) {
          input.stream = static_cast<int>(k);
          longest = prefix.size();
        }
      }
    }
  }

  // Inputs of the next cycle, after `outputs` of the one before.
  const std::vector<Word>& next(const std::vector<Word>& outputs) {
    if (cycle_ % 256 == 0) new_phase();
    const bool resets = cycle_ < kFirstCycle || resetting_ > 0 || one_in(700);
    if (resets && resetting_ == 0 && cycle_ >= kFirstCycle) resetting_ = 1 + word() % 2;
    if (resetting_ > 0) --resetting_;
    // Which streams stall: valid was high and ready low, out of reset.
    std::vector<bool> holds(inputs_.size(), false);
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      const Input& input = inputs_[k];
      if (!input.is_valid || input.ready < 0 || was_reset_ || cycle_ == 0) continue;
      holds[k] = (row_[input.port.at] & 1u) && (outputs[kOutputs[input.ready].at] & 1u) == 0;
    }
    for (const Input& input : inputs_) {
      const std::string& name = input.port.name;
      Word* at = &row_[input.port.at];
      if (name == "rst_ni") {
        *at = !resets;
      } else if (ends(name, "ready_i")) {
        *at = below(ready_);
      } else if (name == "load_i") {
        *at = one_in(200);
      } else if (name == "adapt_i" || name == "step_i") {
        *at = !one_in(4);
      } else if (name == "operand_i" || name == "result_i") {
        fill(input.port, at);
      } else if (input.stream >= 0 && holds[input.stream]) {
        continue;
      } else if (input.is_valid) {
        *at = below(valid_);
      } else if (ends(name, "last_i")) {
        *at = one_in(last_);
      } else if (ends(name, "mask_i")) {
        mask(input.port, at, name == "codes_mask_i");
      } else if (name == "target_i") {
        *at = target();
      } else if (name.find("alpha") != std::string::npos) {
        *at = value() & 0x7fffffffu;
        if ((*at >> 23) == 0xffu) *at = 0x7f7fffffu;
        if (one_in(8)) *at = 0;
        alpha_ = *at;
      } else {
        fill(input.port, at);
      }
    }
    was_reset_ = resets;
    ++cycle_;
    return row_;
  }

 private:
  struct Input {
    Port port;
    bool is_valid;
    int ready;   // the output that takes it, or -1
    int stream;  // the input whose stall holds it, or -1
  };

  static bool ends(const std::string& name, const char* end) { return name.ends_with(end); }
  static int output(const std::string& name) {
    for (std::size_t i = 0; i < std::size(kOutputs); ++i) {
      if (kOutputs[i].name == name) return static_cast<int>(i);
    }
    return -1;
  }

  Word word() {  // splitmix64, its upper half
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return static_cast<Word>((z ^ (z >> 31)) >> 32);
  }
  bool one_in(Word n) { return word() % n == 0; }
  bool below(Word eighths) { return word() % 8 < eighths; }

  // Every 256 cycles: how often the sides stall, how long streams are, where the values lie.
  void new_phase() {
    constexpr Word kRates[] = {1, 4, 7, 8, 8};
    constexpr Word kLasts[] = {2, 8, 40, 120, 1};
    valid_ = kRates[word() % 5];
    ready_ = kRates[word() % 5];
    last_ = kLasts[word() % 5];
    constexpr Word kCentres[] = {127, 120, 104, 100, 1, 254, 140, 0};
    centre_ = kCentres[word() % 8];
    spread_ = Word{1} << (word() % 6);
    full_ = one_in(3);
    plain_ = one_in(2);
  }

  // The fraction of zeros wanted, in 65536ths: mostly one for the phase, so that long streams want few.
  // Every fourth phase is a long stream within a binade: the largest numbers in a threshold's solution.
  Word target() {
    if (cycle_ % 256 == 0) {
      target_ = (word() & 0xffffu) >> word() % 5;
      if (one_in(4)) {
        centre_ = 104;
        spread_ = 1;
        last_ = 110;
        valid_ = 8;
        plain_ = full_ = true;
      }
    }
    if (one_in(64)) return (0x10000u - (1u << word() % 17)) & 0xffffu;  // a power of two is left
    return one_in(64) ? word() & 0xffffu : target_;
  }

  // An fp32 pattern around the phase's exponent (0: subnormals of every size), or, unless the phase is
  // plain, a special one or anything.
  Word value() {
    const Word kind = plain_ ? 15 : word() % 16;
    if (kind == 0) return word();
    if (kind == 1)
      return (word() & 0x80000000u) | (0xffu << 23) | (one_in(2) ? 0 : 1u << word() % 23);
    if (kind == 2) return (word() & 0x80000000u) | (word() % 2 << 23) | (1u << word() % 23);
    if (kind == 3) return word() & 0x80000000u;
    if (alpha_ != 0 && one_in(4)) {  // an ulp about the threshold, or some binades below it
      const Word below = std::min<Word>(word() % (one_in(2) ? 28 : 12), alpha_ >> 23);
      return ((word() & 0x80000000u) | alpha_) - (below << 23) + word() % 3 - 1;
    }
    if (centre_ == 0) return (word() & 0x80000000u) | ((word() & 0x7fffffu) >> word() % 24);
    const Word field = std::min<Word>(centre_ + word() % spread_, 254);
    Word fraction = word() & 0x7fffffu;
    if (one_in(3)) fraction &= ~((1u << word() % 23) - 1);  // few bits: ties and exact values
    if (one_in(6)) fraction = ((word() % 8 << 20) + word() % 33 - 16) & 0x7fffffu;  // about an eighth
    return (word() & 0x80000000u) | (field << 23) | fraction;
  }

  void mask(const Port& port, Word* at, bool dense) {
    const Word all = port.width == 32 ? ~Word{0} : (Word{1} << port.width) - 1;
    *at = full_ || one_in(3) ? all : word() & all;
    if (dense && !full_) *at = (Word{1} << word() % (static_cast<Word>(port.width) + 1)) - 1;
  }

  void fill(const Port& port, Word* at) {
    const int words = (port.width + 31) / 32;
    const bool values = port.width % 32 == 0;
    for (int i = 0; i < words; ++i) {
      at[i] = values && !ends(port.name, "seed_i") ? value() : word();
      if (sparse_) at[i] &= word() & word();
      if (ends(port.name, "seed_i") && one_in(4)) at[i] = one_in(2) ? 0 : Word{1} << word() % 32;
    }
    if (port.width % 32 != 0) at[words - 1] &= (Word{1} << (port.width % 32)) - 1;
  }

  std::uint64_t state_;
  bool sparse_;
  std::vector<Word> row_;
  std::vector<Input> inputs_;
  std::size_t cycle_ = 0;
  Word resetting_ = 0;
  bool was_reset_ = true;
  Word valid_ = 8, ready_ = 8, last_ = 8, centre_ = 127, spread_ = 1;
  bool full_ = true;
  bool plain_ = false;
  Word target_ = 0;
  Word alpha_ = 0;  // what the values to come are compared with, or will be once it is loaded
};
