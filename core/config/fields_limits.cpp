// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: limits and sessions. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

static void visit_pool_limits(FieldVisitor& v, PoolLimits& p) {
  v.scalar({"max_connections", "Connections to all its backends; 0: no limit.", "connections"},
           integer(p.max_connections, 0, kMany));
  v.scalar({"max_requests", "Requests in flight to all its backends; 0: no limit.", "requests"},
           integer(p.max_requests, 0, kMany));
  v.scalar({"max_pending", "Requests that wait for any of them; 0: no limit.", "requests"},
           integer(p.max_pending, 0, kMany));
}

void visit_fields(FieldVisitor& v, LimitsPolicy& p) {
  v.scalar({"max_connections", "Connections to one backend; 0: no limit.", "connections"},
           integer(p.max_connections, 0, kMany));
  v.scalar(
      {"max_requests", "Requests in flight to one backend; more wait. 0: no limit.", "requests"},
      integer(p.max_requests, 0, kMany));
  v.scalar({"max_pending",
            "Requests that wait, for each backend of the pool; more are answered 503 at once. 0: "
            "no limit.",
            "requests"},
           integer(p.max_pending, 0, kMany));
  v.scalar({"queue_timeout", "How long a request may wait; then it is answered 503.", ""},
           duration(p.queue_timeout, 0s, 1h));
  v.scalar({"queue_discipline",
            "Who is next: fifo the oldest; adaptive_lifo the newest while there is a backlog, as "
            "the oldest have given up already; codel the oldest, and who waited too long is shed "
            "while the queue never empties.",
            ""},
           choice(p.queue_discipline, {{"fifo", QueueDiscipline::fifo},
                                       {"adaptive_lifo", QueueDiscipline::adaptive_lifo},
                                       {"codel", QueueDiscipline::codel}}));
  v.scalar({"codel_target", "For codel: a wait above this is too long.", ""},
           duration(p.codel_target, kShort, 1min));
  v.scalar({"codel_interval", "For codel: a queue may be that long for this long.", ""},
           duration(p.codel_interval, kShort, 10min));
  v.section({"pool", "Of the pool as a whole.", ""},
            section_of([&p](FieldVisitor& inner) { visit_pool_limits(inner, p.pool); }));
}

void visit_fields(FieldVisitor& v, AdaptiveConcurrencyPolicy& p) {
  v.scalar({"enabled", "Finds the limit of requests in flight from the response times.", ""},
           flag(p.enabled));
  v.scalar({"algorithm", "How: by the gradient of long-term and short-term response times.", ""},
           constant("gradient2"));
  v.scalar({"min_limit", "Never below this many.", "requests"}, integer(p.min_limit, 1, kMany));
  v.scalar({"max_limit", "Never above this many.", "requests"}, integer(p.max_limit, 1, kMany));
  v.scalar({"smoothing", "The share of a new estimate in the limit.", ""},
           decimal(p.smoothing, Decimal{1}, Decimal{1000}));
}

void visit_fields(FieldVisitor& v, SessionPolicy& p) {
  v.scalar({"mode", "How a client shows its session: by a cookie of ours, or by a header.", ""},
           choice(p.mode, {{"none", SessionMode::none},
                           {"cookie", SessionMode::cookie},
                           {"header", SessionMode::header}}));
  v.scalar({"cookie", "The cookie's name.", ""}, field_name(p.cookie));
  v.scalar({"header", "The header's name; required for mode header.", ""}, header_name(p.header));
  v.scalar({"ttl", "A session ends when it was not used for this long.", ""},
           duration(p.ttl, 1s, 30 * kDay));
  v.scalar({"secure", "The cookie's Secure attribute; auto: over TLS.", ""},
           choice(p.secure, {{"auto", SecureCookie::automatic},
                             {"always", SecureCookie::always},
                             {"never", SecureCookie::never}}));
  v.scalar({"http_only", "The cookie's HttpOnly attribute: scripts cannot read it.", ""},
           flag(p.http_only));
  v.scalar(
      {"same_site", "The cookie's SameSite attribute; none needs secure: always.", ""},
      choice(p.same_site,
             {{"lax", SameSite::lax}, {"strict", SameSite::strict}, {"none", SameSite::none}}));
  v.scalar(
      {"store", "Where sessions are kept; redis is shared by replicas.", ""},
      choice(p.store, {{"memory", SessionStoreKind::memory}, {"redis", SessionStoreKind::redis}}));
  v.scalar({"max_entries", "Sessions kept in memory; beyond it the least recently used goes.",
            "sessions"},
           integer(p.max_entries, 1, 10 * kMany));
  v.scalar({"cache", "For store redis: sessions remembered here as well.", "sessions"},
           integer(p.cache, 0, kMany));
  v.scalar({"fallback",
            "While the store does not answer: signed_cookie writes the backend into the cookie, "
            "under a signature.",
            ""},
           choice(p.fallback, {{"signed_cookie", SessionFallback::signed_cookie},
                               {"off", SessionFallback::off}}));
  v.scalar(
      {"strict",
       "Answers 503 when a session's backend may not serve, rather than moving the session.", ""},
      flag(p.strict));
}

}  // namespace evenkeel::core
