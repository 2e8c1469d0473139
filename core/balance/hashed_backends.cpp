// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/balance/hashed_backends.h"

#include <algorithm>
#include <cstdint>

namespace evenkeel::core {

std::vector<BackendIndex> hashed_backends(std::span<const BackendPolicy> backends) {
  std::vector<BackendIndex> hashed;
  for (std::uint32_t i = 0; i < backends.size(); ++i) {
    if (backends[i].weight != 0 && !backends[i].removed) hashed.push_back(BackendIndex{i});
  }
  std::stable_sort(hashed.begin(), hashed.end(), [backends](BackendIndex a, BackendIndex b) {
    return backends[index(a)].id < backends[index(b)].id;
  });
  return hashed;
}

}  // namespace evenkeel::core
