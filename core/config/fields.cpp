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

void visit_fields(FieldVisitor& v, RouteMatch& p) {
  v.list({"hosts", "Names in the Host header, without port; none: every host.", ""},
         match_hosts(p.hosts));
  v.scalar(
      {"path_prefix", "What the path begins with, in whole segments: /api is not /apiary.", ""},
      url_path(p.path_prefix));
  v.list({"methods", "Request methods; none: every method.", ""}, methods(p.methods));
}

void visit_fields(FieldVisitor& v, RoutePolicy& p, const std::vector<PoolPolicy>& pools) {
  v.scalar({"name", "What logs and metrics call it.", "", true}, name(p.name));
  v.section({"match", "The requests it takes; what is absent matches everything.", ""},
            section(p.match));
  SectionList split;
  split.min_items = 1;
  split.max_items = 1;
  split.at_most = "splits over several pools are not available yet";
  split.size = [] { return std::size_t{1}; };
  split.clear = [] {};
  split.append = [] {};
  split.visit = [&p, &pools](std::size_t, FieldVisitor& inner) {
    inner.scalar({"pool", "The name of a pool.", "", true}, pool_by_name(p.pool, pools));
  };
  v.sections({"split", "Where its requests go: one pool.", "", true}, split);
  v.scalar({"timeout",
            "From the complete request head to the response head, retries included. Bodies have "
            "idle timeouts only.",
            ""},
           duration(p.timeout, kShort, kDay));
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
  v.section({"admin", "For operators and their monitoring, not for clients.", ""},
            section(p.admin));
  v.sections({"listeners", "Where clients connect.", "", true},
             elements(p.listeners, 1, [](FieldVisitor& inner, ListenerPolicy& listener) {
               visit_fields(inner, listener);
             }));
  v.sections({"pools", "Groups of interchangeable backends.", "", true},
             elements(p.pools, 1,
                      [](FieldVisitor& inner, PoolPolicy& pool) { visit_fields(inner, pool); }));
  v.sections({"routes",
              "Which requests go to which pool; the first that matches wins. With a single pool "
              "they may be left out.",
              ""},
             elements(p.routes, 0, [&p](FieldVisitor& inner, RoutePolicy& route) {
               visit_fields(inner, route, p.pools);
             }));
  v.section({"drain", "A stop that loses no request.", ""}, section(p.drain));
  v.section({"logging", "What is written about it all.", ""}, section(p.logging));
  v.scalar({"workers", "Threads that serve clients; 1 until more are available.", "threads"},
           integer(p.workers, 1, 1024));
}

}  // namespace evenkeel::core
