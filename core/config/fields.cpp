// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: the file as a whole. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "evenkeel/core/config/fields.h"

#include <string>

#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, AdminPolicy& p) {
  v.scalar({"address", "Where /livez, /readyz and /metrics are served.", ""},
           listen_address(p.address));
}

void visit_fields(FieldVisitor& v, RegionPolicy& p) {
  v.scalar(
      {"header",
       "A header that says it; believed only from trusted proxies, of which there are none yet.",
       ""},
      header_name(p.header));
  v.map({"clients", "Otherwise the client's address: the longest range that holds it.", ""},
        region_ranges(p.clients));
}

void visit_fields(FieldVisitor& v, RedisPolicy& p) {
  v.scalar({"url", "Where it is: redis://host:port; empty: none.", ""}, redis_url(p.url));
  v.scalar({"timeout", "How long an answer is waited for.", ""}, duration(p.timeout, kShort, 1min));
  v.scalar({"max_waiting", "Requests that wait for it at once; for others it has failed at once.",
            "requests"},
           integer(p.max_waiting, 1, kMany));
  v.scalar({"fail_open",
            "Without its answer requests go on as if there were no limit and no "
            "session; otherwise they are answered 503.",
            ""},
           flag(p.fail_open));
}

void visit_fields(FieldVisitor& v, OverloadPolicy& p) {
  v.scalar({"refresh", "How often the memory in use is looked at.", ""},
           duration(p.refresh, 10ms, 1min));
  v.scalar({"max_memory_percent", "Of the memory there is; above it the actions begin.", "percent"},
           integer(p.max_memory_percent, 1, 100));
  v.list({"actions", "What is done about it.", ""},
         list<OverloadAction>(
             p.actions,
             [](OverloadAction& action) {
               return choice(action, {{"disable_keepalive", OverloadAction::disable_keepalive},
                                      {"shed_low_priority", OverloadAction::shed_low_priority},
                                      {"stop_accepting", OverloadAction::stop_accepting}});
             },
             0, 3));
}

void visit_fields(FieldVisitor& v, DrainPolicy& p) {
  v.scalar({"grace", "How long /readyz fails before connections are closed.", ""},
           duration(p.grace, 0s, 1h));
  v.scalar({"timeout", "How long requests in flight then have; what is left is cut.", ""},
           duration(p.timeout, 0s, kDay));
}

void visit_fields(FieldVisitor& v, LoggingPolicy& p) {
  v.scalar({"level", "The least important events that are logged.", ""},
           choice(p.level, {{"debug", LogLevel::debug},
                            {"info", LogLevel::info},
                            {"warn", LogLevel::warn},
                            {"error", LogLevel::error}}));
  v.scalar({"access", "Writes a JSON line for every request.", ""}, flag(p.access));
  v.scalar({"access_file", "Where to; empty: standard output.", ""}, text(p.access_file, 0, 4096));
}

void visit_fields(FieldVisitor& v, Config& p) {
  v.scalar({"version", "The version of this format.", ""}, integer(p.version, 1, 1));
  v.scalar({"zone", "Where this replica runs, for the pools' `balance.zones`.", ""},
           optional_name(p.zone));
  v.section({"admin", "For operators and their monitoring, not for clients.", ""},
            section(p.admin));
  v.sections(
      {"listeners", "Where clients connect.", "", true},
      elements(p.listeners, 1, kMaxListeners, [](FieldVisitor& inner, ListenerPolicy& listener) {
        visit_fields(inner, listener);
      }));
  v.sections({"pools", "Groups of interchangeable backends.", "", true},
             elements(p.pools, 1, kMaxPools, [&p](FieldVisitor& inner, PoolPolicy& pool) {
               visit_fields(inner, pool, p.pools);
             }));
  v.sections({"routes",
              "Which requests go to which pool; the first that matches wins. With a single pool "
              "they may be left out.",
              ""},
             elements(p.routes, 0, kMaxRoutes, [&p](FieldVisitor& inner, RoutePolicy& route) {
               visit_fields(inner, route, p.pools);
             }));
  v.section({"regions", "Where a request comes from, for `match.regions`.", ""},
            section(p.regions));
  v.section({"redis", "The server that keeps what replicas share: sessions and shared limits.", ""},
            section(p.redis));
  v.section({"overload", "What is given up first when memory runs out.", ""},
            switchable(p.overload, [&p] { p.overload.actions.clear(); }));
  v.section({"drain", "A stop that loses no request.", ""}, section(p.drain));
  v.section({"logging", "What is written about it all.", ""}, section(p.logging));
  v.scalar({"workers", "Threads that serve clients; 1 until more are available.", "threads"},
           integer(p.workers, 1, 1024));
}

}  // namespace evenkeel::core
