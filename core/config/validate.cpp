// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/validate.h"

#include <optional>
#include <string_view>
#include <utility>

#include "address.h"
#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/writer.h"
#include "findings.h"

namespace evenkeel::core {
namespace {

void check_listeners(Findings& findings, const Config& config) {
  Findings::Names names;
  Findings::Names addresses{{to_text(config.admin.address), "admin"}};
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerPolicy& listener = config.listeners[i];
    const std::string path = element("listeners", i);
    findings.check_unique(names, listener.name, path, "name", "the name");
    if (listener.address.port != 0 && !listener.address.host.empty()) {
      findings.check_unique(addresses, to_text(listener.address), path, "address", "the address");
    }
    if (listener.limits.max_uri_bytes > listener.limits.max_header_bytes) {
      findings.add({path + ".limits.max_uri_bytes", path + ".limits.max_header_bytes"},
                   "max_uri_bytes (" + format_size(listener.limits.max_uri_bytes) +
                       ") must not be larger than max_header_bytes (" +
                       format_size(listener.limits.max_header_bytes) + "), which contain it");
    }
  }
}

std::optional<std::size_t> fallback_of(const Config& config, std::size_t pool) {
  const auto& policy = config.pools[pool].circuit_breaker;
  if (!policy.enabled || !policy.fallback_pool) return std::nullopt;
  const std::size_t next = index(*policy.fallback_pool);
  if (next >= config.pools.size()) return std::nullopt;
  return next;
}

// Requests must not be passed on in a circle. Each circle is reported at its first pool.
void check_fallbacks(Findings& findings, const Config& config) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    std::string way = config.pools[i].name;
    auto next = fallback_of(config, i);
    for (std::size_t steps = 0; next && *next > i && steps < config.pools.size(); ++steps) {
      way += " > " + config.pools[*next].name;
      next = fallback_of(config, *next);
    }
    if (next != i) continue;
    findings.add({element("pools", i) + ".circuit_breaker.fallback_pool"},
                 way == config.pools[i].name
                     ? "a pool cannot be its own fallback"
                     : "fallbacks must not lead back: " + way + " > " + config.pools[i].name);
  }
}

void check_stores(Findings& findings, const Config& config) {
  if (!config.redis.url.empty()) return;
  const std::string needed = "store: redis needs a server: set redis.url";
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const SessionPolicy& session = config.pools[i].session;
    const bool used = session.mode != SessionMode::none && session.store == SessionStoreKind::redis;
    if (used) findings.add({element("pools", i) + ".session.store"}, needed);
  }
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const RateLimitPolicy& limit = config.routes[i].rate_limit;
    const bool used = limit.shared && limit.requests_per_second > Decimal{0};
    if (used) findings.add({element("routes", i) + ".rate_limit.store"}, needed);
  }
}

}  // namespace

std::vector<Violation> find_contradictions(const Config& config) {
  Findings findings;
  check_listeners(findings, config);
  Findings::Names names;
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    findings.check_unique(names, config.pools[i].name, element("pools", i), "name", "the name");
    check_pool(findings, config.pools[i], element("pools", i));
  }
  check_fallbacks(findings, config);
  check_routes(findings, config);
  check_stores(findings, config);
  if (config.workers != 1) {
    findings.add({"workers"}, "more than one worker is not available yet: use 1");
  }
  return findings.take();
}

std::vector<Violation> find_doubts(const Config& config) {
  Findings findings;
  for (std::size_t i = 0; i < config.pools.size(); ++i) doubt_pool(findings, config, i);
  doubt_routes(findings, config);
  return findings.take();
}

ConfigErrors validate(const Config& config) {
  // What bounds a hostile file does not bound what was built by hand.
  const DocumentLimits all{64 * kMaxDocumentBytes, 64 * kMaxDocumentNodes};
  auto document = parse_document(write_config(config), "configuration", all);
  if (!document) return std::move(document.error());
  auto loaded = load_config_node(*document, {false});
  ConfigErrors errors = loaded ? ConfigErrors{} : std::move(loaded.error());
  if (config.routes.empty()) {
    errors.push_back({"configuration", 0, 0, "routes", "is required once defaults are applied"});
  }
  return errors;
}

}  // namespace evenkeel::core
