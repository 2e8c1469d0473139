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
  pool.backends = {{"127.0.0.1:9001", {"127.0.0.1", 9001}, 1},
                   {"127.0.0.1:9002", {"127.0.0.1", 9002}, 2}};
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
  EXPECT_EQ(config.routes[0].pool, PoolIndex{1});
  EXPECT_EQ(config.routes[0].match.hosts, (std::vector<std::string>{"api.example.com", "[::1]"}));
  EXPECT_EQ(config.routes[0].match.path_prefix, "/api");
  EXPECT_EQ(config.routes[0].match.methods, (MethodSet{Method::get, Method::post}));
  EXPECT_EQ(config.routes[0].timeout, 60s);
  EXPECT_EQ(config.routes[1].pool, PoolIndex{0});
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

TEST(ConfigLoader, PartsOfRetryMayBeOff) {
  const PoolPolicy pool = pool_with("  retry: {budget: off, backoff: off, hedge: off}\n");
  EXPECT_FALSE(pool.retry.budget.enabled);
  EXPECT_EQ(pool.retry.backoff.initial, 0s);
  EXPECT_EQ(pool.retry.max_attempts, 3U);
  EXPECT_FALSE(pool.retry.hedge.enabled);
}

TEST(ConfigLoader, P2cIsLeastRequestWithTwoChoices) {
  EXPECT_EQ(pool_with("  balance: {algorithm: p2c}\n").balance,
            (BalancePolicy{Algorithm::least_request, 2}));
  EXPECT_EQ(pool_with("  balance: {algorithm: p2c, choice_count: 2}\n").balance,
            (BalancePolicy{Algorithm::least_request, 2}));
  EXPECT_EQ(pool_with("  balance: {algorithm: least_request, choice_count: 5}\n").balance,
            (BalancePolicy{Algorithm::least_request, 5}));
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
