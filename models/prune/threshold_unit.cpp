#include "models/prune/threshold_unit.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "models/format/fp32.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kInfinityField = 255;
constexpr int kTargetBits = 16;

void check_length(std::uint64_t elements, std::uint64_t most) {
  if (elements > most) throw std::length_error("threshold unit: more than 2^28 elements");
}

}  // namespace

// --- HistogramThreshold

namespace {
constexpr int kCountFraction = 8;  // counts and sums are in 256ths of an element
constexpr int kSolvedBits = 10;    // of the threshold's fraction
}  // namespace

HistogramThreshold::HistogramThreshold(const Config& config) : config_(config) {
  if (config.mantissa_bits < 0 || config.mantissa_bits > 2 || config.first_field < 1 ||
      config.binades < 1 || config.first_field + config.binades > 254) {
    throw std::invalid_argument("threshold unit: configuration out of range");
  }
  clear();
}

void HistogramThreshold::clear() {
  elements_ = zeros_ = below_ = 0;
  counts_.assign(static_cast<std::size_t>(config_.binades) << config_.mantissa_bits, 0);
}

void HistogramThreshold::add(std::span<const float> values) {
  elements_ += values.size();
  check_length(elements_, kMaxElements);
  const int drop = fp32::kFractionBits - config_.mantissa_bits;
  const auto first = static_cast<std::uint32_t>(config_.first_field) << config_.mantissa_bits;
  for (const float x : values) {
    const std::uint32_t magnitude = fp32::magnitude(x);
    const std::uint32_t index = magnitude >> drop;
    if (magnitude == 0) {
      ++zeros_;
    } else if (index < first) {
      ++below_;
    } else if (index - first < counts_.size()) {
      ++counts_[index - first];
    }
  }
}

std::uint32_t HistogramThreshold::solve(std::uint16_t target) const {
  return solve_zeros(target * elements_);
}

std::uint32_t HistogramThreshold::solve_zeros(std::uint64_t wanted) const {
  if (zeros_ << kTargetBits >= wanted) return 0;
  const int b = config_.mantissa_bits;
  const auto per_binade = std::size_t{1} << b;
  // In units of the binade: surplus = elements at or below - wanted zeros; sum of their values.
  std::int64_t surplus = static_cast<std::int64_t>((zeros_ + below_) << kCountFraction) -
                         static_cast<std::int64_t>(wanted >> (kTargetBits - kCountFraction));
  std::int64_t sum = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    const std::size_t place = bucket % per_binade;
    if (place == 0) sum >>= 1;  // the next binade's unit is twice as large
    const std::int64_t count = counts_[bucket];
    const auto middle = static_cast<std::int64_t>(2 * per_binade + 2 * place + 1);
    const std::int64_t next_surplus = surplus + (count << kCountFraction);
    const std::int64_t next_sum = sum + ((count * middle) << (kCountFraction - 1 - b));
    // Expected zeros at the upper edge: elements - sum / edge.
    const auto edge = static_cast<std::int64_t>(per_binade + place + 1);
    if (next_surplus * edge >= next_sum << b) return bisect(bucket, surplus, sum);
    surplus = next_surplus;
    sum = next_sum;
  }
  return static_cast<std::uint32_t>(config_.first_field + config_.binades) << fp32::kFractionBits;
}

// The sign of surplus a - sum + count (a - lo)^2 / (2 width) says whether a reaches the target; the
// bits of a are decided from the top, by additions alone.
std::uint32_t HistogramThreshold::bisect(std::size_t bucket, std::int64_t surplus,
                                         std::int64_t sum) const {
  constexpr int k = kSolvedBits;
  const int b = config_.mantissa_bits;
  const auto per_binade = std::size_t{1} << b;
  const auto place = static_cast<std::int64_t>(bucket % per_binade);
  const std::int64_t count = counts_[bucket];
  const auto shifted = [](std::int64_t value, int places) {
    return value * (std::int64_t{1} << places);
  };
  std::int64_t excess =
      shifted(surplus * (static_cast<std::int64_t>(per_binade) + place), 2 * k - b) -
      shifted(sum, 2 * k);
  std::int64_t linear = shifted(surplus, 2 * k - b - 1);
  std::int64_t square = shifted(count, 2 * k - b + 5);
  std::int64_t cross = 0;
  std::uint32_t rest = 0;
  for (int step = 0; step < k - b; ++step) {
    const std::int64_t trial = excess + linear + cross + square;
    rest <<= 1;
    if (trial < 0) {
      excess = trial;
      cross += 2 * square;
      rest |= 1;
    }
    linear >>= 1;
    square >>= 2;
    cross >>= 1;
  }
  const auto field = static_cast<std::uint32_t>(config_.first_field) +
                     static_cast<std::uint32_t>(bucket / per_binade);
  const std::uint32_t top = static_cast<std::uint32_t>(place) << (k - b) | rest;
  // The middle of what the decided bits leave open.
  return field << fp32::kFractionBits | (2 * top + 1) << (fp32::kFractionBits - k - 1);
}

// --- LogThreshold

namespace {
constexpr int kLogBits = 8;      // fraction bits of a logarithm
constexpr int kLaneLogBits = 5;  // of an element's
constexpr int kOne = 1 << kLogBits;
constexpr int kLaneLogRest = 4;  // what an element's logarithm loses in the mean, in 256ths
}  // namespace

constexpr std::array<int, 64> LogThreshold::kLog2Table = {
    3,   9,   14,  20,  25,  30,  36,  41,  46,  51,  56,  61,  66,  71,  75,  80,
    85,  89,  94,  98,  103, 107, 111, 116, 120, 124, 128, 132, 136, 140, 144, 148,
    152, 155, 159, 163, 167, 170, 174, 178, 181, 185, 188, 192, 195, 198, 202, 205,
    208, 212, 215, 218, 221, 224, 228, 231, 234, 237, 240, 243, 246, 249, 252, 255};
constexpr std::array<int, 64> LogThreshold::kExp2Table = {
    4,   15,  27,  38,  50,  61,  73,  85,  97,  109, 122, 134, 147, 160, 173, 186,
    199, 212, 225, 239, 253, 267, 281, 295, 309, 324, 339, 353, 368, 384, 399, 414,
    430, 446, 462, 478, 494, 511, 528, 545, 562, 579, 596, 614, 632, 650, 668, 687,
    705, 724, 743, 762, 782, 801, 821, 841, 862, 882, 903, 924, 945, 967, 988, 1010};
constexpr std::array<std::array<int, 25>, 13> LogThreshold::kThresholdTable = {
    {{-47,  -63,   -83,   -108,  -138,  -176,  -222,  -279,  -349,  -434,  -537,  -662, -813,
      -996, -1217, -1482, -1800, -2181, -2637, -3183, -3834, -4611, -5538, -6642, -7956},
     {133, 134, 135,  135,  134,  132,  128,  121,  111,  96,    76,    50,   16,
      -27, -81, -147, -229, -328, -448, -593, -767, -975, -1223, -1519, -1872},
     {262, 264, 267, 271, 277, 283, 290, 298, 306, 315, 323, 330, 337,
      343, 349, 353, 357, 360, 362, 364, 366, 367, 367, 368, 368},
     {390, 392, 395, 400, 406, 415, 426,  441,  459,  480,  505,  534, 567,
      606, 651, 703, 765, 838, 924, 1026, 1148, 1292, 1465, 1670, 1914},
     {518, 520, 523, 528,  534,  543,  556,  574,  596,  625,  661,  705, 758,
      820, 895, 985, 1092, 1219, 1371, 1553, 1770, 2029, 2337, 2705, 3143},
     {646,  648,  651,  656,  662,  671,  684,  703,  728,  761,  804,  858, 926,
      1008, 1107, 1227, 1371, 1544, 1752, 2001, 2298, 2654, 3077, 3583, 4184},
     {774,  776,  779,  784,  790,  799,  812,  831,  856,  892,  940,  1001, 1080,
      1177, 1297, 1442, 1619, 1832, 2088, 2395, 2763, 3203, 3728, 4354, 5100},
     {902,  904,  907,  912,  918,  927,  940,  959,  985,  1021, 1071, 1138, 1224,
      1334, 1471, 1639, 1844, 2092, 2391, 2751, 3182, 3698, 4314, 5049, 5925},
     {1030, 1032, 1035, 1040, 1046, 1055, 1068, 1087, 1113, 1149, 1201, 1270, 1363,
      1483, 1634, 1821, 2051, 2331, 2670, 3077, 3566, 4152, 4851, 5685, 6680},
     {1158, 1160, 1163, 1168, 1174, 1183, 1196, 1215, 1241, 1277, 1329, 1401, 1498,
      1625, 1789, 1993, 2245, 2554, 2928, 3380, 3922, 4572, 5348, 6275, 7379},
     {1286, 1288, 1291, 1296, 1302, 1311, 1324, 1343, 1369, 1405, 1457, 1530, 1630,
      1763, 1937, 2156, 2429, 2764, 3171, 3663, 4255, 4965, 5813, 6825, 8033},
     {1414, 1416, 1419, 1424, 1430, 1439, 1452, 1471, 1497, 1533, 1585, 1659, 1760,
      1898, 2080, 2312, 2603, 2962, 3400, 3931, 4569, 5335, 6251, 7344, 8648},
     {1542, 1544, 1547, 1552, 1558, 1567, 1580, 1599, 1625, 1661, 1713, 1787, 1890,
      2031, 2219, 2463, 2770, 3152, 3618, 4185, 4867, 5686, 6666, 7836, 9231}}};

void LogThreshold::clear() { elements_ = count_ = sum_ = square_sum_ = 0; }

void LogThreshold::add(std::span<const float> values) {
  elements_ += values.size();
  check_length(elements_, kMaxElements);
  for (const float x : values) {
    const std::uint32_t magnitude = fp32::magnitude(x);
    const std::uint32_t field = magnitude >> fp32::kFractionBits;
    if (field == 0 || field == kInfinityField) continue;
    const std::uint32_t fraction = (magnitude & fp32::kFraction) >> (fp32::kFractionBits - 6);
    const std::uint64_t logarithm =
        std::uint64_t{field} << kLaneLogBits |
        static_cast<std::uint32_t>(kLog2Table[fraction]) >> (kLogBits - kLaneLogBits);
    ++count_;
    sum_ += logarithm;
    square_sum_ += logarithm * logarithm;
  }
}

// log2 of a positive number in 256ths, from its top seven bits.
int LogThreshold::log2_of(Wide value) {
  int top = 127;
  while ((value >> top & 1) == 0) --top;
  const auto rest = static_cast<std::uint32_t>(top >= 6 ? value >> (top - 6) : value << (6 - top));
  return top * kOne + kLog2Table[rest & 63];
}

std::uint32_t LogThreshold::solve(std::uint16_t target) const {
  return solve_zeros(target * elements_);
}

std::uint32_t LogThreshold::solve_zeros(std::uint64_t wanted) const {
  if (count_ == 0) return 0;
  const std::uint64_t kept = (elements_ << kTargetBits) - wanted;
  const int kept_octaves = log2_of(count_) + kTargetBits * kOne - log2_of(kept);
  if (kept_octaves <= 0) return 0;

  const Wide variance = Wide{count_} * square_sum_ - Wide{sum_} * sum_;  // times count^2
  int variance_octaves = -4 * kOne;
  if (variance != 0) {
    variance_octaves = log2_of(variance) - 2 * log2_of(count_) - 2 * kLaneLogBits * kOne;
  }
  // The table's steps are half an octave.
  constexpr int kStep = kOne / 2;
  const int t = std::min(kept_octaves, static_cast<int>(kThresholdTable.size() - 1) * kStep - 1);
  const int w = std::clamp(variance_octaves + 4 * kOne, 0,
                           static_cast<int>(kThresholdTable[0].size() - 1) * kStep - 1);
  const auto row = static_cast<std::size_t>(t / kStep);
  const auto column = static_cast<std::size_t>(w / kStep);
  const auto between = [](int a, int b, int fraction) { return a + ((b - a) * fraction >> 7); };
  const int low =
      between(kThresholdTable[row][column], kThresholdTable[row][column + 1], w % kStep);
  const int high =
      between(kThresholdTable[row + 1][column], kThresholdTable[row + 1][column + 1], w % kStep);

  const auto mean = static_cast<int>((sum_ << (kLogBits - kLaneLogBits)) / count_);
  const int threshold = mean + kLaneLogRest + between(low, high, t % kStep);
  if (threshold < kOne) return 0;  // below fp32's normals
  if (threshold >= 255 * kOne) return 0x7f7fffffu;
  const auto bits = static_cast<std::uint32_t>(threshold);
  const auto fraction = static_cast<std::uint32_t>(kExp2Table[bits % kOne >> 2]);
  return (bits >> kLogBits) << fp32::kFractionBits | fraction << (fp32::kFractionBits - 10);
}

}  // namespace gradpath
