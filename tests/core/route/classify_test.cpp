// SPDX-License-Identifier: Apache-2.0
//
// What a router makes of a whole request.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "evenkeel/core/random.h"
#include "evenkeel/core/route/router.h"
#include "test_request.h"

namespace evenkeel::core {
namespace {

constexpr const char* kSplit =
    "routes: [{name: r, split: [{pool: a, weight: 95}, {pool: b, weight: 5, ";

// How many of `count` clients, or draws, take side b.
int on_canary(const Router& router, int count, std::string_view path = "/") {
  const TestHeaders headers;
  int canary = 0;
  const Stream bits(Seed{1}, "split");
  for (int i = 0; i < count; ++i) {
    const auto client =
        ipv4(10, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i));
    const auto result = router.classify(get(headers, path, client), bits.at(i), 0);
    canary += result->pool == PoolIndex{1} ? 1 : 0;
  }
  return canary;
}

TEST(Classify, ACatchAllRouteLooksAtNoHeader) {
  const TestHeaders headers{{"x-a", "1"}};
  const auto result =
      Router(routes_of("routes: [{name: r, split: [{pool: b}]}]")).classify(get(headers), 0, 0);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->pool, PoolIndex{1});
  EXPECT_EQ(result->affinity, 0U);
  EXPECT_EQ(result->limit_key, 0U);
  EXPECT_FALSE(result->mirrored);
  EXPECT_EQ(result->region, "");
  EXPECT_EQ(headers.lookups, 0);
}

TEST(Classify, NoMatchIsNothing) {
  const TestHeaders headers;
  const Router router(
      routes_of("routes: [{name: r, match: {path_prefix: /x}, split: [{pool: a}]}]"));
  EXPECT_FALSE(router.classify(get(headers), 0, 0));
}

TEST(Classify, HeadersAreNotAskedForOnceAnotherPartDiffers) {
  const TestHeaders headers;
  const Router router(routes_of(
      "routes: [{name: r, match: {path_prefix: /x, headers: {x-a: ''}}, split: [{pool: a}]}]"));
  EXPECT_EQ(route_of(router, get(headers, "/y")), -1);
  EXPECT_EQ(headers.lookups, 0);
  EXPECT_EQ(route_of(router, get(headers, "/x")), -1);
  EXPECT_EQ(headers.lookups, 1);
}

TEST(Classify, AllHeadersMustBeThereWithTheirValues) {
  const Router router(
      routes_of("routes: [{name: r, match: {headers: {X-A: one, X-B: ''}}, split: [{pool: a}]}]"));
  EXPECT_EQ(route_of(router, get(TestHeaders{{"x-a", "one"}, {"x-b", "anything"}})), 0);
  EXPECT_EQ(route_of(router, get(TestHeaders{{"x-a", "one"}, {"x-b", ""}})), 0);
  EXPECT_EQ(route_of(router, get(TestHeaders{{"x-a", "one"}})), -1);
  EXPECT_EQ(route_of(router, get(TestHeaders{{"x-a", "One"}, {"x-b", ""}})), -1);
  EXPECT_EQ(route_of(router, get(TestHeaders{{"x-a", "ones"}, {"x-b", ""}})), -1);
}

TEST(Classify, QueryParametersCompareDecoded) {
  const Router router(
      routes_of("routes: [{name: r, match: {query: {'a b': 'x&y', c: ''}}, split: [{pool: a}]}]"));
  const NoHeaders headers;
  const auto route = [&](std::string_view query) {
    RequestView request = get(headers);
    request.query = query;
    return route_of(router, request);
  };
  EXPECT_EQ(route("a%20b=x%26y&c"), 0);
  EXPECT_EQ(route("c=1&a+b=x%26y"), 0);
  EXPECT_EQ(route("a+b=z&a+b=x%26y&c="), 0);  // any of several
  EXPECT_EQ(route("a+b=x&y&c"), -1);
  EXPECT_EQ(route("a+b=x%26y"), -1);
  EXPECT_EQ(route("a+b=x%26y%00&c"), -1);
  EXPECT_EQ(route("A+b=x%26y&c"), -1);
  EXPECT_EQ(route(""), -1);
}

TEST(Classify, ClientsAreRanges) {
  const Router router(routes_of(
      "routes: [{name: r, match: {clients: [10.0.0.0/9, '2001:db8::/33']}, split: [{pool: a}]}]"));
  const NoHeaders headers;
  const auto route = [&](const Address& client) {
    return route_of(router, get(headers, "/", client));
  };
  EXPECT_EQ(route(ipv4(10, 127, 255, 255)), 0);
  EXPECT_EQ(route(ipv4(10, 128, 0, 0)), -1);
  EXPECT_EQ(route(ipv4(11, 0, 0, 0)), -1);
  EXPECT_EQ(route({0x20, 1, 0x0d, 0xb8, 0x7F, 1}), 0);
  EXPECT_EQ(route({0x20, 1, 0x0d, 0xb8, 0x80, 1}), -1);
  EXPECT_EQ(route({10}), -1);
}

TEST(Classify, ExpressionsMatchWholePaths) {
  const Router router(routes_of(
      "routes: [{name: r, match: {path_prefix: /api, path_regex: '/api/v[0-9]+(/.*)?'}, split: "
      "[{pool: a}]}]"));
  const NoHeaders headers;
  EXPECT_EQ(route_of(router, get(headers, "/api/v1")), 0);
  EXPECT_EQ(route_of(router, get(headers, "/api/v12/x")), 0);
  EXPECT_EQ(route_of(router, get(headers, "/api/vx")), -1);
  EXPECT_EQ(route_of(router, get(headers, "/api/v1x")), -1);
  EXPECT_EQ(route_of(router, get(headers, "/x/api/v1")), -1);
}

// Linear in the path whatever the expression: an engine that backtracks would need 2^30000 steps.
TEST(Classify, NoPathMakesAnExpressionSlow) {
  const Router router(
      routes_of("routes: [{name: r, match: {path_regex: '/((a|a)*)*b'}, split: [{pool: a}]}]"));
  const NoHeaders headers;
  const std::string path = "/" + std::string(30'000, 'a');
  EXPECT_EQ(route_of(router, get(headers, path)), -1);
  EXPECT_EQ(route_of(router, get(headers, path + "b")), 0);
}

TEST(Classify, ARouteWhoseExpressionDoesNotCompileTakesNothing) {
  RoutePolicy route;
  route.match.path_regex = "(";
  EXPECT_FALSE(Router(std::vector<RoutePolicy>{route}).find("h", "/", Method::get));
}

TEST(Classify, WildcardHostsAreEverythingBelow) {
  const Router router(
      routes_of("routes: [{name: r, match: {hosts: ['*.B.example']}, split: [{pool: a}]}]"));
  EXPECT_TRUE(router.find("a.b.example", "/", Method::get));
  EXPECT_TRUE(router.find("x.A.B.EXAMPLE:80", "/", Method::get));
  EXPECT_FALSE(router.find("b.example", "/", Method::get));
  EXPECT_FALSE(router.find("ab.example", "/", Method::get));
  EXPECT_FALSE(router.find("", "/", Method::get));
}

// ---- splits
// --------------------------------------------------------------------------------------

TEST(Split, SidesTakeTheirShares) {
  const int canary = on_canary(Router(routes_of(std::string(kSplit) + "}]}]")), 20'000);
  // 5 % of 20 000: 1000 with a standard deviation of 31.
  EXPECT_GT(canary, 1000 - 5 * 31);
  EXPECT_LT(canary, 1000 + 5 * 31);
}

TEST(Split, ASideOfWeightZeroTakesNothing) {
  const Router router(
      routes_of("routes: [{name: r, split: [{pool: a, weight: 0}, {pool: b, weight: 1}]}]"));
  EXPECT_EQ(on_canary(router, 1000), 1000);
  const Router last(
      routes_of("routes: [{name: r, split: [{pool: a, weight: 1}, {pool: b, weight: 0}]}]"));
  const NoHeaders headers;
  const auto all = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(last.classify(get(headers), all, 0)->pool, PoolIndex{0});
}

TEST(Split, TheEndsOfTheDrawAreTheEndsOfTheSplit) {
  const Router router(routes_of(std::string(kSplit) + "}]}]"));
  const NoHeaders headers;
  const auto all = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(router.classify(get(headers), 0, 0)->pool, PoolIndex{0});
  EXPECT_EQ(router.classify(get(headers), all / 100 * 94, 0)->pool, PoolIndex{0});
  EXPECT_EQ(router.classify(get(headers), all / 100 * 96, 0)->pool, PoolIndex{1});
  EXPECT_EQ(router.classify(get(headers), all, 0)->pool, PoolIndex{1});
}

// The Enterprise Load Balancer hashed the path with the client (its defect 7).
TEST(Split, AUserOfACanaryDoesNotFlipBetweenVersionsWithThePath_EnterpriseDefect7) {
  const Router router(routes_of(std::string(kSplit) + "sticky_by: client_ip}]}]"));
  const NoHeaders headers;
  for (std::uint8_t i = 0; i < 200; ++i) {
    std::set<PoolIndex> sides;
    for (const char* path : {"/", "/a", "/a/b", "/login"}) {
      for (const std::uint64_t bits : {0ULL, ~0ULL}) {
        sides.insert(router.classify(get(headers, path, ipv4(10, 0, 0, i)), bits, 0)->pool);
      }
    }
    EXPECT_EQ(sides.size(), 1U);
  }
  const int canary = on_canary(router, 20'000);
  EXPECT_GT(canary, 1000 - 5 * 31);
  EXPECT_LT(canary, 1000 + 5 * 31);
}

TEST(Split, AUserStaysOnTheCanaryWhileItGrows) {
  const auto router = [](int weight) {
    return Router(
        routes_of("routes: [{name: r, split: [{pool: a, weight: " + std::to_string(100 - weight) +
                  "}, {pool: b, sticky_by: header, "
                  "sticky_name: X-User, weight: " +
                  std::to_string(weight) + "}]}]"));
  };
  const Router small = router(5);
  const Router large = router(50);
  const Router all = router(100);
  int moved = 0;
  for (int i = 0; i < 2000; ++i) {
    const TestHeaders headers{{"x-user", std::to_string(i)}};
    const auto before = small.classify(get(headers), 0, 0)->pool;
    const auto after = large.classify(get(headers), 0, 0)->pool;
    EXPECT_TRUE(before == PoolIndex{0} || after == PoolIndex{1}) << i;
    moved += before != after ? 1 : 0;
    EXPECT_EQ(all.classify(get(headers), 0, 0)->pool, PoolIndex{1});
  }
  EXPECT_GT(moved, 700);
}

TEST(Split, UsersAreToldApartByTheCookieWhateverTheirAddress) {
  const Router router(
      routes_of("routes: [{name: r, split: [{pool: a}, {pool: b, sticky_by: cookie, "
                "sticky_name: uid}]}]"));
  int canary = 0;
  for (int i = 0; i < 1000; ++i) {
    const TestHeaders headers{{"cookie", "x=1; uid=" + std::to_string(i) + "; y=2"}};
    const auto here = router.classify(get(headers, "/", ipv4(10, 0, 0, 1)), 0, 0)->pool;
    const auto there = router.classify(get(headers, "/", ipv4(10, 0, 0, 2)), ~0ULL, 0)->pool;
    EXPECT_EQ(here, there);
    canary += here == PoolIndex{1} ? 1 : 0;
  }
  EXPECT_GT(canary, 500 - 5 * 16);
  EXPECT_LT(canary, 500 + 5 * 16);
}

TEST(Split, WithoutTheCookieTheAddressDecides) {
  const Router by_cookie(routes_of(std::string(kSplit) + "sticky_by: cookie, sticky_name: u}]}]"));
  const Router by_address(routes_of(std::string(kSplit) + "sticky_by: client_ip}]}]"));
  const TestHeaders other{{"cookie", "v=1; u="}};
  for (std::uint8_t i = 0; i < 100; ++i) {
    const RequestView request = get(other, "/", ipv4(10, 1, 0, i));
    EXPECT_EQ(by_cookie.classify(request, 0, 0)->pool, by_address.classify(request, 1, 0)->pool);
  }
}

// One client has the whole /64 and may change its address at will.
TEST(Split, AnIpv6ClientIsItsNetwork) {
  const Router router(
      routes_of("routes: [{name: r, split: [{pool: a}, {pool: b, sticky_by: "
                "client_ip}], rate_limit: {requests_per_second: 1}}]"));
  const NoHeaders headers;
  const Address one = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 7, 1};
  const Address same = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 7, 2};
  const Address other = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 8, 1};
  const auto key = [&](const Address& client) {
    return router.classify(get(headers, "/", client), 0, 0)->limit_key;
  };
  EXPECT_EQ(key(one), key(same));
  EXPECT_NE(key(one), key(other));
}

// A restart, or another replica, must not move anybody: these values are for ever.
TEST(Split, ReplicasAgreeWhoIsOnTheCanary) {
  const std::string lines = std::string(kSplit) + "sticky_by: client_ip}]}]";
  const Router one(routes_of(lines), RouteSeeds{.secret = 1});
  const Router two(routes_of(lines), RouteSeeds{.secret = 2});
  EXPECT_EQ(on_canary(one, 2000), on_canary(two, 2000));
  const NoHeaders headers;
  for (std::uint8_t i = 0; i < 100; ++i) {
    const RequestView request = get(headers, "/", ipv4(10, 2, 0, i));
    EXPECT_EQ(one.classify(request, 0, 0)->pool, two.classify(request, 0, 0)->pool);
  }
}

// ---- mirrors, affinity, limits
// -------------------------------------------------------------------

TEST(Mirror, CopiesItsShareOfTheRequests) {
  const NoHeaders headers;
  const auto mirrored = [&](const std::string& mirror, std::uint64_t bits) {
    return Router(routes_of("routes: [{name: r, split: [{pool: a}], mirror: " + mirror + "}]"))
        .classify(get(headers), 0, bits)
        ->mirrored;
  };
  const std::uint64_t percent = ~0ULL / 100;
  EXPECT_TRUE(mirrored("{pool: b, percent: 10}", 0));
  EXPECT_TRUE(mirrored("{pool: b, percent: 10}", 10 * percent - 1));
  EXPECT_FALSE(mirrored("{pool: b, percent: 10}", 10 * percent + percent / 2));
  EXPECT_TRUE(mirrored("{pool: b, percent: 100}", ~0ULL));
  EXPECT_FALSE(mirrored("{pool: b, percent: 0}", 0));
  EXPECT_FALSE(mirrored("off", 0));
}

TEST(RouteAffinity, IsTheHashOfWhatThePoolSays) {
  const auto affinity = [](const std::string& balance, const RequestView& request) {
    return Router(routes_of("routes: [{name: r, split: [{pool: a}]}]", balance))
        .classify(request, 0, 0)
        ->affinity;
  };
  const TestHeaders one{{"x-user", "1"}, {"cookie", "u=1"}};
  const TestHeaders two{{"x-user", "2"}, {"cookie", "u=2"}};
  const Address here = ipv4(10, 0, 0, 1);
  const Address there = ipv4(10, 0, 0, 2);
  const std::string ip = "{algorithm: maglev}";
  EXPECT_EQ(affinity(ip, get(one, "/a", here)), affinity(ip, get(two, "/b", here)));
  EXPECT_NE(affinity(ip, get(one, "/a", here)), affinity(ip, get(one, "/a", there)));
  const std::string header = "{algorithm: ring_hash, hash: {on: header, name: X-User}}";
  EXPECT_EQ(affinity(header, get(one, "/a", here)), affinity(header, get(one, "/b", there)));
  EXPECT_NE(affinity(header, get(one, "/a", here)), affinity(header, get(two, "/a", here)));
  const std::string cookie = "{algorithm: rendezvous, hash: {on: cookie, name: u}}";
  EXPECT_EQ(affinity(cookie, get(one, "/a", here)), affinity(cookie, get(one, "/b", there)));
  EXPECT_NE(affinity(cookie, get(one, "/a", here)), affinity(cookie, get(two, "/a", here)));
  const std::string path = "{algorithm: maglev, hash: {on: path}}";
  EXPECT_EQ(affinity(path, get(one, "/a", here)), affinity(path, get(two, "/a", there)));
  EXPECT_NE(affinity(path, get(one, "/a", here)), affinity(path, get(one, "/b", here)));
  EXPECT_EQ(affinity("{algorithm: random}", get(one, "/a", here)), 0U);
}

// With one hash for both, the clients of a canary would all be on a part of its backends.
TEST(RouteAffinity, SaysNothingAboutTheSideOfASplit) {
  const Router router(
      routes_of("routes: [{name: r, split: [{pool: b, weight: 90}, {pool: a, "
                "weight: 10, sticky_by: client_ip}]}]",
                "{algorithm: maglev}"));
  const NoHeaders headers;
  int low = 0;
  int canary = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto client =
        ipv4(10, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i));
    const auto result = router.classify(get(headers, "/", client), 0, 0);
    if (result->pool != PoolIndex{0}) continue;
    ++canary;
    low += result->affinity < ~0ULL / 2 ? 1 : 0;
  }
  EXPECT_GT(canary, 1500);
  EXPECT_GT(low, canary * 4 / 10);
  EXPECT_LT(low, canary * 6 / 10);
}

TEST(LimitKey, IsTheClientTheHeaderOrTheRoute) {
  const auto key = [](const std::string& limit, const RequestView& request, std::uint64_t secret) {
    return Router(
               routes_of(
                   "redis: {url: redis://r}\nroutes: [{name: r, split: [{pool: a}], rate_limit: " +
                   limit + "}]"),
               RouteSeeds{.secret = secret})
        .classify(request, 0, 0)
        ->limit_key;
  };
  const TestHeaders one{{"x-key", "1"}};
  const TestHeaders two{{"x-key", "2"}};
  const Address here = ipv4(10, 0, 0, 1);
  const Address there = ipv4(10, 0, 0, 2);
  const std::string ip = "{requests_per_second: 1}";
  EXPECT_EQ(key(ip, get(one, "/", here), 1), key(ip, get(two, "/x", here), 1));
  EXPECT_NE(key(ip, get(one, "/", here), 1), key(ip, get(one, "/", there), 1));
  const std::string header = "{requests_per_second: 1, key: header, name: X-Key}";
  EXPECT_EQ(key(header, get(one, "/", here), 1), key(header, get(one, "/", there), 1));
  EXPECT_NE(key(header, get(one, "/", here), 1), key(header, get(two, "/", here), 1));
  EXPECT_EQ(key(header, get(TestHeaders{}, "/", here), 1), key(ip, get(one, "/", here), 1));
  const std::string route = "{requests_per_second: 1, key: route}";
  EXPECT_EQ(key(route, get(one, "/", here), 1), key(route, get(two, "/", there), 1));
  EXPECT_EQ(key("off", get(one, "/", here), 1), 0U);
  // Secret unless the replicas share it.
  EXPECT_NE(key(ip, get(one, "/", here), 1), key(ip, get(one, "/", here), 2));
  const std::string shared = "{requests_per_second: 1, store: redis}";
  EXPECT_EQ(key(shared, get(one, "/", here), 1), key(shared, get(one, "/", here), 2));
}

// ---- regions
// -------------------------------------------------------------------------------------

constexpr const char* kRegions =
    "regions: {header: X-Region, clients: {eu: [10.0.0.0/8], us: [10.1.0.0/16], lan: "
    "[172.16.0.0/12]}}\n"
    "routes: [{name: eu, match: {regions: [eu]}, split: [{pool: a}]}, {name: all, split: [{pool: "
    "b}]}]\n";

std::string region_of(const Router& router, const RequestView& request) {
  return std::string(router.classify(request, 0, 0)->region);
}

TEST(Regions, TheLongestRangeWins) {
  const Router router(routes_of(kRegions));
  const NoHeaders headers;
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(10, 2, 0, 1))), "eu");
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(10, 1, 0, 1))), "us");
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(192, 0, 2, 1))), "");
  EXPECT_EQ(route_of(router, get(headers, "/", ipv4(10, 2, 0, 1))), 0);
  EXPECT_EQ(route_of(router, get(headers, "/", ipv4(10, 1, 0, 1))), 1);
}

TEST(Regions, AHeaderIsBelievedFromTrustedProxiesOnly) {
  const Router router(routes_of(kRegions));
  const TestHeaders headers{{"x-region", "eu"}};
  RequestView request = get(headers, "/", ipv4(10, 1, 0, 1));
  EXPECT_EQ(region_of(router, request), "us");
  EXPECT_EQ(headers.lookups, 0);
  request.trusted_peer = true;
  EXPECT_EQ(region_of(router, request), "eu");
  EXPECT_EQ(route_of(router, request), 0);
}

TEST(Regions, ATrustedProxyThatDoesNotSayLeavesItToTheAddress) {
  const Router router(routes_of(kRegions));
  const TestHeaders headers{{"x-region", ""}};
  RequestView request = get(headers, "/", ipv4(10, 2, 0, 1));
  request.trusted_peer = true;
  EXPECT_EQ(region_of(router, request), "eu");
}

// The Enterprise Load Balancer took the region from any client's header or query, the address from
// the leftmost X-Forwarded-For, and the texts "10." and "172." for regions (its defect 5).
TEST(Regions,
     NeitherForwardedForNorTheQueryNorAnAddressThatBeginsAlikeMakesARegion_EnterpriseDefect5) {
  const Router router(routes_of(kRegions));
  const TestHeaders headers{{"x-forwarded-for", "10.2.0.1"},
                            {"x-real-ip", "10.2.0.1"},
                            {"forwarded", "for=10.2.0.1"},
                            {"x-region", "eu"}};
  RequestView request = get(headers, "/", ipv4(192, 0, 2, 1));
  request.query = "region=eu";
  EXPECT_EQ(region_of(router, request), "");
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(100, 2, 0, 1))), "");
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(172, 200, 0, 1))), "");
  EXPECT_EQ(region_of(router, get(headers, "/", ipv4(172, 31, 0, 1))), "lan");
}

// Its policies were sorted ascending although a higher number was to win (its defect 6).
TEST(Regions, TheFirstRouteOfTheFileWinsWhateverItsPriority_EnterpriseDefect6) {
  const Router router(
      routes_of("routes: [{name: one, priority: 9, split: [{pool: a}]}, {name: two, priority: 0, "
                "split: [{pool: b}]}]"));
  const NoHeaders headers;
  EXPECT_EQ(route_of(router, get(headers)), 0);
}

TEST(Router, ARouterOutlivesItsConfiguration) {
  std::optional<Router> router;
  {
    const Config config = routes_of(kRegions);
    router.emplace(config);
  }
  const Router copy = *router;
  router.reset();
  const NoHeaders headers;
  EXPECT_EQ(region_of(copy, get(headers, "/", ipv4(10, 2, 0, 1))), "eu");
}

}  // namespace
}  // namespace evenkeel::core
