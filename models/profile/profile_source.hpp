#pragma once

#include <memory>

#include "models/profile/profile.hpp"
#include "models/stats/tensor_source.hpp"

namespace gradpath {

/// A profile's elements as a tensor, bucket by bucket: the tensor itself, in another order, if all
/// are bf16 values. Else ties stay where they are and the other elements of a bucket are spread
/// evenly about their mean, as wide as their Σl² says. So counts are exact, and the ECDF is at
/// every bucket's edges; inside a bucket elements move by less than its width, 2^-7 of their
/// magnitude.
[[nodiscard]] TensorSource profile_source(std::shared_ptr<const Profile> profile);

/// The largest share of the finite nonzeros whose place is not known: those of one bucket less its
/// ties. By so much an ECDF, and a KS distance at given parameters, may be off; 0 for bf16 values.
[[nodiscard]] double largest_unplaced_share(const Profile& profile);

}  // namespace gradpath
