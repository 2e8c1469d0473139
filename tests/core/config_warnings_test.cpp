// SPDX-License-Identifier: Apache-2.0
//
// What is valid but cannot have been meant, as a user reads it.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/validate.h"
#include "evenkeel/core/route/router.h"

namespace evenkeel::core {
namespace {

std::string warnings_of(const std::string& text) {
  ConfigErrors warnings;
  const auto config = load_config_text(text, "f", {false, &warnings});
  EXPECT_TRUE(config) << to_text(config.error());
  return to_text(warnings);
}

// The pool "main" with one more line in it, which is the second of the file.
std::string warnings_of_pool(const std::string& line) {
  return warnings_of("pools: [{name: main, backends: [{url: http://a}],\n" + line + "}]\n");
}

std::string warnings_of_routes(const std::string& routes) {
  return warnings_of("pools: [{name: main, backends: [{url: http://a}]}]\nroutes:\n" + routes);
}

// Two routes with these matches; whether the second is unreachable.
bool shadows(const std::string& first, const std::string& second) {
  const std::string warnings = warnings_of(
      "pools: [{name: main, backends: [{url: http://a}]}]\nregions: {header: r}\nroutes:\n- {name: "
      "one, split: [{pool: main}], match: {" +
      first + "}}\n- {name: two, split: [{pool: main}], match: {" + second + "}}\n");
  return !warnings.empty();
}

TEST(ConfigWarnings, AGoodFileHasNone) {
  EXPECT_EQ(warnings_of_pool("retry: {max_attempts: 2}"), "");
}

TEST(ConfigWarnings, AreForgottenWhenAFileIsRefused) {
  ConfigErrors warnings = {{"old", 1, 1, "", ""}};
  EXPECT_FALSE(load_config_text("pools: []\n", "f", {false, &warnings}));
  EXPECT_TRUE(warnings.empty());
}

TEST(ConfigWarnings, ARouteBehindOneThatTakesEverythingIsUnreachable) {
  EXPECT_EQ(
      warnings_of_routes("- {name: all, split: [{pool: main}]}\n"
                         "- {name: api, match: {path_prefix: /api}, split: [{pool: main}]}\n"),
      "f:4:3: routes[1]: no request reaches this route: routes[0] (all) takes all that it "
      "matches; put it above\n");
}

TEST(ConfigWarnings, EveryKindOfMatchMayCoverANarrowerOne) {
  EXPECT_TRUE(shadows("path_prefix: /a", "path_prefix: /a/b"));
  EXPECT_TRUE(shadows("path_prefix: /a", "path_prefix: /a/"));
  EXPECT_TRUE(shadows("path_prefix: /a", "path_prefix: /a, path_regex: '/a/x'"));
  EXPECT_TRUE(shadows("path_regex: '/a.*'", "path_regex: '/a.*', methods: [GET]"));
  EXPECT_TRUE(shadows("methods: [GET, HEAD]", "methods: [GET]"));
  EXPECT_TRUE(shadows("hosts: [a.x, '*.y']", "hosts: [b.y, '*.c.y', a.x]"));
  EXPECT_TRUE(shadows("headers: {a: ''}", "headers: {b: '1', a: '2'}"));
  EXPECT_TRUE(shadows("query: {a: '1'}", "query: {a: '1'}"));
  EXPECT_TRUE(shadows("clients: [10.0.0.0/8]", "clients: [10.1.0.0/16, 10.2.0.1]"));
  EXPECT_TRUE(shadows("regions: [eu, us]", "regions: [us]"));
}

TEST(ConfigWarnings, ARouteThatMayTakeSomethingIsNotCalledUnreachable) {
  EXPECT_FALSE(shadows("path_prefix: /a/", "path_prefix: /a"));
  EXPECT_FALSE(shadows("path_prefix: /a", "path_prefix: /ab"));
  EXPECT_FALSE(shadows("path_regex: '/a.*'", "path_regex: '/ab.*'"));
  EXPECT_FALSE(shadows("path_regex: '/.*'", "path_prefix: /a"));
  EXPECT_FALSE(shadows("methods: [GET]", "methods: [GET, HEAD]"));
  EXPECT_FALSE(shadows("methods: [GET]", "path_prefix: /a"));
  EXPECT_FALSE(shadows("hosts: [a.x]", "path_prefix: /a"));
  EXPECT_FALSE(shadows("hosts: ['*.y']", "hosts: [y]"));
  EXPECT_FALSE(shadows("hosts: [b.y]", "hosts: ['*.y']"));
  EXPECT_FALSE(shadows("headers: {a: '1'}", "headers: {a: '2'}"));
  EXPECT_FALSE(shadows("headers: {a: '1'}", "headers: {a: ''}"));
  EXPECT_FALSE(shadows("headers: {a: '1', b: '1'}", "headers: {a: '1'}"));
  EXPECT_FALSE(shadows("query: {a: '1'}", "headers: {a: '1'}"));
  EXPECT_FALSE(shadows("clients: [10.1.0.0/16]", "clients: [10.0.0.0/8]"));
  EXPECT_FALSE(shadows("clients: [10.0.0.0/8]", "clients: [10.0.0.1, 11.0.0.1]"));
  EXPECT_FALSE(shadows("regions: [us]", "regions: [us, eu]"));
}

// ---- a route that is called unreachable is never reached
// -----------------------------------------

template <typename T>
std::vector<T> some_of(const std::vector<T>& values) {
  std::vector<T> chosen;
  for (const T& value : values) {
    if (*rc::gen::inRange(0, 3) == 0) chosen.push_back(value);
  }
  return chosen;
}

RouteMatch some_match() {
  const AddressRange wide{{1, 0}, 8};
  const AddressRange narrow{{1, 1}, 16};
  RouteMatch match;
  match.hosts = some_of<std::string>({"a.x", "*.x", "*.a.x", "b.x"});
  match.path_prefix = *rc::gen::element<std::string>("/", "/", "/p", "/p/", "/p/q");
  match.path_regex = *rc::gen::element<std::string>("", "", "", "/p.*", ".*q");
  for (const Method method : some_of<Method>({Method::get, Method::post})) {
    match.methods.add(method);
  }
  match.headers = some_of<FieldMatch>({{"h", ""}, {"g", "1"}});
  match.query = some_of<FieldMatch>({{"k", ""}, {"l", "1"}});
  match.clients = some_of<AddressRange>({wide, narrow});
  match.regions = some_of<std::string>({"one", "two"});
  return match;
}

class SomeHeaders final : public HeaderSource {
 public:
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const override {
    if (name == "region") return region;
    return has_fields ? std::optional<std::string_view>("1") : std::nullopt;
  }
  std::string_view region = *rc::gen::element<std::string_view>("one", "two");
  bool has_fields = *rc::gen::arbitrary<bool>();
};

RC_GTEST_PROP(ConfigWarnings, ARouteThatIsCalledUnreachableIsNeverReached, ()) {
  Config config;
  config.regions.header = "region";
  config.routes.resize(2);
  config.routes[0].match = some_match();
  config.routes[1].match = some_match();
  if (*rc::gen::arbitrary<bool>()) {  // alike but for one part, or few would be unreachable
    config.routes[1].match = config.routes[0].match;
    config.routes[*rc::gen::inRange(0, 2)].match.path_prefix = "/";
    config.routes[*rc::gen::inRange(0, 2)].match.hosts.clear();
  }
  const bool is_unreachable = !find_doubts(config).empty();
  RC_CLASSIFY(is_unreachable);
  const Router both(config);
  config.routes.erase(config.routes.begin());
  const Router second(config);
  for (int i = 0; i < 5; ++i) {
    const SomeHeaders headers;
    RequestView request{*rc::gen::element(Method::get, Method::post),
                        *rc::gen::element<std::string_view>("a.x", "b.x", "c.a.x", "x"),
                        *rc::gen::element<std::string_view>("/", "/p", "/p/", "/p/q"),
                        *rc::gen::element<std::string_view>("", "k", "l=1&k=2"),
                        Address{1, *rc::gen::element<std::uint8_t>(1, 2)},
                        true,
                        headers};
    const auto found = both.classify(request, 0, 0);
    if (is_unreachable) RC_ASSERT(!found || found->route == RouteIndex{0});
    // The router agrees with itself: the second is taken exactly when the first is not.
    const bool takes_second = found && found->route == RouteIndex{1};
    if (takes_second) RC_ASSERT(second.classify(request, 0, 0).has_value());
  }
}

// nginx issue 524: a server was parked for 2.8 hours because fail_timeout said 10000.
TEST(ConfigWarnings, TimesThatParkABackendForHours_Nginx524) {
  EXPECT_EQ(warnings_of_pool("outlier_detection: {max_ejection_time: 10000s}"),
            "f:2:40: pools[0].outlier_detection.max_ejection_time: 10000s is very long: it parks a "
            "backend that failed a few times for hours\n");
  EXPECT_EQ(warnings_of_pool("circuit_breaker: {open_duration: 2h, max_open_duration: 2h}"),
            "f:2:34: pools[0].circuit_breaker.open_duration: 2h is very long: it parks a backend "
            "that failed a few times for hours\n"
            "f:2:57: pools[0].circuit_breaker.max_open_duration: 2h is very long: it parks a "
            "backend that failed a few times for hours\n");
  EXPECT_EQ(warnings_of_pool("health_check: {interval: 11m}"),
            "f:2:26: pools[0].health_check.interval: 11m is very long: a backend that fails is "
            "noticed that much later\n");
  EXPECT_EQ(warnings_of_pool("outlier_detection: {base_ejection_time: 1h, max_ejection_time: 1h}"),
            "");
}

TEST(ConfigWarnings, WeightsThatAnAlgorithmIgnores) {
  const auto warnings = [](const std::string& algorithm) {
    return warnings_of(
        "pools:\n- name: main\n  backends: [{url: http://a}, {url: http://b, weight: 0}, {url: "
        "http://c, weight: 2}]\n  balance: {algorithm: " +
        algorithm + ", slow_start: {window: 10s}}\n");
  };
  EXPECT_EQ(warnings("round_robin"),
            "f:3:83: pools[0].backends[2].weight: round_robin and first ignore weights: "
            "weighted_round_robin does not\n"
            "f:4:49: pools[0].balance.slow_start: changes only the limit of requests in flight: "
            "round_robin and first ignore "
            "weights\n");
  EXPECT_EQ(warnings("weighted_round_robin"), "");
}

TEST(ConfigWarnings, SlowStartOfAnAlgorithmThatHashes) {
  EXPECT_EQ(warnings_of_pool("balance: {algorithm: maglev, slow_start: {window: 10s}}"),
            "f:2:42: pools[0].balance.slow_start: changes only the limit of requests in flight: an "
            "algorithm that hashes keeps its "
            "keys where they are\n");
}

TEST(ConfigWarnings, KeysThatAnotherSettingMakesMoot) {
  const auto key = [](const std::string& line) {
    const std::string text = warnings_of_pool(line);
    if (text.find("has no effect: ") == std::string::npos) return text;
    const std::size_t begin = text.find("pools[0].") + 9;
    return text.substr(begin, text.find(": ", begin) - begin);
  };
  EXPECT_EQ(key("balance: {algorithm: random, choice_count: 3}"), "balance.choice_count");
  EXPECT_EQ(key("balance: {algorithm: random, active_request_bias: 0}"),
            "balance.active_request_bias");
  EXPECT_EQ(key("balance: {ewma: {decay: 1s}}"), "balance.ewma");
  EXPECT_EQ(key("balance: {hash: {on: path}}"), "balance.hash");
  EXPECT_EQ(key("balance: {algorithm: maglev, hash: {name: x}}"), "balance.hash.name");
  EXPECT_EQ(key("balance: {algorithm: ring_hash, hash: {table_size: 11}}"),
            "balance.hash.table_size");
  EXPECT_EQ(key("balance: {algorithm: maglev, hash: {minimum_ring_size: 11}}"),
            "balance.hash.minimum_ring_size");
  EXPECT_EQ(key("balance: {zones: {spill: false}}"), "balance.zones");
  EXPECT_EQ(key("health_check: {type: tcp, path: /x}"), "health_check.path");
  EXPECT_EQ(key("health_check: {type: tcp, expected_statuses: [200]}"),
            "health_check.expected_statuses");
  EXPECT_EQ(key("health_check: off, outlier_detection: {uneject_on_active_success: true}"),
            "outlier_detection.uneject_on_active_success");
  EXPECT_EQ(key("outlier_detection: {consecutive_failures: 0, success_rate: off, "
                "failure_percentage: off}"),
            "outlier_detection");
  EXPECT_EQ(key("circuit_breaker: {slow_call_rate_threshold: 50}"),
            "circuit_breaker.slow_call_rate_threshold");
  EXPECT_EQ(key("limits: {codel_target: 1ms}"), "limits.codel_target");
  EXPECT_EQ(key("adaptive_concurrency: {max_limit: 50}"), "adaptive_concurrency");
  EXPECT_EQ(key("retry: {hedge: {delay: 1s}}"), "retry.hedge");
  EXPECT_EQ(key("retry: {hedge: {enabled: true, delay: 1s, delay_percentile: 90}}"),
            "retry.hedge.delay_percentile");
  EXPECT_EQ(key("retry: {max_attempts: 1, hedge: {enabled: true, delay: 1s}}"), "retry.hedge");
  EXPECT_EQ(key("retry: {max_attempts: 2, budget: {percent: 0, min_per_second: 0}}"),
            "retry.max_attempts");
  EXPECT_EQ(key("session: {strict: true}"), "session");
  EXPECT_EQ(key("session: {mode: cookie, header: x}"), "session.header");
  EXPECT_EQ(key("session: {mode: cookie, cache: 1}"), "session.cache");
}

TEST(ConfigWarnings, PartsOfARouteThatHaveNoEffect) {
  EXPECT_EQ(
      warnings_of_routes("- name: r\n"
                         "  split: [{pool: main, sticky_name: x}]\n"
                         "  mirror: {pool: main}\n"
                         "  rate_limit: {burst: 5}\n"
                         "  timeout: 11m\n"),
      "f:4:37: routes[0].split[0].sticky_name: has no effect: sticky_by is neither header nor "
      "cookie\n"
      "f:5:18: routes[0].mirror.pool: has no effect: mirror.percent is 0\n"
      "f:6:15: routes[0].rate_limit: has no effect: requests_per_second is 0\n"
      "f:7:12: routes[0].timeout: 11m is very long: a request that hangs holds its place that "
      "long\n");
}

TEST(ConfigWarnings, APoolThatNoRouteLeadsTo) {
  EXPECT_EQ(warnings_of("pools: [{name: a, backends: [{url: http://a}], circuit_breaker: "
                        "{fallback_pool: b}}, {name: b, backends: [{url: http://b}]}, {name: c, "
                        "backends: [{url: http://c}]}]\n"
                        "routes: [{name: r, split: [{pool: a}]}]\n"),
            "f:1:133: pools[2].name: no route leads to this pool\n");
}

}  // namespace
}  // namespace evenkeel::core
