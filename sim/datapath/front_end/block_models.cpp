#include "sim/datapath/front_end/block_models.hpp"

#include <bit>
#include <optional>
#include <span>

#include "models/round/random.hpp"
#include "models/sparse/packed_codes.hpp"
#include "sim/datapath/front_end/elastic_buffer.hpp"

namespace gradpath {
namespace {

/// The random words of a unit (docs/numerics.md, "Random words"), beat after beat.
class RandomWords {
 public:
  RandomWords(RandomSource source, Seed seed, RandomUnit unit, std::uint32_t lanes)
      : counter_(seed) {
    words_.resize(lanes);
    if (source == RandomSource::counter) return;
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      lanes_.emplace_back(lane_seed(seed, unit, lane));
    }
  }

  /// The words of the beat's elements; every beat steps all lanes.
  [[nodiscard]] std::span<const std::uint32_t> next(const StreamBeat& beat) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      words_[i] = lanes_[i].word();
      lanes_[i].step();
    }
    if (beat.index != nullptr && lanes_.empty()) {
      for (std::uint32_t i = 0; i < beat.elements; ++i) {
        words_[i] = counter_.word((*beat.index)[beat.first + i]);
      }
    }
    return std::span(words_).first(beat.elements);
  }

 private:
  CounterRandom counter_;
  std::vector<Lfsr> lanes_;
  std::vector<std::uint32_t> words_;
};

/// The shell of pruner and quantizer (rtl/stream_stage.sv): an operand register, then the buffer.
/// Two cycles, one beat a cycle, up to three beats inside.
class StageModel : public StreamBlock {
 public:
  void reset(const GemmWork& work, std::uint32_t lanes) override {
    operand_.valid = false;
    buffer_.clear();
    lanes_ = lanes;
    begin(work);
  }
  [[nodiscard]] bool ready() const override { return !operand_.valid || buffer_.ready(); }
  [[nodiscard]] const StreamBeat* output(std::size_t port) const override {
    return port == kMain ? buffer_.output() : nullptr;
  }
  [[nodiscard]] Cycles settles_within() const override { return kStageSettles; }
  void clock(Cycles /*now*/, const StreamBeat* input,
             const std::array<bool, kOutputs>& taken) override {
    const bool accepts = input != nullptr && ready();
    buffer_.clock(operand_, taken[kMain]);
    if (!accepts) return;
    operand_.valid = true;
    operand_.beat.elements = input->elements;
    operand_.beat.last = input->last;
    operand_.beat.data.assign(lanes_, 0);
    operand_.beat.index = input->index;
    operand_.beat.first = input->first;
    transform(*input, operand_.beat.data);
  }

 protected:
  virtual void begin(const GemmWork& work) = 0;
  /// out: a word a lane, 0 before.
  virtual void transform(const StreamBeat& input, std::span<std::uint32_t> out) = 0;

  /// The beat's elements as numbers, in memory of this object.
  [[nodiscard]] std::span<float> values(const StreamBeat& beat) {
    values_.resize(beat.elements);
    for (std::uint32_t i = 0; i < beat.elements; ++i) {
      values_[i] = std::bit_cast<float>(beat.data[i]);
    }
    return values_;
  }
  [[nodiscard]] std::uint32_t lanes() const { return lanes_; }

 private:
  BeatRegister operand_;
  ElasticBuffer buffer_;
  std::uint32_t lanes_ = 0;
  std::vector<float> values_;
};

class PrunerModel : public StageModel {
  void begin(const GemmWork& work) override {
    pruner_ = work.pruner;
    words_.emplace(work.random, work.prune_seed, RandomUnit::pruner, lanes());
  }
  void transform(const StreamBeat& input, std::span<std::uint32_t> out) override {
    const std::span<float> x = values(input);
    pruner_->prune_with_words(x, words_->next(input), x);
    for (std::size_t i = 0; i < x.size(); ++i) out[i] = std::bit_cast<std::uint32_t>(x[i]);
  }

  const StochasticPruner* pruner_ = nullptr;
  std::optional<RandomWords> words_;
};

class QuantizerModel : public StageModel {
  void begin(const GemmWork& work) override {
    quantizer_ = work.quantizer;
    scale_ = work.gradient_scale;
    words_.emplace(work.random, work.quantize_seed, RandomUnit::quantizer, lanes());
  }
  void transform(const StreamBeat& input, std::span<std::uint32_t> out) override {
    quantizer_->to_codes_with_words<std::uint32_t>(values(input), words_->next(input),
                                                   out.first(input.elements), scale_);
  }

  const Quantizer* quantizer_ = nullptr;
  float scale_ = 1.0f;
  std::optional<RandomWords> words_;
};

/// rtl/compactor.sv: an operand register, the codes that wait for more, and a buffer at each
/// output.
class CompactorModel : public StreamBlock {
 public:
  void reset(const GemmWork& work, std::uint32_t lanes) override {
    format_ = work.quantizer->format();
    lanes_ = lanes;
    operand_.valid = false;
    bits_.valid = codes_.valid = false;
    held_.clear();
    flushes_ = false;
    bitmap_buffer_.clear();
    code_buffer_.clear();
  }
  [[nodiscard]] bool ready() const override { return !operand_.valid || moves(); }
  [[nodiscard]] const StreamBeat* output(std::size_t port) const override {
    return port == kMain ? bitmap_buffer_.output() : code_buffer_.output();
  }
  [[nodiscard]] Cycles settles_within() const override { return kCompactorSettles; }
  void clock(Cycles /*now*/, const StreamBeat* input,
             const std::array<bool, kOutputs>& taken) override {
    const bool accepts = input != nullptr && ready();
    const bool works = moves();
    if (flushes_ && code_buffer_.ready()) {
      emit(held_.size(), true);
      flushes_ = false;
    }
    if (works) pack();
    bitmap_buffer_.clock(bits_, taken[kMain]);
    code_buffer_.clock(codes_, taken[kCodes]);
    if (!accepts) return;
    operand_.valid = true;
    operand_.beat = *input;
  }

 private:
  /// The beat at work leaves its register in this cycle.
  [[nodiscard]] bool moves() const {
    return operand_.valid && bitmap_buffer_.ready() && code_buffer_.ready();
  }

  void pack() {
    const StreamBeat& beat = operand_.beat;
    bits_.valid = true;
    bits_.beat.elements = beat.elements;
    bits_.beat.last = beat.last;
    bits_.beat.data.assign(lanes_, 0);
    for (std::uint32_t i = 0; i < beat.elements; ++i) {
      if (is_zero_code(format_, Code{beat.data[i]})) continue;
      bits_.beat.data[i] = 1;
      held_.push_back(beat.data[i]);
    }
    if (held_.size() > lanes_) emit(lanes_, false);
    flushes_ = beat.last;
    operand_.valid = false;
  }

  void emit(std::size_t count, bool last) {
    const auto end = held_.begin() + static_cast<std::ptrdiff_t>(count);
    codes_.valid = true;
    codes_.beat.elements = static_cast<std::uint32_t>(count);
    codes_.beat.last = last;
    codes_.beat.data.assign(lanes_, 0);
    std::copy(held_.begin(), end, codes_.beat.data.begin());
    held_.erase(held_.begin(), end);
  }

  Format format_ = {};
  std::uint32_t lanes_ = 0;
  BeatRegister operand_;
  BeatRegister bits_;                ///< on its way into the bitmap's buffer; empty between clocks
  BeatRegister codes_;               ///< on its way into the codes' buffer; empty between clocks
  std::vector<std::uint32_t> held_;  ///< at most a beat between clocks
  bool flushes_ = false;             ///< held_ are the last codes of their chunk
  ElasticBuffer bitmap_buffer_;
  ElasticBuffer code_buffer_;
};

}  // namespace

std::unique_ptr<StreamBlock> make_pruner_model() { return std::make_unique<PrunerModel>(); }
std::unique_ptr<StreamBlock> make_quantizer_model() { return std::make_unique<QuantizerModel>(); }
std::unique_ptr<StreamBlock> make_compactor_model() { return std::make_unique<CompactorModel>(); }

}  // namespace gradpath
