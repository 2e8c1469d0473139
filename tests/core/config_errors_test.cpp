// SPDX-License-Identifier: Apache-2.0
//
// A table of bad files: their bytes in, the lines that a user reads out.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "evenkeel/core/config/loader.h"

namespace evenkeel::core {
namespace {

struct BadFile {
  std::string name;
  std::string text;
  std::string errors;
};

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }

// clang-format off
const std::vector<BadFile>& bad_files() {
  static const std::vector<BadFile> kFiles = {
    {"AnEmptyFile",
     "",
     "f.yaml: the file is empty\n"},
    {"OnlyAComment",
     "# hi\n",
     "f.yaml: the file is empty\n"},
    {"AScalarInsteadOfAMap",
     "hello",
     "f.yaml:1:1: expected a map, found \"hello\"\n"},
    {"AListInsteadOfAMap",
     "- a\n",
     "f.yaml:1:1: expected a map, found a list\n"},
    {"NothingBetweenTheDashes",
     "---\n",
     "f.yaml:2:1: expected a map, found nothing\n"},
    {"NoPools",
     "listeners: [{address: 0.0.0.0:8080}]\n",
     "f.yaml:1:1: pools: is required\n"},
    {"NoListeners",
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n",
     "f.yaml:1:1: listeners: is required\n"},
    {"EmptyLists",
     "listeners: []\n"
     "pools: []\n",
     "f.yaml:1:12: listeners: expected at least one element\n"
     "f.yaml:2:8: pools: expected at least one element\n"},
    {"KeysWithoutValues",
     "listeners:\n"
     "pools:\n",
     "f.yaml:1:1: listeners: expected a list, found nothing\n"
     "f.yaml:2:1: pools: expected a list, found nothing\n"},
    {"MapsInsteadOfLists",
     "listeners: {}\n"
     "pools: {main: {}}\n",
     "f.yaml:1:12: listeners: expected a list, found a map\n"
     "f.yaml:2:8: pools: expected a list, found a map\n"},
    {"UnknownKeysWithASuggestion",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry:\n"
     "    max_attempt: 3\n"
     "  frobnicate: 1\n"
     "zzz: 1\n",
     "f.yaml:6:5: pools[0].retry.max_attempt: unknown key; did you mean \"max_attempts\"?\n"
     "f.yaml:7:3: pools[0].frobnicate: unknown key; known here: name, backends, balance, "
     "health_check, outlier_detection, circuit_breaker, limits, adaptive_concurrency, retry, "
     "session, connection_pool\n"
     "f.yaml:8:1: zzz: unknown key; known here: version, zone, admin, listeners, pools, routes, "
     "regions, redis, overload, drain, logging, workers\n"},
    {"KeysGivenTwice",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {max_attempts: 2, max_attempts: 3}\n"
     "pools: []\n",
     "f.yaml:5:28: pools[0].retry.max_attempts: this key was already given on line 5\n"
     "f.yaml:6:1: pools: this key was already given on line 2\n"},
    {"WrongTypes",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry:\n"
     "    max_attempts: three\n"
     "    attempt_timeout: 5\n"
     "    buffer_limit: 64KB\n"
     "    methods: GET\n"
     "    on: [connect_failur, 200, 503]\n"
     "    hedge: {enabled: yes}\n",
     "f.yaml:6:19: pools[0].retry.max_attempts: expected a whole number from 1 to 8, found "
     "\"three\"\n"
     "f.yaml:7:22: pools[0].retry.attempt_timeout: expected a duration from 1ms to 24h such as "
     "250ms, 10s or 1m30s, found \"5\"\n"
     "f.yaml:8:19: pools[0].retry.buffer_limit: expected a size from 0 to 16MiB such as 64KiB, "
     "1MiB or plain bytes, found \"64KB\"\n"
     "f.yaml:9:14: pools[0].retry.methods: expected a list, found \"GET\"\n"
     "f.yaml:10:10: pools[0].retry.on[0]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"connect_failur\"; did you mean "
     "\"connect_failure\"?\n"
     "f.yaml:10:26: pools[0].retry.on[1]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"200\"\n"
     "f.yaml:11:22: pools[0].retry.hedge.enabled: expected true or false, found \"yes\"\n"},
    {"ValuesOutOfRange",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {max_attempts: 9, attempt_timeout: 0}\n"
     "  health_check: {jitter_percent: 101, interval: 1ms, expected_statuses: [99-200, 300-200, "
     "abc]}\n",
     "f.yaml:5:25: pools[0].retry.max_attempts: expected a whole number from 1 to 8, found "
     "\"9\"\n"
     "f.yaml:5:45: pools[0].retry.attempt_timeout: expected a duration from 1ms to 24h such as "
     "250ms, 10s or 1m30s, found \"0\"\n"
     "f.yaml:6:34: pools[0].health_check.jitter_percent: expected a whole number from 0 to 100, "
     "found \"101\"\n"
     "f.yaml:6:49: pools[0].health_check.interval: expected a duration from 10ms to 24h such as "
     "250ms, 10s or 1m30s, found \"1ms\"\n"
     "f.yaml:6:74: pools[0].health_check.expected_statuses[0]: expected a status code or range "
     "from 100 to 599 such as 200-399, found \"99-200\"\n"
     "f.yaml:6:82: pools[0].health_check.expected_statuses[1]: expected a status code or range "
     "from 100 to 599 such as 200-399, found \"300-200\"\n"
     "f.yaml:6:91: pools[0].health_check.expected_statuses[2]: expected a status code or range "
     "from 100 to 599 such as 200-399, found \"abc\"\n"},
    {"NumbersInQuotes",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {max_attempts: \"3\"}\n",
     "f.yaml:5:25: pools[0].retry.max_attempts: expected a whole number from 1 to 8, found \"3\" "
     "in quotes: leave them out\n"},
    {"NegativeNumbers",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {max_attempts: -1}\n",
     "f.yaml:5:25: pools[0].retry.max_attempts: expected a whole number from 1 to 8, found "
     "\"-1\"\n"},
    {"NumbersTooLargeForAnyType",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {max_attempts: 99999999999999999999999}\n",
     "f.yaml:5:25: pools[0].retry.max_attempts: expected a whole number from 1 to 8, found "
     "\"99999999999999999999999\"\n"},
    {"BadDurations",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check: {interval: 10 s, timeout: 1.5s, unhealthy_interval: 1s1m}\n",
     "f.yaml:5:28: pools[0].health_check.interval: expected a duration from 10ms to 24h such as "
     "250ms, 10s or 1m30s, found \"10 s\"\n"
     "f.yaml:5:43: pools[0].health_check.timeout: expected a duration from 1ms to 24h such as "
     "250ms, 10s or 1m30s, found \"1.5s\"\n"
     "f.yaml:5:69: pools[0].health_check.unhealthy_interval: expected a duration from 10ms to "
     "24h such as 250ms, 10s or 1m30s, found \"1s1m\"\n"},
    {"DurationsThatOverflow",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check: {interval: 99999999999h}\n",
     "f.yaml:5:28: pools[0].health_check.interval: expected a duration from 10ms to 24h such as "
     "250ms, 10s or 1m30s, found \"99999999999h\"\n"},
    {"BadUrls",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends:\n"
     "  - url: https://a:1\n"
     "  - url: 10.0.0.1:80\n"
     "  - url: http://10.0.0.256:80\n"
     "  - url: http://a:0\n"
     "  - url: http://a:70000\n"
     "  - url: http://a/x\n"
     "  - url: http://[::1]:80\n"
     "  - url: http://[::g]:80\n"
     "  - url: http://u@a:80\n"
     "  - url: http://\n"
     "  - {}\n",
     "f.yaml:5:10: pools[0].backends[0].url: expected a URL that begins with http:// (TLS to "
     "backends is not available yet), found \"https://a:1\"\n"
     "f.yaml:6:10: pools[0].backends[1].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080, found \"10.0.0.1:80\"\n"
     "f.yaml:7:10: pools[0].backends[2].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080, found \"http://10.0.0.256:80\"\n"
     "f.yaml:8:10: pools[0].backends[3].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080 with a port from 1 to 65535, found \"http://a:0\"\n"
     "f.yaml:9:10: pools[0].backends[4].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080 with a port from 1 to 65535, found \"http://a:70000\"\n"
     "f.yaml:10:10: pools[0].backends[5].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080 without a path (requests keep their own), found \"http://a/x\"\n"
     "f.yaml:12:10: pools[0].backends[7].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080, found \"http://[::g]:80\"\n"
     "f.yaml:13:10: pools[0].backends[8].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080, found \"http://u@a:80\"\n"
     "f.yaml:14:10: pools[0].backends[9].url: expected a URL such as http://10.0.0.1:8080 or "
     "http://[::1]:8080, found \"http://\"\n"
     "f.yaml:15:5: pools[0].backends[10].url: is required\n"},
    {"BadListenAddresses",
     "listeners: [{address: localhost:8080}, {address: 0.0.0.0}, {address: ':80'}, {address: "
     "'[::]:80'}, {}, {address: '1.2.3.4:'}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n",
     "f.yaml:1:23: listeners[0].address: expected an address and port such as 0.0.0.0:8080, "
     "127.0.0.1:8080 or [::]:8080, found \"localhost:8080\"\n"
     "f.yaml:1:50: listeners[1].address: expected an address and port such as 0.0.0.0:8080, "
     "127.0.0.1:8080 or [::]:8080, found \"0.0.0.0\"\n"
     "f.yaml:1:70: listeners[2].address: expected an address and port such as 0.0.0.0:8080, "
     "127.0.0.1:8080 or [::]:8080, found \":80\"\n"
     "f.yaml:1:100: listeners[4].address: is required\n"
     "f.yaml:1:114: listeners[5].address: expected an address and port such as 0.0.0.0:8080, "
     "127.0.0.1:8080 or [::]:8080 with a port from 0 to 65535, found \"1.2.3.4:\"\n"},
    {"NamesUsedTwice",
     "listeners: [{address: 0.0.0.0:8080}, {address: 0.0.0.0:8080, name: b}, {address: "
     "0.0.0.0:81, name: b}, {address: '127.0.0.1:9901'}]\n"
     "pools:\n"
     "- name: a\n"
     "  backends: [{url: http://b:1}, {url: http://b:1}, {id: x, url: http://b:2}, {id: x, url: "
     "http://b:3}]\n"
     "- name: a\n"
     "  backends: [{url: http://b:1}]\n",
     "f.yaml:1:1: routes: is required, as there are several pools to choose from\n"
     "f.yaml:1:48: listeners[1].address: the address \"0.0.0.0:8080\" is already that of "
     "listeners[0]\n"
     "f.yaml:1:100: listeners[2].name: the name \"b\" is already that of listeners[1]\n"
     "f.yaml:1:114: listeners[3].address: the address \"127.0.0.1:9901\" is already that of "
     "admin\n"
     "f.yaml:4:33: pools[0].backends[1]: the id \"b:1\" is already that of pools[0].backends[0]\n"
     "f.yaml:4:83: pools[0].backends[3].id: the id \"x\" is already that of "
     "pools[0].backends[2]\n"
     "f.yaml:5:9: pools[1].name: the name \"a\" is already that of pools[0]\n"},
    {"ContradictoryTimes",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check: {timeout: 3s, interval: 2s}\n"
     "  outlier_detection: {base_ejection_time: 10m}\n"
     "  circuit_breaker: {open_duration: 10m, failure_rate_threshold: 0}\n"
     "  retry: {backoff: {initial: 1s}, attempt_timeout: 20s, hedge: {enabled: true, delay: "
     "20s}}\n"
     "  limits: {queue_discipline: codel, codel_target: 1s}\n"
     "  adaptive_concurrency: {enabled: true, min_limit: 300}\n",
     "f.yaml:5:27: pools[0].health_check.timeout: timeout (3s) must not be longer than interval "
     "(2s)\n"
     "f.yaml:6:43: pools[0].outlier_detection.base_ejection_time: base_ejection_time (10m) must "
     "not be longer than max_ejection_time (5m)\n"
     "f.yaml:7:36: pools[0].circuit_breaker.open_duration: open_duration (10m) must not be "
     "longer than max_open_duration (5m)\n"
     "f.yaml:7:65: pools[0].circuit_breaker.failure_rate_threshold: with consecutive_failures, "
     "failure_count, failure_rate_threshold and slow_call_duration all 0 nothing can open the "
     "breaker: set one, or write circuit_breaker: off\n"
     "f.yaml:8:30: pools[0].retry.backoff.initial: initial (1s) must not be longer than max "
     "(250ms)\n"
     "f.yaml:8:52: pools[0].retry.attempt_timeout: the route's timeout (15s) must not be shorter "
     "than attempt_timeout of its pool (20s), which it includes\n"
     "f.yaml:8:87: pools[0].retry.hedge.delay: delay (20s) must be shorter than attempt_timeout "
     "(20s), or the first attempt has ended before a second begins\n"
     "f.yaml:9:51: pools[0].limits.codel_target: codel_target (1s) must not be longer than "
     "codel_interval (100ms)\n"
     "f.yaml:10:52: pools[0].adaptive_concurrency.min_limit: min_limit (300) must not be above "
     "max_limit (200)\n"},
    {"AnIntervalBelowTheDefaultTimeout",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check:\n"
     "    interval: 2s\n",
     "f.yaml:6:15: pools[0].health_check.interval: timeout (5s) must not be longer than interval "
     "(2s)\n"},
    {"ATimeoutAboveBothIntervals",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check: {timeout: 3s, interval: 2s, unhealthy_interval: 1s}\n",
     "f.yaml:5:27: pools[0].health_check.timeout: timeout (3s) must not be longer than interval "
     "(2s)\n"
     "f.yaml:5:27: pools[0].health_check.timeout: timeout (3s) must not be longer than "
     "unhealthy_interval (1s)\n"},
    {"ContradictionsOfRefusedValuesAreNotReported",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  health_check: {timeout: 3x, interval: 2s}\n"
     "  outlier_detection: [1]\n"
     "routes:\n"
     "- name: a\n"
     "  split: [{pool: mian}]\n"
     "  timeout: 1s\n",
     "f.yaml:5:27: pools[0].health_check.timeout: expected a duration from 1ms to 24h such as "
     "250ms, 10s or 1m30s, found \"3x\"\n"
     "f.yaml:6:22: pools[0].outlier_detection: expected a map or off, found a list\n"
     "f.yaml:9:18: routes[0].split[0].pool: expected the name of a pool (there are: main), found "
     "\"mian\"\n"},
    {"BadRoutes",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "routes:\n"
     "- name: a\n"
     "  split: [{pool: mian}]\n"
     "- name: a\n"
     "  match: {hosts: ['*', 'a:1'], path_prefix: x, methods: [get]}\n"
     "  split: [{pool: main}, {pool: main}]\n"
     "- split: [{pool: main, wait: 100}]\n"
     "- name: c\n"
     "  split: []\n"
     "- name: d\n",
     "f.yaml:7:18: routes[0].split[0].pool: expected the name of a pool (there are: main), found "
     "\"mian\"\n"
     "f.yaml:8:9: routes[1].name: the name \"a\" is already that of routes[0]\n"
     "f.yaml:9:19: routes[1].match.hosts[0]: expected a host name without port, such as "
     "api.example.com or *.example.com, found \"*\"\n"
     "f.yaml:9:24: routes[1].match.hosts[1]: expected a host name without port, such as "
     "api.example.com or *.example.com, found \"a:1\"\n"
     "f.yaml:9:45: routes[1].match.path_prefix: expected a path that begins with /, without "
     "spaces, query or fragment, found \"x\"\n"
     "f.yaml:9:58: routes[1].match.methods[0]: expected one of GET, HEAD, POST, PUT, DELETE, "
     "OPTIONS, TRACE, PATCH, CONNECT, found \"get\"; did you mean \"GET\"?\n"
     "f.yaml:10:32: routes[1].split[1].pool: this pool is already that of split[0]\n"
     "f.yaml:11:3: routes[2].name: is required\n"
     "f.yaml:11:24: routes[2].split[0].wait: unknown key; known here: pool, weight, sticky_by, "
     "sticky_name\n"
     "f.yaml:13:10: routes[3].split: expected at least one element\n"
     "f.yaml:14:3: routes[4].split: is required\n"},
    {"SeveralPoolsWithoutRoutes",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "- name: b\n"
     "  backends: [{url: http://b:1}]\n",
     "f.yaml:1:1: routes: is required, as there are several pools to choose from\n"},
    {"MoreWorkersAndOtherVersions",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "workers: 2\n"
     "version: 2\n",
     "f.yaml:5:10: workers: more than one worker is not available yet: use 1\n"
     "f.yaml:6:10: version: expected 1, found \"2\"\n"},
    {"ACertificateWithoutItsKey",
     "listeners: [{address: 0.0.0.0:8080, tls: {certificates: [{cert_file: a}]}}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n",
     "f.yaml:1:58: listeners[0].tls.certificates[0].key_file: is required\n"},
    {"OffWhereItMeansNothing",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: none\n"
     "  balance: off\n"
     "  health_check: false\n"
     "  circuit_breaker: {enabled: false}\n"
     "admin: off\n",
     "f.yaml:5:10: pools[0].retry: expected a map or off, found \"none\"\n"
     "f.yaml:6:12: pools[0].balance: expected a map, found \"off\"\n"
     "f.yaml:7:17: pools[0].health_check: expected a map or off, found \"false\"\n"
     "f.yaml:8:21: pools[0].circuit_breaker.enabled: unknown key; known here: window, "
     "consecutive_failures, failure_count, failure_rate_threshold, minimum_requests, "
     "slow_call_duration, slow_call_rate_threshold, open_duration, max_open_duration, "
     "half_open_max_requests, half_open_successes, fallback_pool\n"
     "f.yaml:9:8: admin: expected a map, found \"off\"\n"},
    {"P2cWithAnotherNumberOfChoices",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  balance: {algorithm: p2c, choice_count: 3}\n",
     "f.yaml:5:43: pools[0].balance.choice_count: p2c compares two backends; for another number "
     "say least_request\n"},
    {"AMisspeltAlgorithm",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  balance: {algorithm: least_con}\n",
     "f.yaml:5:24: pools[0].balance.algorithm: expected one of least_request, p2c, least_conn, "
     "round_robin, weighted_round_robin, random, peak_ewma, score, join_idle_queue, ring_hash, "
     "maglev, rendezvous, first, found \"least_con\"; did you mean "
     "\"least_conn\"?\n"},
    {"AnUnknownAlgorithm",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  balance: {algorithm: magic}\n",
     "f.yaml:5:24: pools[0].balance.algorithm: expected one of least_request, p2c, least_conn, "
     "round_robin, weighted_round_robin, random, peak_ewma, score, join_idle_queue, ring_hash, "
     "maglev, rendezvous, first, found \"magic\"\n"},
    {"HashesThatCannotWork",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  balance: {algorithm: maglev, hash: {on: header, table_size: 65536, balance_factor: 100}}\n",
     "f.yaml:5:43: pools[0].balance.hash.on: hashing by a header or cookie needs its name: set "
     "hash.name\n"
     "f.yaml:5:63: pools[0].balance.hash.table_size: table_size (65536) must be a prime, such as "
     "65521 or 65537\n"
     "f.yaml:5:86: pools[0].balance.hash.balance_factor: balance_factor (100) must be above 100, "
     "such as 125, or 0 for no bound\n"},
    {"AMaglevTableSmallerThanItsPool",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://a}, {url: http://b}, {url: http://c}]\n"
     "  balance: {algorithm: maglev, hash: {table_size: 2}}\n",
     "f.yaml:5:51: pools[0].balance.hash.table_size: table_size (2) must not be below the number "
     "of backends (3), or some get nothing\n"},
    {"DecimalsWithTooManyDigits",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  balance: {overprovisioning_factor: 1.4001, active_request_bias: -1}\n"
     "  adaptive_concurrency: {smoothing: 1.}\n"
     "  outlier_detection: {latency: {factor: \"3\"}, success_rate: {factor: 1e3}}\n",
     "f.yaml:5:38: pools[0].balance.overprovisioning_factor: expected a number from 1 to 100 with "
     "at most three decimals, found \"1.4001\"\n"
     "f.yaml:5:67: pools[0].balance.active_request_bias: expected a number from 0 to 10 with at "
     "most three decimals, found \"-1\"\n"
     "f.yaml:6:37: pools[0].adaptive_concurrency.smoothing: expected a number from 0.001 to 1 with "
     "at most three decimals, found \"1.\"\n"
     "f.yaml:7:41: pools[0].outlier_detection.latency.factor: expected a number from 0 to 1000 "
     "with at most three decimals, found \"3\" in quotes: leave them out\n"
     "f.yaml:7:70: pools[0].outlier_detection.success_rate.factor: expected a number from 0.1 to "
     "100 with at most three decimals, found \"1e3\"\n"},
    {"FactorsOfAMedianThatEverybodyExceeds",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  outlier_detection: {latency: {factor: 1}, sinkhole: {factor: 0.5}}\n",
     "f.yaml:5:41: pools[0].outlier_detection.latency.factor: must be above 1, as it multiplies the "
     "median, or 0 for off\n"
     "f.yaml:5:64: pools[0].outlier_detection.sinkhole.factor: must be above 1, as it multiplies "
     "the median, or 0 for off\n"},
    {"PoolsAndRoutesThatTakeNothing",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://a, weight: 0}, {url: http://b, weight: 0}]\n"
     "routes:\n"
     "- name: a\n"
     "  split: [{pool: main, weight: 0}]\n",
     "f.yaml:4:38: pools[0].backends[0].weight: with every weight 0 no backend takes a request: "
     "set one above 0\n"
     "f.yaml:7:32: routes[0].split[0].weight: with every weight 0 the route leads nowhere: set one "
     "above 0\n"},
    {"FallbacksThatLeadBack",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- {name: a, backends: [{url: http://a}], circuit_breaker: {fallback_pool: b}}\n"
     "- {name: b, backends: [{url: http://b}], circuit_breaker: {fallback_pool: c}}\n"
     "- {name: c, backends: [{url: http://c}], circuit_breaker: {fallback_pool: b}}\n"
     "- {name: d, backends: [{url: http://d}], circuit_breaker: {fallback_pool: d}}\n"
     "- {name: e, backends: [{url: http://e}], circuit_breaker: {fallback_pool: f}}\n"
     "routes: [{name: a, split: [{pool: a}]}]\n",
     "f.yaml:4:75: pools[1].circuit_breaker.fallback_pool: fallbacks must not lead back: b > c > "
     "b\n"
     "f.yaml:6:75: pools[3].circuit_breaker.fallback_pool: a pool cannot be its own fallback\n"
     "f.yaml:7:75: pools[4].circuit_breaker.fallback_pool: expected the name of a pool (there are: "
     "a, b, c, d, e), found \"f\"\n"},
    {"SessionsThatCannotWork",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  session: {mode: header, same_site: none}\n"
     "- {name: b, backends: [{url: http://b}], session: {mode: cookie, cookie: ''}}\n"
     "- {name: c, backends: [{url: http://c}], session: {mode: cookie, cookie: 'a b'}}\n"
     "routes: [{name: a, split: [{pool: main}]}]\n",
     "f.yaml:5:19: pools[0].session.mode: mode header needs the header's name\n"
     "f.yaml:5:38: pools[0].session.same_site: browsers drop cookies with same_site: none unless "
     "they are secure: set secure: always\n"
     "f.yaml:6:74: pools[1].session.cookie: mode cookie needs the cookie's name\n"
     "f.yaml:7:74: pools[2].session.cookie: expected a header or cookie name such as X-Client-Id, "
     "found \"a b\"\n"},
    {"StoresWithoutAServer",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools: [{name: p, backends: [{url: http://a}], session: {mode: cookie, store: redis}}]\n"
     "routes: [{name: a, split: [{pool: p}], rate_limit: {requests_per_second: 1, store: "
     "redis}}]\n",
     "f.yaml:2:79: pools[0].session.store: store: redis needs a server: set redis.url\n"
     "f.yaml:3:84: routes[0].rate_limit.store: store: redis needs a server: set redis.url\n"},
    {"AServerThatIsNone",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools: [{name: p, backends: [{url: http://a}]}]\n"
     "redis: {url: 'redis://a:0', timeout: 0}\n",
     "f.yaml:3:14: redis.url: expected a URL such as redis://10.0.0.1:6379 or "
     "redis://:password@host:6379/0 with a port from 1 to 65535, found \"redis://a:0\"\n"
     "f.yaml:3:38: redis.timeout: expected a duration from 1ms to 1m such as 250ms, 10s or 1m30s, "
     "found \"0\"\n"},
    {"SidesAndLimitsWithoutNames",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "- {name: b, backends: [{url: http://b}]}\n"
     "routes:\n"
     "- name: a\n"
     "  split: [{pool: main, sticky_by: header}, {pool: b, sticky_by: client_ip}]\n"
     "  mirror: {percent: 5}\n"
     "  rate_limit: {requests_per_second: 5, key: header}\n"
     "  match: {regions: [eu]}\n",
     "f.yaml:8:35: routes[0].split[0].sticky_by: a header or cookie needs its name: set "
     "sticky_name\n"
     "f.yaml:8:65: routes[0].split[1].sticky_by: a split is sticky by one thing, and another side "
     "says something else\n"
     "f.yaml:9:21: routes[0].mirror.percent: copies need a pool to go to: set mirror.pool\n"
     "f.yaml:10:45: routes[0].rate_limit.key: a limit by header needs its name: set "
     "rate_limit.name\n"
     "f.yaml:11:21: routes[0].match.regions[0]: no client is in this region: add it to "
     "regions.clients, or set regions.header\n"},
    {"MatchesThatCannotBeRead",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "routes:\n"
     "- name: a\n"
     "  split: [{pool: main}]\n"
     "  match:\n"
     "    path_regex: '/a('\n"
     "    headers: {'X Y': a, X-A: b, x-a: c, X-B: [d]}\n"
     "    query: {'': a}\n"
     "    clients: [10.0.0.0/33, 10.0.0.1/8, a.example, 2001:db8::1/32]\n"
     "    regions: ['e u']\n"
     "regions: {header: 'X Y', clients: {eu: 10.0.0.0/8, us: [10.0.0.0/7], as: [10.0.0.0/7, x]}}\n",
     "f.yaml:9:17: routes[0].match.path_regex: expected a regular expression that matches a whole "
     "path: missing ): /a(, found \"/a(\"\n"
     "f.yaml:10:15: routes[0].match.headers.X Y: is not the name of a header\n"
     "f.yaml:10:33: routes[0].match.headers.x-a: is given twice\n"
     "f.yaml:10:41: routes[0].match.headers.X-B: expected text of at most 1024 bytes (\"\": any "
     "value), found a list\n"
     "f.yaml:11:13: routes[0].match.query.: is not the name of a parameter\n"
     "f.yaml:12:15: routes[0].match.clients[0]: expected an address or range such as 10.0.0.0/8, "
     "192.0.2.7 or 2001:db8::/32 with a prefix of at most 32 bits, found \"10.0.0.0/33\"\n"
     "f.yaml:12:28: routes[0].match.clients[1]: expected a range without bits beyond its prefix, "
     "such as 10.0.0.0/8, found \"10.0.0.1/8\"\n"
     "f.yaml:12:40: routes[0].match.clients[2]: expected an address or range such as 10.0.0.0/8, "
     "192.0.2.7 or 2001:db8::/32, found \"a.example\"\n"
     "f.yaml:12:51: routes[0].match.clients[3]: expected a range without bits beyond its prefix, "
     "such as 2001:db8:0:0:0:0:0:0/32, found \"2001:db8::1/32\"\n"
     "f.yaml:13:15: routes[0].match.regions[0]: expected a name of 1 to 64 letters, digits and "
     "-_.:[], found \"e u\"\n"
     "f.yaml:14:19: regions.header: expected a header name such as X-Client-Id, found \"X Y\"\n"
     "f.yaml:14:36: regions.clients.eu: expected a list of address ranges, found \"10.0.0.0/8\"\n"
     "f.yaml:14:70: regions.clients.as: the range 10.0.0.0/7 is already that of us\n"},
    {"StatusesThatCannotBeRetried",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {on: [42, 399, 600, 5000]}\n",
     "f.yaml:5:16: pools[0].retry.on[0]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"42\"\n"
     "f.yaml:5:20: pools[0].retry.on[1]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"399\"\n"
     "f.yaml:5:25: pools[0].retry.on[2]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"600\"\n"
     "f.yaml:5:30: pools[0].retry.on[3]: expected connect_failure, reset_before_head, "
     "attempt_timeout or a status code from 400 to 599, found \"5000\"\n"},
    {"SeveralDocuments",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "---\n"
     "a: 1\n",
     "f.yaml:5:1: a second document begins here; a file holds one\n"},
    {"YamlTags",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: !foo {max_attempts: !!int 3}\n",
     "f.yaml:5:10: YAML tags are not used here: remove \"!foo\"\n"
     "f.yaml:5:30: YAML tags are not used here: remove \"tag:yaml.org,2002:int\"\n"},
    {"ANulByte",
     std::string("listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "\000x", 102),
     "f.yaml:5:1: control characters are not text\n"},
    {"InvalidUtf8",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "# \351\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n",
     "f.yaml:2:3: this byte is not valid UTF-8\n"},
    {"ControlCharactersInAKey",
     "\"a\\nb\": 1\n"
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n",
     "f.yaml:1:1: a?b: unknown key; known here: version, zone, admin, listeners, pools, routes, "
     "regions, redis, overload, drain, logging, workers\n"},
    {"ABracketLeftOpen",
     "listeners: [{address: 1\n",
     "f.yaml:1:13: a key must be plain text, not a map or a list; is a bracket left open?\n"},
    {"TabsAsIndentation",
     "listeners:\n"
     "\t- a\n",
     "f.yaml:2:2: not valid YAML: illegal block entry; indent with spaces, not tabs\n"},
    {"AColonTooMany",
     "a: b: c\n",
     "f.yaml:1:5: not valid YAML: illegal map value\n"},
    {"AnUnknownAlias",
     "a: *x\n",
     "f.yaml:1:4: not valid YAML: the referenced anchor is not defined\n"},
    {"AnAliasInsideItself",
     "a: &x [*x]\n",
     "f.yaml:1:8: this alias stands inside the value it names\n"},
    {"AMapAsAKey",
     "{a: 1}: 2\n",
     "f.yaml:1:1: a key must be plain text, not a map or a list; is a bracket left open?\n"},
    {"NullAsAKey",
     "~: 2\n",
     "f.yaml:1:1: a key must be plain text\n"},
    {"AListAsAKey",
     "? [a]\n"
     ": 2\n",
     "f.yaml:1:3: a key must be plain text, not a map or a list; is a bracket left open?\n"},
    {"MergeKeys",
     "listeners: [{address: 0.0.0.0:8080}]\n"
     "pools:\n"
     "- name: main\n"
     "  backends: [{url: http://127.0.0.1:9001}]\n"
     "  retry: {<<: {max_attempts: 2}}\n",
     "f.yaml:5:11: pools[0].retry.<<: unknown key; known here: max_attempts, on, methods, "
     "attempt_timeout, backoff, respect_retry_after, buffer_limit, budget, hedge\n"},
    {"WindowsLineEndsKeepTheirLines",
     "listeners: [{address: 0.0.0.0:8080}]\r\n"
     "pools:\r\n"
     "- name: main\r\n"
     "  backends: [{url: http://127.0.0.1:9001}]\r\n"
     "  retry: {max_attempt: 3}\r\n",
     "f.yaml:5:11: pools[0].retry.max_attempt: unknown key; did you mean \"max_attempts\"?\n"},
  };
  return kFiles;
}
// clang-format on

std::string errors_of(const std::string& text) {
  const auto config = load_config_text(text, "f.yaml");
  return config ? "no error" : to_text(config.error());
}

class ConfigErrorsOf : public ::testing::TestWithParam<BadFile> {};

TEST_P(ConfigErrorsOf, Are) { EXPECT_EQ(errors_of(GetParam().text), GetParam().errors); }

INSTANTIATE_TEST_SUITE_P(Table, ConfigErrorsOf, ::testing::ValuesIn(bad_files()),
                         [](const auto& info) { return info.param.name; });

std::string repeat(const std::string& piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

// What makes careless readers run out of stack, memory or time.
TEST(ConfigErrors, HostileFilesEndInOneLine) {
  const std::vector<std::string> files = {
      repeat("[", 200'000),
      repeat("{a: ", 50'000),
      repeat("[{", 100'000),
      repeat("- ", 200'000),
      repeat("? ", 200'000),
      repeat(": ", 300'000),
      repeat("!a ", 200'000),
      repeat("&a ", 200'000),
      repeat("%TAG ! x\n", 50'000),
      repeat("a: ", 300'000),
      repeat("- x\n", 200'000),
      repeat("\n", 1'000'000),
      repeat("a: x\n ", 100'000),
      "a: " + std::string(kMaxDocumentBytes, 'x'),
      std::string(500'000, 'x') + ": 1\n",
  };
  for (const std::string& file : files) {
    const auto config = load_config_text(file, "f.yaml");
    ASSERT_FALSE(config) << file.substr(0, 20);
    EXPECT_EQ(config.error().size(), 1U) << file.substr(0, 20) << to_text(config.error());
  }
}

TEST(ConfigErrors, ManyUnknownKeysAreCountedNotListed) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "key_" + std::to_string(i) + ": 1\n";
  const auto config = load_config_text(text, "f.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().size(), kMaxConfigErrors + 1);
  EXPECT_EQ(to_text(config.error().back()), "f.yaml: and 39902 more errors");
}

// A file with `count` elements of a list, each made by `one`.
template <typename One>
std::string many(std::size_t count, One one) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + one(std::to_string(i));
  return text;
}

std::string file_with(const std::string& backends, const std::string& routes) {
  return "listeners: [{address: 0.0.0.0:8080}]\npools: [{name: p, backends: [" + backends +
         "]}]\nroutes: [" + routes + "]\n";
}

TEST(ConfigErrors, EveryListHasABound) {
  const auto backend = [](const std::string& i) { return "{url: 'http://b" + i + "'}"; };
  const auto route = [](const std::string& i) {
    return "{name: r" + i + ", match: {path_prefix: /" + i + "}, split: [{pool: p}]}";
  };
  const auto with_match = [](const std::string& match) {
    return file_with("{url: 'http://b'}", "{name: r, split: [{pool: p}], match: {" + match + "}}");
  };
  const auto headers = [&](std::size_t n) {
    return with_match("headers: {" + many(n, [](const std::string& i) { return "h" + i + ": a"; }) +
                      "}");
  };
  const auto clients = [&](std::size_t n) {
    return with_match("clients: [" +
                      many(n,
                           [](const std::string& i) {
                             return "10.0." + std::to_string(std::stoi(i) / 256) + "." +
                                    std::to_string(std::stoi(i) % 256);
                           }) +
                      "]");
  };
  EXPECT_EQ(errors_of(file_with(many(10'000, backend), route("x"))), "no error");
  EXPECT_EQ(errors_of(file_with(many(10'001, backend), route("x"))),
            "f.yaml:2:29: pools[0].backends: expected at most 10000 elements, found 10001\n");
  EXPECT_EQ(errors_of(file_with("{url: 'http://b'}", many(1000, route))), "no error");
  EXPECT_EQ(errors_of(file_with("{url: 'http://b'}", many(1001, route))),
            "f.yaml:3:9: routes: expected at most 1000 elements, found 1001\n");
  EXPECT_EQ(errors_of(headers(16)), "no error");
  EXPECT_EQ(errors_of(headers(17)),
            "f.yaml:3:57: routes[0].match.headers: expected at most 16 entries, found 17\n");
  EXPECT_EQ(errors_of(clients(1000)), "no error");
  EXPECT_EQ(errors_of(clients(1001)),
            "f.yaml:3:57: routes[0].match.clients: expected at most 1000 elements, found 1001\n");
}

TEST(ConfigErrors, NothingElseThatIsManyIsUnbounded) {
  const auto count = [](const std::string& text) {
    const std::string errors = errors_of(text);
    const std::size_t at = errors.find("expected at most ");
    return at == std::string::npos ? errors : errors.substr(at, errors.find(',', at) - at);
  };
  const auto listener = [](const std::string& i) {
    return "{address: '127.0.0.1:" + std::to_string(1000 + std::stoi(i)) + "'}";
  };
  const auto listeners = [&](std::size_t n) {
    return "listeners: [" + many(n, listener) +
           "]\npools: [{name: p, backends: [{url: 'http://b'}]}]\n";
  };
  EXPECT_EQ(count(listeners(256)), "no error");
  EXPECT_EQ(count(listeners(257)), "expected at most 256 elements");
  const auto pool = [](const std::string& i) {
    return "{name: p" + i + ", backends: [{url: 'http://b'}]}";
  };
  const auto pools = [&](std::size_t n, std::size_t sides) {
    return "listeners: [{address: 0.0.0.0:8080}]\npools: [" + many(n, pool) +
           "]\nroutes: [{name: r, split: [" +
           many(sides, [](const std::string& i) { return "{pool: p" + i + "}"; }) + "]}]\n";
  };
  EXPECT_EQ(count(pools(1000, 1)), "no error");
  EXPECT_EQ(count(pools(1001, 1)), "expected at most 1000 elements");
  EXPECT_EQ(count(pools(17, 16)), "no error");
  EXPECT_EQ(count(pools(17, 17)), "expected at most 16 elements");
  const auto match = [&](const std::string& text) {
    return count(
        file_with("{url: 'http://b'}", "{name: r, split: [{pool: p}], match: {" + text + "}}") +
        "regions: {header: x-region}\n");
  };
  const auto hosts = [](std::size_t n) {
    return "hosts: [" + many(n, [](const std::string& i) { return "h" + i; }) + "]";
  };
  EXPECT_EQ(match(hosts(256)), "no error");
  EXPECT_EQ(match(hosts(257)), "expected at most 256 elements");
  const auto regions = [](std::size_t n) {
    return "regions: [" + many(n, [](const std::string& i) { return "r" + i; }) + "]";
  };
  EXPECT_EQ(match(regions(256)), "no error");
  EXPECT_EQ(match(regions(257)), "expected at most 256 elements");
  const auto ranges = [](std::size_t n) {
    return file_with("{url: 'http://b'}", "{name: r, split: [{pool: p}]}") +
           "regions: {clients: {eu: [" +
           many(n,
                [](const std::string& i) {
                  return "10.0." + std::to_string(std::stoi(i) / 256) + "." +
                         std::to_string(std::stoi(i) % 256);
                }) +
           "]}}\n";
  };
  EXPECT_EQ(count(ranges(4096)), "no error");
  EXPECT_EQ(count(ranges(4097)), "expected at most 4096 ranges in all regions\n");
}

// Neither a large expression nor one that repeats itself may take memory or time.
TEST(ConfigErrors, ExpressionsThatWouldGrowAreRefused) {
  const std::vector<std::string> bombs = {"/(((a{100}){100}){100})", "/a{1001}",
                                          "/" + repeat("(x|y)?", 1000), "/(a{1000}){20}",
                                          "/" + std::string(2000, 'a')};
  for (const std::string& bomb : bombs) {
    const std::string errors = errors_of(file_with(
        "{url: 'http://b'}", "{name: r, split: [{pool: p}], match: {path_regex: '" + bomb + "'}}"));
    EXPECT_NE(errors.find("path_regex: expected a regular expression"), std::string::npos) << bomb;
  }
}

TEST(ConfigErrors, AMissingFileIsOneLine) {
  const auto config = load_config_file("/nonexistent.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(to_text(config.error()),
            "/nonexistent.yaml: cannot be opened: No such file or directory\n");
}

}  // namespace
}  // namespace evenkeel::core
