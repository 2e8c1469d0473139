// SPDX-License-Identifier: Apache-2.0
//
// What good files mean. Bad ones are in config_errors_test.cpp.
#include <gtest/gtest.h>

#include <string>

#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/validate.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

constexpr const char* kListeners = "listeners: [{address: 0.0.0.0:8080}]\n";
constexpr const char* kPools = "pools:\n- name: main\n  backends: [{url: http://10.0.0.1}]\n";

Config loaded(const std::string& text, const LoadOptions& options = {}) {
  auto config = load_config_text(text, "f.yaml", options);
  EXPECT_TRUE(config) << to_text(config.error());
  return config ? *config : Config{};
}

// The pool "main" with more lines in it.
PoolPolicy pool_with(const std::string& lines) {
  const Config config = loaded(std::string(kListeners) + kPools + lines);
  return config.pools.empty() ? PoolPolicy{} : config.pools[0];
}

TEST(ConfigLoader, SmallestFileHasEveryDefault) {
  const Config config = loaded(
      "listeners: [{address: 0.0.0.0:8080}]\n"
      "pools:\n"
      "  - name: main\n"
      "    backends: [{url: http://127.0.0.1:9001}, {url: http://127.0.0.1:9002, weight: 2}]\n");
  Config expected;
  ListenerPolicy listener;
  listener.name = "0.0.0.0:8080";
  listener.address = {"0.0.0.0", 8080};
  expected.listeners = {listener};
  PoolPolicy pool;
  pool.name = "main";
  pool.backends.resize(2);
  pool.backends[0].id = "127.0.0.1:9001";
  pool.backends[0].endpoint = {"127.0.0.1", 9001};
  pool.backends[1].id = "127.0.0.1:9002";
  pool.backends[1].endpoint = {"127.0.0.1", 9002};
  pool.backends[1].weight = 2;
  expected.pools = {pool};
  RoutePolicy everything;
  everything.name = "default";
  expected.routes = {everything};
  EXPECT_EQ(config, expected);
}

TEST(ConfigLoader, BackendsWithoutIdAreCalledByHostAndPort) {
  const Config config = loaded(std::string(kListeners) +
                               "pools: [{name: p, backends: [{url: http://a}, {url: "
                               "'http://[::1]:8080/'}, {id: c, url: http://b:81}]}]\n");
  EXPECT_EQ(config.pools[0].backends[0].id, "a:80");
  EXPECT_EQ(config.pools[0].backends[1].id, "[::1]:8080");
  EXPECT_EQ(config.pools[0].backends[1].endpoint, (Endpoint{"::1", 8080}));
  EXPECT_EQ(config.pools[0].backends[2].id, "c");
}

TEST(ConfigLoader, RoutesFindTheirPoolWhereverItStands) {
  const Config config = loaded(
      "routes:\n"
      "- {name: api, match: {hosts: [API.example.com, '[::1]'], path_prefix: /api, methods: "
      "[GET, POST]}, split: [{pool: b}], timeout: 1m}\n"
      "- {name: rest, split: [{pool: a}]}\n" +
      std::string(kListeners) +
      "pools: [{name: a, backends: [{url: http://a}]}, {name: b, backends: [{url: http://b}]}]\n");
  ASSERT_EQ(config.routes.size(), 2U);
  EXPECT_EQ(config.routes[0].split.front().pool, PoolIndex{1});
  EXPECT_EQ(config.routes[0].match.hosts, (std::vector<std::string>{"api.example.com", "[::1]"}));
  EXPECT_EQ(config.routes[0].match.path_prefix, "/api");
  EXPECT_EQ(config.routes[0].match.methods, (MethodSet{Method::get, Method::post}));
  EXPECT_EQ(config.routes[0].timeout, 60s);
  EXPECT_EQ(config.routes[1].split.front().pool, PoolIndex{0});
  EXPECT_TRUE(config.routes[1].match.methods.empty());
}

TEST(ConfigLoader, AnyPolicyMayBeOff) {
  const PoolPolicy pool = pool_with(
      "  health_check: off\n  outlier_detection: off\n  circuit_breaker: off\n  retry: off\n");
  EXPECT_EQ(pool.health_check.type, CheckType::off);
  EXPECT_FALSE(pool.outlier_detection.enabled);
  EXPECT_FALSE(pool.circuit_breaker.enabled);
  EXPECT_EQ(pool.retry.max_attempts, 1U);
  EXPECT_FALSE(pool.retry.hedge.enabled);
}

TEST(ConfigLoader, OffSaysThatNothingIsLimitedKeptOrComparedAnyMore) {
  const PoolPolicy pool = pool_with(
      "  balance: {slow_start: off}\n  limits: off\n  adaptive_concurrency: off\n"
      "  session: off\n"
      "  outlier_detection: {success_rate: off, failure_percentage: off, latency: off, sinkhole: "
      "off}\n");
  EXPECT_EQ(pool.balance.slow_start.window, 0s);
  EXPECT_EQ(pool.limits.max_connections, 0U);
  EXPECT_EQ(pool.limits.max_requests, 0U);
  EXPECT_EQ(pool.limits.max_pending, 0U);
  EXPECT_EQ(pool.limits.pool, PoolLimits{});
  EXPECT_FALSE(pool.adaptive_concurrency.enabled);
  EXPECT_EQ(pool.session.mode, SessionMode::none);
  EXPECT_TRUE(pool.outlier_detection.enabled);
  EXPECT_EQ(pool.outlier_detection.success_rate.method, SuccessRateMethod::off);
  EXPECT_EQ(pool.outlier_detection.failure_percentage.threshold, 0U);
  EXPECT_EQ(pool.outlier_detection.latency.factor, Decimal{0});
  EXPECT_EQ(pool.outlier_detection.sinkhole_factor, Decimal{0});
}

TEST(ConfigLoader, PartsOfARouteMayBeOff) {
  const Config config = loaded(
      std::string(kListeners) + kPools +
      "routes: [{name: r, split: [{pool: main}], mirror: off, rate_limit: off}]\noverload: off\n");
  EXPECT_EQ(config.routes[0].mirror, MirrorPolicy{});
  EXPECT_EQ(config.routes[0].rate_limit, RateLimitPolicy{});
  EXPECT_TRUE(config.overload.actions.empty());
}

// Shares, factors and biases are exact: 1.1 is 1100 thousandths, not the nearest binary fraction.
TEST(ConfigLoader, DecimalsAreExact) {
  const BalancePolicy balance =
      pool_with("  balance: {overprovisioning_factor: 1.1, active_request_bias: 0.001}\n").balance;
  EXPECT_EQ(balance.overprovisioning_factor, Decimal{1100});
  EXPECT_EQ(balance.active_request_bias, Decimal{1});
  EXPECT_EQ(pool_with("  balance: {active_request_bias: 2}\n").balance.active_request_bias,
            Decimal{2000});
  EXPECT_EQ(pool_with("  balance: {active_request_bias: 1.50}\n").balance.active_request_bias,
            Decimal{1500});
}

TEST(ConfigLoader, RoutesSaySidesMirrorsLimitsAndMatches) {
  const Config config = loaded(std::string(kListeners) + R"(
zone: eu-1
pools: [{name: main, backends: [{url: http://a}]}, {name: canary, backends: [{url: http://b}]}]
regions: {header: X-Region, clients: {eu: [10.0.0.0/8, 2001:db8::/32], us: [192.0.2.7]}}
routes:
- name: api
  match:
    hosts: ['*.Example.com']
    path_regex: /api/v[0-9]+/.*
    headers: {X-Tenant: blue, X-Beta: ''}
    query: {Page: '1'}
    clients: [10.0.0.0/8, ::1]
    regions: [eu]
  split: [{pool: main, weight: 95}, {pool: canary, weight: 5, sticky_by: cookie, sticky_name: Uid}]
  mirror: {pool: canary, percent: 10}
  priority: 3
  rate_limit: {requests_per_second: 2.5, burst: 10, key: header, name: X-Key}
)");
  EXPECT_EQ(config.zone, "eu-1");
  const RoutePolicy& route = config.routes[0];
  EXPECT_EQ(route.match.hosts, (std::vector<std::string>{"*.example.com"}));
  EXPECT_EQ(route.match.path_regex, "/api/v[0-9]+/.*");
  EXPECT_EQ(route.match.headers, (std::vector<FieldMatch>{{"x-tenant", "blue"}, {"x-beta", ""}}));
  EXPECT_EQ(route.match.query, (std::vector<FieldMatch>{{"Page", "1"}}));
  AddressRange ten{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 0}, 104};
  AddressRange loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
  EXPECT_EQ(route.match.clients, (std::vector<AddressRange>{ten, loopback}));
  EXPECT_EQ(route.match.regions, (std::vector<std::string>{"eu"}));
  ASSERT_EQ(route.split.size(), 2U);
  EXPECT_EQ(route.split[0], (SplitPolicy{PoolIndex{0}, 95, {}, ""}));
  EXPECT_EQ(route.split[1], (SplitPolicy{PoolIndex{1}, 5, ClientKey::cookie, "Uid"}));
  EXPECT_EQ(route.mirror, (MirrorPolicy{PoolIndex{1}, 10}));
  EXPECT_EQ(route.priority, 3U);
  EXPECT_EQ(route.rate_limit,
            (RateLimitPolicy{Decimal{2500}, 10, ClientKey::header, "X-Key", false}));
  EXPECT_EQ(config.regions.header, "x-region");
  ASSERT_EQ(config.regions.clients.size(), 3U);
  EXPECT_EQ(config.regions.clients[0], (RegionRange{ten, "eu"}));
  EXPECT_EQ(config.regions.clients[2].region, "us");
  EXPECT_EQ(config.regions.clients[2].range.prefix_bits, 128);
}

TEST(ConfigLoader, StickyByClientIdIsTheClientIdHeader) {
  const std::string pools =
      "pools: [{name: a, backends: [{url: http://a}]}, {name: b, backends: [{url: http://b}]}]\n";
  const auto side = [&pools](const std::string& sticky) {
    return loaded(std::string(kListeners) + pools +
                  "routes: [{name: r, split: [{pool: a}, {pool: b, " + sticky + "}]}]\n")
        .routes[0]
        .split[1];
  };
  EXPECT_EQ(side("sticky_by: client_id"),
            (SplitPolicy{PoolIndex{1}, 1, ClientKey::header, "X-Client-Id"}));
  EXPECT_EQ(side("sticky_by: client_id, sticky_name: X-User"),
            (SplitPolicy{PoolIndex{1}, 1, ClientKey::header, "X-User"}));
  EXPECT_EQ(side("sticky_by: none"), (SplitPolicy{PoolIndex{1}, 1, {}, ""}));
}

// GoBalance's production file did not match what its program read (its defect 9): here a key that
// nobody reads is an error, and this file's values are those that count.
TEST(ConfigLoader, TheSeedsValuesAreAFileThatLoads_GoBalanceDefect9) {
  const std::string path = std::string(EVENKEEL_SOURCE_DIR) + "/configs/seed-compatible.yaml";
  const auto config = load_config_file(path);
  ASSERT_TRUE(config) << to_text(config.error());
  for (const PoolPolicy& pool : config->pools) {
    EXPECT_EQ(pool.circuit_breaker.window, 10s);
    EXPECT_EQ(pool.circuit_breaker.failure_count, 5U);
    EXPECT_EQ(pool.circuit_breaker.failure_rate_threshold, 0U);
    EXPECT_EQ(pool.circuit_breaker.open_duration, 30s);
    EXPECT_EQ(pool.circuit_breaker.half_open_successes, 2U);
    EXPECT_EQ(pool.health_check.interval, 10s);
    EXPECT_EQ(pool.health_check.timeout, 5s);
    EXPECT_EQ(pool.health_check.unhealthy_threshold, 3U);
    EXPECT_EQ(pool.health_check.healthy_threshold, 2U);
    EXPECT_EQ(pool.retry.budget.percent, 10U);
    EXPECT_EQ(pool.retry.max_attempts, 3U);
  }
  EXPECT_EQ(config->routes[0].match.path_prefix, "/lb");
  EXPECT_EQ(config->routes[0].split[0].weight, 95U);
  EXPECT_EQ(config->routes[0].split[1].weight, 5U);
  EXPECT_TRUE(config->routes[0].split[1].sticky_by);
  EXPECT_GT(config->routes[0].rate_limit.requests_per_second, Decimal{0});
  EXPECT_EQ(config->pools[0].balance.algorithm, Algorithm::round_robin);
  EXPECT_EQ(config->pools[1].balance.algorithm, Algorithm::weighted_round_robin);
  EXPECT_EQ(config->pools[1].session.mode, SessionMode::cookie);
}

// A pool may name one that stands below it.
TEST(ConfigLoader, FallbackPoolsFindTheirPoolWhereverItStands) {
  const Config config = loaded(
      std::string(kListeners) +
      "pools: [{name: a, backends: [{url: http://a}], circuit_breaker: {fallback_pool: b}}, {name: "
      "b, backends: [{url: http://b}]}]\n"
      "routes: [{name: r, split: [{pool: a}]}]\n");
  EXPECT_EQ(config.pools[0].circuit_breaker.fallback_pool, PoolIndex{1});
  EXPECT_FALSE(config.pools[1].circuit_breaker.fallback_pool);
}

TEST(ConfigLoader, PartsOfRetryMayBeOff) {
  const PoolPolicy pool = pool_with("  retry: {budget: off, backoff: off, hedge: off}\n");
  EXPECT_FALSE(pool.retry.budget.enabled);
  EXPECT_EQ(pool.retry.backoff.initial, 0s);
  EXPECT_EQ(pool.retry.max_attempts, 3U);
  EXPECT_FALSE(pool.retry.hedge.enabled);
}

TEST(ConfigLoader, P2cIsLeastRequestWithTwoChoices) {
  const auto balance = [](std::uint32_t choice_count) {
    BalancePolicy policy;
    policy.choice_count = choice_count;
    return policy;
  };
  EXPECT_EQ(pool_with("  balance: {algorithm: p2c}\n").balance, balance(2));
  EXPECT_EQ(pool_with("  balance: {algorithm: p2c, choice_count: 2}\n").balance, balance(2));
  EXPECT_EQ(pool_with("  balance: {algorithm: least_request, choice_count: 5}\n").balance,
            balance(5));
}

TEST(ConfigLoader, StatusesAreNumbersTextsOrRanges) {
  const PoolPolicy pool = pool_with(
      "  health_check: {expected_statuses: [204, \"301\", \"400-499\"]}\n"
      "  retry: {on: [attempt_timeout, 500, \"503\", 500]}\n");
  EXPECT_EQ(pool.health_check.expected_statuses,
            (std::vector<StatusRange>{{204, 204}, {301, 301}, {400, 499}}));
  EXPECT_EQ(pool.retry.on, (RetryConditions{false, false, true, {500, 503}}));
}

TEST(ConfigLoader, TlsIsItsCertificates) {
  const std::string tls = "tls: {certificates: [{cert_file: c.pem, key_file: k.pem}]}";
  const Config config = loaded("listeners: [{address: '[::]:8443', " + tls +
                               "}, {address: 0.0.0.0:80, tls: off}]\n" + kPools);
  ASSERT_EQ(config.listeners[0].certificates.size(), 1U);
  EXPECT_EQ(config.listeners[0].certificates[0], (CertificatePolicy{"c.pem", "k.pem"}));
  EXPECT_EQ(config.listeners[0].address, (Endpoint{"::", 8443}));
  EXPECT_TRUE(config.listeners[1].certificates.empty());
}

TEST(ConfigLoader, SimulationsNeedNoListener) {
  EXPECT_TRUE(loaded(kPools, {false}).listeners.empty());
  EXPECT_TRUE(loaded(std::string("listeners: []\n") + kPools, {false}).listeners.empty());
  EXPECT_FALSE(load_config_text(kPools, "f.yaml"));
}

TEST(ConfigLoader, SeveralListenersMayLeaveThePortToTheSystem) {
  const Config config =
      loaded(std::string("listeners: [{name: a, address: 127.0.0.1:0}, {name: b, address: "
                         "127.0.0.1:0}]\n") +
             kPools);
  EXPECT_EQ(config.listeners.size(), 2U);
}

TEST(ConfigLoader, ErrorsAfterAnIncludeAndAnOverridePointAtTheirOwnFile) {
  auto base = parse_document(std::string(kPools) + "  retry: {max_attempts: 99}\n", "base.yaml");
  const auto scenario = parse_document("x:\n  pools.main.retry.buffer_limit: 1KB\n", "s.yaml");
  ASSERT_TRUE(base && scenario);
  ErrorSink errors;
  apply_overrides(*base, *scenario->find("x"), "proxy.set", errors);
  const auto config = load_config_node(*base, {false}, "proxy");
  ASSERT_FALSE(config);
  EXPECT_EQ(to_text(config.error()),
            "base.yaml:4:25: proxy.pools[0].retry.max_attempts: expected a whole number from 1 to "
            "8, found \"99\"\n"
            "s.yaml:2:34: proxy.pools[0].retry.buffer_limit: expected a size from 0 to 16MiB such "
            "as 64KiB, 1MiB or plain bytes, found \"1KB\"\n");
}

// The bounds that keep a hostile file small do not hold for what was built by hand, or merged.
TEST(ConfigLoader, HandMadeConfigsMayBeAsLargeAsTheBoundsOfTheirLists) {
  Config config = loaded(std::string(kListeners) + kPools);
  config.pools[0].backends.resize(10'000, config.pools[0].backends[0]);
  for (std::size_t i = 0; i < config.pools[0].backends.size(); ++i) {
    config.pools[0].backends[i].id = "backend-" + std::to_string(i);
  }
  EXPECT_TRUE(validate(config).empty()) << to_text(validate(config));
  config.pools[0].backends.push_back(config.pools[0].backends[0]);
  ASSERT_EQ(validate(config).size(), 1U);
  EXPECT_EQ(validate(config)[0].key, "pools[0].backends");
}

TEST(ConfigLoader, HandMadeConfigsAreHeldToTheSameRules) {
  Config config = loaded(std::string(kListeners) + kPools);
  EXPECT_TRUE(validate(config).empty()) << to_text(validate(config));
  config.pools[0].retry.max_attempts = 99;
  config.pools[0].health_check.timeout = 20s;
  config.workers = 4;
  const ConfigErrors errors = validate(config);
  ASSERT_EQ(errors.size(), 4U) << to_text(errors);  // the timeout exceeds both intervals
  EXPECT_EQ(errors[0].key, "pools[0].health_check.timeout");
  EXPECT_EQ(errors[2].key, "pools[0].retry.max_attempts");
  EXPECT_EQ(errors[3].key, "workers");
  config.routes.clear();
  EXPECT_EQ(validate(config).back().key, "routes");
}

}  // namespace
}  // namespace evenkeel::core
