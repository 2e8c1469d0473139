// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How much of the memory that this process may use it uses.
namespace evenkeel::proxy {

// The resident pages of "size resident shared …", as /proc/self/statm says it.
[[nodiscard]] std::optional<std::uint64_t> resident_pages(std::string_view statm);

// A cgroup's limit in bytes: "max" and anything unreadable are none.
[[nodiscard]] std::optional<std::uint64_t> memory_limit(std::string_view text);

// Thousandths of `percent` of `limit`; 0 without a limit. 1000 when all of it is used.
[[nodiscard]] std::uint32_t memory_pressure(std::uint64_t resident, std::uint64_t limit,
                                            std::uint32_t percent);

// Reads it from the system. The limit is the smallest of the process's cgroups, or the machine's
// memory; it is found once.
class MemoryGauge {
 public:
  explicit MemoryGauge(std::uint32_t max_percent);

  // Thousandths of what may be used; 0 when the system does not tell.
  [[nodiscard]] std::uint32_t read() const;

 private:
  std::uint32_t max_percent_;
  std::uint64_t limit_;
};

}  // namespace evenkeel::proxy
