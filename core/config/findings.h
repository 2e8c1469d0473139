// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evenkeel/core/config/units.h"
#include "evenkeel/core/config/validate.h"

// What the parts of the validation share.
namespace evenkeel::core {

// "pools[2]"
[[nodiscard]] inline std::string element(std::string_view list, std::size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

class Findings {
 public:
  // A name in use, and the key of its first owner.
  using Names = std::map<std::string, std::string>;

  void add(std::vector<std::string> keys, std::string message) {
    violations_.push_back({std::move(keys), std::move(message)});
  }

  // `first` must not be longer than `second`; both are keys of `path`.
  void check_order(const std::string& path, std::string_view first_key, Duration first,
                   std::string_view second_key, Duration second) {
    if (first <= second) return;
    add({path + "." + std::string(first_key), path + "." + std::string(second_key)},
        std::string(first_key) + " (" + format_duration(first) + ") must not be longer than " +
            std::string(second_key) + " (" + format_duration(second) + ")");
  }

  void check_unique(Names& names, const std::string& name, const std::string& path,
                    const std::string& key, std::string_view what) {
    if (name.empty()) return;  // missing, which is another fault
    const auto [first, is_new] = names.try_emplace(name, path);
    if (is_new) return;
    add({path + "." + key, path},
        std::string(what) + " \"" + name + "\" is already that of " + first->second);
  }

  [[nodiscard]] std::vector<Violation> take() { return std::move(violations_); }

 private:
  std::vector<Violation> violations_;
};

[[nodiscard]] inline bool is_hashing(Algorithm algorithm) {
  return algorithm == Algorithm::ring_hash || algorithm == Algorithm::maglev ||
         algorithm == Algorithm::rendezvous;
}

// The parts, each in a file of its own.
void check_pool(Findings& findings, const PoolPolicy& pool, const std::string& path);
void check_routes(Findings& findings, const Config& config);
void doubt_pool(Findings& findings, const Config& config, std::size_t pool);
void doubt_routes(Findings& findings, const Config& config);

// Whether `first` takes every request that `second` takes, as far as that can be told from the
// rules themselves: false when in doubt.
[[nodiscard]] bool covers(const RouteMatch& first, const RouteMatch& second);

}  // namespace evenkeel::core
