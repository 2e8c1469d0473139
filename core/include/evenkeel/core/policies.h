// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/method.h"
#include "evenkeel/core/time.h"

// The typed configuration: plain values with the shipped defaults in place. Ranges, units and a
// sentence for every field stand once, in config/fields.h, which drives the loader, the JSON Schema
// and the documentation. A Config that came through the loader has been validated; one built by
// hand must keep to the same ranges.
namespace evenkeel::core {

using namespace std::chrono_literals;

// Where a backend listens. `host` is a name or a literal address.
struct Endpoint {
  std::string host;
  std::uint16_t port = 80;

  // "example.org:80", "[::1]:80": as a Host field says it.
  [[nodiscard]] std::string authority() const {
    const bool bare_v6 = host.find(':') != std::string::npos;
    return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// A number with three decimals, exactly: 1.4 is 1400 thousandths. Decisions compute with integers.
struct Decimal {
  std::uint32_t thousandths = 0;
  friend constexpr auto operator<=>(Decimal, Decimal) = default;
};

struct BackendPolicy {
  std::string id;  // "host:port" when the file does not say
  Endpoint endpoint;
  std::uint32_t weight = 1;        // 0: takes no new requests
  std::string zone;                // "": nowhere in particular
  std::uint32_t priority = 0;      // 0 is asked first
  std::uint32_t max_requests = 0;  // in flight; 0: the pool's limits.max_requests
  // Not from a file: no longer configured, but its place is kept while something may still refer to
  // it (reload.h).
  bool removed = false;
  friend bool operator==(const BackendPolicy&, const BackendPolicy&) = default;
};

enum class Algorithm : std::uint8_t {
  round_robin,
  weighted_round_robin,
  least_conn,
  least_request,
  random,
  peak_ewma,
  score,
  join_idle_queue,
  ring_hash,
  maglev,
  rendezvous,
  first,
};

// For peak_ewma and score: how response times are averaged.
struct EwmaPolicy {
  Duration decay = 10s;           // a sample this old weighs 1/e
  Duration default_rtt = 30ms;    // of a backend not heard of yet
  Duration failure_penalty = 5s;  // a failure counts as an answer this slow, or it would attract
  friend bool operator==(const EwmaPolicy&, const EwmaPolicy&) = default;
};

// For ring_hash, maglev and rendezvous: what requests are told apart by.
enum class HashKey : std::uint8_t { client_ip, header, cookie, path };

struct HashPolicy {
  HashKey on = HashKey::client_ip;
  std::string name;                        // of the header or cookie
  std::uint32_t table_size = 65537;        // maglev; a prime
  std::uint32_t minimum_ring_size = 1024;  // ring_hash; entries
  std::uint32_t balance_factor = 0;        // percent of a fair share; 0: no bound, else above 100
  friend bool operator==(const HashPolicy&, const HashPolicy&) = default;
};

// A backend that joins, or turns healthy again, begins with a part of its weight.
struct SlowStartPolicy {
  Duration window = 0s;      // 0: off
  Decimal aggression{1000};  // weight grows with time^(1/aggression)
  std::uint32_t min_weight_percent = 10;
  friend bool operator==(const SlowStartPolicy&, const SlowStartPolicy&) = default;
};

struct ZonePolicy {
  std::uint32_t local_percent = 100;  // of the requests stay in the replica's zone while it can
  bool spill = true;                  // other zones help when the own cannot
  friend bool operator==(const ZonePolicy&, const ZonePolicy&) = default;
};

struct BalancePolicy {
  Algorithm algorithm = Algorithm::least_request;
  std::uint32_t choice_count = 2;     // least_request, peak_ewma, score: distinct backends compared
  Decimal active_request_bias{1000};  // least_request: (in flight + 1)^bias / weight; 0: by weight
  EwmaPolicy ewma;
  HashPolicy hash;
  SlowStartPolicy slow_start;
  std::uint32_t panic_threshold = 50;  // percent healthy; 0: never
  Decimal overprovisioning_factor{1400};
  ZonePolicy zones;
  friend bool operator==(const BalancePolicy&, const BalancePolicy&) = default;
};

// An inclusive range of status codes, as in "200-399".
struct StatusRange {
  std::uint16_t first = 200;
  std::uint16_t last = 399;
  friend bool operator==(StatusRange, StatusRange) = default;
};

enum class CheckType : std::uint8_t { off, http, tcp };
enum class InitialState : std::uint8_t {
  healthy,    // takes traffic until checks say otherwise
  unhealthy,  // takes none until checks pass
  unchecked,  // takes none until the first result, at most one interval
};

struct HealthCheckPolicy {
  CheckType type = CheckType::http;
  std::string path = "/health";
  Duration interval = 10s;  // start to start
  Duration unhealthy_interval = 10s;
  Duration timeout = 5s;  // not above either interval: checks of a backend never overlap
  std::uint32_t unhealthy_threshold = 3;
  std::uint32_t healthy_threshold = 2;
  std::uint32_t jitter_percent = 10;  // of the interval, drawn anew for every check
  std::vector<StatusRange> expected_statuses = {StatusRange{}};
  InitialState initial_state = InitialState::healthy;
  std::uint32_t relax_factor = 1;  // stretches the interval while requests prove the backend well
  friend bool operator==(const HealthCheckPolicy&, const HealthCheckPolicy&) = default;
};

enum class SuccessRateMethod : std::uint8_t {
  off,
  mad,     // median and median absolute deviation: half of the pool may be bad
  stddev,  // mean and standard deviation, as Envoy does it
};

// Ejects who succeeds much less often than the others.
struct SuccessRatePolicy {
  SuccessRateMethod method = SuccessRateMethod::mad;
  Decimal factor{3000};                     // deviations below the middle
  std::uint32_t min_deviation_percent = 5;  // percentage points that are never an outlier
  std::uint32_t minimum_hosts = 3;          // with request_volume requests in the interval
  std::uint32_t request_volume = 100;
  friend bool operator==(const SuccessRatePolicy&, const SuccessRatePolicy&) = default;
};

// Ejects who fails more often than this, whatever the others do.
struct FailurePercentagePolicy {
  std::uint32_t threshold = 85;  // percent; 0: off
  std::uint32_t minimum_hosts = 3;
  std::uint32_t request_volume = 50;
  friend bool operator==(const FailurePercentagePolicy&, const FailurePercentagePolicy&) = default;
};

// Ejects who is many times slower than the median backend, by the 90th percentile.
struct LatencyOutlierPolicy {
  Decimal factor{0};  // 0: off
  Duration minimum = 100ms;
  std::uint32_t minimum_hosts = 3;
  std::uint32_t request_volume = 50;
  friend bool operator==(const LatencyOutlierPolicy&, const LatencyOutlierPolicy&) = default;
};

struct OutlierDetectionPolicy {
  bool enabled = true;
  std::uint32_t consecutive_failures = 5;          // 0: off
  std::uint32_t consecutive_gateway_failures = 0;  // 502, 503, 504 and no answer; 0: off
  Duration interval = 10s;  // of the statistics; and this long without ejection forgives one
  Duration base_ejection_time = 10s;
  Duration max_ejection_time = 300s;
  std::uint32_t ejection_jitter_percent = 10;
  std::uint32_t max_ejection_percent = 50;  // tested after the fact; never the last backend
  bool uneject_on_active_success = false;   // a passed check ends an ejection
  SuccessRatePolicy success_rate;
  FailurePercentagePolicy failure_percentage;
  LatencyOutlierPolicy latency;
  Decimal sinkhole_factor{0};  // how much faster than the median, with shorter bodies; 0: off
  friend bool operator==(const OutlierDetectionPolicy&, const OutlierDetectionPolicy&) = default;
};

struct CircuitBreakerPolicy {
  bool enabled = true;
  Duration window = 10s;
  std::uint32_t consecutive_failures = 0;        // 0: off
  std::uint32_t failure_count = 0;               // in the window; 0: off
  std::uint32_t failure_rate_threshold = 50;     // percent of the window; 0: off
  std::uint32_t minimum_requests = 20;           // before a rate means anything
  Duration slow_call_duration = 0s;              // to the response head; 0: nothing is slow
  std::uint32_t slow_call_rate_threshold = 100;  // percent of the window
  Duration open_duration = 30s;                  // doubles with every reopening
  Duration max_open_duration = 300s;
  std::uint32_t half_open_max_requests = 1;
  std::uint32_t half_open_successes = 2;
  std::optional<PoolIndex> fallback_pool;  // where requests go while nobody here takes any
  friend bool operator==(const CircuitBreakerPolicy&, const CircuitBreakerPolicy&) = default;
};

enum class QueueDiscipline : std::uint8_t {
  fifo,
  adaptive_lifo,  // newest first while there is a backlog: the oldest have given up already
  codel,          // fifo that sheds whoever waited too long while the queue never empties
};

// Of a whole pool; 0: no limit.
struct PoolLimits {
  std::uint32_t max_connections = 0;
  std::uint32_t max_requests = 0;
  std::uint32_t max_pending = 0;
  friend bool operator==(const PoolLimits&, const PoolLimits&) = default;
};

// How much a backend is given at once. Requests beyond it wait, those beyond max_pending are
// answered 503 at once.
struct LimitsPolicy {
  std::uint32_t max_connections = 1024;  // per backend, like the next two; 0: no limit
  std::uint32_t max_requests = 1024;
  std::uint32_t max_pending = 1024;
  Duration queue_timeout = 1s;
  QueueDiscipline queue_discipline = QueueDiscipline::fifo;
  Duration codel_target = 5ms;
  Duration codel_interval = 100ms;
  PoolLimits pool;
  friend bool operator==(const LimitsPolicy&, const LimitsPolicy&) = default;
};

// Finds the pool's limit of requests in flight from its latency (Gradient2).
struct AdaptiveConcurrencyPolicy {
  bool enabled = false;
  std::uint32_t min_limit = 20;
  std::uint32_t max_limit = 200;
  Decimal smoothing{200};
  friend bool operator==(const AdaptiveConcurrencyPolicy&,
                         const AdaptiveConcurrencyPolicy&) = default;
};

// What may be retried. Connect failures: any method, as no byte of the request left. The rest: only
// RetryPolicy::methods.
struct RetryConditions {
  bool connect_failure = true;
  bool reset_before_head = true;
  bool attempt_timeout = true;
  std::vector<std::uint16_t> statuses = {502, 504};  // a 503 only without Retry-After
  friend bool operator==(const RetryConditions&, const RetryConditions&) = default;
};

struct BackoffPolicy {
  Duration initial = 25ms;  // 0: retry at once
  Duration max = 250ms;
  friend bool operator==(const BackoffPolicy&, const BackoffPolicy&) = default;
};

// retries ≤ percent/100 · requests + min_per_second · (time + interval), over any stretch of time.
struct RetryBudgetPolicy {
  bool enabled = true;
  std::uint32_t percent = 10;
  std::uint32_t min_per_second = 3;
  Duration interval = 10s;
  friend bool operator==(const RetryBudgetPolicy&, const RetryBudgetPolicy&) = default;
};

struct HedgePolicy {
  bool enabled = false;
  Duration delay = 0s;  // a second attempt starts this long after the first; 0: the percentile
  std::uint32_t delay_percentile = 95;  // of the pool's recent response times
  Duration min_delay = 1ms;
  std::uint32_t budget_percent = 5;  // reserve and interval are the retry budget's
  friend bool operator==(const HedgePolicy&, const HedgePolicy&) = default;
};

struct RetryPolicy {
  std::uint32_t max_attempts = 3;  // in all; 1: no retries
  RetryConditions on;
  MethodSet methods = {Method::get, Method::head,    Method::options,
                       Method::put, Method::delete_, Method::trace};
  Duration attempt_timeout = 5s;  // to the response head
  BackoffPolicy backoff;
  bool respect_retry_after = true;         // an answer that asks to come back later is not retried
  std::uint64_t buffer_limit = 64 * 1024;  // bytes; a larger body is not replayable
  RetryBudgetPolicy budget;
  HedgePolicy hedge;
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};
inline constexpr std::uint32_t kMaxAttempts = 8;  // upper end of RetryPolicy::max_attempts

enum class SessionMode : std::uint8_t { none, cookie, header };
enum class SessionStoreKind : std::uint8_t { memory, redis };
enum class SessionFallback : std::uint8_t {
  off,
  signed_cookie,  // the cookie itself says the backend, under a signature
};
enum class SameSite : std::uint8_t { lax, strict, none };
enum class SecureCookie : std::uint8_t { automatic, always, never };  // automatic: over TLS

// Keeps a client on one backend.
struct SessionPolicy {
  SessionMode mode = SessionMode::none;
  std::string cookie = "EVENKEEL_SESSION";
  std::string header;
  Duration ttl = 1h;  // since last used
  SecureCookie secure = SecureCookie::automatic;
  bool http_only = true;
  SameSite same_site = SameSite::lax;
  SessionStoreKind store = SessionStoreKind::memory;
  std::uint32_t max_entries = 100'000;  // memory: the least recently used goes first
  std::uint32_t cache = 5000;           // redis: entries remembered here
  SessionFallback fallback = SessionFallback::signed_cookie;  // while the store does not answer
  bool strict = false;                                        // 503 rather than another backend
  friend bool operator==(const SessionPolicy&, const SessionPolicy&) = default;
};

struct ConnectionPoolPolicy {
  std::uint32_t max_idle_per_backend = 32;
  Duration idle_timeout = 60s;
  Duration connect_timeout = 1s;
  std::uint32_t max_reuse = 0;  // requests per connection; 0: no limit
  Duration body_idle_timeout = 30s;
  friend bool operator==(const ConnectionPoolPolicy&, const ConnectionPoolPolicy&) = default;
};

struct PoolPolicy {
  std::string name;
  bool removed = false;  // like BackendPolicy::removed
  std::vector<BackendPolicy> backends;
  BalancePolicy balance;
  HealthCheckPolicy health_check;
  OutlierDetectionPolicy outlier_detection;
  CircuitBreakerPolicy circuit_breaker;
  LimitsPolicy limits;
  AdaptiveConcurrencyPolicy adaptive_concurrency;
  RetryPolicy retry;
  SessionPolicy session;
  ConnectionPoolPolicy connection_pool;
  friend bool operator==(const PoolPolicy&, const PoolPolicy&) = default;
};

// A header or query parameter that must be there. `value` empty: with any value.
struct FieldMatch {
  std::string name;  // of a header in lower case
  std::string value;
  friend bool operator==(const FieldMatch&, const FieldMatch&) = default;
};

// A range of client addresses, IPv4 ones mapped into IPv6 (::ffff:a.b.c.d).
struct AddressRange {
  std::array<std::uint8_t, 16> address{};
  std::uint8_t prefix_bits = 0;  // 0 to 128
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

// Empty parts match everything.
struct RouteMatch {
  std::vector<std::string> hosts;  // lower case, without port
  std::string path_prefix = "/";
  std::string path_regex;  // RE2; of the whole path
  MethodSet methods;
  std::vector<FieldMatch> headers;  // all of them
  std::vector<FieldMatch> query;    // all of them
  std::vector<AddressRange> clients;
  std::vector<std::string> regions;
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

// Who shares a fate: the key of a rate limit or of a sticky split.
enum class ClientKey : std::uint8_t { client_ip, header, cookie, route };

struct SplitPolicy {
  PoolIndex pool{};
  std::uint32_t weight = 1;  // its share of the route's requests
  // The key that always takes the same side; nullopt: every request is drawn anew.
  std::optional<ClientKey> sticky_by;
  std::string sticky_name;  // of the header or cookie
  friend bool operator==(const SplitPolicy&, const SplitPolicy&) = default;
};

struct MirrorPolicy {
  std::optional<PoolIndex> pool;
  std::uint32_t percent = 0;
  friend bool operator==(const MirrorPolicy&, const MirrorPolicy&) = default;
};

struct RateLimitPolicy {
  Decimal requests_per_second{0};        // of one key; 0: off
  std::uint32_t burst = 0;               // 0: one second's worth
  ClientKey key = ClientKey::client_ip;  // not cookie
  std::string name;                      // of the header
  bool shared = false;                   // store: redis
  friend bool operator==(const RateLimitPolicy&, const RateLimitPolicy&) = default;
};

struct RoutePolicy {
  std::string name;
  RouteMatch match;
  std::vector<SplitPolicy> split{SplitPolicy{}};  // never empty, never all of weight 0
  MirrorPolicy mirror;
  Duration timeout = 15s;      // complete request head to response head, retries included
  std::uint32_t priority = 0;  // under overload the highest number is shed first
  RateLimitPolicy rate_limit;
  friend bool operator==(const RoutePolicy&, const RoutePolicy&) = default;
};

struct CertificatePolicy {
  std::string cert_file;
  std::string key_file;
  friend bool operator==(const CertificatePolicy&, const CertificatePolicy&) = default;
};

struct ListenerTimeouts {
  Duration request_header = 10s;  // absolute: dribbling does not extend it
  Duration body_idle = 30s;
  Duration keepalive = 75s;
  friend bool operator==(const ListenerTimeouts&, const ListenerTimeouts&) = default;
};

struct ListenerLimits {
  std::uint64_t max_header_bytes = 64 * 1024;
  std::uint32_t max_headers = 100;
  std::uint64_t max_body_bytes = 0;  // 0: no limit, bodies stream
  std::uint64_t max_uri_bytes = 8 * 1024;
  std::uint64_t max_buffered_bytes = 64 * 1024;  // per connection and direction
  friend bool operator==(const ListenerLimits&, const ListenerLimits&) = default;
};

struct ListenerPolicy {
  std::string name;
  Endpoint address;                             // literal address; port 0: the system picks one
  std::vector<CertificatePolicy> certificates;  // empty: plaintext
  std::uint32_t max_connections = 10000;
  ListenerTimeouts timeouts;
  ListenerLimits limits;
  friend bool operator==(const ListenerPolicy&, const ListenerPolicy&) = default;
};

struct AdminPolicy {
  Endpoint address{"127.0.0.1", 9901};
  friend bool operator==(const AdminPolicy&, const AdminPolicy&) = default;
};

enum class OverloadAction : std::uint8_t { disable_keepalive, shed_low_priority, stop_accepting };

struct OverloadPolicy {
  Duration refresh = 250ms;
  std::uint32_t max_memory_percent = 90;
  std::vector<OverloadAction> actions = {OverloadAction::disable_keepalive,
                                         OverloadAction::shed_low_priority,
                                         OverloadAction::stop_accepting};
  friend bool operator==(const OverloadPolicy&, const OverloadPolicy&) = default;
};

struct RegionRange {
  AddressRange range;
  std::string region;
  friend bool operator==(const RegionRange&, const RegionRange&) = default;
};

// A request's region: the header's when a trusted proxy says it, else by the client's address.
struct RegionPolicy {
  std::string header;                // lower case; "": none
  std::vector<RegionRange> clients;  // the longest prefix wins
  friend bool operator==(const RegionPolicy&, const RegionPolicy&) = default;
};

// The server that keeps what replicas share: sessions and shared rate limits.
struct RedisPolicy {
  std::string url;  // "": none
  Duration timeout = 50ms;
  std::uint32_t max_waiting = 64;  // requests that wait for it; others go on as if it had failed
  bool fail_open = true;           // without its answer, go on; otherwise 503
  friend bool operator==(const RedisPolicy&, const RedisPolicy&) = default;
};

struct DrainPolicy {
  Duration grace = 5s;     // readiness fails this long before connections close
  Duration timeout = 30s;  // then what is left is cut
  friend bool operator==(const DrainPolicy&, const DrainPolicy&) = default;
};

enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LoggingPolicy {
  LogLevel level = LogLevel::info;
  bool access = true;
  std::string access_file;  // "": standard output
  friend bool operator==(const LoggingPolicy&, const LoggingPolicy&) = default;
};

struct Config {
  std::uint32_t version = 1;
  std::string zone;  // where this replica runs
  AdminPolicy admin;
  std::vector<ListenerPolicy> listeners;
  // Never empty once loaded: without any, one leads to the only pool.
  std::vector<RoutePolicy> routes;
  std::vector<PoolPolicy> pools;
  RegionPolicy regions;
  RedisPolicy redis;
  OverloadPolicy overload;
  DrainPolicy drain;
  LoggingPolicy logging;
  std::uint32_t workers = 1;  // more than one follows with the worker messages
  // The highest priority number of any route.
  [[nodiscard]] std::uint32_t least_important() const {
    std::uint32_t highest = 0;
    for (const RoutePolicy& route : routes) highest = std::max(highest, route.priority);
    return highest;
  }
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace evenkeel::core
