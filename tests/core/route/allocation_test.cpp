// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "runtime/allocation_count.h"
#include "test_request.h"

namespace evenkeel::core {
namespace {

// Every part of a route, every kind of key. Nothing is compiled per request either, as the
// Enterprise Load Balancer did with its expressions (its defect 6).
TEST(RouterAllocation, AClassificationAsksForNoMemoryAndCompilesNothing_EnterpriseDefect6) {
  const Router router(
      routes_of("regions: {header: x-region, clients: {eu: [10.0.0.0/8]}}\n"
                "routes:\n"
                "- name: none\n"
                "  match: {hosts: [b.example, '*.c.example'], path_prefix: /x}\n"
                "  split: [{pool: a}]\n"
                "- name: all\n"
                "  match: {path_regex: '/[a-z]+/[0-9]+', headers: {x-a: ''}, query: {q: 'a b'}, "
                "clients: [10.0.0.0/8], regions: [eu], methods: [GET]}\n"
                "  split: [{pool: b, weight: 1}, {pool: a, weight: 9, sticky_by: cookie, "
                "sticky_name: u}]\n"
                "  mirror: {pool: b, percent: 50}\n"
                "  rate_limit: {requests_per_second: 1, key: header, name: X-A}\n",
                "{algorithm: maglev, hash: {on: path}}"));
  class Plain final : public HeaderSource {
   public:
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const override {
      return name == "cookie" ? "a=1; u=2" : "value";
    }
  };
  const Plain headers;
  RequestView request = get(headers, "/abc/123", ipv4(10, 0, 0, 1));
  request.query = "x=1&q=a%20b";
  ASSERT_EQ(route_of(router, request), 1);  // the expression builds its automaton once
  const test::AllocationCount count;
  for (std::uint64_t i = 0; i < 100; ++i) (void)router.classify(request, i << 56U, i << 56U);
  EXPECT_EQ(count.so_far(), 0U);
}

}  // namespace
}  // namespace evenkeel::core
