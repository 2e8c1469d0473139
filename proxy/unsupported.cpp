// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/unsupported.h"

#include <cstddef>
#include <string_view>
#include <utility>

#include "evenkeel/core/config/document.h"
#include "evenkeel/core/config/loader.h"

namespace evenkeel::proxy {
namespace {

std::string element(std::string_view list, std::size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

core::Violation not_yet(std::string key, std::string_view what) {
  return {{std::move(key)}, "not available yet in the proxy: " + std::string(what)};
}

}  // namespace

std::vector<core::Violation> find_unsupported(const core::Config& config) {
  std::vector<core::Violation> found;
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const core::PoolPolicy& pool = config.pools[i];
    const std::string path = element("pools", i);
    if (pool.session.mode != core::SessionMode::none &&
        pool.session.store == core::SessionStoreKind::redis) {
      found.push_back(not_yet(path + ".session.store", "use store: memory"));
    }
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const core::RoutePolicy& route = config.routes[i];
    const std::string path = element("routes", i);
    if (route.mirror.pool && route.mirror.percent > 0) {
      found.push_back(not_yet(path + ".mirror", "requests are not copied"));
    }
    if (route.rate_limit.shared && route.rate_limit.requests_per_second > core::Decimal{}) {
      found.push_back(not_yet(path + ".rate_limit.store", "use store: local"));
    }
  }
  if (!config.regions.header.empty()) {
    found.push_back(not_yet("regions.header",
                            "no peer is trusted to say where a client is; use regions.clients"));
  }
  return found;
}

core::Result<core::Config, core::ConfigErrors> load_supported_config(const std::string& path,
                                                                     core::ConfigErrors& warnings) {
  auto document = core::read_document(path);
  if (!document) return core::Unexpected{std::move(document.error())};
  auto config = core::load_config_node(*document, {.warnings = &warnings});
  if (!config) return config;
  core::ErrorSink errors;
  for (const core::Violation& violation : find_unsupported(*config)) {
    const std::string& key = violation.keys.front();
    errors.add(core::locate(*document, key).where, key, violation.message);
  }
  if (!errors.empty()) return core::Unexpected{errors.take()};
  return config;
}

}  // namespace evenkeel::proxy
