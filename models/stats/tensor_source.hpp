#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace gradpath {

/// A tensor that is read piece by piece and as often as needed, so that it never has to be in
/// memory as a whole. Every reading gives the same values. Several threads may read at once.
class TensorSource {
 public:
  static constexpr std::size_t kPiece = std::size_t{1} << 18;

  /// Elements first .. first + count - 1: of the tensor's own memory, or put into `buffer`.
  using Read = std::function<std::span<const float>(std::uint64_t first, std::size_t count,
                                                    std::vector<float>& buffer)>;
  /// Told that these elements have been read and are not needed for now.
  using Release = std::function<void(std::uint64_t first, std::uint64_t count)>;

  /// A tensor in memory, which must outlive this.
  explicit TensorSource(std::span<const float> values)
      : TensorSource(values.size(),
                     [values](std::uint64_t first, std::size_t count, std::vector<float>&) {
                       return values.subspan(static_cast<std::size_t>(first), count);
                     }) {}
  TensorSource(std::uint64_t numel, Read read, Release release = nullptr)
      : numel_(numel), read_(std::move(read)), release_(std::move(release)) {}

  [[nodiscard]] std::uint64_t numel() const { return numel_; }
  [[nodiscard]] std::span<const float> read(std::uint64_t first, std::size_t count,
                                            std::vector<float>& buffer) const {
    return read_(first, count, buffer);
  }
  void release(std::uint64_t first, std::uint64_t count) const {
    if (release_) release_(first, count);
  }

  /// `count` elements from `begin` on as a tensor of their own. This must outlive it.
  [[nodiscard]] TensorSource part(std::uint64_t begin, std::uint64_t count) const {
    return {
        count,
        [this, begin](std::uint64_t first, std::size_t size, std::vector<float>& buffer) {
          return read_(begin + first, size, buffer);
        },
        [this, begin](std::uint64_t first, std::uint64_t size) { release(begin + first, size); }};
  }

  /// Calls visit(first, values) for pieces of `piece` elements in order, the last one shorter.
  template <class Visit>
  void visit(Visit&& visit, std::size_t piece = kPiece) const {
    std::vector<float> buffer;
    for (std::uint64_t first = 0; first < numel_; first += piece) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece, numel_ - first));
      visit(first, read_(first, count, buffer));
      release(first, count);
    }
  }

 private:
  std::uint64_t numel_;
  Read read_;
  Release release_;
};

}  // namespace gradpath
