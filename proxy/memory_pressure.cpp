// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/memory_pressure.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

namespace evenkeel::proxy {
namespace {

constexpr std::string_view kCgroupRoot = "/sys/fs/cgroup";

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc{}) return std::nullopt;
  return value;
}

// Of version 2 the line "0::/path"; a limit of any group above it holds as well.
std::uint64_t cgroup_limit() {
  constexpr std::string_view kUnified = "0::";
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  const auto apply = [&limit](const std::string& path) {
    if (const auto found = memory_limit(read_all(path))) limit = std::min(limit, *found);
  };
  std::istringstream groups(read_all("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with(kUnified)) continue;
    std::string group = line.substr(kUnified.size());
    for (;;) {
      while (!group.empty() && group.back() == '/') group.pop_back();
      apply(std::string(kCgroupRoot) + group + "/memory.max");
      if (group.empty()) break;
      group.resize(std::min(group.rfind('/'), group.size()));
    }
  }
  apply(std::string(kCgroupRoot) + "/memory/memory.limit_in_bytes");  // version 1, in a container
  return limit;
}

std::uint64_t page_size() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

std::optional<std::uint64_t> resident_pages(std::string_view statm) {
  const std::size_t blank = statm.find(' ');
  return blank == std::string_view::npos ? std::nullopt : number(statm.substr(blank + 1));
}

std::optional<std::uint64_t> memory_limit(std::string_view text) {
  const auto limit = number(text);
  return limit == std::uint64_t{0} ? std::nullopt : limit;
}

std::uint32_t memory_pressure(std::uint64_t resident, std::uint64_t limit, std::uint32_t percent) {
  __extension__ using Wide = unsigned __int128;
  const Wide allowed = static_cast<Wide>(limit) * percent;
  if (allowed == 0) return 0;
  const Wide thousandths = static_cast<Wide>(resident) * 100'000 / allowed;
  return static_cast<std::uint32_t>(
      std::min<Wide>(thousandths, std::numeric_limits<std::uint32_t>::max()));
}

MemoryGauge::MemoryGauge(std::uint32_t max_percent)
    : max_percent_(max_percent),
      limit_(std::min(cgroup_limit(),
                      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size())) {}

std::uint32_t MemoryGauge::read() const {
  const auto pages = resident_pages(read_all("/proc/self/statm"));
  return pages ? memory_pressure(*pages * page_size(), limit_, max_percent_) : 0;
}

}  // namespace evenkeel::proxy
