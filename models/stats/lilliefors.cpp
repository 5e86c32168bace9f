#include "models/stats/lilliefors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace gradpath {
namespace {

constexpr std::array<double, 19> kProbabilities = {0.99, 0.95,  0.9,   0.8,   0.7,   0.6,  0.5,
                                                   0.4,  0.3,   0.2,   0.15,  0.1,   0.05, 0.025,
                                                   0.01, 0.005, 0.002, 0.001, 0.0005};
constexpr std::array<double, 5> kSizes = {10, 30, 100, 1000, 10000};

// Values that D sqrt(n) exceeds with those probabilities, a row a size; laws as in TestedLaw. Made
// by scripts/lilliefors.py (200,000 draws; of 10,000 values 60,000 draws). Stephens' published 10,
// 5 and 1 % points of the normal (.819 .895 1.035, for any n) lie within 1.5 % of the last rows.
using Row = std::array<double, kProbabilities.size()>;
using Family = std::array<Row, kSizes.size()>;
constexpr std::array<Family, 4> kTable = {{
    // normal
    {{{0.3413, 0.3913, 0.4233, 0.4680, 0.5043, 0.5377, 0.5712, 0.6065, 0.6475, 0.6981, 0.7315,
       0.7741, 0.8412, 0.9014, 0.9722, 1.0203, 1.0791, 1.1193, 1.1633},
      {0.3513, 0.4041, 0.4371, 0.4827, 0.5195, 0.5540, 0.5888, 0.6265, 0.6686, 0.7221, 0.7562,
       0.8021, 0.8743, 0.9410, 1.0186, 1.0752, 1.1396, 1.1873, 1.2404},
      {0.3632, 0.4161, 0.4494, 0.4954, 0.5327, 0.5674, 0.6026, 0.6402, 0.6833, 0.7370, 0.7722,
       0.8185, 0.8907, 0.9574, 1.0377, 1.0938, 1.1699, 1.2168, 1.2670},
      {0.3713, 0.4253, 0.4588, 0.5053, 0.5429, 0.5777, 0.6128, 0.6507, 0.6942, 0.7484, 0.7838,
       0.8303, 0.9027, 0.9696, 1.0531, 1.1116, 1.1865, 1.2383, 1.2953},
      {0.3752, 0.4283, 0.4616, 0.5080, 0.5462, 0.5811, 0.6171, 0.6544, 0.6977, 0.7522, 0.7872,
       0.8343, 0.9079, 0.9725, 1.0545, 1.1118, 1.1843, 1.2315, 1.3020}}},
    // laplace
    {{{0.3267, 0.3774, 0.4093, 0.4516, 0.4851, 0.5160, 0.5476, 0.5814, 0.6206, 0.6708, 0.7022,
       0.7439, 0.8092, 0.8691, 0.9400, 0.9909, 1.0603, 1.1114, 1.1563},
      {0.3511, 0.4043, 0.4381, 0.4845, 0.5227, 0.5584, 0.5938, 0.6321, 0.6762, 0.7315, 0.7668,
       0.8135, 0.8857, 0.9531, 1.0324, 1.0897, 1.1602, 1.2054, 1.2505},
      {0.3648, 0.4202, 0.4543, 0.5022, 0.5407, 0.5775, 0.6140, 0.6534, 0.6988, 0.7565, 0.7940,
       0.8422, 0.9170, 0.9864, 1.0680, 1.1272, 1.2045, 1.2571, 1.2984},
      {0.3761, 0.4316, 0.4669, 0.5146, 0.5533, 0.5899, 0.6265, 0.6664, 0.7126, 0.7704, 0.8077,
       0.8576, 0.9333, 1.0050, 1.0895, 1.1473, 1.2217, 1.2791, 1.3296},
      {0.3793, 0.4352, 0.4703, 0.5182, 0.5571, 0.5929, 0.6303, 0.6701, 0.7159, 0.7753, 0.8129,
       0.8622, 0.9403, 1.0087, 1.0946, 1.1493, 1.2247, 1.2760, 1.3332}}},
    // halfnormal
    {{{0.3743, 0.4391, 0.4818, 0.5405, 0.5889, 0.6359, 0.6847, 0.7370, 0.7985, 0.8750, 0.9255,
       0.9927, 1.0935, 1.1836, 1.2897, 1.3630, 1.4553, 1.5156, 1.5703},
      {0.3861, 0.4520, 0.4950, 0.5553, 0.6060, 0.6542, 0.7033, 0.7565, 0.8190, 0.8980, 0.9497,
       1.0179, 1.1231, 1.2190, 1.3374, 1.4160, 1.5087, 1.5664, 1.6334},
      {0.3967, 0.4646, 0.5072, 0.5678, 0.6181, 0.6664, 0.7153, 0.7697, 0.8327, 0.9125, 0.9641,
       1.0330, 1.1426, 1.2417, 1.3641, 1.4432, 1.5486, 1.6220, 1.6924},
      {0.4074, 0.4741, 0.5174, 0.5779, 0.6278, 0.6768, 0.7260, 0.7802, 0.8428, 0.9239, 0.9768,
       1.0460, 1.1551, 1.2544, 1.3749, 1.4588, 1.5641, 1.6369, 1.7101},
      {0.4095, 0.4771, 0.5197, 0.5811, 0.6321, 0.6803, 0.7300, 0.7841, 0.8465, 0.9256, 0.9799,
       1.0496, 1.1566, 1.2559, 1.3696, 1.4531, 1.5596, 1.6508, 1.7149}}},
    // exponential
    {{{0.3665, 0.4297, 0.4705, 0.5264, 0.5717, 0.6143, 0.6589, 0.7064, 0.7618, 0.8312, 0.8761,
       0.9351, 1.0275, 1.1088, 1.2050, 1.2706, 1.3496, 1.4081, 1.4699},
      {0.3819, 0.4442, 0.4851, 0.5419, 0.5885, 0.6327, 0.6773, 0.7261, 0.7825, 0.8539, 0.9005,
       0.9614, 1.0566, 1.1458, 1.2518, 1.3239, 1.4190, 1.4813, 1.5451},
      {0.3915, 0.4557, 0.4962, 0.5537, 0.6009, 0.6454, 0.6909, 0.7400, 0.7970, 0.8695, 0.9170,
       0.9793, 1.0760, 1.1665, 1.2756, 1.3539, 1.4570, 1.5155, 1.5785},
      {0.4015, 0.4650, 0.5060, 0.5633, 0.6102, 0.6549, 0.6998, 0.7497, 0.8065, 0.8786, 0.9262,
       0.9884, 1.0866, 1.1756, 1.2856, 1.3613, 1.4603, 1.5252, 1.5818},
      {0.4040, 0.4687, 0.5101, 0.5662, 0.6146, 0.6596, 0.7048, 0.7541, 0.8118, 0.8834, 0.9307,
       0.9907, 1.0886, 1.1758, 1.2840, 1.3615, 1.4598, 1.5179, 1.5879}}},
}};

/// The table's row at n: linear in 1/sqrt(n) between sizes, and on to infinity.
Row quantiles_at(const Family& family, double n) {
  std::size_t upper = 1;
  while (upper + 1 < kSizes.size() && kSizes[upper] < n) ++upper;
  const auto place = [](double size) { return 1.0 / std::sqrt(size); };
  const double share =
      (place(n) - place(kSizes[upper - 1])) / (place(kSizes[upper]) - place(kSizes[upper - 1]));
  Row row{};
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = family[upper - 1][i] + share * (family[upper][i] - family[upper - 1][i]);
  }
  return row;
}

}  // namespace

double lilliefors_p_value(TestedLaw law, double distance, double n) {
  if (!(n >= kSizes.front()) || std::isnan(distance)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const Row row = quantiles_at(kTable[static_cast<std::size_t>(law)], n);
  const double k = distance * std::sqrt(n);
  if (k <= row.front()) return 1.0 - (1.0 - kProbabilities.front()) * k / row.front();
  const std::size_t last = row.size() - 1;
  if (k > row[last]) {
    // ln p is nearly linear in k^2 there: its slope from the last decade of the table.
    const std::size_t before = last - 3;
    const double slope = std::log(kProbabilities[last] / kProbabilities[before]) /
                         (row[last] * row[last] - row[before] * row[before]);
    return kProbabilities[last] * std::exp(slope * (k * k - row[last] * row[last]));
  }
  const auto upper = static_cast<std::size_t>(std::ranges::lower_bound(row, k) - row.begin());
  const double share = (k - row[upper - 1]) / (row[upper] - row[upper - 1]);
  return kProbabilities[upper - 1] *
         std::pow(kProbabilities[upper] / kProbabilities[upper - 1], share);
}

}  // namespace gradpath
