// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>

#include "evenkeel/proxy/admin.h"

namespace evenkeel::proxy {
namespace {

namespace json = boost::json;

constexpr const char* kJson = "application/json";
constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

json::string_view view_of(std::string_view text) { return {text.data(), text.size()}; }

json::object describe(const MetricsView& view, core::BackendRef ref) {
  const core::PoolPolicy& pool = view.config.pools[core::index(ref.pool)];
  const core::BackendPolicy& backend = pool.backends[core::index(ref.backend)];
  const core::PoolHome& home = view.balancer.home(ref.pool);
  return {{"pool", pool.name},
          {"backend", backend.id},
          {"address", net::to_text(backend.endpoint)},
          {"weight", backend.weight},
          {"standing", view_of(core::to_text(home.standing(ref.backend)))},
          {"admin", view_of(core::to_text(home.admin(ref.backend)))},
          {"health", view_of(core::to_text(home.health(ref.backend)))},
          {"ejected", home.ejected(ref.backend)},
          {"breaker", view_of(core::to_text(home.breaker(ref.backend)))},
          {"eligible", home.eligible(ref.backend)},
          {"active_requests", view.balancer.pool(ref.pool).load(ref.backend).in_flight}};
}

std::int64_t configured_backends(const core::PoolPolicy& pool) {
  return std::count_if(pool.backends.begin(), pool.backends.end(),
                       [](const core::BackendPolicy& backend) { return !backend.removed; });
}

}  // namespace

AdminResponse AdminApi::answer(std::string_view method, std::string_view target) const {
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  const bool known = path == "/livez" || path == "/readyz" || path == "/health" ||
                     path == "/metrics" || path == "/prometheus" || path == "/admin/v1/backends";
  if (!known) return {404, "text/plain; charset=utf-8", "no such page\n"};
  if (method != "GET" && method != "HEAD") {
    return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  }
  if (path == "/livez") return {200, "text/plain; charset=utf-8", "alive\n"};
  if (path == "/readyz") {
    const bool ready = ready_();
    return {ready ? 200U : 503U, "text/plain; charset=utf-8", ready ? "ready\n" : "draining\n"};
  }
  if (path == "/health") return health(query == "strict=1");
  if (path == "/admin/v1/backends") return backends();
  return {200, kPrometheus, metrics_text(view_())};
}

AdminResponse AdminApi::health(bool strict) const {
  const MetricsView view = view_();
  json::array pools;
  bool all_served = true;
  for (std::size_t p = 0; p < view.config.pools.size(); ++p) {
    if (view.config.pools[p].removed) continue;
    const core::Pool& pool = view.balancer.pool(core::PoolIndex(p));
    all_served = all_served && pool.eligible_count() > 0;
    pools.push_back({{"pool", view.config.pools[p].name},
                     {"backends", configured_backends(view.config.pools[p])},
                     {"eligible", pool.eligible_count()},
                     {"panic", pool.panic()}});
  }
  const json::object body = {{"status", all_served ? "healthy" : "unhealthy"},
                             {"ready", ready_()},
                             {"pools", std::move(pools)}};
  return {strict && !all_served ? 503U : 200U, kJson, json::serialize(body) + "\n"};
}

AdminResponse AdminApi::backends() const {
  const MetricsView view = view_();
  json::array all;
  for (std::size_t p = 0; p < view.config.pools.size(); ++p) {
    for (std::size_t b = 0; b < view.config.pools[p].backends.size(); ++b) {
      if (view.config.pools[p].backends[b].removed) continue;
      all.push_back(describe(view, {core::PoolIndex(p), core::BackendIndex(b)}));
    }
  }
  return {200, kJson, json::serialize(json::object{{"backends", std::move(all)}}) + "\n"};
}

}  // namespace evenkeel::proxy
