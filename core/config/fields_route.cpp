// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: routes. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, RouteMatch& p) {
  v.list({"hosts",
          "Names in the Host header, without port; *.example.org is every name below it, not "
          "example.org itself. None: every host.",
          ""},
         match_hosts(p.hosts));
  v.scalar({"path_prefix",
            "What the path begins with, in whole segments: /api is not /apiary. Paths are compared "
            "as they were sent.",
            ""},
           url_path(p.path_prefix));
  v.scalar({"path_regex", "A regular expression (RE2) that matches the whole path.", ""},
           path_regex(p.path_regex));
  v.list({"methods", "Request methods; none: every method.", ""}, methods(p.methods));
  v.map({"headers",
         "Headers that must be there, all of them, with these values; \"\": with any value.", ""},
        header_matches(p.headers));
  v.map({"query",
         "Query parameters that must be there, all of them, with these values; \"\": with any "
         "value. Both sides compare decoded: %20 and + are blanks.",
         ""},
        query_matches(p.query));
  v.list({"clients", "Address ranges of clients; none: every client.", ""},
         address_ranges(p.clients));
  v.list({"regions", "Regions of clients, as `regions` finds them; none: every region.", ""},
         region_names(p.regions));
}

// `client_id` is short for a header.
static Scalar sticky_by(SplitPolicy& p) {
  constexpr std::size_t kNone = 0;
  constexpr std::size_t kClientId = 4;
  const auto set = [&p](std::size_t word) {
    p.sticky_by.reset();
    if (word == 1) p.sticky_by = ClientKey::client_ip;
    if (word == 2 || word == kClientId) p.sticky_by = ClientKey::header;
    if (word == 3) p.sticky_by = ClientKey::cookie;
    if (word == kClientId) p.sticky_name = "X-Client-Id";
  };
  const auto get = [&p]() -> std::size_t {
    if (!p.sticky_by) return kNone;
    if (*p.sticky_by == ClientKey::client_ip) return 1;
    return *p.sticky_by == ClientKey::header ? 2 : 3;
  };
  return choice_of({"none", "client_ip", "header", "cookie", "client_id"}, set, get);
}

static void visit_split(FieldVisitor& v, SplitPolicy& p, const Pools& pools) {
  v.scalar({"pool", "The name of a pool.", "", true}, pool_by_name(p.pool, pools));
  v.scalar({"weight", "Its share of the requests, relative to the others; 0: none.", ""},
           integer(p.weight, 0, kMany));
  v.scalar(
      {"sticky_by",
       "What keeps a client on one side, whatever it asks for and also while weights change; "
       "none: every request is drawn anew. It holds for the whole split. Who does not send the "
       "header or cookie goes by its address. client_id is the header X-Client-Id.",
       ""},
      sticky_by(p));
  v.scalar({"sticky_name", "Of the header or cookie.", ""}, field_name(p.sticky_name));
}

static void visit_mirror(FieldVisitor& v, MirrorPolicy& p, const Pools& pools) {
  v.scalar({"pool", "The name of a pool; empty: none.", ""}, pool_by_name(p.pool, pools));
  v.scalar({"percent", "The share of the requests that is copied.", "percent"},
           integer(p.percent, 0, 100));
}

void visit_fields(FieldVisitor& v, RateLimitPolicy& p) {
  v.scalar({"requests_per_second", "Sustained rate of one key; 0: no limit.", "per second"},
           decimal(p.requests_per_second, Decimal{0}, Decimal{1'000'000'000}));
  v.scalar({"burst", "Requests at once after a pause; 0: one second's worth.", "requests"},
           integer(p.burst, 0, kMany));
  v.scalar({"key",
            "Who shares a limit: the requests of one client_ip, those with one value of a header "
            "(without it: of one client_ip), or all of the route.",
            ""},
           choice(p.key, {{"client_ip", ClientKey::client_ip},
                          {"header", ClientKey::header},
                          {"route", ClientKey::route}}));
  v.scalar({"name", "Of the header.", ""}, field_name(p.name));
  v.scalar({"store", "redis: the replicas share the limit; local: each has its own.", ""},
           choice(p.shared, {{"local", false}, {"redis", true}}));
}

void visit_fields(FieldVisitor& v, RoutePolicy& p, const Pools& pools) {
  v.scalar({"name", "What logs and metrics call it.", "", true}, name(p.name));
  v.section({"match", "The requests it takes; what is absent matches everything.", ""},
            section(p.match));
  SectionList split = elements(
      p.split, 1, kMaxSplits,
      [&pools](FieldVisitor& inner, SplitPolicy& side) { visit_split(inner, side, pools); });
  v.sections({"split", "Where its requests go: one pool, or several by weight.", "", true}, split);
  v.section({"mirror", "Sends copies of requests to another pool and throws the answers away.", ""},
            section_of([&p, &pools](FieldVisitor& inner) { visit_mirror(inner, p.mirror, pools); },
                       [&p] { p.mirror = MirrorPolicy{}; }));
  v.scalar({"timeout",
            "From the complete request head to the response head, retries included. Bodies have "
            "idle timeouts only.",
            ""},
           duration(p.timeout, kShort, kDay));
  v.scalar({"priority", "Under overload the highest number is shed first.", ""},
           integer(p.priority, 0, 255));
  v.section({"rate_limit", "Answers 429 with Retry-After to who asks too often.", ""},
            switchable(p.rate_limit, [&p] { p.rate_limit = RateLimitPolicy{}; }));
}

}  // namespace evenkeel::core
