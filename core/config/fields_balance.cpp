// SPDX-License-Identifier: Apache-2.0
//
// The table of fields: how backends are picked. A line is all it takes to add one: the loader,
// configs/schema.json, configs/full.yaml and docs/configuration.md follow from it.
#include "field_sections.h"
#include "field_types.h"

namespace evenkeel::core {

void visit_fields(FieldVisitor& v, EwmaPolicy& p) {
  v.scalar({"decay", "A response time this old weighs a third (1/e) of a new one.", ""},
           duration(p.decay, 10ms, 1h));
  v.scalar({"default_rtt", "The response time of a backend not heard of yet.", ""},
           duration(p.default_rtt, 1us, 1min));
  v.scalar(
      {"failure_penalty",
       "A failure counts as an answer that took this long, or failing fast would attract.", ""},
      duration(p.failure_penalty, 0s, 1h));
}

void visit_fields(FieldVisitor& v, HashPolicy& p) {
  v.scalar({"on",
            "What requests are told apart by. Who does not send the header or cookie goes by the "
            "client's address.",
            ""},
           choice(p.on, {{"client_ip", HashKey::client_ip},
                         {"header", HashKey::header},
                         {"cookie", HashKey::cookie},
                         {"path", HashKey::path}}));
  v.scalar({"name", "Of the header or cookie.", ""}, field_name(p.name));
  v.scalar({"table_size",
            "Entries of maglev's table: a prime, well above the number of backends (about a "
            "hundred times for shares within one percent).",
            "entries"},
           integer(p.table_size, 2, 5'000'011));
  v.scalar({"minimum_ring_size", "Points on ring_hash's ring.", "points"},
           integer(p.minimum_ring_size, 1, 8 * 1024 * 1024));
  v.scalar({"balance_factor",
            "No backend gets more than this share of the mean in flight, as 125; the next in line "
            "helps out. 0: no bound.",
            "percent"},
           integer(p.balance_factor, 0, 10'000));
}

void visit_fields(FieldVisitor& v, SlowStartPolicy& p) {
  v.scalar({"window", "How long a backend takes to its full weight; 0: off.", ""},
           duration(p.window, 0s, kDay));
  v.scalar(
      {"aggression", "The weight grows with time to the power of 1/aggression: 1 is a line.", ""},
      decimal(p.aggression, Decimal{100}, Decimal{10'000}));
  v.scalar({"min_weight_percent", "Where it begins.", "percent"},
           integer(p.min_weight_percent, 1, 100));
}

void visit_fields(FieldVisitor& v, ZonePolicy& p) {
  v.scalar({"local_percent",
            "How much of the traffic stays in the replica's own `zone` while that can take it.",
            "percent"},
           integer(p.local_percent, 0, 100));
  v.scalar({"spill", "What the own zone cannot take goes to the others.", ""}, flag(p.spill));
}

void visit_fields(FieldVisitor& v, BalancePolicy& p) {
  v.scalar({"algorithm",
            "How a backend is picked. least_request compares choice_count backends drawn at random "
            "and takes the one with the fewest requests in flight for its weight; p2c is that with "
            "two; least_conn compares all. peak_ewma and score compare the response times of "
            "choice_count backends, score also their success. join_idle_queue prefers a backend "
            "with nothing to do. ring_hash, maglev and rendezvous keep what `hash.on` says on one "
            "backend. first fills one backend before it takes the next.",
            ""},
           choice(p.algorithm, {{"least_request", Algorithm::least_request},
                                {"p2c", Algorithm::least_request},
                                {"least_conn", Algorithm::least_conn},
                                {"round_robin", Algorithm::round_robin},
                                {"weighted_round_robin", Algorithm::weighted_round_robin},
                                {"random", Algorithm::random},
                                {"peak_ewma", Algorithm::peak_ewma},
                                {"score", Algorithm::score},
                                {"join_idle_queue", Algorithm::join_idle_queue},
                                {"ring_hash", Algorithm::ring_hash},
                                {"maglev", Algorithm::maglev},
                                {"rendezvous", Algorithm::rendezvous},
                                {"first", Algorithm::first}}));
  v.scalar({"choice_count", "Distinct backends that least_request, peak_ewma and score compare.",
            "backends"},
           integer(p.choice_count, 2, 64));
  v.scalar({"active_request_bias",
            "For least_request: how much requests in flight count against the weight. Above 1 "
            "more, 0 not at all.",
            ""},
           decimal(p.active_request_bias, Decimal{0}, Decimal{10'000}));
  v.section({"ewma", "For peak_ewma and score: how response times are averaged.", ""},
            section(p.ewma));
  v.section({"hash", "For ring_hash, maglev and rendezvous.", ""}, section(p.hash));
  v.section({"slow_start",
             "A backend that joins, or turns healthy again, begins with a part of its weight.", ""},
            switchable(p.slow_start, [&p] { p.slow_start.window = 0s; }));
  v.scalar({"panic_threshold",
            "With fewer healthy backends than this, all are used, whatever their health. 0: never.",
            "percent"},
           integer(p.panic_threshold, 0, 100));
  v.scalar({"overprovisioning_factor",
            "A priority level keeps all traffic while its healthy share times this is at least "
            "one.",
            ""},
           decimal(p.overprovisioning_factor, Decimal{1000}, Decimal{100'000}));
  v.section({"zones", "Prefers backends of the replica's own zone.", ""}, section(p.zones));
}

}  // namespace evenkeel::core
