// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/route/router.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace evenkeel::core {
namespace {

RoutePolicy route(std::vector<std::string> hosts, std::string prefix, MethodSet methods = {}) {
  RoutePolicy policy;
  policy.match.hosts = std::move(hosts);
  policy.match.path_prefix = std::move(prefix);
  policy.match.methods = methods;
  return policy;
}

// The index of the route, or -1.
int find(const std::vector<RoutePolicy>& routes, std::string_view host, std::string_view path,
         Method method = Method::get) {
  const auto found = Router(routes).find(host, path, method);
  return found ? static_cast<int>(index(*found)) : -1;
}

TEST(Router, TheFirstMatchWins) {
  const std::vector<RoutePolicy> routes = {route({}, "/api/v1"), route({}, "/api"), route({}, "/")};
  EXPECT_EQ(find(routes, "h", "/api/v1/x"), 0);
  EXPECT_EQ(find(routes, "h", "/api/v2"), 1);
  EXPECT_EQ(find(routes, "h", "/"), 2);
}

TEST(Router, NoMatchIsNoRoute) {
  EXPECT_EQ(find({}, "h", "/"), -1);
  EXPECT_EQ(find({route({"a.example"}, "/")}, "b.example", "/"), -1);
  EXPECT_EQ(find({route({}, "/api")}, "h", "/other"), -1);
}

TEST(Router, APrefixMatchesWholeSegments) {
  const std::vector<RoutePolicy> routes = {route({}, "/api")};
  EXPECT_EQ(find(routes, "h", "/api"), 0);
  EXPECT_EQ(find(routes, "h", "/api/"), 0);
  EXPECT_EQ(find(routes, "h", "/api/x"), 0);
  EXPECT_EQ(find(routes, "h", "/apix"), -1);
  EXPECT_EQ(find(routes, "h", "/ap"), -1);
  EXPECT_EQ(find(routes, "h", "/API"), -1);
  const std::vector<RoutePolicy> with_slash = {route({}, "/api/")};
  EXPECT_EQ(find(with_slash, "h", "/api/x"), 0);
  EXPECT_EQ(find(with_slash, "h", "/api"), -1);
}

TEST(Router, TheRootMatchesEverything) {
  const std::vector<RoutePolicy> routes = {route({}, "/")};
  EXPECT_EQ(find(routes, "h", "/x/y"), 0);
  EXPECT_EQ(find(routes, "h", "*", Method::options), 0);  // a request for the server as a whole
  EXPECT_EQ(find(routes, "", ""), 0);
}

TEST(Router, HostsCompareWithoutCaseAndPort) {
  const std::vector<RoutePolicy> routes = {route({"a.example", "[::1]"}, "/")};
  EXPECT_EQ(find(routes, "a.example", "/"), 0);
  EXPECT_EQ(find(routes, "A.Example", "/"), 0);
  EXPECT_EQ(find(routes, "a.example:8080", "/"), 0);
  EXPECT_EQ(find(routes, "[::1]", "/"), 0);
  EXPECT_EQ(find(routes, "[::1]:8080", "/"), 0);
  EXPECT_EQ(find(routes, "a.example.org", "/"), -1);
  EXPECT_EQ(find(routes, "xa.example", "/"), -1);
  EXPECT_EQ(find(routes, "[::2]:8080", "/"), -1);
  EXPECT_EQ(find(routes, "", "/"), -1);
}

TEST(Router, MethodsRestrict) {
  const std::vector<RoutePolicy> routes = {route({}, "/", {Method::get, Method::head}),
                                           route({}, "/", {Method::other})};
  EXPECT_EQ(find(routes, "h", "/", Method::get), 0);
  EXPECT_EQ(find(routes, "h", "/", Method::head), 0);
  EXPECT_EQ(find(routes, "h", "/", Method::other), 1);
  EXPECT_EQ(find(routes, "h", "/", Method::post), -1);
}

TEST(Router, AllPartsMustMatch) {
  const std::vector<RoutePolicy> routes = {route({"a.example"}, "/api", {Method::post})};
  EXPECT_EQ(find(routes, "a.example", "/api", Method::post), 0);
  EXPECT_EQ(find(routes, "b.example", "/api", Method::post), -1);
  EXPECT_EQ(find(routes, "a.example", "/", Method::post), -1);
  EXPECT_EQ(find(routes, "a.example", "/api", Method::get), -1);
}

}  // namespace
}  // namespace evenkeel::core
